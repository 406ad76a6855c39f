"""Exercises of lesson 03, feature engineering."""

from functools import cache

import numpy as np
import pandas as pd

from course_lib.data import features
from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 03.1 ----------------------------------------------------------------------------------------------------------------
def surplus_rows(*, flights, candidates):
    """Count the rows that would have to go so that the columns are a key."""
    return pd.Series({name: int(flights.duplicated(columns).sum()) for name, columns in candidates.items()})


def _all_involved(*, flights, candidates):
    return pd.Series({name: int(flights.duplicated(columns, keep=False).sum()) for name, columns in candidates.items()})


def _keys_that_come_twice(*, flights, candidates):
    sizes = {name: flights.groupby(columns, dropna=False).size() for name, columns in candidates.items()}
    return pd.Series({name: int((size > 1).sum()) for name, size in sizes.items()})


def _distinct_keys(*, flights, candidates):
    return pd.Series({name: len(flights.drop_duplicates(columns)) for name, columns in candidates.items()})


def _more_rows_after_a_join(*, flights, candidates):
    sizes = {name: flights.groupby(columns, dropna=False).size() for name, columns in candidates.items()}
    return pd.Series({name: int((size**2).sum() - size.sum()) for name, size in sizes.items()})


def _without_missing(*, flights, candidates):
    return pd.Series(
        {name: int(flights.dropna(subset=columns).duplicated(columns).sum()) for name, columns in candidates.items()}
    )


# 03.2 ----------------------------------------------------------------------------------------------------------------
def lift_by_shift(*, flights, weather):
    """Compare late shares in rain and dry, with the weather of later and later hours."""
    return _lifts(flights, weather)


def _share(late, chosen):
    return np.nanmean(late[chosen])


def _lift(late, rain):
    return _share(late, rain > 0) / _share(late, rain == 0)


def _lifts(flights, weather, direction=1, of=_lift):
    hours, lifts = weather[["origin", "time_hour", "precip"]], {}
    for shift in range(13):
        time_hour = flights["time_hour"] + direction * pd.Timedelta(hours=shift)
        keys = pd.DataFrame({"origin": flights["origin"], "time_hour": time_hour})
        rain = keys.merge(hours, on=["origin", "time_hour"], how="left")["precip"].to_numpy()
        lifts[shift] = of(flights["late"].to_numpy(dtype=float), rain)
    return pd.Series({shift: float(lift) for shift, lift in lifts.items()}).rename_axis("shift")


def _rain_before(*, flights, weather):
    return _lifts(flights, weather, -1)


def _difference_of_shares(*, flights, weather):
    return _lifts(flights, weather, of=lambda late, rain: _share(late, rain > 0) - _share(late, rain == 0))


def _against_all(*, flights, weather):
    return _lifts(flights, weather, of=lambda late, rain: _share(late, rain > 0) / np.nanmean(late))


def _unknown_as_dry(*, flights, weather):
    return _lifts(flights, weather, of=lambda late, rain: _share(late, rain > 0) / _share(late, ~(rain > 0)))


def _never_landed_as_punctual(*, flights, weather):
    return _lifts(flights.assign(late=flights["late"].fillna(0)), weather)


def _dry_over_rain(*, flights, weather):
    return 1 / lift_by_shift(flights=flights, weather=weather)


def _share_in_the_rain(*, flights, weather):
    return _lifts(flights, weather, of=lambda late, rain: _share(late, rain > 0))


# 03.3 ----------------------------------------------------------------------------------------------------------------
def known_from(*, flights, scheduled):
    """Say when each arrival delay is in the books."""
    minutes = flights["dep_delay"] + flights["air_time"] + 40
    return (scheduled + minutes * pd.Timedelta(minutes=1)).where(flights["arr_delay"].notna())


def _minutes(values):
    return values * pd.Timedelta(minutes=1)


def _without_the_delay(*, flights, scheduled):
    return scheduled + _minutes(flights["air_time"] + 40)


