"""What a model sees of a column, and what stays out with a reason."""

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis.columns import Feature, build, plan, unseen

N = 300


def planned(time=None, **columns):
    rows = pd.DataFrame(columns)
    features, reasons = plan(rows, {}, time)
    return rows, features, reasons


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.linspace(0, 1, N), "number"),
        (np.arange(N) * 7, "number"),
        ([True, False] * (N // 2), "number"),
        (np.array([True, False, None] * (N // 3), dtype=object), "number"),
        (["red", "blue", None] * (N // 3), "category"),
    ],
)
def test_kinds(values, kind):
    assert [each.kind for each in planned(x=values)[1]] == [kind]


def test_long_texts_are_text_and_names_are_left_out():
    rng = np.random.default_rng(0)
    words = np.array([f"word{n}" for n in range(400)])
    remarks = [" ".join(rng.choice(words, 8)) for _ in range(N)]
    names = [f"customer-{n}" for n in range(N)]
    _, features, reasons = planned(remark=remarks, name=names)
    assert features == [Feature("remark", "text")]
    assert "is a name or a key" in reasons["name"]


@pytest.mark.parametrize("column", ["id", "order_id", "orderId", "x"])
def test_numbers_that_only_count_are_left_out(column):
    numbers = np.random.default_rng(0).permutation(N) * (1 if column == "x" else 13)
    assert planned(**{column: numbers})[1] == []


@pytest.mark.parametrize(
    ("begin", "step", "parts"),
    [
        ("2020-01-01 08:00", "49h", ["hour", "weekday"]),  # two years: a month is a date by another name
        ("2018-01-01", "5D", ["weekday", "month"]),
        ("2018-01-01", "7D", ["month"]),
        ("1700-01-01", "YS", []),
    ],
)
def test_times_are_seen_by_what_comes_round_again(begin, step, parts):
    _, features, reasons = planned(day=pd.date_range(begin, periods=N, freq=step, unit="s"))
    assert [each.part for each in features] == parts
    assert parts or "only counts up" in reasons["day"]


def test_numbers_that_count_up_with_time_are_left_out():
    now = pd.date_range("2023-01-01", "2023-12-31", periods=N, unit="s")
    _, features, reasons = planned("now", now=now, month=now.month, hour=np.arange(N) * 7 % 24)
    assert "month" not in {each.column for each in features}
    assert "only counts up with time" in reasons["month"]
    assert Feature("hour", "number") in features


def test_another_time_is_counted_back_from_the_decision():
    now = pd.date_range("2024-01-01", periods=N, freq="D")
    rows, features, _ = planned("now", now=now, born=now - pd.to_timedelta(2 * np.arange(N), unit="D"))
    built, _ = build(rows, features, "now")
    assert built["born (days before)"].tolist() == list(range(0, 2 * N, 2))


def test_a_time_is_the_same_hour_whatever_zone_the_file_wrote_it_in():
    here = pd.Series(pd.to_datetime(["2024-01-01 12:00"]).tz_localize("America/New_York"))
    hour = [Feature("x", "number", "hour")]
    for values in (here, here.dt.tz_convert("UTC"), here.dt.tz_convert("UTC").dt.tz_localize(None)):
        assert build(pd.DataFrame({"x": values}), hour)[0].iloc[0].tolist() == [17.0]


def test_codes_are_the_same_text_whatever_the_file_made_of_them():
    features = [Feature("code", "category")]
    text, _ = build(pd.DataFrame({"code": ["7", None]}), features)
    number, _ = build(pd.DataFrame({"code": [7.0, np.nan]}), features)
    assert text["code"].tolist() == number["code"].tolist() == ["7", "(missing)"]


def test_what_is_no_number_is_told():
    built, lost = build(pd.DataFrame({"x": ["1", "many"]}), [Feature("x", "number")])
    assert built["x"].isna().tolist() == [False, True]
    assert lost == ["'x' is no number in 1 rows: taken as missing."]


def test_values_never_met_are_told():
    features = [Feature("x", "category")]
    built, _ = build(pd.DataFrame({"x": ["a", "new", "new"]}), features)
    assert "holds 1 values that the model has not met, in 2 rows: new" in unseen(built, features, {"x": ["a"]})[0]
