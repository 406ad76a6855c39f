"""The table "departures" uses only what was known at the decision, and grows without losing what it can teach."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_lib import CourseError, load
from course_lib.data import flights
from course_lib.data.catalogue import flights_at_scale

FEATURES = ["airport_delay", "nyc_delay", "overdue", "visibility", "precipitation", "wind_speed", "temperature"]
KEY = ["scheduled", "carrier", "flight", "origin"]


@pytest.fixture(scope="module")
def raw():
    """Flights with the instants that a person at the airport would see, and weather by origin and hour."""
    table = load("flights")
    table["scheduled"] = table["time_hour"] + pd.to_timedelta(table["minute"], unit="min")
    table["left"] = table["scheduled"] + pd.to_timedelta(table["dep_delay"], unit="min")
    return table, load("weather").set_index(["origin", "time_hour"])


@pytest.fixture(scope="module")
def departures():
    return load("departures")


@pytest.fixture(scope="module")
def grown(spark):
    return flights_at_scale(spark, 200_000).toPandas()


def known_by_hand(row, table, weather):
    """Work out the columns of one departure the slow way, in the words of their definitions."""
    decision = row.scheduled - pd.Timedelta(hours=3)
    # No flight of the year is later than 22 hours, so the days around hold all that matters.
    table = table.loc[decision - pd.Timedelta(days=2) : decision + pd.Timedelta(days=1)]
    recent = table[(table["left"] >= decision - pd.Timedelta(minutes=90)) & (table["left"] < decision)]
    here = table[table["origin"] == row.origin]
    should_have_left = here[here["scheduled"].between(decision - pd.Timedelta(minutes=60), decision, inclusive="left")]
    hour = decision.floor("h") - pd.Timedelta(hours=1)
    observed = weather.loc[(row.origin, hour)] if (row.origin, hour) in weather.index else None
    return [
        recent.loc[recent["origin"] == row.origin, "dep_delay"].mean(),
        recent["dep_delay"].mean(),
        (~(should_have_left["left"] < decision)).sum(),
        *[np.nan if observed is None else observed[name] for name in ("visib", "precip", "wind_speed", "temp")],
    ]


def test_columns_equal_those_worked_out_by_hand(raw, departures):
    table, weather = raw
    by_instant = table.set_index("scheduled", drop=False).sort_index()
    some = departures.sample(200, random_state=0)
    by_hand = [known_by_hand(row, by_instant, weather) for row in some.itertuples()]
    np.testing.assert_allclose(some[FEATURES].to_numpy(float), np.array(by_hand, float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("now", ["2013-03-08 17:30", "2013-07-10 21:00", "2013-12-05 19:45"])
def test_nothing_that_happens_after_the_decision_changes_a_column(raw, departures, now):
    now = pd.Timestamp(now, tz="UTC")
    generator = np.random.default_rng(0)
    table, weather = raw[0].copy(), raw[1].reset_index()

    # Another future: what has not left by `now`, and what never did, leaves at any later time, or never.
    future = ~(table["left"] < now)
    wait = (now - table["scheduled"]).dt.total_seconds().clip(lower=0) // 60 + generator.integers(1, 300, len(table))
    table.loc[future, "dep_delay"] = wait[future]
    table.loc[future & (generator.random(len(table)) < 0.3), "dep_delay"] = np.nan
    table.loc[future, "arr_delay"] += 100
    later = weather["time_hour"] + pd.Timedelta(hours=1) > now
    weather.loc[later, ["visib", "precip", "wind_speed", "temp"]] = -1.0
    changed = flights.departures(table, weather)

    before = departures["scheduled"] - pd.Timedelta(hours=3) <= now
    pd.testing.assert_frame_equal(departures.loc[before, KEY + FEATURES], changed.loc[before, KEY + FEATURES])
    assert not departures.loc[~before, FEATURES].equals(changed.loc[~before, FEATURES])


def test_order_does_not_tell_who_left_first(departures):
    assert departures[KEY].equals(departures[KEY].sort_values(KEY, ignore_index=True))


def test_split_is_by_time_with_the_sizes_of_the_story(departures):
    sizes = departures["split"].value_counts().to_dict()
    assert sizes == {"train": 205_642, "validation": 55_628, "test": 53_991, "warm-up": 12_085}
    first_days = departures.groupby("split")["day"].min().sort_values()
    assert list(first_days.index) == ["warm-up", "train", "validation", "test"]
    assert (
        departures.groupby("split")["day"].max()[first_days.index[:-1]].to_numpy() < first_days[1:].to_numpy()
    ).all()


def test_late_rates_are_those_of_the_story(departures):
    late = (departures["arr_delay"] >= 30).groupby(departures["month"]).mean()
    published = [14.6, 14.7, 15.7, 19.3, 15.3, 23.3, 23.8, 16.2, 8.8, 9.8, 10.2, 21.7]
    np.testing.assert_allclose(100 * late, published, atol=0.051)


def test_day_and_hour_are_new_yorks_clock(departures):
    local = departures["scheduled"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    assert (local.dt.normalize() == departures["day"]).all()
    assert (local.dt.hour == departures["hour"]).all()


def test_grown_rows_have_the_marginals_of_the_original(grown, departures):
    for column in ["airport_delay", "nyc_delay", "overdue", "temperature", "wind_speed", "distance", "arr_delay"]:
        quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
        spread = departures[column].quantile(0.95) - departures[column].quantile(0.05)
        moved = (grown[column].quantile(quantiles) - departures[column].quantile(quantiles)).abs() / spread
        assert moved.max() < 0.03, column  # half a mile per hour is 2.3 % of the spread of the wind
        assert grown[column].isna().mean() == pytest.approx(departures[column].isna().mean(), abs=0.003), column
    assert grown["wind_speed"].min() >= 0


@pytest.mark.parametrize("by", ["carrier", "hour", "origin", "month", "split"])
def test_grown_rows_keep_the_late_rate_of_each_group(grown, departures, by):
    tables = [table.assign(late=table["arr_delay"] >= 30).groupby(by)["late"] for table in (grown, departures)]
    rates = pd.DataFrame({"grown": tables[0].mean(), "original": tables[1].mean(), "rows": tables[0].size()}).dropna()
    noise = np.sqrt(rates["original"] * (1 - rates["original"]) / rates["rows"])
    assert ((rates["grown"] - rates["original"]).abs() <= 4 * noise).all()
    assert len(rates) >= len(tables[1]) - 1  # SkyWest has 29 flights, which a draw may miss


def test_a_model_learns_the_same_from_grown_rows(grown, departures):
    features = ["airport_delay", "nyc_delay", "overdue", "visibility", "hour"]

    def inputs(table):
        delays = np.log1p(table[["airport_delay", "nyc_delay"]].clip(lower=0))
        return table[features].assign(**delays).fillna(0)

    test = departures[departures["split"] == "test"]
    scores = []
    for table in (grown, departures):
        train = table[table["split"] == "train"]
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs(train), train["arr_delay"] >= 30)
        scores.append(roc_auc_score(test["arr_delay"] >= 30, model.predict_proba(inputs(test))[:, 1]))
    assert scores[1] > 0.68
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_grown_rows_are_more_than_copies(grown):
    known = grown.dropna(subset=FEATURES)
    assert known[FEATURES].duplicated().mean() < 0.001


def test_grown_columns_are_those_of_departures_and_a_number(grown, departures):
    assert list(grown.columns) == ["row", *departures.columns]
    assert grown["row"].is_unique
    assert grown["row"].between(0, 199_999).all()


def test_same_rows_whatever_the_number_of_tasks_and_rows(spark, monkeypatch):
    few = flights_at_scale(spark, 3_000).orderBy("row").toPandas()
    monkeypatch.setattr(flights, "ROWS_PER_TASK", 700)
    many = flights_at_scale(spark, 5_000).orderBy("row").toPandas()
    pd.testing.assert_frame_equal(few, many.head(3_000))


def test_same_rows_in_every_session(spark):
    # A number from another session, a Spark Connect server: when it changes, so does every lesson's number at scale.
    rows = flights_at_scale(spark, 5_000).orderBy("row").toPandas()
    assert pd.util.hash_pandas_object(rows, index=False).sum() == 4566362627690686555


def test_another_seed_draws_other_rows(spark):
    first, second = (flights_at_scale(spark, 1_000, seed).select("flight").toPandas() for seed in (0, 1))
    assert not first.equals(second)


def test_no_rows_is_refused(spark):
    with pytest.raises(CourseError, match="`rows` is 0"):
        flights_at_scale(spark, 0)
