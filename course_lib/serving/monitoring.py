"""Watch a model in service, day by day, with alarms that ring falsely no more often than was promised.

A **check** is one number a day that is high when something is wrong: how far a column has moved from the weeks before
(`moved`, `shifted`), how much of it stands still (`stuck`), how well a model tells the day from others (`told_apart`),
how far predictions are from what came out (`outcomes`), how old the newest news is (`age_of_news`). `set_limits` learns
from quiet days how high each check gets by itself, and one dial for all of them is set such that all checks *together*
ring on a promised number of days in a hundred. `Limits.over` compares later days with that, `write_page` shows them.
"""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from course_lib.errors import CourseError
from course_lib.figures import PALETTE
from course_lib.places import first_line

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS = 10
_TAILS = (
    0.001,
    0.999,
)  # what lies beyond is rare in the reference: bins of their own, else a wrong unit hides in a bin
_LEAST_SHARE = 1e-3  # no bin's share is taken for less, else one row in an empty bin would be infinitely surprising
_BLOCK_DAYS = 7  # as in course_lib.evaluate: neighbouring days are alike, a week holds each weekday
_RESAMPLES = 200
_LEAST_SCALE = 1e-6  # of a check that stood still on all quiet days: it rings as soon as it moves
_LEAST_ROWS = 20  # of a day, to be told apart


_SHOWN_DAYS = 92
_STALE_HOURS = 30  # a page that is written each night has missed its turn
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="{refresh}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 16px/1.5 "Open Sans", Verdana, Arial, sans-serif; max-width: 72rem; margin: 2rem auto;
    padding: 0 1rem; color: #222222 }}
  .state {{ color: white; background: {colour}; padding: 0.2rem 0.8rem; border-radius: 0.3rem }}
  table {{ border-collapse: collapse; text-align: left }}
  td, th {{ padding: 0.2rem 1rem 0.2rem 0; vertical-align: top }} td:first-child {{ white-space: nowrap }}
  .wide {{ overflow-x: auto }} .wide > div {{ min-width: 48rem }}
</style>
</head>
<body>
<h1>{title}</h1>
<p><span class="state" id="state">{state}</span> {summary}
Written <time id="written" datetime="{written}">{written}</time>.</p>
<script>
  const state = document.getElementById("state");
  const hours = (Date.now() - new Date(document.getElementById("written").dateTime)) / 3600000;
  if (hours > {stale_hours}) {{
    state.style.background = "#666666";
    state.textContent = "nobody knows: not written for " + Math.floor(hours) + " hours";
  }}
