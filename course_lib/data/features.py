"""The feature table of the 3-hours decision: one definition, which pandas and Spark both carry out.

`LOOKS` and `COUNTS` say in a line for each column what it looks at. In this file numpy does the looking, for one
machine and for a service that decides on one flight now; `course_lib.data.spark_features` writes SQL from the same
lines. The small tables (places, weather by the hour) are made here once, and both join them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from course_lib.errors import CourseError

DECISION_MINUTES = 180  # the crew is decided on this long before the scheduled departure
OUTCOME_MINUTES = 40  # from the landing to the moment at which the delay is in the books
DELAYED_MINUTES = 15  # a departure this late is a delayed one
LATE_MINUTES = 30  # an arrival this late is a late one
# For so long a flight that has not left counts as overdue. The data do not say when a flight was cancelled, so the
# cancelled and those that still leave drop out alike: to keep only the latter would tell which of them will.
OVERDUE_MINUTES, OVERDUE_LONG_MINUTES = 60, 240
PRIOR_FLIGHTS = 20  # a shrunk share begins as if so many average flights had been seen
WINTER_TIME_MINUTES = 300  # days of the history end at midnight of New York's winter time, five hours behind UTC
FASTEST_WIND = 200  # mph; the weather has one hour of 1,048


@dataclass(frozen=True)
class Look:
    """What a column sees when it looks back from the decision.

    Attributes
    ----------
    value : str
        What is added up: one of the values in `EVENTS`.
    per : str or None
        The value that the sum is divided by, which makes it a mean or a share; None leaves the sum.
    by : tuple of str
        Only flights that are alike in these columns are seen; () for all.
    back : int or None
        How far: from so many units before the decision up to, and without, its own; None for everything before it.
    unit : {"minute", "day"}
        "minute": what happened in the minutes before the decision; "day": on the days before that of the decision.
    shrunk : bool
        Whether the share is pulled towards that of all flights over the same days, as by `PRIOR_FLIGHTS` such flights.
    """

    value: str
    per: str | None
    by: tuple[str, ...]
    back: int | None
    unit: Literal["minute", "day"] = "minute"
    shrunk: bool = False

    def __post_init__(self):
        values = list(dict.fromkeys(value for _, adds in EVENTS.values() for value in adds))
        for value in [self.value] if self.per is None else [self.value, self.per]:
            if value not in values:
                raise CourseError(f"Look: there is no value {value!r}. Values are {', '.join(values)}.")
        if not isinstance(self.by, tuple):
            raise CourseError(f"Look: by is a tuple of columns such as ('carrier',), you gave {self.by!r}.")
        if self.unit not in ("minute", "day"):
            raise CourseError(f"Look: the unit is 'minute' or 'day', you gave {self.unit!r}.")


# What happens to a flight, when, and what it adds to each value then.
EVENTS = {
    "departure": ("left_at", {"departed": "one", "dep_delay": "dep_delay", "delayed": "is_delayed"}),
    "arrival": ("known_at", {"arrived": "one", "arr_delay": "arr_delay", "late": "is_late", "made_up": "made_up"}),
    "due": ("scheduled_at", {"overdue": "one", "overdue_long": "one"}),
    "no longer due": ("given_up_at", {"overdue": "minus_one"}),
    "long no longer due": ("given_up_long_at", {"overdue_long": "minus_one"}),
}

AIRPORT, CARRIER, FLIGHT = ("origin",), ("carrier",), ("carrier", "flight", "dest")
LOOKS = {
    # how the airport does
    "airport_delay": Look("dep_delay", "departed", AIRPORT, 90),
    "airport_delayed": Look("delayed", None, AIRPORT, 90),
    "airport_departed": Look("departed", None, AIRPORT, 90),
    "airport_arr_delay": Look("arr_delay", "arrived", AIRPORT, 180),
    "overdue": Look("overdue", None, AIRPORT, None),
    "overdue_4h": Look("overdue_long", None, AIRPORT, None),
    # how New York does
    "nyc_delay": Look("dep_delay", "departed", (), 90),
    "nyc_delayed": Look("delayed", None, (), 90),
    "nyc_departed": Look("departed", None, (), 90),
    "nyc_arr_delay": Look("arr_delay", "arrived", (), 180),
    "nyc_made_up": Look("made_up", "arrived", (), 360),
    "nyc_overdue_4h": Look("overdue_long", None, (), None),
    # how the carrier does
    "carrier_delay": Look("dep_delay", "departed", CARRIER, 240),
    "carrier_delayed": Look("delayed", None, CARRIER, 240),
    "carrier_overdue_4h": Look("overdue_long", None, CARRIER, None),
    # how it goes to this destination
    "dest_delay": Look("dep_delay", "departed", ("dest",), 240),
    "dest_arr_delay": Look("arr_delay", "arrived", ("dest",), 480),
    "dest_made_up": Look("made_up", "arrived", ("dest",), 720),
    # the record: the days before
    "flight_arr_delay_28d": Look("arr_delay", "arrived", FLIGHT, 28, "day"),
    "flight_arr_delay_2d": Look("arr_delay", "arrived", FLIGHT, 2, "day"),
    "flight_late_28d": Look("late", "arrived", FLIGHT, 28, "day", shrunk=True),
    "flight_late": Look("late", "arrived", FLIGHT, None, "day", shrunk=True),
    "carrier_hour_late": Look("late", "arrived", ("carrier", "hour"), None, "day", shrunk=True),
    "carrier_hour_late_28d": Look("late", "arrived", ("carrier", "hour"), 28, "day", shrunk=True),
}


@dataclass(frozen=True)
class Count:
    """How many flights are planned from `before` minutes before a flight's schedule up to `after` minutes after it.

    The timetable is known for months: nothing here waits for the decision. The minute `after` itself is not included.
    """

    by: tuple[str, ...]
    before: int
    after: int


COUNTS = {
    "planned_before_1h": Count(AIRPORT, 60, 0),
    "planned_before_3h": Count(AIRPORT, 180, 0),
    "planned_after_1h": Count(AIRPORT, 0, 60),
    "planned_nyc": Count((), 60, 60),
    "planned_carrier": Count(CARRIER + AIRPORT, 60, 60),
}
IN_ORDER = ["scheduled", "carrier", "flight", "origin"]  # the raw order tells how late a flight left
TIMETABLE = ["scheduled", "day", "carrier", "flight", "origin", "dest", "distance", "clock"]
JOINED = [
    *("dest_lat", "dest_lon"),
    *("visibility", "visibility_6h", "precipitation", "precipitation_6h", "temperature", "dew_point"),
    *("pressure", "pressure_3h", "wind_speed", "wind_east", "wind_north", "nyc_visibility", "nyc_precipitation_6h"),
]
PER_DAY = {"planned_today": AIRPORT, "planned_nyc_today": ()}


def features(
    flights: pd.DataFrame, weather: pd.DataFrame, airports: pd.DataFrame, decisions: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Say for each decision what was known at it, three hours before the scheduled departure.

    Parameters
    ----------
    flights : pandas.DataFrame, one row per scheduled flight
        The raw table "flights": the timetable around the decisions, and what has happened so far. What happened after a
        decision may be in it and is not seen.
    weather, airports : pandas.DataFrame
        The raw tables.
    decisions : pandas.DataFrame, optional
        Flights to decide on, with the timetable's columns of `flights`; all of `flights` by default.

    Returns
    -------
    pandas.DataFrame, one row per decision
        Sorted by scheduled departure, then carrier, flight and origin. The card of "features" lists the columns.
    """
    past = with_clock(flights)
    asked = past if decisions is None else with_clock(decisions)
    asked = asked.sort_values(IN_ORDER, ignore_index=True)
    columns = look_back(past, asked, LOOKS)
    columns |= {name: _between(past, asked, count) for name, count in COUNTS.items()}
    columns |= {name: _on_the_day(past, asked, by) for name, by in PER_DAY.items()}
    table = pd.concat([asked, pd.DataFrame(columns)], axis=1)
    table = table.merge(places(asked, airports), on=["dest", "day"], how="left", validate="many_to_one")
    took = _minutes(table["sched_arr_time"]) - _minutes(table["sched_dep_time"]) - table["clock_ahead"]
    table["planned_minutes"] = took % (24 * 60)
    table = table.merge(observed(weather), on=["origin", "decided_hour"], how="left", validate="many_to_one")
    return table[[*TIMETABLE, *columns, "planned_minutes", *JOINED]]


