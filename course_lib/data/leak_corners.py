"""Corners of a column in which the outcome is nearly certain: a range, a category, a value that is missing."""

from itertools import chain

import numpy as np
import pandas as pd

from course_lib.data import believe
from course_lib.data.leak_table import Table, as_hashable, findings, ordered, prepare
from course_lib.data.wording import short

BINS = 300  # at most so many steps of a column; corners begin and end at them
TAIL, TAIL_BINS = 0.02, 60  # the lowest and the highest fiftieth are cut finer: odd values lie at the ends
FEWEST_ROWS, FEWEST_OF_GROUPS = 30, 10  # a corner of fewer is an anecdote, and so is one of few days or persons
LARGEST_CORNER = 0.02  # share of the rows; what an honest strong column makes sure of is wider than that
SURE = 0.85  # share of the rows of a corner with one outcome
STILL_OPEN = 0.6  # the surest neighbour of the corner has the outcome in at most this share
JUMP = 0.35  # and so much less than the corner
WIDE = 1  # the neighbours on a side of a range: so many times its rows
SURE_IF_MISSING = 0.95
LESS_DOUBT = 1 / 3  # the other outcomes' share where it tells, over that in all rows
SCALES = 8  # sizes of range that differ, from 30 rows to a fiftieth of a large table
BY_CHANCE = 0.01  # of all corners of a table together, one that sure by chance


def too_sure(data: pd.DataFrame, target: str, *, time: str | None = None, group: str | None = None) -> pd.DataFrame:
    """Find corners in which the outcome is nearly certain, with a jump to the neighbourhood.

    A corner is a range of an ordered column or one category, of 30 rows up to a fiftieth of all (so the table needs
    1,500), from 10 groups or more. In at least 85 % of its rows the outcome is the same; beside it in at most 60 %, and
    35 points less: for a range in as many rows on either side, for a category in every other one. Without the jump
    every strong column would have such a corner. The surplus must be too large for chance, over all corners that were
    looked at.

    Nothing is made of an outcome that holds in more than 60 % of all rows. Of a number the outcome is its most frequent
    value, such as 0: the ends of an honest column make sure of a high or a low one.

    Parameters
    ----------
    data : DataFrame
        All rows are used.
    target : str
    time, group : str, optional
        See `too_good`; rows of one group count for less than others, as far as their outcomes resemble each other.

    Returns
    -------
    DataFrame
        One row a column (its surest corner), see `course_lib.data.leak_table.findings`; `evidence` is the share of the
        corner's rows with the outcome.
    """
    return corners(prepare(data, target, time, group))


def corners(table: Table) -> pd.DataFrame:
    """Carry out `too_sure` on a table that is prepared."""
    outcomes = {name: came for name, came in table.outcomes() if came.mean() <= STILL_OPEN}
    found = []
    for name in table.rows.columns:
        numbers = ordered(table.rows[name], table.moment)
        look = _ranges if numbers is not None else _categories
        values = numbers if numbers is not None else as_hashable(table.rows[name])
        best = None
        for outcome, came in outcomes.items():
            corner = look(values, came, table.group, len(outcomes) * table.rows.shape[1])
            if corner is not None and (best is None or corner[1] > best[1][1]):
                best = outcome, corner
        if best is not None:
            outcome, (where, share, rows, beside) = best
            says = (
                f"Where '{name}' is {where} ({rows:,} rows), '{outcome}' holds in {share:.0%}; beside it in "
                f"{beside:.0%} at most."
            )
            ask = f"How does such a '{name}' come about? It may have been written after the outcome, or because of it."
            found.append(("too_sure", name, share, says, ask))
    return findings(found)


