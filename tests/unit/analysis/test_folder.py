"""A saved model predicts the same in another process and folder, and says what is wrong with a new file."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from course_lib import saved_model
from course_lib.analysis import columns, folder, models
from course_lib.analysis.judge import fit
from course_lib.analysis.predict import SCRIPT, main, write_script
from course_lib.analysis.question import ask
from course_lib.errors import CourseError


def saved(where, data, target, name, time=None):
    where.mkdir()
    question, rows, _ = ask(data, target)
    features, _ = columns.plan(rows, {target: "is the target"}, time)
    table, _ = columns.build(rows, features, time)
    fitted = fit(name, question, features, table, question.answers(rows), np.arange(len(rows)), 0)
    folder.save(where, fitted, question, features, folder.categories(table, features), time, "It helps.", {})
    write_script(where)
    return models.predict(fitted, question, table)


@pytest.fixture
def predict(tmp_path, monkeypatch, capsys):
    """Score a new file from another folder: give the exit code, and what was said on stderr."""

    def run(where, new, *words):
        monkeypatch.chdir(tmp_path)
        new.to_csv("new.csv", index=False)
        code = main(where, ["new.csv", *words])
        return code, capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def here(tmp_path_factory, visits):
    where = tmp_path_factory.mktemp("analysis") / "folder with spaces"
    return where, saved(where, visits, "pressure", "trees", "day")


def test_a_number_is_predicted_the_same_in_a_fresh_process_from_any_folder(here, tmp_path, visits):
    where, expected = here
    visits.drop(columns="pressure").to_csv(tmp_path / "new.csv", index=False)
    command = [sys.executable, str(where / SCRIPT), "new.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("How good, on rows that were not learned from: It helps.\n")
    found = pd.read_csv(tmp_path / "predictions.csv")
    assert found["row"].tolist() == list(range(1, len(visits) + 1))
    assert found["prediction"].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize("name", models.NAMES)
def test_classes_survive_with_their_chances(tmp_path, cancers, name):
    expected = saved(tmp_path / "m", cancers, "diagnosis", name)
    fitted, card = folder.load(tmp_path / "m")
    features = [columns.Feature(**each) for each in card["features"]]
    table, _ = columns.build(cancers, features)
    assert fitted.predict_proba(table) == pytest.approx(expected)
    assert card["question"]["classes"] == ["benign", "malignant"]


def test_another_python_is_told_which_one_to_take(here, tmp_path):
    bare = [sys.executable, "-I", "-S", str(here[0] / SCRIPT), "new.csv"]  # without what is installed
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("predict.py: No module named 'course_lib'. Run it with the Python of the course")


def test_a_missing_column_is_one_line_that_names_the_nearest_and_leaves_no_file(here, tmp_path, visits, predict):
    code, said = predict(here[0], visits.rename(columns={"dose": "doses"}))
    assert code == 1
    assert said == (
        "predict.py: The file lacks 1 of the 4 columns that the model uses: dose; for 'dose' there is 'doses'.\n"
    )
    assert not list(tmp_path.glob("predictions*"))


def test_a_new_category_and_a_text_among_numbers_are_told_and_answered(here, tmp_path, visits, predict):
    new = visits.head(5).astype({"dose": object})
    new.loc[0, "ward"], new.loc[1, "dose"] = "east", "a lot"
    code, said = predict(here[0], new, "out.csv")
    assert code == 0
    assert "'ward' holds 1 values that the model has not met, in 1 rows: east." in said
    assert "'dose' is no number in 1 rows: taken as missing." in said
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].notna().all()


def test_a_time_that_is_none_is_refused(here, visits, predict):
    code, said = predict(here[0], visits.assign(day="soon"))
    assert code == 1
    assert "'day' holds no times but values such as 'soon'" in said


def test_a_column_that_is_empty_in_the_new_file_is_missing_and_no_mistake(here, visits, predict):
    assert predict(here[0], visits.head(8).assign(day=None, dose=None)) == (0, "")


def test_other_versions_are_told(here, tmp_path, visits, predict):
    card = json.loads((here[0] / folder.CARD).read_text())
    card["versions"]["scikit-learn"] = "0.1"
    other = tmp_path / "other"
    other.mkdir()
    (other / folder.MODEL).write_bytes((here[0] / folder.MODEL).read_bytes())
    (other / folder.CARD).write_text(json.dumps(card))
    code, said = predict(other, visits.head())
    assert code == 0
    assert "note: the model was made with scikit-learn 0.1 (here " in said


def test_a_model_that_is_not_the_cards_is_refused(tmp_path, cancers):
    saved(tmp_path / "m", cancers, "diagnosis", "baseline")
    saved(tmp_path / "n", cancers, "diagnosis", "linear")
    (tmp_path / "n" / folder.MODEL).replace(tmp_path / "m" / folder.MODEL)
    with pytest.raises(CourseError, match="SHA-256 differs"):
        folder.load(tmp_path / "m")
    (tmp_path / "m" / folder.MODEL).unlink()
    with pytest.raises(CourseError, match="There is no model"):
        folder.load(tmp_path / "m")


def test_a_model_with_a_type_of_its_own_is_refused_before_it_is_loaded(tmp_path, cancers):
    import skops.io

    saved(tmp_path / "m", cancers, "diagnosis", "baseline")
    skops.io.dump(np.vectorize(print), tmp_path / "m" / folder.MODEL)
    card = json.loads((tmp_path / "m" / folder.CARD).read_text())
    card["model sha256"] = saved_model.sha256(tmp_path / "m" / folder.MODEL)
    (tmp_path / "m" / folder.CARD).write_text(json.dumps(card))
    with pytest.raises(CourseError, match="holds types that no model of the course has"):
        folder.load(tmp_path / "m")
