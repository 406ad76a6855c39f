"""Columns made ready for a model, without learning anything from the rows: what kind each is, and which stay out.

``plan`` looks at the rows once and decides; ``build`` follows the plan, for the rows learned from as for a new file.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_lib.data.leak_table import in_utc
from course_lib.data.wording import named

MISSING = "(missing)"
PARTS = ("hour", "weekday", "month")  # of a time: what comes round again
_WORDS_OF_TEXT = 3.5  # on average; names and codes have fewer
_FEWEST_WORDS = 200  # different ones; a few words in many orders are codes
_SAME_ORDER = 0.98  # rank correlation with time
_ID_NAME = re.compile(
    r"(^|[\W_])(id|ids|key|uuid|guid|rownames?|index)$|(?<=[a-z])I[dD]$|^(nr|no|number|row|unnamed.*)$", re.I
)


@dataclass(frozen=True)
class Feature:
    """What a model sees of a column.

    Attributes
    ----------
    column : str
        The table's column that it comes from.
    kind : "number", "category" or "text"
    part : str
        Of a time: "hour", "weekday", "month", or "days before", counted back from the moment of decision.
    """

    column: str
    kind: str
    part: str = ""

    @property
    def name(self) -> str:
        """Name in the table of features."""
        return f"{self.column} ({self.part})" if self.part else self.column


def plan(rows: pd.DataFrame, out: dict[str, str], time: str | None) -> tuple[list[Feature], dict[str, str]]:
    """Decide what the model sees.

    Parameters
    ----------
    rows : DataFrame
    out : dict
        Columns that stay out for a reason that is known already: target, group, leaks.
    time : str, optional
        Column with the moment of decision.

    Returns
    -------
    list of Feature
    dict
        For each column that stays out by itself the reason.
    """
    features, reasons = [], {}
    for column in rows.columns:
        if column in out:
            continue
        found = _features(column, rows[column], rows[time] if time else None, column == time)
        if isinstance(found, str):
            reasons[column] = found
        else:
            features += found
    return features, reasons


def _features(column: str, values: pd.Series, moment: pd.Series | None, is_moment: bool) -> list[Feature] | str:
    """Give the features of a column, or say why there is none."""
    known = values.dropna()
    distinct = len(known.unique())
    if distinct == 0:
        return "holds no value"
    if distinct == 1 and not values.isna().any():
        return f"holds one value only, '{str(known.iloc[0])[:40]}'"
    if pd.api.types.is_datetime64_any_dtype(values):
        return _times(column, known, moment, is_moment)
    if _is_truth(known):
        return [Feature(column, "number")]
    if pd.api.types.is_numeric_dtype(values):
        if distinct == len(values) and _counts(known, column):
            return "numbers the rows: each has one of its own, so it says nothing about a new one"
        if moment is not None and _goes_with(known, moment):
            return "only counts up with time: what it says of the past does not come again"
        return [Feature(column, "number")]
    texts = known.astype(str)
    if distinct > max(20, len(known) / 2) and _is_text(texts.head(2_000)):
        return [Feature(column, "text")]
    if distinct > 0.9 * len(known) and distinct > 20:
        return "is a name or a key: nearly each row has one of its own, so it says nothing about a new one"
    return [Feature(column, "category")]


def _times(column: str, known: pd.Series, moment: pd.Series | None, is_moment: bool) -> list[Feature] | str:
    known = in_utc(known)
    days = known.dt.normalize()
    several = {part: len(getattr(known.dt, part).unique()) > 1 for part in PARTS}
    dense = len(days.unique()) > max(14, (days.max() - days.min()).days / 20)
    worth = {
        "hour": several["hour"],
        "weekday": several["weekday"] and dense,  # of birthdays and years it is noise
        # In fewer than three years a month comes once or twice and is a date by another name.
        "month": several["month"] and len(known.dt.year.unique()) > 2,
    }
    parts = [Feature(column, "number", part) for part in PARTS if worth[part]]
    if moment is not None and not is_moment:
        parts.append(Feature(column, "number", "days before"))
    return parts or "is a time that only counts up: what it says of the past does not come again"


def _is_text(texts: pd.Series) -> bool:
    words = texts.str.lower().str.findall(r"\w+")
    return words.str.len().mean() >= _WORDS_OF_TEXT and words.explode().nunique() >= _FEWEST_WORDS


def _is_truth(known: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(known) or set(known.head(2_000).map(type)) <= {bool, np.bool_}


def _counts(known: pd.Series, column: str) -> bool:
    """Whether numbers that are all different look like names: called so, or without a gap."""
    if not (known % 1 == 0).all():
        return False
    return _ID_NAME.search(column) is not None or (len(known) > 20 and known.max() - known.min() + 1 == len(known))


def _goes_with(known: pd.Series, moment: pd.Series) -> bool:
    """Whether a number has the order of time, as a year has, or a month in a table of one year."""
    some = known.iloc[:: max(1, len(known) // 5_000)]
    ranks = some.rank(), moment[some.index].astype("int64").rank()
    return ranks[0].std() > 0 and ranks[0].corr(ranks[1]) > _SAME_ORDER


def as_it_stands(column: str, values: pd.Series) -> Feature:
    """Give a feature to a column that `plan` would leave out, as somebody would who takes every column."""
    return Feature(column, "number" if pd.api.types.is_numeric_dtype(values) else "category")


def build(rows: pd.DataFrame, features: list[Feature], time: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Make the table that a model takes: numbers as floating point, categories and texts as text.

    Parameters
    ----------
    rows : DataFrame
        With every column that a feature comes from, and the moment of decision if one counts back from it.
    features : list of Feature
    time : str, optional

    Returns
    -------
    DataFrame, shape (rows, features)
    list of str
        What could not be read as what the model has learned, a line each.
    """
    made, lost = {}, []
    for feature in features:
        values = rows[feature.column]
        if feature.part:
            made[feature.name] = _part(values, feature.part, rows[time] if feature.part == "days before" else None)
        elif feature.kind == "number":
            numbers = pd.to_numeric(
                values.map(float, na_action="ignore") if _is_truth(values.dropna()) else values, "coerce"
            )
            numbers = numbers.astype(float).replace([np.inf, -np.inf], np.nan)
            if gone := int((numbers.isna() & values.notna()).sum()):
                lost.append(f"'{feature.column}' is no number in {gone:,} rows: taken as missing.")
            made[feature.name] = numbers
        else:
            filled = "" if feature.kind == "text" else MISSING
            made[feature.name] = values.map(_as_text, na_action="ignore").astype(object).where(values.notna(), filled)
    return pd.DataFrame(made, index=rows.index), lost


def _as_text(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()  # a column of codes with a hole in it is read so
    return str(int(value)) if whole else str(value)


def _part(values: pd.Series, part: str, moment: pd.Series | None) -> pd.Series:
    if moment is not None:
        return (in_utc(moment) - in_utc(values)) / pd.Timedelta(days=1)
    return getattr(in_utc(values).dt, part).astype(float)


def unseen(table: pd.DataFrame, features: list[Feature], known: dict[str, list[str]]) -> list[str]:
    """Say which categories a model has never met, a line a column."""
    lines = []
    for feature in features:
        if feature.kind == "category":
            counts = table[feature.name].value_counts()
            new = counts[~counts.index.isin(known[feature.name])]
            if len(new):
                lines.append(
                    f"'{feature.column}' holds {len(new):,} values that the model has not met, in {new.sum():,} rows: "
                    f"{named(new.index)}. It treats them as it treats rare ones."
                )
    return lines
