"""Can we believe the data? Checks that a reader can run on any table.

Each check returns the rows, values or groups that fail it, so that ``len`` is the count and the failures can be looked
at. ``look`` runs those that need no knowledge of the table; the others take what only a person knows: the key, the
parent table, the physical limits, the step of the clock.
"""

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import kind_of
from course_lib.data.groups import cut, drift, explained, share_explained
from course_lib.data.scan import look, spellings
from course_lib.errors import CourseError

__all__ = [  # a lesson says `believe.look`, wherever the check lives
    "cut",
    "drift",
    "explained",
    "finding",
    "gaps",
    "look",
    "minutes_of",
    "missing_tells",
    "missing_together",
    "not_a_clock",
    "orphans",
    "outside",
    "several",
    "spellings",
    "spikes",
    "surplus",
    "unseen",
    "whole_in",
    "why_missing",
]
VERDICTS = ("believe", "repair", "beware")


# ---------------------------------------------------------------- checks that take what a person knows
def outside(data: pd.DataFrame, column: str, low=None, high=None) -> pd.DataFrame:
    """Rows whose value is below ``low`` or above ``high``; a missing value is not outside."""
    values = data[column]
    below = values < low if low is not None else False
    above = values > high if high is not None else False
    return data[below | above]


def surplus(data: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Rows that repeat a key that an earlier row has; none if the key identifies a row."""
    return data[data.duplicated(key)]


def orphans(data: pd.DataFrame, column: str, parent: pd.DataFrame, parent_column: str | None = None) -> pd.DataFrame:
    """Rows whose known value has no partner in the parent table. A missing value is missing, not an orphan."""
    return data[data[column].notna() & ~data[column].isin(parent[parent_column or column].dropna())]


def several(data: pd.DataFrame, key: str | list[str], value: str) -> pd.DataFrame:
    """Keys that come with more than one value where one is expected.

    Returns
    -------
    DataFrame
        One row a key: ``rows``, ``values`` (how many different) and ``which``.
    """
    known = data.dropna(subset=[value])
    distinct = known.groupby(key, observed=True)[value].nunique()
    keys = distinct.index[distinct > 1]
    chosen = known.set_index(key)[value].loc[lambda values: values.index.isin(keys)]
    by_key = chosen.groupby(level=list(range(chosen.index.nlevels)))
    return by_key.agg(rows="size", values="nunique", which=lambda values: sorted(values.unique()))


def not_a_clock(clock: pd.Series) -> pd.Series:
    """Values of an HHMM clock that no clock shows: hours beyond 23 or minutes beyond 59. Known values only."""
    known = clock.dropna()
    return known[(known // 100 > 23) | (known % 100 > 59) | (known < 0)]


def minutes_of(clock: pd.Series) -> pd.Series:
    """Minutes since midnight of an HHMM clock: 517 is 5:17, so 317."""
    return clock // 100 * 60 + clock % 100


def gaps(times: pd.Series, step: str, start=None, end=None) -> pd.DatetimeIndex:
    """Find the steps of a regular series at which nothing was recorded.

    Parameters
    ----------
    times : Series of timestamps
    step : str
        The clock's step as pandas names it: "1h", "1D".
    start, end : timestamps
        Where the series should begin and end; without them its own first and last hide what is cut off.
    """
    known = times.dropna()
    start = known.min() if start is None else start
    end = known.max() if end is None else end
    return pd.date_range(start, end, freq=step).difference(pd.DatetimeIndex(known))


def spikes(data: pd.DataFrame, column: str, time: str, by: str, jump: float) -> pd.DataFrame:
    """Rows that leave both neighbours in time by more than ``jump``: up and back, or down and back.

    A front changes the level and stays; an instrument that fails for one reading comes back.
    """
    ordered = data.sort_values([by, time])
    series = ordered.groupby(by)[column]
    before, after = ordered[column] - series.shift(1), ordered[column] - series.shift(-1)
    return ordered[(np.minimum(before, after) > jump) | (np.maximum(before, after) < -jump)]


def whole_in(values: pd.Series, units: dict[str, float], tolerance: float = 0.001) -> pd.Series:
    """Share of the values that are whole numbers in each unit: measurements are written down in whole units.

    Parameters
    ----------
    values : Series of numbers
    units : dict
        Name of each unit and its size in the column's unit: ``{"mph": 1, "knots": 1.15078}``.
    """
    known = values.dropna()
    share = {unit: (((known / size) - (known / size).round()).abs() < tolerance).mean() for unit, size in units.items()}
    return pd.Series(share, name="whole numbers", dtype=float)


def unseen(data: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """Count what a sample does not show of each column.

    Returns
    -------
    DataFrame
        Index: columns; ``values`` (distinct, all rows), ``unseen values`` (not in the sample), ``rows with them``, and
        ``highest`` and ``highest in sample`` for numbers.
    """
    rows = {}
    for column in data.columns:
        counts = data[column].value_counts()
        hidden = counts[~counts.index.isin(sample[column])]
        row = {"values": len(counts), "unseen values": len(hidden), "rows with them": int(hidden.sum())}
        if kind_of(data[column]) == "number":
            row |= {"highest": data[column].max(), "highest in sample": sample[column].max()}
        rows[column] = row
    names = ["values", "unseen values", "rows with them", "highest", "highest in sample"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=names)


# ---------------------------------------------------------------- missing values
def why_missing(data: pd.DataFrame, column: str, others: list[str] | None = None, bins: int = 5) -> pd.DataFrame:
    """Rank the other columns by how much the missing share of ``column`` changes with them.

    Each other column is cut into at most ``bins`` groups (equal counts for numbers, the most frequent values for text)
    and the missing share is compared between groups of 20 rows or more.

    Returns
    -------
    DataFrame
        Index: the other columns; ``explained`` (share of the variance of being missing, see `explained`), ``lowest``
        and ``highest`` missing share, ``where lowest``, ``where highest``, ``p_value`` (chi-squared over all
        groups, Bonferroni-corrected for the number of columns; it takes rows as independent: trust the sizes first).
    """
    from scipy.stats import chi2_contingency

    missing = data[column].isna()
    others = [each for each in (others or data.columns) if each != column]
    rows = {}
    for other in others:
        groups = cut(data[other], bins)
        by_group = missing.groupby(groups, observed=True).agg(["mean", "sum", "size"])
        by_group = by_group[by_group["size"] >= 20]
        if len(by_group) < 2:
            continue
        share, table = (
            by_group["mean"],
            pd.DataFrame({"no": by_group["size"] - by_group["sum"], "yes": by_group["sum"]}),
        )
        p_value = chi2_contingency(table).pvalue if table.sum().all() else 1.0
        rows[other] = {
            "explained": share_explained(missing.astype(float).to_frame(), groups),
            "lowest": share.min(),
            "where lowest": share.idxmin(),
            "highest": share.max(),
            "where highest": share.idxmax(),
            "p_value": min(1.0, p_value * len(others)),
        }
    names = ["explained", "lowest", "where lowest", "highest", "where highest", "p_value"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).sort_values("explained", ascending=False)


def missing_tells(data: pd.DataFrame, outcome: pd.Series) -> pd.DataFrame:
    """Compare a yes/no outcome where a value is missing with where it is known, for every column.

    Returns
    -------
    DataFrame
        Index: columns with missing values; ``missing`` (rows), ``if missing`` and ``if known`` (share of the outcome).
        A share of 0 or 1 means that the column was filled in after the outcome, or because of it.
    """
    rows = {}
    for column in data.columns[data.isna().any()]:
        missing = data[column].isna()
        rows[column] = {
            "missing": missing.sum(),
            "if missing": outcome[missing].mean(),
            "if known": outcome[~missing].mean(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["missing", "if missing", "if known"])
    return table.sort_values("missing", ascending=False)


def missing_together(data: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """List the combinations of columns that are missing in the same rows, the most frequent first.

    Returns
    -------
    DataFrame
        ``rows``, ``share`` and ``missing columns`` (names; ``none`` for complete rows).
    """
    holes = data.columns[data.isna().any()]
    if holes.empty:
        return pd.DataFrame([{"rows": len(data), "share": 1.0, "missing columns": "none"}])
    patterns = data[holes].isna().value_counts()
    rows = []
    for pattern, count in patterns.head(most).items():
        names = [str(name) for name, missing in zip(holes, pattern, strict=True) if missing]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        rows.append(
            {"rows": count, "share": count / len(data), "missing columns": ", ".join(names[:6]) + more or "none"}
        )
    return pd.DataFrame(rows)


# ---------------------------------------------------------------- the ledger of findings
def finding(what: str, rows, verdict: str, means: str) -> dict:
    """One line of the ledger: what was found, in how many rows, whether to believe it and what follows.

    Parameters
    ----------
    rows : int, boolean Series (its true values count) or anything with a length
    verdict : {"believe", "repair", "beware"}
        Use it as it is; mend it before use; or never use it without thinking of this.
    """
    if verdict not in VERDICTS:
        raise CourseError(f"verdict='{verdict}' is unknown: say one of {', '.join(VERDICTS)}.")
    if isinstance(rows, pd.Series) and rows.dtype == bool:
        count = int(rows.sum())
    else:
        count = int(rows) if np.isscalar(rows) else len(rows)
    return {"finding": what, "count": count, "verdict": verdict, "what it means": means}
