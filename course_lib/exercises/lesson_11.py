"""Exercises of lesson 11, from a notebook to a service."""

from functools import cache
from math import ceil

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 11.1 ----------------------------------------------------------------------------------------------------------------
def rows_kept(*, attempts):
    """Keep the last attempt at each batch: it replaces those before it."""
    last = attempts.groupby("batch")["attempt"].transform("max")
    return int((attempts["attempt"] == last).sum())


def _all_appended(*, attempts):
    return len(attempts)


def _first_attempts(*, attempts):
    first = attempts.groupby("batch")["attempt"].transform("min")
    return int((attempts["attempt"] == first).sum())


def _each_flight_once(*, attempts):
    return int(attempts["flight"].nunique())


def _each_flight_of_a_batch_once(*, attempts):
    return len(attempts.drop_duplicates(["batch", "flight"]))


def _last_attempt_of_all(*, attempts):
    return int((attempts["attempt"] == attempts["attempt"].max()).sum())


# 11.2 ----------------------------------------------------------------------------------------------------------------
def too_late(*, arrivals, wait_minutes):
    """Take the newest event of all batches up to the last but one, less the wait: what is no newer is dropped."""
    newest = arrivals.groupby("batch")["happened"].max().cummax().shift(2)
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] <= watermark).sum())


def _before_it_only(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].max().cummax().shift(2)
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] < watermark).sum())


def _own_batch_too(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].max().cummax()
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] <= watermark).sum())


def _one_batch_before(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].max().cummax().shift()
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] <= watermark).sum())


def _one_for_the_feed(*, arrivals, wait_minutes):
    newest = arrivals.loc[arrivals["batch"] < arrivals["batch"].max(), "happened"].max()
    return int((arrivals["happened"] <= newest - pd.Timedelta(minutes=wait_minutes)).sum())


def _by_the_clock(*, arrivals, wait_minutes):
    return int((arrivals["arrives"] - arrivals["happened"] > pd.Timedelta(minutes=wait_minutes)).sum())


def _no_wait(*, arrivals, wait_minutes):
    return too_late(arrivals=arrivals, wait_minutes=0)


def _oldest_event(*, arrivals, wait_minutes):
    newest = arrivals.groupby("batch")["happened"].min().cummin().shift(2)
    watermark = arrivals["batch"].map(newest) - pd.Timedelta(minutes=wait_minutes)
    return int((arrivals["happened"] <= watermark).sum())


def _kept_not_dropped(*, arrivals, wait_minutes):
    return len(arrivals) - too_late(arrivals=arrivals, wait_minutes=wait_minutes)


# 11.3 ----------------------------------------------------------------------------------------------------------------
def mean_wait(*, decided_minutes, every_minutes, takes_minutes):
    """From the decision to the next start of the job, which is never in its own minute, and then the job's time."""
    return float((every_minutes - decided_minutes % every_minutes).mean() + takes_minutes)


def _half_the_gap(*, decided_minutes, every_minutes, takes_minutes):
    return every_minutes / 2 + takes_minutes


def _in_its_own_minute(*, decided_minutes, every_minutes, takes_minutes):
    return float((-decided_minutes % every_minutes).mean() + takes_minutes)


def _job_in_no_time(*, decided_minutes, every_minutes, takes_minutes):
    return float((every_minutes - decided_minutes % every_minutes).mean())


def _own_minute_in_no_time(*, decided_minutes, every_minutes, takes_minutes):
    return float((-decided_minutes % every_minutes).mean())


def _wait_in_seconds(*, decided_minutes, every_minutes, takes_minutes):
    right = {"decided_minutes": decided_minutes, "every_minutes": every_minutes, "takes_minutes": takes_minutes}
    return 60 * mean_wait(**right)


def _job_before(*, decided_minutes, every_minutes, takes_minutes):
    return float((decided_minutes % every_minutes).mean() + takes_minutes)


def _longest(*, decided_minutes, every_minutes, takes_minutes):
    return float((every_minutes - decided_minutes % every_minutes).max() + takes_minutes)


# 11.4 ----------------------------------------------------------------------------------------------------------------
def polite_waits(offered):
    """Give the `service` of what a client sends that sends the next only when its answer is there."""
    waits, free = [], 0.0
    for due, service in zip(offered["due"], offered["service"], strict=True):
        if due >= free:
            waits.append(service)
            free = due + service
    return pd.Series(waits)


