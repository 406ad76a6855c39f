"""Exercises of lesson 11 on monitoring: a part of course_lib/exercises/lesson_11.py; the lesson numbers them anew."""

from functools import cache

import numpy as np

from course_lib.exercises import Exercise, Mistake


# 11.m1 ---------------------------------------------------------------------------------------------------------------
def settled(*, labels, now, settled_minutes):
    """Old enough that nearly all labels are in, and among these only what is in."""
    judged = labels[(labels["scheduled_at"] <= now - settled_minutes) & (labels["known_at"] <= now)]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _all_that_is_known(*, labels, now, settled_minutes):
    judged = labels[labels["known_at"] <= now]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _known_later_too(*, labels, now, settled_minutes):
    judged = labels[labels["scheduled_at"] <= now - settled_minutes]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _young_ones(*, labels, now, settled_minutes):
    judged = labels[(labels["scheduled_at"] > now - settled_minutes) & (labels["known_at"] <= now)]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _known_long_ago(*, labels, now, settled_minutes):
    judged = labels[labels["known_at"] <= now - settled_minutes]
    return {"late": judged["late"].mean(), "flights": len(judged)}


# 11.m2 ---------------------------------------------------------------------------------------------------------------
def stability(*, rows_before, rows_today, least_share):
    """Shares, none of them below the least, and the divergence both ways."""
    before, today = (np.maximum(rows / rows.sum(), least_share) for rows in (rows_before, rows_today))
    return ((today - before) * np.log(today / before)).sum()


def _of_counts(*, rows_before, rows_today, least_share):
    before, today = (np.maximum(rows, least_share) for rows in (rows_before, rows_today))
    return ((today - before) * np.log(today / before)).sum()


def _one_way(*, rows_before, rows_today, least_share):
    before, today = (np.maximum(rows / rows.sum(), least_share) for rows in (rows_before, rows_today))
    return (today * np.log(today / before)).sum()


def _tens(*, rows_before, rows_today, least_share):
    return stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share) / np.log(10)


def _mean_over_bins(*, rows_before, rows_today, least_share):
    return stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share) / len(rows_before)


def _empty_bins_left_out(*, rows_before, rows_today, least_share):
    both = (rows_before > 0) & (rows_today > 0)
    before, today = (rows[both] / rows.sum() for rows in (rows_before, rows_today))
    return ((today - before) * np.log(today / before)).sum()


# 11.m3 ---------------------------------------------------------------------------------------------------------------
def alarms_in_100_days(*, in_limits):
    """Count each day once, however many of its checks ring."""
    return 100 * (in_limits > 1).any(axis=1).mean()


def _every_check_counts(*, in_limits):
    return 100 * (in_limits > 1).sum(axis=1).mean()


def _share_of_checks(*, in_limits):
    return 100 * (in_limits > 1).to_numpy().mean()


def _no_hundred(*, in_limits):
    return (in_limits > 1).any(axis=1).mean()


def _all_checks(*, in_limits):
    return 100 * (in_limits > 1).all(axis=1).mean()


def _number_of_days(*, in_limits):
    return float((in_limits > 1).any(axis=1).sum())


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _flights():
    from course_lib import features, load

    table = features.with_clock(load("flights").query("month == 7 and day <= 10"))
    table = table[table["arr_delay"].notna()]
    return table.assign(late=(table["arr_delay"] >= 30).astype(float))


def _labels():
    labels = _flights()[["scheduled_at", "known_at", "late"]]
    return {"labels": labels, "now": int(labels["scheduled_at"].max()), "settled_minutes": 6 * 60}


def _distances():
    flights = _flights()
    edges = [0, 300, 600, 900, 1200, 2000, 3000, 6000, 10_000]
    today = flights["day"] == flights["day"].max()
    long = flights["distance"].mask(today, flights["distance"] * 1.609)  # of one day, in km
    counts = [np.histogram(long[rows], edges)[0] for rows in (~today, today)]
    return {"rows_before": counts[0], "rows_today": counts[1], "least_share": 0.001}


def _in_limits():
    flights = _flights()
    by_day = flights.groupby(["day", "origin"])["late"].mean().unstack()
    by_day["all"] = flights.groupby("day")["late"].mean()
    return {"in_limits": by_day / by_day.median()}


EXERCISES = [
    Exercise(
        id="11.m1",
        title="Wait for the labels",
        reference=settled,
        why="What is known early is what landed early; judge a flight when it is old enough that its label would be in "
        "either way.",
        hints=(
            "Two conditions: how old is the flight, and is its label in?",
            "`scheduled_at <= now - settled_minutes` and `known_at <= now`, then the mean and the number of rows.",
        ),
        mistakes=(
            Mistake(
                "all that is known",
                _all_that_is_known,
                "Among the flights of the last hours, which ones are known already: the punctual or the late?",
            ),
            Mistake(
                "known later, too",
                _known_later_too,
                "Some of these labels come in after `now`. Who could have told you?",
            ),
            Mistake("the young ones", _young_ones, "Which flights are to be left alone: the old or the young ones?"),
            Mistake(
                "known long ago",
                _known_long_ago,
                "The wait counts from the schedule, which is the same for late and punctual flights. From what do you "
                "count?",
            ),
        ),
        sample_inputs=_labels,
    ),
    Exercise(
        id="11.m2",
        title="The stability index by hand",
        reference=stability,
        why="Shares make days of any size comparable, and the least share keeps an empty bin from being infinitely "
        "surprising.",
        hints=(
            "First shares, then none below `least_share`, then the sum over the bins.",
            "`((p - q) * np.log(p / q)).sum()` with `p` of today and `q` of before.",
        ),
        mistakes=(
            Mistake("counts", _of_counts, "A day has fewer rows than the weeks before it. What makes them comparable?"),
            Mistake(
                "one way",
                _one_way,
                "That is the divergence of today from before. The index adds the other direction: what is multiplied "
                "by the logarithm?",
            ),
            Mistake("another logarithm", _tens, "Nearly: to which base is your logarithm?"),
            Mistake("mean over bins", _mean_over_bins, "Is the index a mean over the bins, or a sum?"),
            Mistake(
                "empty bins left out",
                _empty_bins_left_out,
                "A bin that was empty before and is full today is the most telling one. What happened to it?",
            ),
        ),
        sample_inputs=_distances,
    ),
    Exercise(
        id="11.m3",
        title="How often does it ring?",
        reference=alarms_in_100_days,
        why="Somebody gets up once a day that rings, whether one check rang or twenty: count days, not checks.",
        hints=(
            "When does a day ring? Answer that for each day first.",
            "`(in_limits > 1).any(axis=1)`, then a mean, in days of a hundred.",
        ),
        mistakes=(
            Mistake(
                "every check counts",
                _every_check_counts,
                "On a bad day many checks ring together. How often are you called on that day?",
            ),
            Mistake(
                "share of checks",
                _share_of_checks,
                "That is how often a single check rings. With more checks, does the monitor ring more or less often?",
            ),
            Mistake("no hundred", _no_hundred, "That is a share. What is asked for is a number in 100 days."),
            Mistake("all checks", _all_checks, "Must all checks ring before the day does?"),
            Mistake("number of days", _number_of_days, "In how many days? The answer is for 100 of them."),
        ),
        sample_inputs=_in_limits,
    ),
]
