"""Compare an answer with the expected one: values with a tolerance, form only where it matters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.exercises.values import EXACT_BELOW, are_equal, as_column, plain_value, sort_orders

_ROWS_COLLECTED = 200_000  # an answer that is larger was not aggregated
_ENGINE = "from an engine without indexes"
_TABLES = (pd.Series, pd.DataFrame)
_KINDS = {"number": "a number", "truth": "True or False", "text": "a text", "time": "a point in time", "set": "a set"}


def difference(answer: Any, expected: Any, tolerance: float = 1e-6, ordered: bool = False) -> str | None:
    """Say in what way an answer differs from the expected one, without giving values away.

    Parameters
    ----------
    answer, expected : object
        Numbers, texts, lists, tuples, sets, dicts, arrays, pandas and Spark tables.
    tolerance : float
        Relative tolerance of numbers; NaN equals NaN. Whole numbers are exact up to 1e-6.
    ordered : bool
        Whether the order of rows, columns and list elements counts.

    Returns
    -------
    str or None
        A sentence; None if they are the same.
    """
    answer, expected = collected(answer), collected(expected)
    if isinstance(answer, pd.DataFrame) and answer.attrs.get(_ENGINE) and isinstance(expected, _TABLES):
        answer = _with_index_of(answer, expected)
    return _compare(answer, expected, tolerance, ordered)


# --- kinds -------------------------------------------------------------------------------------------------------


def collected(value: Any) -> Any:
    """Turn a table of Spark, pandas on Spark, Arrow or DuckDB into a DataFrame; leave anything else as it is.

    Parameters
    ----------
    value : object
        An answer.

    Returns
    -------
    object
        A DataFrame for a table of an engine, a dict for one of its rows.

    Raises
    ------
    CourseError
        If the table has more rows than an aggregated answer can have, or it is a column of Spark's without a table.
    """
    module = type(value).__module__.split(".")[0]
    if module == "pyspark" and type(value).__name__ == "Column":  # it has every attribute that it is asked for
        raise CourseError("a Column is a recipe and has no rows: select it from a table, or add it with withColumn.")
    if module == "pyspark" and hasattr(value, "asDict"):
        return value.asDict()
    if module == "pyspark" and hasattr(value, "toPandas"):
        table = value.limit(_ROWS_COLLECTED + 1).toPandas()
    elif module == "pyspark" and hasattr(value, "to_pandas"):  # its index is a real one: no mark of the engine
        return _short(value.head(_ROWS_COLLECTED + 1).to_pandas() if hasattr(value, "head") else value.to_pandas())
    elif module == "pyarrow" and hasattr(value, "to_pandas"):
        table = value.to_pandas()
    elif hasattr(value, "fetchdf"):
        table = value.df()
    else:
        return value
    if isinstance(table, pd.DataFrame):
        table.attrs[_ENGINE] = True
    return _short(table)


def _short(table: Any) -> Any:
    if len(table) > _ROWS_COLLECTED:
        raise CourseError(f"your answer has more than {_ROWS_COLLECTED:,} rows; aggregate on the engine first.")
    return table


def _with_index_of(table: Any, expected: pd.Series | pd.DataFrame) -> Any:
    """Give a table that came from an engine without indexes the index that is expected."""
    names = list(expected.index.names)
    if not isinstance(table, pd.DataFrame) or None in names or not set(names) <= set(table.columns):
        return table
    table = table.set_index(names)
    if isinstance(expected, pd.Series) and table.shape[1] == 1:
        return table.iloc[:, 0]
    return table


def _kind(value: Any) -> str:
    if isinstance(value, pd.DataFrame):
        return "DataFrame"
    if isinstance(value, pd.Series):
        return "Series"
    if isinstance(value, (bool, np.bool_)):
        return "truth"
    if isinstance(value, (Number, Decimal)) or value is None or value is pd.NA:
        return "number"
    if isinstance(value, (datetime, date, np.datetime64)) or value is pd.NaT:
        return "time"
    if isinstance(value, (pd.Timedelta, np.timedelta64)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _kind(value.item())
    if isinstance(value, (list, tuple, np.ndarray, pd.Index, pd.api.extensions.ExtensionArray, range)):
        return "sequence"
    if isinstance(value, (set, frozenset)):
        return "set"
    if isinstance(value, Mapping):
        return "dict"
    return "other"


def describe(value: Any, kind: str | None = None) -> str:
    """Describe the form of a value, not its content.

    Parameters
    ----------
    value : object
        An answer.
    kind : str, optional
        Its kind, if known.

    Returns
    -------
    str
        "a Series of 24 values indexed by hour".
    """
    kind = kind or _kind(value)
    if value is None:
        return "nothing"
    if kind == "Series":
        return f"a Series of {len(value):,} values{_indexed(value)}"
    if kind == "DataFrame":
        columns = ", ".join(map(str, value.columns[:12])) + (", …" if value.shape[1] > 12 else "")
        return f"a DataFrame of {len(value):,} rows with columns {columns}{_indexed(value)}"
    if kind == "sequence":
        name = {"tuple": "a tuple", "list": "a list"}.get(type(value).__name__, "an array")
        size = " by ".join(f"{n:,}" for n in value.shape) if isinstance(value, np.ndarray) else f"{len(value):,}"
        return f"{name} of {size} values"
    if kind == "dict":
        return f"a dict of {len(value.keys()):,} keys"
    if kind == "other":
        return "a function (call it with parentheses)" if callable(value) else f"a {type(value).__name__}"
    return _KINDS[kind]


def _indexed(value: pd.Series | pd.DataFrame) -> str:
    names = [str(name) for name in value.index.names if name is not None]
    return f" indexed by {' and '.join(names)}" if names else ""


# --- comparing ---------------------------------------------------------------------------------------------------


def _compare(answer: Any, expected: Any, tolerance: float, ordered: bool) -> str | None:
    kind = _kind(expected)
    answer = _as_kind(answer, kind, expected)
    if _kind(answer) != kind:
        return f"{describe(expected, kind)} is expected, you gave {describe(answer)}."
    return _COMPARISONS[kind](answer, expected, tolerance, ordered)


def _as_kind(answer: Any, kind: str, expected: Any) -> Any:
    """Overlook differences of form that teach nothing."""
    given = _kind(answer)
    if isinstance(answer, np.ndarray) and answer.ndim == 0:
        return answer.item()
    if kind == "sequence" and given in ("Series", "set"):
        return list(answer)
    if (
        kind == "sequence"
        and isinstance(answer, np.ndarray)
        and np.ndim(expected) == 1
        and max(answer.shape) == answer.size
    ):
        return np.asarray(answer).ravel()  # one row or one column, as a product of sparse matrices gives
    if kind == "set" and given in ("sequence", "Series"):
        return set(_elements(answer))
    if kind == "Series" and given == "sequence" and isinstance(expected.index, pd.RangeIndex):
        return pd.Series(list(answer), index=expected.index if len(answer) == len(expected) else None, dtype=object)
    if kind == "dict" and given == "Series":
        return answer.to_dict()
    if kind == "time" and given == "text":
        return pd.to_datetime(answer, errors="coerce")
    return answer


def _compare_scalar(answer: Any, expected: Any, tolerance: float, ordered: bool) -> str | None:
    mine, theirs = (np.array([plain_value(value)], dtype=object) for value in (answer, expected))
    if are_equal(mine, theirs, tolerance)[0]:
        return None
    if _kind(expected) == "number" and theirs[0] is not None:
        return _near(mine, theirs, tolerance) or "it is not the expected number."
    return "it is not the expected answer."


def _near(mine: np.ndarray, theirs: np.ndarray, tolerance: float) -> str | None:
    """Say what all numbers have in common that are the expected ones but for a factor or digits; None if nothing."""
    alone = len(theirs) == 1
    yours, expected = ("your number is", "the expected one") if alone else ("your numbers are", "the expected ones")
    try:
        numbers = theirs.astype(float)
    except (TypeError, ValueError):  # texts, times, missing values
        return None
    for factor, what in ((100, "100 times"), (0.01, "a hundredth of"), (-1, "the negative of")):
        if numbers.any() and are_equal(mine, (numbers * factor).astype(object), max(tolerance, 1e-6)).all():
            return f"{yours} {what} {expected}."
    if all(a == b or _is_rounded(a, b) for a, b in zip(mine, numbers, strict=True)):
        return f"{yours} {expected}, rounded: give {'it as it was' if alone else 'them as they were'} computed."
    return None


def _is_rounded(mine: Any, theirs: float) -> bool:
    """Whether one number is the other rounded, by a twentieth of it at most; a whole number asked for is a count."""
    if theirs.is_integer() or not isinstance(mine, (int, float)) or not mine:
        return False
    if abs(mine - theirs) > 0.05 * abs(theirs):
        return False
    return any(np.isclose(mine, round(theirs, digits), rtol=1e-12, atol=0) for digits in range(-9, 10))


def _compare_text(answer: str, expected: str, tolerance: float, ordered: bool) -> str | None:
    same = answer.strip().casefold() == expected.strip().casefold()
    return None if same else "it is not the expected text."


def _compare_sequence(answer: Any, expected: Any, tolerance: float, ordered: bool) -> str | None:
    if isinstance(expected, np.ndarray) and expected.ndim > 1:
        answer = np.asarray(answer)
        if answer.shape != expected.shape:
            return f"{describe(expected)} is expected, you gave {describe(answer)}."
        return _count_faults(are_equal(answer.ravel(), expected.ravel(), tolerance))
    if len(answer) != len(expected):
        return f"{len(expected):,} values are expected, you gave {len(answer):,}."
    nested = any(_kind(value) in ("DataFrame", "Series", "dict", "sequence", "set") for value in expected)
    if nested or isinstance(expected, tuple):
        pairs = zip(answer, expected, strict=True)
        faults = [_compare(collected(mine), theirs, tolerance, ordered) for mine, theirs in pairs]
        first = next((number for number, fault in enumerate(faults) if fault), None)
        return None if first is None else f"in element {first + 1}, {faults[first]}"
    mine, theirs = as_column(pd.Series(list(answer), dtype=object)), as_column(pd.Series(list(expected), dtype=object))
    if isinstance(expected, list) and not ordered:
        order, my_order = sort_orders([theirs], [mine])
        mine, theirs = mine[my_order], theirs[order]
    same = are_equal(mine, theirs, tolerance)
    return None if same.all() else _near(mine, theirs, tolerance) or _count_faults(same)


def _elements(values: Any) -> set:
    return {plain_value(value) for value in values}


def _compare_set(answer: set, expected: set, tolerance: float, ordered: bool) -> str | None:
    mine, theirs = _elements(answer), _elements(expected)
    missing, extra = len(theirs - mine), len(mine - theirs)
    if missing or extra:
        return f"{missing} of the expected elements are missing, {extra} of yours are not expected."
    return None


def _compare_dict(answer: dict, expected: dict, tolerance: float, ordered: bool) -> str | None:
    mine = {plain_value(key): answer[key] for key in answer}
    theirs = {plain_value(key): expected[key] for key in expected}
    if set(mine) != set(theirs):
        extra = [str(key) for key in mine if key not in theirs]
        return f"{len(theirs)} keys are expected, you gave {len(mine)}" + (
            f"; not expected: {', '.join(extra[:5])}." if extra else "."
        )
    for key, value in theirs.items():
        fault = _compare(collected(mine[key]), collected(value), tolerance, ordered)
        if fault:
            return f"at key {key}, {fault}"
    return None


def _compare_series(answer: pd.Series, expected: pd.Series, tolerance: float, ordered: bool) -> str | None:
    return _compare_tables(answer.to_frame("value"), expected.to_frame("value"), tolerance, ordered, "values")


def _compare_frame(answer: pd.DataFrame, expected: pd.DataFrame, tolerance: float, ordered: bool) -> str | None:
    answer = _index_where_expected(answer, expected)
    missing = [str(name) for name in expected.columns if name not in answer.columns]
    extra = [str(name) for name in answer.columns if name not in expected.columns]
    if missing or extra:
        faults = [("missing: " + ", ".join(missing))] if missing else []
        faults += [("not asked for: " + ", ".join(extra[:12]))] if extra else []
        return f"the columns differ; {'; '.join(faults)}."
    if ordered and list(answer.columns) != list(expected.columns):
        return f"the order of the columns counts here: {', '.join(map(str, expected.columns))}."
    return _compare_tables(answer[list(expected.columns)], expected, tolerance, ordered, "rows")


def _index_where_expected(answer: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Move columns into the index, or the index into columns, where the other table has them."""
    names = list(expected.index.names)
    if None not in names and set(names) <= set(answer.columns) and isinstance(answer.index, pd.RangeIndex):
        return answer.set_index(names)
    mine = list(answer.index.names)
    if None not in mine and set(mine) <= set(expected.columns) and not set(mine) & set(answer.columns):
        return answer.reset_index()
    return answer


