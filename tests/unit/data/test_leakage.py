"""Each planted leak is found by its check; honest columns, however strong or odd, are left alone."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from course_lib import CourseError, leakage, load
from course_lib.places import REPOSITORY

ROWS = 2_000
COLUMNS = ["check", "column", "evidence", "says", "ask"]


@pytest.fixture(scope="module")
def planted():
    """The benchmark that counts false alarms: it knows how the leaks are planted in the flights."""
    file = REPOSITORY / "benchmarks" / "leakage_false_alarms.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def days(planted):
    """A sample of whole days of the flights, some 40,000, with all that a careless person would join."""
    return planted.sample_of_days(planted.flights_with_leaks(), seed=0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def honest(rng):
    """Two columns that explain part of a yes/no outcome, and one that does not."""
    table = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["strong", "weak", "noise"])
    chance = 1 / (1 + np.exp(-(2 * table["strong"] + 0.5 * table["weak"] - 1)))
    return table.assign(target=rng.random(ROWS) < chance)


# ---------------------------------------------------------------- the leaks of the flights
LEAKS = [
    "departure_delay",
    "weather_at_departure",
    "copied",
    "recorded_rotation",
    "recorded_aircraft",
]


def found_by(check, data, asked):
    if check == "after_decision":
        return leakage.after_decision(data, asked["time"], asked["known_from"])
    if check == "copies":
        half = len(data) // 2
        return leakage.copies(data[:half], data[half:], asked["target"])
    return getattr(leakage, check)(data, asked["target"], time=asked["time"], group="day")


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_by_its_check(planted, days, leak):
    data, asked, check, column = getattr(planted, leak)(days, 0)
    found = found_by(check, data, asked)
    assert found["column"].tolist() == [column]
    assert found["check"].tolist() == [check]


@pytest.mark.parametrize("by", [["origin", "day"], ["carrier", "flight"]], ids=" and ".join)
def test_the_mean_over_all_rows_is_found(planted, days, by):
    data, *_ = planted.own_rate(by)(days, 0)
    found = leakage.own_group(data, "late", time="decided", group="day")
    assert found["column"].tolist() == ["rate"]
    assert found["evidence"].tolist() == [pytest.approx(1)]


def test_a_mean_over_all_rows_is_found_in_a_part_of_them(planted, days):
    data, *_ = planted.own_rate(["origin", "day"])(days, 0)
    found = leakage.own_group(data.sample(frac=0.7, random_state=0), "late", time="decided", group="day")
    assert found["column"].tolist() == ["rate"]
    assert found["evidence"].iloc[0] == pytest.approx(0.7, abs=0.1)


def test_the_features_of_the_course_are_clean(planted, days):
    data, asked, *_ = planted.nothing(days, 0)
    assert leakage.scan(data, **asked, group="day").empty


def test_a_delay_is_clean_too_as_a_number(days):
    from course_lib.data.features import names

    data = days.loc[days["fate"] == "landed", [*names(), "day", "arr_delay"]]
    assert leakage.scan(data, "arr_delay", group="day").empty


def test_one_scan_finds_several_leaks_and_leaves_the_table_alone(planted, days):
    data, asked, *_ = planted.departure_delay(days, 0)
    data = data.assign(rate=data.groupby(["origin", "day"])["late"].transform("mean"), left=data["decided"])
    data["left"] += pd.to_timedelta(180 + data["dep_delay"], unit="min")
    before = data.copy()
    found = leakage.scan(data, **asked, group="day")
    assert found.columns.tolist() == COLUMNS
    pairs = set(zip(found["check"], found["column"], strict=True))
    assert pairs == {("after_decision", "left"), ("own_group", "rate"), ("too_good", "dep_delay")}
    pd.testing.assert_frame_equal(data, before)


# ---------------------------------------------------------------- a column that knows nearly all
def test_an_honest_strong_column_is_left_alone(honest):
    assert leakage.scan(honest, "target").empty


def test_a_copy_of_the_outcome_is_found(honest, rng):
    told = honest.assign(code=np.where(honest["target"], "B2", "A7"), other=rng.normal(size=ROWS))
    found = leakage.too_good(told, "target")
    assert found["column"].tolist() == ["code"]
    assert found["evidence"].iloc[0] > 0.99


def test_a_number_in_two_other_units_is_found_twice(rng):
    grams = rng.lognormal(8, 0.2, ROWS)
    data = pd.DataFrame({"grams": grams, "pounds": grams / 453.6, "log": np.log(grams), "noise": rng.normal(size=ROWS)})
    assert set(leakage.too_good(data, "grams")["column"]) == {"pounds", "log"}


def test_a_leak_in_two_units_does_not_hide(rng):
    minutes = rng.normal(size=ROWS)
    data = pd.DataFrame({"minutes": minutes, "hours": minutes / 60, "noise": rng.normal(size=ROWS)})
    data["late"] = minutes + rng.normal(scale=0.2, size=ROWS) > 0
    found = leakage.too_good(data, "late")
    assert set(found["column"]) == {"minutes", "hours"}
    assert found["evidence"].max() < 0.9


def test_two_honest_columns_that_say_the_same_are_left_alone(rng):
    size = rng.normal(size=ROWS)
    data = pd.DataFrame({f"part {n}": size + rng.normal(scale=0.2, size=ROWS) for n in range(2)} | {"target": size > 0})
    assert leakage.scan(data, "target").empty


def test_what_only_holds_inside_groups_is_not_known_outside_of_them(rng):
    """The number of a room tells the outcome of the patient in it, and nothing of the next patient's."""
    patient = np.repeat(np.arange(40), 50)
    data = pd.DataFrame({"room": rng.permutation(40)[patient], "patient": patient})
    data["target"] = (rng.random(40) < 0.5)[patient]
    assert leakage.too_good(data[["room", "target"]], "target")["column"].tolist() == ["room"]
    assert leakage.too_good(data, "target", group="patient").empty


