"""Checks on real days, limits that keep their promise, a page that is whole or not there."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from course_lib import CourseError, load, monitoring

NAMES = ["carrier", "distance", "temperature", "wind_speed", "airport_delay"]
NUMBERS = NAMES[1:]


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    return load("features").iloc[::6].reset_index(drop=True)


@pytest.fixture(scope="session")
def counted(flights) -> pd.DataFrame:
    bins = monitoring.lay_bins(flights.loc[flights["day"] < "2013-04-01", NAMES])
    return monitoring.count(bins, flights, flights["day"])


@pytest.fixture(scope="session")
def bins(flights) -> monitoring.Bins:
    return monitoring.lay_bins(flights.loc[flights["day"] < "2013-04-01", NAMES])


@pytest.fixture(scope="session")
def means(flights) -> pd.DataFrame:
    return flights.groupby("day")[NUMBERS].mean()


@pytest.fixture(scope="session")
def checks(counted, means) -> pd.DataFrame:
    parts = [monitoring.moved(counted, counted).add_prefix("PSI ")]
    parts.append(monitoring.shifted(means, means).add_prefix("mean "))
    return pd.concat(parts, axis=1).loc["2013-02-01":]


@pytest.fixture(scope="session")
def limits(checks) -> monitoring.Limits:
    return monitoring.set_limits(checks.loc[:"2013-08-31"], 5)


@pytest.fixture
def day(flights) -> pd.DataFrame:
    return flights[flights["day"] == "2013-09-10"]


# ---- inputs ---------------------------------------------------------------------------------------------------------


def test_counts_hold_every_row_once(counted, flights):
    for name in NAMES:
        assert counted[name].sum(axis=1).equals(flights.groupby("day").size())


def test_missing_values_and_new_words_have_bins_of_their_own(bins, day):
    broken = day.assign(carrier="XX", temperature=np.nan)
    counts = monitoring.count(bins, broken, broken["day"]).iloc[0]
    assert counts["carrier"].iloc[-1] == counts["temperature"].iloc[0] == len(day)


def test_a_category_is_counted_like_its_words(bins, day):
    as_category = day.assign(carrier=day["carrier"].astype("category"))
    plain, other = (monitoring.count(bins, rows, rows["day"]) for rows in (day, as_category))
    pd.testing.assert_frame_equal(plain, other)


def test_index_is_the_sum_over_bins(counted):
    today = counted.loc[["2013-09-10"], ["distance"]]
    before = counted.loc["2013-08-13":"2013-09-09", ["distance"]].sum()
    p = np.maximum(today.to_numpy()[0] / today.to_numpy().sum(), 1e-3)
    q = np.maximum(before.to_numpy() / before.to_numpy().sum(), 1e-3)
    expected = ((p - q) * np.log(p / q)).sum()
    assert monitoring.moved(counted, counted).loc["2013-09-10", "distance"] == pytest.approx(expected)


def test_a_day_like_those_before_has_not_moved(counted):
    before = counted.loc[:"2013-03-01"]
    same = before.sum().to_frame().T.set_axis(pd.DatetimeIndex(["2013-03-02"]))
    assert monitoring.moved(same, before, window_days=100).to_numpy() == pytest.approx(0)


def test_the_first_day_has_nothing_to_be_compared_with(counted, means):
    assert monitoring.moved(counted, counted).iloc[0].isna().all()
    assert monitoring.shifted(means, means).iloc[0].isna().all()


def test_no_later_day_is_looked_at(counted, means):
    until = "2013-05-31"
    for compare, table in ((monitoring.moved, counted), (monitoring.shifted, means)):
        pd.testing.assert_frame_equal(compare(table, table).loc[:until], compare(table.loc[:until], table.loc[:until]))


def test_stuck_is_one_where_nothing_moves(day):
    shares = monitoring.stuck(day[NUMBERS].assign(temperature=50.0, wind_speed=np.nan), day["day"]).iloc[0]
    assert shares["temperature"] == shares["wind_speed"] == 1
    assert shares["distance"] < 0.5


def test_a_model_tells_columns_that_no_longer_belong_together(flights):
    names = ["distance", "dest_lat", "dest_lon", "planned_minutes"]
    past = flights.loc[flights["day"] < "2013-09-09", ["day", *names]]
    days = flights.loc[flights["day"].between("2013-09-09", "2013-09-13"), ["day", *names]]
    random = np.random.default_rng(0)
    mixed = days.assign(distance=random.permutation(days["distance"]))
    plain, found = (
        monitoring.told_apart(rows[names], rows["day"], past[names], past["day"]).mean() for rows in (days, mixed)
    )
    assert plain < 0.6 < 0.65 < found


def test_a_day_is_told_apart_from_days_before_it_alone(flights):
    days = flights.loc[flights["day"].between("2013-02-08", "2013-02-10"), ["day", *NUMBERS]]
    until = flights.loc[flights["day"] < "2013-02-11", ["day", *NUMBERS]]
    found = monitoring.told_apart(days[NUMBERS], days["day"], until[NUMBERS], until["day"])
    pd.testing.assert_series_equal(
        found, monitoring.told_apart(days[NUMBERS], days["day"], flights[NUMBERS], flights["day"])
    )
    first = flights[flights["day"] == flights["day"].min()]
    assert monitoring.told_apart(first[NUMBERS], first["day"], flights[NUMBERS], flights["day"]).isna().all()


# ---- outcomes -------------------------------------------------------------------------------------------------------


def labels_of(hours: int) -> pd.DataFrame:
    """One flight an hour, half of them late; late ones are known ten hours after their schedule, others two."""
    late = np.arange(hours) % 2
    scheduled = 60.0 * np.arange(hours)
    known = scheduled + np.where(late == 1, 600, 120)
    return pd.DataFrame({"scheduled_at": scheduled, "known_at": known, "late": late, "probability": 0.5})


def test_early_labels_mislead_and_settled_ones_do_not():
    terms = {"window_minutes": 24 * 60, "crew_cost": 1, "late_cost": 6}
    early, settled = (
        monitoring.outcomes(labels_of(200), [100 * 60.0], settled_minutes=wait, **terms).iloc[0] for wait in (0, 600)
    )
    assert settled["calibration"] == 0
    assert settled["unknown"] == 0 < early["unknown"]
    assert early["calibration"] > 0.1


def test_what_is_known_later_changes_nothing():
    terms = {"window_minutes": 24 * 60, "settled_minutes": 60, "crew_cost": 1, "late_cost": 6}
    table = labels_of(200)
    after = table["known_at"] > 100 * 60
    other = table.assign(late=table["late"].where(~after, 1 - table["late"]))
    first, second = (monitoring.outcomes(each, [100 * 60.0], **terms) for each in (table, other))
    pd.testing.assert_frame_equal(first, second)


def test_money_is_what_it_cost_beyond_the_promise():
    table = labels_of(100).assign(probability=0.1)  # no crew: promised 0.6 a flight, paid 3
    found = monitoring.outcomes(table, [1e9], window_minutes=10**9, settled_minutes=0, crew_cost=1, late_cost=6).iloc[0]
    assert found["money"] == pytest.approx(6 * 0.5 - 6 * 0.1)


def test_a_day_without_labels_is_no_alarm(checks, limits):
    nothing = monitoring.outcomes(labels_of(5), [-1.0], window_minutes=60, settled_minutes=0, crew_cost=1, late_cost=6)
    assert nothing["flights"].item() == 0
    assert nothing[["calibration", "money"]].isna().all(axis=None)
    unknown = pd.DataFrame(np.nan, index=checks.index[:1], columns=checks.columns)
    assert not limits.rung(unknown).item()


def test_age_of_news():
    ages = monitoring.age_of_news([30, 10, np.nan, 20], [10, 25, 31])
    assert np.isnan(ages[0])  # what happens at the very minute is not known yet
    assert ages[1:].tolist() == [5, 1]


# ---- a promise ------------------------------------------------------------------------------------------------------


def test_promise_holds_for_all_checks_together_on_days_not_used():
    """Noise whose days resemble each other, many times: the promise is about the mean."""
    rates = []
    for seed in range(16):
        random = np.random.default_rng(seed)
        noise = random.standard_normal((400, 12))
        for row in range(1, len(noise)):
            noise[row] += 0.4 * noise[row - 1]
        table = pd.DataFrame(noise**2)
        limits = monitoring.set_limits(table[:150], 6, seed=seed)
        rates.append(100 * limits.rung(table[150:]).mean())
    assert 1 < np.mean(rates) < 8


def test_a_limit_for_each_check_breaks_the_promise(checks):
    quiet = checks.loc[:"2013-08-31"]
    assert (quiet > quiet.quantile(0.95)).any(axis=1).mean() > 0.2


def test_a_higher_promise_rings_sooner(checks):
    dials = [monitoring.set_limits(checks, promised).dial for promised in (2, 10, 30)]
    assert dials == sorted(dials, reverse=True)
    assert dials[0] > dials[-1]


def test_a_wrong_unit_rings_and_is_named(counted, means, bins, day, limits):
    broken = day.assign(distance=day["distance"] * 1.609)
    found = pd.concat(
        [
            monitoring.moved(monitoring.count(bins, broken, broken["day"]), counted).add_prefix("PSI "),
            monitoring.shifted(broken.groupby("day")[NUMBERS].mean(), means).add_prefix("mean "),
        ],
        axis=1,
    )
    over = limits.over(found).iloc[0]
    assert over.max() > 1
    assert over.idxmax().endswith("distance")


def test_a_check_that_never_moved_rings_as_soon_as_it_moves(checks):
    quiet = checks.assign(gone=0.0)
    limits = monitoring.set_limits(quiet, 5)
    moved = quiet.iloc[:1].assign(gone=0.01)
    assert limits.over(moved)["gone"].item() > 1
    assert not limits.over(quiet)["gone"].gt(1).any()


def test_a_check_that_never_moved_is_left_the_moves_that_mean_nothing(checks):
    quiet = checks.assign(age=2.0)
    limits = monitoring.set_limits(quiet, 5, least={"age": 5})
    assert limits.dial == monitoring.set_limits(quiet, 5).dial
    late, later = (quiet.iloc[:1].assign(age=2 + minutes) for minutes in (0.9 * 5 * limits.dial, 60))
    assert limits.over(late)["age"].item() < 1 < limits.over(later)["age"].item()


def test_quiet_days_without_a_value_do_not_silence_the_monitor(checks):
    quiet = checks.copy()
    quiet.iloc[::40] = np.nan  # days on which nothing was measured
    limits = monitoring.set_limits(quiet, 5)
    assert limits.rung(100 * quiet.max().to_frame().T).item()


# ---- a page ---------------------------------------------------------------------------------------------------------


def test_page_works_from_a_file_and_refreshes(tmp_path, checks, limits):
    page = monitoring.write_page(
        tmp_path / "new folder" / "page.html", checks, limits, title="Crews <&>", refresh_seconds=7
    )
    text = page.read_text(encoding="utf-8")
    assert '<meta http-equiv="refresh" content="7">' in text
    assert "Crews &lt;&amp;&gt;" in text and "Crews <&>" not in text
    assert 'src="http' not in text
    assert [each.name for each in page.parent.iterdir()] == ["page.html"]


def test_page_is_not_cut_off_on_a_narrow_screen(tmp_path, checks, limits):
    text = monitoring.write_page(tmp_path / "page.html", checks, limits, title="").read_text(encoding="utf-8")
    assert '<meta name="viewport" content="width=device-width">' in text
    assert re.search(r'<div class="wide">\s*<div', text) and ".wide { overflow-x: auto }" in text


def test_page_says_when_it_was_written_and_what_it_is_worth_later(tmp_path, checks, limits):
    text = monitoring.write_page(tmp_path / "page.html", checks, limits, title="").read_text(encoding="utf-8")
    written = datetime.fromisoformat(re.search('<time id="written" datetime="(.+?)"', text)[1])
    assert timedelta(0) <= datetime.now(UTC) - written < timedelta(hours=1)
    assert re.search(r'if \(hours > 30\) \{\s+state.style.background = "#666666"', text)


def test_page_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path, checks, limits):
    file = tmp_path / "page.html"
    file.mkdir()  # where the page should go
    with pytest.raises(CourseError, match="Cannot write"):
        monitoring.write_page(file, checks, limits, title="Crews")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_page_takes_the_place_of_the_old_one(tmp_path, checks, limits):
    file = tmp_path / "page.html"
    old = monitoring.write_page(file, checks, limits, title="Old").open(encoding="utf-8")  # somebody reads it
    monitoring.write_page(file, checks, limits, title="New")
    with old:
        assert "<h1>Old</h1>" in old.read()
    assert "<h1>New</h1>" in file.read_text(encoding="utf-8")


# ---- what people get wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda t: monitoring.lay_bins(t["rows"].iloc[:0]), "at least one"),
        (lambda t: monitoring.count(t["bins"], t["rows"].drop(columns="distance"), t["rows"]["day"]), "lack distance"),
        (lambda t: monitoring.count(t["bins"], t["rows"], t["rows"]["day"].iloc[1:]), "days: give the day of each row"),
        (lambda t: monitoring.moved(t["counted"][["carrier"]], t["counted"]), "different bins"),
        (lambda t: monitoring.shifted(t["means"][["distance"]], t["means"]), "different columns"),
        (
            lambda t: monitoring.told_apart(t["rows"][NAMES], t["rows"]["day"], t["rows"][NUMBERS], t["rows"]["day"]),
            "different columns",
        ),
        (lambda t: monitoring.set_limits(t["checks"][:20]), "too few"),
        (lambda t: monitoring.set_limits(t["checks"][:100], 0.5), "at least 1.0"),
        (lambda t: monitoring.set_limits(t["checks"].assign(empty=np.nan)), "empty: no value"),
        (lambda t: monitoring.set_limits(t["checks"].assign(endless=np.inf)), "endless: infinite"),
        (lambda t: monitoring.set_limits(t["checks"], least={"age": 5}), "no check age"),
        (lambda t: t["limits"].over(t["checks"].drop(columns="PSI carrier")), "no check PSI carrier"),
        (lambda t: monitoring.write_page("x.html", t["checks"][:0], t["limits"], title=""), "no days"),
        (
            lambda t: monitoring.outcomes(
                labels_of(5), [0], window_minutes=1, settled_minutes=1, crew_cost=6, late_cost=1
            ),
            "nothing to decide",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(call, told, day, bins, counted, means, checks, limits):
    given = {"rows": day, "bins": bins, "counted": counted, "means": means, "checks": checks, "limits": limits}
    with pytest.raises(CourseError, match=told) as raised:
        call(given)
    assert "\n" not in str(raised.value)
