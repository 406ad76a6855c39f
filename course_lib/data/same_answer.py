"""Whether two engines, or an engine and a published answer, say the same: row by row, each value by its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import pairwise
from numbers import Integral, Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FLOAT_TOLERANCE = 1e-9  # relative
_WIDE = Context(prec=80, rounding=ROUND_HALF_UP)  # Spark's and DuckDB's decimals have 38 digits


def difference(
    first: pd.DataFrame,
    second: pd.DataFrame,
    ordered_by: Sequence[str] = (),
    rules: dict[str, Callable[[object, object], bool]] | None = None,
) -> str:
    """Say in what two answers to one question differ, or nothing.

    Parameters
    ----------
    first, second : pandas.DataFrame
        The answers; columns are compared by position.
    ordered_by : sequence of str
        Columns of `second` by which the answer is sorted. Rows that are equal in them may come in any order; without
        such columns all may. (Where a LIMIT cuts through rows that are equal in them, engines may rightly keep
        different ones. This calls it a difference.)
    rules : dict of str to callable, optional
        For columns of `second`: whether a value of `first` may stand for that of `second`. Others follow `equal`.

    Returns
    -------
    str
        ``""`` where they are equal, else the first place where they are not, and how many there are.
    """
    if first.shape != second.shape:
        sizes = [f"{rows:,} rows of {columns} columns" for rows, columns in (first.shape, second.shape)]
        return " beside ".join(sizes)
    answers = [list(frame.itertuples(index=False, name=None)) for frame in (first, second)]
    keys = [second.columns.get_loc(column) for column in ordered_by]
    answers = _in_one_order(*answers, keys)
    rule_of = [(rules or {}).get(column, equal) for column in second.columns]
    found = [
        f"row {number}, {column}: {one} beside {other}"
        for number, rows in enumerate(zip(*answers, strict=True))
        for column, rule, one, other in zip(second.columns, rule_of, *rows, strict=True)
        if not rule(one, other)
    ]
    return f"{found[0]} ({len(found):,} of {second.size:,} values differ)" if found else ""


def equal(one: object, other: object) -> bool:
    """Tell whether two engines' values are the same.

    Whole numbers, text, dates and missing values must be equal; decimals to the smaller number of their digits; floats
    to `FLOAT_TOLERANCE`. A float beside a decimal must round to it: the mean or the quotient of two decimals is a
    float in DuckDB and a decimal of some digits in Spark. A whole number may be a decimal without digits.

    Parameters
    ----------
    one, other : object
        Values as pandas holds them.

    Returns
    -------
    bool
    """
    kinds = {_kind(one), _kind(other)}
    if kinds <= {"whole", "decimal"}:
        unit = Decimal(1).scaleb(-min(_digits(one), _digits(other)))
        return _rounded(one, unit) == _rounded(other, unit)
    if kinds <= {"whole", "decimal", "float"}:
        rounding = max(0.5 * 10.0 ** -_digits(value) if _kind(value) == "decimal" else 0.0 for value in (one, other))
        return abs(float(one) - float(other)) <= rounding + FLOAT_TOLERANCE * abs(float(other))
    return kinds == {"missing"} or one == other


def near_sum(result: object, published: object) -> bool:
    """Tell whether a sum is within 100 of the published one: TPC-H, clause 2.1.3.5 c."""
    if "missing" in (_kind(result), _kind(published)):
        return equal(result, published)
    return abs(Decimal(result) - Decimal(published)) <= 100


def near_mean(result: object, published: object) -> bool:
    """Tell whether a mean or ratio, at two digits, is within 1 % of the published one: TPC-H, clause 2.1.3.5 b and d.

    The TPC publishes two digits; where a list of its answers has more, they are rounded first.
    """
    if "missing" in (_kind(result), _kind(published)):
        return equal(result, published)
    result, published = (_rounded(value, Decimal("0.01")) for value in (result, published))
    return Decimal("0.99") * published <= result <= Decimal("1.01") * published


def near_ratio_of_sums(result: object, published: object) -> bool:
    """Tell whether a ratio of sums keeps both rules: TPC-H, clause 2.1.3.5, comment 1."""
    return near_sum(result, published) and near_mean(result, published)


def _in_one_order(first: list[tuple], second: list[tuple], keys: list[int]) -> list[list[tuple]]:
    """Sort the rows that are tied in the second answer's keys by all that can be compared exactly."""
    exact = [
        column
        for column in range(len(second[0]) if second else 0)
        if "float" not in {_kind(row[column]) for row in (*first, *second)}
    ]
    ties = [0]
    for before, row in pairwise(second):
        ties.append(ties[-1] + any(before[key] != row[key] for key in keys))

    def place(tied_row: tuple[int, tuple]) -> tuple:
        tie, row = tied_row
        return tie, [(_kind(row[column]) == "missing", row[column]) for column in exact]

    return [[row for _, row in sorted(zip(ties, rows, strict=False), key=place)] for rows in (first, second)]


def _kind(value: object) -> str:
    if isinstance(value, Decimal):
        return "decimal"
    if value is None or value != value:  # NaN and NaT are not equal to themselves
        return "missing"
    if isinstance(value, Integral):
        return "whole"
    return "float" if isinstance(value, Real) else "other"


def _digits(value: object) -> int:
    """Count the digits behind the point; a decimal keeps those of its column's type."""
    return -value.as_tuple().exponent if isinstance(value, Decimal) else 0


def _rounded(value: object, unit: Decimal) -> Decimal:
    return Decimal(value).quantize(unit, context=_WIDE)
