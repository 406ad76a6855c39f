"""Leaks between rows: rows that are copies of others, and columns that hold the outcome of the rows they stand in."""

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import choose_column
from course_lib.data.leak_table import Table, as_hashable, check_table, findings, ordered, prepare
from course_lib.data.wording import times
from course_lib.errors import CourseError

FEWEST_COPIES, FEWEST_COPIED = 10, 0.01  # rows and share; fewer do not move a score beyond its interval
NEAR_MISSES = 0.5  # ties leave more pairs than this, for each equal pair, that differ in just one column
FEWEST_VALUES = 30  # of a column, each in two rows or more
COVERED = 0.5  # share of the rows with such a value
# Squared distance from the mean outcome, over that which chance gives a value known without it. A number's own few
# extremes carry much of that, so there it must be smaller.
TOO_NEAR_CLASSES, TOO_NEAR_A_NUMBER = 0.7, 0.5
MOVES = 0.5  # the column's own spread, over what chance gives
BY_CHANCE = 1e-6


# ---------------------------------------------------------------- copies
def copies(train: pd.DataFrame, test: pd.DataFrame, target: str) -> pd.DataFrame:
    """Find rows of the test table that stand in the training table, too.

    Equal means: in all columns that both tables have, the target included, but for keys: columns of whole numbers, text
    or times in which each row of a table has a value of its own. Rows of a table of few coarse columns are equal by
    chance. There many more pairs of rows differ in just one column, so copies are found only if there are at least
    twice as many equal pairs as such near misses; and if they are at least 10 rows and a hundredth of all.

    Parameters
    ----------
    train, test : DataFrame
    target : str
        A column of both.

    Returns
    -------
    DataFrame
        One row or none, see `course_lib.data.leak_table.findings`; `evidence` is the share of the test rows.
    """
    check_table(train)
    check_table(test)
    for data in (train, test):
        choose_column(data, target, "target")
    shared = [column for column in test.columns if column in train.columns]
    both = pd.concat([train[shared], test[shared]], ignore_index=True)
    if not len(train) or not len(test):
        raise CourseError("copies compares two tables of rows: one of these is empty.")
    columns = [both[column] for column in shared]
    return _copies(columns, np.arange(len(both)) >= len(train), "of the test rows stand in the training table, too")


def _copies(columns: list[pd.Series], asked: np.ndarray | None, words: str) -> pd.DataFrame:
    """Find copies: rows asked about that equal one not asked about; without `asked` rows that equal an earlier one."""
    marks = []
    for place, values in enumerate(columns):
        mark = pd.factorize(as_hashable(values), use_na_sentinel=False)[0].astype(np.uint64)
        if not _is_key(values, mark, asked):
            marks.append(pd.util.hash_array(mark + np.uint64(place * 2**40)))
    if len(marks) < 2:
        return findings([])
    total = sum(marks)
    if asked is None:
        asked_about, count = len(total), int(pd.Series(total).duplicated().sum())
    else:
        asked_about, count = int(asked.sum()), int(np.isin(total[asked], total[~asked]).sum())
    equal = _pairs(total, asked)
    misses = sum(_pairs(total - mark, asked) - equal for mark in marks)
    if count < max(FEWEST_COPIES, FEWEST_COPIED * asked_about) or misses > NEAR_MISSES * equal:
        return findings([])
    says = (
        f"{count:,} {words}, equal in all {len(marks)} columns but keys: {equal:,} pairs. "
        f"{times(misses, 'pair')} differ in just one column: ties by chance would leave more of these."
    )
    ask = "Where do the copies come from? Drop them before the split, or keep all copies of a row on one side."
    return findings([("copies", "(all)", count / asked_about, says, ask)])


def _is_key(values: pd.Series, mark: np.ndarray, asked: np.ndarray | None) -> bool:
    if pd.api.types.is_float_dtype(values):
        return False
    sides = [mark] if asked is None else [mark[asked], mark[~asked]]
    return all(len(np.unique(side)) == len(side) for side in sides)


