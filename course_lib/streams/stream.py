"""Decisions from a live feed, by Structured Streaming: killed and started again, it loses none and doubles none.

Spark keeps the books: which files of the feed belong to which micro-batch (in the checkpoint, written *before* the
batch is worked on), and which events came before (in RocksDB, so that a second copy is dropped). What a batch does here
depends on its events and on those before it, and goes into files that bear its number. A batch that is done again, as
the last one is after a kill, replaces its files by equal ones. So *exactly once* is said of files: a crew that was
called because of one cannot be called back, and who calls it must ask whether it was called before. And it is said of a
process that is killed: a power cut may take what the disk had not written yet.

The work of a batch is done in one process, the driver's, and each batch reads all events that came so far: right for
three airports and some days, not for a feed that never ends. There the news of a flight belongs into the engine's
own state (`transformWithState`), for the few days in which it counts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from course_lib.data import features
from course_lib.data.features import IN_ORDER, LOOKS
from course_lib.errors import CourseError
from course_lib.streams import decisions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery
    from sklearn.base import ClassifierMixin

    from course_lib.serving.schema import Column

SCHEMA = (
    "event string, kind string, happened timestamp, scheduled timestamp, carrier string, flight long, origin string, "
    "dep_delay double, arr_delay double, air_time double, sent timestamp"
)
# What `features.LOOKS` counts by the day holds from midnight on: made once a day. The rest looks back hours.
RECORD = [name for name, look in LOOKS.items() if look.unit == "day"]
RECENT_DAYS = 3  # a flight's outcome is in the books, and out of the sight of LOOKS, so many days after its schedule
_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def prepare(books: pd.DataFrame, weather: pd.DataFrame, airports: pd.DataFrame, folder: Path) -> None:
    """Put what is known before the feed begins where the stream reads it.

    Parameters
    ----------
    books : pandas.DataFrame
        From `replay.books`.
    weather, airports : pandas.DataFrame
        The raw tables.
    folder : Path
        Made where it is missing; the `folder` of `decide_stream`.
    """
    for name, table in {"books": books, "weather": weather, "airports": airports}.items():
        _write(table, folder / "before" / f"{name}.parquet")


def decide_stream(
    spark: SparkSession,
    feed: Path,
    folder: Path,
    model: ClassifierMixin,
    columns: tuple[Column, ...],
    *,
    threshold: float,
    version: int,
    wait: str,
    files_per_batch: int,
    until_empty: bool,
) -> StreamingQuery:
    """Start to decide on the flights of a feed, or go on where it was.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Its number of shuffle partitions becomes that of the state, once and for all.
    feed : Path
        Folder that `replay.send` writes to.
    folder : Path
        What is known before (`prepare`), Spark's ``checkpoint``, and what the stream writes: ``events``, ``records``,
        ``decisions`` and ``refused``. They belong together: the checkpoint counts the batches that name the files.
    model, columns
        As `decisions.decide` takes them.
    threshold : float
        A crew is placed from this probability on.
    version : int
        The model's in the registry; each decision bears it.
    wait : str
        How far an event may lie behind the newest one and still count, such as "2 hours" (the delay of the watermark).
        Nothing waits for it: it bounds the state, and what comes later is dropped. Spark judges a batch by the
        watermark that the one before has worked with: by the newest event up to the last batch but one. (With empty
        batches, which are off here, it would move as soon as the feed pauses.)
    files_per_batch : int
        Files of the feed in a micro-batch, at most.
    until_empty : bool
        Whether it ends when all files that are there now are done, or waits for more.

    Returns
    -------
    pyspark.sql.streaming.StreamingQuery
        Running.

    Raises
    ------
    CourseError
        If `feed` is no folder, or in `folder` nothing was prepared, or what a stream wrote is there without its
        checkpoint.
    """
    if not feed.is_dir():
        raise CourseError(f"There is no feed in {feed}: let replay.send write one, or make the folder first.")
    if not (folder / "before" / "books.parquet").exists():
        raise CourseError(f"Nothing is known before the feed in {folder}: call stream.prepare first.")
    if not (folder / "checkpoint").exists() and any((folder / name).exists() for name in ("events", "decisions")):
        raise CourseError(
            f"{folder} holds what a stream wrote, without its checkpoint: batches would be counted from 0 again and "
            "replace it. Put the checkpoint back, or name another folder."
        )
    spark.conf.set("spark.sql.streaming.stateStore.providerClass", _ROCKSDB)
    spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")  # nothing here happens by time alone
    arriving = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", files_per_batch).json(str(feed))
    once = arriving.withWatermark("happened", wait).dropDuplicatesWithinWatermark(["event"])
    work = partial(_work, folder=str(folder), model=model, columns=columns, threshold=threshold, version=version)
    writer = once.writeStream.foreachBatch(work).option("checkpointLocation", str(folder / "checkpoint"))
    return (writer.trigger(availableNow=True) if until_empty else writer).start()


def read_decisions(folder: Path) -> pd.DataFrame:
    """Read what a stream has decided so far, sorted as `decisions.decide` sorts it.

    Returns
    -------
    pandas.DataFrame, one row per decision
        The columns of `decisions.COLUMNS`, `batch`, `sent` and `answered` (when its event was written to the feed, and
        when its decision was made; UTC).
    """
    return _read(folder / "decisions", decisions.KEY)


def reconcile(feed: Path, folder: Path) -> dict[str, int]:
    """Count what came and what became of it, from the files alone: Spark's own counters end with its process.

    Returns
    -------
    dict of str to int
        `arrived` (rows of the feed), `events` (different ones), `kept`, `dropped` (came only when it was too late),
        `asked` (flights to be decided on), `decided`, `doubled` (decided more than once), `refused` (asked for, but in
        no timetable). A feed whose newest files are still to come counts them as dropped: ask when the stream is idle.
    """
    arrived = pd.concat([pd.read_json(file, lines=True, dtype=False) for file in sorted(feed.glob("*.json"))])
    events = arrived.drop_duplicates("event")
    kept = _read(folder / "events", ["event"])
    decided = read_decisions(folder)
    refused = _read(folder / "refused", ["event"]) if (folder / "refused").exists() else []
    return {
        "arrived": len(arrived),
        "events": len(events),
        "kept": len(kept),
        "dropped": len(set(events["event"]) - set(kept["event"])),
        "asked": int(events["kind"].eq("decide").sum()),
        "decided": len(decided.drop_duplicates(decisions.KEY)),
        "doubled": int(decided.duplicated(decisions.KEY).sum()),
        "refused": len(refused),
    }


# ---- a micro-batch ---------------------------------------------------------------------------------------------------


def _work(
    batch: SparkFrame,
    number: int,
    *,
    folder: str,
    model: ClassifierMixin,
    columns: tuple[Column, ...],
    threshold: float,
    version: int,
) -> None:
    """Keep the events of a batch, then decide on the flights that it asks about."""
    place, file = Path(folder), f"{number:08d}.parquet"
    events = batch.toPandas()
    if events.empty:
        return
    for name in ("happened", "scheduled", "sent"):
        events[name] = events[name].dt.tz_localize("UTC") if events[name].dt.tz is None else events[name]
    _write(events.sort_values("event", ignore_index=True), place / "events" / file)
    asked = events.loc[events["kind"] == "decide", ["event", *IN_ORDER, "sent"]]
    if asked.empty:
        return
    before = [each for each in sorted((place / "events").glob("*.parquet")) if each.name <= file]
    told = pd.concat([pd.read_parquet(each) for each in before])
    planned = asked.merge(_books_around(place, asked)[IN_ORDER], on=IN_ORDER, how="left", indicator=True)
    planned = planned["_merge"].eq("both").to_numpy()
    if not planned.all():
        _write(asked[~planned], place / "refused" / file)
        asked = asked[planned]
    if asked.empty:
        return
    known = features_now(place, told, asked[IN_ORDER])
    decided = decisions.decide(model, columns, known, threshold, version)
    decided = decided.merge(asked[[*IN_ORDER, "sent"]], on=IN_ORDER, how="left", validate="one_to_one")
    _write(decided.assign(batch=number, answered=pd.Timestamp.now("UTC")), place / "decisions" / file)


def features_now(folder: Path, told: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Say what is known now of the flights asked about: `features.features` of the books and of what was told since.

    Parameters
    ----------
    folder : Path
        Where `prepare` put the books. What changes by the day only is kept beside them in ``records``, a file for each
        day: made from all flights when a day is first asked about, and read from then on.
    told : pandas.DataFrame
        The events that came since.
    asked : pandas.DataFrame, shape (flights, 4)
        What names the flights; all are in the books.

    Returns
    -------
    pandas.DataFrame, shape (flights, columns)
        The columns of `features.features`.
    """
    books = _books_around(folder, asked)
    flights = asked.merge(books, on=IN_ORDER, how="left", validate="one_to_one")
    weather, airports = (pd.read_parquet(folder / "before" / f"{name}.parquet") for name in ("weather", "airports"))
    known = features.features(_up_to_date(books, told), weather, airports, flights)
    days = features.with_clock(flights)["decided_day"]
    record = pd.concat([_record(folder, told, day) for day in sorted(days.unique())])
    return known.drop(columns=RECORD).merge(record, on=IN_ORDER, how="left", validate="one_to_one")


