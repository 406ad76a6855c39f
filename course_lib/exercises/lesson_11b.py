"""Exercises of lesson 11's second page, on monitoring."""

from functools import cache

import numpy as np
from scipy.stats import binom

from course_lib.exercises import Exercise, Mistake


# 11b.1 ---------------------------------------------------------------------------------------------------------------
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


def _strictly_older(*, labels, now, settled_minutes):
    judged = labels[(labels["scheduled_at"] < now - settled_minutes) & (labels["known_at"] <= now)]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _from_then_on(*, labels, now, settled_minutes):
    judged = labels[(labels["scheduled_at"] >= now - settled_minutes) & (labels["known_at"] <= now)]
    return {"late": judged["late"].mean(), "flights": len(judged)}


def _number_late(*, labels, now, settled_minutes):
    right = settled(labels=labels, now=now, settled_minutes=settled_minutes)
    return right | {"late": right["late"] * right["flights"]}


def _known_long_ago(*, labels, now, settled_minutes):
    judged = labels[labels["known_at"] <= now - settled_minutes]
    return {"late": judged["late"].mean(), "flights": len(judged)}


# 11b.2 ---------------------------------------------------------------------------------------------------------------
def stability(*, rows_before, rows_today, least_share):
    """Shares, none of them below the least, and what each bin adds to the divergence both ways."""
    before, today = (np.maximum(rows / rows.sum(), least_share) for rows in (rows_before, rows_today))
    parts = (today - before) * np.log(today / before)
    return {"index": parts.sum(), "bin": parts.argmax()}


def _summed(parts):
    return {"index": parts.sum(), "bin": np.argmax(parts)}


def _of_counts(*, rows_before, rows_today, least_share):
    before, today = (np.maximum(rows, least_share) for rows in (rows_before, rows_today))
    return _summed((today - before) * np.log(today / before))


def _one_way(*, rows_before, rows_today, least_share):
    before, today = (np.maximum(rows / rows.sum(), least_share) for rows in (rows_before, rows_today))
    return _summed(today * np.log(today / before))


def _other_way(*, rows_before, rows_today, least_share):
    return _one_way(rows_before=rows_today, rows_today=rows_before, least_share=least_share)


def _tens(*, rows_before, rows_today, least_share):
    right = stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share)
    return right | {"index": right["index"] / np.log(10)}


def _twos(*, rows_before, rows_today, least_share):
    right = stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share)
    return right | {"index": right["index"] / np.log(2)}


def _mean_over_bins(*, rows_before, rows_today, least_share):
    right = stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share)
    return right | {"index": right["index"] / len(rows_before)}


def _renormalised(*, rows_before, rows_today, least_share):
    before, today = (np.maximum(rows / rows.sum(), least_share) for rows in (rows_before, rows_today))
    before, today = before / before.sum(), today / today.sum()
    return _summed((today - before) * np.log(today / before))


def _empty_bins_left_out(*, rows_before, rows_today, least_share):
    with np.errstate(divide="ignore", invalid="ignore"):
        before, today = (rows / rows.sum() for rows in (rows_before, rows_today))
        parts = (today - before) * np.log(today / before)
    return _summed(np.where((rows_before > 0) & (rows_today > 0), parts, 0))


def _not_lifted(*, rows_before, rows_today, least_share):
    with np.errstate(divide="ignore", invalid="ignore"):
        before, today = (rows / rows.sum() for rows in (rows_before, rows_today))
        return _summed((today - before) * np.log(today / before))


def _bin_of_most_rows(*, rows_before, rows_today, least_share):
    right = stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share)
    return right | {"bin": np.argmax(rows_today)}


def _bin_from_one(*, rows_before, rows_today, least_share):
    right = stability(rows_before=rows_before, rows_today=rows_today, least_share=least_share)
    return right | {"bin": right["bin"] + 1}


# 11b.3 ---------------------------------------------------------------------------------------------------------------
def many_checks(*, checks_made, each, together):
    """Multiply the shares of days on which each is silent; and the same backwards."""
    return {"any": 1 - (1 - each) ** checks_made, "allowed": 1 - (1 - together) ** (1 / checks_made)}


def _with(**mistaken):
    """Make a mistake of some keys of the answer: each is a function of the inputs, the other keys are right."""

    def answer(**inputs):
        return many_checks(**inputs) | {key: function(**inputs) for key, function in mistaken.items()}

    return answer


def _sum(*, checks_made, each, together):
    return checks_made * each


def _capped_sum(*, checks_made, each, together):
    return min(1, checks_made * each)


def _silent(*, checks_made, each, together):
    return (1 - each) ** checks_made


def _power(*, checks_made, each, together):
    return each**checks_made


def _part(*, checks_made, each, together):
    return together / checks_made


def _whole(*, checks_made, each, together):
    return together


def _root(*, checks_made, each, together):
    return together ** (1 / checks_made)


def _silent_root(*, checks_made, each, together):
    return (1 - together) ** (1 / checks_made)


