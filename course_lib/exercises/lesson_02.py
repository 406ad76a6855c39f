"""Exercises of lesson 02, exploratory data analysis."""

import math

import pandas as pd

from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 02.1 ----------------------------------------------------------------------------------------------------------------
def sample_that_shows(*, rows, faulty):
    """Say how many rows a sample needs to hold a faulty one with a chance of 95 %."""
    chance_to_miss = 0.05
    # A sample of n rows misses one faulty row with chance 1 - n/rows, and all of them with that to the power of faulty.
    return math.ceil(rows * (1 - chance_to_miss ** (1 / faulty)))


def _without_root(*, rows, faulty):
    return math.ceil(rows * (1 - 0.05))


def _with_seen_and_missed_swapped(*, rows, faulty):
    return math.ceil(rows * (1 - 0.95 ** (1 / faulty)))


def _one_expected(*, rows, faulty):
    return math.ceil(rows / faulty)


def _drawn_with_replacement(*, rows, faulty):
    return math.ceil(math.log(0.05) / math.log(1 - faulty / rows))


def _part_of_a_row(*, rows, faulty):
    return rows * (1 - 0.05 ** (1 / faulty))


def _rounded_down(*, rows, faulty):
    return math.floor(rows * (1 - 0.05 ** (1 / faulty)))


def _rows_left_over(*, rows, faulty):
    return math.ceil(rows * 0.05 ** (1 / faulty))


def _share_instead_of_rows(*, rows, faulty):
    return 1 - 0.05 ** (1 / faulty)


# 02.2 ----------------------------------------------------------------------------------------------------------------
def complete_share(*, weather):
    """Share of the rows without a hole, once the columns that are more than half empty are gone."""
    mostly_known = weather.loc[:, weather.isna().mean() <= 0.5]
    return mostly_known.notna().all(axis=1).mean()


def _nothing_dropped(*, weather):
    return weather.notna().all(axis=1).mean()


def _counted_rows(*, weather):
    return int(weather.loc[:, weather.isna().mean() <= 0.5].notna().all(axis=1).sum())


def _rain_alone(*, weather):
    kept = weather.loc[:, weather.isna().mean() <= 0.5]
    return kept[kept["precip"] > 0].notna().all(axis=1).mean()


def _share_of_cells(*, weather):
    return weather.loc[:, weather.isna().mean() <= 0.5].notna().mean().mean()


def _any_in_place_of_all(*, weather):
    return weather.loc[:, weather.isna().mean() <= 0.5].notna().any(axis=1).mean()


def _share_with_holes(*, weather):
    return 1 - complete_share(weather=weather)


# 02.3 ----------------------------------------------------------------------------------------------------------------
def two_conditionals(*, flights):
    """Compare the chance to be cancelled without a tail number and that to have none if cancelled."""
    no_tail, cancelled = flights["tailnum"].isna(), flights["dep_time"].isna()
    return {"cancelled if no tail": cancelled[no_tail].mean(), "no tail if cancelled": no_tail[cancelled].mean()}


def _swapped_conditionals(*, flights):
    right = two_conditionals(flights=flights)
    return {
        "cancelled if no tail": right["no tail if cancelled"],
        "no tail if cancelled": right["cancelled if no tail"],
    }


def _joint_shares(*, flights):
    both = (flights["tailnum"].isna() & flights["dep_time"].isna()).mean()
    return {"cancelled if no tail": both, "no tail if cancelled": both}


def _unconditional(*, flights):
    return {
        "cancelled if no tail": flights["dep_time"].isna().mean(),
        "no tail if cancelled": flights["tailnum"].isna().mean(),
    }


def _unconditional_swapped(*, flights):
    return {
        "cancelled if no tail": flights["tailnum"].isna().mean(),
        "no tail if cancelled": flights["dep_time"].isna().mean(),
    }


def _counted_both(*, flights):
    both = int((flights["tailnum"].isna() & flights["dep_time"].isna()).sum())
    return {"cancelled if no tail": both, "no tail if cancelled": both}


def _not_landed_taken_for_cancelled(*, flights):
    no_tail, not_landed = flights["tailnum"].isna(), flights["arr_delay"].isna()
    return {"cancelled if no tail": not_landed[no_tail].mean(), "no tail if cancelled": no_tail[not_landed].mean()}


