"""A table replayed as a live feed: what happened, told in the order in which it happened, in files.

The feed of an airline's operations: a flight is to be decided on ("decide", three hours before its schedule), it leaves
("departure"), its delay is in the books ("arrival"). `books` are what is known before the first of them: the timetable,
and the past. A real feed is not tidy, so `disturb` makes events late and doubles them, by a seed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.data import features
from course_lib.data.features import IN_ORDER
from course_lib.errors import CourseError

KINDS = ("arrival", "decide", "departure")
_TIMETABLE = ["year", "month", "day", "hour", "minute", "time_hour", "sched_dep_time", "sched_arr_time"]
_FLIGHT = ["carrier", "flight", "origin", "dest", "distance"]
_TOLD = ["dep_delay", "arr_delay", "air_time"]


def books(flights: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Give the raw table as the books stood at an instant: later outcomes are not in it, later plans are.

    Parameters
    ----------
    flights : pandas.DataFrame, one row per scheduled flight
        The raw table "flights".
    start, end : pandas.Timestamp with a time zone
        When the feed begins, and until when it tells.

    Returns
    -------
    pandas.DataFrame, one row per flight scheduled up to a day after `end`
        The timetable's columns, `scheduled`, and `dep_delay`, `arr_delay`, `air_time` where they were known by `start`.
    """
    clock = features.with_clock(flights)
    clock = clock[clock["scheduled"] < end + pd.Timedelta(days=1)]
    left, landed = clock["left_at"] < _minute(start), clock["known_at"] < _minute(start)
    known = clock[[*_TIMETABLE, *_FLIGHT, "scheduled", *_TOLD]].copy()
    known["day"] = known["scheduled"].dt.tz_convert("America/New_York").dt.day  # `with_clock` has put a date there
    known["dep_delay"] = known["dep_delay"].where(left)
    known[["arr_delay", "air_time"]] = known[["arr_delay", "air_time"]].where(landed)
    return known.sort_values(IN_ORDER, ignore_index=True)


def events(flights: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """List what happens from one instant up to, and without, another.

    Parameters
    ----------
    flights : pandas.DataFrame, one row per scheduled flight
        The raw table "flights".
    start, end : pandas.Timestamp with a time zone
        A decision falls 180 minutes before a flight's schedule.

    Returns
    -------
    pandas.DataFrame, one row per event, in the order in which they happened
        `event` (its name, which no other has), `kind` (one of `KINDS`), `happened` (UTC, whole minutes), what names the
        flight, and `dep_delay` (of departures), `arr_delay` and `air_time` (of arrivals), in minutes.

    Raises
    ------
    CourseError
        If nothing happens then, or `start` or `end` has no time zone.
    """
    if start.tz is None or end.tz is None:
        raise CourseError("start and end need a time zone: pd.Timestamp('2013-11-04', tz='America/New_York').")
    clock = features.with_clock(flights)
    parts = []
    for kind, at, tells in [
        ("decide", "decided_at", []),
        ("departure", "left_at", ["dep_delay"]),
        ("arrival", "known_at", ["arr_delay", "air_time"]),
    ]:
        happens = clock[clock[at].ge(_minute(start)) & clock[at].lt(_minute(end))]
        minutes = happens[at].astype("int64").to_numpy()
        part = happens[[*IN_ORDER, *tells]].assign(kind=kind, happened=_instants(minutes))
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).sort_values(["happened", "kind", *IN_ORDER], ignore_index=True)
    if table.empty:
        raise CourseError(f"Nothing happens between {start} and {end}: the flights are those of 2013.")
    table["event"] = (
        table["kind"]
        + table["scheduled"].dt.strftime(" %Y-%m-%dT%H:%MZ ")
        + table["carrier"]
        + table["flight"].astype(str)
        + " "
        + table["origin"]
    )
    return table[["event", "kind", "happened", *IN_ORDER, *_TOLD]]


