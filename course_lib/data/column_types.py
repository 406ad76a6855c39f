"""Plain columns from anywhere: names of their own, NumPy's types in place of nullable or nested ones, text as time."""

import datetime
import decimal
import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

_DATE = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|UTC|[-+]\d{2}:?\d{2})?\s*")
_DAY_AND_MONTH = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})[./-]\d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?\s*")
_MANY = 2_000  # values that are looked at to guess what a column of text holds
COUNTER_LEFT_OUT = "a first column without a name that only counts the rows is left out"


def plain(values: pd.Series) -> pd.Series:
    """NumPy's own types in place of nullable, decimal, period and nested ones, so that every later step fits."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return plain(values.astype(dtype.categories.dtype if not values.isna().any() else object))
    if isinstance(dtype, pd.PeriodDtype):
        return values.dt.to_timestamp()
    if pd.api.types.is_timedelta64_dtype(dtype):
        return values.dt.total_seconds()
    if pd.api.types.is_complex_dtype(dtype):
        return values.astype(str)
    if pd.api.types.is_bool_dtype(dtype):
        return values.astype(object).where(values.notna(), np.nan) if values.isna().any() else values.astype(bool)
    if pd.api.types.is_extension_array_dtype(dtype) and not isinstance(dtype, pd.DatetimeTZDtype):
        if pd.api.types.is_numeric_dtype(dtype):
            return values.astype("float64") if values.isna().any() else values.astype(dtype.numpy_dtype)
        values = values.astype(object).where(values.notna(), np.nan)
    if values.dtype != object:
        return values
    return _plain_objects(values)


def _plain_objects(values: pd.Series) -> pd.Series:
    known = values.dropna()
    if known.empty:
        return values.astype("float64")
    kinds = set(known.head(_MANY).map(type))
    if kinds <= {decimal.Decimal}:
        return values.astype("float64")
    if kinds <= {datetime.date, datetime.datetime}:
        return pd.to_datetime(values, errors="coerce", utc=any(getattr(v, "tzinfo", None) for v in known.head(_MANY)))
    if any(kind in kinds for kind in (list, dict, set, tuple, np.ndarray, bytes)):  # cannot be compared or counted
        return values.map(str, na_action="ignore")
    return values


def dates_in(values: pd.Series) -> pd.Series | None:
    """Read text as times, where all of it is and the order of day and month is certain; else None."""
    known = values.dropna()
    sample = known.head(_MANY)
    if known.empty or not sample.map(lambda value: isinstance(value, str)).all():
        return None
    if sample.map(_DATE.fullmatch).notna().all():
        zoned = sample.str.contains(r"(?:Z|UTC|[-+]\d{2}:?\d{2})\s*$").any() and sample.str.contains(":").any()
        parsed = pd.to_datetime(values.str.strip(), errors="coerce", utc=bool(zoned), format="ISO8601")
    elif sample.map(_DAY_AND_MONTH.fullmatch).notna().all():
        parts = sample.str.extract(_DAY_AND_MONTH).astype({0: int, 2: int})
        day_first = parts[1].iloc[0] == "." or parts[0].max() > 12
        if not day_first and parts[2].max() <= 12:  # 03/04 may be either: guessing would be silent nonsense
            return None
        parsed = pd.to_datetime(values.str.strip(), errors="coerce", dayfirst=bool(day_first), format="mixed")
    else:
        return None
    return parsed if parsed.notna().sum() > 0.95 * len(known) else None


def counts_the_rows(values: pd.Series) -> bool:
    """Whether a column holds whole numbers that grow by one from row to row."""
    return pd.api.types.is_integer_dtype(values) and bool((values.diff().dropna() == 1).all())


def unique_names(columns: Iterable) -> tuple[list[str], list[str]]:
    """Give each column a name of its own; return the names, and those that came more than once."""
    plain = [" ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name).strip() for name in columns]
    plain = [name or f"column {position}" for position, name in enumerate(plain, start=1)]
    times, taken, unique = Counter(plain), set(plain), []
    for name in plain:
        own, number = name, 1
        while own in unique or (number > 1 and own in taken):
            number += 1
            own = f"{name} ({number})"
        unique.append(own)
    return unique, [name for name, count in times.items() if count > 1]
