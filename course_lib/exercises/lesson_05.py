"""Exercises of lesson 05, supervised learning."""

import atexit
import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import evaluate
from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 05.1 ----------------------------------------------------------------------------------------------------------------
def accuracy_and_cost(*, until_august, policies, crew_cost, late_cost):
    """Share of right answers, and cost per 1,000 until_august, of each policy."""
    was_late = until_august["late"].to_numpy()
    rows = {
        name: {
            "accuracy": (crew == was_late).mean(),
            "cost": evaluate.cost_per_1000(was_late, crew, crew_cost, late_cost),
        }
        for name, crew in policies.items()
    }
    return pd.DataFrame(rows).T


def _with_accuracy(until_august, policies, crew_cost, late_cost, accuracy):
    answer = accuracy_and_cost(until_august=until_august, policies=policies, crew_cost=crew_cost, late_cost=late_cost)
    late = until_august["late"].to_numpy()
    return answer.assign(accuracy=[accuracy(act, late) for act in policies.values()])


def _share_of_late_found(*, until_august, policies, crew_cost, late_cost):
    return _with_accuracy(
        until_august, policies, crew_cost, late_cost, lambda act, late: (act & late).sum() / late.sum()
    )


def _wrong_answers(*, until_august, policies, crew_cost, late_cost):
    return _with_accuracy(until_august, policies, crew_cost, late_cost, lambda act, late: (act != late).mean())


def _both_true(*, until_august, policies, crew_cost, late_cost):
    return _with_accuracy(until_august, policies, crew_cost, late_cost, lambda act, late: (act & late).mean())


def _per_flight(*, until_august, policies, crew_cost, late_cost):
    answer = accuracy_and_cost(until_august=until_august, policies=policies, crew_cost=crew_cost, late_cost=late_cost)
    return answer.assign(cost=answer["cost"] / 1000)


def _prices_exchanged(*, until_august, policies, crew_cost, late_cost):
    return accuracy_and_cost(until_august=until_august, policies=policies, crew_cost=late_cost, late_cost=crew_cost)


def _late_and_act_exchanged(*, until_august, policies, crew_cost, late_cost):
    answer = accuracy_and_cost(until_august=until_august, policies=policies, crew_cost=crew_cost, late_cost=late_cost)
    late = until_august["late"].to_numpy()
    return answer.assign(cost=[evaluate.cost_per_1000(act, late, crew_cost, late_cost) for act in policies.values()])


# 05.2 ----------------------------------------------------------------------------------------------------------------
def at_threshold(*, late, probability, threshold):
    """Precision and recall of the flights that get a crew."""
    crew = probability >= threshold
    met = (late & crew).sum()  # crews that meet a late flight
    return {"precision": met / crew.sum(), "recall": met / late.sum()}


def _exchanged(*, late, probability, threshold):
    right = at_threshold(late=late, probability=probability, threshold=threshold)
    return {"precision": right["recall"], "recall": right["precision"]}


def _above(*, late, probability, threshold):
    return at_threshold(late=late, probability=probability, threshold=np.nextafter(threshold, 1))


def _at_a_half(*, late, probability, threshold):
    return at_threshold(late=late, probability=probability, threshold=0.5)


def _accuracy_for_precision(*, late, probability, threshold):
    right = at_threshold(late=late, probability=probability, threshold=threshold)
    act = np.asarray(probability) >= threshold
    return right | {"precision": (act == np.asarray(late, dtype=bool)).mean()}


def _both_of_all(*, late, probability, threshold):
    both = (np.asarray(late, dtype=bool) & (np.asarray(probability) >= threshold)).mean()
    return {"precision": both, "recall": both}


def _crews_for_recall(*, late, probability, threshold):
    right = at_threshold(late=late, probability=probability, threshold=threshold)
    return right | {"recall": (np.asarray(probability) >= threshold).mean()}


# 05.3 ----------------------------------------------------------------------------------------------------------------
def average_precision(*, late_of_week, probability_of_week):
    """Mean, over the late flights, of the precision at each of them."""
    in_order = np.asarray(late_of_week, dtype=bool)[np.argsort(-np.asarray(probability_of_week))]
    precision = np.cumsum(in_order) / np.arange(1, len(in_order) + 1)
    return precision[in_order].mean()


