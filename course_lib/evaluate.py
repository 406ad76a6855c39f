"""Scores and savings with intervals that leave out whole groups: blocks of days, users, households.

Rows that share a day share its weather and its queues, so they are not independent, and an interval that counts rows
is far too narrow. Neighbouring days resemble each other as well. Every interval here comes from a block jackknife
(Künsch, The Jackknife and the Bootstrap for General Stationary Observations, 1989): leave out seven neighbouring days,
score the rest, move on by a day, round the last day to the first. How far the score moves says how far it would move
with other days. The interval is ``value ± t * standard error``, with Student's t for as many degrees of freedom as
there are blocks, less one (sixty days are nine blocks, which is little, and the interval says so), and its two arms
differ as the skewness of the blocks demands: a few stormy weeks carry most of the cost.

Seven days, because a week holds one of each weekday and the likeness of neighbouring days has gone by then; with five
or ten the interval differs little. ``benchmarks/interval_coverage.py`` plants a truth in 2,000 periods of 61 days that
resemble their neighbours, and counts how often it is held: 94 to 95 % for savings, AUC, Brier score and log loss, on
either side of the interval nearly alike; 92 % for the average precision, so read that one as a little too narrow.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from course_lib.errors import CourseError

METRICS = ("average_precision", "roc_auc", "log_loss", "brier")
_BLOCK_DAYS = 7
_PARTS = 400  # at most so many scores an interval; with more groups, what is left out is drawn once and for all
_SKEWNESS = 0.2  # at most so much is corrected: nine blocks do not tell more
_BOUNDS = {"log_loss": (0, np.inf), "saving": (-np.inf, 1)}  # of a score; the others lie between 0 and 1

Opponent = Literal["never", "always"]

# A statistic of some of the groups: from the weight of each group (1, or 0 if left out), shape (groups,), to the value.
_Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Saving:
    """What a policy saves against the trivial policies; money is per 1,000 decisions.

    Attributes
    ----------
    share, low, high : float
        Share of money saved against `opponent`, with its 95 % interval.
    opponent : str
        The trivial policy that `share` compares with, "never" or "always".
    versus_never, versus_always : float
        Money saved per 1,000 decisions against each of the two.
    versus_never_interval, versus_always_interval : tuple of float
        Their 95 % intervals.
    cost, never, always : float
        What the policy and the two trivial policies cost per 1,000 decisions.
    threshold : float
        The policy acts where the probability is at least this.
    acted_share : float
        Share of decisions in which it acts.
    """

    share: float
    low: float
    high: float
    opponent: Opponent
    versus_never: float
    versus_always: float
    versus_never_interval: tuple[float, float]
    versus_always_interval: tuple[float, float]
    cost: float
    never: float
    always: float
    threshold: float
    acted_share: float

    def __str__(self) -> str:
        return f"{self.share:.1%} [{self.low:.1%}, {self.high:.1%}]"


def score(
    target: ArrayLike,
    probability: ArrayLike,
    groups: ArrayLike,
    metrics: Sequence[str] = METRICS,
    *,
    crew_cost: float = 1.0,
    late_cost: float = 6.0,
    opponent: Opponent | None = None,
    block: int | None = None,
) -> pd.DataFrame:
    """Score probabilities, each score with a 95 % interval that leaves out whole groups.

    Parameters
    ----------
    target : array-like of 0/1 or bool, shape (n,)
        What happened.
    probability : array-like of float, shape (n,)
        Predicted probability of 1, each in [0, 1].
    groups : array-like, shape (n,)
        What stays together: the day of each row, or its user.
    metrics : sequence of str
        Out of "average_precision", "roc_auc" (as scikit-learn defines them), "log_loss", "brier" and "saving" (the
        share saved against `opponent`, acting at ``crew_cost / late_cost``).
    crew_cost, late_cost : float
        Used by "saving" only.
    opponent : "never" or "always"
        Used by "saving" only, and needed there. Choose it on earlier data: the better of the two in these very rows
        is chosen with their luck, and no interval knows of that.
    block : int, optional
        How many neighbouring groups, in their order, are left out together; by default 7 where groups are dates, else
        1 (users are independent, and have no order). Never more than half of them.

    Returns
    -------
    pandas.DataFrame
        Index `metric`; columns `value`, `low`, `high`.

    Raises
    ------
    CourseError
        If the inputs do not fit together, hold missing values or leave a score undefined.
    """
    rows = _checked(target, [probability], groups, block, "score")
    _check_metrics(metrics)
    statistics = [_statistic(name, rows, 0, crew_cost, late_cost, opponent) for name in metrics]
    return _summary(metrics, statistics, rows, [_BOUNDS.get(name, (0, 1)) for name in metrics])


def difference(
    target: ArrayLike,
    probability: ArrayLike,
    other: ArrayLike,
    groups: ArrayLike,
    metrics: Sequence[str] = METRICS,
    *,
    crew_cost: float = 1.0,
    late_cost: float = 6.0,
    opponent: Opponent | None = None,
    block: int | None = None,
) -> pd.DataFrame:
    """Compare two models on the same rows: score of `probability` minus score of `other`, with the same days left out.

    Both models meet the same hard and easy days, so the interval of their difference is usually much narrower than
    what their two intervals suggest. An interval that excludes 0 is a difference that the choice of days does not
    explain.

    Parameters
    ----------
    target, groups, metrics, crew_cost, late_cost, opponent, block
        As in `score`.
    probability, other : array-like of float, shape (n,)
        Predicted probabilities of the two models for the same rows in the same order.

    Returns
    -------
    pandas.DataFrame
        Index `metric`; columns `value`, `low`, `high` of the difference.

    Raises
    ------
    CourseError
        As in `score`.
    """
    rows = _checked(target, [probability, other], groups, block, "difference")
    _check_metrics(metrics)
    pairs = [[_statistic(name, rows, which, crew_cost, late_cost, opponent) for which in (0, 1)] for name in metrics]
    statistics = [lambda weights, pair=pair: pair[0](weights) - pair[1](weights) for pair in pairs]
    return _summary(metrics, statistics, rows, [(-np.inf, np.inf)] * len(metrics))


def cost_per_1000(target: ArrayLike, act: ArrayLike, crew_cost: float = 1.0, late_cost: float = 6.0) -> float:
    """Cost of a policy per 1,000 decisions: `crew_cost` for each act, `late_cost` for each late row without one.

    Parameters
    ----------
    target : array-like of 0/1 or bool, shape (n,)
        Whether it came late.
    act : array-like of 0/1 or bool, shape (n,), or one bool
        Whether the policy acted; ``True`` is "always", ``False`` is "never".
    crew_cost, late_cost : float
        Units of money.

    Returns
    -------
    float
        Units of money per 1,000 decisions.

    Raises
    ------
    CourseError
        If the lengths differ or values other than 0 and 1 appear.
    """
    target = _binary("target", target)
    act = np.full(len(target), bool(act)) if np.ndim(act) == 0 else _binary("act", act)
    _check_lengths(target=target, act=act)
    _note_look("cost_per_1000", target, None, [act])
    return float(1000 * (crew_cost * act.mean() + late_cost * (target * (1 - act)).mean()))


def saving(
    target: ArrayLike,
    probability: ArrayLike,
    groups: ArrayLike,
    crew_cost: float = 1.0,
    late_cost: float = 6.0,
    threshold: float | None = None,
    *,
    opponent: Opponent,
    block: int | None = None,
) -> Saving:
    """Compare acting on a probability with never and with always acting, in money, with intervals over groups.

    A crew is worth its cost where ``probability * late_cost >= crew_cost``. So the threshold follows from the costs
    alone (Elkan, The Foundations of Cost-Sensitive Learning, 2001), as long as the probabilities are calibrated.

    Parameters
    ----------
    target, probability, groups, opponent, block
        As in `score`.
    crew_cost, late_cost : float
        Cost of acting, and of a late row without action; ``0 < crew_cost < late_cost``.
    threshold : float, optional
        Act where the probability is at least this; by default ``crew_cost / late_cost``.

    Returns
    -------
    Saving
        Shares, money per 1,000 decisions, and their intervals.

    Raises
    ------
    CourseError
        As in `score`, and for costs that leave nothing to decide.
    """
    rows = _checked(target, [probability], groups, block, "saving")
    sums, threshold = _cost_sums(rows, 0, crew_cost, late_cost, threshold)

    def money(weights: np.ndarray) -> np.ndarray:
        found = weights @ sums
        return np.array([_share_saved(found, opponent), *(1000 * found[1:] / found[0])])

    share, cost, never, always = money(np.ones(rows.n_groups))
    left_out = np.array([money(weights) for weights in rows.parts()])
    (low, high), *intervals = (
        rows.interval(value, scores, "saving")
        for value, scores in [
            (share, left_out[:, 0]),
            (never - cost, left_out[:, 2] - left_out[:, 1]),
            (always - cost, left_out[:, 3] - left_out[:, 1]),
        ]
    )
    return Saving(
        share=float(share),
        low=low,
        high=min(high, 1.0),
        opponent=opponent,
        versus_never=float(never - cost),
        versus_always=float(always - cost),
        versus_never_interval=intervals[0],
        versus_always_interval=intervals[1],
        cost=float(cost),
        never=float(never),
        always=float(always),
        threshold=threshold,
        acted_share=float((rows.probabilities[0] >= threshold).mean()),
    )


def ratio(above: ArrayLike, below: ArrayLike, groups: ArrayLike, *, block: int | None = None) -> pd.Series:
    """Divide one sum over rows by another, with a 95 % interval that leaves out whole groups.

    With losses this is what any kind of question needs: ``1 - ratio(model, baseline)`` is the skill of a model, and
    ``ratio(one - other, baseline)`` the difference of two skills on the same rows. With ones below it is a mean.

    Parameters
    ----------
    above, below : array-like of float, shape (n,)
        What is summed above and below the line, such as squared errors; the sum below must be positive.
    groups, block
        As in `score`.

    Returns
    -------
    pandas.Series
        `value`, `low`, `high`.

    Raises
    ------
    CourseError
        If lengths differ, values are missing, or the sum below is 0, also where some of the groups are left out.
    """
    above, below = (np.asarray(values, dtype=float) for values in (above, below))
    groups = np.asarray(groups)
    _check_lengths(above=above, below=below, groups=groups)
    for name, values in (("above", above), ("below", below)):
        if not np.isfinite(values).all():
            raise CourseError(f"{name} holds missing or infinite values: leave those rows out.")
    codes, levels, block = _grouped(groups, block)
    rows = _Rows(above, [], codes, len(levels), block)
    sums = np.column_stack([np.bincount(codes, above), np.bincount(codes, below)])

    def divided(weights: np.ndarray) -> float:
        top, bottom = weights @ sums
        return float(top / bottom) if bottom > 0 else np.nan

    value, left_out = divided(np.ones(rows.n_groups)), np.array([divided(weights) for weights in rows.parts()])
    if np.isnan(value) or np.isnan(left_out).any():
        raise CourseError("the sum below is 0, or is so without some of the groups: there is nothing to divide by.")
    low, high = rows.interval(value, left_out, "ratio")
    return pd.Series({"value": value, "low": low, "high": high})


def calibration(
    target: ArrayLike, probability: ArrayLike, groups: ArrayLike, bins: int = 10, *, block: int | None = None
) -> pd.DataFrame:
    """Compare predicted with observed rates in bins of equally many rows, with intervals over groups.

    Parameters
    ----------
    target, probability, groups, block
        As in `score`.
    bins : int
        Number of bins; equal probabilities stay in one bin, so there may be fewer.

    Returns
    -------
    pandas.DataFrame
        One row a bin, from the lowest probability to the highest: `rows`, `predicted` (mean probability), `observed`
        (share of 1), `low`, `high` (of the observed share), `p_value` (that observed and predicted differ by chance).
        For all bins at once, multiply the smallest p-value by the number of bins (Bonferroni).

    Raises
    ------
    CourseError
        As in `score`.
    """
    rows = _checked(target, [probability], groups, block, "calibration")
    bin_codes = pd.qcut(rows.probabilities[0], bins, labels=False, duplicates="drop")
    n_bins = int(bin_codes.max()) + 1
    cells = rows.codes * n_bins + bin_codes
    sums = [
        np.bincount(cells, weights, minlength=rows.n_groups * n_bins).reshape(rows.n_groups, n_bins)
        for weights in (None, rows.target, rows.probabilities[0])
    ]
    weights = np.array([np.ones(rows.n_groups), *rows.parts()])
    with np.errstate(invalid="ignore"):  # a bin may be empty where a block is left out
        observed, predicted = ((weights @ each) / (weights @ sums[0]) for each in sums[1:])
    gaps = observed - predicted
    table = pd.DataFrame({"rows": sums[0].sum(axis=0).astype(int), "predicted": predicted[0], "observed": observed[0]})
    ranges = np.array([rows.interval(one[0], one[1:], f"bin {n}") for n, one in enumerate(observed.T)])
    table["low"], table["high"] = np.clip(ranges, 0, 1).T
    table["p_value"] = [rows.p_value(one[0], one[1:], f"bin {n}") for n, one in enumerate(gaps.T)]
    return table.rename_axis("bin")


_looks: list[tuple[str, str, frozenset, tuple[str, ...]]] = []  # what was scored in this process, in its order


def looks(target: ArrayLike, groups: ArrayLike) -> str:
    """Say how often these rows were scored in this process: by each function, and with how many predictions.

    Whoever looks often at the same rows and keeps what looks best has tuned on them, and their score is no longer
    that of new data (the reason why a test set is scored once).

    Parameters
    ----------
    target : array-like of 0/1 or bool, shape (n,)
        What happened in these rows.
    groups : array-like, shape (n,)
        Their days. What was scored on some of these days counts too.

    Returns
    -------
    str
        One line.
    """
    own, days = _digest(_binary("target", target)), frozenset(np.unique(np.asarray(groups)).tolist())
    seen = [look for look in _looks if look[1] == own or look[2] & days]
    by_function = pd.Series([function for function, *_ in seen], dtype=object).value_counts()
    told = ", ".join(f"{function} {times}" for function, times in by_function.items())
    predictions = {one for *_, given in seen for one in given}
    return (
        f"These {len(days)} groups were scored {len(seen)} times in this run, with {len(predictions)} different "
        f"predictions" + (f": {told}." if told else ".")
    )


def _note_look(function: str, target: np.ndarray, groups: np.ndarray | None, given: Sequence[np.ndarray]) -> None:
    days = frozenset() if groups is None else frozenset(np.asarray(groups).tolist())
    _looks.append((function, _digest(target), days, tuple(_digest(values) for values in given)))


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=float)).hexdigest()


@dataclass(frozen=True)
class _Rows:
    """Checked rows: target, predictions if there are any, the group of each row as 0 … n_groups - 1 in order."""

    target: np.ndarray
    probabilities: list[np.ndarray]
    codes: np.ndarray
    n_groups: int
    block: int

    def parts(self):
        """Yield the weights of the groups, shape (groups,): each time 0 for what is left out."""
        if self.block == 1 and self.n_groups > _PARTS:  # sets of groups, the same in each call
            sets = np.random.default_rng(0).permutation(self.n_groups) % _PARTS
            for one in range(_PARTS):
                yield (sets != one).astype(float)
            return
        for start in np.linspace(0, self.n_groups, min(self.n_groups, _PARTS), endpoint=False).astype(int):
            weights = np.ones(self.n_groups)
            weights[np.arange(start, start + self.block) % self.n_groups] = 0
            yield weights

    def interval(self, value: float, left_out: np.ndarray, what: str) -> tuple[float, float]:
        """95 % interval of a statistic, from its values with each part left out."""
        error, freedom, skewness = self._error(value, left_out, what)
        above, below = (_unskewed(sign * stdtrit(freedom, 0.975), skewness) * error for sign in (-1, 1))
        return float(value - below), float(value - above)

    def p_value(self, value: float, left_out: np.ndarray, what: str) -> float:
        """Two-sided, that a statistic is 0 in truth."""
        error, freedom, _ = self._error(value, left_out, what)
        return float(2 * stdtr(freedom, -abs(value) / error)) if error > 0 else float(value == 0)

    def _error(self, value: float, left_out: np.ndarray, what: str) -> tuple[float, float, float]:
        """Return standard error, degrees of freedom, and skewness of the statistic."""
        if np.isnan(value) or np.isnan(left_out).any():
            raise CourseError(
                f"{what} is undefined without some of the groups (one outcome only): give more groups, or groups that "
                "hold both."
            )
        blocks = min(self.n_groups, _PARTS) if self.block == 1 else self.n_groups / self.block
        of_a_block = (blocks - 1) * (value - left_out)  # by how much the block differs from the rest
        spread = np.std(of_a_block)
        skewness = np.mean((of_a_block - of_a_block.mean()) ** 3) / spread**3 / np.sqrt(blocks) if spread > 0 else 0.0
        return float(spread / np.sqrt(blocks - 1)), blocks - 1, float(skewness)


def _unskewed(quantile: float, skewness: float) -> float:
    """Move a quantile of t to where it lies for a skewed statistic: the inverse of Hall's cubic transformation.

    Hall, On the Removal of Skewness by Transformation, Journal of the Royal Statistical Society B 54, 1992.
    """
    skewness = float(np.clip(skewness, -_SKEWNESS, _SKEWNESS))
    if abs(skewness) < 1e-3:
        return quantile
    return 3 / skewness * (np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)


def _statistic(
    metric: str, rows: _Rows, which: int, crew_cost: float, late_cost: float, opponent: Opponent | None
) -> _Statistic:
    """Do the work that all parts share, once; return the rest as a function of the groups' weights."""
    if metric in ("average_precision", "roc_auc"):
        return _ranking_statistic(metric, rows.target, rows.probabilities[which], rows.codes)
    if metric == "saving":
        sums, _ = _cost_sums(rows, which, crew_cost, late_cost, None)
        return lambda weights: _share_saved(weights @ sums, opponent)
    target, probability = rows.target, rows.probabilities[which]
    if metric == "brier":
        losses = (probability - target) ** 2
    else:
        tiny = np.finfo(float).eps  # as scikit-learn clips
        clipped = np.clip(probability, tiny, 1 - tiny)
        losses = -np.where(target == 1, np.log(clipped), np.log1p(-clipped))
    sums = np.column_stack([np.bincount(rows.codes), np.bincount(rows.codes, losses)])

    def mean_loss(weights: np.ndarray) -> float:
        kept, loss = weights @ sums
        return float(loss / kept)

    return mean_loss


