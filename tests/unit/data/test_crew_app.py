import pandas as pd
import pytest

from course_lib import load
from course_lib.data.crew_app import TROUBLES, crew_events


@pytest.fixture(scope="module")
def flights():
    table = load("flights")
    return table[table["month"].eq(2) & table["day"].between(4, 10)]


@pytest.fixture(scope="module")
def events(flights):
    return crew_events(flights, seed=0)


def test_each_departed_flight_is_one_event(flights, events):
    assert events["event_id"].nunique() == flights["dep_time"].notna().sum()


def test_an_untroubled_event_says_what_the_table_says(events):
    fine = events[events["trouble"] == "none"]
    minutes = (fine["happened"] - fine["scheduled"]).dt.total_seconds() / 60
    pd.testing.assert_series_equal(minutes, fine["minutes_behind"], check_names=False)


def test_every_trouble_occurs_about_as_often_as_it_is_planted(events):
    shares = events.drop_duplicates("event_id")["trouble"].value_counts(normalize=True)
    for trouble, share in TROUBLES.items():
        assert shares[trouble] == pytest.approx(share, rel=0.4)


def test_only_copies_and_corrections_come_twice(events):
    twice = events[events.duplicated("event_id", keep=False)]
    assert set(twice["trouble"]) == {"sent twice", "corrected"}
    assert (twice.groupby("event_id").size() == 2).all()


def test_nothing_is_received_before_it_happened(events):
    assert (events["received"] >= events["happened"]).all()


def test_the_same_seed_gives_the_same_feed_and_another_seed_another(flights, events):
    pd.testing.assert_frame_equal(crew_events(flights, seed=0), events)
    assert not crew_events(flights, seed=1)["crew"].equals(events["crew"])
