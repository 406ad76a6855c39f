"""A saved model predicts the same in another process and folder, and says what is wrong with a new file."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis import columns, folder, models
from course_lib.analysis.judge import fit
from course_lib.analysis.predict import SCRIPT, write_script
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


def predict(where, new, at, *words):
    """Run the script as a person does, elsewhere."""
    file = at / "new.csv"
    new.to_csv(file, index=False)
    command = [sys.executable, str(where / SCRIPT), file.name, *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True)


@pytest.fixture(scope="module")
def here(tmp_path_factory, visits):
    where = tmp_path_factory.mktemp("analysis") / "folder with spaces"
    return where, saved(where, visits, "pressure", "trees", "day")


def test_a_number_is_predicted_the_same_in_a_fresh_process_from_any_folder(here, tmp_path, visits):
    where, expected = here
    done = predict(where, visits.drop(columns="pressure"), tmp_path)
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


def test_a_missing_column_is_one_line_that_names_the_nearest_and_leaves_no_file(here, tmp_path, visits):
    done = predict(here[0], visits.rename(columns={"dose": "doses"}), tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "predict.py: The file lacks 1 of the 4 columns that the model uses: dose; for 'dose' there is 'doses'.\n"
    )
    assert not list(tmp_path.glob("predictions*"))


def test_a_new_category_and_a_text_among_numbers_are_told_and_answered(here, tmp_path, visits):
    new = visits.head(5).astype({"dose": object})
    new.loc[0, "ward"], new.loc[1, "dose"] = "east", "a lot"
    done = predict(here[0], new, tmp_path, "out.csv")
    assert done.returncode == 0
    assert "'ward' holds 1 values that the model has not met, in 1 rows: east." in done.stderr
    assert "'dose' is no number in 1 rows: taken as missing." in done.stderr
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].notna().all()


def test_a_time_that_is_none_is_refused(here, tmp_path, visits):
    done = predict(here[0], visits.assign(day="soon"), tmp_path)
    assert done.returncode == 1
    assert "'day' holds no times but values such as 'soon'" in done.stderr


def test_other_versions_are_told(here, tmp_path, visits):
    card = json.loads((here[0] / folder.CARD).read_text())
    card["versions"]["scikit-learn"] = "0.1"
    other = tmp_path / "other"
    other.mkdir()
    for name in (folder.MODEL, SCRIPT):
        (other / name).write_bytes((here[0] / name).read_bytes())
    (other / folder.CARD).write_text(json.dumps(card))
    done = predict(other, visits.head(), tmp_path)
    assert done.returncode == 0
    assert "note: the model was made with scikit-learn 0.1 (here " in done.stderr


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
    card["model sha256"] = folder.sha256(tmp_path / "m" / folder.MODEL)
    (tmp_path / "m" / folder.CARD).write_text(json.dumps(card))
    with pytest.raises(CourseError, match="holds types that no model of `course analyse` has"):
        folder.load(tmp_path / "m")