def _from_the_bottom(*, late_of_week, probability_of_week):
    return average_precision(late_of_week=late_of_week, probability_of_week=1 - np.asarray(probability_of_week))


def _of_every_flight(*, late_of_week, probability_of_week):
    in_order = np.asarray(late_of_week, dtype=bool)[np.argsort(-np.asarray(probability_of_week))]
    return (np.cumsum(in_order) / np.arange(1, len(in_order) + 1)).mean()


def _unsorted(*, late_of_week, probability_of_week):
    return average_precision(late_of_week=late_of_week, probability_of_week=-np.arange(len(late_of_week), dtype=float))


def _ranks_from_zero(*, late_of_week, probability_of_week):
    in_order = np.asarray(late_of_week, dtype=bool)[np.argsort(-np.asarray(probability_of_week))]
    precision = np.cumsum(in_order) / np.maximum(np.arange(len(in_order)), 1)
    return precision[in_order].mean()


def _area_under_roc(*, late_of_week, probability_of_week):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(late_of_week, probability_of_week)


def _recall_so_far(*, late_of_week, probability_of_week):
    in_order = np.asarray(late_of_week, dtype=bool)[np.argsort(-np.asarray(probability_of_week))]
    return (np.cumsum(in_order) / in_order.sum())[in_order].mean()


# 05.4 ----------------------------------------------------------------------------------------------------------------
def more_from_july(*, late, days, ours, theirs, terms):
    """Compare in pairs what two models save from July on."""
    then = days >= "2013-07-01"
    return evaluate.difference(late[then], ours[then], theirs[then], days[then], ["saving"], **terms).loc["saving"]


def _all_months(*, late, days, ours, theirs, terms):
    return evaluate.difference(late, ours, theirs, days, ["saving"], **terms).loc["saving"]


def _turned_round(*, late, days, ours, theirs, terms):
    return more_from_july(late=late, days=days, ours=theirs, theirs=ours, terms=terms)


def _not_in_pairs(*, late, days, ours, theirs, terms):
    then = days >= "2013-07-01"
    ours, theirs = (
        evaluate.score(late[then], one[then], days[then], ["saving"], **terms).loc["saving"] for one in (ours, theirs)
    )
    value = ours["value"] - theirs["value"]
    return pd.Series({"value": value, "low": ours["low"] - theirs["high"], "high": ours["high"] - theirs["low"]})


def _rows_left_out(*, late, days, ours, theirs, terms):
    then = days >= "2013-07-01"
    rows = np.arange(then.sum())
    return evaluate.difference(late[then], ours[then], theirs[then], rows, ["saving"], **terms).loc["saving"]


def _single_days(*, late, days, ours, theirs, terms):
    return more_from_july(late=late, days=days, ours=ours, theirs=theirs, terms=terms | {"block": 1})


def _ours_alone(*, late, days, ours, theirs, terms):
    then = days >= "2013-07-01"
    return evaluate.score(late[then], ours[then], days[then], ["saving"], **terms).loc["saving"]


# 05.5 ----------------------------------------------------------------------------------------------------------------
def by_carrier(*, late_of_large, act, carrier):
    """Who gets crews in vain, and who is left alone, as shares of the punctual and of the late flights."""
    false_alarms = pd.Series(act[~late_of_large]).groupby(carrier[~late_of_large]).mean()
    missed = pd.Series(~act[late_of_large]).groupby(carrier[late_of_large]).mean()
    return pd.DataFrame({"false_alarms": false_alarms, "missed": missed}).rename_axis("carrier")


def _shares(late, act, carrier, of_false_alarms, of_missed):
    late, act = np.asarray(late, dtype=bool), np.asarray(act, dtype=bool)
    flags = pd.DataFrame({"false": act & ~late, "missed": ~act & late, "carrier": np.asarray(carrier)})
    wholes = flags.assign(false=of_false_alarms(late, act), missed=of_missed(late, act))
    sums, wholes = flags.groupby("carrier").sum(), wholes.groupby("carrier").sum()
    return (sums / wholes.clip(lower=1)).rename(columns={"false": "false_alarms"})


