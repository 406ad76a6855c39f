"""Exercises of lesson 11's section on load and replacement; to be merged into ``exercises/lesson_11.py``."""

from math import ceil

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 11.A ----------------------------------------------------------------------------------------------------------------
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
        id="11.A",
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
