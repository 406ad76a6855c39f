"""A feed of hourly temperatures with planted faults, and a stream that watches it and learns as it comes.

Nobody has labelled the faults of these sensors, so faults are planted by a seed; what is said of recall and delay is
said of these. The stream keeps for each station what it has learned in Spark's own state, so that a stream that is
killed and started again goes on with what it knew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.streams.replay import write_lines

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

KINDS = ("spike", "stuck", "drift", "unit", "missing")
DRIFT_HOURS = 48
APART_HOURS = 24  # between two faults of a station
FIRST_SPREAD = 1.5  # °F: what a station's hourly change is taken to be before anything is learned
RATE = 0.01  # how much one hour teaches
CLIP = 4  # an hour teaches at most so many times the spread: a fault must not teach that faults are usual
_READ = "origin string, time_hour timestamp, temp double"
_WRITTEN = "origin string, time_hour timestamp, temp double, score double, hours long"
_STATE = "hours long, last double, spread double"


def hourly(weather: pd.DataFrame, column: str = "temp") -> pd.DataFrame:
    """Lay a column on a grid of hours in UTC: a row for each hour, a column for each station, gaps as NaN."""
    wide = weather.pivot_table(values=column, index="time_hour", columns="origin", aggfunc="first")
    return wide.reindex(pd.date_range(wide.index[0], wide.index[-1], freq="h", name="time_hour"))


def plant(temperature: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, each: int, seed: int):
    """Plant faults of five kinds into a grid of temperatures.

    `spike`: one hour off by 8 to 25 °F. `stuck`: the value of the hour before, for 8 to 24 hours. `drift`: away from
    the truth by a quarter of a degree an hour, for 48 hours, then back at once. `unit`: Celsius in place of Fahrenheit
    for 6 to 12 hours. `missing`: no observation for 6 to 12 hours. Faults of a station are a day apart, and none falls
    where observations are missing anyway.

    Parameters
    ----------
    temperature : pandas.DataFrame, shape (hours, stations)
        From `hourly`, °F.
    first, last : pandas.Timestamp
        Hours of the grid between which faults begin and end.
    each : int
        Faults of each kind.
    seed : int
        Another seed plants other faults.

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        The grid with faults; and one row per fault: `kind`, `station` and `start` (numbers of column and row), `hours`.

    Raises
    ------
    CourseError
        If there is no room for so many faults.
    """
    random, faulty, planted = np.random.default_rng(seed), temperature.to_numpy().copy(), []
    low, high = temperature.index.get_loc(first), temperature.index.get_loc(last)
    taken = np.isnan(faulty)
    for kind in np.repeat(KINDS, each):
        for _ in range(10_000):
            station, start = int(random.integers(faulty.shape[1])), int(random.integers(low + 1, high - DRIFT_HOURS))
            hours = {"spike": 1, "stuck": random.integers(8, 25), "drift": DRIFT_HOURS}.get(
                kind, random.integers(6, 13)
            )
            around = slice(max(0, start - APART_HOURS), start + int(hours) + APART_HOURS)
            if not taken[around, station].any():
                break
        else:
            raise CourseError(f"There is no room for {each} faults of each kind here: plant fewer.")
        fault = slice(start, start + int(hours))
        taken[fault, station] = True
        faulty[fault, station] = _spoiled(kind, faulty[start - 1, station], faulty[fault, station], random)
        planted.append((str(kind), station, start, int(hours)))
    table = pd.DataFrame(planted, columns=["kind", "station", "start", "hours"])
    return pd.DataFrame(faulty, temperature.index, temperature.columns), table


def _spoiled(kind: str, before: float, truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    sign = random.choice([-1, 1])
    if kind == "spike":
        return truth + sign * random.uniform(8, 25)
    if kind == "stuck":
        return np.full(len(truth), before)
    if kind == "drift":
        return truth + sign * 12 * np.arange(1, len(truth) + 1) / len(truth)
    return (truth - 32) / 1.8 if kind == "unit" else np.full(len(truth), np.nan)


def send(temperature: pd.DataFrame, folder: Path) -> int:
    """Write a file of JSON lines for each day, and give the number of observations; hours without one send nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    table = temperature.reset_index(names="time_hour").melt("time_hour", var_name="origin", value_name="temp").dropna()
    for day, part in table.groupby(table["time_hour"].dt.date):
        write_lines(part, folder / f"{day}.json")
    return len(table)


def step(temp: float, last: float, spread: float) -> tuple[float, float]:
    """Score an observation by what was known before it, then learn from it: its score, and the new spread."""
    change = abs(temp - last)
    return change / spread, spread + RATE * (min(change, CLIP * spread) - spread)


def watch(key: tuple, parts: Iterator[pd.DataFrame], state: Any) -> Iterator[pd.DataFrame]:
    """Score what has come of one station and keep what was learned: the function of `applyInPandasWithState`."""
    hours, last, spread = state.get if state.exists else (0, None, FIRST_SPREAD)
    table = pd.concat(parts).sort_values("time_hour")
    scores = []
    for temp in table["temp"]:
        score, spread = step(temp, temp if last is None else last, spread)
        hours, last = hours + 1, temp
        scores.append((score, hours))
    state.update((hours, last, spread))
    yield table.assign(**dict(zip(("score", "hours"), zip(*scores, strict=True), strict=True)))


def watch_stream(
    spark: SparkSession, feed: Path, folder: Path, sink: str, *, files: int, function: Callable = watch
) -> StreamingQuery:
    """Start to watch a feed, or go on where it was; end when all files that are there are done.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Its number of shuffle partitions becomes that of the state.
    feed : Path
        Folder that `send` wrote to.
    folder : Path
        Gets a folder named after the sink, and the sink's checkpoint. They belong together.
    sink : str
        "parquet" or "delta".
    files : int
        Files, which are days, in a micro-batch.
    function
        What is done with a station's observations, as `watch` does it.
    """
    arriving = spark.readStream.schema(_READ).option("maxFilesPerTrigger", files).json(str(feed))
    watched = arriving.groupBy("origin").applyInPandasWithState(function, _WRITTEN, _STATE, "append", "NoTimeout")
    writer = watched.writeStream.format(sink).option("checkpointLocation", str(folder / f"{sink} checkpoint"))
    return writer.outputMode("append").trigger(availableNow=True).start(str(folder / sink))