def _pairs(marks: np.ndarray, asked: np.ndarray | None) -> int:
    """Count the pairs of rows with one mark; with `asked` those of a row asked about and another."""
    codes, values = pd.factorize(marks)
    if asked is None:
        sizes = np.bincount(codes)
        return int((sizes * (sizes - 1) // 2).sum())
    return int(
        (np.bincount(codes[asked], minlength=len(values)) * np.bincount(codes[~asked], minlength=len(values))).sum()
    )


def within(table: Table) -> pd.DataFrame:
    """Find copies inside one prepared table: a random split would put them on both sides."""
    columns = [*(table.rows[name] for name in table.rows.columns), table.outcome]
    if table.group is not None:
        columns.append(pd.Series(table.group))
    return _copies(columns, None, "rows equal an earlier row")


# ---------------------------------------------------------------- aggregates that hold the row's own outcome
def own_group(data: pd.DataFrame, target: str, group: str | None = None, *, time: str | None = None) -> pd.DataFrame:
    """Find columns that are the mean outcome of the very rows they stand in, or follow it too closely.

    A rate that was known before (of the days before, of other rows) can be right on average, but the outcomes of the
    rows that it is given to scatter around it as chance has it. Here the rows that share a value are put together, a
    line is fitted from the value to their mean outcome, and the squared distances are compared with those that the
    scatter within these rows gives. Seven tenths of it or less (for a number half), over 30 values or more and beyond
    chance: then the value has seen these outcomes.

    So it finds means by category (target encoding) and by group over all rows, in any linear unit, where the table has
    a good part of the rows that went into them: of half of the rows half of the scatter is left. It does not see a mean
    that leaves out the row itself, nor one of whose rows the table is a small sample. All rows are used.

    Parameters
    ----------
    data : DataFrame
        All rows are used.
    target : str
        Classes, each of which has a mean (its share), or a number.
    group : str, optional
        What rows belong together by. Rows that share a value are found without it; with it they are put together inside
        each group, too, because days of as many rows share their rates.
    time : str, optional
        Moment of decision, which is no feature.

    Returns
    -------
    DataFrame
        One row a finding, see `course_lib.data.leak_table.findings`; `evidence` is 1 minus the share of the expected
        scatter, so 1 for a mean of just these rows.
    """
    return aggregates(prepare(data, target, time, group))


def aggregates(table: Table) -> pd.DataFrame:
    """Carry out `own_group` on a table that is prepared."""
    numbers = ordered(table.outcome)
    if numbers is not None:
        answers = {table.target: numbers}
    else:
        answers = dict(table.outcomes() if table.outcome.nunique() > 2 else list(table.outcomes())[-1:])
    most = TOO_NEAR_CLASSES if table.classes else TOO_NEAR_A_NUMBER
    found = []
    for name in table.rows.columns:
        numbers = ordered(table.rows[name])
        if numbers is None:
            continue
        shared = pd.factorize(numbers)[0]  # missing is -1
        cells = [shared]
        if table.group is not None:
            both = pd.factorize(shared * (table.group.max() + 1) + table.group)[0]
            cells.append(np.where(shared < 0, -1, both))
        tried = table.rows.shape[1] * len(answers) * len(cells)
        for outcome, came in answers.items():
            each = (_too_near(numbers, cell, came.astype(float), most, tried) for cell in cells)
            seen = next((one for one in each if one is not None), None)
            if seen is not None:
                ratio, values, rows = seen
                says = (
                    f"The mean of '{outcome}' over the rows that share a value of '{name}' ({values:,} means, "
                    f"{rows:,} rows) scatters around it only {ratio:.0%} as much as chance would have it: '{name}' has "
                    "seen these outcomes."
                )
                ask = (
                    f"Which rows went into '{name}'? Compute it from rows whose outcome was known before the decision."
                )
                found.append(("own_group", name, 1 - ratio, says, ask))
                break
    return findings(found)


def _too_near(
    numbers: np.ndarray, codes: np.ndarray, came: np.ndarray, most: float, tried: int
) -> tuple[float, int, int] | None:
    """Compare the distance from a line with chance: their ratio, cells and rows; None if it is no wonder.

    A cell is what has one code, and one number.
    """
    from scipy.stats import chi2

    known = codes >= 0
    count = codes.max(initial=-1) + 1
    values = np.empty(count)
    values[codes[known]] = numbers[known]
    size = np.bincount(codes[known], minlength=count)
    several = size >= 2
    rows = int(size[several].sum())
    if several.sum() < FEWEST_VALUES or rows < COVERED * len(numbers) or np.ptp(values[several]) == 0:
        return None
    came = came - came.mean()  # far from 0, squares would hide how the values differ
    sums, squares = (np.bincount(codes[known], w[known], minlength=count)[several] for w in (came, came**2))
    size, values = size[several], values[several]
    mean = sums / size
    scatter = np.maximum(squares - size * mean**2, 0) / (size - 1)
    chance = scatter.sum()
    if chance <= 1e-9 * (squares.sum() - sums.sum() ** 2 / rows):
        return None  # the value settles the outcome: `too_good` speaks of it
    values = values / np.abs(values).max()  # no unit, so that no square is infinite
    apart = values - np.average(values, weights=size)
    line = np.average(mean, weights=size) + apart * (size * apart * mean).sum() / (size * apart**2).sum()
    spread = (size * (line - np.average(line, weights=size)) ** 2).sum()
    ratio = (size * (mean - line) ** 2).sum() / chance
    # A few values may have all the scatter, and the sum then as many degrees of freedom (Satterthwaite,
    # https://doi.org/10.2307/3002019).
    freedom = chance**2 / (scatter**2).sum() - 2
    if (
        freedom < FEWEST_VALUES
        or spread < MOVES * chance
        or ratio > most
        or chi2.cdf(ratio * freedom, freedom) * tried > BY_CHANCE
    ):
        return None
    return ratio, int(several.sum()), rows