def _of_all_flights(*, late_of_large, act, carrier):
    return _shares(late_of_large, act, carrier, lambda late, act: True, lambda late, act: True)


def _of_the_crews(*, late_of_large, act, carrier):
    return _shares(late_of_large, act, carrier, lambda late, act: act, lambda late, act: ~act)


def _exchanged_columns(*, late_of_large, act, carrier):
    right = by_carrier(late_of_large=late_of_large, act=act, carrier=carrier)
    return pd.DataFrame({"false_alarms": right["missed"], "missed": right["false_alarms"]})


def _found_for_missed(*, late_of_large, act, carrier):
    right = by_carrier(late_of_large=late_of_large, act=act, carrier=carrier)
    return right.assign(missed=1 - right["missed"])


def _numbers_of_flights(*, late_of_large, act, carrier):
    return _shares(late_of_large, act, carrier, lambda late, act: False, lambda late, act: False)


# 05.6 ----------------------------------------------------------------------------------------------------------------
def meant(*, written, flipped_share):
    """Undo what flipped labels did to a probability."""
    return np.clip((written - flipped_share) / (1 - 2 * flipped_share), 0, 1)


def _less_the_share(*, written, flipped_share):
    return np.clip(written - flipped_share, 0, 1)


def _flips_one_way(*, written, flipped_share):
    return np.clip((written - flipped_share) / (1 - flipped_share), 0, 1)


def _flipped_once_more(*, written, flipped_share):
    return written * (1 - flipped_share) + (1 - written) * flipped_share


def _not_kept_inside(*, written, flipped_share):
    return (written - flipped_share) / (1 - 2 * flipped_share)


def _only_stretched(*, written, flipped_share):
    return np.clip(written / (1 - 2 * flipped_share), 0, 1)


# 05.7 ----------------------------------------------------------------------------------------------------------------
def lags(*, newark, last):
    """Shift the delays so that each row sees those of earlier hours."""
    return pd.DataFrame({step: newark.shift(step) for step in range(last + 1)})


def _the_future(*, newark, last):
    return pd.DataFrame({step: newark.shift(-step) for step in range(last + 1)})


def _without_the_hour_itself(*, newark, last):
    return pd.DataFrame({step: newark.shift(step) for step in range(1, last + 1)})


def _one_hour_more(*, newark, last):
    return pd.DataFrame({step: newark.shift(step + 1) for step in range(last + 1)})


def _last_left_out(*, newark, last):
    return pd.DataFrame({step: newark.shift(step) for step in range(last)})


def _oldest_first(*, newark, last):
    return pd.DataFrame({step: newark.shift(last - step) for step in range(last + 1)})


def _filled_with_zero(*, newark, last):
    return lags(newark=newark, last=last).fillna(0)


def _means_of_hours(*, newark, last):
    return pd.DataFrame({step: newark.rolling(step + 1).mean() for step in range(last + 1)})


# 05.8 ----------------------------------------------------------------------------------------------------------------
def belongs(*, folders):
    """Say of each folder whether the model's bytes have the digest that the card notes."""
    answer = {}
    for name, path in folders.items():
        noted = json.loads((path / "card.json").read_text())["model_sha256"]
        answer[name] = hashlib.sha256((path / "model.json").read_bytes()).hexdigest() == noted
    return answer


def _it_is_there(*, folders):
    return {name: (path / "model.json").exists() and (path / "card.json").exists() for name, path in folders.items()}


def _digest_as_bytes(*, folders):
    return dict.fromkeys(folders, False)


def _looks_like_a_model(*, folders):
    return {name: "trees" in json.loads((path / "model.json").read_text()) for name, path in folders.items()}


def _card_as_the_first(*, folders):
    cards = {name: (path / "card.json").read_text() for name, path in folders.items()}
    first = next(iter(cards.values()))
    return {name: card == first for name, card in cards.items()}