</script>
<div class="wide">{figure}</div>
<h2>Days that rang</h2>
<table>
<tr><th>day</th><th>checks, in limits</th></tr>
{rows}
</table>
</body>
</html>
"""


@dataclass(frozen=True)
class Bins:
    """The borders by which the columns of a table are counted.

    Attributes
    ----------
    edges : dict of str to numpy.ndarray or pandas.Index
        For each column the inner borders of its bins (numbers), or its values (anything else).
    """

    edges: dict[str, np.ndarray | pd.Index]


def lay_bins(rows: pd.DataFrame) -> Bins:
    """Lay the bins by which days are compared, from the rows of a reference period.

    Numbers get ten bins of equally many rows and, beyond the 0.1 % at either end, two more: a column in the wrong unit
    often lies outside all that was seen. Missing values have a bin of their own, and so has each word.

    Parameters
    ----------
    rows : pandas.DataFrame
        At least one row; each column is watched.

    Returns
    -------
    Bins

    Raises
    ------
    CourseError
        If there are no rows or no columns.
    """
    if rows.empty:
        raise CourseError(
            f"A reference of {rows.shape[0]} rows and {rows.shape[1]} columns: give at least one of each."
        )
    return Bins({name: _edges(values) for name, values in rows.items()})


def count(bins: Bins, rows: pd.DataFrame, days: ArrayLike) -> pd.DataFrame:
    """Count the rows of each day in each bin: all that has to be kept of a day.

    Parameters
    ----------
    bins : Bins
    rows : pandas.DataFrame
        With the columns of the bins; others are ignored.
    days : array-like, shape (rows,)
        The day of each row.

    Returns
    -------
    pandas.DataFrame, one row a day
        Two levels of columns: the column, and its bins: first that of missing values, of words last that of new ones.

    Raises
    ------
    CourseError
        If columns are missing, or the lengths differ.
    """
    if gone := [name for name in bins.edges if name not in rows]:
        raise CourseError(f"These rows lack {', '.join(gone)}: give all columns for which the bins were laid.")
    codes, levels = _day_codes(rows, days)
    table = {}
    for name, edges in bins.edges.items():
        n_bins = len(edges) + 2
        counts = np.bincount(codes * n_bins + _place(rows[name], edges), minlength=len(levels) * n_bins)
        table[name] = pd.DataFrame(counts.reshape(len(levels), n_bins), index=levels)
    return pd.concat(table, axis=1, names=["column", "bin"])


def moved(days: pd.DataFrame, before: pd.DataFrame, window_days: int = 28) -> pd.DataFrame:
    """Say for each day and column how far it lies from the days before: the population stability index.

    The index is ``sum((p - q) * log(p / q))`` over the bins, with `p` the day's share of rows in a bin and `q` the
    share over the days before: the Kullback-Leibler divergence added up both ways (Siddiqi, Credit Risk Scorecards,
    2006). Rules of thumb such as "above 0.25" are for large samples that were drawn independently. A day has one
    weather and lies far above, so compare it with other days (`set_limits`).

    Parameters
    ----------
    days, before : pandas.DataFrame
        Both from `count`, with the same bins; the same table where a feed is compared with itself.
    window_days : int
        Each day is compared with so many days of `before` that precede it. A long one ages with the seasons.

    Returns
    -------
    pandas.DataFrame, one row a day, one column for each column of the bins
        0 where a day lies exactly like those before; NaN for a day that none precedes.

    Raises
    ------
    CourseError
        If the two have other bins.
    """
    if not days.columns.equals(before.columns):
        raise CourseError("The days and those before them are counted in different bins: count both with the same.")
    total = np.vstack([np.zeros(before.shape[1]), before.to_numpy().cumsum(axis=0)])
    last = before.index.searchsorted(days.index)
    first = before.index.searchsorted(days.index - pd.Timedelta(days=window_days))
    names = days.columns.get_level_values(0)
    starts = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    shares = []
    for counts in (days.to_numpy(), total[last] - total[first]):
        sums = np.add.reduceat(counts, starts, axis=1)
        with np.errstate(invalid="ignore"):  # no day before
            share = counts / np.repeat(sums, np.diff(np.append(starts, len(names))), axis=1)
        shares.append(np.maximum(share, _LEAST_SHARE))
    now, then = shares
    index = np.add.reduceat((now - then) * np.log(now / then), starts, axis=1)
    return pd.DataFrame(index, index=days.index, columns=names[starts].rename(None))


def shifted(days: pd.DataFrame, before: pd.DataFrame, window_days: int = 28) -> pd.DataFrame:
    """Say for each day and column how far its mean lies from the mean of the days before, in the column's unit.

    The stability index does not see how far something has moved: once no bin is shared it is as high as it gets. A mean
    goes on rising, and so finds a temperature in the wrong unit on a day whose weather is new to the bins anyway.

    Parameters
    ----------
    days, before : pandas.DataFrame, one row a day
        Means by day, such as ``rows.groupby("day").mean()``; the same table where a feed is compared with itself.
    window_days : int
        As in `moved`.

    Returns
    -------
    pandas.DataFrame, one row a day
        The size of the difference; NaN for a day that none precedes.

    Raises
    ------
    CourseError
        If the columns differ.
    """
    if not days.columns.equals(before.columns):
        raise CourseError("The days and those before them have different columns: give the means of the same ones.")
    last = before.index.searchsorted(days.index)
    first = before.index.searchsorted(days.index - pd.Timedelta(days=window_days))
    then = [before.iloc[one:other].mean() for one, other in zip(first, last, strict=True)]
    return (days - pd.DataFrame(then, index=days.index)).abs()


def stuck(rows: pd.DataFrame, days: ArrayLike) -> pd.DataFrame:
    """Say for each day and column which share of its rows holds the day's most frequent value: 1 if nothing moves.

    Parameters
    ----------
    rows : pandas.DataFrame
    days : array-like, shape (rows,)

    Returns
    -------
    pandas.DataFrame, one row a day, one column for each of `rows`
        Missing values count as one value.
    """
    codes, levels = _day_codes(rows, days)
    size = np.bincount(codes)
    table = {}
    for name, values in rows.items():
        pairs = codes * (values.nunique() + 2) + pd.factorize(values)[0] + 1
        found, counts = np.unique(pairs, return_counts=True)
        most = np.zeros(len(levels))
        np.maximum.at(most, found // (values.nunique() + 2), counts)
        table[name] = most / size
    return pd.DataFrame(table, index=levels)


def told_apart(
    rows: pd.DataFrame,
    days: ArrayLike,
    before: pd.DataFrame,
    before_days: ArrayLike,
    window_days: int = 28,
    *,
    seed: int = 0,
) -> pd.Series:
    """Say for each day how well a model tells its rows from those of the days before: an AUC, .5 if not at all.

    Boosted trees learn from every other row of the day and as many of the days before, and judge the rest (Lopez-Paz
    and Oquab, Revisiting Classifier Two-Sample Tests, 2017). They see what no single column shows: columns that no
    longer belong together. Leave out columns that name the day, such as a temperature: with these every day is told
    apart.

    Parameters
    ----------
    rows, before : pandas.DataFrame
        The same columns, numbers or categories; the same table where a feed is compared with itself.
    days, before_days : array-like, shape (rows,)
        The day of each row of the two.
    window_days : int
        As in `moved`.
    seed : int
        Of what is drawn from the days before.

    Returns
    -------
    pandas.Series, one value a day
        NaN for a day of fewer than 20 rows, or with fewer rows before it than it has itself.

    Raises
    ------
    CourseError
        If columns differ.
    """
    from lightgbm import LGBMClassifier
    from sklearn.metrics import roc_auc_score

    if list(before.columns) != list(rows.columns):
        raise CourseError(
            "The rows and those before them have different columns: give both the same, in the same order."
        )
    codes, levels = _day_codes(rows, days)
    before_days = pd.Index(np.asarray(before_days))
    in_order = np.argsort(before_days.to_numpy(), kind="stable")  # else later days would change the draw
    before_days = before_days[in_order]
    found = {}
    for code, level in enumerate(levels):
        today = rows[codes == code]
        first, last = (before_days.searchsorted(level - pd.Timedelta(days=back)) for back in (window_days, 0))
        if len(today) < _LEAST_ROWS or last - first < len(today):
            found[level] = np.nan
            continue
        random = np.random.default_rng([seed, level.toordinal()])  # the same draw, whatever other days are asked for
        drawn = in_order[first:last][random.choice(last - first, len(today), replace=False)]
        both, is_today = pd.concat([before.iloc[drawn], today]), np.repeat([0, 1], len(today))
        learn = np.arange(len(both)) % 2 == 0
        model = LGBMClassifier(n_estimators=20, num_leaves=7, min_child_samples=20, n_jobs=1, verbose=-1)
        model.fit(both[learn], is_today[learn])
        found[level] = roc_auc_score(is_today[~learn], model.predict_proba(both[~learn])[:, 1])
    return pd.Series(found, name="told apart", dtype=float).rename_axis(levels.name)


def age_of_news(happened: ArrayLike, asked: ArrayLike) -> np.ndarray:
    """Say for each decision how old the newest event is that was known by then.

    Parameters
    ----------
    happened : array-like of numbers, shape (events,)
        When each event happened, in any order; minutes, say.
    asked : array-like of numbers, shape (decisions,)
        When each decision asks, in the same unit; an event counts if it happened before.

    Returns
    -------
    numpy.ndarray, shape (decisions,)
        In that unit; NaN where nothing had happened yet.
    """
    happened = np.sort(np.asarray(happened, dtype=float))
    happened = happened[~np.isnan(happened)]
    asked = np.asarray(asked, dtype=float)
    last = np.searchsorted(happened, asked, side="left") - 1
    return np.where(last >= 0, asked - happened[np.maximum(last, 0)] if len(happened) else np.nan, np.nan)


def outcomes(
    labels: pd.DataFrame,
    ends: ArrayLike,
    *,
    window_minutes: int,
    settled_minutes: int,
    crew_cost: float,
    late_cost: float,
) -> pd.DataFrame:
    """Compare, at the end of each day, what was predicted with the outcomes that are known by then.

    Outcomes come late, and late flights come latest: of the flights of the last hours those that are known are the
    punctual ones. So only decisions that are older than `settled_minutes` are judged, of which (nearly) all are known.

    Parameters
    ----------
    labels : pandas.DataFrame, one row a decision
        `scheduled_at` and `known_at` (minutes since 1970; NaN if never known), `late` (0 or 1), `probability`.
    ends : array-like, shape (days,)
        When each day is judged, in minutes since 1970.
    window_minutes : int
        How far back scheduled departures are judged.
    settled_minutes : int
        How long after its schedule a flight is left alone.
    crew_cost, late_cost : float
        Cost of a crew, and of a late flight without one: it acts where the probability is at least their quotient.

    Returns
    -------
    pandas.DataFrame, one row for each of `ends`
        `calibration`: how far off the late flights are from the sum of the probabilities, as the size of the logarithm
        of their quotient, whatever its sign. `money`: what a flight cost beyond what the probabilities promised.
        `flights`: how many were judged; `unknown`: the share that was not known yet and left out. NaN where none were.

    Raises
    ------
    CourseError
        If the costs leave nothing to decide.
    """
    if not 0 < crew_cost < late_cost:
        raise CourseError(
            f"crew_cost={crew_cost} and late_cost={late_cost} leave nothing to decide: give 0 < crew_cost < late_cost."
        )
    labels = labels.sort_values("scheduled_at")
    scheduled, known = labels["scheduled_at"].to_numpy(float), labels["known_at"].to_numpy(float)
    late, probability = labels["late"].to_numpy(float), labels["probability"].to_numpy(float)
    crew = probability >= crew_cost / late_cost
    cost = np.where(crew, crew_cost, late_cost * late)
    promised = np.where(crew, crew_cost, late_cost * probability)
    rows = []
    for end in np.asarray(ends, dtype=float):
        start, stop = np.searchsorted(scheduled, [end - settled_minutes - window_minutes, end - settled_minutes])
        seen = np.flatnonzero(known[start:stop] <= end) + start
        if not len(seen):
            rows.append((np.nan, np.nan, 0, np.nan))
            continue
        off = abs(np.log((late[seen].sum() + 1) / (probability[seen].sum() + 1)))
        rows.append((off, (cost[seen] - promised[seen]).mean(), len(seen), 1 - len(seen) / (stop - start)))
    return pd.DataFrame(rows, columns=["calibration", "money", "flights", "unknown"])


# ---- a promise ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """Where each check rings, set on quiet days.

    Attributes
    ----------
    middle, scale : pandas.Series, one value a check
        Its median on the quiet days, and how far above it the highest of them lies.
    dial : float
        A check rings where it lies more than so many scales above its middle; the same for all.
    promised : float
        Days in a hundred on which at least one check rings though nothing is wrong.
    """

    middle: pd.Series
    scale: pd.Series
    dial: float
    promised: float

    def over(self, checks: pd.DataFrame) -> pd.DataFrame:
        """Say how far each check lies above its middle, with its limit at 1: above 1 it rings.

        Parameters
        ----------
        checks : pandas.DataFrame, one row a day
            With the checks that the limits were set on.

        Returns
        -------
        pandas.DataFrame
            The same days and checks; NaN where a check could not be made, which never rings.

        Raises
        ------
        CourseError
            If a check is missing.
        """
        if gone := [name for name in self.middle.index if name not in checks]:
            raise CourseError(
                f"There is no check {', '.join(gone)} on these days: make all on which the limits were set."
            )
        return (checks[self.middle.index] - self.middle) / (self.scale * self.dial)

    def rung(self, checks: pd.DataFrame) -> pd.Series:
        """Say of each day whether at least one check rings."""
        return self.over(checks).gt(1).any(axis=1)


def set_limits(
    quiet: pd.DataFrame, promised: float = 5, *, least: Mapping[str, float] | None = None, seed: int = 0
) -> Limits:
    """Set the limits of all checks such that together they ring falsely on a promised number of days in a hundred.

    Each check is measured on its own scale: how far a day lies above the median of the quiet days, where the highest
    quiet day lies at 1. The highest of all checks is then one number a day, and the dial is set on it: with sixty
    checks, sixty separate limits of "one day in twenty" would ring nearly daily. The dial must hold for days that
    did not set it. So quiet weeks are drawn with replacement, scales come from those that were drawn, and the dial is
    the value that the days *not* drawn exceed as often as promised (a block bootstrap, judged out of bag: Efron and
    Tibshirani, Improvements on cross-validation, 1997). The scales in use come from all quiet days, more than
    were drawn, so the monitor rings a little less often than promised; a promise of 6 made 4 on noise.

    Parameters
    ----------
    quiet : pandas.DataFrame, one row a day, one column a check
        Days on which nothing was wrong, in their order; at least five weeks, better twenty.
    promised : float
        Days in a hundred, between 0 and 100, on which it may ring though nothing is wrong. Below 100 divided by the
        number of quiet days nothing can be promised: the data have not seen such a day.
    least : mapping of str to float, optional
        The least scale of some checks, in their own unit. A check that stood still on all quiet days would ring at the
        slightest move: tell here which moves mean nothing, such as minutes by which a feed is late on any day.
    seed : int
        Of the weeks that are drawn.

    Returns
    -------
    Limits

    Raises
    ------
    CourseError
        If there are too few days, for the promise too, a check has no value on most of them, or an infinite one, or
        there is no check for which a least scale is given.
    """
    if len(quiet) < 5 * _BLOCK_DAYS:
        raise CourseError(f"{len(quiet)} quiet days are too few to set limits: give at least {5 * _BLOCK_DAYS}.")
    if not 100 / len(quiet) <= promised < 100:
        raise CourseError(
            f"promised={promised}: from {len(quiet)} quiet days, promise at least {100 / len(quiet):.1f} and less than "
            "100 false alarms in 100 days, or give more days."
        )
    if empty := [name for name in quiet if quiet[name].notna().mean() < 0.5]:
        raise CourseError(f"{', '.join(empty)}: no value on most of the quiet days; leave such checks out.")
    values = quiet.to_numpy(dtype=float)
    if endless := list(quiet.columns[np.isinf(values).any(axis=0)]):
        raise CourseError(
            f"{', '.join(endless)}: infinite on a quiet day, so that nothing is above it; mend the check."
        )
    if unknown := sorted(set(least or {}) - set(quiet.columns)):
        raise CourseError(f"least: there is no check {', '.join(unknown)}; give a least scale to checks that are made.")
    floor = np.fmax([(least or {}).get(name, _LEAST_SCALE) for name in quiet], _LEAST_SCALE)
    blocks = np.arange(len(values)) // _BLOCK_DAYS
    random = np.random.default_rng(seed)
    highest = []
    for _ in range(_RESAMPLES):
        drawn = random.integers(0, blocks[-1] + 1, blocks[-1] + 1)
        inside = np.concatenate([np.flatnonzero(blocks == block) for block in drawn])
        outside = ~np.isin(blocks, drawn)
        if outside.any():
            middle, scale = _scales(values[inside], floor)
            highest.append(np.fmax.reduce((values[outside] - middle) / scale, axis=1))
    highest = np.concatenate(highest)  # NaN for a day on which no check has a value
    dial = float(np.quantile(highest[~np.isnan(highest)], 1 - promised / 100, method="higher"))
    middle, scale = (pd.Series(each, index=quiet.columns) for each in _scales(values, floor))
    return Limits(middle, scale, dial, float(promised))


def _scales(values: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median of each check, and how far above it the highest lies, but no less than the floor."""
    middle, highest = np.nanmedian(values, axis=0), np.nanmax(values, axis=0)
    return middle, np.maximum(highest - middle, floor)