# ---------------------------------------------------------------- corners
def with_corner(rng, days):
    """A column with a fiftieth of odd values, in which the outcome is sure, on so many days."""
    column, target = rng.uniform(0, 100, 5_000), rng.random(5_000) < 0.2
    day = rng.integers(0, 100, 5_000)
    odd = np.flatnonzero(day < days)[:90]
    column[odd], target[odd] = rng.uniform(-20, -10, len(odd)), True
    return pd.DataFrame({"column": column, "day": day, "target": target})


def test_a_corner_with_a_jump_is_found(rng):
    found = leakage.too_sure(with_corner(rng, days=60), "target", group="day")
    assert found["column"].tolist() == ["column"]
    assert found["evidence"].iloc[0] > 0.9


def test_a_corner_of_few_days_is_left_alone(rng):
    data = with_corner(rng, days=5)
    assert leakage.too_sure(data, "target", group="day").empty
    assert len(leakage.too_sure(data.drop(columns="day"), "target")) == 1


def test_a_column_that_gets_sure_step_by_step_is_left_alone(rng):
    column = rng.normal(size=50_000)
    data = pd.DataFrame({"column": column, "target": rng.random(50_000) < 1 / (1 + np.exp(3 - 2 * column))})
    assert data.loc[data["column"] > 3, "target"].mean() > 0.9
    assert leakage.too_sure(data, "target").empty


def test_a_sure_category_is_found(rng):
    names = rng.choice([f"gate {n}" for n in range(40)], 6_000)
    sure = names == "gate 7"
    names[np.flatnonzero(sure)[100:]] = "gate 8"
    data = pd.DataFrame({"gate": names, "target": (names == "gate 7") | (rng.random(6_000) < 0.3)})
    found = leakage.too_sure(data, "target")
    assert "'gate' is 'gate 7' (100 rows)" in found["says"].iloc[0]


def test_a_value_that_is_always_zero_is_a_sure_outcome_of_a_number(rng):
    data = with_corner(rng, days=60)
    data["target"] = np.where(data["target"], 0.0, rng.uniform(1, 90, len(data)))
    assert leakage.too_sure(data, "target", group="day")["column"].tolist() == ["column"]


@pytest.mark.parametrize("told_by", ["missing", "known"])
def test_a_value_that_tells_by_being_there_or_not_is_found(honest, told_by):
    told = honest["target"] if told_by == "missing" else ~honest["target"]
    data = honest.assign(result=honest["noise"].mask(told))
    found = leakage.missing_tells(data, "target")
    assert found["column"].tolist() == ["result"]
    assert found["evidence"].tolist() == [1.0]