def _whole_folder_as_the_first(*, folders):
    texts = {
        name: [(path / file).read_text() for file in ("model.json", "card.json")] for name, path in folders.items()
    }
    first = next(iter(texts.values()))
    return {name: text == first for name, text in texts.items()}


def _true_where_changed(*, folders):
    return {name: not right for name, right in belongs(folders=folders).items()}


# inputs: some real flights -------------------------------------------------------------------------------------------
@cache
def _flights():
    """Every 40th flight of March to October, with a probability from the late rate of its carrier and hour."""
    flights = load("departures")[["day", "carrier", "hour", "minute", "arr_delay", "airport_delay", "split"]]
    flights = flights[flights["day"].between("2013-03-01", "2013-10-31")].iloc[::40].reset_index(drop=True)
    flights = flights.assign(late=flights["arr_delay"] >= 30, clock=60 * flights["hour"] + flights["minute"])
    rate = flights.groupby(["carrier", "hour"])["late"].transform("mean")
    behind = flights["airport_delay"].fillna(0).clip(0, 90) / 90
    return flights.assign(rate=(0.1 + 0.5 * rate).round(2), probability=(0.4 * rate + 0.5 * behind).round(2))


def _policies():
    flights = _flights().query("day < '2013-09-01'")
    clock = flights["clock"].to_numpy()
    policies = {"never": np.zeros(len(flights), dtype=bool), "early": clock < 12 * 60, "evening": clock >= 17 * 60}
    return {"until_august": flights, "policies": policies, "crew_cost": 1.0, "late_cost": 6.0}


def _with_equal_ones():
    return {"late": _flights()["late"], "probability": _flights()["probability"], "threshold": 0.2}


def _one_week():
    week = _flights().query("'2013-07-01' <= day <= '2013-07-14'")
    order = week["probability"].rank(method="first").to_numpy() / len(week)
    return {"late_of_week": week["late"].to_numpy(), "probability_of_week": order}


def _two_models():
    flights = _flights()
    terms = {"crew_cost": 1.0, "late_cost": 6.0, "opponent": "never"}
    two = {"ours": flights["probability"], "theirs": flights["rate"]}
    return {"late": flights["late"], "days": flights["day"], **two, "terms": terms}


def _large_carriers():
    flights = _flights()
    flights = flights[flights["carrier"].isin(["B6", "DL", "EV", "UA"])]
    return {
        "late_of_large": flights["late"].to_numpy(),
        "act": (flights["probability"] >= 1 / 6).to_numpy(),
        "carrier": flights["carrier"].to_numpy(),
    }


def _one_airport():
    flights = load("flights").query("origin == 'EWR' and month == 7 and day <= 4")
    return {"newark": flights.groupby("time_hour")["dep_delay"].mean().ffill(), "last": 3}


