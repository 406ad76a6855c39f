import datetime
from decimal import Decimal

import pandas as pd
import pytest

from course_lib.data.same_answer import difference, equal, near_mean, near_sum


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (3, Decimal("3")),
        (Decimal("25.522006"), 25.522005853257337),  # Spark's mean of decimals beside DuckDB's
        (Decimal("1.005"), Decimal("1.00500")),
        (Decimal("12345678901234567890123456789012.123456"), Decimal("12345678901234567890123456789012.123456")),
        (1e12, 1e12 + 100),
        (None, float("nan")),
        (datetime.date(1995, 3, 15), datetime.date(1995, 3, 15)),
    ],
)
def test_the_same_in_another_type_is_equal(one, other):
    assert equal(one, other)
    assert equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (3, 4),
        (Decimal("25.522007"), 25.522005853257337),
        (Decimal("1.01"), Decimal("1.0049")),
        (Decimal("12345678901234567890123456789012.123456"), Decimal("12345678901234567890123456789012.123457")),
        (1.0, 1.0 + 1e-8),
        (None, 0),
        ("a", "a "),
        (datetime.date(1995, 3, 15), datetime.date(1995, 3, 16)),
    ],
)
def test_another_value_is_not_equal(one, other):
    assert not equal(one, other)
    assert not equal(other, one)


RANKED = pd.DataFrame({"revenue": [Decimal("9.50"), Decimal("7.25"), Decimal("7.25")], "name": ["a", "b", "c"]})


def test_rows_that_are_tied_may_come_in_any_order():
    other_way = RANKED.iloc[[0, 2, 1]]
    assert difference(RANKED, other_way, ["revenue"]) == ""
    assert "row 1, name: b beside c (2 of 6" in difference(RANKED, other_way, ["revenue", "name"])


def test_rows_that_are_not_tied_may_not():
    assert "row 0, revenue: 7.25 beside 9.50" in difference(RANKED.iloc[[1, 0, 2]], RANKED, ["revenue"])


def test_without_an_order_all_rows_may_come_in_any():
    assert difference(RANKED.iloc[::-1], RANKED) == ""


def test_ties_are_found_beside_means_that_differ_in_their_last_digits():
    ours = pd.DataFrame({"key": [1, 1], "mean": [Decimal("0.333333"), Decimal("0.666667")], "name": ["x", "y"]})
    theirs = pd.DataFrame({"key": [1, 1], "mean": [2 / 3, 1 / 3], "name": ["y", "x"]})
    assert difference(ours, theirs, ["key"]) == ""


def test_a_row_too_few_is_a_difference_and_no_rows_are_not():
    assert difference(RANKED.iloc[:2], RANKED, ["revenue"]) == "2 rows of 2 columns beside 3 rows of 2 columns"
    assert difference(RANKED.iloc[:0], RANKED.iloc[:0], ["revenue"]) == ""


def test_sums_may_differ_by_100_and_means_by_1_percent_of_two_digits():
    assert near_sum(Decimal("1100.00"), Decimal(1000))
    assert not near_sum(1100.01, Decimal(1000))
    assert near_mean(0.0344358904066548, Decimal("0.03"))  # TPC-H's question 8 at scale factor 1
    assert not near_mean(0.0351, Decimal("0.03"))
    assert near_mean(None, None)
    assert not near_sum(0.0, None)