def _without_the_books(*, flights, scheduled):
    return scheduled + _minutes(flights["dep_delay"] + flights["air_time"])


def _arrival_delay_added(*, flights, scheduled):
    return scheduled + _minutes(flights["arr_delay"] + flights["air_time"] + 40)


def _hours_for_minutes(*, flights, scheduled):
    return scheduled + 60 * _minutes(flights["dep_delay"] + flights["air_time"] + 40)


def _without_the_flight(*, flights, scheduled):
    return scheduled + _minutes(flights["dep_delay"] + 40)


def _from_the_hour(*, flights, scheduled):
    return known_from(flights=flights, scheduled=flights["time_hour"])


def _at_departure(*, flights, scheduled):
    return scheduled + _minutes(flights["dep_delay"])


# 03.4 ----------------------------------------------------------------------------------------------------------------
def _looked(clocked, **changes):
    asked = {"value": "late", "per": "arrived", "by": ("carrier",), "back": 360, "unit": "minute"} | changes
    return features.look_back(clocked, clocked, {"it": features.Look(**asked)})["it"]


def carrier_late_6h(*, clocked):
    """Share of late arrivals among the carrier's outcomes of the last six hours."""
    return _looked(clocked)


def _six_minutes(*, clocked):
    return _looked(clocked, back=6)


def _six_days(*, clocked):
    return _looked(clocked, back=6, unit="day")


def _number_not_share(*, clocked):
    return _looked(clocked, per=None)


def _per_departure(*, clocked):
    return _looked(clocked, per="departed")


def _all_carriers(*, clocked):
    return _looked(clocked, by=())


def _late_departures(*, clocked):
    return _looked(clocked, value="delayed", per="departed")


def _shrunk(*, clocked):
    return _looked(clocked, shrunk=True)


# 03.5 ----------------------------------------------------------------------------------------------------------------
def by_books(*, week, other):
    """Mean arrival delay of the carrier's flights whose arrival became known in the six hours before the decision."""
    return _by(week, other, _books)


def _both(week, other):
    return [("week", week), ("other", other)]


def _planned(week):
    return week["time_hour"] + _minutes(week["minute"])


def _books(week):
    return _planned(week) + _minutes(week["dep_delay"] + week["air_time"] + 40)


def _mean_arrival(week, moments):
    """Mean arrival delay of the carrier's flights whose moment lies in the six hours before each decision."""
    clocked = features.with_clock(week)
    clocked["known_at"] = (moments.astype("datetime64[s, UTC]").astype("int64") // 60).where(
        moments.notna() & week["arr_delay"].notna()
    )
    look = features.Look("arr_delay", "arrived", ("carrier",), 360)
    return pd.Series(features.look_back(clocked, clocked, {"it": look})["it"], index=week.index)


def _times_of_week(*, week, other):
    return {name: _mean_arrival(each, _books(week)) for name, each in _both(week, other)}


def _books_at_landing(*, week, other):
    return _by(week, other, lambda each: _planned(each) + _minutes(each["dep_delay"] + each["air_time"]))


def _by(week, other, moment):
    return {name: _mean_arrival(each, moment(each)) for name, each in _both(week, other)}


def _by_departure(*, week, other):
    return _by(week, other, lambda each: _planned(each) + _minutes(each["dep_delay"]))


def _by_schedule(*, week, other):
    return _by(week, other, _planned)


def _planned_landing(*, week, other):
    return _by(week, other, lambda each: _planned(each) + _minutes(each["air_time"] + 40))


# 03.6 ----------------------------------------------------------------------------------------------------------------
def impossible_share(*, rotation):
    """Share of late and of punctual flights whose aircraft could not be back in time."""
    flown = _landed_with_slack(rotation)
    shares = (flown["slack"] < 0).groupby(flown["late"]).mean()
    return {"late": float(shares[1.0]), "punctual": float(shares[0.0])}


