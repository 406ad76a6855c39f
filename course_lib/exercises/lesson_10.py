"""Exercises of lesson 10, distributed training."""

from functools import cache
from math import prod

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 10.1 ----------------------------------------------------------------------------------------------------------------
def rate_by_carrier(*, by_cell):
    """Late flights of all cells over all flights of all cells."""
    late = (by_cell["rate"] * by_cell["flights"]).groupby(by_cell["carrier"]).sum()
    return late / by_cell.groupby("carrier")["flights"].sum()


def _mean_of_rates(*, by_cell):
    return by_cell.groupby("carrier")["rate"].mean()


def _share_of_all(*, by_cell):
    late = (by_cell["rate"] * by_cell["flights"]).groupby(by_cell["carrier"]).sum()
    return late / by_cell["flights"].sum()


def _late_flights(*, by_cell):
    return (by_cell["rate"] * by_cell["flights"]).groupby(by_cell["carrier"]).sum()


def _rate_of_busiest(*, by_cell):
    busiest = by_cell.loc[by_cell.groupby("carrier")["flights"].idxmax()]
    return busiest.set_index("carrier")["rate"]


# 10.2 ----------------------------------------------------------------------------------------------------------------
def most_rows(*, occurring, cases, learned):
    """Each combination may come with each new value; but no weighted row is made of less than one flight."""
    return {name: min(occurring * prod(case.values()), learned) for name, case in cases.items()}


def _added_up(*, occurring, cases, learned):
    return {name: min(occurring * sum(case.values()), learned) for name, case in cases.items()}


def _only_new(*, occurring, cases, learned):
    return {name: occurring + prod(case.values()) for name, case in cases.items()}


def _more_than_flights(*, occurring, cases, learned):
    return {name: occurring * prod(case.values()) for name, case in cases.items()}


def _outcomes_twice(*, occurring, cases, learned):
    return {name: min(2 * occurring * prod(case.values()), learned) for name, case in cases.items()}


def _always_the_flights(*, occurring, cases, learned):
    return dict.fromkeys(cases, learned)


# 10.3 ----------------------------------------------------------------------------------------------------------------
def possible_cuts(*, columns_of_week, max_bins):
    """One border less than bins, and never more bins than values."""
    return columns_of_week.nunique().clip(upper=max_bins) - 1


def _bins_are_cuts(*, columns_of_week, max_bins):
    return columns_of_week.nunique().clip(upper=max_bins)


def _every_value(*, columns_of_week, max_bins):
    return columns_of_week.nunique() - 1


def _always_full(*, columns_of_week, max_bins):
    return pd.Series(max_bins - 1, index=columns_of_week.columns)


def _missing_is_a_value(*, columns_of_week, max_bins):
    return columns_of_week.nunique(dropna=False).clip(upper=max_bins) - 1


# 10.4 ----------------------------------------------------------------------------------------------------------------
def compared(*, judge, on_workers, in_process):
    """Leave the same days out for both, and look how far the difference moves."""
    return _difference(judge, on_workers, in_process, judge["day"], "log_loss")


def _difference(judge, on_workers, in_process, groups, metric):
    from course_lib import evaluate

    gap = evaluate.difference(judge["late"], on_workers, in_process, groups, [metric])
    return _with_verdict(*gap.loc[metric])


def _with_verdict(value, low, high):
    return {"value": value, "low": low, "high": high, "zero_inside": bool(low <= 0 <= high)}


def _two_intervals(*, judge, on_workers, in_process):
    from course_lib import evaluate

    first, second = (
        evaluate.score(judge["late"], said, judge["day"], ["log_loss"]).loc["log_loss"]
        for said in (on_workers, in_process)
    )
    return _with_verdict(first["value"] - second["value"], first["low"] - second["high"], first["high"] - second["low"])


def _rows_for_groups(*, judge, on_workers, in_process):
    return _difference(judge, on_workers, in_process, np.arange(len(judge)), "log_loss")


def _other_way_round(*, judge, on_workers, in_process):
    return compared(judge=judge, on_workers=in_process, in_process=on_workers)


def _area_under_curve(*, judge, on_workers, in_process):
    return _difference(judge, on_workers, in_process, judge["day"], "roc_auc")


