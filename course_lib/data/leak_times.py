"""Leaks that time gives away: values that were not known yet, and columns that move when the future does."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import choose_column
from course_lib.data.leak_table import check_table, findings, in_utc, times
from course_lib.errors import CourseError

FEWEST_LATE = 0.001  # share of the rows; a clock that was wrong once is no leak


def after_decision(data: pd.DataFrame, time: str, known_from: dict[str, str | pd.Series] | None = None) -> pd.DataFrame:
    """Find values that were not known yet at the decision.

    Parameters
    ----------
    data : DataFrame
    time : str
        Column with the moment of decision, timestamps. Times without a zone are taken for UTC.
    known_from : dict, optional
        For a column, the column or Series of timestamps that says from when its value is known. A value known from the
        moment of the decision itself was not known before it, and counts.

    Returns
    -------
    DataFrame
        One row a finding; `evidence` is the share of the rows, of those with both times, whose value came too late.
        Also columns of timestamps that lie after the decision: a record of what came, or only a plan; the table cannot
        say which.

    Raises
    ------
    CourseError
        A column is not there, or holds no timestamps.
    """
    check_table(data)
    decided = times(data, time, "time")
    asked = dict(known_from or {})
    given = {source for source in asked.values() if isinstance(source, str)}
    found = []
    for column, source in asked.items():
        choose_column(data, column, "known_from")
        when = times(data, source, f"known_from of '{column}'")
        both = when.notna() & decided.notna() & data[column].notna()
        late = (when >= decided) & both
        if late.sum() > FEWEST_LATE * both.sum():
            by = (when - decided)[late].median() / pd.Timedelta(minutes=1)
            says = (
                f"'{column}' was not known yet at the decision in {late.sum():,} of {both.sum():,} rows; "
                f"half of these values came {by:,.0f} minutes after it or later."
            )
            ask = f"Take the last '{column}' that was known before '{time}', or leave it out."
            found.append(("after_decision", column, late.sum() / both.sum(), says, ask))
    for column in data.columns:
        if column == time or column in asked or column in given:
            continue
        if pd.api.types.is_datetime64_any_dtype(data[column]):
            both = data[column].notna() & decided.notna()
            late = (in_utc(data[column]) > decided) & both
            if late.sum() > FEWEST_LATE * both.sum():
                says = f"'{column}' lies after the decision in {late.sum():,} of {both.sum():,} rows."
                ask = f"Is '{column}' a plan, known before '{time}', or the record of what came? Leave a record out."
                found.append(("after_decision", column, late.sum() / both.sum(), says, ask))
    return findings(found)


def moves_with_future(
    build: Callable[[pd.DataFrame], pd.DataFrame],
    facts: pd.DataFrame,
    known_from: dict[str, str | pd.Series],
    decided: str,
    seed: int = 0,
) -> pd.Series:
    """Change all that becomes known at a moment or later, build the features again, and see what moves before it.

    Parameters
    ----------
    build : function of a DataFrame like `facts`
        Makes the features, one row a decision, in the same order each time.
    facts : DataFrame
    known_from : dict
        For each column of facts that may change, the column or Series of timestamps from which its value is known. The
        values known at the moment or later change places with each other; a Series keeps its times.
    decided : str
        Column of the features with the moment of decision; the moment of the change is the middle one of these.
    seed : int
        For the change.

    Returns
    -------
    Series
        Index: columns that moved; values: the share of the decisions made by then in which they did, the largest first.
        Empty: with this change nothing moved, which another moment and seed may.
    """
    check_table(facts)
    whole = build(facts)
    choose_column(whole, decided, "decided")
    made = times(whole, decided, "decided")
    moment = made.quantile(0.5, interpolation="lower")
    rng = np.random.default_rng(seed)
    other = facts.copy()
    for column, source in known_from.items():
        choose_column(facts, column, "known_from")
        later = (times(facts, source, f"known_from of '{column}'") >= moment).to_numpy()
        place = np.arange(len(facts))
        place[later] = rng.permutation(place[later])
        other[column] = facts[column].array.take(place)
    changed = build(other)
    if len(changed) != len(whole):
        raise CourseError(f"build gave {len(whole):,} rows, then {len(changed):,}: let it make one a decision.")
    before = (made <= moment).to_numpy()
    share = {}
    for column in whole.columns.drop(decided):
        one, two = whole.loc[before, column].reset_index(drop=True), changed.loc[before, column].reset_index(drop=True)
        share[column] = float((~((one == two) | (one.isna() & two.isna()))).mean())
    moved = pd.Series(share, name="moved", dtype=float)
    return moved[moved > 0].sort_values(ascending=False)
