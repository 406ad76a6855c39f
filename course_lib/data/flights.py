"""The course's own table, "departures", made from the raw flights and weather; and the same table grown to any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession
    from pyspark.sql import DataFrame as SparkFrame

DECISION_HOURS = 3  # the crew is decided on this long before the scheduled departure
WINDOW_MINUTES = 90  # departures this recent tell how an airport is doing
OVERDUE_MINUTES = 60  # how long a flight that has not left counts as overdue

ROWS_PER_TASK = 500_000  # grown rows that one Spark task makes, a second's work or less
JITTER = {"airport_delay": 1.0, "nyc_delay": 1.0, "temperature": 0.5, "wind_speed": 0.5}  # at most this much, +/-

_WEATHER = {"visib": "visibility", "precip": "precipitation", "wind_speed": "wind_speed", "temp": "temperature"}


def departures(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Say for each flight that landed what was known three hours before its scheduled departure.

    Every column except `arr_delay` uses only what had happened before the decision, which falls
    ``DECISION_HOURS`` before the scheduled departure: a flight that left in that very minute does not count yet.

    Parameters
    ----------
    flights : pandas.DataFrame, one row per scheduled flight
        The raw table "flights".
    weather : pandas.DataFrame, one row per origin and hour
        The raw table "weather".

    Returns
    -------
    pandas.DataFrame, one row per flight whose arrival delay is known
        Sorted by scheduled departure, then carrier, flight and origin: the raw table is sorted by *actual* departure,
        an order that would tell how late a flight was. The card of "departures" lists the columns.
    """
    flights = flights.assign(scheduled=flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min"))
    table = flights[flights["arr_delay"].notna()].copy()
    table["day"] = pd.to_datetime(table[["year", "month", "day"]])
    table["split"] = _split(table["day"])
    decision = table["scheduled"] - pd.Timedelta(hours=DECISION_HOURS)

    table["airport_delay"] = np.nan
    table["overdue"] = 0
    for origin, at_origin in flights.groupby("origin"):
        here = table["origin"] == origin
        table.loc[here, "airport_delay"] = _recent_delay(at_origin, decision[here])
        table.loc[here, "overdue"] = _overdue(at_origin, decision[here])
    table["nyc_delay"] = _recent_delay(flights, decision)

    # The observation of 19:00 covers the hour to 20:00, so it is the newest one to use at 20:00.
    table["time_hour"] = decision.dt.floor("h") - pd.Timedelta(hours=1)
    observed = weather[["origin", "time_hour", *_WEATHER]].rename(columns=_WEATHER)
    table = table.merge(observed, on=["origin", "time_hour"], how="left", validate="many_to_one")

    table["arr_delay"] = table["arr_delay"].astype("int64")
    columns = ["scheduled", "day", "month", "hour", "minute", "carrier", "flight", "origin", "dest", "distance"]
    columns += ["airport_delay", "nyc_delay", "overdue", *_WEATHER.values(), "arr_delay", "split"]
    return table.sort_values(["scheduled", "carrier", "flight", "origin"], ignore_index=True)[columns]


def _split(day: pd.Series) -> np.ndarray:
    """Name the part of the year: the first two weeks only warm up what looks back, then the split is by time."""
    starts = pd.to_datetime(["2013-01-15", "2013-09-01", "2013-11-01"])
    names = np.array(["warm-up", "train", "validation", "test"], dtype=object)
    return names[np.searchsorted(starts, day, side="right")]


def _minutes(instants: pd.Series) -> np.ndarray:
    """Whole minutes since 1970, so that sums and comparisons are exact."""
    return instants.astype("datetime64[s, UTC]").astype("int64").to_numpy() // 60


def _recent_delay(flights: pd.DataFrame, decision: pd.Series) -> np.ndarray:
    """Mean departure delay in minutes over the flights that left in the 90 minutes before each decision."""
    departed = flights[flights["dep_delay"].notna()]
    delay = departed["dep_delay"].to_numpy().astype("int64")
    left_at = _minutes(departed["scheduled"]) + delay
    order = np.argsort(left_at, kind="stable")
    total = np.concatenate([[0], np.cumsum(delay[order])])
    at = _minutes(decision)
    first = np.searchsorted(left_at[order], at - WINDOW_MINUTES, side="left")
    last = np.searchsorted(left_at[order], at, side="left")
    count = last - first
    return np.where(count > 0, (total[last] - total[first]) / np.maximum(count, 1), np.nan)


def _overdue(flights: pd.DataFrame, decision: pd.Series) -> np.ndarray:
    """Count the flights that should have left in the last hour before each decision, and have not.

    The data do not say when a flight was cancelled. So every flight drops out after an hour, the cancelled and those
    that still leave alike: to keep only the latter would tell which of them will.
    """
    scheduled = _minutes(flights["scheduled"])
    waits = flights["dep_delay"].fillna(OVERDUE_MINUTES).clip(0, OVERDUE_MINUTES).to_numpy().astype("int64")
    at = _minutes(decision)
    began = np.searchsorted(np.sort(scheduled), at, side="left")
    ended = np.searchsorted(np.sort(scheduled + waits), at, side="left")
    return began - ended


def grow(spark: SparkSession, original: SparkFrame, original_rows: int, rows: int, seed: int) -> SparkFrame:
    """Draw rows of a table with replacement, on the engine; `course_lib.data.catalogue.flights_at_scale` says what for.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Classic or Spark Connect.
    original : pyspark.sql.DataFrame
        "departures" plus `original_row`, which numbers its rows from 0.
    original_rows : int
        How many there are.
    rows : int
        How many to draw.
    seed : int
        Another seed draws other rows.

    Returns
    -------
    pyspark.sql.DataFrame, one row for each of 0 to rows - 1
        `row` and the columns of "departures".
    """
    from pyspark.sql import functions as F

    # Everything about a row follows from its number alone, whichever task makes it.
    numbers = spark.range(0, rows, 1, max(2, -(-rows // ROWS_PER_TASK))).withColumnRenamed("id", "row")
    drawn = numbers.withColumn("original_row", F.pmod(_hash(seed, 0), F.lit(original_rows)))
    grown = drawn.join(F.broadcast(original), "original_row").drop("original_row")
    for salt, (column, width) in enumerate(JITTER.items(), start=1):
        uniform = F.shiftrightunsigned(_hash(seed, salt), 11) / F.lit(2.0**53)  # in [0, 1)
        moved = F.col(column) + F.lit(width) * (2 * uniform - 1)
        grown = grown.withColumn(column, F.abs(moved) if column == "wind_speed" else moved)
    return grown


def _hash(seed: int, salt: int) -> Column:
    from pyspark.sql import functions as F

    return F.xxhash64(F.col("row"), F.lit(seed).cast("long"), F.lit(salt))
