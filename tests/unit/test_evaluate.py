"""Scores and savings: right on a case worked by hand, and on simulated data whose truth is known."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from course_lib import evaluate
from course_lib.errors import CourseError

# Six flights on three days. At 1/6 the policy acts on flights 1, 2, 4 and 6:
# cost = 4 crews + 1 uncovered late flight (the third) * 6 = 10; never = 3 * 6 = 18; always = 6.
TARGET = [1, 0, 1, 0, 0, 1]
PROBABILITY = [0.9, 0.2, 0.1, 0.3, 0.0, 0.5]
DAYS = ["a", "a", "b", "b", "c", "c"]


def simulated(seed, days=60, per_day=80, spread=0.15):
    """Outcomes whose rate differs from day to day: beta with mean 0.2; returns target and day."""
    generator = np.random.default_rng(seed)
    concentration = 0.2 * 0.8 / spread**2 - 1
    rates = generator.beta(0.2 * concentration, 0.8 * concentration, size=days)
    day = np.repeat(np.arange(days), per_day)
    return (generator.random(len(day)) < rates[day]).astype(int), day


def predictions(seed):
    """Two models that mostly agree, on simulated days; some equal probabilities on purpose."""
    target, day = simulated(seed)
    generator = np.random.default_rng(seed + 1)
    signal = 0.2 + 0.3 * target + generator.normal(0, 0.2, len(target))
    first = np.clip(signal, 0, 1).round(2)
    second = np.clip(signal + generator.normal(0, 0.05, len(target)), 0, 1)
    return target, first, second, day


def test_cost_by_hand():
    assert evaluate.cost_per_1000(TARGET, [1, 1, 0, 1, 0, 1]) == pytest.approx(1000 * 10 / 6)


def test_trivial_policies_by_hand():
    assert evaluate.cost_per_1000(TARGET, False) == pytest.approx(3000)
    assert evaluate.cost_per_1000(TARGET, True) == pytest.approx(1000)


def test_saving_by_hand():
    found = evaluate.saving(TARGET, PROBABILITY, DAYS)
    assert (found.never, found.always, found.cost) == pytest.approx((3000, 1000, 1000 * 10 / 6))
    assert found.share == pytest.approx(1 - 10 / 6)  # dearer than always acting, so the saving is negative
    assert found.versus_never == pytest.approx(3000 - 1000 * 10 / 6)
    assert found.versus_always == pytest.approx(1000 - 1000 * 10 / 6)
    assert (found.threshold, found.acted_share) == pytest.approx((1 / 6, 4 / 6))


def test_saving_is_against_the_better_trivial_policy():
    # One late flight in twelve: never costs 6, always 12; acting on the right one costs 1, so 5 of 6 are saved.
    target = [1] + [0] * 11
    found = evaluate.saving(target, [0.9] + [0.0] * 11, np.arange(12) // 6)
    assert found.share == pytest.approx(5 / 6)
    # Half late: never costs 6 * 6, always 12; acting on the six late ones costs 6.
    target = np.tile([1, 0], 6)
    assert evaluate.saving(target, target * 0.9, np.arange(12) // 6).share == pytest.approx(1 / 2)


def test_costs_set_the_threshold():
    assert evaluate.saving(TARGET, PROBABILITY, DAYS, crew_cost=2, late_cost=5).threshold == pytest.approx(0.4)
    assert evaluate.saving(TARGET, PROBABILITY, DAYS, threshold=0.95).acted_share == 0


def test_scores_by_hand():
    # By falling probability the targets are 1, 1, 0, 0, 1, 0. Precision where one is found: 1/1, 2/2, 3/5.
    # Pairs in the right order: the first two beat all three zeros, the last one beats one: 7 of 9.
    # Brier: (.01 + .04 + .81 + .09 + 0 + .25) / 6.
    found = evaluate.score(TARGET, PROBABILITY, DAYS, metrics=["average_precision", "roc_auc", "brier"])["value"]
    assert list(found) == pytest.approx([(1 + 1 + 3 / 5) / 3, 7 / 9, 1.20 / 6])


def test_scores_agree_with_scikit_learn():
    target, first, _, day = predictions(0)
    found = evaluate.score(target, first, day)["value"]
    expected = [f(target, first) for f in (average_precision_score, roc_auc_score, log_loss, brier_score_loss)]
    assert list(found) == pytest.approx(expected)


def test_a_resample_is_scored_like_its_rows_repeated():
    target, first, _, day = predictions(1)
    counts = np.bincount(np.random.default_rng(0).integers(60, size=60), minlength=60)
    rows = np.repeat(np.arange(len(day)), counts[day])
    for metric, reference in {"average_precision": average_precision_score, "roc_auc": roc_auc_score}.items():
        statistic = evaluate._statistic(metric, target.astype(float), first, day, 60, 1, 6)
        assert statistic(counts) == pytest.approx(reference(target[rows], first[rows]))


def covers(group, simulations=250):
    """Share of simulations whose interval holds the true Brier score of the constant 0.2, which is 0.2 * 0.8."""
    hits = 0
    for seed in range(simulations):
        target, day = simulated(seed)
        rows = day if group == "day" else np.arange(len(day))
        found = evaluate.score(target, np.full(len(target), 0.2), rows, ["brier"], resamples=200, seed=seed)
        hits += found.loc["brier", "low"] <= 0.2 * 0.8 <= found.loc["brier", "high"]
    return hits / simulations


def test_interval_by_day_covers_the_truth():
    assert 0.90 <= covers("day") <= 0.98


def test_interval_by_row_does_not():
    assert covers("row", simulations=60) < 0.6


def test_difference_is_narrower_than_either_score():
    target, first, second, day = predictions(2)
    paired = evaluate.difference(target, first, second, day)
    width_paired = paired["high"] - paired["low"]
    for probability in (first, second):
        alone = evaluate.score(target, probability, day)
        assert (width_paired < 0.5 * (alone["high"] - alone["low"])).all()


def test_difference_is_the_difference_of_scores():
    target, first, second, day = predictions(3)
    metrics = [*evaluate.METRICS, "saving"]
    found = evaluate.difference(target, first, second, day, metrics, resamples=2)["value"]
    scores = [evaluate.score(target, values, day, metrics, resamples=2)["value"] for values in (first, second)]
    assert list(found) == pytest.approx(list(scores[0] - scores[1]))


def test_saving_as_a_metric_is_saving():
    target, first, _, day = predictions(4)
    found = evaluate.score(target, first, day, ["saving"], crew_cost=1, late_cost=4).loc["saving"]
    expected = evaluate.saving(target, first, day, crew_cost=1, late_cost=4)
    assert tuple(found) == pytest.approx((expected.share, expected.low, expected.high))


def test_equal_seeds_give_equal_intervals():
    target, first, _, day = predictions(5)
    one, same, different = (evaluate.score(target, first, day, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(different)


def test_calibration_bins_hold_all_rows_and_their_rates():
    target, first, _, day = predictions(6)
    found = evaluate.calibration(target, first, day, bins=5)
    assert found["rows"].sum() == len(target)
    assert np.average(found["observed"], weights=found["rows"]) == pytest.approx(target.mean())
    assert np.average(found["predicted"], weights=found["rows"]) == pytest.approx(first.mean())
    assert (found["low"] <= found["observed"]).all()
    assert (found["observed"] <= found["high"]).all()


def test_resamples_without_a_late_row_are_left_out():
    target = [0, 0, 0, 1, 0, 0, 0, 1]
    found = evaluate.score(target, np.linspace(0, 1, 8), [1, 1, 2, 2, 3, 3, 4, 4], metrics=["roc_auc", "saving"])
    assert found.notna().all(axis=None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probability": [0.1, 0.2]}, "lengths differ"),
        ({"groups": ["a", "b"]}, "lengths differ"),
        ({"probability": [np.nan] * 6}, "missing"),
        ({"probability": [1.2] * 6}, r"\[0, 1\]"),
        ({"probability": [-3.0] * 6}, "decision function"),
        ({"groups": ["a"] * 6}, "at least two groups"),
        ({"groups": [None, "a", "b", "a", "b", "a"]}, "no group"),
        ({"target": [0] * 6}, "both outcomes"),
        ({"target": [0, 1, 2, 0, 1, 0]}, "0 and 1"),
        ({"target": [0, 1, None, 0, 1, 0]}, "missing values"),
        ({"metrics": ["accuracy"]}, "accuracy"),
        ({"metrics": "brier"}, "give a list"),
        ({"resamples": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_scored_is_one_clear_line(change, says):
    with pytest.raises(CourseError, match=says) as raised:
        evaluate.score(**{"target": TARGET, "probability": PROBABILITY, "groups": DAYS} | change)
    assert "\n" not in str(raised.value)


def test_costs_that_leave_nothing_to_decide_are_refused():
    with pytest.raises(CourseError, match="nothing to decide"):
        evaluate.saving(TARGET, PROBABILITY, DAYS, crew_cost=6, late_cost=6)


def test_scores_undefined_in_most_resamples_are_refused():
    with pytest.raises(CourseError, match="most resamples"):
        evaluate.score([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], [1, 1, 2, 2], ["roc_auc"], resamples=3, seed=4)
