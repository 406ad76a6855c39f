"""Values put into groups: what the groups explain of a target, and how far they drift from period to period."""

from itertools import pairwise

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import kind_of
from course_lib.data.wording import short
from course_lib.errors import CourseError

MISSING = "(missing)"
OTHERS = "(others)"


def cut(values: pd.Series, bins: int = 10) -> pd.Series:
    """Put every value into one of some ``bins`` groups, and the missing ones into a group of their own.

    Numbers and times are cut at quantiles, after each value that alone fills a group has got one; text is grouped by
    its ``bins - 1`` most frequent values and the others.

    Returns
    -------
    Series of categories, in the order of the values, "(missing)" last.
    """
    if pd.api.types.is_float_dtype(values):
        values = values.replace([np.inf, -np.inf], np.nan)  # no number that has a place among the others
    counts = values.value_counts()  # of known values, the most frequent first
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not numeric and not pd.api.types.is_datetime64_any_dtype(values):
        codes, names = _cut_text(values, counts, bins)
    elif isinstance(values.dtype, pd.DatetimeTZDtype):  # NumPy has no time zones: in UTC the order is the same
        return cut(values.dt.tz_convert(None), bins)
    elif len(counts) <= bins:
        ordered = counts.index.sort_values()
        codes, names = ordered.get_indexer(values), [short(each) for each in ordered]
    else:
        codes, names = _cut_numbers(values, counts, bins)
    missing = codes < 0
    if missing.any():
        codes, names = np.where(missing, len(names), codes), [*names, MISSING]
    return pd.Series(pd.Categorical.from_codes(codes, names), index=values.index, name=values.name)


def _cut_text(values: pd.Series, counts: pd.Series, bins: int) -> tuple[np.ndarray, list[str]]:
    frequent = counts.index if len(counts) <= bins else counts.index[: bins - 1]
    names = pd.Index([str(each)[:40] for each in frequent])
    if not names.is_unique:  # texts that differ only late, or 1 beside "1"
        names = pd.Index([f"{name} #{place}" for place, name in enumerate(names, start=1)])
    code_of = dict(zip(frequent, range(len(frequent)), strict=True))
    codes = values.map(code_of).fillna(len(names)).astype(int).to_numpy()
    codes = np.where(values.isna(), -1, codes)
    return codes, [*names, OTHERS] if len(counts) > len(names) else [*names]


def _cut_numbers(values: pd.Series, counts: pd.Series, bins: int) -> tuple[np.ndarray, list[str]]:
    alone = counts.index[: bins - 2][counts.iloc[: bins - 2] > counts.sum() / bins]
    known = values.dropna()
    rest = known[~known.isin(alone)]
    edges = rest.quantile(np.linspace(0, 1, bins - len(alone) + 1), interpolation="lower").drop_duplicates()
    groups = [(low, f"{short(low)} to {short(high)}") for low, high in pairwise(edges)]
    groups = groups or [(edge, short(edge)) for edge in edges]
    # A value stands in the first group whose upper edge it does not exceed.
    found = np.searchsorted(edges.iloc[1:-1].to_numpy(), known.to_numpy(), side="left")
    for value in alone:
        found = np.where(known == value, len(groups), found)
        groups.append((value, short(value)))
    order = sorted(range(len(groups)), key=lambda each: groups[each][0])
    names = [groups[each][1] for each in order]
    if len(set(names)) < len(names):
        names = [f"{name} #{place}" for place, name in enumerate(names, start=1)]
    codes = np.full(len(values), -1)
    codes[values.notna().to_numpy()] = np.argsort(order)[found]
    return codes, names


def explained(data: pd.DataFrame, target: str, bins: int = 10) -> pd.Series:
    """Share of the target that each column explains by itself, between 0 and 1.

    The column is cut into at most ``bins`` groups; for a number the share is eta squared (variance between the groups
    over all variance), for classes Goodman and Kruskal's tau (the same with the Gini impurity in place of the
    variance), both corrected for the number of groups, as the adjusted R squared is. It sees any shape of relation,
    one column at a time: two columns that only matter together explain nothing.

    Returns
    -------
    Series
        Sorted, the largest first; a column that explains nearly all is a suspect, not a gift.
    """
    known = data[target].notna()
    if pd.api.types.is_float_dtype(data[target]):
        known &= np.isfinite(data[target])
    rows = data[known]
    answer = as_numbers(rows[target])
    shares = {other: share_explained(answer, cut(rows[other], bins)) for other in rows.columns if other != target}
    return pd.Series(shares, name="explained", dtype=float).sort_values(ascending=False)


def as_numbers(target: pd.Series) -> pd.DataFrame:
    """Turn a target into numbers whose variance can be shared out.

    A number or time becomes one column, whole numbers counted from the lowest; yes/no becomes one column of 0 and 1,
    classes one each (at most 50).
    """
    kind = kind_of(target)
    if kind in ("number", "time"):
        numbers = target.astype("int64") if kind == "time" else target
        if pd.api.types.is_integer_dtype(numbers) and int(numbers.max()) - int(numbers.min()) < 2**53:
            numbers = numbers - numbers.min()  # near 10^18 neighbours are one number in floating point
        return numbers.astype(float).to_frame("target")
    classes = target.astype(str)
    frequent = classes.value_counts().index[:50]
    chosen = frequent[-1:] if kind == "yes/no" else frequent
    return pd.DataFrame({name: (classes == name).astype(float) for name in chosen})