def names() -> list[str]:
    """Name the columns that a model may use, in the order of the table: what `features` gives, but keys and days."""
    ticket = ["carrier", "origin", "dest", "distance", "clock"]
    return [*ticket, *LOOKS, *COUNTS, *PER_DAY, "planned_minutes", *JOINED]


def look_back(past: pd.DataFrame, asked: pd.DataFrame, looks: dict[str, Look]) -> dict[str, np.ndarray]:
    """Look back from each decision.

    Parameters
    ----------
    past, asked : pandas.DataFrame
        What happened and what is to be decided, both from `with_clock`.
    looks : dict of str to Look
        Some of `LOOKS`, or your own: a name for each column, and what it sees.

    Returns
    -------
    dict of str to numpy.ndarray, shape (rows of asked,)
    """
    sums: dict = {}
    columns = {}
    for name, look in looks.items():
        needed = [(value, by, look.back, look.unit) for value, by in needed_sums(look)]
        for one in needed:
            if one not in sums:
                sums[one] = _sum_before(past, asked, *one)
        columns[name] = _in_one(look, [sums[one] for one in needed])
    return columns


def with_clock(flights: pd.DataFrame) -> pd.DataFrame:
    """Add what the columns look at: instants in whole minutes since 1970 (UTC), and what each event adds.

    Parameters
    ----------
    flights : pandas.DataFrame
        The raw table "flights", or its timetable alone: flights of which nothing has happened yet.

    Returns
    -------
    pandas.DataFrame
        With the columns named in `EVENTS`, `scheduled` (UTC), `decided_at`, `decided_day`, `decided_hour` and `day`.
    """
    table = flights.copy()
    for column in ("dep_delay", "arr_delay", "air_time"):
        table[column] = table[column].astype("float64") if column in table else np.nan
    table["scheduled"] = table["time_hour"] + pd.to_timedelta(table["minute"], unit="min")
    table["day"] = pd.to_datetime(table[["year", "month", "day"]])
    scheduled = table["scheduled"].astype("datetime64[s, UTC]").astype("int64") // 60
    table["scheduled_at"] = scheduled
    table["decided_at"] = scheduled - DECISION_MINUTES
    table["decided_day"] = day_number(table["decided_at"])
    table["left_at"] = scheduled + table["dep_delay"]
    table["known_at"] = (table["left_at"] + table["air_time"] + OUTCOME_MINUTES).where(table["arr_delay"].notna())
    for column, most in [("given_up_at", OVERDUE_MINUTES), ("given_up_long_at", OVERDUE_LONG_MINUTES)]:
        table[column] = scheduled + table["dep_delay"].fillna(most).clip(0, most)
    table["decided_hour"] = table["decided_at"] // 60
    table["clock"] = table["hour"] * 60 + table["minute"]
    table["one"], table["minus_one"] = 1, -1
    table["is_delayed"] = (table["dep_delay"] >= DELAYED_MINUTES).astype("int64")
    table["is_late"] = (table["arr_delay"] >= LATE_MINUTES).astype("int64")
    table["made_up"] = table["dep_delay"] - table["arr_delay"]
    return table