def test_a_frequent_outcome_is_told_by_no_value(rng):
    """Nearly all is well, but where the value is missing: there nobody knows."""
    data = pd.DataFrame({"value": rng.normal(size=ROWS), "failed": rng.random(ROWS) < 0.02})
    data.loc[:99, "value"] = np.nan
    data.loc[:99, "failed"] = rng.random(100) < 0.5
    assert data.loc[data["value"].notna(), "failed"].mean() < 0.05
    assert leakage.missing_tells(data, "failed").empty


# ---------------------------------------------------------------- rows
def test_copies_of_rows_are_found_under_new_keys(honest):
    doubled = pd.concat([honest, honest[:100]], ignore_index=True).assign(key=range(ROWS + 100))
    found = leakage.scan(doubled, "target")
    assert found["check"].tolist() == ["copies"]
    assert found["evidence"].iloc[0] == pytest.approx(100 / (ROWS + 100))
    train, test = doubled[:ROWS], doubled[ROWS:].assign(key=range(100))
    assert leakage.copies(train, test, "target")["evidence"].tolist() == [1.0]


def test_ties_of_coarse_columns_are_no_copies(rng):
    data = pd.DataFrame({name: rng.integers(0, 4, ROWS) for name in "abcd"} | {"target": rng.random(ROWS) < 0.4})
    assert data.duplicated().mean() > 0.5
    assert leakage.scan(data, "target").empty


def test_rows_with_another_outcome_are_no_copies(honest):
    other = honest[:500].assign(target=~honest["target"][:500])
    assert leakage.copies(honest, other, "target").empty


def rates(rng):
    """Outcomes of 100 days that differ, and the rate of the days before."""
    day = np.repeat(np.arange(100), 40)
    target = rng.random(len(day)) < rng.beta(2, 5, 100)[day]
    data = pd.DataFrame({"day": day, "target": target})
    by_day = data.groupby("day")["target"].mean()
    data["so far"] = day_to_row(by_day.expanding().mean().shift(), day)
    data["yesterday"] = day_to_row(by_day.shift(), day)
    return data, by_day


def day_to_row(by_day, day):
    return by_day.reindex(day).to_numpy()


def test_rates_of_the_days_before_are_left_alone(rng):
    data, _ = rates(rng)
    assert leakage.scan(data, "target", group="day").empty


@pytest.mark.parametrize("unit", [lambda rate: rate, lambda rate: 40 - 300 * rate], ids=["share", "another unit"])
def test_the_rate_of_the_day_itself_is_found(rng, unit):
    data, by_day = rates(rng)
    found = leakage.own_group(data.assign(rate=unit(day_to_row(by_day, data["day"]))), "target", group="day")
    assert found["column"].tolist() == ["rate"]


def test_the_mean_of_a_number_far_from_zero_is_found(rng):
    data, _ = rates(rng)
    data["target"] = 1e9 + rng.normal(size=len(data))
    data["rate"] = data.groupby("day")["target"].transform("mean")
    assert leakage.own_group(data, "target", "day")["column"].tolist() == ["rate"]


def test_the_true_rate_is_left_alone(rng):
    """Right on average, but it has not seen the rows: their means scatter around it."""
    rate = rng.beta(2, 5, 200).repeat(40)
    data = pd.DataFrame({"rate": rate, "target": rng.random(len(rate)) < rate})
    assert leakage.own_group(data, "target").empty


def test_the_mean_of_a_number_is_found(rng):
    shop = rng.integers(0, 200, ROWS)
    data = pd.DataFrame({"shop": shop, "target": rng.gamma(2, 10, ROWS)})
    data["usual"] = data.groupby("shop")["target"].transform("mean")
    assert leakage.own_group(data, "target", group="shop")["column"].tolist() == ["usual"]