def _landed_with_slack(rotation):
    return rotation[rotation["late"].notna() & rotation["slack"].notna()]


def _turned_round(*, rotation):
    flown = _landed_with_slack(rotation)
    late = flown.loc[flown["slack"] < 0, "late"].mean()
    return {"late": float(late), "punctual": float(1 - late)}


def _of_all_flights(*, rotation):
    flown = _landed_with_slack(rotation)
    below = flown["slack"] < 0
    return {
        "late": float((below & (flown["late"] == 1)).mean()),
        "punctual": float((below & (flown["late"] == 0)).mean()),
    }


def _with_unknown_slack(*, rotation):
    shares = (rotation["slack"] < 0).groupby(rotation["late"]).mean()
    return {"late": float(shares[1.0]), "punctual": float(shares[0.0])}


def _never_landed_is_punctual(*, rotation):
    known = rotation[rotation["slack"].notna()]
    shares = (known["slack"] < 0).groupby(known["late"] == 1).mean()
    return {"late": float(shares[True]), "punctual": float(shares[False])}


def _late_on_either_side(*, rotation):
    flown = _landed_with_slack(rotation)
    below = flown["slack"] < 0
    return {"late": float(flown.loc[below, "late"].mean()), "punctual": float(flown.loc[~below, "late"].mean())}


def _numbers_of_flights(*, rotation):
    below = rotation[rotation["slack"] < 0]
    return {"late": float((below["late"] == 1).sum()), "punctual": float((below["late"] == 0).sum())}


# 03.7 ----------------------------------------------------------------------------------------------------------------
def without_tail(*, flights):
    """Share of each carrier's cancelled flights that has no tail number."""
    cancelled = flights[flights["dep_time"].isna()]
    return cancelled["tailnum"].isna().groupby(cancelled["carrier"]).mean()


def _never_landed(*, flights):
    never = flights[flights["arr_delay"].isna()]
    return never["tailnum"].isna().groupby(never["carrier"]).mean()


def _of_all_its_flights(*, flights):
    return flights["tailnum"].isna().groupby(flights["carrier"]).mean()


def _cancelled_if_missing(*, flights):
    without = flights[flights["tailnum"].isna()]
    return without["dep_time"].isna().groupby(without["carrier"]).mean()


def _counted(*, flights):
    cancelled = flights[flights["dep_time"].isna()]
    return cancelled["tailnum"].isna().groupby(cancelled["carrier"]).sum()


def _some_carriers(*, flights):
    return without_tail(flights=flights)[lambda share: share > 0]


def _share_of_the_missing(*, flights):
    return flights.loc[flights["tailnum"].isna(), "carrier"].value_counts(normalize=True).sort_index()


def _with_a_tail(*, flights):
    return 1 - without_tail(flights=flights)


def _in_per_cent(*, flights):
    return 100 * without_tail(flights=flights)


# 03.8 ----------------------------------------------------------------------------------------------------------------
def pair_encoded(*, data_train, data_validation, folds):
    """Encode training rows out of fold, and validation rows by all training rows."""
    from sklearn.preprocessing import TargetEncoder

    encoder = TargetEncoder(cv=folds)
    train = encoder.fit_transform(data_train[["pair"]], data_train["late"])
    return {"train": train, "validation": encoder.transform(data_validation[["pair"]])}


def _fitted_and_transformed(*, data_train, data_validation, folds):
    from sklearn.preprocessing import TargetEncoder

    encoder = TargetEncoder(cv=folds).fit(data_train[["pair"]], data_train["late"])
    return {part: encoder.transform(data[["pair"]]) for part, data in _parts(data_train, data_validation)}


def _validation_by_its_own(*, data_train, data_validation, folds):
    from sklearn.preprocessing import TargetEncoder

    return {
        part: TargetEncoder(cv=folds).fit_transform(data[["pair"]], data["late"])
        for part, data in _parts(data_train, data_validation)
    }