# 10.5 ---------------------------------------------------------------------------------------------------------------
def megabytes_sent(*, model_weights, ring_workers):
    """Twice round the ring, each time all parts but one."""
    return 2 * (ring_workers - 1) / ring_workers * 4 * model_weights / 1e6


def _once_round(*, model_weights, ring_workers):
    return (ring_workers - 1) / ring_workers * 4 * model_weights / 1e6


def _to_everybody(*, model_weights, ring_workers):
    return (ring_workers - 1) * 4 * model_weights / 1e6


def _everything_twice(*, model_weights, ring_workers):
    return 2 * 4 * model_weights / 1e6


def _all_workers(*, model_weights, ring_workers):
    return ring_workers * megabytes_sent(model_weights=model_weights, ring_workers=ring_workers)


def _numbers_for_bytes(*, model_weights, ring_workers):
    return megabytes_sent(model_weights=model_weights, ring_workers=ring_workers) / 4


# 10.6 ---------------------------------------------------------------------------------------------------------------
def gradient_of_all(*, part_gradients, part_rows):
    """Weigh each worker's mean by its rows."""
    return np.average(part_gradients, axis=0, weights=part_rows)


def _plain_mean(*, part_gradients, part_rows):
    return part_gradients.mean(axis=0)


def _never_divided(*, part_gradients, part_rows):
    return part_rows @ part_gradients


def _divided_by_workers(*, part_gradients, part_rows):
    return part_rows @ part_gradients / len(part_rows)


def _one_number(*, part_gradients, part_rows):
    return np.average(part_gradients.mean(axis=1), weights=part_rows)