def _compare_tables(
    answer: pd.DataFrame, expected: pd.DataFrame, tolerance: float, ordered: bool, what: str
) -> str | None:
    if len(answer) != len(expected):
        return f"{len(expected):,} {what} are expected, you gave {len(answer):,}."
    mine = [as_column(answer.iloc[:, i]) for i in range(answer.shape[1])]
    theirs = [as_column(expected.iloc[:, i]) for i in range(expected.shape[1])]
    my_labels, labels = [], []
    # The numbers of the rows of a table mean nothing; those of a Series tell which row a value belongs to.
    if what == "values" or not isinstance(expected.index, pd.RangeIndex):
        my_labels, labels = _labels(answer.index, expected.index), _labels(expected.index)
        if len(my_labels) != len(labels):
            return f"an index{_indexed(expected) or f' of {len(labels)} level(s)'} is expected."
    order, my_order = sort_orders([*labels, *theirs], [*my_labels, *mine])
    if not _all_same(my_labels, labels, my_order, order, EXACT_BELOW / 1000):
        return f"the labels of the index are not those expected{_indexed(expected)}."
    same = np.ones(len(expected), dtype=bool)
    for a, b in zip(mine, theirs, strict=True):
        same &= are_equal(a[my_order], b[order], tolerance)
    if ordered and same.all():
        every = slice(None)
        if not _all_same([*my_labels, *mine], [*labels, *theirs], every, every, tolerance):
            return f"the order of the {what} counts here."
    if what == "values" and not same.all() and (near := _near(mine[0][my_order], theirs[0][order], tolerance)):
        return near
    return _count_faults(same, what)