def _ranking_statistic(metric: str, target: np.ndarray, probability: np.ndarray, codes: np.ndarray) -> _Statistic:
    """Sort and count once; each part then looks at the rows that it leaves out, and takes them off the counts."""
    order = np.argsort(-probability, kind="stable")
    codes, target = codes[order], target[order].astype(bool)
    ends = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)  # last row of each distinct score
    statistic = _average_precision if metric == "average_precision" else _roc_auc
    of_part = statistic(target, ends)
    counts = np.column_stack([np.bincount(codes, target), np.bincount(codes, ~target)])

    def of_groups(weights: np.ndarray) -> float:
        positives, negatives = weights @ counts
        if positives == 0 or negatives == 0:
            return np.nan
        return of_part(np.flatnonzero((weights == 0)[codes]), positives, negatives)

    return of_groups


def _average_precision(target: np.ndarray, ends: np.ndarray) -> Callable[[np.ndarray, float, float], float]:
    """Give it for rows in their order without some of them; only scores that a positive has count."""
    found = np.cumsum(target)[ends]
    told = np.flatnonzero(np.diff(found, prepend=0))
    found, acted = found[told], ends[told] + 1
    new = np.diff(found, prepend=0)
    place = np.searchsorted(ends[told], np.arange(len(target)))  # from which of these scores on a row is acted on

    def of_part(out: np.ndarray, positives: float, negatives: float) -> float:
        new_out, acted_out = (
            np.bincount(place[rows], minlength=len(told))[: len(told)] for rows in (out[target[out]], out)
        )
        precision = (found - np.cumsum(new_out)) / np.maximum(acted - np.cumsum(acted_out), 1)
        return float((new - new_out) @ precision / positives)

    return of_part