def _fitted_on_both(*, data_train, data_validation, folds):
    from sklearn.preprocessing import TargetEncoder

    both = pd.concat([data_train, data_validation])
    encoded = TargetEncoder(cv=folds).fit_transform(both[["pair"]], both["late"])
    return {"train": encoded[: len(data_train)], "validation": encoded[len(data_train) :]}


def _plain_means(*, data_train, data_validation, folds):
    means = data_train.groupby("pair")["late"].mean()
    encode = {part: data["pair"].map(means).fillna(0) for part, data in _parts(data_train, data_validation)}
    return {part: values.to_numpy(dtype=float)[:, None] for part, values in encode.items()}


def _parts(data_train, data_validation):
    return [("train", data_train), ("validation", data_validation)]


# 03.9 ----------------------------------------------------------------------------------------------------------------
def great_circle_gap(*, routes, radians):
    """Great-circle distance less the column, in miles."""
    return _arc(routes, radians) * 3958.8 - routes["distance"].to_numpy(dtype=float)


def _arc(routes, radians, columns=("lat", "lon")):
    from sklearn.metrics.pairwise import haversine_distances

    table = radians[list(columns)]
    pairs = zip(routes["origin"], routes["dest"], strict=True)
    return np.array([haversine_distances(table.loc[[a]], table.loc[[b]])[0, 0] for a, b in pairs])


def _kilometres(*, routes, radians):
    return _arc(routes, radians) * 6371.0 - routes["distance"].to_numpy(dtype=float)


def _longitude_first(*, routes, radians):
    return _arc(routes, radians, ("lon", "lat")) * 3958.8 - routes["distance"].to_numpy(dtype=float)


def _in_degrees(*, routes, radians):
    return _arc(routes, np.degrees(radians)) * 3958.8 - routes["distance"].to_numpy(dtype=float)


def _other_way_round(*, routes, radians):
    return -great_circle_gap(routes=routes, radians=radians)


def _without_a_sign(*, routes, radians):
    return np.abs(great_circle_gap(routes=routes, radians=radians))


def _on_the_unit_sphere(*, routes, radians):
    return _arc(routes, radians) - routes["distance"].to_numpy(dtype=float)


def _distance_itself(*, routes, radians):
    return _arc(routes, radians) * 3958.8


# inputs: some real flights -------------------------------------------------------------------------------------------
@cache
def _flights():
    flights = load("flights")
    return flights.assign(late=(flights["arr_delay"] >= 30).astype(float).where(flights["arr_delay"].notna()))


def _doubled_flights():
    flights = _flights()
    key = ["year", "month", "day", "carrier", "flight"]
    again = [*key[:3], "tailnum", "sched_dep_time"]
    same = flights.duplicated(key, keep=False) | (flights.duplicated(again, keep=False) & (flights["day"] <= 9))
    candidates = {"number": key, "number and origin": [*key, "origin"], "aircraft": again}
    return {"flights": flights[same | (flights.index % 500 == 0)], "candidates": candidates}


def _rainy_weeks():
    flights = _flights()
    return {"flights": flights[flights["month"] == 12].iloc[::2].reset_index(drop=True), "weather": load("weather")}


def _two_days():
    flights = _flights()
    return flights[(flights["month"] == 7) & flights["day"].isin([9, 10])].reset_index(drop=True)


def _two_days_planned():
    return {"flights": _two_days(), "scheduled": _planned(_two_days())}


def _other_days():
    week = _two_days()
    later = _books(week) >= pd.Timestamp("2013-07-10 12:00", tz="UTC")
    changed = {"air_time": week["air_time"] + 45 * later, "arr_delay": week["arr_delay"] + 60 * later}
    return {"week": week, "other": week.assign(**changed)}