def evening_before(clocked: pd.DataFrame) -> pd.DataFrame:
    """Let the same flights be decided at 20:00 in New York on the day before they are scheduled.

    Parameters
    ----------
    clocked : pandas.DataFrame
        What `with_clock` gives.

    Returns
    -------
    pandas.DataFrame
        A copy in which `decided_at`, `decided_day` and `decided_hour` are those of that evening: `look_back` and the
        weather of `observed` then know what was known by then.
    """
    eight = (clocked["day"] - pd.Timedelta(hours=4)).dt.tz_localize("America/New_York")
    at = eight.astype("datetime64[s, UTC]").astype("int64") // 60
    return clocked.assign(decided_at=at, decided_day=day_number(at), decided_hour=at // 60)


def day_number(minutes: pd.Series) -> pd.Series:
    """Return the number of the history's day, from minutes since 1970 (UTC)."""
    return (minutes - WINTER_TIME_MINUTES) // (24 * 60)


def needed_sums(look: Look) -> list[tuple[str, tuple[str, ...]]]:
    """List the sums that a look is made of, each a value and what it is summed by, in the order of `_in_one`."""
    values = [look.value] if look.per is None else [look.value, look.per]
    sums = [(value, look.by) for value in values]
    return sums + [(value, ()) for value in values] if look.shrunk else sums


def _in_one(look: Look, sums: list[np.ndarray]) -> np.ndarray:
    if look.per is None:
        return sums[0]
    if not look.shrunk:
        return _ratio(sums[0], sums[1])
    of_all = _ratio(sums[2], sums[3])
    return (sums[0] + PRIOR_FLIGHTS * of_all) / (sums[1] + PRIOR_FLIGHTS)


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


# ---- the small tables, which both engines join ----------------------------------------------------------------------


def places(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Say of each destination and day how many minutes its clock is ahead of New York's; and where it lies.

    Four destinations are not in `airports`; they lie on Puerto Rico and beside it.

    Returns
    -------
    pandas.DataFrame, one row per destination and day
        `dest`, `day`, `clock_ahead` in minutes, `dest_lat` and `dest_lon` in degrees (missing for those four).
    """
    table = flights[["dest", "day"]].drop_duplicates(ignore_index=True)
    known = airports.set_index("faa")
    zone = table["dest"].map(known["tzone"]).fillna("America/Puerto_Rico")
    noon = (table["day"] + pd.Timedelta(hours=17)).dt.tz_localize("UTC")
    in_new_york = noon.dt.tz_convert("America/New_York").dt.tz_localize(None)
    table["clock_ahead"] = 0
    for name, rows in table.groupby(zone).groups.items():
        ahead = noon[rows].dt.tz_convert(name).dt.tz_localize(None) - in_new_york[rows]
        table.loc[rows, "clock_ahead"] = (ahead // pd.Timedelta(minutes=1)).astype("int64")
    table["dest_lat"], table["dest_lon"] = table["dest"].map(known["lat"]), table["dest"].map(known["lon"])
    return table


def observed(weather: pd.DataFrame) -> pd.DataFrame:
    """Say for each airport and hour what the weather of the last full hour was, and how it has come about.

    Parameters
    ----------
    weather : pandas.DataFrame, one row per origin and hour
        The raw table "weather".

    Returns
    -------
    pandas.DataFrame, one row per origin and hour
        `origin`, `decided_hour` (hours since 1970, UTC: the hour of the decision, so that the observation is that of
        the hour before it), and the columns of the weather in the card of "features".
    """
    hour = (weather["time_hour"].astype("datetime64[s, UTC]").astype("int64") // 3600).rename("hour")
    all_hours = pd.MultiIndex.from_product(
        [sorted(weather["origin"].unique()), range(hour.min(), hour.max() + 1)], names=["origin", "decided_hour"]
    )
    raw = weather.assign(decided_hour=hour).set_index(["origin", "decided_hour"]).reindex(all_hours)
    wind, angle = raw["wind_speed"].where(raw["wind_speed"] < FASTEST_WIND), np.radians(raw["wind_dir"])
    east, north = np.sin(angle).round(12), np.cos(angle).round(12)  # the last digits differ from machine to machine
    at = raw.groupby("origin")
    table = pd.DataFrame(
        {
            "visibility": raw["visib"],
            "visibility_6h": at["visib"].rolling(6, min_periods=1).min().to_numpy(),
            "precipitation": raw["precip"],
            "precipitation_6h": at["precip"].rolling(6, min_periods=1).sum().round(4).to_numpy(),
            "temperature": raw["temp"],
            "dew_point": raw["dewp"],
            "pressure": raw["pressure"],
            "pressure_3h": (raw["pressure"] - at["pressure"].shift(3)).round(2),
            "wind_speed": wind,
            "wind_east": (wind * east).round(3),
            "wind_north": (wind * north).round(3),
        }
    ).reset_index()
    worst = table.groupby("decided_hour")
    table["nyc_visibility"] = worst["visibility"].transform("min")
    table["nyc_precipitation_6h"] = worst["precipitation_6h"].transform("max")
    table["decided_hour"] += 1  # what was observed in the hour before that of the decision
    return table


# ---- numpy looks back: running sums over sorted events, and their difference at the two ends of the window -----------


def _sum_before(
    past: pd.DataFrame, asked: pd.DataFrame, value: str, by: tuple[str, ...], back: int | None, unit: str
) -> np.ndarray:
    """Add up what the events of `past` add to a value in the window before each decision; whole numbers, exact."""
    events = []
    for at, adds in EVENTS.values():
        if value in adds:
            happened = past.loc[past[at].notna(), [*by, at, adds[value]]]
            events.append(happened.set_axis([*by, "at", "adds"], axis=1))
    events = pd.concat(events, ignore_index=True)
    decided = asked["decided_day" if unit == "day" else "decided_at"].to_numpy()
    at = day_number(events["at"]) if unit == "day" else events["at"]
    stamps, ends = _stamps(events, at.to_numpy().astype("int64"), asked, by)
    order = np.argsort(stamps, kind="stable")
    stamps, total = stamps[order], np.concatenate([[0], np.cumsum(events["adds"].to_numpy().astype("int64")[order])])
    first = np.searchsorted(stamps, ends(np.zeros_like(decided) if back is None else decided - back), side="left")
    last = np.searchsorted(stamps, ends(decided), side="left")
    return total[last] - total[first]


def _between(past: pd.DataFrame, asked: pd.DataFrame, count: Count) -> np.ndarray:
    scheduled = asked["scheduled_at"].to_numpy()
    stamps, ends = _stamps(past, past["scheduled_at"].to_numpy(), asked, count.by)
    stamps = np.sort(stamps)
    return np.searchsorted(stamps, ends(scheduled + count.after)) - np.searchsorted(
        stamps, ends(scheduled - count.before)
    )


def _on_the_day(past: pd.DataFrame, asked: pd.DataFrame, by: tuple[str, ...]) -> np.ndarray:
    planned = past.groupby([*by, "day"]).size().rename("planned")
    return asked[[*by, "day"]].join(planned, on=[*by, "day"])["planned"].to_numpy()


def _minutes(clock: pd.Series) -> pd.Series:
    """Minutes since midnight of a clock that reads hhmm."""
    return clock // 100 * 60 + clock % 100


def _stamps(events: pd.DataFrame, at: np.ndarray, asked: pd.DataFrame, by: tuple[str, ...]):
    """Put group and instant into one whole number, so that one sorted array holds all groups one after another.

    Returns
    -------
    numpy.ndarray, shape (events,), and a function from instants of `asked` to stamps of its rows
    """
    span = 2**32  # more than any minute until the year 10,000
    if not by:
        return at, lambda moments: moments
    both = pd.concat([events[list(by)], asked[list(by)]], ignore_index=True)
    group = both.groupby(list(by), sort=False, observed=True).ngroup().to_numpy() * span
    of_events, of_asked = group[: len(events)], group[len(events) :]
    return of_events + at, lambda moments: of_asked + moments
