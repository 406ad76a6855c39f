"""Scores and savings with intervals that resample whole groups: days, users, households.

Rows that share a day share its weather and its queues, so they are not independent, and an interval that draws rows
one by one is far too narrow. Every interval here draws whole groups with replacement (the cluster, or block, bootstrap:
Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8) and reads the 2.5 % and 97.5 %
percentiles. Groups themselves are taken as independent. Where neighbouring days still resemble each other, pass a
coarser group (weeks) and see how much wider the interval becomes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from course_lib.errors import CourseError

METRICS = ("average_precision", "roc_auc", "log_loss", "brier")
_PERCENTILES = (2.5, 97.5)

# A statistic of one resample: from how often each group was drawn, shape (groups,), to the value.
_Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Saving:
    """What a policy saves against the trivial policies; money is per 1,000 decisions.

    Attributes
    ----------
    share, low, high : float
        Share of money saved against the better of "never act" and "always act", with its 95 % interval. The better
        one is chosen anew in each resample, so `share` may stand off the middle of its interval.
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
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Score probabilities, each score with a 95 % interval that resamples whole groups.

    Parameters
    ----------
    target : array-like of 0/1 or bool, shape (n,)
        What happened.
    probability : array-like of float, shape (n,)
        Predicted probability of 1, each in [0, 1].
    groups : array-like, shape (n,)
        What is drawn as one: the day of each row, for example.
    metrics : sequence of str
        Out of "average_precision", "roc_auc" (as scikit-learn defines them), "log_loss", "brier" and "saving" (the
        share saved against the better of never and always acting, acting at ``crew_cost / late_cost``).
    crew_cost, late_cost : float
        Used by "saving" only.
    resamples : int
        Number of resamples.
    seed : int
        Equal seeds draw equal resamples.

    Returns
    -------
    pandas.DataFrame
        Index `metric`; columns `value`, `low`, `high`.

    Raises
    ------
    CourseError
        If the inputs do not fit together, hold missing values or leave a score undefined.
    """
    target, (probability,), codes, n_groups = _checked(target, [probability], groups)
    _check_metrics(metrics)
    statistics = [_statistic(metric, target, probability, codes, n_groups, crew_cost, late_cost) for metric in metrics]
    draws = _draw(statistics, n_groups, resamples, seed)
    return _summary(metrics, [statistic(np.ones(n_groups)) for statistic in statistics], draws)


def difference(
    target: ArrayLike,
    probability: ArrayLike,
    other: ArrayLike,
    groups: ArrayLike,
    metrics: Sequence[str] = METRICS,
    *,
    crew_cost: float = 1.0,
    late_cost: float = 6.0,
    resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare two models on the same rows: score of `probability` minus score of `other`, paired in each resample.

    Both models meet the same hard and easy days, so the interval of their difference is usually much narrower than
    what their two intervals suggest. An interval that excludes 0 is a difference that the choice of days does not
    explain.

    Parameters
    ----------
    target, groups, metrics, crew_cost, late_cost, resamples, seed
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
    target, probabilities, codes, n_groups = _checked(target, [probability, other], groups)
    _check_metrics(metrics)
    pairs = [
        [_statistic(metric, target, values, codes, n_groups, crew_cost, late_cost) for values in probabilities]
        for metric in metrics
    ]
    statistics = [lambda counts, pair=pair: pair[0](counts) - pair[1](counts) for pair in pairs]
    draws = _draw(statistics, n_groups, resamples, seed)
    return _summary(metrics, [statistic(np.ones(n_groups)) for statistic in statistics], draws)


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
    return float(1000 * (crew_cost * act.mean() + late_cost * (target * (1 - act)).mean()))


def saving(
    target: ArrayLike,
    probability: ArrayLike,
    groups: ArrayLike,
    crew_cost: float = 1.0,
    late_cost: float = 6.0,
    threshold: float | None = None,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Saving:
    """Compare acting on a probability with never and with always acting, in money, with intervals over groups.

    A crew is worth its cost where ``probability * late_cost >= crew_cost``. So the threshold follows from the costs
    alone (Elkan, The Foundations of Cost-Sensitive Learning, 2001), as long as the probabilities are calibrated.

    Parameters
    ----------
    target, probability, groups, resamples, seed
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
    target, (probability,), codes, n_groups = _checked(target, [probability], groups)
    sums, threshold = _cost_sums(target, probability, codes, n_groups, crew_cost, late_cost, threshold)

    def money(counts: np.ndarray) -> tuple[float, float, float]:
        rows, cost, never, always = counts @ sums
        return 1000 * cost / rows, 1000 * never / rows, 1000 * always / rows

    cost, never, always = money(np.ones(n_groups))
    draws = np.array([money(counts) for counts in _counts(n_groups, resamples, seed)])
    shares = _share_saved(draws[:, 0], draws[:, 1], draws[:, 2])
    low, high = _interval(shares, "saving")
    return Saving(
        share=float(_share_saved(cost, never, always)),
        low=low,
        high=high,
        versus_never=float(never - cost),
        versus_always=float(always - cost),
        versus_never_interval=_interval(draws[:, 1] - draws[:, 0], "saving"),
        versus_always_interval=_interval(draws[:, 2] - draws[:, 0], "saving"),
        cost=float(cost),
        never=float(never),
        always=float(always),
        threshold=threshold,
        acted_share=float((probability >= threshold).mean()),
    )