def _rotation():
    flights = _flights()[lambda table: table["month"] <= 3]
    table = flights[["tailnum", "late"]].assign(scheduled=_planned(flights), left=flights["dep_time"].notna())
    table["there"] = flights.groupby("dest")["air_time"].transform("median")
    table = table[table["tailnum"].notna()].sort_values(["tailnum", "scheduled"])
    before = table.groupby("tailnum")[["scheduled", "there", "left"]].shift()
    apart = (table["scheduled"] - before["scheduled"]).dt.total_seconds() / 60
    return {"rotation": table.assign(slack=(apart - (2 * before["there"] + 105)).where(before["left"].eq(True)))}


def _pairs():
    from sklearn.model_selection import KFold

    flights = _flights()[lambda table: table["late"].notna()].iloc[::40]
    pairs = flights.assign(pair=flights["tailnum"] + " " + flights["dest"])[["pair", "late"]].reset_index(drop=True)
    return {
        "data_train": pairs.iloc[:6_000],
        "data_validation": pairs.iloc[6_000:],
        "folds": KFold(5, shuffle=True, random_state=0),
    }


def _routes():
    airports = load("airports").set_index("faa")
    routes = _flights()[["origin", "dest", "distance"]].drop_duplicates()
    routes = routes[routes["dest"].isin(airports.index)].head(40)
    return {"routes": routes, "radians": np.radians(airports[["lat", "lon"]])}