# 11b.4 ---------------------------------------------------------------------------------------------------------------
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


# 11b.5 ---------------------------------------------------------------------------------------------------------------
def by_chance(*, days, rang, share):
    """Add up the probabilities of as many days, and of more."""
    return float(binom.sf(rang - 1, days, share))


def _more_than(*, days, rang, share):
    return float(binom.sf(rang, days, share))


def _just_so_many(*, days, rang, share):
    return float(binom.pmf(rang, days, share))


def _so_many_or_fewer(*, days, rang, share):
    return float(binom.cdf(rang, days, share))


def _expected(*, days, rang, share):
    return days * share


# 11b.6 ---------------------------------------------------------------------------------------------------------------
def saved(*, faults, a_day, noticed_after, found_share, found_after, false_alarms_a_year, a_look):
    """Count the days that are saved by what is found, less a look for each alarm."""
    found = faults * found_share
    return float(found * (noticed_after - found_after) * a_day - (false_alarms_a_year + found) * a_look)


def _all_found(*, found_share, **numbers):
    return saved(found_share=1, **numbers)


def _at_once(*, found_after, **numbers):
    return saved(found_after=0, **numbers)


def _false_alarms_free(*, false_alarms_a_year, **numbers):
    return saved(false_alarms_a_year=0, **numbers)


def _only_false_ones(*, faults, found_share, a_look, **numbers):
    right = saved(faults=faults, found_share=found_share, a_look=a_look, **numbers)
    return right + faults * found_share * a_look


def _missed_too(*, faults, a_day, noticed_after, found_share, **numbers):
    right = saved(faults=faults, a_day=a_day, noticed_after=noticed_after, found_share=found_share, **numbers)
    return right - faults * (1 - found_share) * noticed_after * a_day


def _no_looks(*, a_look, **numbers):
    return saved(a_look=0, **numbers)


def _look_for_each_fault(*, faults, found_share, a_look, **numbers):
    right = saved(faults=faults, found_share=found_share, a_look=a_look, **numbers)
    return right - faults * (1 - found_share) * a_look


def _bill_with_monitor(*, faults, a_day, noticed_after, found_share, found_after, false_alarms_a_year, a_look):
    found = faults * found_share
    days = found * found_after + (faults - found) * noticed_after
    return float(days * a_day + (false_alarms_a_year + found) * a_look)


