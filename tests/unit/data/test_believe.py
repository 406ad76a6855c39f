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


def test_spellings_by_case_and_punctuation():
    found = believe.spellings(pd.Series(["FALCON XP", "FALCON-XP", "falcon xp ", "EAGLE"]))
    assert found["spellings"].to_dict() == {"FALCON XP": 3}


def test_spellings_that_continue_a_name_at_a_words_end():
    found = believe.spellings(pd.Series(["AIRBUS", "AIRBUS INDUSTRIE", "AIRBUSTER"]), begins=True)
    assert found["which"].to_dict() == {"AIRBUS": "AIRBUS 1, AIRBUS INDUSTRIE 1"}


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
    groups = believe.cut(pd.Series(values), bins=10)
    assert groups.notna().all()
    assert groups.nunique() <= 11


def test_cut_gives_a_frequent_value_its_own_group():
    groups = believe.cut(pd.Series(np.r_[np.zeros(900), np.arange(1, 101.0)]), bins=5)
    assert groups.value_counts()["0"] == 900


def test_cut_keeps_the_order_of_numbers():
    values = pd.Series(np.random.default_rng(0).normal(size=500))
    by_group = values.groupby(believe.cut(values), observed=True).agg(["min", "max"])
    assert (by_group["min"].iloc[1:].to_numpy() > by_group["max"].iloc[:-1].to_numpy()).all()


@pytest.mark.parametrize("target", ["number", "classes", "truth"])
def test_explained_is_one_for_a_copy_and_nothing_for_noise(target):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 4_000)
    answers = {"number": group * 10.0, "classes": np.array(list("uvwx"))[group], "truth": group > 1}
    table = pd.DataFrame({"copy": group, "noise": rng.normal(size=4_000), "target": answers[target]})
    shares = believe.explained(table, "target")
    assert shares["copy"] == pytest.approx(1)
    assert shares["noise"] < 0.005


def test_explained_sees_a_curve_that_a_correlation_misses():
    x = np.linspace(-1, 1, 2_001)
    assert believe.explained(pd.DataFrame({"x": x, "y": x**2}), "y")["x"] > 0.9


def test_drift_is_chance_for_shuffled_rows_and_large_for_a_moved_column():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"still": rng.normal(size=6_000), "moved": np.r_[rng.normal(size=3_000), rng.normal(2, 1, 3_000)]}
    )
    distances = believe.drift(table, pd.Series(np.repeat([1, 2], 3_000)))
    assert distances.loc["still", [1, 2]].max() < 3 * distances.loc["still", "by chance"]
    assert distances.loc["moved", [1, 2]].min() > 0.3


LOOKED_FOR = {
    "row repeats an earlier row": pd.DataFrame({"a": [1, 2, 2], "b": [1, 2, 2]}),
    "row without any value": pd.DataFrame({"a": [1, 2, None], "b": [1, 2, None]}),
    "column equals another": pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}),
    "constant column": pd.DataFrame({"a": [1, 1]}),
    "empty column": pd.DataFrame({"a": [None, None]}),
    "time in the future": pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2191-01-01"])}),
    "time at a computer's zero": pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "1970-01-01"])}),
    "gap in a series with a step of 01:00:00": pd.DataFrame(
        {"a": pd.date_range("2024", periods=60, freq="1h").delete(9)}
    ),
    "infinite number": pd.DataFrame({"a": [1, 2, np.inf, 4]}),
    "highest value far off all others": pd.DataFrame({"a": [*range(20), 1_000]}),
    "lowest value far off all others": pd.DataFrame({"a": [-999, *range(20)]}),
    "negative in a mostly positive column": pd.DataFrame({"a": [-1, *range(300)]}),
    "clock shows 24:00": pd.DataFrame({"a": [h * 100 + m for h in range(24) for m in range(0, 60, 5)] + [2400]}),
    "the highest value takes a fifth or more": pd.DataFrame({"a": [*range(40), *[50] * 20]}),
    "mixed types": pd.DataFrame({"a": [1, "x", "y", "z"]}),
    "numbers kept as text": pd.DataFrame({"a": ["$1,200", "3", "4", "5"]}),
    "spaces around a value": pd.DataFrame({"a": ["u", " v", "w"]}),
    "text that stands for missing": pd.DataFrame({"a": ["u", "?", "w"]}),
    "letters broken by a wrong encoding": pd.DataFrame({"a": ["café".encode().decode("cp1252"), "u", "v"]}),
    "spellings of one name": pd.DataFrame({"a": ["New York", "new york", "Boston"]}),
    "nearly a key: a few values come twice": pd.DataFrame({"a": [f"key {n}" for n in [*range(200), 7]]}),
}


@pytest.mark.parametrize("check", LOOKED_FOR)
def test_look_finds(check):
    assert check in believe.look(LOOKED_FOR[check])["check"].tolist()


def test_look_is_quiet_on_a_clean_table():
    rng = np.random.default_rng(0)
    clean = pd.DataFrame({"x": rng.normal(100, 5, 500), "group": rng.choice(list("uvw"), 500)})
    assert believe.look(clean).empty


@pytest.mark.parametrize("rows", [3, pd.Series([True, True, False, True]), pd.DataFrame({"a": [1, 2, 3]})])
def test_a_finding_counts_rows_of_any_form(rows):
    assert believe.finding("what", rows, "repair", "why")["count"] == 3


def test_a_verdict_outside_the_three_is_refused():
    with pytest.raises(CourseError, match="believe, repair, beware"):
        believe.finding("what", 1, "shrug", "why")
