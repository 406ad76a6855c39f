"""What is asked is detected and said; what cannot be asked is refused in one line."""

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis.question import ask
from course_lib.errors import CourseError

ROWS = 200


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(ROWS) * 1.5, **columns})


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["no", "yes"], "yes/no", ["no", "yes"]),
        ([0, 1], "yes/no", ["0", "1"]),
        ([0.0, 1.0], "yes/no", ["0", "1"]),
        ([True, False], "yes/no", ["False", "True"]),
        (["b", "a", "c"], "classes", ["a", "b", "c"]),
        ([10, 9, 2], "classes", ["2", "9", "10"]),
        (np.arange(11), "number", []),
        ([0.5, 1.0, 1.5], "number", []),
    ],
)
def test_the_kind_of_question_is_detected(values, kind, classes):
    question, rows, notes = ask(table(y=np.resize(values, ROWS)), "y")
    assert (question.kind, question.classes, notes, len(rows)) == (kind, classes, [], ROWS)
    assert "'y' holds" in question.says


def test_the_answers_of_classes_are_their_places():
    data = table(y=np.resize([10, 9, 2], ROWS))
    question, rows, _ = ask(data, "y")
    assert question.answers(rows)[:3].tolist() == [2, 1, 0]


def test_rows_without_an_answer_are_left_out_and_told():
    data = table(y=np.arange(ROWS) / 3)
    data.loc[:19, "y"] = np.nan
    data.loc[20, "y"] = np.inf
    _, rows, notes = ask(data, "y")
    assert len(rows) == ROWS - 21
    assert notes == ["21 rows without a known 'y' left out."]


def test_classes_with_a_handful_of_rows_are_left_out_and_named():
    question, rows, notes = ask(table(y=["a"] * 100 + ["b"] * 95 + ["rare"] * 5), "y")
    assert question.classes == ["a", "b"]
    assert len(rows) == 195
    assert notes[0].startswith("5 rows of classes with fewer than 10 rows left out: rare.")


@pytest.mark.parametrize(
    ("values", "target", "says"),
    [
        (np.arange(ROWS), "yy", "the nearest is 'y'"),
        (np.arange(ROWS), "", "--target is empty"),
        (["a"] * ROWS, "y", "has the one value 'a'"),
        ([np.nan] * ROWS, "y", "has no value at all"),
        ([1.0, np.inf] * (ROWS // 2), "y", "one value wherever it is a number"),
        ([1.0] * 20 + [2.0] * 10 + [np.nan] * (ROWS - 30), "y", "Only 30 rows have a known 'y'; 50 are the fewest"),
        (["a"] * (ROWS - 4) + ["b"] * 4, "y", "no other class has 10 rows"),
        (pd.date_range("2024", periods=ROWS), "y", "is a time, which is no answer by itself"),
        ([f"name {n}" for n in range(ROWS)], "y", "200 different texts"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(values, target, says):
    with pytest.raises(CourseError, match=says) as refused:
        ask(table(y=values), target)
    assert "\n" not in str(refused.value)
