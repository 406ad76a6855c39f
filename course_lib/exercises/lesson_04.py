"""Exercises of lesson 04, preparing the training data."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit, cross_val_predict

from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 04.1 ----------------------------------------------------------------------------------------------------------------
def with_neighbour(*, learned, judged):
    """Share of the judged rows that have a row of the same airport, day and hour among the learned ones."""
    return float(_are_in(judged, learned, ["origin", "day", "hour"]).mean())


def _are_in(rows, others, columns):
    columns = list(columns)
    return rows[columns].merge(others[columns].drop_duplicates(), how="left", indicator=True)["_merge"].eq("both")


def _without(column):
    def share(*, learned, judged):
        return float(_are_in(judged, learned, [each for each in ("origin", "day", "hour") if each != column]).mean())

    return share


def _the_other_way(*, learned, judged):
    return with_neighbour(learned=judged, judged=learned)


def _number_of_rows(*, learned, judged):
    return int(_are_in(judged, learned, ["origin", "day", "hour"]).sum())


def _pairs_per_row(*, learned, judged):
    return len(judged.merge(learned, on=["origin", "day", "hour"])) / len(judged)


def _of_distinct(*, learned, judged):
    return with_neighbour(learned=learned, judged=judged.drop_duplicates(["origin", "day", "hour"]))


# 04.2 ----------------------------------------------------------------------------------------------------------------
def rolling_origin(*, rows_by_day, days):
    """Row positions to learn from and to judge, for four steps through the days."""
    return _positions(rows_by_day, days, TimeSeriesSplit(4).split(days))


def _positions(rows_by_day, days, parts):
    return [tuple(np.flatnonzero(rows_by_day.isin(days[part])) for part in pair) for pair in parts]


def _rows_in_their_order(*, rows_by_day, days):
    return list(TimeSeriesSplit(4).split(rows_by_day))


def _positions_of_days(*, rows_by_day, days):
    return list(TimeSeriesSplit(4).split(days))


def _shuffled_days(*, rows_by_day, days):
    return _positions(rows_by_day, days, KFold(4).split(days))


def _labels_of_rows(*, rows_by_day, days):
    return [
        tuple(rows_by_day.index[rows_by_day.isin(days[part])].to_numpy() for part in pair)
        for pair in TimeSeriesSplit(4).split(days)
    ]


def _judged_first(*, rows_by_day, days):
    return [pair[::-1] for pair in rolling_origin(rows_by_day=rows_by_day, days=days)]


def _masks(*, rows_by_day, days):
    return [tuple(rows_by_day.isin(days[part]).to_numpy() for part in pair) for pair in TimeSeriesSplit(4).split(days)]


def _days_themselves(*, rows_by_day, days):
    return [tuple(days[part] for part in pair) for pair in TimeSeriesSplit(4).split(days)]


def _all_others_learn(*, rows_by_day, days):
    judged = [judge for _, judge in rolling_origin(rows_by_day=rows_by_day, days=days)]
    return [(np.setdiff1d(np.arange(len(rows_by_day)), judge), judge) for judge in judged]


# 04.3 ----------------------------------------------------------------------------------------------------------------
def share_by_convention(*, scheduled_flights, late_minutes):
    """Late share with the flights that never arrived left out, counted as late, counted as not late."""
    is_late = scheduled_flights["arr_delay"] >= late_minutes
    has_landed = scheduled_flights["fate"] == "landed"
    return {
        "left out": float(is_late[has_landed].mean()),
        "counted as late": float((is_late | ~has_landed).mean()),
        "counted as not late": float(is_late.mean()),
    }


def _left_out_of_all(*, scheduled_flights, late_minutes):
    right = share_by_convention(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    return right | {"left out": right["counted as not late"]}


def _diverted_forgotten(*, scheduled_flights, late_minutes):
    right = share_by_convention(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    late = scheduled_flights["arr_delay"] >= late_minutes
    cancelled = scheduled_flights["fate"] == "cancelled"
    return right | {"left out": float(late[~cancelled].mean()), "counted as late": float((late | cancelled).mean())}


def _exclusive_limit(*, scheduled_flights, late_minutes):
    return share_by_convention(
        scheduled_flights=scheduled_flights.assign(
            arr_delay=scheduled_flights["arr_delay"].where(lambda m: m != late_minutes, 0)
        ),
        late_minutes=late_minutes,
    )


def _two_swapped(*, scheduled_flights, late_minutes):
    right = share_by_convention(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    return right | {
        "counted as late": right["counted as not late"],
        "counted as not late": right["counted as late"],
    }


def _cancelled_alone(*, scheduled_flights, late_minutes):
    right = share_by_convention(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    wrong = _diverted_forgotten(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    return right | {"counted as late": wrong["counted as late"]}


def _per_cent(*, scheduled_flights, late_minutes):
    right = share_by_convention(scheduled_flights=scheduled_flights, late_minutes=late_minutes)
    return {name: 100 * share for name, share in right.items()}


# 04.4 ----------------------------------------------------------------------------------------------------------------
def share_copied(*, learned_rows, judged_rows):
    """Share of the judged rows of which an exact copy is among the learned ones."""
    return float(_are_in(judged_rows, learned_rows, judged_rows.columns).mean())


def _doubled_in_all(*, learned_rows, judged_rows):
    return float(pd.concat([learned_rows, judged_rows]).duplicated().mean())


def _second_ones(*, learned_rows, judged_rows):
    return float(pd.concat([learned_rows, judged_rows]).duplicated().sum() / len(judged_rows))


def _doubled_in_judged(*, learned_rows, judged_rows):
    return float(judged_rows.duplicated(keep=False).mean())


def _of_the_learned(*, learned_rows, judged_rows):
    return float(_are_in(learned_rows, judged_rows, judged_rows.columns).mean())


def _by_the_index(*, learned_rows, judged_rows):
    return float(judged_rows.index.isin(learned_rows.index).mean())


# 04.5 ----------------------------------------------------------------------------------------------------------------
def share_of_others(*, flown):
    """Late share of the other flights of the same airport and day."""
    groups = flown.groupby(["origin", "day"], observed=True)["late"]
    others = groups.transform("size") - 1
    return ((groups.transform("sum") - flown["late"]) / others).where(others > 0)


def _with_itself(*, flown):
    return flown.groupby(["origin", "day"], observed=True)["late"].transform("mean")


def _divided_by_all(*, flown):
    groups = flown.groupby(["origin", "day"], observed=True)["late"]
    return (groups.transform("sum") - flown["late"]) / groups.transform("size")


def _all_airports(*, flown):
    return share_of_others(flown=flown.assign(origin="all"))


def _without_its_answer_only(*, flown):
    groups = flown.groupby(["origin", "day"], observed=True)["late"]
    return groups.transform("sum") / (groups.transform("size") - 1).where(lambda others: others > 0)


def _alone_as_punctual(*, flown):
    return share_of_others(flown=flown).fillna(0.0)


def _other_days(*, flown):
    by_airport = flown.groupby("origin", observed=True)["late"]
    by_both = flown.groupby(["origin", "day"], observed=True)["late"]
    return (by_airport.transform("sum") - by_both.transform("sum")) / (
        by_airport.transform("size") - by_both.transform("size")
    )


# 04.6 ----------------------------------------------------------------------------------------------------------------
def chances_inside(*, gaps, is_late_there, days_there, steps, by_day):
    """Probability of each row, by a pipeline that was fitted on the other folds alone."""
    return cross_val_predict(steps, gaps, is_late_there, groups=days_there, cv=by_day, method="predict_proba")[:, 1]


def _filled_before(*, gaps, is_late_there, days_there, steps, by_day):
    ready = clone(steps[:-1]).fit_transform(gaps)
    return cross_val_predict(
        clone(steps[-1]), ready, is_late_there, groups=days_there, cv=by_day, method="predict_proba"
    )[:, 1]


def _folds_at_random(*, gaps, is_late_there, days_there, steps, by_day):
    folds = KFold(by_day.get_n_splits(), shuffle=True, random_state=0)
    return cross_val_predict(clone(steps), gaps, is_late_there, cv=folds, method="predict_proba")[:, 1]


def _folds_by_default(*, gaps, is_late_there, days_there, steps, by_day):
    return cross_val_predict(clone(steps), gaps, is_late_there, method="predict_proba")[:, 1]


def _yes_or_no(*, gaps, is_late_there, days_there, steps, by_day):
    return cross_val_predict(clone(steps), gaps, is_late_there, groups=days_there, cv=by_day)


def _both_columns(*, gaps, is_late_there, days_there, steps, by_day):
    return cross_val_predict(clone(steps), gaps, is_late_there, groups=days_there, cv=by_day, method="predict_proba")


def _chance_of_no(*, gaps, is_late_there, days_there, steps, by_day):
    return 1 - chances_inside(gaps=gaps, is_late_there=is_late_there, days_there=days_there, steps=steps, by_day=by_day)


def _learned_and_judged(*, gaps, is_late_there, days_there, steps, by_day):
    return clone(steps).fit(gaps, is_late_there).predict_proba(gaps)[:, 1]


# 04.7 ----------------------------------------------------------------------------------------------------------------
def error_by_week(*, daily):
    """Estimate the standard error of a mean of daily shares from blocks of seven neighbouring days."""
    blocks = daily.to_numpy()[: len(daily) // 7 * 7].reshape(-1, 7).mean(axis=1)
    return float(blocks.std(ddof=1) / np.sqrt(len(blocks)))


def _block_means(daily):
    whole = daily.to_numpy()[: len(daily) // 7 * 7]
    return whole.reshape(-1, 7).mean(axis=1)


def _error_by_day(*, daily):
    return float(daily.std(ddof=1) / np.sqrt(len(daily)))


def _not_divided(*, daily):
    return float(_block_means(daily).std(ddof=1))


def _divided_by_days(*, daily):
    return float(_block_means(daily).std(ddof=1) / np.sqrt(len(daily)))


def _every_seventh(*, daily):
    whole = daily.to_numpy()[: len(daily) // 7 * 7]
    return float(whole.reshape(-1, 7).mean(axis=0).std(ddof=1) / np.sqrt(7))


def _population(*, daily):
    return float(_block_means(daily).std(ddof=0) / np.sqrt(len(daily) // 7))


def _rest_kept(*, daily):
    return float(daily.groupby(np.arange(len(daily)) // 7).mean().sem())


def _root_of_seven(*, daily):
    return float(_block_means(daily).std(ddof=1) / np.sqrt(7))


# 04.8 ----------------------------------------------------------------------------------------------------------------
def best_of(*, worthless):
    """Mean over the draws of the best AUC among the first 1, 10 and 100 candidates."""
    return {looks: float(worthless[:, :looks].max(axis=1).mean()) for looks in (1, 10, 100)}


def _best_of_the_means(*, worthless):
    return {looks: float(worthless[:, :looks].mean(axis=0).max()) for looks in (1, 10, 100)}


def _best_ever(*, worthless):
    return {looks: float(worthless[:, :looks].max()) for looks in (1, 10, 100)}


def _best_draw(*, worthless):
    return {looks: float(worthless[:, :looks].max(axis=0).mean()) for looks in (1, 10, 100)}


def _mean_of_all(*, worthless):
    return {looks: float(worthless[:, :looks].mean()) for looks in (1, 10, 100)}


def _first_sets(*, worthless):
    return {looks: float(worthless[:looks].max(axis=1).mean()) for looks in (1, 10, 100)}


def _one_candidate(*, worthless):
    return {looks: float(worthless[:, looks - 1].mean()) for looks in (1, 10, 100)}


# 04.9 ----------------------------------------------------------------------------------------------------------------
def judges(*, days_flown):
    """Whether a row's day is one of those that judge, from nothing but the day itself."""
    return pd.util.hash_pandas_object(days_flown, index=False) % 5 == 0


