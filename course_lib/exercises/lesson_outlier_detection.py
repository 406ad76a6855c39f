"""Exercises of the case study on outliers."""

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# outlier_detection.1 --------------------------------------------------------------------------------------------------
def change_in_spreads(*, values, window):
    """Size of the change by 1.4826 times the median size in the window before."""
    change = values.diff().abs()
    return change / (1.4826 * change.rolling(window).median().shift(1))


def _with_this_hour(*, values, window):
    change = values.diff().abs()
    return change / (1.4826 * change.rolling(window).median())


def _centred(*, values, window):
    change = values.diff().abs()
    return change / (1.4826 * change.rolling(window, center=True).median())


def _standard_deviation(*, values, window):
    change = values.diff()
    return change.abs() / change.rolling(window).std().shift(1)


def _without_factor(*, values, window):
    return 1.4826 * change_in_spreads(values=values, window=window)


def _mean(*, values, window):
    change = values.diff().abs()
    return change / (1.4826 * change.rolling(window).mean().shift(1))


def _median_of_signed(*, values, window):
    change = values.diff()
    return change.abs() / (1.4826 * change.rolling(window).median().shift(1)).abs()


def _signed(*, values, window):
    return change_in_spreads(values=values, window=window) * np.sign(values.diff())


def _of_the_whole(*, values, window):
    change = values.diff().abs()
    return change / (1.4826 * change.median())


# outlier_detection.2 --------------------------------------------------------------------------------------------------
def alerts_after_silence(*, crossings, silence):
    """Count crossings that come when the station may speak."""
    number, free = 0, -np.inf
    for hour in crossings:
        if hour >= free:
            number, free = number + 1, hour + silence
    return number


def _every_crossing(*, crossings, silence):
    return len(crossings)


def _silence_renewed(*, crossings, silence):
    return int((np.diff(crossings, prepend=-np.inf) >= silence).sum())


def _one_hour_longer(*, crossings, silence):
    return alerts_after_silence(crossings=crossings, silence=silence + 1)


