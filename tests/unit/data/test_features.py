"""The feature table sees what was known at the decision and nothing else, on pandas and on Spark alike."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import CourseError, load, networks_at_scale
from course_lib.data import features, spark_features
from course_lib.data.features import COUNTS, LOOKS

KEY = ["scheduled", "carrier", "flight", "origin"]
MINUTES = {"minute": 1, "day": 24 * 60}


@pytest.fixture(scope="module")
def raw():
    """The three raw tables."""
    return load("flights"), load("weather"), load("airports")


@pytest.fixture(scope="module")
def table():
    return load("features")


@pytest.fixture(scope="module")
def seen(raw):
    """Flights as a person at the airport would note them, in minutes since 1970."""
    flights = raw[0]
    scheduled = (flights["time_hour"].astype("int64") // 60_000_000_000) + flights["minute"]
    left = scheduled + flights["dep_delay"]
    return flights.assign(scheduled=scheduled, left=left, booked=left + flights["air_time"] + 40)


def added_up(value, known, start, end):
    """Add up one value over what happened from `start` up to, and without, `end`; the slow way, in plain words."""
    if value in ("overdue", "overdue_long"):
        most = 60 if value == "overdue" else 240
        should_have_left = known[(known["scheduled"] >= end - most) & (known["scheduled"] < end)]
        return (~(should_have_left["left"] < end)).sum()
    at = "left" if value in ("departed", "dep_delay", "delayed") else "booked"
    happened = known[(known[at] >= start) & (known[at] < end) & ((at == "left") | known["arr_delay"].notna())]
    return {
        "departed": lambda: len(happened),
        "dep_delay": lambda: happened["dep_delay"].sum(),
        "delayed": lambda: (happened["dep_delay"] >= 15).sum(),
        "arrived": lambda: len(happened),
        "arr_delay": lambda: happened["arr_delay"].sum(),
        "late": lambda: (happened["arr_delay"] >= 30).sum(),
        "made_up": lambda: (happened["dep_delay"] - happened["arr_delay"]).sum(),
    }[value]()


def by_hand(look, row, seen):
    decided = row.scheduled.value // 60_000_000_000 - 180
    end = decided if look.unit == "minute" else (decided - 300) // 1440 * 1440 + 300
    start = 0 if look.back is None else end - look.back * MINUTES[look.unit]
    alike = seen
    for column in look.by:
        alike = alike[alike[column] == (row.scheduled_hour if column == "hour" else getattr(row, column))]
    total = added_up(look.value, alike, start, end)
    if look.per is None:
        return total
    count = added_up(look.per, alike, start, end)
    if look.shrunk:
        everywhere = added_up(look.value, seen, start, end) / added_up(look.per, seen, start, end)
        return (total + 20 * everywhere) / (count + 20)
    return total / count if count else np.nan


@pytest.mark.parametrize("name", LOOKS)
def test_columns_equal_those_worked_out_by_hand(name, table, seen):
    some = table[table["split"] != "warm-up"].sample(15, random_state=sorted(LOOKS).index(name))
    some = some.assign(scheduled_hour=some["clock"] // 60)
    expected = [by_hand(LOOKS[name], row, seen) for row in some.itertuples()]
    np.testing.assert_allclose(some[name].to_numpy(float), np.array(expected, float), rtol=1e-12)


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_those_of_the_timetable(name, table, seen):
    count = COUNTS[name]
    for row in table.sample(30, random_state=1).itertuples():
        apart = seen["scheduled"] - row.scheduled.value // 60_000_000_000
        alike = np.logical_and.reduce([seen[column] == getattr(row, column) for column in count.by], initial=True)
        assert getattr(row, name) == ((apart >= -count.before) & (apart < count.after) & alike).sum()


@pytest.fixture(scope="module")
def a_week(raw):
    """A stormy week, with all that a look can see of it."""
    flights, weather, airports = raw
    days = flights[(flights["month"] == 7) & flights["day"].between(5, 11)].reset_index(drop=True)
    hours = weather[(weather["month"] == 7) & weather["day"].between(4, 12)].reset_index(drop=True)
    return days, hours, airports, features.features(days, hours, airports)


@given(row=st.integers(500, 6_000), seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.001, 0.05, 1.0]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_feature_knows_what_became_known_later(a_week, row, seed, share):
    flights, weather, airports, before = a_week
    now = int(before["scheduled"].iloc[row].value // 60_000_000_000) - features.DECISION_MINUTES
    another, later_weather = another_future(flights, now, seed, share), weather.copy()
    ends = weather["time_hour"].astype("int64") // 60_000_000_000 + 60
    measured = ["temp", "dewp", "wind_speed", "wind_dir", "precip", "pressure", "visib"]
    later_weather.loc[ends > now, measured] = np.random.default_rng(seed).uniform(0, 99, ((ends > now).sum(), 7))

    after = features.features(another, later_weather, airports)
    decided = before["scheduled"].astype("int64") // 60_000_000_000 - features.DECISION_MINUTES <= now
    pd.testing.assert_frame_equal(before[decided], after[decided])
    if share == 1.0:
        assert not before[~decided].equals(after[~decided])


def another_future(flights, now, seed, share):
    """Move facts that become known at `now` or later: to other times from then on, or to never."""
    generator, flights = np.random.default_rng(seed), flights.copy()
    scheduled = flights["time_hour"].astype("int64") // 60_000_000_000 + flights["minute"]
    left = scheduled + flights["dep_delay"]
    moved = generator.random(len(flights)) < share
    waits = ~(left < now) & moved
    flights.loc[waits, "dep_delay"] = np.maximum(now - scheduled, -30)[waits] + generator.integers(0, 600, waits.sum())
    flights.loc[waits & (generator.random(len(flights)) < 0.3), "dep_delay"] = np.nan
    left = scheduled + flights["dep_delay"]
    flies = ~(left + flights["air_time"] + features.OUTCOME_MINUTES < now) & moved
    longest = np.maximum(now - left - features.OUTCOME_MINUTES, 20)
    flights.loc[flies, "air_time"] = longest[flies] + generator.integers(0, 300, flies.sum())
    flights.loc[flies, "arr_delay"] = generator.integers(-60, 900, flies.sum())
    nowhere = flights["dep_delay"].isna() | (flies & (generator.random(len(flights)) < 0.1))
    flights.loc[nowhere, ["air_time", "arr_delay"]] = np.nan
    return flights


def test_the_evening_before_is_twenty_oclock_in_new_york_whatever_the_season(raw):
    days = [(1, 16), (3, 10), (3, 11), (7, 4), (11, 3), (11, 4)]  # the clocks change on 10 March and on 3 November
    flights = raw[0].groupby(["month", "day"]).head(1)
    flights = flights[[day in days for day in zip(flights["month"], flights["day"], strict=True)]]
    asked = features.evening_before(features.with_clock(flights))
    evening = pd.to_datetime(asked["decided_at"], unit="m", utc=True).dt.tz_convert("America/New_York")
    assert evening.dt.strftime("%H:%M").eq("20:00").all()
    assert evening.dt.tz_localize(None).dt.normalize().eq(asked["day"] - pd.Timedelta(days=1)).all()
    assert asked["decided_hour"].eq(asked["decided_at"] // 60).all()
    assert asked["decided_day"].eq(features.day_number(asked["decided_at"])).all()


def test_a_service_that_knows_less_gives_the_same_row(a_week):
    flights, weather, airports, all_at_once = a_week
    asked = all_at_once.iloc[[4_000]]
    now = asked["scheduled"].iloc[0] - pd.Timedelta(minutes=features.DECISION_MINUTES)
    scheduled = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    left = scheduled + pd.to_timedelta(flights["dep_delay"], unit="min")
    booked = left + pd.to_timedelta(flights["air_time"] + features.OUTCOME_MINUTES, unit="min")
    known = flights.copy()
    known.loc[~(booked < now), ["arr_delay", "air_time"]] = np.nan
    known.loc[~(left < now), "dep_delay"] = np.nan
    this = np.logical_and.reduce([flights[key] == asked[key].iloc[0] for key in KEY[1:]]) & (
        scheduled == asked["scheduled"].iloc[0]
    )
    weather = weather[weather["time_hour"] + pd.Timedelta(hours=1) <= now]
    one = features.features(known, weather, airports, decisions=flights[this].drop(columns=["dep_delay", "arr_delay"]))
    pd.testing.assert_frame_equal(one, asked.reset_index(drop=True), check_dtype=False)


def test_spark_gives_every_value_and_networks_do_not_see_each_other(raw, spark):
    """In March the clocks change, and its last days no longer see its first; a third of its flights will do."""
    _, weather, airports = raw
    march = networks_at_scale(spark, 2, seed=3).where("month = 3 and flight % 2 = 0")
    on_spark = spark_features.features_on_spark(spark, march, weather, airports).toPandas()
    flights = march.toPandas()
    flights["time_hour"] = flights["time_hour"].dt.tz_localize("UTC")  # the session's clock
    for network in (0, 1):
        expected = features.features(flights[flights["network"] == network], weather, airports)
        got = on_spark[on_spark["network"] == network].sort_values(KEY, ignore_index=True)
        assert len(got) == len(expected) > 9_000
        for name in features.names():
            if pd.api.types.is_numeric_dtype(expected[name]):
                np.testing.assert_array_equal(got[name].to_numpy(float), expected[name].to_numpy(float), err_msg=name)
            else:
                assert (got[name] == expected[name]).all(), name


def test_there_is_a_network_at_least(spark):
    with pytest.raises(CourseError, match="1 or more"):
        networks_at_scale(spark, 0)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("is_late", "arrived", ("carrier",), 360), "no value 'is_late'. Values are departed"),
        (("late", "landed", ("carrier",), 360), "no value 'landed'"),
        (("late", "arrived", "carrier", 360), r"such as \('carrier',\), you gave 'carrier'"),
        (("late", "arrived", ("carrier",), 6, "hour"), "'minute' or 'day', you gave 'hour'"),
    ],
)
def test_a_look_that_cannot_be_is_refused(asked, named):
    with pytest.raises(CourseError, match=named):
        features.Look(*asked)
