"""Exercises of lesson 11 on batch jobs and streams: a draft for `course_lib/exercises/lesson_11.py`."""

from functools import cache

import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 11.1 the sink -------------------------------------------------------------------------------------------------------
def rows_kept(*, attempts):
    """Keep the last attempt at each batch: it replaces those before it."""
    last = attempts.groupby("batch")["attempt"].transform("max")
    return int((attempts["attempt"] == last).sum())


def _all_appended(*, attempts):
    return len(attempts)


def _first_attempts(*, attempts):
    first = attempts.groupby("batch")["attempt"].transform("min")
    return int((attempts["attempt"] == first).sum())


def _each_flight_once(*, attempts):
    return int(attempts["flight"].nunique())


def _last_attempt_of_all(*, attempts):
    return int((attempts["attempt"] == attempts["attempt"].max()).sum())


# 11.2 the watermark --------------------------------------------------------------------------------------------------
def too_late(*, arrivals, wait_minutes):
    """Take the newest event of all batches up to the last but one, less the wait: what lies behind it is dropped."""
    newest = arrivals.groupby("batch")["happened"].max().cummax().shift(2)
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] < watermark).sum())


def _own_batch_too(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].max().cummax()
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] < watermark).sum())


def _one_batch_before(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].max().cummax().shift()
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] < watermark).sum())


def _by_the_clock(*, arrivals, wait_minutes):
    return int((arrivals["arrives"] - arrivals["happened"] > pd.Timedelta(minutes=wait_minutes)).sum())


def _no_wait(*, arrivals, wait_minutes):
    return too_late(arrivals=arrivals, wait_minutes=0)


def _oldest_event(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].min().cummin().shift(2)
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] < watermark).sum())


def _kept_not_dropped(*, arrivals, wait_minutes):
    return len(arrivals) - too_late(arrivals=arrivals, wait_minutes=wait_minutes)


# 11.3 how often must the job run? ------------------------------------------------------------------------------------
def mean_wait(*, decided_minutes, every_minutes, takes_minutes):
    """From the decision to the next start of the job (none, if it starts in that minute), and then the job's time."""
    return float((-decided_minutes % every_minutes).mean() + takes_minutes)


def _half_the_gap(*, decided_minutes, every_minutes, takes_minutes):
    return every_minutes / 2 + takes_minutes


def _job_in_no_time(*, decided_minutes, every_minutes, takes_minutes):
    return float((-decided_minutes % every_minutes).mean())


def _job_before(*, decided_minutes, every_minutes, takes_minutes):
    return float((decided_minutes % every_minutes).mean() + takes_minutes)


def _longest(*, decided_minutes, every_minutes, takes_minutes):
    return float((-decided_minutes % every_minutes).max() + takes_minutes)


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _arrivals():
    from course_lib import load
    from course_lib.streams import replay

    flights = load("flights")
    start = pd.Timestamp("2013-11-04 06:00", tz="America/New_York")
    end = start + pd.Timedelta(hours=8)
    few = flights[(flights["month"] == 11) & flights["day"].between(3, 5)]
    arriving = replay.disturb(replay.events(few, start, end), late=0.2, late_minutes=(1, 240), doubled=0, seed=0)
    begun = arriving["arrives"] - arriving["arrives"].min()
    return arriving.assign(batch=begun // pd.Timedelta(minutes=60))


def _attempts():
    """Two batches of real flights; the first attempt at the second one was killed halfway."""
    decided = _arrivals().query("kind == 'decide'").head(100)
    flights = decided["carrier"] + decided["flight"].astype(str)
    parts = {(0, 0): flights[:40], (1, 0): flights[40:55], (1, 1): flights[40:80]}
    parts[2, 0] = pd.concat([flights[80:], flights[:3]])  # the numbers of three flights are flown twice
    parts = [pd.DataFrame({"batch": b, "attempt": a, "flight": rows}) for (b, a), rows in parts.items()]
    return {"attempts": pd.concat(parts, ignore_index=True)}


def _decided():
    decided = _arrivals().query("kind == 'decide'")["happened"].dt
    return {"decided_minutes": decided.hour * 60 + decided.minute, "every_minutes": 45, "takes_minutes": 2.0}


EXERCISES = [
    Exercise(
        id="11.1",
        title="Rows after a kill",
        reference=rows_kept,
        why="A batch that is done again has the same number and the same events: written under that number it replaces "
        "its first attempt, whole or half.",
        hints=(
            "What becomes of the file of batch 1 when batch 1 is done again?",
            '`groupby("batch")["attempt"].transform("max")` is the last attempt at the batch of each row.',
        ),
        mistakes=(
            Mistake("appended", _all_appended, "That is a sink that appends. Which rows of a batch are there twice?"),
            Mistake(
                "first attempts",
                _first_attempts,
                "The first attempt may have been killed halfway. Which one is sure to be whole?",
            ),
            Mistake(
                "each flight once",
                _each_flight_once,
                "A flight number flies again, by right. Is it the flight that names a piece of work, or the batch?",
            ),
            Mistake(
                "only what was repeated",
                _last_attempt_of_all,
                "Most batches were done at the first attempt. What is the last attempt *of each batch*?",
            ),
        ),
        sample_inputs=_attempts,
    ),
    Exercise(
        id="11.2",
        title="What a watermark drops",
        reference=too_late,
        why="The watermark moves between micro-batches, and late events are judged by that of the batch before: "
        "they are late against events that were worked on, not against the clock.",
        hints=(
            "Batch 5 is judged by the watermark that batch 4 worked with. Which batches had moved that one?",
            '`groupby("batch")["happened"].max().cummax()` is the newest up to each batch; `.shift(2)` moves it on.',
        ),
        mistakes=(
            Mistake(
                "own batch",
                _own_batch_too,
                "You let the events of a batch move the watermark that judges them. When does Spark move it?",
            ),
            Mistake(
                "one batch before",
                _one_batch_before,
                "That watermark is the one by which Spark forgets, in this batch. By which one does it drop?",
            ),
            Mistake(
                "by the clock",
                _by_the_clock,
                "An event that took long is not late if no newer one has been worked on. What is it compared with?",
            ),
            Mistake("no wait", _no_wait, "Behind the newest event by how much may an event lie?"),
            Mistake(
                "oldest event",
                _oldest_event,
                "The watermark follows the *newest* event that was seen, and never goes back.",
            ),
            Mistake("kept", _kept_not_dropped, "That many were kept. Asked for is how many were dropped."),
        ),
        sample_inputs=lambda: {"arrivals": _arrivals(), "wait_minutes": 30},
    ),
    Exercise(
        id="11.3",
        title="A job every so often",
        reference=mean_wait,
        why="A batch job answers at its next start; flights are not spread evenly over the hour, so half the gap is "
        "only a guess.",
        hints=(
            "A job starts at minutes 0, 45, 90 … of the day. When does it answer a flight of minute 50?",
            "`-minutes % every` is the time from a minute to the next multiple.",
        ),
        mistakes=(
            Mistake(
                "half the gap",
                _half_the_gap,
                "That holds if decisions fall evenly. Schedules like the full hour: count these flights.",
            ),
            Mistake("job in no time", _job_in_no_time, "When the job starts, is the answer there?"),
            Mistake("the job before", _job_before, "That job had ended before. Which start is the next one?"),
            Mistake("longest", _longest, "That is the unluckiest flight. Asked for is the mean."),
        ),
        sample_inputs=_decided,
    ),
]
