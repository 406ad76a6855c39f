"""Scores and savings: right on a case worked by hand, and on simulated data whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
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
    found = evaluate.saving(TARGET, PROBABILITY, DAYS, opponent="always")
    assert (found.never, found.always, found.cost) == pytest.approx((3000, 1000, 1000 * 10 / 6))
    assert found.share == pytest.approx(1 - 10 / 6)  # dearer than always acting, so the saving is negative
    assert found.versus_never == pytest.approx(3000 - 1000 * 10 / 6)
    assert found.versus_always == pytest.approx(1000 - 1000 * 10 / 6)
    assert (found.threshold, found.acted_share) == pytest.approx((1 / 6, 4 / 6))


def test_saving_is_against_the_opponent_that_was_named():
    # One late flight in twelve: never costs 6, always 12; acting on the right one costs 1.
    target, said, day = [1] + [0] * 11, [0.9] + [0.0] * 11, np.arange(12) // 2
    assert evaluate.saving(target, said, day, opponent="always").share == pytest.approx(11 / 12)
    with pytest.raises(CourseError, match="undefined without some"):  # all of never's cost is one day's
        evaluate.saving(target, said, day, opponent="never")
    target = np.tile([1, 0], 6)  # never costs 36, acting on the six late ones 6
    assert evaluate.saving(target, target * 0.9, day, opponent="never").share == pytest.approx(30 / 36)


@pytest.mark.parametrize("opponent", [None, "", "the better one"])
def test_an_opponent_must_be_named_for_a_saving(opponent):
    with pytest.raises(CourseError, match='say "never" or "always"'):
        evaluate.score(TARGET, PROBABILITY, DAYS, ["saving"], opponent=opponent)


def test_costs_set_the_threshold():
    assert evaluate.saving(
        TARGET, PROBABILITY, DAYS, crew_cost=2, late_cost=5, opponent="always"
    ).threshold == pytest.approx(0.4)
    assert evaluate.saving(TARGET, PROBABILITY, DAYS, threshold=0.95, opponent="always").acted_share == 0


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


def test_a_part_is_scored_like_the_rows_that_stay():
    target, first, _, day = predictions(1)
    rows = evaluate._checked(target, [first], day, 7, "score")
    references = {"average_precision": average_precision_score, "roc_auc": roc_auc_score, "log_loss": log_loss}
    left_out = list(rows.parts())[57]  # days 57 to 59, and round the end 0 to 3
    stay = np.isin(day, np.arange(4, 57))
    for metric, reference in references.items():
        statistic = evaluate._statistic(metric, rows, 0, 1, 6, None)
        assert statistic(left_out) == pytest.approx(reference(target[stay], first[stay]))


def dependent(seed, days=61, per_day=60, correlation=0.4):
    """Return late flights on days that resemble their neighbours, mean rate 0.2."""
    generator = np.random.default_rng(seed)
    shocks, weather = generator.standard_normal(days + 20), np.zeros(days + 20)
    for n in range(1, days + 20):
        weather[n] = correlation * weather[n - 1] + np.sqrt(1 - correlation**2) * shocks[n]
    rates = stats.beta(1.2, 4.8).ppf(stats.norm.cdf(weather[20:]))
    day = np.repeat(pd.date_range("2013-11-01", periods=days), per_day)
    return (generator.random(days * per_day) < np.repeat(rates, per_day)).astype(int), day


def covers(block, simulations=400):
    """Share of simulations whose interval holds the true Brier score of the constant 0.2, which is 0.2 * 0.8."""
    hits = []
    for seed in range(simulations):
        target, day = dependent(seed)
        groups = np.arange(len(day)) if block == "rows" else day
        found = evaluate.score(
            target, np.full(len(target), 0.2), groups, ["brier"], block=None if block == "rows" else block
        )
        hits.append(found.loc["brier", "low"] <= 0.2 * 0.8 <= found.loc["brier", "high"])
    return np.mean(hits)


def test_blocks_of_days_cover_the_truth_where_days_resemble_each_other():
    assert 0.92 <= covers(None) <= 0.98


def test_single_days_and_rows_do_not():
    assert covers(1) < 0.90
    assert covers("rows", simulations=100) < 0.6


def test_dates_are_left_out_in_weeks_and_other_groups_one_by_one():
    target, first, _, day = predictions(7)
    dates = pd.Timestamp("2013-11-01") + pd.to_timedelta(day, unit="D")

    def width(groups, block=None):
        return evaluate.score(target, first, groups, ["brier"], block=block).eval("high - low").item()

    assert width(dates) == pytest.approx(width(day, block=7)) != pytest.approx(width(day))
    assert width(day) == pytest.approx(width(dates, block=1))
    backwards = slice(None, None, -1)
    again = evaluate.score(target[backwards], first[backwards], dates[backwards], ["brier"]).eval("high - low").item()
    assert again == pytest.approx(width(dates))  # in the order of the dates, whatever the order of the rows


def test_many_users_take_no_longer_than_a_few_hundred():
    generator = np.random.default_rng(0)
    user = generator.integers(20_000, size=100_000)
    target = (generator.random(100_000) < generator.random(20_000)[user]).astype(int)
    found = evaluate.score(target, np.full(100_000, 0.5), user, ["brier"])
    assert found.loc["brier", "low"] == found.loc["brier", "high"] == 0.25  # the same loss in each row
    rate = evaluate.score(target, np.full(100_000, 0.2), user, ["brier"]).loc["brier"]
    per_user = pd.Series(np.where(target == 1, 0.64, 0.04)).groupby(user).agg(["sum", "size"])
    error = (
        (per_user["sum"] - per_user["size"] * rate["value"]).std() / np.sqrt(len(per_user)) / per_user["size"].mean()
    )
    assert rate["high"] - rate["low"] == pytest.approx(2 * 1.96 * error, rel=0.15)


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
    terms = {"metrics": metrics, "opponent": "never"}
    found = evaluate.difference(target, first, second, day, **terms)["value"]
    scores = [evaluate.score(target, values, day, **terms)["value"] for values in (first, second)]
    assert list(found) == pytest.approx(list(scores[0] - scores[1]))


def test_saving_as_a_metric_is_saving():
    target, first, _, day = predictions(4)
    found = evaluate.score(target, first, day, ["saving"], late_cost=4, opponent="never").loc["saving"]
    expected = evaluate.saving(target, first, day, late_cost=4, opponent="never")
    assert tuple(found) == pytest.approx((expected.share, expected.low, expected.high))


def test_calibration_bins_hold_all_rows_and_their_rates():
    target, first, _, day = predictions(6)
    found = evaluate.calibration(target, first, day, bins=5)
    assert found["rows"].sum() == len(target)
    assert np.average(found["observed"], weights=found["rows"]) == pytest.approx(target.mean())
    assert np.average(found["predicted"], weights=found["rows"]) == pytest.approx(first.mean())
    assert (found["low"] <= found["observed"]).all()
    assert (found["observed"] <= found["high"]).all()


def test_calibration_tells_probabilities_that_are_too_high():
    target, day = dependent(3, days=200)
    generator = np.random.default_rng(0)
    rate = pd.Series(target).groupby(day).transform("mean").to_numpy()
    flat = np.full(len(target), target.mean()) + generator.normal(0, 0.01, len(target))  # says nothing, and is right
    assert evaluate.calibration(target, flat, day)["p_value"].min() * 10 > 0.05
    too_high = np.clip(1.6 * rate + generator.normal(0, 0.01, len(target)), 0, 1)
    assert evaluate.calibration(target, too_high, day)["p_value"].min() * 10 < 0.05


def test_looks_at_the_same_rows_are_counted():
    target, first, second, day = predictions(8)
    dates = pd.Timestamp("2031-01-01") + pd.to_timedelta(day, unit="D")
    assert (
        evaluate.looks(target, dates)
        == "These 60 groups were scored 0 times in this run, with 0 different predictions."
    )
    evaluate.score(target, first, dates, ["brier"])
    evaluate.difference(target, first, second, dates, ["brier"])
    evaluate.saving(target, first, np.arange(len(target)), opponent="never")  # the same rows by another name
    evaluate.cost_per_1000(target, first > 0.2)
    some = day < 30
    evaluate.calibration(target[some], second[some], dates[some], bins=3)  # half of them count too
    later = dates + pd.Timedelta(days=400)
    evaluate.score(1 - target, first, later, ["brier"])
    told = evaluate.looks(target, dates)
    assert told.startswith("These 60 groups were scored 5 times in this run, with 4 different predictions: ")
    assert all(f"{name} 1" in told for name in ("score", "difference", "saving", "cost_per_1000", "calibration"))


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
        ({"block": 0}, "at least one group"),
    ],
)
def test_what_cannot_be_scored_is_one_clear_line(change, says):
    with pytest.raises(CourseError, match=says) as raised:
        evaluate.score(**{"target": TARGET, "probability": PROBABILITY, "groups": DAYS} | change)
    assert "\n" not in str(raised.value)


def test_costs_that_leave_nothing_to_decide_are_refused():
    with pytest.raises(CourseError, match="nothing to decide"):
        evaluate.saving(TARGET, PROBABILITY, DAYS, crew_cost=6, late_cost=6, opponent="always")


def test_scores_undefined_without_a_group_are_refused():
    with pytest.raises(CourseError, match="undefined without some of the groups"):
        evaluate.score([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], [1, 1, 2, 2], ["roc_auc"])


def test_ratio_by_hand():
    found = evaluate.ratio([1, 2, 4, 0], [2, 2, 2, 2], ["a", "a", "b", "b"])
    assert found["value"] == pytest.approx(7 / 8)
    assert found["low"] < found["value"] < found["high"]


def test_ratio_with_ones_below_is_the_brier_score_with_its_interval():
    target, first, _, day = predictions(3)
    found = evaluate.ratio((first - target) ** 2, np.ones(len(target)), day)
    assert list(found) == pytest.approx(evaluate.score(target, first, day, ["brier"]).loc["brier"].tolist())


def test_ratio_covers_the_truth_where_rows_of_a_group_resemble_each_other():
    hits, too_sure = [], []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        group = np.repeat(np.arange(50), 8)
        scale = generator.gamma(4, 1, 50)[group]  # hard and easy groups, in which both losses move
        below = scale * generator.gamma(3, 1, len(group))
        above = below * generator.beta(2, 2, 50)[group]  # the truth is 0.5
        for found, groups in ((hits, group), (too_sure, np.arange(len(group)))):
            interval = evaluate.ratio(above, below, groups)
            found.append(interval["low"] <= 0.5 <= interval["high"])
    assert 0.91 <= np.mean(hits) <= 0.98
    assert np.mean(too_sure) < 0.75


@pytest.mark.parametrize(
    ("above", "below", "says"),
    [([1, 2], [1], "lengths differ"), ([1, np.nan], [1, 1], "above holds"), ([1, 1], [0, 0], "sum below is 0")],
)
def test_ratio_refuses_what_has_no_quotient(above, below, says):
    with pytest.raises(CourseError, match=says):
        evaluate.ratio(above, below, ["a", "b"])