def two_clients(*, offered):
    """Take the median of what either client reports, in milliseconds."""
    waits = {"open": offered["latency"], "polite": polite_waits(offered)}
    return {client: float(each.median() * 1000) for client, each in waits.items()}


def _all_of_them(*, offered):
    return two_clients(offered=offered) | {"polite": float(offered["service"].median() * 1000)}


def _behind_the_others(*, offered):
    return two_clients(offered=offered.assign(service=offered["latency"]))


def _from_sent(*, offered):
    from_sent = offered["latency"] - (offered["sent"] - offered["due"])
    return two_clients(offered=offered) | {"polite": float(from_sent.median() * 1000)}


def _in_seconds(*, offered):
    return {name: value / 1000 for name, value in two_clients(offered=offered).items()}


def _one_in_seconds(*, offered):
    right = two_clients(offered=offered)
    return right | {"open": right["open"] / 1000}


def _served_at_once(*, offered):
    return two_clients(offered=offered) | {"open": float(offered["service"].median() * 1000)}


def _swapped(*, offered):
    right = two_clients(offered=offered)
    return {"open": right["polite"], "polite": right["open"]}


def _means(*, offered):
    return {"open": float(offered["latency"].mean() * 1000), "polite": float(polite_waits(offered).mean() * 1000)}


def _slowest(*, offered):
    waits = {"open": offered["latency"], "polite": polite_waits(offered)}
    return {name: float(each.quantile(0.99) * 1000) for name, each in waits.items()}


# 11.5 ----------------------------------------------------------------------------------------------------------------
def copies_needed(*, one_copy, peak, busy):
    """So many that the load fits with one of them gone."""
    return ceil(peak / (one_copy * busy)) + 1


def _none_to_spare(*, one_copy, peak, busy):
    return ceil(peak / (one_copy * busy))


def _fully_busy(*, one_copy, peak, busy):
    return ceil(peak / one_copy) + 1


def _fully_busy_none_to_spare(*, one_copy, peak, busy):
    return ceil(peak / one_copy)


def _fraction(*, one_copy, peak, busy):
    return peak / (one_copy * busy)


def _fraction_to_spare(*, one_copy, peak, busy):
    return peak / (one_copy * busy) + 1


def _rounded_down(*, one_copy, peak, busy):
    return int(peak / (one_copy * busy))


def _share_of_peak(*, one_copy, peak, busy):
    return ceil(peak * busy / one_copy) + 1


# 11.6 ----------------------------------------------------------------------------------------------------------------
def rent_or_own(*, copies_by_hour, hour_price, month_price):
    """Rent follows the day; what is owned must be there for the busiest hour."""
    return {
        "rented": float(30 * hour_price * copies_by_hour.sum()),
        "owned": float(month_price * copies_by_hour.max()),
    }


def _one_day(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"rented": right["rented"] / 30}