# ---- a page ---------------------------------------------------------------------------------------------------------


def write_page(
    file: Path, checks: pd.DataFrame, limits: Limits, *, title: str, refresh_seconds: int = 60, most: int = 12
) -> Path:
    """Write a page that shows the last weeks of all checks; it works from a file, and reads itself anew.

    A page is green for as long as nobody writes it anew, so it says when it was written, and its state turns grey 30
    hours later: whoever writes it each night is dead, and no check can tell.

    Parameters
    ----------
    file : Path
        Written beside it first, then put in its place: whoever reads it meanwhile sees the old page or the new one.
    checks : pandas.DataFrame, one row a day
        As in `Limits.over`; at least one day, of which the last 92 are shown.
    limits : Limits
    title : str
        The heading.
    refresh_seconds : int
        How often the page reads itself anew.
    most : int
        How many checks are drawn: those that rang most often, then those that came nearest to their limits.

    Returns
    -------
    Path
        The page, about 5 MB (plotly.js is in it, so that nothing comes from the network).

    Raises
    ------
    CourseError
        If there are no days, or the folder cannot be written.
    """
    if checks.empty:
        raise CourseError("There are no days to show: give at least one row of checks.")
    over = limits.over(checks.iloc[-_SHOWN_DAYS:])
    rung = over.gt(1).any(axis=1)
    lines = [f"<tr><td>{day:%Y-%m-%d}</td><td>{html.escape(told)}</td></tr>" for day, told in _alarms(over[rung][::-1])]
    last = f"{over.index[-1]:%Y-%m-%d}"
    state = f"rings on {last}" if rung.iloc[-1] else f"quiet on {last}"
    page = _PAGE.format(
        refresh=int(refresh_seconds),
        written=datetime.now(UTC).isoformat(timespec="minutes"),
        stale_hours=_STALE_HOURS,
        title=html.escape(title),
        state=state,
        colour=PALETTE["vermilion"] if rung.iloc[-1] else PALETTE["green"],
        summary=f"{int(rung.sum())} of {len(over)} days rang; promised: {limits.promised:g} false alarms in 100 days.",
        figure=draw(over, most).to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False}),
        rows="\n".join(lines) or "<tr><td colspan=2>none</td></tr>",
    )
    file = Path(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        number, beside = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as opened:
                opened.write(page)
            Path(beside).chmod(0o644)
            Path(beside).replace(file)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CourseError(
            f"Cannot write {file} ({error.strerror or first_line(error)}): name a file in a folder that can be written."
        ) from None
    return file


def draw(over: pd.DataFrame, most: int = 12) -> go.Figure:
    """Draw how near each check comes to its limit on each day: those that rang most often on top.

    Parameters
    ----------
    over : pandas.DataFrame, one row a day
        From `Limits.over`.
    most : int
        How many checks.

    Returns
    -------
    plotly Figure
        A grid of colours: grey below half the limit, then yellow, and red from the limit on.
    """
    import plotly.graph_objects as go

    order = pd.DataFrame({"rang": over.gt(1).sum(), "highest": over.max()})
    shown = order.sort_values(["rang", "highest"], ascending=False).index[:most]
    colours = [
        [0, "#F4F4F4"],
        [0.25, "#F4F4F4"],
        [0.499, PALETTE["orange"]],
        [0.5, PALETTE["vermilion"]],
        [1, "#7A1E00"],
    ]
    grid = go.Heatmap(
        x=over.index,
        y=list(shown),
        z=over[shown].T.to_numpy(dtype=float),
        zmin=0,
        zmax=2,
        colorscale=colours,
        colorbar={"title": {"text": "limit = 1"}},
        xgap=1,
        ygap=1,
    )
    fig = go.Figure(grid)
    fig.update_layout(
        title="How near each check came to its limit", xaxis_title="day", yaxis_title="", height=150 + 28 * len(shown)
    )
    return fig.update_yaxes(autorange="reversed", automargin=True)


def _alarms(over: pd.DataFrame) -> list[tuple[pd.Timestamp, str]]:
    """Tell of each day which checks rang, the loudest first."""
    told = []
    for day, values in over.iterrows():
        loud = values[values > 1].sort_values(ascending=False)
        more = f" and {len(loud) - 5} more" if len(loud) > 5 else ""
        told.append((day, ", ".join(f"{name} ({value:.1f})" for name, value in loud.iloc[:5].items()) + more))
    return told


# ---- bins -----------------------------------------------------------------------------------------------------------


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _edges(values: pd.Series) -> np.ndarray | pd.Index:
    if not _is_number(values):
        return pd.Index(values.dropna().astype("str").unique()).sort_values()
    known = values.to_numpy(dtype=float, na_value=np.nan)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.array([])
    low, *inner, high = np.quantile(known, [_TAILS[0], *np.arange(1, _BINS) / _BINS, _TAILS[1]])
    return np.unique([np.nextafter(low, -np.inf), *inner, high])  # at the ends themselves it is not beyond them


def _place(values: pd.Series, edges: np.ndarray | pd.Index) -> np.ndarray:
    """Give each row its bin: 0 if missing, then in the order of the edges, or of the words; new words come last."""
    if isinstance(edges, pd.Index):
        codes, words = pd.factorize(values)
        place = edges.get_indexer(pd.Index(words).astype("str"))
        place = np.append(np.where(place < 0, len(edges) + 1, place + 1), 0)  # the code of a missing value is -1
        return place[codes]
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(numbers), 0, np.searchsorted(edges, numbers, side="left") + 1)


def _day_codes(rows: pd.DataFrame, days: ArrayLike) -> tuple[np.ndarray, pd.Index]:
    days = pd.Series(np.asarray(days), name="day")
    if len(days) != len(rows):
        raise CourseError(f"{len(rows)} rows and {len(days)} days: give the day of each row.")
    if not len(days) or days.isna().any():
        raise CourseError("There are no rows, or rows without a day: give at least one row, each with its day.")
    codes, levels = pd.factorize(days, sort=True)
    return codes, pd.Index(levels, name="day")