def calibration(
    target: ArrayLike, probability: ArrayLike, groups: ArrayLike, bins: int = 10, *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Compare predicted with observed rates in bins of equally many rows, with intervals over groups.

    Parameters
    ----------
    target, probability, groups, resamples, seed
        As in `score`.
    bins : int
        Number of bins; equal probabilities stay in one bin, so there may be fewer.

    Returns
    -------
    pandas.DataFrame
        One row a bin, from the lowest probability to the highest: `rows`, `predicted` (mean probability), `observed`
        (share of 1), `low`, `high` (of the observed share).

    Raises
    ------
    CourseError
        As in `score`.
    """
    target, (probability,), codes, n_groups = _checked(target, [probability], groups)
    bin_codes = pd.qcut(probability, bins, labels=False, duplicates="drop")
    n_bins = int(bin_codes.max()) + 1
    cells = codes * n_bins + bin_codes
    rows, late = (
        np.bincount(cells, weights, minlength=n_groups * n_bins).reshape(n_groups, n_bins) for weights in (None, target)
    )
    with np.errstate(invalid="ignore"):  # a bin may be empty in a resample
        draws = np.array([(counts @ late) / (counts @ rows) for counts in _counts(n_groups, resamples, seed)])
    intervals = np.array([_interval(draws[:, one], f"bin {one}") for one in range(n_bins)])
    return pd.DataFrame(
        {
            "rows": rows.sum(axis=0).astype(int),
            "predicted": np.bincount(bin_codes, probability) / rows.sum(axis=0),
            "observed": late.sum(axis=0) / rows.sum(axis=0),
            "low": intervals[:, 0],
            "high": intervals[:, 1],
        }
    ).rename_axis("bin")


def _statistic(
    metric: str,
    target: np.ndarray,
    probability: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    crew_cost: float,
    late_cost: float,
) -> _Statistic:
    """Do the work that all resamples share, once; return the rest as a function of the groups' multiplicities."""
    if metric in ("average_precision", "roc_auc"):
        return _ranking_statistic(metric, target, probability, codes)
    if metric == "saving":
        sums, _ = _cost_sums(target, probability, codes, n_groups, crew_cost, late_cost, None)

        def share(counts: np.ndarray) -> float:
            _, cost, never, always = counts @ sums
            return float(_share_saved(cost, never, always))

        return share
    if metric == "brier":
        losses = (probability - target) ** 2
    else:
        tiny = np.finfo(float).eps  # as scikit-learn clips
        clipped = np.clip(probability, tiny, 1 - tiny)
        losses = -np.where(target == 1, np.log(clipped), np.log1p(-clipped))
    sums = np.column_stack([np.bincount(codes, minlength=n_groups), np.bincount(codes, losses, minlength=n_groups)])

    def mean_loss(counts: np.ndarray) -> float:
        rows, loss = counts @ sums
        return float(loss / rows)

    return mean_loss


def _ranking_statistic(metric: str, target: np.ndarray, probability: np.ndarray, codes: np.ndarray) -> _Statistic:
    """Sort once; a resample then costs two cumulative sums over rows weighted by their group's multiplicity."""
    order = np.argsort(-probability, kind="stable")
    codes, target = codes[order], target[order].astype(bool)
    ends = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)  # last row of each distinct score

    def statistic(counts: np.ndarray) -> float:
        weights = counts[codes]
        found = np.cumsum(np.where(target, weights, 0))[ends]
        acted = np.cumsum(weights)[ends]
        positives, negatives = found[-1], acted[-1] - found[-1]
        if positives == 0 or negatives == 0:
            return np.nan
        if metric == "average_precision":
            precision = found / np.maximum(acted, 1)
            return float(np.diff(found, prepend=0) @ precision / positives)
        return float(np.trapezoid(np.append(0, found), np.append(0, acted - found)) / (positives * negatives))

    return statistic