@cache
def _folders_by_mail():
    place = Path(tempfile.mkdtemp(prefix="course-mail-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    model = json.dumps({"trees": [0.1, 0.2]})
    card = {"model_sha256": hashlib.sha256(model.encode()).hexdigest(), "crew_from": 0.17}
    mail = {
        "as sent": (model, card),
        "model changed": (model.replace("0.2", "0.3"), card),
        "card changed": (model, card | {"crew_from": 0.9}),
        "swapped": ("{}", card | {"model_sha256": hashlib.sha256(b"another model").hexdigest()}),
    }
    for name, (text, noted) in mail.items():
        (place / name).mkdir()
        (place / name / "model.json").write_text(text)
        (place / name / "card.json").write_text(json.dumps(noted))
    return {name: place / name for name in mail}


EXERCISES = [
    Exercise(
        id="05.1",
        title="Accuracy against cost",
        reference=accuracy_and_cost,
        why="Accuracy counts both mistakes alike; the cost gives each its price.",
        hints=(
            "A policy and until_august['late'] agree where both are True, and also where neither is.",
            "For each policy: (policy == late).mean(), and evaluate.cost_per_1000(late, policy, crew_cost, late_cost).",
        ),
        mistakes=(
            Mistake(
                "share of late flights found",
                _share_of_late_found,
                "That is the share of the late flights that got a crew. Accuracy counts the punctual ones, too.",
            ),
            Mistake("share of wrong answers", _wrong_answers, "That is the share that is wrong. Which share is right?"),
            Mistake("crew and late", _both_true, "No crew on a punctual flight is a right answer, too."),
            Mistake("cost of one flight", _per_flight, "The cost is per 1,000 flights."),
            Mistake("prices exchanged", _prices_exchanged, "Look at the order: first crew_cost, then late_cost."),
            Mistake(
                "late and act exchanged",
                _late_and_act_exchanged,
                "First what happened, then what was done: evaluate.cost_per_1000(late, act, ...).",
            ),
        ),
        sample_inputs=_policies,
    ),
    Exercise(
        id="05.2",
        title="Precision and recall at the threshold",
        reference=at_threshold,
        why="Both count the same flights, crew and late; they differ in what they divide by.",
        hints=(
            "act = probability >= threshold, then count the flights with a crew that were late.",
            "Divide that count by the number of crews for precision, by the number of late flights for recall.",
        ),
        mistakes=(
            Mistake("exchanged", _exchanged, "Of the crews, how many met a late flight? Precision divides by crews."),
            Mistake("above the threshold", _above, "A probability that equals the threshold gets a crew."),
            Mistake("one half", _at_a_half, "The threshold is not one half here: it follows from the costs."),
            Mistake(
                "accuracy for precision",
                _accuracy_for_precision,
                "That precision counts flights without a crew as well. Look only at those with one.",
            ),
            Mistake("of all flights", _both_of_all, "Divide by the crews, and by the late flights, not by all."),
            Mistake("share of crews for recall", _crews_for_recall, "That recall is the share of flights with a crew."),
        ),
        sample_inputs=_with_equal_ones,
    ),
    Exercise(
        id="05.3",
        title="Average precision by hand",
        reference=average_precision,
        why="Sorted from the top, a running count divided by the rank is the precision at each place.",
        hints=(
            "After sorting, np.cumsum counts the late flights so far. By what must it be divided?",
            "precision = np.cumsum(late flights in order) / ranks from 1; of these the mean over the late flights.",
        ),
        mistakes=(
            Mistake("from the bottom", _from_the_bottom, "Start with the highest probability: np.argsort(-...)."),
            Mistake(
                "over all flights", _of_every_flight, "Take the mean over the places at which there is a late flight."
            ),
            Mistake("unsorted", _unsorted, "First sort the flights by their probability."),
            Mistake("ranks from zero", _ranks_from_zero, "At the first place one flight has been seen, not zero."),
            Mistake("AUC", _area_under_roc, "That is the AUC. Average precision goes down the list from its top."),
            Mistake("recall", _recall_so_far, "That divides by all late flights. Divide by the flights seen so far."),
        ),
        sample_inputs=_one_week,
    ),
    Exercise(
        id="05.4",
        title="In pairs",
        reference=more_from_july,
        why="With the same weeks left out for both, the days that are hard for both drop out of the difference.",
        hints=(
            "then = days >= '2013-07-01', and the same rows of late, ours, theirs and days.",
            "evaluate.difference(late[then], ours[then], theirs[then], days[then], ['saving'], **terms).loc['saving'].",
        ),
        mistakes=(
            Mistake("all months", _all_months, "From July on: take the rows where days >= '2013-07-01'."),
            Mistake("turned round", _turned_round, "Ours less theirs: ours comes first."),
            Mistake(
                "not in pairs",
                _not_in_pairs,
                "These are ends of two single intervals. `difference` leaves out the same weeks for both.",
            ),
            Mistake("rows", _rows_left_out, "The groups are days: flights of one day are not independent."),
            Mistake("single days", _single_days, "Leave `block` out: seven days at a time, since days resemble."),
            Mistake("ours alone", _ours_alone, "That is what ours saves. How much more than theirs?"),
        ),
        sample_inputs=_two_models,
    ),
    Exercise(
        id="05.5",
        title="Whose crews are in vain",
        reference=by_carrier,
        why="Each share has its own denominator: the punctual flights for one, the late ones for the other.",
        hints=(
            "False alarms: among flights with late False, the share with act True. For missed turn both round.",
            "pd.Series(act[punctual]).groupby(carrier[punctual]).mean(), and likewise for the late ones.",
        ),
        mistakes=(
            Mistake("of all flights", _of_all_flights, "Divide by the punctual flights, and by the late ones."),
            Mistake(
                "of the crews",
                _of_the_crews,
                "That divides by flights with a crew, and without. Divide by the punctual and by the late ones.",
            ),
            Mistake("exchanged", _exchanged_columns, "A false alarm is a crew on a punctual flight."),
            Mistake("found", _found_for_missed, "That is the share of late flights that got a crew."),
            Mistake("numbers", _numbers_of_flights, "These are numbers of flights. Make shares of them."),
        ),
        sample_inputs=_large_carriers,
    ),
    Exercise(
        id="05.6",
        title="What the labels meant",
        reference=meant,
        why="q = p (1 - f) + (1 - p) f is a straight line in p, and can be solved for p.",
        hints=(
            "Write q as f + p times something, and solve for p.",
            "q = f + p (1 - 2 f). Subtract f, divide, and clip.",
        ),
        mistakes=(
            Mistake("less the share", _less_the_share, "Flips also pull the high ones down: there is a factor, too."),
            Mistake("one way", _flips_one_way, "Labels are flipped both ways: which factor stands before p in q?"),
            Mistake("once more", _flipped_once_more, "That goes from p to q. Turn it round."),
            Mistake("not kept inside", _not_kept_inside, "Some values lie outside of 0 and 1: np.clip."),
            Mistake("only stretched", _only_stretched, "A flight that is never late has q = f. First subtract that."),
        ),
        sample_inputs=lambda: {"written": np.linspace(0.02, 0.97, 40), "flipped_share": 0.1},
    ),
    Exercise(
        id="05.7",
        title="Lags",
        reference=lags,
        why="shift(k) moves values k rows down, so each row sees what was known k hours before.",
        hints=(
            "newark.shift(1) is the delay one hour earlier.",
            "pd.DataFrame({k: newark.shift(k) for k in range(...)}): from 0 to last, last included.",
        ),
        mistakes=(
            Mistake("the future", _the_future, "That looks ahead. Which sign has an hour ago?"),
            Mistake("without the hour itself", _without_the_hour_itself, "Column 0, the hour itself, is missing."),
            Mistake("one hour more", _one_hour_more, "Column 0 is the hour itself, not the one before."),
            Mistake("last left out", _last_left_out, "range ends before its end: column `last` is missing."),
            Mistake("oldest first", _oldest_first, "Column k is k hours earlier; yours runs the other way."),
            Mistake("filled with 0", _filled_with_zero, "Before the first hour nothing is known: leave it missing."),
            Mistake("means", _means_of_hours, "These are means of the last hours. A lag is the value of one hour."),
        ),
        sample_inputs=_one_airport,
    ),
    Exercise(
        id="05.8",
        title="Does the model belong to its card?",
        reference=belongs,
        why="A digest of the bytes changes with any of them, and computing it runs nothing that is in the file.",
        hints=(
            "json.loads((path / 'card.json').read_text())['model_sha256'] is what the card notes.",
            "Compare it with hashlib.sha256((path / 'model.json').read_bytes()).hexdigest().",
        ),
        mistakes=(
            Mistake("both are there", _it_is_there, "Both files are there in each folder. Do they fit?"),
            Mistake(
                "never equal",
                _digest_as_bytes,
                "None fits? Compare text with text: hexdigest() of the model's bytes, not of the card's.",
            ),
            Mistake("looks like a model", _looks_like_a_model, "A changed model still looks like one. Its digest?"),
            Mistake("the card", _card_as_the_first, "That compares the cards. The digest is that of the model."),
            Mistake(
                "the whole folder",
                _whole_folder_as_the_first,
                "Only model and digest are asked about: the card may say something else besides.",
            ),
            Mistake("turned round", _true_where_changed, "True where the model belongs to its card."),
        ),
        sample_inputs=lambda: {"folders": _folders_by_mail()},
    ),
]