# ---------------------------------------------------------------- time
@pytest.mark.parametrize("zones", [("UTC", "UTC"), (None, "UTC"), ("America/New_York", None), (None, None)])
def test_values_known_at_the_decision_or_later_are_found(zones):
    decided = pd.Series(pd.date_range("2024-05-01 12:00", periods=100, freq="h", tz="UTC"))
    after = decided + pd.to_timedelta(np.where(np.arange(100) < 30, 0, -60), unit="min")

    def told_in(times, zone):
        return times.dt.tz_convert(zone) if zone else times.dt.tz_localize(None)

    data = pd.DataFrame({"decided": told_in(decided, zones[0]), "seen_at": told_in(after, zones[1]), "value": 1.0})
    found = leakage.after_decision(data, "decided", {"value": "seen_at"})
    assert found["column"].tolist() == ["value"]
    assert found["evidence"].tolist() == [0.3]
    assert leakage.after_decision(data[30:], "decided", {"value": data["seen_at"][30:]}).empty


def test_a_time_after_the_decision_is_found_without_being_asked_for():
    decided = pd.Series(pd.date_range("2024-05-01", periods=100, freq="h"))
    data = pd.DataFrame({"decided": decided, "before": decided - pd.Timedelta("1h"), "landed": decided})
    data["landed"] += pd.Timedelta("5h")
    assert leakage.after_decision(data, "decided")["column"].tolist() == ["landed"]


def test_columns_that_know_the_future_move_with_it():
    facts = load("weather").query("origin == 'JFK'")[["time_hour", "temp"]].head(500)

    def build(facts):
        hours = facts.set_index("time_hour")["temp"]
        known = hours.shift(1).rolling(3).mean()
        careless = hours.groupby(hours.index.date).transform("mean")
        return pd.DataFrame({"known": known, "careless": careless}).reset_index(names="decided")

    moved = leakage.moves_with_future(build, facts, {"temp": "time_hour"}, "decided")
    assert moved.index.tolist() == ["careless"]
    assert 0 < moved["careless"] < 0.2


