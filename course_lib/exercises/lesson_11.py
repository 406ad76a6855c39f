"""Exercises of lesson 11, from a notebook to a service."""

from functools import cache
from math import ceil

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 11.1 ----------------------------------------------------------------------------------------------------------------
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


# 11.2 ----------------------------------------------------------------------------------------------------------------
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


# 11.3 ----------------------------------------------------------------------------------------------------------------
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


# 11.4 ----------------------------------------------------------------------------------------------------------------
def waits_two_ways(*, offered):
    """Leave out what a request waited before it was sent, or do not."""
    answered = offered[offered["outcome"] == "answered"]
    from_sent = answered["latency"] - (answered["sent"] - answered["due"])
    return {
        "from due": float(answered["latency"].quantile(0.99) * 1000),
        "from sent": float(from_sent.quantile(0.99) * 1000),
    }


def _failures_too(*, offered):
    return waits_two_ways(offered=offered.assign(outcome="answered"))


def _in_seconds(*, offered):
    return {name: value / 1000 for name, value in waits_two_ways(offered=offered).items()}


def _added(*, offered):
    answered = offered[offered["outcome"] == "answered"]
    wrong = answered["latency"] + answered["sent"] - answered["due"]
    return waits_two_ways(offered=offered) | {"from sent": float(wrong.quantile(0.99) * 1000)}


def _difference_of_percentiles(*, offered):
    answered = offered[offered["outcome"] == "answered"]
    late = (answered["sent"] - answered["due"]).quantile(0.99) * 1000
    right = waits_two_ways(offered=offered)
    return right | {"from sent": float(right["from due"] - late)}


def _middle(*, offered):
    answered = offered[offered["outcome"] == "answered"]
    from_sent = answered["latency"] - (answered["sent"] - answered["due"])
    return {
        "from due": float(answered["latency"].median() * 1000),
        "from sent": float(from_sent.median() * 1000),
    }


# 11.5 ----------------------------------------------------------------------------------------------------------------
def copies_needed(*, one_copy, peak, busy):
    """So many that the load fits with one of them gone."""
    return ceil(peak / (one_copy * busy)) + 1


def _none_to_spare(*, one_copy, peak, busy):
    return ceil(peak / (one_copy * busy))


def _fully_busy(*, one_copy, peak, busy):
    return ceil(peak / one_copy) + 1


def _rounded_down(*, one_copy, peak, busy):
    return int(peak / (one_copy * busy))


def _share_of_peak(*, one_copy, peak, busy):
    return ceil(peak * busy / one_copy) + 1


# 11.6 ----------------------------------------------------------------------------------------------------------------
def rent_or_own(*, copies_by_hour, hour_price, month_price):
    """Rent follows the day; what is owned must be there for the busiest hour."""
    return {
        "rented": float(30 * hour_price * copies_by_hour.sum()),
        "owned": float(month_price * copies_by_hour.max()),
    }


def _one_day(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"rented": right["rented"] / 30}


def _rented_for_the_peak(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"rented": float(30 * 24 * hour_price * copies_by_hour.max())}


def _owned_on_average(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"owned": float(month_price * copies_by_hour.mean())}