# 02.4 ----------------------------------------------------------------------------------------------------------------
def mix_distance(*, flights):
    """Total variation distance between the destinations of January and July."""
    january = flights.loc[flights["month"] == 1, "dest"].value_counts(normalize=True)
    july = flights.loc[flights["month"] == 7, "dest"].value_counts(normalize=True)
    return january.sub(july, fill_value=0).abs().sum() / 2


def _without_half(*, flights):
    return 2 * mix_distance(flights=flights)


def _only_common_destinations(*, flights):
    january = flights.loc[flights["month"] == 1, "dest"].value_counts(normalize=True)
    july = flights.loc[flights["month"] == 7, "dest"].value_counts(normalize=True)
    return (january - july).abs().sum() / 2


def _counts(*, flights):
    january = flights.loc[flights["month"] == 1, "dest"].value_counts()
    july = flights.loc[flights["month"] == 7, "dest"].value_counts()
    return january.sub(july, fill_value=0).abs().sum() / 2


def _averaged(*, flights):
    january = flights.loc[flights["month"] == 1, "dest"].value_counts(normalize=True)
    july = flights.loc[flights["month"] == 7, "dest"].value_counts(normalize=True)
    return january.sub(july, fill_value=0).abs().mean() / 2


def _shares_of_all_flights(*, flights):
    return _counts(flights=flights) / len(flights)


def _without_absolute(*, flights):
    january = flights.loc[flights["month"] == 1, "dest"].value_counts(normalize=True)
    july = flights.loc[flights["month"] == 7, "dest"].value_counts(normalize=True)
    return january.sub(july, fill_value=0).sum() / 2


# 02.5 ----------------------------------------------------------------------------------------------------------------
def missing_hours(*, weather):
    """Find the hours of New York's 2013 that each airport's weather lacks."""
    year = pd.date_range("2013-01-01", "2014-01-01", freq="1h", tz="America/New_York", inclusive="left")
    return {origin: set(year.difference(times)) for origin, times in weather.groupby("origin")["time_hour"]}


def _lacking(weather, start="2013-01-01", end="2014-01-01", tz="America/New_York", inclusive="left"):
    year = pd.date_range(start, end, freq="1h", tz=tz, inclusive=inclusive)
    return {origin: set(year.difference(times)) for origin, times in weather.groupby("origin")["time_hour"]}


def _inside_its_own_limits(*, weather):
    return {
        origin: set(pd.date_range(times.min(), times.max(), freq="1h").difference(times))
        for origin, times in weather.groupby("origin")["time_hour"]
    }


def _year_of_utc(*, weather):
    return _lacking(weather, tz="UTC")


def _without_the_last_day(*, weather):
    return _lacking(weather, end="2013-12-31")


def _with_the_first_hour_of_2014(*, weather):
    return _lacking(weather, inclusive="both")


def _clock_without_zone(*, weather):
    clock = weather.assign(time_hour=pd.to_datetime(weather[["year", "month", "day", "hour"]]))
    return _lacking(clock, tz=None)


def _recorded(*, weather):
    year = pd.date_range("2013-01-01", "2014-01-01", freq="1h", tz="America/New_York", inclusive="left")
    return {origin: set(year.intersection(times)) for origin, times in weather.groupby("origin")["time_hour"]}


def _missing_everywhere(*, weather):
    return _lacking(weather.merge(weather[["origin"]].drop_duplicates(), how="cross", suffixes=("_of", "")))


def _counted_hours(*, weather):
    return {origin: len(hours) for origin, hours in missing_hours(weather=weather).items()}


# 02.6 ----------------------------------------------------------------------------------------------------------------
def impossible_rotations(*, flights):
    """Find the flights whose aircraft leaves New York again before it can be back."""
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    left = flown["time_hour"] + (flown["minute"] + flown["dep_delay"]) * pd.Timedelta(minutes=1)
    back = left + 1.75 * flown["air_time"] * pd.Timedelta(minutes=1)
    flown = flown.assign(left=left, back=back).sort_values("left")
    next_left = flown.groupby("tailnum")["left"].shift(-1)
    return set(flown.index[next_left < flown["back"]])