def _all_same(mine: list, theirs: list, my_order: Any, order: Any, tolerance: float) -> bool:
    return all(are_equal(a[my_order], b[order], tolerance).all() for a, b in zip(mine, theirs, strict=True))


def _labels(index: pd.Index, like: pd.Index | None = None) -> list[np.ndarray]:
    """Return the levels of an index as columns, in the order of another index with the same names."""
    if isinstance(index, pd.MultiIndex):
        if like is not None and None not in like.names and set(index.names) == set(like.names):
            index = index.reorder_levels(like.names)
        return [as_column(pd.Series(index.get_level_values(level))) for level in range(index.nlevels)]
    return [as_column(pd.Series(index))]


def _count_faults(same: np.ndarray, what: str = "values") -> str | None:
    wrong = int((~same).sum())
    if not wrong:
        return None
    return f"{wrong:,} of {len(same):,} {what} are not the expected ones."


_COMPARISONS: dict[str, Callable[[Any, Any, float, bool], str | None]] = {
    "number": _compare_scalar,
    "truth": _compare_scalar,
    "time": _compare_scalar,
    "other": _compare_scalar,
    "text": _compare_text,
    "sequence": _compare_sequence,
    "set": _compare_set,
    "dict": _compare_dict,
    "Series": _compare_series,
    "DataFrame": _compare_frame,
}