def _hash_with_index(*, days_flown):
    return pd.util.hash_pandas_object(days_flown) % 5 == 0


def _every_fifth_row(*, days_flown):
    return pd.Series(np.arange(len(days_flown)) % 5 == 0, index=days_flown.index)


def _every_fifth_day(*, days_flown):
    return pd.Series(pd.factorize(days_flown, sort=True)[0] % 5 == 0, index=days_flown.index)


def _the_rest(*, days_flown):
    return ~judges(days_flown=days_flown)


def _remainder(*, days_flown):
    return pd.util.hash_pandas_object(days_flown, index=False) % 5


def _positions_lost(*, days_flown):
    distinct = days_flown.drop_duplicates()
    return pd.util.hash_pandas_object(distinct, index=False) % 5 == 0


# small inputs, in which the mistakes can be told apart ---------------------------------------------------------------
@cache
def _flights():
    table = load("features")
    columns = ["day", "origin", "carrier", "clock", "arr_delay", "fate", "airport_delay", "visibility", "pressure"]
    table = table.loc[table["day"].between("2013-02-05", "2013-03-31"), columns].reset_index(drop=True)
    return table.assign(late=(table["arr_delay"] >= 30).astype(float))


def _few_flights():
    few = _flights().sample(2500, random_state=0)
    few = few[["origin", "day"]].assign(hour=few["clock"] // 60)
    return {"learned": few.iloc[:1600], "judged": few.iloc[1600:]}


def _days_out_of_order():
    some = _flights().sample(600, random_state=0)["day"]
    return {"rows_by_day": some, "days": some.drop_duplicates().sort_values().to_numpy()}


def _with_the_missing():
    return {"scheduled_flights": _flights(), "late_minutes": 30}


def _half_copied():
    columns = ["origin", "carrier", "clock", "visibility"]
    flights = _flights().loc[lambda table: table["day"].le("2013-02-12"), columns].reset_index(drop=True)
    learned = flights.iloc[:1200]
    judged = pd.concat([flights.iloc[3000:3400], learned.head(100), learned.head(50)], ignore_index=True)
    return {"learned_rows": learned, "judged_rows": judged}


def _a_flight_alone():
    some = _flights()[lambda table: table["fate"] == "landed"].sample(400, random_state=0)
    return {"flown": some[["origin", "day", "late"]]}


def _gaps_to_fill():
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    some = _flights()[lambda table: table["fate"] == "landed"].sample(1500, random_state=0)
    return {
        "gaps": some[["clock", "airport_delay", "visibility", "pressure"]],
        "is_late_there": some["late"] == 1,
        "days_there": some["day"],
        "steps": make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()),
        "by_day": GroupKFold(5),
    }


