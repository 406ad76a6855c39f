"""The checks find what they should, on the flights tables with counts known from elsewhere and on cases by hand."""

import numpy as np
import pandas as pd
import pytest

from course_lib import load
from course_lib.data import believe
from course_lib.errors import CourseError


@pytest.fixture(scope="module")
def flights():
    return load("flights")


@pytest.fixture(scope="module")
def weather():
    return load("weather")


def test_surplus_counts_repeated_keys_once_less(flights):
    ticket = ["year", "month", "day", "carrier", "flight"]
    assert len(believe.surplus(flights, ticket)) == 24
    assert believe.surplus(flights, [*ticket, "origin"]).empty


def test_orphans_do_not_count_missing_values(flights):
    found = believe.orphans(flights, "tailnum", load("planes"))
    assert (len(found), found["tailnum"].nunique()) == (50_094, 721)


def test_several_finds_routes_with_two_distances(flights):
    found = believe.several(flights, ["origin", "dest"], "distance")
    assert found["which"].to_dict() == {("EWR", "EGE"): [1725, 1726], ("JFK", "EGE"): [1746, 1747]}


def test_not_a_clock_finds_24_00(flights):
    assert believe.not_a_clock(flights["arr_time"]).unique().tolist() == [2400]


@pytest.mark.parametrize(("clock", "minutes"), [(0, 0), (517, 317), (2359, 1439)])
def test_minutes_of_an_hhmm_clock(clock, minutes):
    assert believe.minutes_of(pd.Series([clock])).tolist() == [minutes]


def test_outside_leaves_missing_values_in_peace(weather):
    assert believe.outside(weather, "wind_speed", 0, 150)["wind_speed"].round().tolist() == [1048]


def test_spikes_come_back_and_fronts_do_not():
    table = pd.DataFrame({"at": range(8), "where": "here", "value": [1, 1, 30, 1, 1, 40, 41, 40]})
    assert believe.spikes(table, "value", "at", "where", jump=10)["at"].tolist() == [2]


def test_gaps_see_the_missing_end_only_with_a_calendar(weather):
    newark = weather.loc[weather["origin"] == "EWR", "time_hour"]
    year = pd.date_range("2013-01-01", "2014-01-01", freq="1h", tz="America/New_York", inclusive="left")
    assert len(believe.gaps(newark, "1h")) == 27
    assert len(believe.gaps(newark, "1h", year[0], year[-1])) == 57


def test_whole_in_finds_the_unit_that_people_wrote(weather):
    assert believe.whole_in(weather["wind_speed"], {"mph": 1, "knots": 1.15078}).idxmax() == "knots"


def test_missing_tells_the_outcome(flights):
    table = believe.missing_tells(flights, flights["dep_time"].isna())
    assert table.loc["tailnum", ["missing", "if missing"]].tolist() == [2512, 1]


def test_why_missing_ranks_the_cause_first():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"rain": rng.random(3_000) < 0.2, "noise": rng.normal(size=3_000), "sensor": 1.0})
    table["sensor"] = table["sensor"].mask(table["rain"] & (rng.random(3_000) < 0.5))
    ranked = believe.why_missing(table, "sensor")
    assert ranked.index.tolist() == ["rain", "noise"]
    assert ranked.loc["rain", "p_value"] < 1e-6 < 0.01 < ranked.loc["noise", "p_value"]


def test_missing_together_counts_patterns():
    table = pd.DataFrame({"a": [1, None, None, 1], "b": [1, None, None, None], "c": 1})
    assert believe.missing_together(table).set_index("missing columns")["rows"].to_dict() == {
        "a, b": 2,
        "none": 1,
        "b": 1,
    }


def test_missing_together_without_holes():
    assert believe.missing_together(pd.DataFrame({"a": [1, 2]}))["missing columns"].tolist() == ["none"]


def test_unseen_counts_values_that_the_sample_lacks():
    table = pd.DataFrame({"a": [1, 1, 2, 3, 3, 3]})
    assert believe.unseen(table, table.iloc[:3]).loc["a"].tolist() == [3, 1, 3, 3, 2]


@pytest.mark.parametrize("rows", [3, pd.Series([True, True, False, True]), pd.DataFrame({"a": [1, 2, 3]})])
def test_a_finding_counts_rows_of_any_form(rows):
    assert believe.finding("what", rows, "repair", "why")["count"] == 3


def test_a_verdict_outside_the_three_is_refused():
    with pytest.raises(CourseError, match="believe, repair, beware"):
        believe.finding("what", 1, "shrug", "why")