def _cost_of_faults(*, faults, a_day, noticed_after, found_share, found_after, false_alarms_a_year, a_look):
    found = faults * found_share
    return float(found * found_after * a_day + (false_alarms_a_year + found) * a_look)


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
        id="11b.1",
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
            Mistake("from then on", _from_then_on, "Which side of `now - settled_minutes` are the flights to judge?"),
            Mistake(
                "strictly older",
                _strictly_older,
                "Is a flight that was scheduled exactly `settled_minutes` before `now` old enough?",
            ),
            Mistake("number late", _number_late, "That is how many are late. Which share of the flights is it?"),
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
        id="11b.2",
        title="The stability index by hand",
        reference=stability,
        why="Shares make days of any size comparable, the least share keeps an empty bin from being infinitely "
        "surprising, and the bin that adds most says where the day differs.",
        hints=(
            "First shares, then none below `least_share`, then the sum over the bins.",
            "`parts = (q - p) * np.log(q / p)`, then `parts.sum()` and `parts.argmax()`.",
        ),
        mistakes=(
            Mistake("counts", _of_counts, "A day has fewer rows than the weeks before it. What makes them comparable?"),
            Mistake(
                "one way",
                _one_way,
                "That is the divergence of today from before. The index adds the other direction: what is multiplied "
                "by the logarithm?",
            ),
            Mistake(
                "the other way",
                _other_way,
                "That is the divergence of the days before from today. The index adds both directions: what is "
                "multiplied by the logarithm?",
            ),
            Mistake("logarithm to base ten", _tens, "Nearly: to which base is your logarithm?"),
            Mistake("logarithm to base two", _twos, "Nearly: is `log2` the natural logarithm?"),
            Mistake(
                "shares made to add up again",
                _renormalised,
                "Nearly: after the least share is put in, the shares add up to a little more than 1. Leave them so.",
            ),
            Mistake(
                "not lifted",
                _not_lifted,
                "Your index is not a number: a bin that is empty has no logarithm. What is `least_share` for?",
            ),
            Mistake(
                "bin of most rows",
                _bin_of_most_rows,
                "The index is right. The bin that holds most rows today need not be the one that adds most to it.",
            ),
            Mistake(
                "bins from one", _bin_from_one, "The index is right. The first bin, that of missing values, is bin 0."
            ),
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
        id="11b.3",
        title="A hundred checks",
        reference=many_checks,
        why="One in twenty sounds rare, and among a hundred such checks one rings nearly every day.",
        hints=(
            "On which share of days is one check silent, and on which share are all?",
            "`1 - (1 - each) ** checks_made`; for the other, solve the same equation for `each`.",
        ),
        mistakes=(
            Mistake(
                "added up",
                _with(any=_sum),
                "Can a share of days be larger than one? Days with two alarms count once.",
            ),
            Mistake(
                "capped sum",
                _with(any=_capped_sum),
                "Adding up counts a day with two alarms twice; the cap hides that. On which share are all silent?",
            ),
            Mistake("all silent", _with(any=_silent), "`any` is the share of days on which none rings."),
            Mistake("all at once", _with(any=_power), "`any` is the share of days on which every check rings."),
            Mistake(
                "divided",
                _with(allowed=_part),
                "Near, and on the safe side: it adds the shares up, as if no two checks ever rang on one day. What "
                "is the share of days on which all are silent?",
            ),
            Mistake(
                "added up, and divided",
                _with(any=_sum, allowed=_part),
                "Both add up shares of days, and a day with two alarms counts once. What multiplies is the share of "
                "*silent* days.",
            ),
            Mistake(
                "capped sum, and divided",
                _with(any=_capped_sum, allowed=_part),
                "Both add up shares of days; the cap only hides it. What multiplies is the share of *silent* days.",
            ),
            Mistake(
                "the same for each", _with(allowed=_whole), "If each may ring so often, how often do all together?"
            ),
            Mistake(
                "root of the share",
                _with(allowed=_root),
                "Take the root of the share of *silent* days, then turn back to those that ring.",
            ),
            Mistake(
                "power, and root of the share",
                _with(any=_power, allowed=_root),
                "Powers are right, but of which share? `each ** checks_made` is for days on which *every* check rings.",
            ),
            Mistake(
                "silent days in both",
                _with(any=_silent, allowed=_silent_root),
                "Both are shares of *silent* days. Which share is left for those that ring?",
            ),
            Mistake(
                "silent days in `allowed`",
                _with(allowed=_silent_root),
                "`allowed` is the share of days on which each must be *silent*. Turn it back.",
            ),
            Mistake(
                "all silent, and root of the share",
                _with(any=_silent, allowed=_root),
                "`any` is the share of days on which none rings; and of which share did you take the root?",
            ),
        ),
        sample_inputs=lambda: {"checks_made": 100, "each": 0.05, "together": 0.02},
    ),
    Exercise(
        id="11b.4",
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
    Exercise(
        id="11b.5",
        title="Is that chance?",
        reference=by_chance,
        why="A number that is rare under the promise speaks against the promise, or says that these days are others.",
        hints=(
            "`binom.sf(k, n, p)` is the probability of *more than* k.",
            "As many or more is more than one fewer: `binom.sf(rang - 1, days, share)`.",
        ),
        mistakes=(
            Mistake("more than", _more_than, "That leaves out the case that just so many days rang."),
            Mistake(
                "just so many", _just_so_many, "That is for exactly so many. Would one more speak less against it?"
            ),
            Mistake("so many or fewer", _so_many_or_fewer, "You look to the wrong side: is it rare to have so *many*?"),
            Mistake("expected", _expected, "So many days are expected. Asked for is a probability."),
        ),
        sample_inputs=lambda: {"days": 61, "rang": 7, "share": 0.05},
        tolerance=1e-4,
    ),
    Exercise(
        id="11b.6",
        title="What is the monitor worth?",
        reference=saved,
        why="Rare faults that somebody notices soon anyway may not pay for the looks: reckon before you build.",
        hints=(
            "For one fault that is found: how many days earlier than without a monitor?",
            "Then subtract `a_look` for each alarm: the false ones, and one for each fault that is found.",
        ),
        mistakes=(
            Mistake("all are found", _all_found, "Does the monitor find every fault?"),
            Mistake(
                "missed ones, too",
                _missed_too,
                "A fault that is missed costs as much without a monitor. Does it change what is *saved*?",
            ),
            Mistake("at once", _at_once, "For how many days is the fault there before the monitor rings?"),
            Mistake("looks are free", _no_looks, "That is gained if nobody looks. Who pays for the looks?"),
            Mistake(
                "a look for each fault",
                _look_for_each_fault,
                "Who looks at a fault for which nothing rang? A look comes with an alarm.",
            ),
            Mistake(
                "bill with the monitor",
                _bill_with_monitor,
                "That is the whole bill of a year with the monitor. What is it without, and what is *saved*?",
            ),
            Mistake("false alarms are free", _false_alarms_free, "Who looks when it rings for nothing?"),
            Mistake("true alarms are free", _only_false_ones, "An alarm that is right costs a look, too."),
            Mistake(
                "what it costs", _cost_of_faults, "That is what is still paid. What is *saved* against no monitor?"
            ),
        ),
        sample_inputs=lambda: {
            "faults": 8,
            "a_day": 40.0,
            "noticed_after": 12,
            "found_share": 0.75,
            "found_after": 2,
            "false_alarms_a_year": 15,
            "a_look": 20.0,
        },
    ),
]