def share_explained(answer: pd.DataFrame, groups: pd.Series) -> float:
    """Share of the variance of the columns of ``answer`` that lies between the groups, corrected for their number."""
    count = groups.nunique()
    numbers = answer.to_numpy()
    largest = np.abs(numbers).max(initial=0)
    if largest > 1e100 or 0 < largest < 1e-100:  # their squares would be infinite or 0; the share has no unit
        numbers = numbers / largest
    numbers = numbers - numbers.mean(axis=0)  # far from 0, squares would hide how the values differ
    total = (numbers**2).sum()
    if total == 0 or len(numbers) <= count:
        return 0.0
    codes, sizes = groups.cat.codes.to_numpy(), np.bincount(groups.cat.codes)
    sums = np.stack([np.bincount(codes, weights=column) for column in numbers.T], axis=1)[sizes > 0]
    between = (sums**2 / sizes[sizes > 0, None]).sum()
    return max(0.0, 1 - (total - between) / total * (len(numbers) - 1) / (len(numbers) - count))


def drift(
    data: pd.DataFrame,
    period: pd.Series,
    bins: int = 10,
    seed: int = 0,
    together: pd.Series | None = None,
    neighbours: int = 1,
    deals: int = 1_000,
) -> pd.DataFrame:
    """How far each column's distribution in each period is from the distribution over all rows.

    The distance is the total variation: the share of a period's rows that would have to change group (of at most
    ``bins``) to match. It is 0 for equal shares and 1 for groups that never meet. The yardstick beside it comes from
    dealing the rows out to the periods anew, many times.

    Parameters
    ----------
    period : Series
        The period of each row; a row without one is left out.
    together : Series, optional
        What is dealt out as a whole, such as the day of each row, where rows of one day resemble each other: values
        that can be sorted, each inside one period. Without it every row is dealt out by itself.
    neighbours : int
        How many successive values of ``together`` stay in sequence: 7 deals out weeks of days.
    deals : int
        How often the rows are dealt out.

    Returns
    -------
    DataFrame
        Index: columns; one column a period, and ``by chance``: the distance beyond which, in one deal of twenty, at
        least one period lies. So a column is judged by all its periods at once.
    """
    place, names = pd.factorize(period, sort=True)
    known = place >= 0
    data, place = data[known], place[known]
    groups = {column: cut(data[column], bins).cat.codes.to_numpy() for column in data.columns}
    rng = np.random.default_rng(seed)
    if together is None:
        farthest = {column: _deal_rows(codes, place, deals, rng) for column, codes in groups.items()}
    else:
        units, _ = pd.factorize(together[known], sort=True)
        farthest = _deal_units(groups, place, units, neighbours, deals, rng)
    rows = {}
    for column, codes in groups.items():
        distances = dict(zip(names, _distances(_count(place, codes)), strict=True))
        rows[column] = {**distances, "by chance": np.quantile(farthest[column], 0.95)}
    return pd.DataFrame.from_dict(rows, orient="index")


def _deal_rows(codes: np.ndarray, place: np.ndarray, deals: int, rng: np.random.Generator) -> np.ndarray:
    """Farthest period of each deal of single rows: a table with the same margins, drawn without touching the rows."""
    from scipy.stats import random_table

    table = _count(place, codes)
    margins = random_table(table.sum(axis=1), table.sum(axis=0))
    return _distances(margins.rvs(deals, random_state=rng)).max(axis=1)


def _deal_units(
    groups: dict, place: np.ndarray, units: np.ndarray, neighbours: int, deals: int, rng: np.random.Generator
) -> dict:
    """Farthest period of each deal of whole units, a column each: a deal is a sum of the units' own counts."""
    if (units < 0).any():
        raise CourseError("Some rows have a period and no value of together: give each one, or leave the rows out.")
    where = np.zeros(units.max() + 1, dtype=int)
    where[units] = place
    if (where[units] != place).any():
        raise CourseError("A value of together lies in two periods: take smaller ones, such as days within months.")
    counts = {column: _count(units, codes) for column, codes in groups.items()}
    belongs = (where == np.arange(where.max() + 1)[:, None]).astype(float)
    farthest = {column: np.empty(deals) for column in groups}
    for deal in range(deals):
        ring = np.roll(np.arange(len(where)), rng.integers(len(where)))  # blocks begin anywhere, and go round
        blocks = np.split(ring, range(neighbours, len(ring), neighbours))
        order = np.concatenate([blocks[each] for each in rng.permutation(len(blocks))])
        for column, count in counts.items():
            farthest[column][deal] = _distances(belongs @ count[order]).max()
    return farthest


def _count(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How many rows of each period, or unit, stand in each group."""
    groups = codes.max() + 1
    return np.bincount(rows * groups + codes, minlength=(rows.max() + 1) * groups).reshape(-1, groups)


def _distances(table: np.ndarray) -> np.ndarray:
    """Distance of each period of a table (or of many) of periods by groups from all of them."""
    shares = table / table.sum(axis=-1, keepdims=True)
    overall = table.sum(axis=-2, keepdims=True) / table.sum(axis=(-2, -1), keepdims=True)
    return np.abs(shares - overall).sum(axis=-1) / 2
