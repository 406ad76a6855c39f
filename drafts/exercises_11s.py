"""Exercises of lesson 11's section on load and replacement; to be merged into ``exercises/lesson_11.py``."""

from math import ceil

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 11.A ----------------------------------------------------------------------------------------------------------------
def waits_two_ways(*, offered):
    """A latency from `sent` leaves out what the request waited before it was sent."""
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


# 11.B ----------------------------------------------------------------------------------------------------------------
def copies_needed(*, one_copy, peak, busy):
    """So many that the load fits with one of them gone."""
    return ceil(peak / (one_copy * busy)) + 1


def _none_to_spare(*, one_copy, peak, busy):
    return ceil(peak / (one_copy * busy))


def _fully_busy(*, one_copy, peak, busy):
    return ceil(peak / one_copy) + 1


def _rounded_down(*, one_copy, peak, busy):
    return int(peak / (one_copy * busy)) + 1


def _share_of_peak(*, one_copy, peak, busy):
    return ceil(peak * busy / one_copy) + 1


def _offered():
    """Replace by requests that were sent: `offered_load.offer` to a server of the tests. These are drawn."""
    draw = np.random.default_rng(0)
    due = np.sort(draw.uniform(0, 2, 40))
    late = draw.exponential(0.02, 40)
    outcome = np.where(np.arange(40) % 8 == 7, "broken off", "answered")
    latency = late + draw.exponential(0.03, 40) + np.where(outcome == "broken off", 1.0, 0.0)
    return {"offered": pd.DataFrame({"due": due, "sent": due + late, "latency": latency, "outcome": outcome})}


EXERCISES = [
    Exercise(
        id="11.A",
        title="Whose clock?",
        reference=waits_two_ways,
        why="A person waits from when the answer was wanted; a client that counts from when it got round to asking hides "
        "what it waited itself.",
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
        id="11.B",
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
        sample_inputs=lambda: {"one_copy": 130.0, "peak": 1_000, "busy": 0.6},
    ),
]
