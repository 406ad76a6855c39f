"""The course's own tables, "departures" and "features", made from the raw ones; and both grown to any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_lib.data import features

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession
    from pyspark.sql import DataFrame as SparkFrame

ROWS_PER_TASK = 500_000  # grown rows that one Spark task makes, a second's work or less
JITTER = {"airport_delay": 1.0, "nyc_delay": 1.0, "temperature": 0.5, "wind_speed": 0.5}  # at most this much, +/-

_WEATHER = {"visib": "visibility", "precip": "precipitation", "wind_speed": "wind_speed", "temp": "temperature"}


def departures(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Say for each flight that landed what was known three hours before its scheduled departure.

    Every column except `arr_delay` uses only what had happened before the decision, which falls three hours before the
    scheduled departure (`features.DECISION_MINUTES`): a flight that left in that very minute does not count yet.

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
    past = features.with_clock(flights)
    table = past[past["arr_delay"].notna()].sort_values(features.IN_ORDER, ignore_index=True)
    looks = {name: features.LOOKS[name] for name in ("airport_delay", "nyc_delay", "overdue")}
    table = table.assign(**features.look_back(past, table, looks))
    table["split"] = _split(table["day"])

    # The observation of 19:00 covers the hour to 20:00, so it is the newest one to use at 20:00.
    table["time_hour"] = pd.to_datetime(60 * (table["decided_hour"] - 1), unit="m", utc=True)
    observed = weather[["origin", "time_hour", *_WEATHER]].rename(columns=_WEATHER)
    table = table.merge(observed, on=["origin", "time_hour"], how="left", validate="many_to_one")

    table["arr_delay"] = table["arr_delay"].astype("int64")
    columns = ["scheduled", "day", "month", "hour", "minute", "carrier", "flight", "origin", "dest", "distance"]
    columns += ["airport_delay", "nyc_delay", "overdue", *_WEATHER.values(), "arr_delay", "split"]
    return table[columns]


def feature_table(flights: pd.DataFrame, weather: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Put the features of every scheduled flight beside what became of it.

    Parameters
    ----------
    flights, weather, airports : pandas.DataFrame
        The raw tables.

    Returns
    -------
    pandas.DataFrame, one row per scheduled flight
        What `features.features` gives, in its order, then `split`, and of the outcome `fate` ("landed", "cancelled" or
        "diverted") and `arr_delay` (missing unless it landed).
    """
    known = features.features(flights, weather, airports)
    became = features.with_clock(flights).sort_values(features.IN_ORDER, ignore_index=True)
    fate = np.where(became["dep_delay"].isna(), "cancelled", np.where(became["arr_delay"].isna(), "diverted", "landed"))
    return known.assign(split=_split(known["day"]), fate=fate, arr_delay=became["arr_delay"])


def _split(day: pd.Series) -> np.ndarray:
    """Name the part of the year: the first two weeks only warm up what looks back, then the split is by time."""
    starts = pd.to_datetime(["2013-01-15", "2013-09-01", "2013-11-01"])
    names = np.array(["warm-up", "train", "validation", "test"], dtype=object)
    return names[np.searchsorted(starts, day, side="right")]


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


def grow_networks(spark: SparkSession, original: SparkFrame, networks: int, seed: int) -> SparkFrame:
    """Repeat a year of flights, on the engine; `course_lib.data.catalogue.networks_at_scale` says what for.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Classic or Spark Connect.
    original : pyspark.sql.DataFrame
        The raw table "flights", or some of it.
    networks, seed : int
        How often; and another seed moves the delays in other ways.

    Returns
    -------
    pyspark.sql.DataFrame, one row per network and flight
        `network` from 0 to networks - 1, a task each, and the columns of "flights".
    """
    from pyspark.sql import functions as F

    grown = spark.range(0, networks, 1, networks).withColumnRenamed("id", "network").crossJoin(F.broadcast(original))
    drawn = F.xxhash64("network", "time_hour", "carrier", "flight", "origin", F.lit(seed).cast("long"))
    moved = F.when(F.col("network") == 0, 0).otherwise(F.pmod(drawn, F.lit(3)) - 1)
    return grown.withColumns({name: F.col(name) + moved for name in ("dep_delay", "arr_delay")})


def _hash(seed: int, salt: int) -> Column:
    from pyspark.sql import functions as F

    return F.xxhash64(F.col("row"), F.lit(seed).cast("long"), F.lit(salt))
