"""A batch job and a stream, each killed in the middle and started again, decide as direct scoring does."""

import ast
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd
import psutil
import pytest
from apart import HERE, survivors
from xgboost import XGBClassifier

from course_lib import CourseError, features, load, saved_model
from course_lib.places import REPOSITORY
from course_lib.serving import schema
from course_lib.streams import batch, decisions, replay, stream

START = pd.Timestamp("2013-11-04", tz="America/New_York")
END = START + pd.Timedelta(hours=15)
RULES = {"threshold": 1 / 6, "version": 3, "wait": "2 hours", "files_per_batch": 3, "until_empty": True}
FIRST, LAST = date(2013, 11, 4), date(2013, 11, 9)
DAYS = {"first": FIRST, "last": LAST, "threshold": 1 / 6, "version": 3}


def run_and_kill(folder: Path, until) -> list[str]:
    """Run the life of both, kill it once `until` gives something, and give what it has printed."""
    process = subprocess.Popen(
        [sys.executable, HERE / "streams_life.py", folder],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=(folder / "errors.log").open("w"),
        text=True,
    )
    while not until():
        assert process.poll() is None, (folder / "errors.log").read_text()[-4000:]
        time.sleep(0.01)
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    said = process.communicate()[0].splitlines()
    assert survivors(below) == []
    assert process.returncode == -9, (folder / "errors.log").read_text()[-4000:]
    return said


@pytest.fixture(scope="session")
def lives(tmp_path_factory, spark):
    """Three lives of one job: killed in the batch, killed in the stream, and left to end in another session."""
    folder = tmp_path_factory.mktemp("streams")
    table = load("features")
    learned = table[table["fate"].eq("landed") & table["split"].eq("train")].iloc[::40]
    model = XGBClassifier(n_estimators=20, max_depth=4, enable_categorical=True, n_jobs=1, random_state=0)
    words = ["carrier", "origin", "dest"]
    numbers = [name for name in features.names() if name not in words]
    typed = learned[features.names()].astype(dict.fromkeys(numbers, "float32") | dict.fromkeys(words, "category"))
    model.fit(typed, learned["arr_delay"] >= 30)
    saved_model.write(model, folder / "model.skops")
    typed.to_parquet(folder / "example.parquet")
    columns = schema.columns_of(typed)
    week = table[table["day"].between(str(FIRST), str(LAST))]

    flights = load("flights")
    events = replay.events(flights, START, END)
    # Out of order and doubled, but by less than what the stream waits for; and three that come a day too late.
    arriving = replay.disturb(events, late=0, late_minutes=(1, 100), doubled=0.1, seed=0)
    lost = arriving[arriving["kind"].eq("arrival")].drop_duplicates("event").iloc[-3:]
    arriving = arriving[~arriving["event"].isin(lost["event"])]
    stray = arriving.iloc[[-1]].assign(event="decide nothing", kind="decide", flight=99_999)
    early = lost.assign(event=lost["event"] + " of old", happened=START - pd.Timedelta(days=1))
    arriving = pd.concat([arriving, early.assign(arrives=arriving["arrives"].max()), stray], ignore_index=True)
    replay.send(arriving, folder / "feed", minutes_per_file=60)
    stream.prepare(replay.books(flights, START, END), load("weather"), load("airports"), folder / "stream")

    def writes_the_third_day():
        written = [name for _, _, names in os.walk(folder / "batch") for name in names]  # bears folders that go
        return sum(name.startswith("part-") for name in written) > 2

    def has_kept_the_events_of_the_third_batch():
        return len(list((folder / "stream" / "events").glob("[0-9]*.parquet"))) > 2

    run_and_kill(folder, writes_the_third_day)
    after_kill = sorted(file.parent.name[4:] for file in (folder / "batch").glob("day=*/*"))
    killed_in_stream = run_and_kill(folder, has_kept_the_events_of_the_third_batch)
    halfway = len(stream.read_decisions(folder / "stream"))
    again = batch.decide_days(load("features", engine="spark"), model, columns, folder / "batch", **DAYS)
    query = stream.decide_stream(spark, folder / "feed", folder / "stream", model, columns, **RULES)
    query.awaitTermination()
    return {
        "folder": folder,
        "direct": decisions.decide(model, columns, week, 1 / 6, 3),
        "events": events,
        "model": model,
        "columns": columns,
        "said": killed_in_stream,
        "after kill": after_kill,
        "again": again,
        "halfway": halfway,
        "dropped": sum(
            state.numRowsDroppedByWatermark for step in query.recentProgress for state in step.stateOperators
        ),
    }


def test_after_a_killed_batch_job_the_next_one_decides_each_flight_once(lives):
    assert len(lives["after kill"]) < 6
    assert sorted(lives["after kill"] + ast.literal_eval(lives["said"][0])) == [f"2013-11-0{n}" for n in range(4, 10)]
    pd.testing.assert_frame_equal(batch.read_decisions(lives["folder"] / "batch"), lives["direct"], check_exact=True)
    assert list((lives["folder"] / "batch").glob(".part-*")) == []


def test_a_batch_job_that_is_done_again_has_nothing_to_do(lives):
    assert lives["again"] == []


def test_a_killed_stream_loses_nothing_and_doubles_nothing(lives):
    counted = stream.reconcile(lives["folder"] / "feed", lives["folder"] / "stream")
    asked = int(lives["events"]["kind"].eq("decide").sum())
    assert 0 < lives["halfway"] < asked
    assert counted["asked"] == asked + 1  # the one that is in no timetable
    assert (counted["decided"], counted["doubled"], counted["refused"]) == (asked, 0, 1)
    assert counted["arrived"] > counted["events"] == counted["kept"] + 3


def test_what_came_too_late_is_counted_by_spark_too(lives):
    counted = stream.reconcile(lives["folder"] / "feed", lives["folder"] / "stream")
    assert lives["dropped"] == counted["dropped"] == 3


def test_a_killed_stream_answers_as_direct_scoring_to_the_last_bit(lives):
    decided = stream.read_decisions(lives["folder"] / "stream")[decisions.COLUMNS]
    of_day = decided[[*decisions.KEY]].merge(lives["direct"], on=decisions.KEY, how="left", validate="one_to_one")
    pd.testing.assert_frame_equal(decided, of_day, check_exact=True)


def test_another_job_is_refused_while_one_writes(lives, tmp_path):
    table = load("features", engine="spark")
    with batch._alone(tmp_path), pytest.raises(CourseError, match="Another job writes decisions to"):
        batch.decide_days(table, lives["model"], lives["columns"], tmp_path, **DAYS)


def test_days_without_flights_and_days_the_wrong_way_round_are_refused(lives, tmp_path):
    table = load("features", engine="spark")
    with pytest.raises(CourseError, match="There are no flights from 2014-01-01 to 2014-01-02"):
        none = {"first": date(2014, 1, 1), "last": date(2014, 1, 2)}
        batch.decide_days(table, lives["model"], lives["columns"], tmp_path, **DAYS | none)
    with pytest.raises(CourseError, match="first=2013-11-09 is after last=2013-11-04"):
        batch.decide_days(table, lives["model"], lives["columns"], tmp_path, **DAYS | {"first": LAST, "last": FIRST})