def _roc_auc(target: np.ndarray, ends: np.ndarray) -> Callable[[np.ndarray, float, float], float]:
    """Give it for rows in their order without some of them: of all pairs of both kinds, those with such a row go."""
    tie = np.searchsorted(ends, np.arange(len(target)))
    above, below = (np.cumsum(kind)[ends] for kind in (target, ~target))
    above, below = above - np.diff(above, prepend=0) / 2, below[-1] - below + np.diff(below, prepend=0) / 2
    won = np.where(target, below[tie], above[tie])  # pairs that each row is in, rightly ordered; a tie is a half
    total = won[target].sum()

    def of_part(out: np.ndarray, positives: float, negatives: float) -> float:
        last = np.flatnonzero(np.append(np.diff(tie[out]), 1)[: len(out)])
        found = np.cumsum(target[out])[last]
        both = np.trapezoid(np.append(0, found), np.append(0, last + 1 - found))  # were taken off twice
        return float((total - won[out].sum() + both) / (positives * negatives))

    return of_part


def _cost_sums(
    rows: _Rows, which: int, crew_cost: float, late_cost: float, threshold: float | None
) -> tuple[np.ndarray, float]:
    """Sum rows and costs (policy, never, always) by group: shape (groups, 4), and the threshold used."""
    if not 0 < crew_cost < late_cost:
        raise CourseError(
            f"crew_cost={crew_cost} and late_cost={late_cost} leave nothing to decide: give 0 < crew_cost < late_cost."
        )
    threshold = crew_cost / late_cost if threshold is None else threshold
    act = rows.probabilities[which] >= threshold
    per_row = (None, crew_cost * act + late_cost * rows.target * ~act, late_cost * rows.target)
    kept, cost, never = (np.bincount(rows.codes, weights) for weights in per_row)
    return np.column_stack([kept, cost, never, crew_cost * kept]), float(threshold)


