"""A lesson of one exercise, and an attendee's answers to it."""

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake, check

FLIGHTS = pd.DataFrame({"carrier": ["UA", "AA", "UA", "B6"], "delay": [40.0, -5.0, 10.0, np.nan], "hour": [6, 7, 6, 8]})


def late_share(*, flights, late_minutes):
    """Share of flights that landed late."""
    # flights without an arrival do not count
    landed = flights["delay"].dropna()
    return (landed >= late_minutes).mean()


def _double(value):
    return 2 * value


def doubled(
    *,
    flights,
    late_minutes=0,
) -> float:
    if late_minutes:
        return _double(1)
    return _double(2)


def counts_missing(*, flights, late_minutes):
    return (flights["delay"] >= late_minutes).mean()


def counts_late(*, flights, late_minutes):
    return int((flights["delay"] >= late_minutes).sum())


def fails(*, flights, late_minutes):
    raise KeyError("no such column")


def exercise(reference=late_share, mistakes=(), **more):
    return Exercise(
        id="90.1",
        title="Share",
        reference=reference,
        why="A mean of truth values is a share.",
        hints=("nudge", "more"),
        mistakes=mistakes
        or (
            Mistake("fails", fails, "never shown"),
            Mistake("missing counted", counts_missing, "Look at the missing arrivals."),
            Mistake("count", counts_late, "A share, not a count."),
        ),
        sample_inputs=lambda: {"flights": FLIGHTS, "late_minutes": 30},
        **more,
    )


def ask(answer, **inputs):
    return check("90.1", answer, **({"flights": FLIGHTS, "late_minutes": 30} | inputs))