def _rotations(flights, minutes=None, order="left", by="tailnum", times=1.75):
    """Return the flights that are followed too early, with the variations that the mistakes need."""
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    minutes = flown["minute"] + flown["dep_delay"] if minutes is None else minutes(flown)
    left = flown["time_hour"] + minutes * pd.Timedelta(minutes=1)
    flown = flown.assign(left=left, back=left + times * flown["air_time"] * pd.Timedelta(minutes=1))
    flown = flown.sort_values(order, kind="stable") if order else flown
    next_left = flown.groupby(by)["left"].shift(-1) if by else flown["left"].shift(-1)
    return flown.assign(next_left=next_left)[next_left < flown["back"]]


def _with_schedule(*, flights):
    return set(_rotations(flights, lambda flown: flown["minute"]).index)


def _without_minute(*, flights):
    return set(_rotations(flights, lambda flown: flown["dep_delay"]).index)


def _across_aircraft(*, flights):
    return set(_rotations(flights, by=None).index)


def _by_aircraft_and_day(*, flights):
    return set(_rotations(flights, by=["tailnum", "month", "day"]).index)


def _clock_taken_for_minutes(*, flights):
    return set(_rotations(flights, lambda flown: flown["dep_time"] - 60 * flown["hour"]).index)


def _in_the_order_of_the_table(*, flights):
    return set(_rotations(flights, order=None).index)


def _in_the_order_of_the_hour(*, flights):
    return set(_rotations(flights, order="time_hour").index)


def _in_the_order_of_the_schedule(*, flights):
    return set(_rotations(flights, order=["time_hour", "minute"]).index)


def _known_air_time_only(*, flights):
    return set(_rotations(flights.dropna(subset=["air_time"])).index)


def _one_way(*, flights):
    return set(_rotations(flights, times=1).index)


def _aircraft_counted(*, flights):
    return set(_rotations(flights)["tailnum"])


def _how_many(*, flights):
    return len(impossible_rotations(flights=flights))


def _the_flight_after(*, flights):
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    left = flown["time_hour"] + (flown["minute"] + flown["dep_delay"]) * pd.Timedelta(minutes=1)
    back = left + 1.75 * flown["air_time"] * pd.Timedelta(minutes=1)
    flown = flown.assign(left=left, back=back).sort_values("left")
    return set(flown.index[flown["left"] < flown.groupby("tailnum")["back"].shift()])


def _no_next_departure_counted(*, flights):
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    flown = flown.assign(left=flown["time_hour"] + (flown["minute"] + flown["dep_delay"]) * pd.Timedelta(minutes=1))
    flown = flown.sort_values("left")
    never_compared = flown["air_time"].isna() | ~flown["tailnum"].duplicated(keep="last")
    return set(_rotations(flights).index) | set(flown.index[never_compared])


def _weather():
    return {"weather": load("weather")}


def _some_flights():
    flights = load("flights")
    return {"flights": flights[flights["month"].isin([1, 7, 12])]}


