"""What is asked of the table: a yes or no, one of several classes, or a number; and what cannot be asked of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import choose_target, kind_of
from course_lib.data.leak_table import MOST_CLASSES, few_whole_numbers, has_answer
from course_lib.data.wording import named, short, times
from course_lib.errors import CourseError

FEWEST_ROWS = 50  # below it an interval is wider than any answer
FEWEST_OF_A_CLASS = 10  # two for each of five folds


@dataclass(frozen=True)
class Question:
    """A target and what kind of answer it takes.

    Attributes
    ----------
    target : str
        Name of the column.
    kind : "yes/no", "classes" or "number"
    classes : list of str
        Their names, in order; of a yes/no the second is the one whose probability is meant. Empty for a number.
    says : str
        In a sentence, what was detected and from what.
    """

    target: str
    kind: Literal["yes/no", "classes", "number"]
    classes: list[str]
    says: str

    def answers(self, rows: pd.DataFrame) -> np.ndarray:
        """Give the target in numbers: the place of each row's class, or the number itself."""
        if self.kind == "number":
            return rows[self.target].to_numpy(dtype=float)
        return pd.Index(self.classes).get_indexer(rows[self.target].map(class_name))


def class_name(value: object) -> str:
    """Name a class; a whole number is written without its decimal point."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def ask(data: pd.DataFrame, target: str) -> tuple[Question, pd.DataFrame, list[str]]:
    """Detect what kind of answer the target takes, and keep the rows that can be learned from.

    Parameters
    ----------
    data : DataFrame
    target : str
        A column: classes (text, yes/no, or at most ten whole numbers), or a number.

    Returns
    -------
    Question
    DataFrame
        The rows whose target is known, without those of classes that have too few.
    list of str
        What was left out, a line each.

    Raises
    ------
    CourseError
        There is no such column, it has one value or none, is a time or has too many classes, or too few rows remain.
    """
    name = choose_target(data, target)
    if name is None:
        raise CourseError("--target is empty: name the column that you want to predict.")
    rows, notes = data[has_answer(data[name])], []
    if len(rows) < len(data):
        notes.append(f"{times(len(data) - len(rows), 'row')} without a known '{name}' left out.")
    if len(rows) < FEWEST_ROWS:
        raise CourseError(
            f"Only {times(len(rows), 'row')} have a known '{name}'; {FEWEST_ROWS} are the fewest from which a model "
            "can be judged at all: bring more rows."
        )
    kind, distinct = kind_of(rows[name]), rows[name].nunique()
    if kind == "constant":  # what differed was infinite
        raise CourseError(f"target='{name}' has one value wherever it is a number: choose a column that varies.")
    if kind == "time":
        raise CourseError(
            f"target='{name}' is a time, which is no answer by itself: make it a number, such as days until then, or a "
            "yes/no, such as 'before March'."
        )
    if kind == "number" and not few_whole_numbers(rows[name]):
        says = f"'{name}' holds {distinct:,} different numbers, so a **number** is predicted."
        return Question(name, "number", [], says), rows, notes
    return _ask_classes(rows, name, notes)


def _ask_classes(rows: pd.DataFrame, name: str, notes: list[str]) -> tuple[Question, pd.DataFrame, list[str]]:
    numeric = pd.api.types.is_numeric_dtype(rows[name])
    counts = rows[name].map(class_name).value_counts()
    if len(counts) > MOST_CLASSES:
        raise CourseError(
            f"target='{name}' has {len(counts):,} different texts: choose one with at most {MOST_CLASSES} classes, "
            "or a number; or put the rare ones together first."
        )
    rare = counts.index[counts < FEWEST_OF_A_CLASS]
    if len(counts) - len(rare) < 2:
        raise CourseError(
            f"target='{name}' is '{short(counts.index[0])}' in {counts.iloc[0]:,} of {len(rows):,} rows, and no "
            f"other class has {FEWEST_OF_A_CLASS} rows, the fewest to learn and judge one by: bring more rows of the "
            "others."
        )
    if len(rare):
        left = rows[name].map(class_name).isin(rare)
        rows = rows[~left]
        notes.append(
            f"{times(int(left.sum()), 'row')} of classes with fewer than {FEWEST_OF_A_CLASS} rows left out: "
            f"{named(rare)}. The model never answers with them."
        )
    classes = counts.index.difference(rare, sort=False)
    classes = sorted(classes, key=float) if numeric and rows[name].dtype != bool else sorted(classes)
    if len(classes) == 2:
        share = float((rows[name].map(class_name) == classes[1]).mean())
        says = (
            f"'{name}' holds two values, so a **yes/no** is predicted: the probability that it is '{classes[1]}', as "
            f"it is in {share:.1%} of the rows."
        )
        return Question(name, "yes/no", classes, says), rows, notes
    of = "whole numbers" if numeric else "texts"
    says = f"'{name}' holds {len(classes)} different {of}, so one of **{len(classes)} classes** is predicted."
    if numeric:
        says += " Their order is not used: where 3 lies between 2 and 4 for you, the model does not know it."
    return Question(name, "classes", classes, says), rows, notes