def _share_saved(sums: np.ndarray, opponent: Opponent | None) -> float:
    """Share of the opponent's cost that is saved, from the sums that `_cost_sums` has by group."""
    if opponent not in ("never", "always"):
        raise CourseError(
            f'opponent={opponent!r}: say "never" or "always", whichever was cheaper in the data before these rows.'
        )
    _, cost, never, always = sums
    bill = never if opponent == "never" else always
    return float(1 - cost / bill) if bill > 0 else np.nan


def _summary(
    metrics: Sequence[str], statistics: Sequence[_Statistic], rows: _Rows, bounds: Sequence[tuple[float, float]]
) -> pd.DataFrame:
    values = [statistic(np.ones(rows.n_groups)) for statistic in statistics]
    left_out = np.array([[statistic(weights) for statistic in statistics] for weights in rows.parts()])
    intervals = [rows.interval(*one) for one in zip(values, left_out.T, metrics, strict=True)]
    low, high = zip(*(np.clip(one, *range_) for one, range_ in zip(intervals, bounds, strict=True)), strict=True)
    return pd.DataFrame({"value": values, "low": low, "high": high}, index=pd.Index(metrics, name="metric"))


def _checked(
    target: ArrayLike, probabilities: Sequence[ArrayLike], groups: ArrayLike, block: int | None, function: str
) -> _Rows:
    """Check what belongs together, and note that it was looked at."""
    target = _binary("target", target)
    probabilities = [np.asarray(values, dtype=float) for values in probabilities]
    groups = np.asarray(groups)
    _check_lengths(target=target, probability=probabilities[0], other=probabilities[-1], groups=groups)
    for values in probabilities:
        if missing := int(np.isnan(values).sum()):
            raise CourseError(f"{missing} of {len(values)} probabilities are missing: score only rows that have one.")
        if values.min() < 0 or values.max() > 1:
            raise CourseError(
                f"probabilities run from {values.min():.3g} to {values.max():.3g}: they must lie in [0, 1]; "
                "pass predict_proba(...)[:, 1], not a decision function."
            )
    if target.min() == target.max():
        raise CourseError(f"every target is {int(target[0])}: scores need rows of both outcomes, 0 and 1.")
    codes, levels, block = _grouped(groups, block)
    _note_look(function, target, levels, probabilities)
    return _Rows(target, probabilities, codes, len(levels), block)