EXERCISES = [
    Exercise(
        id="03.1",
        title="What is a key",
        reference=surplus_rows,
        why="duplicated marks every row but the first of its kind: those that would have to go.",
        hints=(
            "duplicated(columns) is True for each row that repeats an earlier one in these columns.",
            "Sum that for each entry of candidates, and make a Series of the dict.",
        ),
        mistakes=(
            Mistake("all rows involved", _all_involved, "One row of each kind may stay. How many have to go?"),
            Mistake(
                "keys that come twice",
                _keys_that_come_twice,
                "That counts the keys with more than one row. Count the rows beyond the first of each.",
            ),
            Mistake(
                "more rows after a join",
                _more_rows_after_a_join,
                "By so many rows a join with itself would grow: each of a pair finds both. How many have to go?",
            ),
            Mistake("distinct keys", _distinct_keys, "That many rows would stay. How many have to go?"),
            Mistake(
                "missing values left out",
                _without_missing,
                "Rows with a missing value repeat each other, too: use all rows, as duplicated does.",
            ),
        ),
        sample_inputs=_doubled_flights,
    ),
    Exercise(
        id="03.2",
        title="How fast a wrong hour costs the signal",
        reference=lift_by_shift,
        why="The lift compares two shares; a wrong clock brings it down towards 1 without any sign of an error.",
        hints=(
            "rain_at gives the rain of any hour: compare > 0 and == 0, so that unknown hours belong to neither.",
            "One number for each shift: flights['late'][rain > 0].mean() / flights['late'][rain == 0].mean().",
        ),
        mistakes=(
            Mistake("hours before", _rain_before, "That is the rain before the departure. Add the hours."),
            Mistake("a difference", _difference_of_shares, "Divide the two shares; a lift of 1 means no signal."),
            Mistake("against all flights", _against_all, "Divide by the share in the dry, not by that of all flights."),
            Mistake("unknown counted as dry", _unknown_as_dry, "Hours without an observation are not dry: == 0."),
            Mistake(
                "never landed as punctual",
                _never_landed_as_punctual,
                "Flights that never landed are neither late nor punctual: their `late` is missing. Leave it so.",
            ),
            Mistake("turned round", _dry_over_rain, "The share in the rain comes above, that in the dry below."),
            Mistake("not divided", _share_in_the_rain, "That is the share in the rain. Divide it by that in the dry."),
        ),
        sample_inputs=_rainy_weeks,
        tolerance=5e-4,
    ),
    Exercise(
        id="03.3",
        title="When an arrival is known",
        reference=known_from,
        why="Missing minutes make a missing time, so flights that never landed take care of themselves.",
        hints=(
            "Three numbers of minutes are added to scheduled.",
            "scheduled + (dep_delay + air_time + 40) * minute, each number a column of flights.",
        ),
        mistakes=(
            Mistake(
                "as planned", _without_the_delay, "It cannot land before it has left: add the delay of the departure."
            ),
            Mistake("without the 40 minutes", _without_the_books, "It has landed, and nobody has written it down yet."),
            Mistake(
                "arrival delay added",
                _arrival_delay_added,
                "The flight leaves dep_delay minutes after the schedule; how late it arrives is what we ask about.",
            ),
            Mistake("without the flight", _without_the_flight, "It still has to fly: air_time."),
            Mistake("from the full hour", _from_the_hour, "time_hour is the full hour. Start from `scheduled`."),
            Mistake("hours", _hours_for_minutes, "These are minutes, not hours."),
            Mistake("at departure", _at_departure, "Then it has only left. It still has to fly."),
        ),
        sample_inputs=_two_days_planned,
    ),
    Exercise(
        id="03.4",
        title="A look of your own",
        reference=carrier_late_6h,
        why="value over per is the share, by says among whom, back counts minutes unless unit says days.",
        hints=(
            "What is added up is 'late', and it is divided by the number that 'arrived'.",
            "features.Look('late', 'arrived', by=('carrier',), back=...): six hours, in minutes.",
        ),
        mistakes=(
            Mistake("six minutes", _six_minutes, "back counts minutes. How many are six hours?"),
            Mistake("six days", _six_days, "That looks back whole days. Leave the unit at minutes."),
            Mistake("a number of flights", _number_not_share, "That is how many were late. A share needs `per`."),
            Mistake(
                "per departure", _per_departure, "Divide by what has arrived: those still in the air are no outcome."
            ),
            Mistake("all carriers", _all_carriers, "Only flights of the same carrier: `by`."),
            Mistake("late departures", _late_departures, "Those *left* late. Which value counts late arrivals?"),
            Mistake("shrunk", _shrunk, "Nothing was said of pulling it towards the others: leave shrunk out."),
        ),
        sample_inputs=lambda: {"clocked": features.with_clock(_two_days())},
    ),
    Exercise(
        id="03.5",
        title="The right moment",
        reference=by_books,
        why="A fact belongs to the window in which it became known, not to that in which it was planned.",
        hints=(
            "recent_arrivals takes any moment for each flight. When is an arrival delay known? (Exercise 03.3.)",
            "For each of the two tables: its schedule, its dep_delay and air_time, and 40 minutes.",
        ),
        mistakes=(
            Mistake(
                "the times of week for both",
                _times_of_week,
                "In `other` flights leave and land at other times: compute its moments from its own columns.",
            ),
            Mistake("at landing", _books_at_landing, "Landed is not yet known: 40 minutes more."),
            Mistake("by departure", _by_departure, "When it leaves, nobody knows how late it will arrive."),
            Mistake("by schedule", _by_schedule, "That is when it should have left."),
            Mistake("planned landing", _planned_landing, "It left dep_delay minutes after its schedule."),
        ),
        sample_inputs=_other_days,
    ),
    Exercise(
        id="03.6",
        title="How much the rotation fakes",
        reference=impossible_share,
        why="Both shares have their own denominator: all late flights, and all punctual ones.",
        hints=(
            "First keep the rows where both `late` and `slack` are known.",
            "(slack < 0) grouped by late, and the mean of each group.",
        ),
        mistakes=(
            Mistake(
                "turned round", _turned_round, "That is the share of late flights below 0. Divide by all late ones."
            ),
            Mistake(
                "late on either side",
                _late_on_either_side,
                "These are shares of late flights, below 0 and above. Group by `late`, and ask for the slack.",
            ),
            Mistake("of all flights", _of_all_flights, "Divide by the late flights, and by the punctual ones."),
            Mistake("unknown slack", _with_unknown_slack, "A flight without a slack is not one with a slack above 0."),
            Mistake(
                "never landed", _never_landed_is_punctual, "Flights that never landed are not punctual: leave them out."
            ),
            Mistake("numbers of flights", _numbers_of_flights, "These are numbers of flights. Make shares of them."),
        ),
        sample_inputs=_rotation,
        tolerance=1e-3,
    ),
    Exercise(
        id="03.7",
        title="Who leaves the tail number out",
        reference=without_tail,
        why="Filter first, then group: the denominator is what the filter has kept.",
        hints=(
            "Keep the cancelled flights, then look at tailnum.isna() for each carrier.",
            "The mean of True and False is a share.",
        ),
        mistakes=(
            Mistake("never landed", _never_landed, "Some of these left and landed elsewhere. Cancelled: no dep_time."),
            Mistake("of all flights", _of_all_its_flights, "Of the cancelled flights, not of all."),
            Mistake("turned round", _cancelled_if_missing, "That asks who was cancelled if the number is missing."),
            Mistake("counted", _counted, "These are flights. Which share is it of the carrier's cancelled ones?"),
            Mistake(
                "some carriers", _some_carriers, "Carriers that always write it down belong to the answer, with 0."
            ),
            Mistake(
                "share of the missing",
                _share_of_the_missing,
                "That divides by all missing numbers. Divide by the carrier's own cancelled flights.",
            ),
            Mistake("with a number", _with_a_tail, "That is the share *with* a number."),
            Mistake("in per cent", _in_per_cent, "A share lies between 0 and 1."),
        ),
        sample_inputs=lambda: {"flights": _flights().iloc[::3]},
        tolerance=2e-3,
    ),
    Exercise(
        id="03.8",
        title="Out of fold",
        reference=pair_encoded,
        why="fit_transform encodes each fold by the others; transform is for rows that the encoder has not seen.",
        hints=(
            "Two calls of one encoder: one for the rows that it learns from, another for those that it does not.",
            "encoder.fit_transform(train pairs, train late), then encoder.transform(validation pairs).",
        ),
        mistakes=(
            Mistake(
                "fit, then transform",
                _fitted_and_transformed,
                "transform gives a training row the mean of all rows, its own outcome among them.",
            ),
            Mistake(
                "validation by its own outcomes",
                _validation_by_its_own,
                "The validation rows were encoded by their own outcomes, which nobody has yet.",
            ),
            Mistake(
                "fitted on both", _fitted_on_both, "The encoder has seen validation outcomes. Fit on training rows."
            ),
            Mistake("plain means", _plain_means, "These are plain means of all training rows: use the encoder."),
        ),
        sample_inputs=_pairs,
    ),
    Exercise(
        id="03.9",
        title="The distance from the coordinates",
        reference=great_circle_gap,
        why="The distance on a sphere of radius 1 is an angle; the radius turns it into miles.",
        hints=(
            "haversine_distances(radians.loc[[a]], radians.loc[[b]]) is a table of one number.",
            "Times 3,958.8, less the distance, for each pair of origin and dest.",
        ),
        mistakes=(
            Mistake("kilometres", _kilometres, "The column is in miles, and so must the radius be."),
            Mistake("longitude first", _longitude_first, "Latitude first, then longitude, as `radians` has them."),
            Mistake("degrees", _in_degrees, "haversine_distances wants radians, which `radians` already are."),
            Mistake("turned round", _other_way_round, "Great circle less distance, not the other way round."),
            Mistake("without a sign", _without_a_sign, "Below 0 where the column is larger: keep the sign."),
            Mistake("on the unit sphere", _on_the_unit_sphere, "That is on a sphere of radius 1. The Earth is larger."),
            Mistake(
                "the distance itself", _distance_itself, "That is the great circle. How far is the column from it?"
            ),
        ),
        sample_inputs=_routes,
        tolerance=1e-2,
    ),
]
