"""From a file to a page and a model: four tables whole, and the corners that a person runs into."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis import intake
from course_lib.analysis.analyse import analyse
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

FILES = {"index.html", "model.skops", "card.json", "predict.py"}


@pytest.fixture(autouse=True)
def one_round(monkeypatch):
    """In this process one round of folds in place of three: the corners take seconds."""
    monkeypatch.setattr("course_lib.analysis.split._REPEATS", 1)


def course_analyse(*words):
    """Run the command as a person does."""
    command = [sys.executable, "-m", "course_lib.command.cli", "analyse", *map(str, words)]
    environment = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)


def wines():
    from sklearn.datasets import load_wine

    data = load_wine(as_frame=True).frame.iloc[:, [0, 1, 4, 9, 13]]
    return data.assign(target=data["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"}))


def diabetes():
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True, scaled=False).frame.iloc[::2]


@pytest.fixture
def tables(cancers, visits):
    arrives = visits.assign(patient=[f"p{row // 12}-{row % 3}" for row in range(len(visits))])
    return {"cancers": cancers.iloc[::3], "wines": wines(), "diabetes": diabetes(), "visits": arrives}


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("cancers", ["--target", "diagnosis"], ["a yes/no is predicted", "dealt into fifths at random", "AUC"]),
        ("wines", ["--target", "target"], ["one of 3 classes is predicted", "at random", "share right"]),
        ("diabetes", ["--target", "target"], ["a number is predicted", "mean absolute error"]),
        (
            "visits",
            ["--target", "pressure", "--time", "day", "--group", "patient"],
            ["by time (day) and group (patient)", "did not judge: their 'patient' was learned from"],
        ),
    ],
)
def test_a_table_becomes_a_page_and_a_model_that_scores_a_new_file(tmp_path, tables, name, words, says):
    file, output = tmp_path / f"{name}.csv", tmp_path / "out"
    tables[name].to_csv(file, index=False)
    done = course_analyse(file, *words, "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"The page: {output / 'index.html'}" in done.stdout
    assert {each.name for each in output.iterdir()} == FILES
    page = (output / "index.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)))
    for words_of_all in (
        "What is doubtful",
        "Who judges",
        "What the model uses",
        "What three lines would have promised",
    ):
        assert words_of_all in text
    for each in says:
        assert each in text.replace("&#39;", "'")
    assert "Ask first" in text and "carries most. When is it written down?" in done.stdout
    assert page.count('<figure class="course">') >= 5
    assert str(tmp_path) not in page and str(REPOSITORY) not in page
    card = json.loads((output / "card.json").read_text())
    assert card["skill"]["low"] <= card["skill"]["value"] <= card["skill"]["high"]
    assert card["verdict"] in done.stdout
    scored = subprocess.run([sys.executable, output / "predict.py", file], cwd=tmp_path, capture_output=True, text=True)
    assert (scored.returncode, scored.stderr) == (0, "")
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    assert len(predictions) == len(tables[name])
    assert predictions["prediction"].notna().all()


# ---------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("change", "words", "says"),
    [
        ({}, {"target": "presure"}, "the nearest is 'pressure'"),
        ({"pressure": 120.0}, {"target": "pressure"}, "has the one value '120.0'"),
        ({"pressure": np.nan}, {"target": "pressure"}, "has no value at all"),
        ({}, {"target": "pressure", "time": "dose"}, "time='dose' holds no times but values such as"),
        ({}, {"target": "pressure", "time": "pressure"}, "is the target, too"),
        ({}, {"target": "pressure", "time": "days"}, "time='days' is not a column of this table: the nearest is 'day'"),
        ({}, {"target": "pressure", "time": "day", "group": "day"}, "is given as time and as group"),
        ({}, {"target": "pressure", "without": ("dosis",)}, "without='dosis' is not a column"),
        ({}, {"target": "pressure", "without": ("day", "patient", "dose", "ward")}, "No column says anything"),
    ],
)
def test_what_cannot_be_analysed_is_one_line_and_leaves_nothing(tmp_path, visits, change, words, says):
    file = tmp_path / "visits.csv"
    visits.assign(**change).to_csv(file, index=False)
    with pytest.raises(CourseError, match=re.escape(says)) as refused:
        analyse(str(file), output=tmp_path / "out", **words)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_twenty_rows_are_refused_by_the_command_with_one_line(tmp_path, visits):
    file = tmp_path / "few.csv"
    visits.head(20).to_csv(file, index=False)
    done = course_analyse(file, "--target", "pressure", "--output", tmp_path / "out")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("course: Only 20 rows have a known 'pressure'; 50 are the fewest")


def test_another_page_is_not_overwritten(tmp_path, visits):
    (tmp_path / "index.html").write_text("a sweep")
    visits.to_csv(tmp_path / "visits.csv", index=False)
    with pytest.raises(CourseError, match="holds another page"):
        analyse(str(tmp_path / "visits.csv"), "pressure", output=tmp_path)
    assert (tmp_path / "index.html").read_text() == "a sweep"


def test_a_run_that_is_stopped_leaves_the_last_good_files(tmp_path, visits):
    file, output = tmp_path / "visits.csv", tmp_path / "out"
    visits.head(120).to_csv(file, index=False)
    output.mkdir()
    for name in FILES:
        (output / name).write_text("the last good one")

    def stop(what, share):
        if what == "writing the page":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(str(file), "pressure", output=output, without=("patient",), tell=stop)
    assert {each.name: each.read_text() for each in output.iterdir()} == dict.fromkeys(FILES, "the last good one")
    with pytest.raises(KeyboardInterrupt):
        analyse(str(file), "pressure", output=tmp_path / "new", without=("patient",), tell=stop)
    assert not (tmp_path / "new").exists()


# ---------------------------------------------------------------- leaks
def test_the_target_in_disguise_stays_out_and_the_page_says_what_it_would_have_promised(tmp_path, visits):
    file = tmp_path / "visits.csv"
    visits.assign(kilopascal=(visits["pressure"] * 0.133).round(3)).to_csv(file, index=False)
    page, found = analyse(str(file), "pressure", output=tmp_path / "out")
    assert found.suspects == ["kilopascal"]
    assert "kilopascal" not in {each.column for each in found.features}
    [_, our_split] = found.promises
    assert our_split.skill["low"] > 0.9 > found.measures["high"].max()
    assert "kilopascal" in json.loads((tmp_path / "out" / "card.json").read_text())["left out"]
    text = page.read_text(encoding="utf-8")
    assert "The promise is" in text
    assert "If at the outcome or after it, leave it out." in text  # the whole sentence


def test_a_table_sorted_by_its_target_is_told_by_its_row_numbers(tmp_path):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"row": np.arange(150), "x": rng.normal(size=150), "kind": np.repeat(["a", "b", "c"], 50)})
    data.to_csv(tmp_path / "sorted.csv", index=False)
    _, found = analyse(str(tmp_path / "sorted.csv"), "kind", output=tmp_path / "out")
    assert found.suspects == ["row"]
    assert found.chosen == "baseline"  # noise is all that is left
    assert min(each.skill["low"] for each in found.promises) > 0.6
    assert json.loads((tmp_path / "out" / "card.json").read_text())["verdict"].startswith("No model is better")


def test_who_vouches_for_a_column_keeps_it(tmp_path, visits):
    file = tmp_path / "visits.csv"
    data = visits.assign(kilopascal=(visits["pressure"] * 0.133).round(3))[["kilopascal", "dose", "pressure"]]
    data.to_csv(file, index=False)
    _, found = analyse(str(file), "pressure", output=tmp_path / "out", keep=("kilopascal",))
    assert found.suspects == []
    assert found.measures.loc["linear", "low"] > 0.9


def test_nothing_but_the_target_in_disguise_is_refused(tmp_path, visits):
    file = tmp_path / "visits.csv"
    visits.assign(kilopascal=visits["pressure"] * 0.133)[["visit", "kilopascal", "pressure"]].to_csv(file, index=False)
    with pytest.raises(CourseError, match="kilopascal looks like the answer under another name"):
        analyse(str(file), "pressure", output=tmp_path / "out")


# ---------------------------------------------------------------- large and wide
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_that_does_not_fit_is_sampled_and_told(tmp_path, visits, form):
    file = tmp_path / f"large.{form}"
    many = pd.concat([visits.assign(visit=visits["visit"] + 600 * part) for part in range(20)], ignore_index=True)
    many.to_csv(file, index=False) if form == "csv" else many.to_parquet(file)
    found, again, other = (intake.read(str(file), 3_000, seed) for seed in (0, 0, 1))
    assert len(found.data) == 500
    assert found.name == file.name
    assert "the file holds 12,000 rows, too many for this analysis: 500 of them are used" in found.notes[0]
    assert found.data.equals(again.data)
    assert not found.data["visit"].equals(other.data["visit"])
    assert found.data["visit"].mean() == pytest.approx(many["visit"].mean(), rel=0.1)  # not the first rows
    assert pd.api.types.is_datetime64_any_dtype(found.data["day"])


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_of_a_large_file_that_cannot_be_sampled_the_first_rows_are_read_and_told(tmp_path, visits, encoding):
    file = tmp_path / "large.csv"
    many = pd.concat([visits.assign(ward="Grün")] * 20, ignore_index=True)
    many.to_csv(file, index=False, encoding=encoding)
    found = intake.read(str(file), 3_000)
    assert len(found.data) == 500
    assert any("the first rows are no sample" in note for note in found.notes)


def test_a_file_that_fits_is_read_whole(tmp_path, visits):
    visits.to_csv(tmp_path / "visits.csv", index=False)
    assert len(intake.read(str(tmp_path / "visits.csv"), 10_000).data) == len(visits)


def test_five_hundred_columns(tmp_path):
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(150, 500)).round(3), columns=[f"x{n}" for n in range(500)])
    data["y"] = np.where(data["x7"] + data["x8"] > 0, "up", "down")
    data.to_csv(tmp_path / "wide.csv", index=False)
    page, found = analyse(str(tmp_path / "wide.csv"), "y", output=tmp_path / "out")
    assert found.chosen == "trees"
    assert set(found.uses.index[:2]) == {"x7", "x8"}
    assert page.stat().st_size < 8e6