def _grouped(groups: np.ndarray, block: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Put groups in their order: their codes, the groups themselves, and how many are left out together."""
    codes, levels = pd.factorize(groups, sort=True)
    if (codes < 0).any():
        raise CourseError(f"{int((codes < 0).sum())} rows have no group: drop them or give them one.")
    if len(levels) < 2:
        raise CourseError("groups holds one value only: an interval needs at least two groups, better thirty.")
    if block is None:
        block = _BLOCK_DAYS if np.issubdtype(groups.dtype, np.datetime64) else 1
    elif block < 1:
        raise CourseError(f"block={block}: leave out at least one group at a time.")
    return codes, levels, min(block, len(levels) // 2)


def _binary(name: str, values: ArrayLike) -> np.ndarray:
    if np.any(pd.isna(values)):
        raise CourseError(f"{name} has missing values: leave those rows out.")
    values = np.asarray(values)
    if values.ndim != 1 or len(values) == 0:
        raise CourseError(f"{name} has shape {values.shape}: give one value a row, and at least one row.")
    if not np.isin(values, (0, 1)).all():
        raise CourseError(
            f"{name} must hold 0 and 1 (or False and True) only, found {values[~np.isin(values, (0, 1))][0]}."
        )
    return values.astype(float)


def _check_lengths(**arrays: np.ndarray) -> None:
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise CourseError(f"lengths differ: {told}; all describe the same rows in the same order.")


def _check_metrics(metrics: Sequence[str]) -> None:
    known = (*METRICS, "saving")
    unknown = [metric for metric in ([metrics] if isinstance(metrics, str) else metrics) if metric not in known]
    if unknown or isinstance(metrics, str) or not metrics:
        raise CourseError(f"metrics={metrics!r}: give a list out of {', '.join(known)}.")