def _daily_shares():
    landed = _flights()[lambda table: table["fate"] == "landed"]
    return {"daily": landed.groupby("day")["late"].mean().head(45)}


def _chances_of_nothing():
    return {"worthless": np.random.default_rng(0).normal(0.5, 0.05, (30, 100))}


def _days_of_flights():
    return {"days_flown": _flights()["day"].dt.strftime("%Y-%m-%d").sample(500, random_state=0)}


EXERCISES = [
    Exercise(
        id="04.1",
        title="Neighbours on both sides",
        reference=with_neighbour,
        why="A left join with an indicator says of each row whether its airport, day and hour were learned from.",
        hints=(
            "Which triples of origin, day and hour occur among the learned rows? drop_duplicates lists them once.",
            "judged.merge(those triples, how='left', indicator=True), then the share of 'both'.",
        ),
        mistakes=(
            Mistake("without the hour", _without("hour"), "The hour has to agree, too."),
            Mistake("without the origin", _without("origin"), "Day, hour and origin have to agree in one row."),
            Mistake(
                "the other way round", _the_other_way, "That is the share of learned rows. Ask of the judged ones."
            ),
            Mistake("a number of rows", _number_of_rows, "Divide by the number of judged rows: a share."),
            Mistake(
                "rows multiplied", _pairs_per_row, "A row with ten neighbours counts ten times. drop_duplicates first."
            ),
            Mistake("distinct pairs", _of_distinct, "That is a share of triples. Ask of each judged row."),
        ),
        sample_inputs=_few_flights,
    ),
    Exercise(
        id="04.2",
        title="A rolling origin of whole days",
        reference=rolling_origin,
        why="The days are split in their order, and each row goes where its day goes.",
        hints=(
            "TimeSeriesSplit(4).split(days) gives pairs of positions in days.",
            "days[positions] are the days; np.flatnonzero(rows_by_day.isin(those days)) are the rows.",
        ),
        mistakes=(
            Mistake(
                "rows, not days", _rows_in_their_order, "That splits the rows as they happen to lie. Split `days`."
            ),
            Mistake("positions of days", _positions_of_days, "These are positions in `days`. Which rows fall on them?"),
            Mistake("KFold", _shuffled_days, "There the future teaches the past. TimeSeriesSplit only looks back."),
            Mistake("labels", _labels_of_rows, "These are index labels. Answer with positions: np.flatnonzero."),
            Mistake("masks", _masks, "These say yes or no of each row. np.flatnonzero makes positions of them."),
            Mistake("the days themselves", _days_themselves, "These are the days. Which rows fall on them?"),
            Mistake("all others learn", _all_others_learn, "There the future teaches the past. Only days before may."),
            Mistake("judged first", _judged_first, "First the rows to learn from, then those that judge."),
        ),
        sample_inputs=_days_out_of_order,
    ),
    Exercise(
        id="04.3",
        title="Three conventions",
        reference=share_by_convention,
        why="The numerator and the denominator both depend on what a flight that never arrived counts as.",
        hints=(
            "A missing delay compares as False, so it counts as not late unless you say otherwise.",
            "late[landed].mean(), (late | ~landed).mean(), late.mean().",
        ),
        mistakes=(
            Mistake(
                "left out, yet counted",
                _left_out_of_all,
                "Left out means: not in the denominator either. Which rows stay?",
            ),
            Mistake("diverted forgotten", _diverted_forgotten, "Two kinds of flight never arrived. Look at `fate`."),
            Mistake("exclusive limit", _exclusive_limit, "Is a flight that is exactly late_minutes late a late one?"),
            Mistake(
                "cancelled alone", _cancelled_alone, "Diverted flights never arrived either: count them as late, too."
            ),
            Mistake("per cent", _per_cent, "Shares between 0 and 1, not per cent."),
            Mistake("two swapped", _two_swapped, "Counting more flights as late cannot lower the share."),
        ),
        sample_inputs=_with_the_missing,
    ),
    Exercise(
        id="04.4",
        title="Copies on both sides",
        reference=share_copied,
        why="Join on all columns: whoever finds a partner among the learned rows was seen before.",
        hints=(
            "Two rows are copies if they agree in every column, missing values included.",
            "judged_rows.merge(learned_rows.drop_duplicates(), how='left', indicator=True).",
        ),
        mistakes=(
            Mistake("of all rows", _doubled_in_all, "That looks at both tables as one. Ask of each judged row."),
            Mistake(
                "second ones",
                _second_ones,
                "duplicated() also counts copies within one table. Ask who has a partner in the *other*.",
            ),
            Mistake("within the judged", _doubled_in_judged, "These repeat each other. Are they among the learned?"),
            Mistake("of the learned", _of_the_learned, "Turn round: of the judged rows, which share was learned from?"),
            Mistake("by the index", _by_the_index, "The index says where a row lay, not what is in it."),
        ),
        sample_inputs=_half_copied,
    ),
    Exercise(
        id="04.5",
        title="Leave your own answer out",
        reference=share_of_others,
        why="The sum less one's own answer, over the number less one: the mean of all others.",
        hints=(
            "groupby([...])['late'] and transform give sum and size of each row's own group.",
            "(sum - own) / (size - 1), and missing where there is nobody else.",
        ),
        mistakes=(
            Mistake("with itself", _with_itself, "The flight's own answer is in that mean."),
            Mistake("divided by all", _divided_by_all, "One answer less above: one less below, too."),
            Mistake(
                "own answer below only",
                _without_its_answer_only,
                "The number is right; the sum still holds the flight's own answer.",
            ),
            Mistake("all airports", _all_airports, "By day and origin, not by day alone."),
            Mistake(
                "alone as punctual", _alone_as_punctual, "Where there is no other flight, nothing is known: missing."
            ),
            Mistake("other days", _other_days, "Those are the other days of the airport. We want the same day."),
        ),
        sample_inputs=_a_flight_alone,
    ),
    Exercise(
        id="04.6",
        title="Every step inside the folds",
        reference=chances_inside,
        why="A pipeline that goes in whole is fitted anew, step by step, on each fold's training rows.",
        hints=(
            "cross_val_predict(steps, gaps, is_late_there, cv=..., groups=...): folds of days need each row's day.",
            "method='predict_proba', and of the two columns the second.",
        ),
        mistakes=(
            Mistake(
                "filled before",
                _filled_before,
                "The medians come from all rows, the judging ones too. Give the whole pipeline to cross_val_predict.",
            ),
            Mistake("folds at random", _folds_at_random, "Use the folds `by_day`, with `groups=days_there`."),
            Mistake(
                "folds by default",
                _folds_by_default,
                "Five folds by number know nothing of days: cv=by_day.",
            ),
            Mistake("yes or no", _yes_or_no, "These are classes. method='predict_proba' gives chances."),
            Mistake("both columns", _both_columns, "One number a row: the chance of True is the second column."),
            Mistake("chance of no", _chance_of_no, "That is the chance of being punctual: take the other column."),
            Mistake("learned and judged", _learned_and_judged, "This model has learned from the rows that it judges."),
        ),
        sample_inputs=_gaps_to_fill,
        tolerance=1e-4,
    ),
    Exercise(
        id="04.7",
        title="An error that counts weeks",
        reference=error_by_week,
        why="The blocks are nearly independent of each other, so their spread says how far the mean may be off.",
        hints=(
            "Cut the series into blocks of seven days; what is left at the end is dropped. Mean of each block.",
            "reshape(-1, 7).mean(axis=1), its std(ddof=1), over the root of the number of blocks.",
        ),
        mistakes=(
            Mistake("by day", _error_by_day, "That treats neighbouring days as strangers. Make blocks of seven first."),
            Mistake("not divided", _not_divided, "That is the spread of one block. The mean of many is surer."),
            Mistake("divided by the days", _divided_by_days, "How many values were averaged: days, or blocks?"),
            Mistake("every seventh day", _every_seventh, "These are the seven weekdays. Average along the other axis."),
            Mistake("rest kept", _rest_kept, "Days are left over at the end. They make no block of seven: drop them."),
            Mistake("root of seven", _root_of_seven, "How many values were averaged in the end?"),
            Mistake("population", _population, "A spread that is estimated from few blocks needs ddof=1."),
        ),
        sample_inputs=_daily_shares,
    ),
    Exercise(
        id="04.8",
        title="The best of many that know nothing",
        reference=best_of,
        why="In each draw you would pick the best you see; the mean over draws says what you may expect to see.",
        hints=(
            "A row of `worthless` is one validation set, a column one candidate.",
            "worthless[:, :looks].max(axis=1) is the best of each draw; then the mean.",
        ),
        mistakes=(
            Mistake("best of the means", _best_of_the_means, "Nobody sees means over draws. First pick, then average."),
            Mistake("best ever", _best_ever, "That is the luckiest draw of all. What happens on average?"),
            Mistake("best draw", _best_draw, "That picks the best draw of each candidate. Pick within a row."),
            Mistake("rows, not columns", _first_sets, "A row is a validation set. The candidates are the columns."),
            Mistake("one candidate", _one_candidate, "That is the last of them alone. Take the best of all up to it."),
            Mistake("mean of all", _mean_of_all, "Nobody picks at random. The best of each row, then the mean."),
        ),
        sample_inputs=_chances_of_nothing,
    ),
    Exercise(
        id="04.9",
        title="The same side tomorrow",
        reference=judges,
        why="A hash depends on the day alone: not on the order, the machine, or what else is in the table.",
        hints=(
            "pd.util.hash_pandas_object(days_flown, index=False) gives a whole number for each value.",
            "Of such numbers one in five leaves no remainder when divided by 5.",
        ),
        mistakes=(
            Mistake(
                "index hashed, too", _hash_with_index, "The index is in that hash, so one day falls on both sides."
            ),
            Mistake(
                "every fifth row", _every_fifth_row, "Flights of one day fall on both sides, and the order decides."
            ),
            Mistake(
                "every fifth day",
                _every_fifth_day,
                "One day more in the table, and all later ones change sides. Use the hash.",
            ),
            Mistake("the other side", _the_rest, "One in five judges; you chose the other four."),
            Mistake("the remainder", _remainder, "Compare the remainder with 0: True or False for each row."),
            Mistake("one value a day", _positions_lost, "One value for each row, with the index of days_flown."),
        ),
        sample_inputs=_days_of_flights,
    ),
]
