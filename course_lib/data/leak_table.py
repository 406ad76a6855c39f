"""A table made ready for the checks on leaks: what is asked, of which rows and columns; and how a finding reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import choose_column, kind_of
from course_lib.data.wording import named, short
from course_lib.errors import CourseError

FEWEST_ROWS = 50  # below it no check has anything to say
FEWEST_GROUPS = 3  # one to test on, two to learn from
MOST_CLASSES = 50
FEW_NUMBERS = 10  # a target with no more different whole numbers names classes
COLUMNS = ["check", "column", "evidence", "says", "ask"]


@dataclass(frozen=True)
class Table:
    """Rows whose target is known, and what the checks need to know of them.

    Attributes
    ----------
    rows : DataFrame, shape (rows, columns)
        The columns that are checked: all but target, time and group, and but those that hold one value only. Numbered
        from 0.
    target : str
        Its name.
    outcome : Series, length rows
    classes : bool
        Whether the target names classes; else it is a number.
    group : ndarray of int, length rows, or None
        Number of the group that each row belongs to.
    moment : Series of timestamps, length rows, or None
        The decision.
    left_out : int
        Rows without a target.
    """

    rows: pd.DataFrame
    target: str
    outcome: pd.Series
    classes: bool
    group: np.ndarray | None
    moment: pd.Series | None
    left_out: int

    def without(self, columns: set[str]) -> "Table":
        """Leave columns unchecked, such as the clocks of others."""
        return replace(self, rows=self.rows.drop(columns=list(columns), errors="ignore"))

    def outcomes(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give each outcome that can be certain: what it is, and in which rows it came (True).

        Of classes the ten most frequent; of a number its most frequent value, if a twentieth of the rows have it.
        """
        counts = self.outcome.value_counts()
        if not self.classes:
            counts = counts.iloc[: int(counts.iloc[0] >= len(self.outcome) / 20)]
        for value in counts.index[:FEW_NUMBERS]:
            yield f"{self.target} = {short(value)}", (self.outcome == value).to_numpy()

    def ends(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give the lowest and the highest tenth of a number as outcomes; nothing of classes."""
        if not self.classes:
            low, high = self.outcome.quantile([0.1, 0.9])
            yield f"{self.target} at most {short(low)}", (self.outcome <= low).to_numpy()
            yield f"{self.target} at least {short(high)}", (self.outcome >= high).to_numpy()

    def answer(self) -> np.ndarray:
        """Give the outcome in numbers, shape (rows, classes): 0 and 1 for classes; a number without its extremes."""
        if not self.classes:
            numbers = self.outcome.to_numpy(dtype=float)
            return np.clip(numbers, *np.quantile(numbers, [0.01, 0.99]))[:, None]
        values = self.outcome.value_counts().index[:FEW_NUMBERS]
        chosen = values[-1:] if len(values) == 2 else values
        return np.stack([(self.outcome == value).to_numpy(dtype=float) for value in chosen], axis=1)


def prepare(data: pd.DataFrame, target: str, time: str | None = None, group: str | None = None) -> Table:
    """Check what the person gives, and set aside the rows without a target.

    Parameters
    ----------
    data : DataFrame
    target : str
        Column with the outcome: classes (text, yes/no, or at most ten whole numbers), or a number.
    time, group : str, optional
        Columns that are no features: the moment of decision, and what rows belong together by.

    Raises
    ------
    CourseError
        What is given is no table, names a column twice, lacks the column, or has no outcome to learn from.
    """
    check_table(data)
    for role, column in (("target", target), ("time", time), ("group", group)):
        if column is not None or role == "target":
            choose_column(data, column, role)
    known = has_answer(data[target])
    rows = data.copy(deep=False) if known.all() else data[known]
    rows.index = pd.RangeIndex(len(rows))
    outcome = rows[target]
    if len(rows) < FEWEST_ROWS:
        raise CourseError(
            f"Only {len(rows)} rows have a known '{target}': the checks need {FEWEST_ROWS} or more to say anything."
        )
    outcome = outcome if hashable(outcome) else outcome.astype(str)
    if isinstance(outcome.dtype, pd.CategoricalDtype):
        outcome = outcome.cat.remove_unused_categories()
    classes = _names_classes(outcome, target)
    groups = None
    if group is not None:
        groups, values = pd.factorize(as_hashable(rows[group]), use_na_sentinel=False)
        if len(values) < FEWEST_GROUPS:
            raise CourseError(
                f"group='{group}' has {len(values)} different values; {FEWEST_GROUPS} are the fewest that can be told "
                "apart: name a column such as the day or the person, or leave group out."
            )
    moment = None if time is None else times(rows, time, "time")
    features = rows.drop(columns=list({target, time, group} - {None}))
    varies = [column for column in features.columns if len(pd.unique(as_hashable(features[column]))) > 1]
    return Table(features[varies], target, outcome, classes, groups, moment, int((~known).sum()))


def check_table(data: pd.DataFrame) -> None:
    """Refuse what is no DataFrame with a name for each column."""
    if not isinstance(data, pd.DataFrame):
        raise CourseError(f"The checks read a pandas DataFrame, you gave {type(data).__name__}.")
    twice = data.columns[data.columns.duplicated()].unique()
    if len(twice):
        raise CourseError(f"Two columns are named {named(twice)}: give each column a name of its own.")


def _names_classes(outcome: pd.Series, target: str) -> bool:
    kind = kind_of(outcome)
    if kind == "constant":
        raise CourseError(
            f"target='{target}' has the one value '{short(outcome.iloc[0])}' wherever it is known: nothing can tell it."
        )
    if kind == "time":
        raise CourseError(
            f"target='{target}' is a time: turn it into a number or a yes/no, such as 'later than planned'."
        )
    if kind == "number":
        return few_whole_numbers(outcome)
    if outcome.nunique() > MOST_CLASSES:
        raise CourseError(
            f"target='{target}' has {outcome.nunique():,} different texts: choose one with at most {MOST_CLASSES}, "
            "or a number."
        )
    return True


def has_answer(outcome: pd.Series) -> pd.Series:
    """Say in which rows a target is known: not missing, and of numbers not infinite."""
    known = outcome.notna()
    return known & np.isfinite(outcome) if pd.api.types.is_float_dtype(outcome) else known


def few_whole_numbers(outcome: pd.Series) -> bool:
    """Say whether numbers name classes: at most ten different ones, and all of them whole."""
    return outcome.nunique() <= FEW_NUMBERS and bool((outcome % 1 == 0).all())


def hashable(values: pd.Series) -> bool:
    """Say whether the values can be counted: lists and dicts cannot."""
    if values.dtype != object:
        return True
    try:
        pd.factorize(values)
    except TypeError:
        return False
    return True


def as_hashable(values: pd.Series) -> pd.Series:
    """Give values that can be counted: lists and dicts become their text, missing ones stay missing."""
    return values if hashable(values) else values.astype(str).where(values.notna())


def ordered(values: pd.Series, moment: pd.Series | None = None) -> np.ndarray | None:
    """Give a column as numbers with an order, missing as NaN; None for what has no order (text, yes/no, categories).

    A time becomes minutes from the row's own moment of decision, if there is one: a column that says when the flight
    left tells by how much later than planned it was, and not by the date.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        start = pd.Timestamp("1970-01-01", tz="UTC") if moment is None else moment
        return ((in_utc(values) - start) / pd.Timedelta(minutes=1)).to_numpy()
    if pd.api.types.is_timedelta64_dtype(values):
        return (values / pd.Timedelta(minutes=1)).to_numpy()
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return None
    if pd.api.types.is_complex_dtype(values):
        return None
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return numbers if np.isfinite(numbers).all() else np.where(np.isfinite(numbers), numbers, np.nan)


def in_utc(values: pd.Series) -> pd.Series:
    """Give times in UTC; those without a zone are taken for UTC, so that the two kinds can be compared."""
    return values.dt.tz_localize("UTC") if values.dt.tz is None else values.dt.tz_convert("UTC")


def times(data: pd.DataFrame, source: str | pd.Series, role: str) -> pd.Series:
    """Give the timestamps of a column of the table, or of a Series beside it, in UTC; refuse what holds none."""
    if isinstance(source, pd.Series):
        if not source.index.equals(data.index):
            raise CourseError(f"{role}: the Series has another index than the table: give it the table's, row by row.")
        values, name = source, source.name
    else:
        choose_column(data, source, role)
        values, name = data[source], source
    if not pd.api.types.is_datetime64_any_dtype(values):
        raise CourseError(
            f"{role}: '{name}' holds no timestamps but {values.dtype}: turn it into times with pd.to_datetime."
        )
    return in_utc(values)


def findings(rows: list[tuple]) -> pd.DataFrame:
    """Put findings into the table that every check returns, the largest evidence first.

    Returns
    -------
    DataFrame
        `check`, `column` ("(all)" where whole rows are meant), `evidence` (comparable within a check), `says` (a
        sentence for a person, with the number in it), `ask` (what to ask or do next).
    """
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["evidence"] = table["evidence"].astype(float)
    return table.sort_values("evidence", ascending=False, kind="stable", ignore_index=True)