def _ranges(numbers: np.ndarray, came: np.ndarray, group: np.ndarray | None, others: int) -> tuple | None:
    """Find the surest range of a column: where, share with the outcome, rows, the surer side's share; None without."""
    known = ~np.isnan(numbers)
    if known.sum() < 2 * FEWEST_ROWS:
        return None
    edges = np.unique(numbers[known])
    if len(edges) > BINS:
        ends = np.linspace(0, TAIL, TAIL_BINS + 1)[1:]
        steps = np.concatenate([ends, np.linspace(TAIL, 1 - TAIL, BINS + 1), 1 - ends, [1]])
        edges = np.unique(np.quantile(numbers[known], steps, method="higher"))
    place = np.searchsorted(edges, numbers[known])  # a bin ends with its edge
    rows = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(edges)))])
    hits = np.concatenate([[0], np.cumsum(np.bincount(place, came[known], minlength=len(edges)))])
    first, last = np.triu_indices(len(edges))
    last = last + 1
    count = rows[last] - rows[first]
    fits = (count >= FEWEST_ROWS) & (count <= LARGEST_CORNER * len(numbers))
    fits[fits] = hits[last[fits]] - hits[first[fits]] >= SURE * count[fits]
    first, last, count = first[fits], last[fits], count[fits]
    if not len(first):
        return None
    share = (hits[last] - hits[first]) / count
    beside = np.zeros(len(first))
    for below in (True, False):
        if below:
            start, end = np.searchsorted(rows, np.maximum(rows[first] - WIDE * count, 0), side="right") - 1, first
        else:
            start, end = last, np.searchsorted(rows, np.minimum(rows[last] + WIDE * count, rows[-1]), side="left")
        near = rows[end] - rows[start]
        side = np.divide(hits[end] - hits[start], near, out=np.zeros(len(near)), where=near > 0)
        beside = np.maximum(beside, np.where(near >= count / 4, side, 0))  # a few rows at the end are no neighbourhood
    jumps = np.flatnonzero((beside <= STILL_OPEN) & (share - beside >= JUMP))
    for each in jumps[np.argsort(-(share - beside)[jumps] * np.sqrt(count[jumps]))][:20]:
        inside = (place >= first[each]) & (place < last[each])
        of_rows = np.flatnonzero(known)[inside]
        apart = SCALES * len(numbers) / count[each]  # ranges of this size, and of others, that do not overlap
        if _spread(of_rows, group) and _beyond_chance(came, of_rows, group, beside[each], apart * others):
            low, high = numbers[of_rows].min(), numbers[of_rows].max()
            where = short(low) if low == high else f"{short(low)} to {short(high)}"
            return where, share[each], int(count[each]), beside[each]
    return None


def _categories(values: pd.Series, came: np.ndarray, group: np.ndarray | None, others: int) -> tuple | None:
    """Find the surest category: which, share with the outcome, rows, the share in the next surest; None without."""
    codes, names = pd.factorize(values)
    known = codes >= 0
    count = np.bincount(codes[known], minlength=len(names))
    if not (count >= FEWEST_ROWS).any():
        return None
    share = np.bincount(codes[known], came[known], minlength=len(names)) / np.maximum(count, 1)
    large = np.flatnonzero(count >= FEWEST_ROWS)
    large = large[np.argsort(-share[large], kind="stable")]
    surest = large[0]
    rest = (came[known].sum() - share[surest] * count[surest]) / max(known.sum() - count[surest], 1)
    beside = max(rest, share[large[1]] if len(large) > 1 else 0)
    if (
        share[surest] < SURE
        or beside > min(STILL_OPEN, share[surest] - JUMP)
        or count[surest] > LARGEST_CORNER * len(values)
    ):
        return None
    rows = np.flatnonzero(codes == surest)
    if not (_spread(rows, group) and _beyond_chance(came, rows, group, beside, len(large) * others)):
        return None
    return f"'{short(names[surest])}'", share[surest], int(count[surest]), beside


def _beyond_chance(came: np.ndarray, rows: np.ndarray, group: np.ndarray | None, beside: float, tried: float) -> bool:
    """Whether a corner is too sure for chance, had it the share of its neighbours.

    Rows of one group resemble each other and count for less: for their number over the design effect, 1 + (rows in a
    group - 1) x the outcome's correlation within groups (Kish, Survey Sampling, 1965).
    """
    from scipy.stats import binom

    count = float(len(rows))
    if group is not None:
        sizes = np.unique(group[rows], return_counts=True)[1]
        count /= 1 + ((sizes**2).sum() / count - 1) * _within(came, group)
    hits = np.floor(came[rows].mean() * count)
    return binom.sf(hits - 1, np.floor(count), max(beside, 1 / len(came))) * tried < BY_CHANCE


