"""Who judges whom: rows that were not learned from, as the table's time and groups demand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from course_lib.data.column_kinds import choose_column
from course_lib.data.leak_table import in_utc
from course_lib.data.wording import short, times
from course_lib.errors import CourseError

FOLDS = 5
_REPEATS, _FEW_ROWS = 3, 5_000  # of folds at random; with more rows one round says the same
_ORIGINS = 3  # so many times the past tries itself on what then came
_FEWEST_MOMENTS, _FEWEST_JUDGING = 10, 3  # different moments; of one alone nobody knows how much it varies
_FEWEST_JUDGED = 20
_FEWEST_GROUPS = 5
_STRETCHES = 20

Pairs = list[tuple[np.ndarray, np.ndarray]]  # positions to learn from, positions to judge


@dataclass(frozen=True)
class Judging:
    """Who judges whom, and what an interval leaves out.

    Attributes
    ----------
    pairs : list of (ndarray, ndarray)
        Positions to learn from and to judge.
    unit : ndarray, shape (rows,)
        What an interval leaves out: the day of each row, its group, or the row itself.
    block : int or None
        How many neighbouring units it leaves out together.
    order : ndarray, shape (rows,)
        Which of the rows that are learned from try a setting before the others have to: those that come last. The
        time; or a number by lot, one for each unit.
    """

    pairs: Pairs
    unit: np.ndarray
    block: int | None
    order: np.ndarray

    @property
    def together(self) -> np.ndarray | None:
        """The group of each row, or the row itself; None where the intervals leave out stretches of time."""
        return self.unit if self.block is None else None


@dataclass(frozen=True)
class Split:
    """How the rows are split.

    Attributes
    ----------
    judging : Judging
        For the score: each row judges with one look.
    choosing : Judging or None
        For the choice of a model, on rows that do not judge; None if the judged rows choose, too.
    did, why, blind : str
        In a sentence or two each: what was done, why, and what that cannot see.
    """

    judging: Judging
    choosing: Judging | None
    did: str
    why: str
    blind: str


def time_column(rows: pd.DataFrame, time: str) -> pd.Series:
    """Give the moment of decision of each row as timestamps; whole years count.

    Raises
    ------
    CourseError
        The column is not there, or holds no times.
    """
    choose_column(rows, time, "time")
    values = rows[time]
    if pd.api.types.is_datetime64_any_dtype(values):
        return in_utc(values).dt.tz_localize(None)
    known = values.dropna()
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values) and len(known) > 0
    if numeric and (known % 1 == 0).all() and known.between(1000, 2999).all():
        return pd.to_datetime(values.map("{:.0f}-01-01".format, na_action="ignore"), format="%Y-%m-%d").astype(
            "datetime64[s]"
        )
    example = f"'{short(known.iloc[0])[:40]}'" if len(known) else "nothing"
    raise CourseError(
        f"time='{time}' holds no times but values such as {example}: give dates such as 2024-03-31 or 2024-03-31 "
        "17:45 or whole years, or leave --time out."
    )


def split(
    rows: pd.DataFrame,
    answers: np.ndarray,
    moments: pd.Series | None,
    group: str | None,
    copies: np.ndarray | None,
    classes: bool,
    seed: int,
) -> Split:
    """Decide who judges whom.

    Parameters
    ----------
    rows : DataFrame
    answers : ndarray, shape (rows,)
        The target in numbers.
    moments : Series of timestamps, optional
        Moment of decision of each row.
    group : str, optional
        Column that says which rows belong together.
    copies : ndarray of int, optional
        A number that rows share which equal each other, if the table has copies: they stay on one side.
    classes : bool
        Whether the answers name classes, so that folds hold each of them.
    seed : int

    Returns
    -------
    Split

    Raises
    ------
    CourseError
        Too few moments or groups, or nothing new that could judge.
    """
    if moments is not None:
        return _by_time(rows, moments, group)
    if group is not None:
        return _by_group(rows, group, seed)
    return _at_random(rows, answers, copies, classes, seed)


def _by_time(rows: pd.DataFrame, moments: pd.Series, group: str | None) -> Split:
    days = moments.dt.normalize()
    steps = days if days.nunique() >= 4 * _FEWEST_MOMENTS else moments
    levels, counts = np.unique(steps.to_numpy(), return_counts=True)
    if len(levels) < _FEWEST_MOMENTS:
        raise CourseError(
            f"time='{moments.name}' holds {times(len(levels), 'different moment')}; {_FEWEST_MOMENTS} are the fewest "
            "for a past to learn from and a future to judge: name a finer column, or leave --time out."
        )
    later = 1 - np.cumsum(counts) / counts.sum()  # share of the rows after each moment
    last = int(np.argmin(np.abs(later[:-_FEWEST_JUDGING] - 1 / FOLDS)))
    after = (steps > levels[last]).to_numpy()
    learn, judge, known = np.flatnonzero(~after), np.flatnonzero(after), 0
    if group is not None:
        new = _new_groups(rows[group], learn, judge)
        known = int((~new).sum())
        if new.sum() < _FEWEST_JUDGED or rows[group].iloc[judge[new]].nunique() < 2:
            raise CourseError(
                f"In the last fifth of the times {times(int(new.sum()), 'row')} of {len(judge):,} belong to a new "
                f"'{group}': the others were learned from, so nothing is left to judge. Leave --group out if the model "
                "will meet those that it knows, or --time if it will not."
            )
        judge = judge[new]
    choosing = []
    parts = np.array_split(levels[: last + 1], _ORIGINS + 2)
    for origin in range(2, _ORIGINS + 2):
        past = np.flatnonzero((steps <= parts[origin - 1][-1]).to_numpy())
        now = np.flatnonzero(((steps > parts[origin - 1][-1]) & (steps <= parts[origin][-1])).to_numpy())
        if group is not None:
            now = now[_new_groups(rows[group], past, now)]
        if len(past) and len(now):
            choosing.append((past, now))
    unit, block, told = _time_units(moments, days, judge)
    tried = np.concatenate([now for _, now in choosing]) if choosing else judge
    choosing_unit, choosing_block, _ = _time_units(moments, days, tried)
    if group is not None:
        unit, block, told = pd.factorize(rows[group])[0], None, f"whole values of '{group}'"
        choosing_unit, choosing_block = unit, None
    if len(np.unique(choosing_unit[tried])) < 2:
        choosing = []
    begins = short(moments.iloc[judge].min())
    did = f"The rows before {begins} were learned from; those from then on, {len(judge):,}, judged, once."
    if group is not None:
        did += f" {known:,} later rows did not judge: their '{group}' was learned from."
    if choosing:
        tries = times(len(choosing), "time")
        did += f" Which model, earlier rows have chosen: {tries} a past was tried on what then came."
    why = f"In use the model knows the past and is asked about what comes. The intervals leave out {told}."
    blind = (
        f"It is one future. What {begins} to {short(moments.max())} did not hold, and what changes afterwards, no "
        "split can see."
    )
    if group is None:
        blind += " If the rows of one customer, machine or place belong together, name that column with --group."
    order = pd.factorize(moments, sort=True)[0]
    chosen_by = Judging(choosing, choosing_unit, choosing_block, order) if choosing else None
    return Split(Judging([(learn, judge)], unit, block, order), chosen_by, did, why, blind)


def _new_groups(groups: pd.Series, learn: np.ndarray, judge: np.ndarray) -> np.ndarray:
    return ~groups.iloc[judge].isin(groups.iloc[learn].unique()).to_numpy()


def _time_units(moments: pd.Series, days: pd.Series, judge: np.ndarray) -> tuple[np.ndarray, int | None, str]:
    """Choose what an interval leaves out: weeks of days; single dates if they lie apart; else stretches of time."""
    judged = np.unique(days.iloc[judge].to_numpy())
    if len(judged) >= _STRETCHES:
        step = float(np.median(np.diff(judged)) / np.timedelta64(1, "D"))
        block = max(1, round(7 / step))
        return (
            days.to_numpy(),
            block,
            f"weeks of days ({len(judged)} days)" if block > 1 else f"one of {len(judged)} dates",
        )
    levels = np.unique(moments.iloc[judge].to_numpy())
    stretches = min(_STRETCHES, len(levels))
    edges = levels[np.arange(1, stretches) * len(levels) // stretches]
    return np.searchsorted(edges, moments.to_numpy(), side="right"), 1, f"one of {stretches} stretches of time"


def _by_group(rows: pd.DataFrame, group: str, seed: int) -> Split:
    codes, levels = pd.factorize(rows[group])
    if len(levels) < _FEWEST_GROUPS:
        raise CourseError(
            f"group='{group}' has {times(len(levels), 'different value')}; {_FEWEST_GROUPS} are the fewest to judge "
            "on new ones: name a finer column, or leave --group out."
        )
    folds = list(GroupKFold(FOLDS, shuffle=True, random_state=seed).split(codes, groups=codes))
    did = (
        f"The {len(levels):,} values of '{group}' were dealt into fifths; each fifth was judged, once, by models "
        "that had not met any of them."
    )
    why = f"In use the model will meet a '{group}' that it does not know. The intervals leave out whole ones."
    if len(levels) < 30:
        why += f" {len(levels)} are few, and the intervals show it."
    blind = (
        "It cannot see what changes with time: if the rows come one after the other, name that column with --time. "
        "The rows that judged have also chosen between the models, which flatters a little."
    )
    return Split(Judging(folds, codes, None, by_lot(codes, seed)), None, did, why, blind)


def _at_random(rows: pd.DataFrame, answers: np.ndarray, copies: np.ndarray | None, classes: bool, seed: int) -> Split:
    repeats = _REPEATS if len(rows) <= _FEW_ROWS else 1
    pairs = list(_folds(answers, copies, classes, repeats, seed))
    unit = np.arange(len(rows)) if copies is None else copies
    did = (
        f"The rows were dealt into fifths at random{f', {repeats} times' if repeats > 1 else ''}; each fifth was "
        "judged by models that had learned from the others."
    )
    if copies is not None:
        did += " Rows that equal each other stayed on one side."
    why = "No time and no group is named, so nothing better is known. The intervals leave out single rows."
    blind = (
        "It cannot see anything that is new in use: another month, another customer, another place. If the rows "
        "have a date, or belong to somebody, this score is too good and its interval too narrow: name the column "
        "with --time or --group. The rows that judged have also chosen between the models, which flatters a little."
    )
    return Split(Judging(pairs, unit, None, by_lot(unit, seed)), None, did, why, blind)


def by_lot(unit: np.ndarray, seed: int) -> np.ndarray:
    """Give each unit a number by lot."""
    codes, levels = pd.factorize(unit)
    return np.random.default_rng(seed).permutation(len(levels))[codes]


def _folds(
    answers: np.ndarray, copies: np.ndarray | None, classes: bool, repeats: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for repeat in range(repeats):
        if copies is not None:
            yield from GroupKFold(FOLDS, shuffle=True, random_state=seed + repeat).split(answers, groups=copies)
        elif classes:
            yield from StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat).split(answers, answers)
        else:
            yield from KFold(FOLDS, shuffle=True, random_state=seed + repeat).split(answers)