EXERCISES = [
    Exercise(
        id="02.1",
        title="A sample that shows the fault",
        reference=sample_that_shows,
        why="Solving (1 - n/rows) ** faulty = 0.05 for n says it for any table: a fault in one row needs 95 % of them.",
        hints=(
            "A sample of n rows misses one given row with the chance 1 - n / rows.",
            "It misses all the faulty rows with that chance to the power of their number; that may be 0.05.",
            "Solve (1 - n / rows) ** faulty = 0.05 for n, and round up with math.ceil.",
        ),
        mistakes=(
            Mistake(
                "as if one row were faulty",
                _without_root,
                "That would be right for a single faulty row. Each further one is another chance to see the fault.",
            ),
            Mistake(
                "seen and missed swapped",
                _with_seen_and_missed_swapped,
                "That sample shows the fault in 5 of 100 cases. It should miss it in 5 of 100.",
            ),
            Mistake(
                "one faulty row expected",
                _one_expected,
                "That sample holds one faulty row on average, and still none at all in more than a third of the cases.",
            ),
            Mistake(
                "drawn with replacement",
                _drawn_with_replacement,
                "That is for rows put back after each draw. A sample holds no row twice and needs fewer.",
            ),
            Mistake("a part of a row", _part_of_a_row, "Nobody draws a part of a row: give a whole number."),
            Mistake("rounded down", _rounded_down, "By the formula the chance stays just below 95 %. Round up."),
            Mistake(
                "rows left over", _rows_left_over, "That many rows stay outside of the sample. How many are in it?"
            ),
            Mistake(
                "a share",
                _share_instead_of_rows,
                "That is the share of the rows. How many rows of this table are that?",
            ),
        ),
        sample_inputs=lambda: {"rows": 336_776, "faulty": 29},
    ),
    Exercise(
        id="02.2",
        title="Complete rows",
        reference=complete_share,
        why="isna().mean() gives a share a column, notna().all(axis=1) a yes or no a row: two directions of one table.",
        hints=(
            "First the columns, then the rows.",
            "weather.isna().mean() is the missing share of each column; .loc[:, condition] keeps columns.",
            "Of what is left, .notna().all(axis=1) is True for complete rows; its mean is the share.",
        ),
        mistakes=(
            Mistake(
                "nothing dropped",
                _nothing_dropped,
                "The columns that are more than half empty are still in: they empty the table by themselves.",
            ),
            Mistake(
                "share of cells", _share_of_cells, "That is the share of known cells. One hole spoils a whole row."
            ),
            Mistake(
                "any in place of all",
                _any_in_place_of_all,
                "Every row is complete: did you ask for any value instead of all, or keep only columns without holes?",
            ),
            Mistake("counted", _counted_rows, "That is the number of complete rows. Asked is their share."),
            Mistake(
                "rain alone",
                _rain_alone,
                "That is the share among the hours with rain. Asked is the share among all hours.",
            ),
            Mistake("complement", _share_with_holes, "That is the share of the rows that have a hole. Turn it round."),
        ),
        sample_inputs=_weather,
        tolerance=2e-3,  # three digits will do
    ),
    Exercise(
        id="02.3",
        title="Two questions that sound the same",
        reference=two_conditionals,
        why="cancelled[no_tail] keeps the rows of the condition first, so the mean divides by the right number.",
        hints=(
            "Make two yes/no Series: no_tail and cancelled (dep_time is missing).",
            "'A if B' divides by the rows where B holds.",
            "cancelled[no_tail].mean() is the first of the two.",
        ),
        mistakes=(
            Mistake(
                "swapped",
                _swapped_conditionals,
                "The two are exchanged: after 'if' stands the condition, whose rows you divide by.",
            ),
            Mistake(
                "joint", _joint_shares, "Both answers divide by all flights. Divide by those that meet the condition."
            ),
            Mistake(
                "no condition",
                _unconditional,
                "That is how frequent each is among all flights: the condition has not been used yet.",
            ),
            Mistake(
                "no condition, swapped",
                _unconditional_swapped,
                "That is how frequent the condition is among all flights. Of the flights that meet it, which share?",
            ),
            Mistake("counted", _counted_both, "That is a number of flights. Which share of the condition's is it?"),
            Mistake(
                "not landed",
                _not_landed_taken_for_cancelled,
                "You count diverted flights too: they left, so their dep_time is known. Cancelled means no dep_time.",
            ),
        ),
        sample_inputs=_some_flights,
        tolerance=2e-3,  # three digits will do
    ),
    Exercise(
        id="02.4",
        title="How far has the mix moved",
        reference=mix_distance,
        why="sub(..., fill_value=0) keeps the destinations that only one month has; plain subtraction drops them.",
        hints=(
            "value_counts(normalize=True) gives the shares of one month.",
            "Subtract the two Series with .sub(other, fill_value=0), so that a destination of one month alone counts.",
            "Add up the absolute differences and halve: every row that leaves one group arrives in another.",
        ),
        mistakes=(
            Mistake(
                "not halved",
                _without_half,
                "Each flight that moves is counted twice, where it is gone and where it is new.",
            ),
            Mistake(
                "inner alignment",
                _only_common_destinations,
                "Destinations that only one of the months has turned into NaN and left the sum.",
            ),
            Mistake("counts", _counts, "That compares counts. The months differ in size: compare shares."),
            Mistake("averaged", _averaged, "That is an average over the destinations. Add their differences up."),
            Mistake(
                "shares of all flights",
                _shares_of_all_flights,
                "You divide both months by the same number of flights. Each month's shares add up to 1.",
            ),
            Mistake(
                "no absolute value",
                _without_absolute,
                "Gains and losses of shares cancel out exactly. Take absolute values before you add.",
            ),
        ),
        sample_inputs=_some_flights,
        tolerance=1e-2,  # three decimals will do
    ),
    Exercise(
        id="02.5",
        title="Hours that nobody recorded",
        reference=missing_hours,
        why="The full calendar is the yardstick: a table cannot show by itself that its own end is missing.",
        hints=(
            "Build the hours that should be there with pd.date_range(..., freq='1h', tz='America/New_York').",
            "inclusive='left' leaves out the first hour of 2014; check that 8,760 hours are left.",
            "For each origin, year.difference(times) gives the hours of the year that are not in its time_hour.",
        ),
        mistakes=(
            Mistake(
                "own limits",
                _inside_its_own_limits,
                "You look between the first and the last record. What of the hours before and after?",
            ),
            Mistake("year of UTC", _year_of_utc, "That is the year in UTC. In New York it begins five hours later."),
            Mistake(
                "without the last day",
                _without_the_last_day,
                "Your calendar ends too early: does it hold 8,760 hours? A date alone means midnight, when it begins.",
            ),
            Mistake(
                "first hour of 2014",
                _with_the_first_hour_of_2014,
                "One hour too many at each airport: the first of 2014 got in (`inclusive`).",
            ),
            Mistake(
                "clock without zone",
                _clock_without_zone,
                "A clock without a zone does not say which hour it is, and on 3 November it shows one o'clock twice.",
            ),
            Mistake("recorded", _recorded, "These are the hours that were recorded. Asked are those that were not."),
            Mistake(
                "missing everywhere",
                _missing_everywhere,
                "These hours are missing at all airports at once. Compare the records of each airport by itself.",
            ),
            Mistake("counted", _counted_hours, "That is how many hours are missing. Asked is which."),
        ),
        sample_inputs=_weather,
    ),
    Exercise(
        id="02.6",
        title="An aircraft in two places",
        reference=impossible_rotations,
        why="shift(-1) inside groupby sees the next flight of the same aircraft, without a join.",
        hints=(
            "Left at: time_hour plus (minute + dep_delay) minutes. Back at the earliest: left + 1.75 * air_time.",
            "Sort by when they left; .groupby('tailnum')['left'].shift(-1) is then that aircraft's next departure.",
            "Keep .index where the next departure is earlier than the return; a missing air_time compares as False.",
        ),
        mistakes=(
            Mistake(
                "schedule",
                _with_schedule,
                "Those are scheduled departures. When did the flights really leave?",
            ),
            Mistake(
                "without minute",
                _without_minute,
                "time_hour is the full hour. A delay counts from the scheduled minute within it.",
            ),
            Mistake(
                "across aircraft",
                _across_aircraft,
                "You compare with the next departure of any aircraft. Look at each tail number by itself.",
            ),
            Mistake(
                "day by day",
                _by_aircraft_and_day,
                "An aircraft that leaves in the evening may be too early the next morning: midnight is no border.",
            ),
            Mistake(
                "HHMM as minutes",
                _clock_taken_for_minutes,
                "dep_time is a clock, 517 for 5:17, not 517 minutes. The schedule plus dep_delay is safer.",
            ),
            Mistake(
                "table order",
                _in_the_order_of_the_table,
                "The next row of an aircraft is not its next departure: sort by when the flights left first.",
            ),
            Mistake(
                "order of the hour",
                _in_the_order_of_the_hour,
                "You sort by time_hour, the scheduled hour. Delays change that order: sort by left.",
            ),
            Mistake(
                "order of the schedule",
                _in_the_order_of_the_schedule,
                "That is the order of the schedule. Delays change it: sort by when the flights left.",
            ),
            Mistake(
                "known air_time only",
                _known_air_time_only,
                "A flight without air_time did leave. Drop it, and its departure is missing as somebody's next one.",
            ),
            Mistake("one way", _one_way, "These cannot have landed yet. The aircraft also has to come home."),
            Mistake(
                "aircraft",
                _aircraft_counted,
                "Those are aircraft. One of them can do it often: asked are the rows of the flights.",
            ),
            Mistake("how many", _how_many, "That is how many there are. Asked is which: the labels of their rows."),
            Mistake(
                "the flight after",
                _the_flight_after,
                "Those are the departures that came too early. Asked are the flights before them, not yet back.",
            ),
            Mistake(
                "holes counted",
                _no_next_departure_counted,
                "You keep flights without a next departure or a landing, too: `~(a >= b)` is True for a hole.",
            ),
        ),
        sample_inputs=_some_flights,
    ),
]