def _cost_sums(
    target: np.ndarray,
    probability: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    crew_cost: float,
    late_cost: float,
    threshold: float | None,
) -> tuple[np.ndarray, float]:
    """Sum rows and costs (policy, never, always) by group: shape (groups, 4), and the threshold used."""
    if not 0 < crew_cost < late_cost:
        raise CourseError(
            f"crew_cost={crew_cost} and late_cost={late_cost} leave nothing to decide: give 0 < crew_cost < late_cost."
        )
    threshold = crew_cost / late_cost if threshold is None else threshold
    act = probability >= threshold
    per_row = (None, crew_cost * act + late_cost * target * ~act, late_cost * target)
    rows, cost, never = (np.bincount(codes, weights, minlength=n_groups) for weights in per_row)
    return np.column_stack([rows, cost, never, crew_cost * rows]), float(threshold)


def _share_saved(cost: ArrayLike, never: ArrayLike, always: ArrayLike) -> np.ndarray:
    best = np.minimum(never, always)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(best > 0, 1 - cost / best, np.nan)


def _counts(n_groups: int, resamples: int, seed: int):
    """Yield how often each group is drawn, one resample at a time: a matrix of all would be large for many groups."""
    if resamples < 1:
        raise CourseError(f"resamples={resamples} gives no interval: use at least 1, better 500.")
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)


def _draw(statistics: Sequence[_Statistic], n_groups: int, resamples: int, seed: int) -> np.ndarray:
    """Return all statistics of all resamples: shape (resamples, statistics)."""
    return np.array([[statistic(counts) for statistic in statistics] for counts in _counts(n_groups, resamples, seed)])


def _summary(metrics: Sequence[str], values: Sequence[float], draws: np.ndarray) -> pd.DataFrame:
    intervals = [_interval(draws[:, column], metric) for column, metric in enumerate(metrics)]
    low, high = zip(*intervals, strict=True)
    return pd.DataFrame({"value": values, "low": low, "high": high}, index=pd.Index(metrics, name="metric"))


def _interval(draws: np.ndarray, what: str) -> tuple[float, float]:
    """Percentiles of the resamples in which the score exists (a resample may hold one outcome only)."""
    defined = draws[~np.isnan(draws)]
    if len(defined) < len(draws) / 2:
        raise CourseError(
            f"{what} is undefined in most resamples (one outcome only): give more groups, or groups that hold both."
        )
    low, high = np.percentile(defined, _PERCENTILES)
    return float(low), float(high)


def _checked(
    target: ArrayLike, probabilities: Sequence[ArrayLike], groups: ArrayLike
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, int]:
    """Return target as 0/1, probabilities as float, the group of each row as 0 … n_groups - 1, and n_groups."""
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
    codes, levels = pd.factorize(groups)
    if (codes < 0).any():
        raise CourseError(f"{int((codes < 0).sum())} rows have no group: drop them or give them one.")
    if len(levels) < 2:
        raise CourseError("groups holds one value only: an interval needs at least two groups, better thirty.")
    return target, probabilities, codes, len(levels)


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
