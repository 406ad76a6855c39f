"""When values mean the same: one by one and as columns, with a tolerance, whatever their types and their order."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

EXACT_BELOW = 1e-6  # the default tolerance: counts must then be equal
_NEAR_ZERO = 1e-12


def plain_value(value: Any) -> Any:
    """Reduce a scalar to None, float, int, text or a UTC timestamp, so that types that mean the same are equal.

    Parameters
    ----------
    value : object
        Python's, numpy's or pandas'; sequences become tuples of such values.

    Returns
    -------
    object
        None for everything that means missing.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (pd.Timedelta, np.timedelta64)):
        return pd.Timedelta(value).total_seconds()
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return None if np.isnan(value) else value
    if isinstance(value, (datetime, date, np.datetime64)):
        time = pd.Timestamp(value)
        return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (np.ndarray, list, tuple)):
        return tuple(plain_value(element) for element in value)
    if isinstance(value, (pd.Interval, pd.Period)):
        return str(value)
    return value


def as_column(values: pd.Series) -> np.ndarray:
    """Return a column as int64 or float64 where it holds numbers, as UTC datetime64[us], else as plain objects.

    Parameters
    ----------
    values : Series, shape (n,)
        Of any type.

    Returns
    -------
    array, shape (n,)
    """
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return as_column(values.astype(kind.categories.dtype))
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        if pd.api.types.is_integer_dtype(kind) and not values.hasnans:
            return values.to_numpy("int64")
        return values.to_numpy(dtype="float64", na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(kind):
        times = values if values.dt.tz is None else values.dt.tz_convert("UTC").dt.tz_localize(None)
        return times.to_numpy("datetime64[us]")
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return values.astype(object).str.strip().where(values.notna(), None).to_numpy(dtype=object)
    plain = [plain_value(value) for value in values]
    if all(value is None or isinstance(value, (int, float)) for value in plain):
        whole = all(isinstance(value, int) for value in plain)
        return np.array([np.nan if value is None else value for value in plain], dtype="int64" if whole else "float64")
    if all(value is None or isinstance(value, pd.Timestamp) for value in plain):
        return as_column(pd.Series(plain, dtype="datetime64[us, UTC]"))
    column = np.empty(len(plain), dtype=object)
    column[:] = plain
    return column


def are_equal(mine: np.ndarray, theirs: np.ndarray, tolerance: float) -> np.ndarray:
    """Tell row by row whether two columns hold the same; missing equals missing.

    Parameters
    ----------
    mine, theirs : array, shape (n,)
        As `as_column` gives them.
    tolerance : float
        Relative tolerance of numbers; whole numbers are exact up to `EXACT_BELOW`.

    Returns
    -------
    array of bool, shape (n,)
    """
    mine, theirs = _numbers(mine), _numbers(theirs)
    kinds = {mine.dtype.kind, theirs.dtype.kind}
    if kinds == {"i"} or (theirs.dtype.kind == "i" and kinds <= {"i", "f"} and tolerance <= EXACT_BELOW):
        exact = mine == theirs
        return exact if tolerance <= EXACT_BELOW else np.isclose(mine, theirs, rtol=tolerance, atol=_NEAR_ZERO)
    if kinds <= {"i", "f"}:
        return np.isclose(mine, theirs, rtol=tolerance, atol=_NEAR_ZERO, equal_nan=True)
    if kinds == {"M"}:
        return (mine == theirs) | (np.isnat(mine) & np.isnat(theirs))
    mine, theirs = mine.astype(object), theirs.astype(object)
    same = np.array([a is b for a, b in zip(mine, theirs, strict=True)], dtype=bool)
    for i in np.flatnonzero(~same):
        same[i] = _equal(mine[i], theirs[i], tolerance)
    return same


def _numbers(values: np.ndarray) -> np.ndarray:
    return as_column(pd.Series(values, dtype=object)) if values.dtype == object and len(values) < 2 else values


def _equal(mine: Any, theirs: Any, tolerance: float) -> bool:
    try:
        if _missing(mine) or _missing(theirs):
            return _missing(mine) and _missing(theirs)
        if isinstance(mine, float) or isinstance(theirs, float):
            return bool(np.isclose(mine, theirs, rtol=tolerance, atol=_NEAR_ZERO))
        return bool(mine == theirs)
    except (TypeError, ValueError):
        return False


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def sort_orders(theirs: list[np.ndarray], mine: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the orders that sort the rows of both: exact columns first, rounded floats last, so noise is no matter.

    Parameters
    ----------
    theirs, mine : list of array, each of shape (n,)
        The columns of two tables, as `as_column` gives them.

    Returns
    -------
    tuple of array, each of shape (n,)
        Positions for `theirs`, and for `mine`.
    """
    kinds = ["O" if "O" in pair else "f" if "f" in pair else "i" for pair in _kind_pairs(theirs, mine)]
    ranks = sorted(range(len(kinds)), key=lambda i: kinds[i] == "f")
    rounded = [i for i in ranks if kinds[i] == "f"]
    return tuple(
        # lexsort takes its first key last; rounded numbers that are equal are decided by the full ones
        np.lexsort([columns[i] for i in reversed(rounded)] + [_key(columns[i], kinds[i]) for i in reversed(ranks)])
        for columns in (theirs, mine)
    )


def _kind_pairs(theirs: list[np.ndarray], mine: list[np.ndarray]) -> list[str]:
    return [a.dtype.kind + b.dtype.kind for a, b in zip(theirs, mine, strict=True)]


def _key(column: np.ndarray, kind: str) -> np.ndarray:
    if kind == "O":
        return pd.factorize(np.array([str(value) for value in column], dtype=object), sort=True)[0]
    if kind == "f":
        column = column.astype(float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            scale = 10.0 ** (4 - np.floor(np.log10(np.abs(column))))  # five digits
            rounded = np.round(column * scale) / scale
        return np.where(np.isfinite(rounded), rounded, column)
    return column
