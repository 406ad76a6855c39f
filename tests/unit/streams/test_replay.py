"""What a replayed feed tells is what was known when, in files that are whole."""

import pandas as pd
import pytest

from course_lib import CourseError, features, load
from course_lib.streams import replay, stream

START = pd.Timestamp("2013-02-08 06:00", tz="America/New_York")  # the blizzard: many cancelled flights
END = START + pd.Timedelta(hours=10)


@pytest.fixture(scope="module")
def flights():
    table = load("flights")
    return table[(table["month"] == 2) & table["day"].between(4, 10)]


@pytest.fixture(scope="module")
def events(flights):
    return replay.events(flights, START, END)


@pytest.fixture
def disturbed(events):
    return replay.disturb(events, late=0.1, late_minutes=(5, 90), doubled=0.2, seed=3)


def test_the_books_hold_no_outcome_from_after_they_were_closed(flights):
    books = features.with_clock(replay.books(flights, START, END))
    at = START.timestamp() // 60
    assert books["left_at"].max() < at
    assert books["known_at"].max() < at
    assert books["dep_delay"].notna().sum() > books["arr_delay"].notna().sum() > 0
    assert books["scheduled"].max() > END


def test_books_and_events_together_give_the_features_of_the_whole_table(flights, events, tmp_path):
    """Decided at the end of the feed, with all that it has told, no column differs."""
    asked = events.loc[events["kind"] == "decide", features.IN_ORDER].tail(150)
    weather, airports = load("weather"), load("airports")
    stream.prepare(replay.books(flights, START, END), weather, airports, tmp_path)
    now = stream.features_now(tmp_path, events, asked)
    decisions = flights.assign(scheduled=features.with_clock(flights)["scheduled"])
    decisions = asked.merge(decisions, on=features.IN_ORDER)
    whole = features.features(flights, weather, airports, decisions)
    pd.testing.assert_frame_equal(now[whole.columns], whole, check_exact=True, check_dtype=False)


def test_what_happens_after_a_decision_does_not_change_it(flights, events, tmp_path):
    asked = events.loc[events["kind"] == "decide", features.IN_ORDER].head(40)
    last = events.loc[events["kind"] == "decide", "happened"].iloc[39]
    for name in ("then", "later"):
        stream.prepare(replay.books(flights, START, END), load("weather"), load("airports"), tmp_path / name)
    by_then = stream.features_now(tmp_path / "then", events[events["happened"] <= last], asked)
    later = stream.features_now(tmp_path / "later", events, asked)
    pd.testing.assert_frame_equal(by_then, later, check_exact=True)


def test_each_event_has_a_name_of_its_own_and_they_come_in_order(events):
    assert events["event"].is_unique
    assert events["happened"].is_monotonic_increasing
    assert set(events["kind"]) == set(replay.KINDS)
    assert events.loc[events["kind"] == "departure", "dep_delay"].notna().all()
    assert events.loc[events["kind"] == "decide", ["dep_delay", "arr_delay", "air_time"]].isna().all(axis=None)


def test_disturbing_loses_no_event_and_delays_as_asked(events, disturbed):
    delay = (disturbed["arrives"] - disturbed["happened"]).dt.total_seconds() / 60
    assert set(disturbed["event"]) == set(events["event"])
    assert len(disturbed) > len(events)
    assert disturbed["arrives"].is_monotonic_increasing
    assert not disturbed["happened"].is_monotonic_increasing
    assert delay[delay > 0].between(5, 180).all()
    once = replay.disturb(events, late=0, late_minutes=(5, 90), doubled=1, seed=3)
    assert once["event"].value_counts().eq(2).all()


def test_a_seed_disturbs_the_same_events_again(events, disturbed):
    again = replay.disturb(events, late=0.1, late_minutes=(5, 90), doubled=0.2, seed=3)
    other = replay.disturb(events, late=0.1, late_minutes=(5, 90), doubled=0.2, seed=4)
    pd.testing.assert_frame_equal(disturbed, again)
    assert not disturbed["event"].equals(other["event"])


def test_a_feed_that_was_stopped_goes_on_where_it_was(disturbed, tmp_path):
    files = replay.send(disturbed, tmp_path, minutes_per_file=60)
    assert files >= 10
    gone = sorted(tmp_path.glob("*.json"))[-2:]
    kept = {file.name: file.stat().st_mtime_ns for file in sorted(tmp_path.glob("*.json"))[:-2]}
    for file in gone:
        file.unlink()
    assert replay.send(disturbed, tmp_path, minutes_per_file=60) == 2
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == kept
    sent = pd.concat([pd.read_json(file, lines=True) for file in sorted(tmp_path.glob("*.json"))])
    assert sorted(sent["event"]) == sorted(disturbed["event"])
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"late": 2}, "are shares"),
        ({"doubled": -0.1}, "are shares"),
        ({"late_minutes": (9, 3)}, "the least and the most"),
        ({"late_minutes": (0, 3)}, "the least and the most"),
    ],
)
def test_a_disturbance_that_cannot_be_is_refused(events, changed, message):
    settings = {"late": 0.1, "late_minutes": (5, 90), "doubled": 0, "seed": 0}
    with pytest.raises(CourseError, match=message):
        replay.disturb(events, **settings | changed)


def test_times_without_a_zone_or_a_flight_and_a_feed_that_stands_still_are_refused(flights, events, tmp_path):
    with pytest.raises(CourseError, match="need a time zone"):
        replay.events(flights, pd.Timestamp("2013-02-08"), pd.Timestamp("2013-02-09"))
    with pytest.raises(CourseError, match="Nothing happens between"):
        replay.events(flights, START + pd.Timedelta(days=400), END + pd.Timedelta(days=400))
    with pytest.raises(CourseError, match="more than 0"):
        replay.send(events, tmp_path, minutes_per_file=60, minutes_per_second=0)