# ---------------------------------------------------------------- odd tables
def odd_columns(rng):
    some = rng.random(ROWS) < 0.2
    return {
        "constant": 1,
        "empty": np.nan,
        "all none": pd.Series([None] * ROWS, dtype=object),
        "text": [f"remark {n}" for n in range(ROWS)],
        "category": pd.Categorical(rng.choice(list("ab"), ROWS), categories=list("abc")),
        "lists": [[n % 3] for n in range(ROWS)],
        "dicts": [{"n": n} for n in range(ROWS)],
        "mixed": [1, "1", None, 2.5] * (ROWS // 4),
        "whole": pd.array(np.where(some, 0, rng.integers(0, 9, ROWS)), dtype="Int64"),
        "whole with holes": pd.array([None, 1, 2, 3] * (ROWS // 4), dtype="Int64"),
        "truth with holes": pd.array([None, True, False, True] * (ROWS // 4), dtype="boolean"),
        "string": pd.array(rng.choice(["x", "y", None], ROWS), dtype="string"),
        "waited": pd.to_timedelta(rng.integers(0, 90, ROWS), unit="min"),
        "complex": rng.normal(size=ROWS) + 1j,
        "infinite": np.where(some, np.inf, rng.normal(size=ROWS)),
        "huge": rng.normal(size=ROWS) * 1e300,
        "large whole": 10**18 + rng.integers(0, 50, ROWS),
        "half alike": np.where(np.arange(ROWS) < ROWS / 2, 5, rng.normal(size=ROWS)),
        "month": pd.PeriodIndex(rng.choice(pd.period_range("2024-01", periods=9, freq="M"), ROWS)),
        "time": pd.date_range("2024", periods=ROWS, tz="Asia/Tokyo"),
        "few times": pd.Series([pd.Timestamp("2024"), pd.NaT] * (ROWS // 2)),
        7: rng.normal(size=ROWS),
    }


TARGETS = {
    "truth": lambda rng: rng.random(ROWS) < 0.3,
    "0 and 1": lambda rng: rng.integers(0, 2, ROWS),
    "yes and no": lambda rng: rng.choice(["yes", "no"], ROWS),
    "truth with holes": lambda rng: pd.array(rng.choice([True, False, None], ROWS), dtype="boolean"),
    "category": lambda rng: pd.Categorical(rng.choice(list("abc"), ROWS), categories=list("abcdef")),
    "many classes": lambda rng: rng.choice([f"class {n}" for n in range(30)], ROWS),
    "number": lambda rng: rng.normal(size=ROWS),
    "number with holes": lambda rng: np.where(rng.random(ROWS) < 0.1, np.inf, rng.gamma(1, size=ROWS)),
    "lists": lambda rng: [[n] for n in rng.integers(0, 3, ROWS)],
}


@pytest.mark.parametrize("target", TARGETS)
def test_odd_columns_and_targets_are_read_and_left_alone(rng, target):
    data = pd.DataFrame(odd_columns(rng)).assign(target=TARGETS[target](rng))
    data["person"] = rng.integers(0, 200, ROWS)
    data.index = np.zeros(ROWS, dtype=int)  # labels that name no row
    assert leakage.scan(data, "target", group="person").empty


def test_wide_and_narrow_tables_are_read(rng):
    wide = pd.DataFrame(rng.normal(size=(300, 500))).assign(target=rng.integers(0, 2, 300))
    assert leakage.scan(wide, "target").empty
    narrow = wide[["target"]]
    assert leakage.scan(narrow, "target").columns.tolist() == COLUMNS


def test_rows_without_a_target_are_left_out_and_counted(honest):
    told = honest.assign(code=honest["target"])
    told["target"] = told["target"].astype(object).where(told.index >= 300)
    told.loc[:299, "code"] = True
    found = leakage.scan(told, "target")
    assert found.attrs["left_out"] == 300
    assert found["evidence"].tolist() == [pytest.approx(1, abs=1e-4)]


def test_the_same_seed_gives_the_same_findings(honest):
    told = honest.assign(code=honest["target"].astype(float))
    pd.testing.assert_frame_equal(leakage.scan(told, "target", seed=3), leakage.scan(told, "target", seed=3))


# ---------------------------------------------------------------- mistakes
def table(**columns):
    return pd.DataFrame({"x": np.arange(100.0), "y": [0, 1] * 50, "when": pd.date_range("2024", periods=100)} | columns)


MISTAKES = {
    "no table": (lambda: leakage.scan([1, 2], "y"), "pandas DataFrame, you gave list"),
    "no such target": (lambda: leakage.scan(table(), "Y"), "the nearest is 'y'"),
    "no such group": (lambda: leakage.scan(table(), "y", group="day"), "group='day' is not a column"),
    "no such time": (lambda: leakage.scan(table(), "y", time="whe"), "the nearest is 'when'"),
    "two of a name": (lambda: leakage.scan(table().set_axis(["x", "x", "y"], axis=1), "y"), "Two columns are named x"),
    "one class": (lambda: leakage.scan(table(y=1), "y"), "has the one value '1'"),
    "no target at all": (lambda: leakage.scan(table(y=np.nan), "y"), "Only 0 rows"),
    "few rows": (lambda: leakage.scan(table()[:49], "y"), "Only 49 rows"),
    "too many texts": (lambda: leakage.scan(table(y=[f"{n}" for n in range(100)]), "y"), "100 different texts"),
    "a time as target": (lambda: leakage.scan(table(), "when"), "is a time"),
    "two groups": (lambda: leakage.scan(table(day=[1, 2] * 50), "y", group="day"), "has 2 different values"),
    "a time that is none": (lambda: leakage.scan(table(), "y", time="x"), "holds no timestamps but float64"),
    "known without a time": (lambda: leakage.scan(table(), "y", known_from={"x": "when"}), "name the moment"),
    "known from no time": (lambda: leakage.after_decision(table(), "when", {"x": "y"}), "known_from of 'x'"),
    "known column not there": (lambda: leakage.after_decision(table(), "when", {"z": "when"}), "known_from='z'"),
    "another index": (
        lambda: leakage.after_decision(table(), "when", {"x": table()["when"][:50]}),
        "another index than the table",
    ),
    "no rows to compare": (lambda: leakage.copies(table(), table()[:0], "y"), "one of these is empty"),
    "no target in test": (lambda: leakage.copies(table(), table().drop(columns="y"), "y"), "target='y'"),
    "a build that drops rows": (
        lambda: leakage.moves_with_future(
            lambda facts: facts[facts["x"].cumsum() < 1_000], table(), {"x": "when"}, "when", seed=1
        ),
        "build gave",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(CourseError) as raised:
        make()
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
