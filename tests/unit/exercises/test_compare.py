from datetime import date

import numpy as np
import pandas as pd
import pytest

from course_lib.errors import CourseError
from course_lib.exercises.compare import difference

BY_HOUR = pd.Series([0.1, 0.2, np.nan], index=pd.Index([5, 6, 7], name="hour"))
TABLE = pd.DataFrame({"carrier": ["UA", "AA"], "share": [0.5, 0.25]})
TIMES = pd.Series(pd.to_datetime(["2013-01-01 05:00", None]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (0.1 + 0.2, 0.3),
        (np.float32(0.25), 0.25),
        (5.0, 5),
        (float("nan"), np.nan),
        (np.bool_(True), True),
        (" ua ", "UA"),
        (np.array(3), 3),
        ([3, 1, 2], [1, 2, 3]),
        ({"b", "a"}, ["a", "b"]),
        (["a", "b"], {"b", "a"}),
        ((1, 0.1 + 0.2, "x"), (1, 0.3, "x")),
        (np.array([1.0, np.nan]), np.array([1, np.nan])),
        ({"a": 1, "b": [1, 2]}, {"b": (1, 2), "a": np.int64(1)}),
        (pd.Series({"a": 1}), {"a": 1}),
        (BY_HOUR[::-1].rename("other"), BY_HOUR),
        (BY_HOUR.set_axis([5.0, 6.0, 7.0]), BY_HOUR),
        (TABLE[::-1][["share", "carrier"]], TABLE),
        (TABLE.astype({"carrier": "string", "share": "Float64"}), TABLE),
        (TABLE.astype({"carrier": "category"}), TABLE),
        (TABLE, TABLE.set_index("carrier")),
        (TABLE.set_index("carrier"), TABLE),
        (TIMES.dt.tz_localize("UTC").astype("datetime64[s, UTC]"), TIMES),
        (pd.Series([date(2013, 1, 1)]), pd.Series(pd.to_datetime(["2013-01-01"]))),
        ([1, 2, 3], pd.Series([1, 2, 3])),
        (np.matrix([["a"], ["b"]]), np.array(["a", "b"])),
        (pd.Series(dtype=float), pd.Series(dtype=float)),
    ],
)
def test_same(answer, expected):
    assert difference(answer, expected) is None


@pytest.mark.parametrize(
    ("answer", "expected", "line"),
    [
        (20_000_001, 20_000_000, "not the expected number"),
        (0.84, 0.8437, "the expected one, rounded"),
        (25_300_000, 25_312_345.6, "the expected one, rounded"),
        (0.8439, 0.8437, "not the expected number"),
        (360, 359, "it is not the expected number"),
        (0, 0.3, "not the expected number"),
        (True, 1, "a number is expected, you gave True or False"),
        ((2, 1), (1, 2), "in element 1"),
        ([1, 2], [1, 2, 3], "3 values are expected, you gave 2"),
        (np.array([2, 1]), np.array([1, 2]), "2 of 2 values"),
        (100 * BY_HOUR, BY_HOUR, "your numbers are 100 times the expected ones"),
        (np.array([0.84, 0.2]), np.array([0.8437, 0.2]), "the expected ones, rounded: give them as they were computed"),
        (np.array([[2], [1]]), np.array([1, 2]), "2 of 2 values"),
        ({"a"}, {"a", "b"}, "1 of the expected elements are missing, 0"),
        ({"a": 2}, {"a": 1}, "at key a, it is not"),
        ({"c": 2}, {"a": 1}, "not expected: c"),
        (BY_HOUR + 1, BY_HOUR, "2 of 3 values are not"),
        (BY_HOUR.set_axis([5, 6, 8]), BY_HOUR, "labels of the index are not those expected indexed by hour"),
        (BY_HOUR.reset_index(), BY_HOUR, "a Series of 3 values indexed by hour is expected, you gave a DataFrame of 3"),
        (TABLE.rename(columns={"share": "late"}), TABLE, "missing: share; not asked for: late"),
        (TABLE.head(1), TABLE, "2 rows are expected, you gave 1"),
        (TABLE.shape, 2, "you gave a tuple of 2 values"),
        (TABLE.count, 2, "a function (call it with parentheses)"),
    ],
)
def test_different(answer, expected, line):
    assert line in difference(answer, expected)


def test_a_column_without_its_table_is_named(spark):
    from pyspark.sql import functions as F

    with pytest.raises(CourseError, match="a Column is a recipe"):
        difference(F.col("carrier"), TABLE)


def test_order_counts_where_asked():
    assert difference(TABLE[::-1], TABLE, ordered=True) == "the order of the rows counts here."
    assert difference(BY_HOUR[::-1], BY_HOUR, ordered=True) == "the order of the values counts here."
    assert difference([2, 1], [1, 2], ordered=True) is not None


def test_rows_that_differ_by_noise_alone_are_the_same():
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.normal(size=500), "b": generator.integers(0, 3, 500)})
    noisy = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    noisy["a"] *= 1 + 1e-9
    assert difference(noisy, rows) is None


def test_table_of_another_engine_is_compared_as_pandas():
    import duckdb

    assert difference(duckdb.sql("select 'UA' as carrier, 0.5 as share union all select 'AA', 0.25"), TABLE) is None


def test_spark_answer_is_collected(spark):
    answer = spark.createDataFrame([(7, None), (6, 0.2), (5, 0.1)], "hour int, share double")
    assert difference(answer, BY_HOUR) is None
    assert difference(answer.limit(2), BY_HOUR) == "3 values are expected, you gave 2."


def test_spark_answer_that_is_not_aggregated_is_refused(spark):
    with pytest.raises(CourseError, match="aggregate on the engine first"):
        difference(spark.range(300_000), TABLE)
