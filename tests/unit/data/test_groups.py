"""Groups of values keep every row and the order, and tell what explains a target and what drifts."""

import numpy as np
import pandas as pd
import pytest

from course_lib.data.groups import cut, drift, explained
from course_lib.errors import CourseError


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1_000.0),
        np.r_[np.zeros(900), np.arange(100.0)],
        pd.date_range("2024", periods=1_000, tz="UTC"),
        [f"name {n % 40}" for n in range(1_000)],
        [True, False] * 500,
        [1, "1", None, 2.5] * 250,
        np.r_[np.full(500, np.inf), np.arange(500.0)],
        np.full(1_000, np.nan),
    ],
    ids=["numbers", "mostly zero", "times", "text", "truth", "mixed", "infinite", "empty"],
)
def test_cut_gives_few_groups_and_loses_no_row(values):
    groups = cut(pd.Series(values), bins=10)
    assert groups.notna().all()
    assert groups.nunique() <= 11


def test_cut_gives_a_frequent_value_its_own_group():
    groups = cut(pd.Series(np.r_[np.zeros(900), np.arange(1, 101.0)]), bins=5)
    assert groups.value_counts()["0"] == 900


def test_cut_keeps_the_order_of_numbers():
    values = pd.Series(np.random.default_rng(0).normal(size=500))
    by_group = values.groupby(cut(values), observed=True).agg(["min", "max"])
    assert (by_group["min"].iloc[1:].to_numpy() > by_group["max"].iloc[:-1].to_numpy()).all()


@pytest.mark.parametrize("target", ["number", "classes", "truth"])
def test_explained_is_one_for_a_copy_and_nothing_for_noise(target):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 4_000)
    answers = {"number": group * 10.0, "classes": np.array(list("uvwx"))[group], "truth": group > 1}
    table = pd.DataFrame({"copy": group, "noise": rng.normal(size=4_000), "target": answers[target]})
    shares = explained(table, "target")
    assert shares["copy"] == pytest.approx(1)
    assert shares["noise"] < 0.005


def test_explained_sees_a_curve_that_a_correlation_misses():
    x = np.linspace(-1, 1, 2_001)
    assert explained(pd.DataFrame({"x": x, "y": x**2}), "y")["x"] > 0.9


def test_drift_is_chance_for_shuffled_rows_and_large_for_a_moved_column():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"still": rng.normal(size=6_000), "moved": np.r_[rng.normal(size=3_000), rng.normal(2, 1, 3_000)]}
    )
    distances = drift(table, pd.Series(np.repeat([1, 2], 3_000)))
    assert distances.loc["still", [1, 2]].max() < distances.loc["still", "by chance"]
    assert distances.loc["moved", [1, 2]].min() > 0.3


def test_equal_periods_lie_beyond_chance_once_in_twenty():
    period = pd.Series(np.repeat(range(12), 50))
    tables = pd.DataFrame(np.random.default_rng(0).normal(size=(600, 400)))
    distances = drift(tables, period, deals=400)
    beyond = distances.drop(columns="by chance").max(axis=1) > distances["by chance"]
    assert 0.02 < beyond.mean() < 0.09


def test_rows_dealt_out_as_units_of_one_give_the_same_chance():
    table, period = pd.DataFrame({"value": np.arange(400) % 7}), pd.Series(np.repeat([1, 2], 200))
    alone = drift(table, period)["by chance"]
    assert drift(table, period, together=table.index.to_series())["by chance"].to_numpy() == pytest.approx(
        alone, rel=0.1
    )


def test_what_days_and_weeks_have_in_common_widens_the_chance():
    rng = np.random.default_rng(0)
    day = pd.Series(np.repeat(range(360), 20))
    weather = np.repeat(rng.normal(size=52), 7)[:360] + rng.normal(size=360)
    table = pd.DataFrame({"delay": weather[day] + rng.normal(size=len(day))})
    deals = [{}, {"together": day}, {"together": day, "neighbours": 7}]
    rows, days, weeks = (drift(table, day // 30, **how).loc["delay", "by chance"] for how in deals)
    assert weeks > 1.2 * days > 1.2 * 1.2 * rows


def test_a_unit_in_two_periods_is_refused():
    with pytest.raises(CourseError, match="lies in two periods"):
        drift(pd.DataFrame({"value": range(4)}), pd.Series([1, 1, 2, 2]), together=pd.Series([1, 2, 2, 3]))


@pytest.mark.parametrize(
    "target",
    [
        10**18 + np.arange(400),
        np.uint64(2**63) + np.arange(400, dtype="uint64"),
        np.linspace(-1, 1, 400) * 1e308,
        np.arange(400) * 5e-324,
    ],
    ids=["near 10^18", "beyond 2^63", "squares are infinite", "squares are zero"],
)
def test_explained_does_not_depend_on_where_the_numbers_lie(target):
    assert explained(pd.DataFrame({"copy": np.arange(400), "target": target}), "target")["copy"] > 0.9
