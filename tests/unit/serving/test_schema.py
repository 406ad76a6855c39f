"""A request and a table of a batch are read by the same rules."""

import json

import flights_served
import numpy as np
import pandas as pd
import pytest
from flights_served import NAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from course_lib import CourseError
from course_lib.serving import schema

FLOAT32 = float(np.finfo("float32").max)
EXAMPLE = pd.DataFrame(
    {
        "carrier": pd.Categorical(["UA", None], ["AA", "UA"]),
        "two words": np.array([1.5, np.nan], "float32"),
        "n": [1, 2],
    }
)
COLUMNS = schema.columns_of(EXAMPLE)
REQUEST = schema.request_of(COLUMNS, EXAMPLE, {})
GOOD = {"carrier": "UA", "two words": 1.5, "n": 1}


def rows_of(*decisions: dict) -> list[tuple]:
    asked = REQUEST.model_validate_json(json.dumps({"decisions": decisions}))
    return [tuple(each.__dict__.values()) for each in asked.decisions]


def test_what_a_request_holds_becomes_the_rows_that_the_model_learned_from():
    made, unknown = schema.table(COLUMNS, rows_of(*(schema.as_decision(row) for _, row in EXAMPLE.iterrows())))
    pd.testing.assert_frame_equal(made, EXAMPLE)
    assert unknown == []


def test_the_order_of_the_columns_in_a_request_does_not_matter():
    made, _ = schema.table(COLUMNS, rows_of(dict(reversed(GOOD.items()))))
    pd.testing.assert_frame_equal(made, EXAMPLE.head(1))


def test_a_word_never_met_is_missing_in_both_and_told():
    made, unknown = schema.table(COLUMNS, rows_of(GOOD, GOOD | {"carrier": "ZZ"}))
    of_batch = schema.prepare(COLUMNS, pd.DataFrame([GOOD, GOOD | {"carrier": "ZZ"}]))
    assert unknown == [(1, "carrier", "ZZ")]
    assert made["carrier"].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(made, of_batch)


REFUSED = [
    ("two words", float("inf")),
    ("two words", float("-inf")),
    ("two words", 2 * FLOAT32),
    ("two words", "1.5"),
    ("n", None),
    ("n", 1.5),
    ("n", 2**70),
]


@pytest.mark.parametrize(("column", "value"), [*REFUSED, ("n", True), ("two words", True), ("carrier", 3)])
def test_what_a_request_may_not_hold(column, value):
    with pytest.raises(ValidationError) as raised:
        rows_of(GOOD | {column: value})
    assert raised.value.errors()[0]["loc"][:3] == ("decisions", 0, column)


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_what_a_table_may_not_hold_either(column, value):
    if isinstance(value, str):
        value = "many"
    rows = pd.DataFrame([GOOD, GOOD | {column: value}])
    with pytest.raises(CourseError, match=f"Column '{column}' holds"):
        schema.prepare(COLUMNS, rows)


def test_a_missing_column_is_refused_by_both():
    with pytest.raises(ValidationError, match="two words"):
        rows_of({"carrier": "UA", "n": 1})
    with pytest.raises(CourseError, match="lacks two words"):
        schema.prepare(COLUMNS, pd.DataFrame([GOOD]).drop(columns="two words"))


@pytest.mark.parametrize("decisions", [[], [GOOD] * (schema.ROWS_OF_REQUEST + 1)], ids=["none", "too many"])
def test_a_request_asks_for_one_or_many(decisions):
    with pytest.raises(ValidationError):
        rows_of(*decisions)


def test_a_column_of_days_is_refused():
    with pytest.raises(CourseError, match="'day' holds datetime64"):
        schema.columns_of(pd.DataFrame({"day": pd.to_datetime(["2013-01-01"])}))


numbers = st.none() | st.floats(-FLOAT32, FLOAT32, allow_nan=False, width=32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["AA", "UA", "ZZ", "", None]), numbers, st.integers(-9, 9)), min_size=1))
def test_request_and_batch_make_the_same_table(rows):
    decisions = [dict(zip(GOOD, row, strict=True)) for row in rows]
    made, _ = schema.table(COLUMNS, rows_of(*decisions))
    pd.testing.assert_frame_equal(made, schema.prepare(COLUMNS, pd.DataFrame(decisions, columns=list(GOOD))))


def test_the_table_of_the_features_as_it_is_stored():
    from course_lib import load

    learned = flights_served.flights()[NAMES]
    columns = schema.columns_of(learned)
    made = schema.prepare(columns, load("features").iloc[::25])
    pd.testing.assert_frame_equal(made.loc[learned.index], learned)