def _spread(rows: np.ndarray, group: np.ndarray | None) -> bool:
    """Whether a corner lies in groups enough, counted as if they were of one size: the search adds strays of others."""
    if group is None:
        return True
    sizes = np.unique(group[rows], return_counts=True)[1]
    return len(rows) ** 2 / (sizes**2).sum() >= FEWEST_OF_GROUPS


def _within(came: np.ndarray, group: np.ndarray) -> float:
    """Correlation of the outcome between rows of one group, from the variance between groups and within them."""
    sizes = np.bincount(group)
    means = np.bincount(group, came) / sizes
    between = (sizes * (means - came.mean()) ** 2).sum() / max(len(sizes) - 1, 1)
    inside = (sizes * means * (1 - means)).sum() / max(len(came) - len(sizes), 1)
    usual = (len(came) - (sizes**2).sum() / len(came)) / max(len(sizes) - 1, 1)
    total = between + (usual - 1) * inside
    return float(np.clip((between - inside) / total, 0, 1)) if total > 0 else 0.0


def missing_tells(
    data: pd.DataFrame, target: str, *, time: str | None = None, group: str | None = None
) -> pd.DataFrame:
    """Find columns in which a missing, or a known, value nearly tells the outcome.

    Of the rows without a value (or of those with one) at least 95 % have one outcome, of the others at most 60 %; and
    the doubt that is left is at most a third of that over all rows, so that nothing is made of a frequent outcome.
    There must be 30 rows or more on each side, from 10 groups. `course_lib.believe.missing_tells` shows the shares of
    every column.

    Parameters
    ----------
    data : DataFrame
        All rows are used.
    target : str
        Classes; of a number its most frequent value, and its lowest and highest tenth, are the outcomes.
    time, group : str, optional
        See `too_sure`.

    Returns
    -------
    DataFrame
        One row a column, see `course_lib.data.leak_table.findings`; `evidence` is the share of the outcome.
    """
    return holes(prepare(data, target, time, group))


def holes(table: Table) -> pd.DataFrame:
    """Carry out `missing_tells` on a table that is prepared."""
    missing = table.rows.isna()
    some = missing.columns[missing.sum().between(FEWEST_ROWS, len(missing) - FEWEST_ROWS)]
    surest: dict[str, tuple] = {}
    for outcome, came in chain(table.outcomes(), table.ends()):
        shares = believe.missing_tells(table.rows[some], pd.Series(came, index=table.rows.index))
        for name, (if_missing, if_known) in shares[["if missing", "if known"]].iterrows():
            without = if_missing > if_known
            share, beside = (if_missing, if_known) if without else (if_known, if_missing)
            no_wonder = 1 - share > LESS_DOUBT * (1 - came.mean())
            if share < SURE_IF_MISSING or beside > STILL_OPEN or no_wonder or share <= surest.get(name, (0,))[0]:
                continue
            rows = np.flatnonzero(missing[name] if without else ~missing[name])
            if table.group is not None and len(np.unique(table.group[rows])) < FEWEST_OF_GROUPS:
                continue
            if _beyond_chance(came, rows, table.group, beside, 4 * len(some)):
                surest[name] = share, beside, outcome, len(rows), "missing" if without else "known"
    found = []
    for name, (share, beside, outcome, rows, state) in surest.items():
        other = "known" if state == "missing" else "missing"
        says = (
            f"Where '{name}' is {state} ({rows:,} rows), '{outcome}' holds in {share:.1%}; "
            f"where it is {other}, in {beside:.1%}."
        )
        ask = f"Who fills in '{name}', and when? If after the outcome, leave it out, its missing values too."
        found.append(("missing_tells", name, share, says, ask))
    return findings(found)