def _owned_by_the_hour(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"owned": float(month_price * copies_by_hour.sum())}


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _arrivals():
    """Make a feed of eight hours from the flights; one event in five comes late."""
    from course_lib import features, load

    flights = load("flights")
    clock = features.with_clock(flights[(flights["month"] == 11) & flights["day"].between(3, 5)])
    start = int(pd.Timestamp("2013-11-04 06:00", tz="America/New_York").timestamp() // 60)
    parts = []
    for kind, at in [("decide", "decided_at"), ("departure", "left_at"), ("arrival", "known_at")]:
        told = clock.loc[clock[at].ge(start) & clock[at].lt(start + 8 * 60), ["carrier", "flight", at]]
        happened = pd.to_datetime(told.pop(at).astype("int64") * 60, unit="s", utc=True)
        parts.append(told.assign(kind=kind, happened=happened))
    events = pd.concat(parts).sort_values(["happened", "kind", "carrier", "flight"], ignore_index=True)
    random = np.random.default_rng(0)
    late = pd.to_timedelta(random.integers(1, 241, len(events)) * (random.random(len(events)) < 0.2), unit="min")
    arriving = events.assign(arrives=events["happened"] + late).sort_values("arrives", kind="stable", ignore_index=True)
    return arriving.assign(batch=(arriving["arrives"] - arriving["arrives"].min()) // pd.Timedelta(minutes=60))


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


# What `offered_load.offer` gave (1 December 2026) for a server that breaks each eighth request off: due, sent and
# latency in seconds, and whether it was answered. Recorded, because a sample must not start a server.
_RECORDED = [
    (0.017, 0.044, 0.2397, 1),
    (0.0425, 0.0456, 0.2909, 1),
    (0.043, 0.0465, 0.3791, 1),
    (0.043, 0.047, 0.3841, 1),
    (0.0568, 0.0754, 1.058, 1),
    (0.0975, 0.2568, 0.3311, 1),
    (0.1144, 0.2572, 1.1373, 0),
    (0.1333, 0.2577, 1.0929, 1),
    (0.2037, 0.2581, 1.0225, 1),
    (0.3551, 0.4221, 0.3264, 1),
    (0.4373, 0.6818, 0.9343, 1),
    (0.4373, 0.6822, 0.941, 1),
    (0.4941, 1.1069, 1.0221, 1),
    (0.4959, 1.1073, 1.1761, 1),
    (0.5226, 1.1074, 2.3993, 0),
    (0.5438, 1.1079, 1.6113, 1),
    (0.6226, 1.1081, 1.6026, 1),
    (0.6314, 1.1084, 1.5942, 1),
    (0.6391, 1.1086, 1.5869, 1),
    (0.6764, 1.1089, 1.567, 1),
    (0.6773, 1.1093, 1.6368, 1),
    (0.6807, 1.1095, 1.774, 1),
    (0.7065, 1.2156, 0.9694, 1),
    (0.7258, 1.216, 2.1961, 0),
    (0.7693, 1.2164, 1.8723, 1),
    (0.7796, 1.2167, 1.8812, 1),
    (0.7908, 1.2171, 2.0037, 1),
    (0.8371, 1.2173, 1.9578, 1),
    (0.8803, 1.2175, 2.0123, 1),
    (0.8883, 1.218, 2.0332, 1),
    (0.8936, 1.2182, 2.0291, 1),
    (0.9242, 1.2226, 2.2551, 0),
    (0.9376, 1.223, 2.2413, 1),
    (0.959, 1.2233, 2.22, 1),
    (0.9852, 1.2236, 2.1939, 1),
]


def _offered():
    offered = pd.DataFrame(_RECORDED, columns=["due", "sent", "latency", "outcome"])
    return {"offered": offered.assign(outcome=np.where(offered["outcome"] == 1, "answered", "broken off"))}


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
    Exercise(
        id="11.4",
        title="Whose clock?",
        reference=waits_two_ways,
        why="A person waits from when the answer was wanted; a client that counts from when it asked hides what it "
        "waited itself.",
        hints=(
            "`latency` counts from `due`. How much of it had passed when the request was sent?",
            "`latency - (sent - due)` of the answered rows, then `.quantile(0.99) * 1000`.",
        ),
        mistakes=(
            Mistake(
                "failures too", _failures_too, "Do all these rows have an answer? What is the latency of a failure?"
            ),
            Mistake("seconds", _in_seconds, "In which unit is `latency`, and which one is asked for?"),
            Mistake("added", _added, "A request is sent after it is due. Is the wait since then longer or shorter?"),
            Mistake(
                "difference of percentiles",
                _difference_of_percentiles,
                "The slowest answers need not be the requests that left latest. Subtract for each request first.",
            ),
            Mistake("median", _middle, "That is the middle one. Which percentile is asked for?"),
        ),
        sample_inputs=_offered,
    ),
    Exercise(
        id="11.5",
        title="How many copies",
        reference=copies_needed,
        why="What must hold while one copy is missing is counted without it; then it is added.",
        hints=(
            "How many requests a second may one copy get, if it is to be `busy` busy at most?",
            "Round `peak / (one_copy * busy)` up, and add the one that may be missing.",
        ),
        mistakes=(
            Mistake("none to spare", _none_to_spare, "And while one of them is being replaced?"),
            Mistake("fully busy", _fully_busy, "A copy that is busy all the time has a queue without end. Use `busy`."),
            Mistake("rounded down", _rounded_down, "Half a copy does not exist: what is left over needs one, too."),
            Mistake("share of the peak", _share_of_peak, "Does a copy that may be less busy do more or less work?"),
        ),
        sample_inputs=lambda: {"one_copy": 130.0, "peak": 1_050, "busy": 0.6},
    ),
    Exercise(
        id="11.6",
        title="Rent or own",
        reference=rent_or_own,
        why="Rented copies follow the day, owned ones stand there for its busiest hour: what decides is for how many "
        "hours a day a core is needed.",
        hints=(
            "Add up the hours of all copies for the one, and look for the busiest hour for the other.",
            "`30 * hour_price * copies_by_hour.sum()` and `month_price * copies_by_hour.max()`.",
        ),
        mistakes=(
            Mistake("a day", _one_day, "That is what a day costs. The month has 30 of them."),
            Mistake(
                "rented for the peak", _rented_for_the_peak, "What is rented at night, when few copies are needed?"
            ),
            Mistake("owned on average", _owned_on_average, "With the average number, who answers in the busiest hour?"),
            Mistake(
                "owned by the hour", _owned_by_the_hour, "A core that you own is paid once a month, not each hour."
            ),
        ),
        sample_inputs=lambda: {
            "copies_by_hour": pd.Series([1] * 5 + [6, 9, 12, 8, 8, 7, 7, 7, 8, 9, 9, 8, 8, 7, 7, 4, 2, 1, 1]),
            "hour_price": 0.05,
            "month_price": 15.0,
        },
    ),
]