def disturb(
    told: pd.DataFrame, *, late: float, late_minutes: tuple[int, int], doubled: float, seed: int
) -> pd.DataFrame:
    """Let some events of a feed arrive late, and so out of order, and some twice.

    Parameters
    ----------
    told : pandas.DataFrame
        From `events`.
    late, doubled : float
        Shares of the events that come late, and of those that come twice, from 0 to 1.
    late_minutes : (int, int)
        By how much they are late, at least and at most; second copies come so much after the first ones.
    seed : int
        Another seed disturbs other events.

    Returns
    -------
    pandas.DataFrame, one row per event that arrives, in the order of arrival
        The columns of `told`, and `arrives` (UTC, whole minutes).

    Raises
    ------
    CourseError
        If a share is none, or the minutes are not in order.
    """
    low, high = late_minutes
    if not (0 <= late <= 1 and 0 <= doubled <= 1):
        raise CourseError(f"late={late} and doubled={doubled} are shares: give numbers from 0 to 1.")
    if not 0 < low <= high:
        raise CourseError(f"late_minutes={late_minutes}: give the least and the most minutes, such as (1, 45).")
    random = np.random.default_rng(seed)

    def delays(of: int) -> pd.TimedeltaIndex:
        return pd.to_timedelta(random.integers(low, high, of, endpoint=True), unit="min")

    arriving = told.assign(arrives=told["happened"])
    slow = random.random(len(told)) < late
    arriving.loc[slow, "arrives"] = arriving.loc[slow, "happened"] + delays(slow.sum())
    again = arriving[random.random(len(told)) < doubled]
    again = again.assign(arrives=again["arrives"] + delays(len(again)))
    return pd.concat([arriving, again]).sort_values("arrives", kind="stable", ignore_index=True)


def send(
    arriving: pd.DataFrame, folder: Path, *, minutes_per_file: int, minutes_per_second: float = float("inf")
) -> int:
    """Write a feed into a folder, a file of JSON lines for so many minutes of it, at a chosen speed.

    A reader sees a file whole or not at all: it is written under a hidden name and then renamed. Files that are there
    stay, so a replay that was stopped goes on where it was.

    Parameters
    ----------
    arriving : pandas.DataFrame
        From `events` or `disturb`.
    folder : Path
        Made where it is missing.
    minutes_per_file : int
        Minutes of the feed in a file.
    minutes_per_second : float
        Minutes of the feed that pass in a second of ours; infinite for all at once.

    Returns
    -------
    int
        How many files were written.
    """
    if minutes_per_file < 1 or minutes_per_second <= 0:
        raise CourseError(
            f"minutes_per_file={minutes_per_file} and minutes_per_second={minutes_per_second}: "
            "at least 1, and more than 0."
        )
    folder.mkdir(parents=True, exist_ok=True)
    arrives = arriving["arrives"] if "arrives" in arriving else arriving["happened"]
    number = (arrives - arrives.min()) // pd.Timedelta(minutes=minutes_per_file)
    begun, written = time.monotonic(), 0
    first = None
    for at, part in arriving.groupby(number):
        file = folder / f"{at:06d}.json"
        if file.exists():
            continue
        first = at if first is None else first
        time.sleep(max(0.0, begun + (at - first) * minutes_per_file / minutes_per_second - time.monotonic()))
        lines = part.assign(sent=pd.Timestamp.now("UTC"))
        write_lines(lines, file)
        written += 1
    return written


def write_lines(table: pd.DataFrame, file: Path) -> None:
    """Write a line of JSON for each row; a stream that reads the folder sees the file whole or not at all.

    Spark takes the files of a folder in the order of their times, in milliseconds. A file system's clock may stand
    still for some: so a file gets the time of Python's clock, and the next one a later one.
    """
    beside = file.with_name(f".{file.name}")
    table.to_json(beside, orient="records", lines=True, date_format="iso", date_unit="ms")
    now = time.time_ns()
    os.utime(beside, ns=(now, now))
    time.sleep(0.001)
    beside.replace(file)


def _minute(at: pd.Timestamp) -> int:
    return int(at.timestamp() // 60)


def _instants(minutes: np.ndarray) -> pd.DatetimeIndex:
    return pd.to_datetime(minutes * 60, unit="s", utc=True).as_unit("ns")