def _both_a_day(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return {name: price / 30 for name, price in right.items()}


def _other_way_round(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return {"rented": right["owned"], "owned": right["rented"]}


def _rented_for_the_peak(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"rented": float(30 * 24 * hour_price * copies_by_hour.max())}


def _owned_on_average(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"owned": float(month_price * copies_by_hour.mean())}


def _owned_by_the_hour(*, copies_by_hour, hour_price, month_price):
    right = rent_or_own(copies_by_hour=copies_by_hour, hour_price=hour_price, month_price=month_price)
    return right | {"owned": float(month_price * copies_by_hour.sum())}


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _arrivals():
    """Make a feed of eight hours from the flights; one event in five comes late."""
    from course_lib import features, load

    flights = load("flights")
    clock = features.with_clock(flights[(flights["month"] == 11) & flights["day"].between(3, 5)])
    start = int(pd.Timestamp("2013-11-04 06:00", tz="America/New_York").timestamp() // 60)
    parts = []
    for kind, at in [("decide", "decided_at"), ("departure", "left_at"), ("arrival", "known_at")]:
        told = clock.loc[clock[at].ge(start) & clock[at].lt(start + 8 * 60), ["carrier", "flight", at]]
        happened = pd.to_datetime(told.pop(at).astype("int64") * 60, unit="s", utc=True)
        parts.append(told.assign(kind=kind, happened=happened))
    events = pd.concat(parts).sort_values(["happened", "kind", "carrier", "flight"], ignore_index=True)
    random = np.random.default_rng(0)
    late = pd.to_timedelta(random.integers(1, 241, len(events)) * (random.random(len(events)) < 0.2), unit="min")
    arriving = events.assign(arrives=events["happened"] + late).sort_values("arrives", kind="stable", ignore_index=True)
    return arriving.assign(batch=(arriving["arrives"] - arriving["arrives"].min()) // pd.Timedelta(minutes=60))


def _attempts():
    """Two batches of real flights; the first attempt at the second one was killed halfway."""
    decided = _arrivals().query("kind == 'decide'").head(100)
    flights = decided["carrier"] + decided["flight"].astype(str)
    parts = {(0, 0): flights[:40], (1, 0): flights[40:55], (1, 1): flights[40:80]}
    parts[2, 0] = pd.concat([flights[80:], flights[:3], flights[80:81]])  # these four numbers fly twice
    parts = [pd.DataFrame({"batch": b, "attempt": a, "flight": rows}) for (b, a), rows in parts.items()]
    return {"attempts": pd.concat(parts, ignore_index=True)}


def _decided():
    decided = _arrivals().query("kind == 'decide'")["happened"].dt
    return {"decided_minutes": decided.hour * 60 + decided.minute, "every_minutes": 45, "takes_minutes": 2.0}


# What `offered_load.offer` gave (1 December 2026) where a server that calls its model one by one was offered twice what
# it can do: due, sent, latency and service of each request, in seconds. Recorded: a sample must not start a server.
_RECORDED = [
    (0.0004, 0.0013, 0.0347, 0.0347),
    (0.002, 0.0039, 0.1414, 0.1083),
    (0.0075, 0.0142, 0.1823, 0.0464),
    (0.0162, 0.0171, 0.2182, 0.0445),
    (0.0175, 0.0181, 0.246, 0.0292),
    (0.0185, 0.0192, 0.2636, 0.0186),
    (0.0203, 0.0204, 0.2838, 0.0219),
    (0.0207, 0.0262, 0.2874, 0.004),
    (0.0246, 0.027, 0.3042, 0.0208),
    (0.0249, 0.0274, 0.3294, 0.0254),
    (0.0267, 0.0296, 0.3557, 0.0281),
    (0.0399, 0.0422, 0.3704, 0.0279),
    (0.0409, 0.0427, 0.3564, 0.0),
    (0.046, 0.0471, 0.3656, 0.0013),
    (0.048, 0.0484, 0.3879, 0.0243),
    (0.056, 0.0565, 0.385, 0.0051),
    (0.0596, 0.0604, 0.3951, 0.0137),
    (0.0655, 0.0661, 0.4105, 0.0213),
    (0.0666, 0.0674, 0.4152, 0.0058),
    (0.0673, 0.0686, 0.431, 0.0165),
    (0.0673, 0.0691, 0.452, 0.021),
    (0.0719, 0.0794, 0.4516, 0.0042),
    (0.0754, 0.0808, 0.4632, 0.0152),
    (0.0802, 0.0828, 0.4761, 0.0178),
    (0.0828, 0.0894, 0.4933, 0.0197),
    (0.0851, 0.0909, 0.4963, 0.0052),
    (0.0874, 0.0912, 0.5235, 0.0295),
    (0.0897, 0.0915, 0.5537, 0.0325),
    (0.0899, 0.0917, 0.573, 0.0194),
    (0.0984, 0.1128, 0.5776, 0.0132),
    (0.104, 0.1138, 0.5892, 0.0172),
    (0.1042, 0.1141, 0.6048, 0.0159),
    (0.11, 0.1144, 0.6164, 0.0173),
    (0.1221, 0.1274, 0.6372, 0.0329),
    (0.1229, 0.1281, 0.6407, 0.0043),
    (0.1259, 0.1284, 0.6514, 0.0137),
    (0.1264, 0.142, 0.6731, 0.0222),
    (0.1313, 0.1438, 0.6467, 0.0),
    (0.1397, 0.1441, 0.6638, 0.0039),
    (0.1432, 0.1444, 0.6843, 0.0241),
    (0.1486, 0.1491, 0.7057, 0.0268),
    (0.1532, 0.1545, 0.7613, 0.0601),
    (0.1561, 0.1569, 0.7742, 0.0159),
]


def _offered():
    return {"offered": pd.DataFrame(_RECORDED, columns=["due", "sent", "latency", "service"])}


EXERCISES = [
    Exercise(
        id="11.1",
        title="Rows after a kill",
        reference=rows_kept,
        why="A batch that is done again has the same number and the same events: written under that number it replaces "
        "its first attempt, whole or half.",
        hints=(
            "What becomes of the file of batch 1 when batch 1 is done again?",
            '`groupby("batch")["attempt"].transform("max")` is the last attempt at the batch of each row.',
        ),
        mistakes=(
            Mistake("appended", _all_appended, "That is a sink that appends. Which rows of a batch are there twice?"),
            Mistake(
                "first attempts",
                _first_attempts,
                "The first attempt may have been killed halfway. Which one is sure to be whole?",
            ),
            Mistake(
                "each flight once",
                _each_flight_once,
                "A flight number flies again, by right. Is it the flight that names a piece of work, or the batch?",
            ),
            Mistake(
                "each flight of a batch once",
                _each_flight_of_a_batch_once,
                "A number may fly twice in a batch, too, by right. What names a file of the sink, and so replaces it?",
            ),
            Mistake(
                "only what was repeated",
                _last_attempt_of_all,
                "Most batches were done at the first attempt. What is the last attempt *of each batch*?",
            ),
        ),
        sample_inputs=_attempts,
    ),
    Exercise(
        id="11.2",
        title="What a watermark drops",
        reference=too_late,
        why="The watermark moves between micro-batches, and late events are judged by that of the batch before: "
        "they are late against events that were worked on, not against the clock. Nor by `arrives`, though "
        "that gives the same number here, as it does without `cummax`: a watermark never goes back.",
        hints=(
            "Batch 5 is judged by the watermark that batch 4 worked with. Which batches had moved that one?",
            '`groupby("batch")["happened"].max().cummax()` is the newest up to each batch; `.shift(2)` moves it on.',
        ),
        mistakes=(
            Mistake(
                "own batch",
                _own_batch_too,
                "You let the events of a batch move the watermark that judges them. When does Spark move it?",
            ),
            Mistake(
                "one batch before",
                _one_batch_before,
                "You counted the batch right before this one, too. From which batch on does what it brought count?",
            ),
            Mistake(
                "by the clock",
                _by_the_clock,
                "An event that took long is not late if no newer one has been worked on. What is it compared with?",
            ),
            Mistake(
                "before it only",
                _before_it_only,
                "What happened in the very minute of the watermark: is it kept, or dropped?",
            ),
            Mistake(
                "one for the feed",
                _one_for_the_feed,
                "That is one watermark for the whole feed. Which batches had been worked on when *this* one came?",
            ),
            Mistake("no wait", _no_wait, "Behind the newest event by how much may an event lie?"),
            Mistake(
                "oldest event",
                _oldest_event,
                "Your watermark is too low. Which event does it follow, how many *minutes* and batches behind?",
            ),
            Mistake("kept", _kept_not_dropped, "That many were kept. Asked for is how many were dropped."),
        ),
        sample_inputs=lambda: {"arrivals": _arrivals(), "wait_minutes": 30},
    ),
    Exercise(
        id="11.3",
        title="A job every so often",
        reference=mean_wait,
        why="A batch job answers at its next start; flights are not spread evenly over the hour, so half the gap is "
        "only a guess.",
        hints=(
            "A job starts at minutes 0, 45, 90 … of the day. Which answers a flight of minute 50, and which one of 45?",
            "`every - minutes % every` is the time from a minute to the next multiple after it.",
        ),
        mistakes=(
            Mistake(
                "half the gap",
                _half_the_gap,
                "That holds if decisions fall evenly. Schedules like the full hour: count these flights.",
            ),
            Mistake(
                "in its own minute",
                _in_its_own_minute,
                "You let a job answer a flight of the very minute in which it starts. Does it know of that minute?",
            ),
            Mistake("job in no time", _job_in_no_time, "When the job starts, is the answer there?"),
            Mistake(
                "in its own minute, in no time",
                _own_minute_in_no_time,
                "Two things are missing: what the job knows of the minute in which it starts, and how long it takes.",
            ),
            Mistake("in seconds", _wait_in_seconds, "These are seconds. Asked for are minutes."),
            Mistake("the job before", _job_before, "That job had ended before. Which start is the next one?"),
            Mistake("longest", _longest, "That is the unluckiest flight. Asked for is the mean."),
        ),
        sample_inputs=_decided,
    ),
    Exercise(
        id="11.4",
        title="Two clients",
        reference=two_clients,
        why="A client that waits for each answer asks least when the server is slowest, so most of what people wait is "
        "not among its numbers.",
        hints=(
            "The polite client sends the first request. When is its answer there, and which request is due next?",
            "Keep a time `free`; where `due >= free`, the request is sent and `free` becomes `due + service`.",
        ),
        mistakes=(
            Mistake(
                "all of them",
                _all_of_them,
                "Would a client that waits for each answer have sent all of these? Leave out what is due meanwhile.",
            ),
            Mistake(
                "behind the others",
                _behind_the_others,
                "`latency` holds the wait for the requests before. If nobody else asks, whom does one wait for?",
            ),
            Mistake(
                "from sent",
                _from_sent,
                "`offer` sends each request when it is due, so that is the open client again. Who sends fewer?",
            ),
            Mistake("seconds", _in_seconds, "In which unit are `latency` and `service`, and which one is asked for?"),
            Mistake(
                "one in seconds",
                _one_in_seconds,
                "One of the two is in seconds still: `latency` is, and milliseconds are asked for.",
            ),
            Mistake("swapped", _swapped, "The keys are the wrong way round: which of the two waits for the others?"),
            Mistake("means", _means, "These are means, which a few long waits pull up. Asked for are medians."),
            Mistake(
                "99th percentiles",
                _slowest,
                "These are 99th percentiles: of so few requests, one or two of the slowest. Asked for are medians.",
            ),
            Mistake(
                "served at once",
                _served_at_once,
                "That is how long the server worked. The open client counts from when an answer was wanted.",
            ),
        ),
        sample_inputs=_offered,
    ),
    Exercise(
        id="11.5",
        title="How many copies",
        reference=copies_needed,
        why="What must hold while one copy is missing is counted without it; then it is added.",
        hints=(
            "How many requests a second may one copy get, if it is to be `busy` busy at most?",
            "Round `peak / (one_copy * busy)` up, and add the one that may be missing.",
        ),
        mistakes=(
            Mistake("none to spare", _none_to_spare, "And while one of them is being replaced?"),
            Mistake("fully busy", _fully_busy, "A copy that is busy all the time has a queue without end. Use `busy`."),
            Mistake(
                "fully busy, none to spare",
                _fully_busy_none_to_spare,
                "These would be busy all the time, and none may be missing. Use `busy` first, then take one away.",
            ),
            Mistake("a fraction", _fraction, "Half a copy does not exist. And which copy may be missing?"),
            Mistake(
                "a fraction and one", _fraction_to_spare, "Half a copy does not exist: round up before you add one."
            ),
            Mistake("rounded down", _rounded_down, "Half a copy does not exist: what is left over needs one, too."),
            Mistake("share of the peak", _share_of_peak, "Does a copy that may be less busy do more or less work?"),
        ),
        sample_inputs=lambda: {"one_copy": 130.0, "peak": 1_050, "busy": 0.6},
    ),
    Exercise(
        id="11.6",
        title="Rent or own",
        reference=rent_or_own,
        why="Rented copies follow the day, owned ones stand there for its busiest hour: what decides is for how many "
        "hours a day a core is needed.",
        hints=(
            "Add up the hours of all copies for the one, and look for the busiest hour for the other.",
            "`30 * hour_price * copies_by_hour.sum()` and `month_price * copies_by_hour.max()`.",
        ),
        mistakes=(
            Mistake("a day", _one_day, "That is what a day costs. The month has 30 of them."),
            Mistake("both a day", _both_a_day, "Both are prices of a day. Asked for is a month of 30 days."),
            Mistake(
                "other way round", _other_way_round, "The keys are the wrong way round: which one follows the day?"
            ),
            Mistake(
                "rented for the peak", _rented_for_the_peak, "What is rented at night, when few copies are needed?"
            ),
            Mistake("owned on average", _owned_on_average, "With the average number, who answers in the busiest hour?"),
            Mistake(
                "owned by the hour", _owned_by_the_hour, "A core that you own is paid once a month, not each hour."
            ),
        ),
        sample_inputs=lambda: {
            "copies_by_hour": pd.Series([2] * 5 + [6, 9, 12, 8, 8, 7, 7, 7, 8, 9, 9, 8, 8, 7, 7, 4, 2, 2, 2]),
            "hour_price": 0.05,
            "month_price": 15.0,
        },
    ),
]
