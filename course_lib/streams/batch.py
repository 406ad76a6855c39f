"""Decisions of whole days by a batch job on Spark: a file for each day, which is there whole or not at all.

Spark's own writer puts finished files into ``_temporary`` and moves them when the job ends. A job that is killed leaves
them there, and the next one that appends to the folder publishes them too. So each job writes into a hidden folder of
its own, and its files are renamed into their places, one for each day: done again, a day replaces itself. That holds
for a process that is killed; a power cut may take what the disk had not written yet.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from course_lib.errors import CourseError
from course_lib.streams import decisions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame
    from sklearn.base import ClassifierMixin

    from course_lib.serving.schema import Column

_SCHEMA = (
    "scheduled timestamp, carrier string, flight long, origin string, day date, probability double, crew boolean, "
    "version long"
)
_FILE = "decisions.parquet"


def decide_days(
    features: SparkFrame,
    model: ClassifierMixin,
    columns: tuple[Column, ...],
    folder: Path,
    *,
    first: date,
    last: date,
    threshold: float,
    version: int,
) -> list[date]:
    """Decide on all flights of those days that have no decisions yet.

    Parameters
    ----------
    features : pyspark.sql.DataFrame, one row per flight
        "features" read by Spark, or what `features_on_spark` gives. Classic or Spark Connect; the folder must be one
        that Spark and this process both see.
    model, columns
        As `decisions.decide` takes them; they travel to the tasks.
    folder : Path
        Where the decisions are: ``day=2013-11-04/decisions.parquet`` and so on, to be read by Spark, pandas or DuckDB.
    first, last : datetime.date
        Both included.
    threshold : float
        A crew is placed from this probability on.
    version : int
        The model's in the registry; each decision bears it.

    Returns
    -------
    list of datetime.date
        The days that were decided now; what a day's file says already stays as it is, also if the model is another.

    Raises
    ------
    CourseError
        If the days are not in order, another job writes to the folder, or there are no flights on these days.
    """
    from pyspark.sql import functions as F

    if first > last:
        raise CourseError(f"first={first} is after last={last}: give the earlier day first.")
    with _alone(folder):
        wanted = [day.date() for day in pd.date_range(first, last)]
        open_days = [day for day in wanted if not _place(folder, day).exists()]
        if not open_days:
            return []
        near = features.where(F.col("day").between(open_days[0], open_days[-1]))  # which the reader of files heeds
        todo = near.withColumn("day", F.to_date("day")).where(F.col("day").isin(open_days))
        one_file_a_day = todo.select(*decisions.needed(columns)).repartition("day")

        def score(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            for part in parts:
                yield decisions.decide(model, columns, part, threshold, version)

        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
            scored = one_file_a_day.mapInPandas(score, _SCHEMA)
            scored.write.mode("append").partitionBy("day").parquet(part)
            done = _publish(Path(part), folder)
    if len(done) < len(open_days) and not any(_place(folder, day).exists() for day in wanted):
        raise CourseError(f"There are no flights from {first} to {last}: the table holds other days.")
    return done


def read_decisions(folder: Path) -> pd.DataFrame:
    """Read the decisions of all days, sorted as `decisions.decide` sorts them.

    Returns
    -------
    pandas.DataFrame, one row per flight
        The columns of `decisions.COLUMNS`.

    Raises
    ------
    CourseError
        If there are none yet.
    """
    parts = [
        pd.read_parquet(file, partitioning=None).assign(day=pd.Timestamp(file.parent.name.removeprefix("day=")))
        for file in sorted(folder.glob(f"day=*/{_FILE}"))
    ]
    if not parts:
        raise CourseError(f"There are no decisions in {folder} yet: let decide_days make some.")
    table = pd.concat(parts, ignore_index=True)
    table["scheduled"] = table["scheduled"].dt.tz_localize("UTC")  # Spark's files keep instants without a zone
    table["day"] = table["day"].dt.as_unit("ns")
    return table[decisions.COLUMNS].sort_values(decisions.KEY, ignore_index=True)


def _place(folder: Path, day: date) -> Path:
    return folder / f"day={day}" / _FILE


def _publish(part: Path, folder: Path) -> list[date]:
    """Rename the finished file of each day into its place."""
    done = []
    for written in sorted(part.glob("day=*")):
        (file,) = written.glob("*.parquet")
        day = date.fromisoformat(written.name.removeprefix("day="))
        _place(folder, day).parent.mkdir(exist_ok=True)
        file.replace(_place(folder, day))
        done.append(day)
    return done


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other jobs out of the folder, and sweep up what a killed one has left; a killed one lets go."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CourseError(
                    f"Another job writes decisions to {folder}: wait until it has ended, or name another folder."
                ) from None
        for left in folder.glob(".part-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