# 10.7 ---------------------------------------------------------------------------------------------------------------
def gigabytes(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    """Four numbers for each weight on every GPU, and the activations of its own part of the batch."""
    return 4 * (4 * weights_of_model + batch_of_all / gpus * activations_per_row) / 1e9


def _no_gradients(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    return 4 * (3 * weights_of_model + batch_of_all / gpus * activations_per_row) / 1e9


def _no_optimizer(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    return 4 * (2 * weights_of_model + batch_of_all / gpus * activations_per_row) / 1e9


def _whole_batch(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    return 4 * (4 * weights_of_model + batch_of_all * activations_per_row) / 1e9


def _weights_shared_out(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    return 4 * (4 * weights_of_model + batch_of_all * activations_per_row) / gpus / 1e9


def _numbers_for_bytes_on_gpu(*, weights_of_model, activations_per_row, batch_of_all, gpus):
    return (4 * weights_of_model + batch_of_all / gpus * activations_per_row) / 1e9


# 10.8 ----------------------------------------------------------------------------------------------------------------
def with_a_model(*, flights_by_group, new_flights, at_least):
    """Enough flights and both outcomes among what is learned from; then count the new flights of these groups."""
    late = flights_by_group.groupby("group")["late"]
    usable = (late.size() >= at_least) & (late.nunique() == 2)
    groups = usable[usable].index
    return {"models": len(groups), "share": new_flights["group"].isin(groups).mean()}


def _one_outcome_too(*, flights_by_group, new_flights, at_least):
    return _by_size_alone(flights_by_group, new_flights, at_least)


def _by_size_alone(counted, new_flights, at_least):
    size = counted.groupby("group").size()
    groups = size[size >= at_least].index
    return {"models": len(groups), "share": new_flights["group"].isin(groups).mean()}


def _share_of_old(*, flights_by_group, new_flights, at_least):
    right = with_a_model(flights_by_group=flights_by_group, new_flights=new_flights, at_least=at_least)
    old = with_a_model(flights_by_group=flights_by_group, new_flights=flights_by_group, at_least=at_least)
    return right | {"share": old["share"]}


def _share_of_groups(*, flights_by_group, new_flights, at_least):
    right = with_a_model(flights_by_group=flights_by_group, new_flights=new_flights, at_least=at_least)
    return right | {"share": right["models"] / flights_by_group["group"].nunique()}


def _counted_in_new(*, flights_by_group, new_flights, at_least):
    return _by_size_alone(new_flights, new_flights, at_least)


# 10.9 ----------------------------------------------------------------------------------------------------------------
def price_of_all(*, measured, wanted_rows, price_of_core_hour):
    """Draw a line through the two runs: what starting costs, and what a row costs."""
    (few, few_seconds), (many, many_seconds) = measured[["rows", "core_seconds"]].to_numpy(dtype=float)
    a_row = (many_seconds - few_seconds) / (many - few)
    start = few_seconds - a_row * few
    return (start + a_row * wanted_rows) / 3600 * price_of_core_hour


def _in_proportion_to_small(*, measured, wanted_rows, price_of_core_hour):
    small = measured.iloc[0]
    return small["core_seconds"] / small["rows"] * wanted_rows / 3600 * price_of_core_hour


def _in_proportion_to_large(*, measured, wanted_rows, price_of_core_hour):
    large = measured.iloc[-1]
    return large["core_seconds"] / large["rows"] * wanted_rows / 3600 * price_of_core_hour


def _seconds_for_hours(*, measured, wanted_rows, price_of_core_hour):
    right = price_of_all(measured=measured, wanted_rows=wanted_rows, price_of_core_hour=price_of_core_hour)
    return right * 3600


def _start_forgotten(*, measured, wanted_rows, price_of_core_hour):
    gaps = measured[["rows", "core_seconds"]].diff().iloc[-1]
    return gaps["core_seconds"] / gaps["rows"] * wanted_rows / 3600 * price_of_core_hour


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _departures():
    from course_lib import load

    return load("departures").iloc[::15].reset_index(drop=True)


def _by_cell():
    flights = _departures()
    late = (flights["arr_delay"] >= 30).groupby([flights["carrier"], flights["hour"]])
    return {"by_cell": late.agg(flights="size", rate="mean").reset_index()}


def _columns_of_week():
    columns = _departures().loc[:2000, ["origin", "hour", "overdue", "visibility", "airport_delay"]]
    columns["origin"] = columns["origin"].astype("category").cat.codes
    columns.loc[:50, "visibility"] = np.nan
    return {"columns_of_week": columns, "max_bins": 18}


def _two_models():
    flights = _departures()
    flights = flights[flights["day"] >= pd.Timestamp("2013-07-01")]
    late = (flights["arr_delay"] >= 30).astype(int)
    rank = flights["airport_delay"].fillna(0).rank(pct=True)
    other = 0.8 * rank + 0.2 * flights["overdue"].rank(pct=True)
    rank, other = (0.05 + 0.3 * values for values in (rank, other))  # probabilities, as rare as late flights
    return {
        "judge": pd.DataFrame({"late": late, "day": flights["day"]}),
        "on_workers": other.to_numpy(),
        "in_process": rank.to_numpy(),
    }


def _groups():
    flights = _departures()
    table = pd.DataFrame({"group": flights["carrier"] + " " + flights["origin"] + " " + flights["dest"]})
    table["late"] = (flights["arr_delay"] >= 30).astype(int)
    before = flights["day"] < pd.Timestamp("2013-07-01")
    return {"flights_by_group": table[before], "new_flights": table.loc[~before, ["group"]], "at_least": 8}


def _parts():
    """Gradients of a line through real delays, on parts of unequal size."""
    departures = _departures()[["hour", "distance", "arr_delay"]].dropna().head(620)
    columns = departures[["hour", "distance"]].to_numpy("float64") / [24, 1000]
    late = (departures["arr_delay"] >= 30).to_numpy("float64")
    part_rows = np.array([200, 200, 170, 50])
    ends = np.cumsum(part_rows)
    parts = [slice(end - count, end) for end, count in zip(ends, part_rows, strict=True)]
    return {
        "part_gradients": np.stack([columns[part].T @ (0.5 - late[part]) / len(late[part]) for part in parts]),
        "part_rows": part_rows,
    }


EXERCISES = [
    Exercise(
        id="10.1",
        title="A rate from rates",
        reference=rate_by_carrier,
        why="Rates cannot be averaged without their weights: late flights add up, and flights add up, and the rate is "
        "their quotient.",
        hints=(
            "How many late flights has one row of the table? And a carrier?",
            "`rate * flights`, summed by carrier, divided by `flights`, summed by carrier.",
        ),
        mistakes=(
            Mistake(
                "mean of rates",
                _mean_of_rates,
                "An hour with ten flights moves your rate as much as one with ten thousand. Should it?",
            ),
            Mistake(
                "share of all flights",
                _share_of_all,
                "Of whose flights is that the share? A carrier with few flights would look punctual.",
            ),
            Mistake("late flights", _late_flights, "That counts late flights. A rate lies between 0 and 1."),
            Mistake("busiest hour", _rate_of_busiest, "That is one hour of each carrier. What of its other flights?"),
        ),
        sample_inputs=_by_cell,
    ),
    Exercise(
        id="10.2",
        title="How many weighted rows at most?",
        reference=most_rows,
        why="New columns multiply, and the flights are the ceiling: when nearly each weighted row is one flight, "
        "counting saves nothing.",
        hints=(
            "How many combinations have two columns with 3 and 7 values?",
            "Can there be more weighted rows than flights?",
        ),
        mistakes=(
            Mistake(
                "added",
                _added_up,
                "Each weekday can come with each origin. Is that a sum of the numbers of values, or something larger?",
            ),
            Mistake(
                "beside the old ones",
                _only_new,
                "The new values come together with the old combinations, not as rows of their own.",
            ),
            Mistake(
                "more than flights",
                _more_than_flights,
                "Each weighted row needs a flight that it counts. How many flights are there?",
            ),
            Mistake("outcomes twice", _outcomes_twice, "The outcome is in `occurring` already: read the prompt again."),
            Mistake(
                "always the flights",
                _always_the_flights,
                "That many there can never be more of. But are there enough combinations to reach it in each case?",
            ),
        ),
        sample_inputs=lambda: {
            "occurring": 30_000,
            "cases": {
                "two more": {"origin": 3, "weekday": 7},
                "three more": {"origin": 3, "weekday": 7, "temperature": 22},
            },
            "learned": 9_000_000,
        },
    ),
    Exercise(
        id="10.3",
        title="Cuts that are possible",
        reference=possible_cuts,
        why="Bins are what a histogram tree sees; between n bins there are n - 1 borders, and a column with few values "
        "does not fill all bins.",
        hints=(
            "How many bins does a column with three different values need?",
            "`nunique()` does not count what is missing; `clip(upper=...)`; and a border less than bins.",
        ),
        mistakes=(
            Mistake("bins for cuts", _bins_are_cuts, "Between two bins there is one border. And between n?"),
            Mistake("every value", _every_value, "That is a tree that tries every value. How many bins are there?"),
            Mistake("always full", _always_full, "How many bins does a column with three different values fill?"),
            Mistake(
                "missing as a value",
                _missing_is_a_value,
                "You counted what is missing as one value more; the prompt leaves it out.",
            ),
        ),
        sample_inputs=_columns_of_week,
    ),
    Exercise(
        id="10.4",
        title="Equal?",
        reference=compared,
        why="Both models meet the same hard weeks; their difference moves far less than either score, and only its own "
        "interval says whether 0 is plausible.",
        hints=(
            "Which function of `evaluate` leaves the same days out for both models?",
            '`evaluate.difference(judge["late"], ..., ..., judge["day"], [...])`, and its only row.',
        ),
        mistakes=(
            Mistake(
                "two intervals",
                _two_intervals,
                "You subtracted two single intervals. A stormy week is hard for both models at once.",
            ),
            Mistake("rows for groups", _rows_for_groups, "Flights of one day share its weather. What stays together?"),
            Mistake("other way round", _other_way_round, "Asked for is two workers minus one process. Which is first?"),
            Mistake("area under the curve", _area_under_curve, "Which score was asked for here?"),
        ),
        sample_inputs=_two_models,
    ),
    Exercise(
        id="10.5",
        title="What a worker sends",
        reference=megabytes_sent,
        why="Each of 2 (n - 1) rounds sends one part in n, so the bytes hardly depend on the number of workers.",
        hints=(
            "In each round a worker sends one part. How large is a part, and how many rounds are there?",
            "`2 * (n - 1)` rounds, each of `model_weights / n` numbers of 4 bytes.",
        ),
        mistakes=(
            Mistake(
                "once round",
                _once_round,
                "After one trip round the ring each part's sum is with one worker only. How do the others get it?",
            ),
            Mistake(
                "everything twice",
                _everything_twice,
                "Nearly. In one trip round the ring, does a worker send all of its parts?",
            ),
            Mistake("to everybody", _to_everybody, "In a ring a worker sends to how many others?"),
            Mistake("all workers together", _all_workers, "Asked for is what *one* worker sends."),
            Mistake("numbers for bytes", _numbers_for_bytes, "How many bytes has a number in float32?"),
        ),
        sample_inputs=lambda: {"model_weights": 25_600_000, "ring_workers": 16},
    ),
    Exercise(
        id="10.6",
        title="When the parts are not equal",
        reference=gradient_of_all,
        why="A mean of means is the mean of all only if each counts as often as it has rows.",
        hints=(
            "If one worker had a single row, how much should its gradient count beside that of 500 rows?",
            "`np.average` has `axis` and `weights`.",
        ),
        mistakes=(
            Mistake(
                "plain mean",
                _plain_mean,
                "Every row shall count alike. How much does a row of the smallest part count in your mean?",
            ),
            Mistake("never divided", _never_divided, "That is the sum over all rows. What is asked for is a mean."),
            Mistake(
                "divided by the workers",
                _divided_by_workers,
                "You have added up over rows. By what must a sum be divided?",
            ),
            Mistake("one number", _one_number, "Each weight has a gradient of its own: how many numbers do you need?"),
        ),
        sample_inputs=_parts,
        tolerance=1e-4,  # who adds up the rows in float32 is right, too
    ),
    Exercise(
        id="10.7",
        title="Does it fit?",
        reference=gigabytes,
        why="Weights, gradients and Adam's state are whole on every worker; only the batch is shared out.",
        hints=(
            "How many numbers does each weight need, with its gradient and Adam's state? How many rows has one GPU?",
            "4 bytes for each of `4 * weights_of_model` numbers and of `activations_per_row` for each of its rows.",
        ),
        mistakes=(
            Mistake(
                "three numbers a weight",
                _no_gradients,
                "The weight, its gradient, and what Adam keeps: how many numbers are that?",
            ),
            Mistake(
                "no optimizer", _no_optimizer, "Adam remembers something of each weight from step to step. How much?"
            ),
            Mistake("the whole batch", _whole_batch, "How many rows of the batch does one of the workers see?"),
            Mistake(
                "the model shared out",
                _weights_shared_out,
                "Rows are shared out in data parallelism. Is the model, too?",
            ),
            Mistake("numbers for bytes", _numbers_for_bytes_on_gpu, "How many bytes has each number in float32?"),
        ),
        sample_inputs=lambda: {
            "weights_of_model": 350_000_000,
            "activations_per_row": 12_000_000,
            "batch_of_all": 512,
            "gpus": 8,
        },
    ),
    Exercise(
        id="10.8",
        title="Who gets a model?",
        reference=with_a_model,
        why="A model needs enough rows of both outcomes; whether it matters depends on how many of the coming flights "
        "have one.",
        hints=(
            "First the groups, from the flights that may be learned from; then the new flights that belong to one.",
            "`groupby(...).size()` and `.nunique() == 2`; then `isin(...)` and a mean.",
        ),
        mistakes=(
            Mistake(
                "one outcome",
                _one_outcome_too,
                "What does a classifier learn from a group in which every flight was on time?",
            ),
            Mistake("share of old flights", _share_of_old, "Of which flights is the share asked for: past or new?"),
            Mistake("share of groups", _share_of_groups, "Groups differ in size. Asked for is a share of flights."),
            Mistake(
                "counted in the new flights",
                _counted_in_new,
                "May you know how many flights a group will have, to decide on its model? Count where you learn.",
            ),
        ),
        sample_inputs=_groups,
    ),
    Exercise(
        id="10.9",
        title="The bill of a billion",
        reference=price_of_all,
        why="Two runs give a line: its slope is the price of a row, and what is left at no rows is paid once.",
        hints=(
            "How many core seconds more did the larger run take, and for how many rows more?",
            "Start plus a row's part times the rows; then hours; then money.",
        ),
        mistakes=(
            Mistake(
                "the small run times so many",
                _in_proportion_to_small,
                "You pay for the start again and again. How often does a job start?",
            ),
            Mistake(
                "the large run times so many",
                _in_proportion_to_large,
                "A part of the large run, too, was its start, which does not grow with the rows.",
            ),
            Mistake("seconds", _seconds_for_hours, "The price is for an hour of a core. What is your unit?"),
            Mistake("start forgotten", _start_forgotten, "Rows are paid for. And what the job costs before the first?"),
        ),
        sample_inputs=lambda: {
            "measured": pd.DataFrame({"rows": [1_250_000, 20_000_000], "core_seconds": [5_400.0, 21_800.0]}),
            "wanted_rows": 100_000_000,
            "price_of_core_hour": 0.05,
        },
    ),
]
