"""What is planted is what is said, and a watch that goes on is one that was never interrupted."""

import json

import numpy as np
import pandas as pd
import pytest

from course_lib import CourseError, load
from course_lib.streams import sensors

FIRST = pd.Timestamp("2013-05-01", tz="UTC")


@pytest.fixture(scope="module")
def temperature():
    return sensors.hourly(load("weather"))


@pytest.fixture(scope="module")
def planted(temperature):
    return sensors.plant(temperature, FIRST, temperature.index[-1], 6, seed=3)


class State:
    """What Spark gives for a key, as far as `watch` asks."""

    def __init__(self):
        self.exists, self.get = False, None

    def update(self, value):
        self.exists, self.get = True, value


def watched(tables):
    state = State()
    return pd.concat([part for table in tables for part in sensors.watch(("JFK",), iter([table]), state)])


def observations(temperature, first, days):
    values = temperature["JFK"][first : first + pd.Timedelta(days=days)].dropna()
    return values.rename("temp").rename_axis("time_hour").reset_index().assign(origin="JFK")


def test_the_grid_has_each_hour_once_and_what_was_observed(temperature):
    weather = load("weather")
    assert (np.diff(temperature.index) == pd.Timedelta(hours=1)).all()
    assert temperature.notna().sum().to_dict() == weather.groupby("origin")["temp"].count().to_dict()
    one = weather.iloc[5000]
    assert temperature.loc[one["time_hour"], one["origin"]] == one["temp"]


def test_the_same_seed_plants_the_same_faults_and_another_one_others(temperature, planted):
    again, other = (sensors.plant(temperature, FIRST, temperature.index[-1], 6, seed=seed) for seed in (3, 4))
    pd.testing.assert_frame_equal(again[0], planted[0])
    pd.testing.assert_frame_equal(again[1], planted[1])
    assert not other[1]["start"].equals(planted[1]["start"])


def test_nothing_is_changed_but_the_hours_of_the_faults(temperature, planted):
    faulty, table = planted
    in_a_fault = np.zeros(temperature.shape, bool)
    for fault in table.itertuples():
        in_a_fault[fault.start : fault.start + fault.hours, fault.station] = True
    same = (faulty == temperature) | (faulty.isna() & temperature.isna())
    assert same.to_numpy()[~in_a_fault].all()
    assert table["start"].min() > temperature.index.get_loc(FIRST)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("spike", 1, 1), ("stuck", 8, 24), ("drift", 48, 48), ("unit", 6, 12), ("missing", 6, 12)],
)
def test_each_kind_is_as_documented(temperature, planted, kind, least, most):
    faulty, table = planted
    of_kind = table[table["kind"] == kind]
    assert len(of_kind) == 6 and of_kind["hours"].between(least, most).all()
    for fault in of_kind.itertuples():
        hours = slice(fault.start, fault.start + fault.hours)
        now, truth = (each.iloc[hours, fault.station].to_numpy() for each in (faulty, temperature))
        if kind == "spike":
            assert 8 <= abs(now - truth)[0] <= 25
        elif kind == "stuck":
            assert (now == temperature.iloc[fault.start - 1, fault.station]).all()
        elif kind == "drift":
            assert np.allclose(np.abs(now - truth), 0.25 * np.arange(1, 49))
        elif kind == "unit":
            assert np.allclose(1.8 * now + 32, truth)
        else:
            assert np.isnan(now).all()


def test_faults_of_a_station_are_a_day_apart(planted):
    for _, table in planted[1].sort_values("start").groupby("station"):
        ends = table["start"] + table["hours"]
        assert (table["start"].to_numpy()[1:] - ends.to_numpy()[:-1] >= sensors.APART_HOURS).all()


def test_no_fault_begins_where_observations_are_missing_anyway(temperature, planted):
    for fault in planted[1].itertuples():
        assert temperature.iloc[fault.start - 1 : fault.start + fault.hours, fault.station].notna().all()


def test_too_many_faults_are_refused(temperature):
    with pytest.raises(CourseError, match="no room for 20 faults"):
        sensors.plant(temperature, FIRST, FIRST + pd.Timedelta(days=20), 20, seed=0)


def test_what_is_sent_is_each_observation_once_and_no_missing_hour(temperature, tmp_path):
    days = temperature["2013-08-20":"2013-08-24"]  # 22 August lacks hours
    assert days.isna().to_numpy().any()
    number = sensors.send(days, tmp_path / "feed")
    lines = [
        json.loads(line)
        for file in sorted(tmp_path.glob("feed/*.json"))
        for line in file.read_text().split("\n")
        if line
    ]
    sent = pd.DataFrame(lines)
    assert len(sent) == number == days.notna().to_numpy().sum()
    assert not sent.duplicated(["origin", "time_hour"]).any()
    assert len(list(tmp_path.glob("feed/*.json"))) == 5


def test_a_later_day_has_a_later_time_as_spark_sees_it(temperature, tmp_path):
    sensors.send(temperature[: 24 * 60], tmp_path)
    times = [file.stat().st_mtime_ns // 1_000_000 for file in sorted(tmp_path.iterdir())]
    assert (np.diff(times) > 0).all() and len(times) >= 60


def test_the_first_hour_has_nothing_to_be_odd_against(temperature):
    first = watched([observations(temperature, FIRST, 1)]).iloc[0]
    assert first["score"] == 0 and first["hours"] == 1


def test_a_score_uses_the_spread_from_before_its_hour():
    score, spread = sensors.step(30.0, 20.0, 2.0)
    assert score == 5.0
    assert spread == pytest.approx(2 + sensors.RATE * (sensors.CLIP * 2 - 2))  # ten degrees teach no more than eight


@pytest.mark.parametrize("days", [1, 3, 10])
def test_batches_of_days_give_what_one_pass_gives(temperature, days):
    table = observations(temperature, pd.Timestamp("2013-08-15", tz="UTC"), 12)  # with hours that are missing
    batches = [part for _, part in table.groupby((table["time_hour"] - table["time_hour"].iloc[0]).dt.days // days)]
    assert len(batches) > 1
    pd.testing.assert_frame_equal(watched(batches), watched([table]))


def test_the_order_within_a_batch_does_not_matter(temperature):
    table = observations(temperature, FIRST, 5)
    pd.testing.assert_frame_equal(watched([table.sample(frac=1, random_state=0)]), watched([table]))


def test_the_future_does_not_change_a_score(temperature):
    table = observations(temperature, FIRST, 10)
    whole, begun = watched([table]), watched([table.iloc[:100]])
    pd.testing.assert_frame_equal(whole.iloc[:100], begun)


def test_across_a_missing_hour_the_last_value_is_compared(temperature):
    table = observations(temperature, FIRST, 2)
    found = watched([table.drop(index=20)])
    change = abs(table["temp"][21] - table["temp"][19])
    assert found.loc[21, "score"] * spread_before(table.drop(index=20), 20) == pytest.approx(change)


def spread_before(table, number):
    spread, last = sensors.FIRST_SPREAD, table["temp"].iloc[0]
    for temp in table["temp"].iloc[:number]:
        _, spread = sensors.step(temp, last, spread)
        last = temp
    return spread