def _record(folder: Path, told: pd.DataFrame, day: int) -> pd.DataFrame:
    """Give the columns that change by the day, for all flights that are decided on one."""
    file = folder / "records" / f"{day}.parquet"
    if not file.exists():
        books = pd.read_parquet(folder / "before" / "books.parquet")
        past = features.with_clock(_up_to_date(books, told))
        of_day = past[past["decided_day"] == day]
        looks = {name: LOOKS[name] for name in RECORD}
        _write(of_day[IN_ORDER].assign(**features.look_back(past, of_day, looks)), file)
    return pd.read_parquet(file)


def _up_to_date(books: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Enter into the books what the events told."""
    table = books
    for kind, tells in [("departure", ["dep_delay"]), ("arrival", ["arr_delay", "air_time"])]:
        news = told.loc[told["kind"] == kind, [*IN_ORDER, *tells]]
        table = table.merge(news, on=IN_ORDER, how="left", suffixes=("", "_told"), validate="one_to_one")
        for name in tells:
            table[name] = table[name].fillna(table.pop(f"{name}_told"))
    return table


def _books_around(folder: Path, asked: pd.DataFrame) -> pd.DataFrame:
    """Read the flights of the books that those asked about can see in their hours, and no more."""
    first = asked["scheduled"].min() - pd.Timedelta(days=RECENT_DAYS)
    last = asked["scheduled"].max() + pd.Timedelta(days=1)
    near = [("scheduled", ">=", first), ("scheduled", "<=", last)]
    return pd.read_parquet(folder / "before" / "books.parquet", filters=near)


def _read(folder: Path, by: list[str]) -> pd.DataFrame:
    parts = [pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))]
    if not parts:
        raise CourseError(f"There is nothing in {folder} yet: start the stream, and wait for its first micro-batch.")
    return pd.concat(parts).sort_values(by, ignore_index=True)


def _write(table: pd.DataFrame, file: Path) -> None:
    """Write a table, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}")
    table.to_parquet(beside, index=False, row_group_size=10_000)  # few are read to find a week in the books
    beside.replace(file)