def _blocks_of_the_clock(*, crossings, silence):
    return len(np.unique(np.asarray(crossings) // silence))


def _stretches(*, crossings, silence):
    return int((np.diff(crossings, prepend=-np.inf) > 1).sum())


# outlier_detection.3 --------------------------------------------------------------------------------------------------
def share_found_in_time(*, drifts):
    """Compare; a missing delay is smaller than nothing, so it counts as not found."""
    return (drifts["delay"] < drifts["hours"]).mean()


def _found_at_any_time(*, drifts):
    return drifts["found"].mean()


def _of_the_found(*, drifts):
    return (drifts.loc[drifts["found"], "delay"] < drifts.loc[drifts["found"], "hours"]).mean()


def _the_end_too(*, drifts):
    return (drifts["delay"] <= drifts["hours"]).mean()


def _missing_as_at_once(*, drifts):
    return (drifts["delay"].fillna(0) < drifts["hours"]).mean()


def _number_in_time(*, drifts):
    return (drifts["delay"] < drifts["hours"]).sum()


# outlier_detection.4 --------------------------------------------------------------------------------------------------
def _f1(flags, faulty):
    return 2 * (flags & faulty).sum() / (flags.sum() + faulty.sum())


def _stretch_of(faulty):
    return pd.Series(np.cumsum(np.diff(faulty.astype(int), prepend=0) != 0))


def point_adjusted_f1(*, flagged, faulty):
    """Flag a whole stretch where any of its hours is flagged."""
    any_flagged = pd.Series(flagged).groupby(_stretch_of(faulty)).transform("any").to_numpy()
    return _f1(flagged | (faulty & any_flagged), faulty)


def _not_adjusted(*, flagged, faulty):
    return _f1(flagged, faulty)


def _only_onwards(*, flagged, faulty):
    onwards = pd.Series(flagged).groupby(_stretch_of(faulty)).cummax().to_numpy()
    return _f1(flagged | (faulty & onwards), faulty)


def _false_stretches_too(*, flagged, faulty):
    return _f1(pd.Series(flagged).groupby(_stretch_of(faulty)).transform("any").to_numpy(), faulty)


def _without_false_alarms(*, flagged, faulty):
    any_flagged = pd.Series(flagged).groupby(_stretch_of(faulty)).transform("any").to_numpy()
    return _f1(faulty & any_flagged, faulty)


def _by_stretches(*, flagged, faulty):
    stretch = _stretch_of(faulty)
    hit = pd.Series(flagged & faulty).groupby(stretch).any()[pd.Series(faulty).groupby(stretch).any()]
    wrong = (flagged & ~faulty).sum()
    return 2 * hit.sum() / (2 * hit.sum() + wrong + (~hit).sum())


# outlier_detection.5 --------------------------------------------------------------------------------------------------
def bill(*, found, alerts, alert_cost, fault_hour_cost):
    """Hours until found, and all hours where it never was or was later than the end."""
    unknown = found["delay"].fillna(np.inf).clip(upper=found["hours"]).sum()
    return alert_cost * alerts + fault_hour_cost * unknown


def _missed_are_free(*, found, alerts, alert_cost, fault_hour_cost):
    return alert_cost * alerts + fault_hour_cost * found["delay"].clip(upper=found["hours"]).sum()


def _later_than_the_end(*, found, alerts, alert_cost, fault_hour_cost):
    return alert_cost * alerts + fault_hour_cost * found["delay"].fillna(found["hours"]).sum()


def _all_hours(*, found, alerts, alert_cost, fault_hour_cost):
    return alert_cost * alerts + fault_hour_cost * found["hours"].sum()


def _only_missed(*, found, alerts, alert_cost, fault_hour_cost):
    return alert_cost * alerts + fault_hour_cost * found.loc[found["delay"].isna(), "hours"].sum()


def _without_alerts(*, found, alerts, alert_cost, fault_hour_cost):
    return bill(found=found, alerts=0, alert_cost=alert_cost, fault_hour_cost=fault_hour_cost)


# outlier_detection.6 --------------------------------------------------------------------------------------------------
def scores_while_learning(*, changes, first, rate, clip):
    """Score, then learn."""
    spread, scores = first, []
    for change in changes:
        scores.append(change / spread)
        spread += rate * (min(change, clip * spread) - spread)
    return scores


def _spreads_around(changes, first, lesson):
    """Give the spread before each change and after the last; a lesson makes the next of a change and a spread."""
    spreads = [first]
    for change in changes:
        spreads.append(lesson(change, spreads[-1]))
    return np.array(spreads)


def _as_asked(rate, clip):
    return lambda change, spread: spread + rate * (min(change, clip * spread) - spread)


def _spreads(*, changes, first, rate, clip):
    return _spreads_around(changes, first, _as_asked(rate, clip))[:-1]


def _learned_first(*, changes, first, rate, clip):
    return changes / _spreads_around(changes, first, _as_asked(rate, clip))[1:]


def _added(*, changes, first, rate, clip):
    only_added = _spreads_around(changes, first, lambda change, spread: spread + rate * min(change, clip * spread))
    return changes / only_added[:-1]


def _clipped_at_first(*, changes, first, rate, clip):
    clipped = np.minimum(changes, clip * first)
    return changes / _spreads_around(clipped, first, _as_asked(rate, np.inf))[:-1]


def _not_clipped(*, changes, first, rate, clip):
    return scores_while_learning(changes=changes, first=first, rate=rate, clip=np.inf)


def _frozen(*, changes, first, rate, clip):
    return scores_while_learning(changes=changes, first=first, rate=0, clip=clip)


def _rate_the_other_way(*, changes, first, rate, clip):
    return scores_while_learning(changes=changes, first=first, rate=1 - rate, clip=clip)


# outlier_detection.7 --------------------------------------------------------------------------------------------------
MORNING = list(range(6, 12))


def _found(odd, limit, columns=MORNING):
    return list(odd.index[(odd[columns] > limit).any(axis=1)])


def _odd(not_left, *, shifts=(1, 1), least=3, factor=1.4826):
    def usual(table, shift):
        return table.shift(shift).rolling(28, min_periods=14).median()

    deviation = not_left - usual(not_left, shifts[0])
    return deviation / (factor * usual(deviation.abs(), shifts[1])).clip(lower=least)


def found_before_noon(*, not_left, limit):
    """Look at the hours that are over by noon, against the 28 days before."""
    deviation = not_left - not_left.shift(1).rolling(28, min_periods=14).median()
    spread = 1.4826 * deviation.abs().shift(1).rolling(28, min_periods=14).median()
    over = deviation / spread.clip(lower=3) > limit
    return list(over.index[over[[6, 7, 8, 9, 10, 11]].any(axis=1)])


def _eleven_left_out(*, not_left, limit):
    return _found(_odd(not_left), limit, MORNING[:-1])


def _whole_day(*, not_left, limit):
    return _found(_odd(not_left), limit, list(not_left.columns))


def _today_in_both(*, not_left, limit):
    return _found(_odd(not_left, shifts=(0, 0)), limit)


def _today_is_usual(*, not_left, limit):
    return _found(_odd(not_left, shifts=(0, 1)), limit)


def _today_in_the_spread(*, not_left, limit):
    return _found(_odd(not_left, shifts=(1, 0)), limit)


def _no_least(*, not_left, limit):
    return _found(_odd(not_left, least=1e-9), limit)


def _no_factor(*, not_left, limit):
    return _found(_odd(not_left, factor=1), limit)


def _noon_too(*, not_left, limit):
    return _found(_odd(not_left), limit, [*MORNING, 12])


def _not_divided(*, not_left, limit):
    return _found(not_left - not_left.shift(1).rolling(28, min_periods=14).median(), limit)


def _how_many(*, not_left, limit):
    return len(found_before_noon(not_left=not_left, limit=limit))


def _true_and_false(*, not_left, limit):
    return (_odd(not_left)[MORNING] > limit).any(axis=1)


# ---- small inputs ----------------------------------------------------------------------------------------------------
def small_values():
    """Make a station's noisy temperatures, with a jump."""
    random = np.random.default_rng(0)
    values = pd.Series(50 + random.normal(0, 2, 60).cumsum())
    values[40] += 20
    return {"values": values, "window": 10}


def small_crossings():
    """Give some that are close, and some at the very end of the silence."""
    return {"crossings": np.array([3, 4, 5, 9, 12, 15, 16, 17, 23, 29, 30, 36, 41, 44, 45, 70]), "silence": 6}


def small_drifts():
    """Found early, late, at the end, never."""
    delay = [10.0, 48.0, 49.0, np.nan, 30.0, np.nan, 47.0, 50.0, 20.0]
    table = pd.DataFrame({"delay": delay, "hours": 48})
    return {"drifts": table.assign(found=table["delay"].notna())}


def small_flags():
    """Two faults, one flagged in its middle; a false alarm."""
    faulty, flagged = np.zeros(40, bool), np.zeros(40, bool)
    faulty[5:15] = faulty[20:24] = faulty[30:36] = True
    flagged[[2, 8, 17, 18, 32, 38]] = True
    return {"flagged": flagged, "faulty": faulty}


def small_bill():
    """Give a fault found at once, one after its end, one in it, one never."""
    found = pd.DataFrame({"hours": [1, 1, 12, 48, 9], "delay": [0.0, 3.0, 5.0, np.nan, 2.0]})
    return {"found": found, "alerts": 7, "alert_cost": 1.5, "fault_hour_cost": 0.5}


def small_changes():
    """Small changes and two large ones."""
    return {"changes": np.array([1.0, 0.5, 2.0, 30.0, 1.0, 25.0, 0.0, 1.5]), "first": 1.5, "rate": 0.1, "clip": 4}


def small_not_left():
    """Make a hundred days; on half of them many are late from some hour on, at times just enough to be found."""
    random = np.random.default_rng(13)
    days = pd.date_range("2013-01-01", periods=100)
    table = pd.DataFrame(random.poisson(np.linspace(2, 30, 24), (100, 24)), days, range(24))
    for day in range(20, 100, 2):
        table.iloc[day, random.integers(6, 20) :] += random.integers(15, 40)
    table[6] = (random.random(100) < 0.2).astype(int)  # hardly ever any: a spread of nothing
    return {"not_left": table, "limit": 5}


EXERCISES = (
    Exercise(
        id="outlier_detection.1",
        title="A signal that looks back",
        reference=change_in_spreads,
        why="The shift keeps this hour out of its own measure, and a median does not learn from one jump.",
        hints=("What is usual must be known before the hour comes.", "Take diff and abs, then rolling, then shift."),
        mistakes=(
            Mistake("this hour too", _with_this_hour, "Is the hour that you judge part of its own measure?"),
            Mistake("centred window", _centred, "Half of that window has not come yet."),
            Mistake(
                "standard deviation",
                _standard_deviation,
                "Let one jump pass through: what does it do to a mean of squares?",
            ),
            Mistake(
                "without the factor",
                _without_factor,
                "A median of sizes is smaller than a standard deviation: what brings it there?",
            ),
            Mistake("mean", _mean, "Let one jump pass through: what does it do to a mean?"),
            Mistake("median with signs", _median_of_signed, "Rises and falls cancel: of what do you take the median?"),
            Mistake("with its sign", _signed, "Is a fall less odd than a rise?"),
            Mistake(
                "one spread for all hours", _of_the_whole, "This measure knows the end of the series at its beginning."
            ),
        ),
        sample_inputs=small_values,
    ),
    Exercise(
        id="outlier_detection.2",
        title="What the engineer hears",
        reference=alerts_after_silence,
        why="Silence begins with an alert, not with a crossing, so a long fault speaks again.",
        hints=("Go through the hours in order.", "Keep the hour from which the station may speak."),
        mistakes=(
            Mistake(
                "each crossing",
                _every_crossing,
                "How often does the telephone ring in an hour-long fault, and in one of ten hours?",
            ),
            Mistake("silence renewed", _silence_renewed, "Does a crossing in the silence make the silence longer?"),
            Mistake("one hour longer", _one_hour_longer, "May it speak in the hour in which the silence ends?"),
            Mistake(
                "blocks of the clock", _blocks_of_the_clock, "Does the silence begin with the clock, or with the alert?"
            ),
            Mistake(
                "unbroken stretches",
                _stretches,
                "How long is the silence, if the score falls below the threshold for an hour?",
            ),
        ),
        sample_inputs=small_crossings,
    ),
    Exercise(
        id="outlier_detection.3",
        title="Found while it lasts",
        reference=share_found_in_time,
        why="A comparison with NaN is false, so what was never found is not found in time.",
        hints=("At hour `hours` the drift is over.", "Compare two columns, and take the mean over all drifts."),
        mistakes=(
            Mistake("at any time", _found_at_any_time, "Is an alert still a help when the drift has ended?"),
            Mistake("of those found", _of_the_found, "A share of which drifts?"),
            Mistake("the jump back too", _the_end_too, "In which hour does the value jump back?"),
            Mistake(
                "never found is at once",
                _missing_as_at_once,
                "What does a missing delay say, and what did you make of it?",
            ),
            Mistake("a number", _number_in_time, "A share lies between 0 and 1."),
        ),
        sample_inputs=small_drifts,
    ),
    Exercise(
        id="outlier_detection.4",
        title="Point adjustment",
        reference=point_adjusted_f1,
        why="One lucky hour turns a whole fault into hits, while a false alarm stays one hour.",
        hints=("Number the stretches by adding up where `faulty` changes.", "Group by that number, and ask for any."),
        mistakes=(
            Mistake(
                "not adjusted", _not_adjusted, "What happens to the other hours of a fault of which one is flagged?"
            ),
            Mistake("from the alert on", _only_onwards, "Are the hours before the first flag counted as well?"),
            Mistake("quiet stretches too", _false_stretches_too, "Are stretches without a fault adjusted as well?"),
            Mistake("false alarms forgotten", _without_false_alarms, "Where are the flags outside of faults?"),
            Mistake("faults counted once", _by_stretches, "Are hours counted, or faults?"),
        ),
        sample_inputs=small_flags,
    ),
    Exercise(
        id="outlier_detection.5",
        title="The bill",
        reference=bill,
        why="Never found costs all of its hours, and so does found too late.",
        hints=("How many hours was each fault unknown?", "Fill the missing delays with something large, then clip."),
        mistakes=(
            Mistake("missed for nothing", _missed_are_free, "What does a fault cost that nobody ever found?"),
            Mistake("later than its end", _later_than_the_end, "Can a fault of one hour be unknown for three?"),
            Mistake("all hours", _all_hours, "Does it help to find a fault early?"),
            Mistake("missed ones only", _only_missed, "Does a fault cost nothing until it is found?"),
            Mistake("alerts for nothing", _without_alerts, "Who looks at the alerts?"),
        ),
        sample_inputs=small_bill,
    ),
    Exercise(
        id="outlier_detection.6",
        title="Score, then learn",
        reference=scores_while_learning,
        why="A score that has learned from its own hour is too small, most of all in a fault.",
        hints=(
            "Keep the spread in a variable, and go through the changes.",
            "Append the score before the spread moves.",
        ),
        mistakes=(
            Mistake("learned first", _learned_first, "Which spread was known before the hour came?"),
            Mistake("not clipped", _not_clipped, "What does one fault teach, and for how long?"),
            Mistake("nothing learned", _frozen, "Does the second hour know anything of the first?"),
            Mistake(
                "rate the other way", _rate_the_other_way, "With a rate of 0.1, how much of the old spread is kept?"
            ),
            Mistake("only added", _added, "What does the spread do while the changes are smaller than it?"),
            Mistake("spreads", _spreads, "A score is a change, divided by what?"),
            Mistake("clipped at the first spread", _clipped_at_first, "The limit is so many times which spread?"),
        ),
        sample_inputs=small_changes,
    ),
    Exercise(
        id="outlier_detection.7",
        title="Before noon",
        reference=found_before_noon,
        why="A day is found live only by hours that are over, measured by days that are over.",
        hints=(
            "Each column is a series of days.",
            "Shift both medians by a day; the second is of the deviations' size.",
        ),
        mistakes=(
            Mistake("the whole day", _whole_day, "Which of these columns are known at noon?"),
            Mistake(
                "today in both medians", _today_in_both, "Is the day that you judge among those that say what is usual?"
            ),
            Mistake("today in what is usual", _today_is_usual, "Which days make the first median?"),
            Mistake("today in the spread", _today_in_the_spread, "Which days make the second median?"),
            Mistake("no factor", _no_factor, "What brings a median of sizes to the size of a standard deviation?"),
            Mistake("no least spread", _no_least, "What if hardly ever anybody is late at six o'clock?"),
            Mistake("noon and later", _noon_too, "When is column 12 known?"),
            Mistake("without eleven", _eleven_left_out, "Which hour is over at noon exactly?"),
            Mistake("not divided", _not_divided, "Are five flights as odd at eleven o'clock as at six?"),
            Mistake("how many", _how_many, "That is how many days. Which ones?"),
            Mistake(
                "true and false", _true_and_false, "You say of each day whether it is found. Give the days that are."
            ),
        ),
        sample_inputs=small_not_left,
    ),
)
