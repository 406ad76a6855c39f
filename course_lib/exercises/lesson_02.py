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


def _without_absolute(*, flights):
    january = flights.loc[flights["month"] == 1, "dest"].value_counts(normalize=True)
    july = flights.loc[flights["month"] == 7, "dest"].value_counts(normalize=True)
    return january.sub(july, fill_value=0).sum() / 2


# 02.5 ----------------------------------------------------------------------------------------------------------------
def missing_hours(*, weather):
    """Count the hours of New York's 2013 that each airport's weather lacks."""
    year = pd.date_range("2013-01-01", "2014-01-01", freq="1h", tz="America/New_York", inclusive="left")
    recorded = weather.groupby("origin")["time_hour"].agg(lambda times: year.isin(times).sum())
    return (len(year) - recorded).to_dict()


def _inside_its_own_limits(*, weather):
    span = weather.groupby("origin")["time_hour"].agg(["min", "max", "nunique"])
    return ((span["max"] - span["min"]) // pd.Timedelta("1h") + 1 - span["nunique"]).to_dict()


def _steps_longer_than_an_hour(*, weather):
    ordered = weather.sort_values("time_hour")
    steps = ordered.groupby("origin")["time_hour"].diff()
    return (steps > pd.Timedelta("1h")).groupby(ordered["origin"]).sum().to_dict()


def _local_clock_taken_as_a_key(*, weather):
    clock = weather.drop_duplicates(["origin", "month", "day", "hour"])
    return (365 * 24 - clock.groupby("origin").size()).to_dict()


# 02.6 ----------------------------------------------------------------------------------------------------------------
def impossible_rotations(*, flights):
    """Count departures of an aircraft before it can have landed from its last flight out of New York."""
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    left = flown["time_hour"] + pd.to_timedelta(flown["minute"] + flown["dep_delay"], unit="min")
    landed = left + pd.to_timedelta(flown["air_time"], unit="min")
    flown = flown.assign(left=left, landed=landed).sort_values("left")
    next_left = flown.groupby("tailnum")["left"].shift(-1)
    return int((next_left < flown["landed"]).sum())


def _rotations(flights, minutes, order=True, by_aircraft=True):
    flown = flights.dropna(subset=["tailnum", "dep_delay"])
    left = flown["time_hour"] + pd.to_timedelta(minutes(flown), unit="min")
    flown = flown.assign(left=left, landed=left + pd.to_timedelta(flown["air_time"], unit="min"))
    flown = flown.sort_values("left") if order else flown
    next_left = flown.groupby("tailnum")["left"].shift(-1) if by_aircraft else flown["left"].shift(-1)
    return int((next_left < flown["landed"]).sum())


def _with_schedule(*, flights):
    return _rotations(flights, lambda flown: flown["minute"])


def _across_aircraft(*, flights):
    return _rotations(flights, lambda flown: flown["minute"] + flown["dep_delay"], by_aircraft=False)


def _clock_taken_for_minutes(*, flights):
    return _rotations(flights, lambda flown: flown["dep_time"] - 60 * flown["hour"])


def _in_the_order_of_the_table(*, flights):
    return _rotations(flights, lambda flown: flown["minute"] + flown["dep_delay"], order=False)


def _weather():
    return {"weather": load("weather")}


def _some_flights():
    flights = load("flights")
    return {"flights": flights[flights["month"].isin([1, 7])]}


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
            Mistake("rounded down", _rounded_down, "With this number the chance stays just below 95 %. Round up."),
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
                "That counts rows with at least one value. A complete row has all of them.",
            ),
            Mistake("counted", _counted_rows, "That is the number of complete rows. Asked is their share."),
            Mistake(
                "rain alone",
                _rain_alone,
                "That is the share among the hours with rain, the second question. First the share among all hours.",
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
            Mistake(
                "no absolute value",
                _without_absolute,
                "Gains and losses of shares cancel out exactly. Take absolute values before you add.",
            ),
        ),
        sample_inputs=_some_flights,
        tolerance=1e-2,  # two digits will do
    ),
    Exercise(
        id="02.5",
        title="Hours that nobody recorded",
        reference=missing_hours,
        why="The full calendar is the yardstick: a table cannot show by itself that its own end is missing.",
        hints=(
            "Build the hours that should be there with pd.date_range(..., freq='1h', tz='America/New_York').",
            "inclusive='left' leaves out the first hour of 2014; check that 8,760 hours are left.",
            "For each origin count how many hours of the year are in its time_hour, and subtract from 8,760.",
        ),
        mistakes=(
            Mistake(
                "own limits",
                _inside_its_own_limits,
                "You look between the first and the last record. What of the hours before and after?",
            ),
            Mistake(
                "gaps counted, not hours",
                _steps_longer_than_an_hour,
                "That is the number of gaps. One gap can be many hours long, and the ends have no next record.",
            ),
            Mistake(
                "local clock as key",
                _local_clock_taken_as_a_key,
                "One hour too many at each airport. Did the first hour of 2014 get in (`inclusive`), or is one lost on "
                "3 November, when the local clock shows one o'clock twice?",
            ),
        ),
        sample_inputs=_weather,
    ),
    Exercise(
        id="02.6",
        title="An aircraft in two places",
        reference=impossible_rotations,
        why="shift(-1) inside groupby sees the next flight of the same aircraft, without a join.",
        hints=(
            "Left at: time_hour plus (minute + dep_delay) minutes. Landed at the earliest: left plus air_time.",
            "Sort by when they left; .groupby('tailnum')['left'].shift(-1) is then that aircraft's next departure.",
            "Count where the next departure is earlier than the landing; a missing air_time compares as False.",
        ),
        mistakes=(
            Mistake(
                "schedule",
                _with_schedule,
                "Those are scheduled departures. When did the flights really leave?",
            ),
            Mistake(
                "across aircraft",
                _across_aircraft,
                "You compare with the next departure of any aircraft. Look at each tail number by itself.",
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
        ),
        sample_inputs=_some_flights,
    ),
]
