"""Exercises of lesson 08, from one core to many."""

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 08.1 ----------------------------------------------------------------------------------------------------------------
def held(*, processes):
    """Add the private parts; count what is shared once."""
    by_contestant = processes.groupby("contestant")
    return by_contestant["private"].sum() + by_contestant["shared"].first()


def _residents_added(*, processes):
    return processes.groupby("contestant")["resident"].sum()


def _private_only(*, processes):
    return processes.groupby("contestant")["private"].sum()


def _largest(*, processes):
    return processes.groupby("contestant")["resident"].max()


def _shared_over_all(*, processes):
    return processes.groupby("contestant")["private"].sum() + processes["shared"].max()


# 08.2 ----------------------------------------------------------------------------------------------------------------
def chunk_size(*, send_seconds, task_seconds, share):
    """Solve send / (send + size * task) <= share for the size."""
    return int(np.ceil(send_seconds * (1 - share) / (share * task_seconds)))


def _share_of_computing(*, send_seconds, task_seconds, share):
    return int(np.ceil(send_seconds / (share * task_seconds)))


def _sending_equals_computing(*, send_seconds, task_seconds, share):
    return int(np.ceil(send_seconds / task_seconds))


def _chunk_rounded_down(*, send_seconds, task_seconds, share):
    return int(np.floor(send_seconds * (1 - share) / (share * task_seconds)))


def _share_of_computing_wanted(*, send_seconds, task_seconds, share):
    return chunk_size(send_seconds=send_seconds, task_seconds=task_seconds, share=1 - share)


def _chunk_not_rounded(*, send_seconds, task_seconds, share):
    return float(send_seconds * (1 - share) / (share * task_seconds))


# 08.3 ----------------------------------------------------------------------------------------------------------------
def sound_plans(*, plans, cores):
    """Multiply processes by the threads that each really starts, and compare with the cores."""
    threads = plans["threads"].replace(0, cores)
    return plans.loc[plans["processes"] * threads <= cores, "plan"].tolist()


def _zero_means_one(*, plans, cores):
    return plans.loc[plans["processes"] * plans["threads"].replace(0, 1) <= cores, "plan"].tolist()


def _processes_only(*, plans, cores):
    return plans.loc[plans["processes"] <= cores, "plan"].tolist()


def _all_cores_used(*, plans, cores):
    return plans.loc[plans["processes"] * plans["threads"].replace(0, cores) == cores, "plan"].tolist()


def _oversubscribed(*, plans, cores):
    return plans.loc[plans["processes"] * plans["threads"].replace(0, cores) > cores, "plan"].tolist()


# 08.4 ----------------------------------------------------------------------------------------------------------------
def undisturbed(*, tasks, task_seconds, workers, losses_per_hour):
    """All workers must live through the whole run: exp(-rate * workers * hours)."""
    hours = tasks / workers * task_seconds / 3600
    return float(np.exp(-losses_per_hour * workers * hours))


def _of_one_worker(*, tasks, task_seconds, workers, losses_per_hour):
    return float(np.exp(-losses_per_hour * tasks / workers * task_seconds / 3600))


def _seconds_for_hours(*, tasks, task_seconds, workers, losses_per_hour):
    return float(np.exp(-losses_per_hour * tasks * task_seconds))


def _disturbed(*, tasks, task_seconds, workers, losses_per_hour):
    return 1 - undisturbed(tasks=tasks, task_seconds=task_seconds, workers=workers, losses_per_hour=losses_per_hour)


def _in_series(*, tasks, task_seconds, workers, losses_per_hour):
    return float(np.exp(-losses_per_hour * workers * tasks * task_seconds / 3600))


# 08.5 ----------------------------------------------------------------------------------------------------------------
def amdahls_limit(*, seconds_1, seconds_2, part):
    """From seconds_2 / seconds_1 = 1 - f / 2; then the limit; then p with speed-up >= part * limit."""
    fraction = 2 * (1 - seconds_2 / seconds_1)
    limit = 1 / (1 - fraction)
    return fraction, limit, int(np.ceil(fraction * part / ((1 - fraction) * (1 - part))))


def _saved_share(*, seconds_1, seconds_2, part):
    fraction = 1 - seconds_2 / seconds_1
    return fraction, 1 / (1 - fraction), int(np.ceil(fraction * part / ((1 - fraction) * (1 - part))))


def _efficiency_for_fraction(*, seconds_1, seconds_2, part):
    fraction = seconds_1 / seconds_2 / 2
    return fraction, 1 / (1 - fraction), int(np.ceil(fraction * part / ((1 - fraction) * (1 - part))))


def _serial_for_parallel(*, seconds_1, seconds_2, part):
    fraction, limit, number = amdahls_limit(seconds_1=seconds_1, seconds_2=seconds_2, part=part)
    return 1 - fraction, limit, number


def _part_of_limit_as_workers(*, seconds_1, seconds_2, part):
    fraction, limit, _ = amdahls_limit(seconds_1=seconds_1, seconds_2=seconds_2, part=part)
    return fraction, limit, int(np.ceil(part * limit))


def _limit_of_fraction(*, seconds_1, seconds_2, part):
    fraction, _, number = amdahls_limit(seconds_1=seconds_1, seconds_2=seconds_2, part=part)
    return fraction, 1 / fraction, number


# 08.6 ----------------------------------------------------------------------------------------------------------------
def efficiencies(*, well):
    """Divide the speed-up by the workers; keep those that are still half used."""
    efficiency = well / well.index
    return efficiency, int(efficiency.index[efficiency >= 0.5].max())


def _speed_up_halved(*, well):
    return well / well.index, int(well.index[well >= 0.5 * well.max()].min())


def _most_efficient(*, well):
    efficiency = well / well.index
    return efficiency, int(efficiency.idxmax())


def _turned_over(*, well):
    efficiency = well.index.to_numpy() / well
    return efficiency, int(efficiency.index[efficiency >= 0.5].max())


def _gain_of_a_step(*, well):
    efficiency = (well.diff() / np.append(np.nan, np.diff(well.index))).fillna(1.0)
    return efficiency, int(efficiency.index[efficiency >= 0.5].max())


# 08.7 ----------------------------------------------------------------------------------------------------------------
def gained_by_copy(*, usual_seconds, slow_seconds, waited_seconds, straggler_share):
    """Only a straggler gains, and only if its copy, begun late, is done before it."""
    return straggler_share * max(slow_seconds - (waited_seconds + usual_seconds), 0.0)


def _wait_forgotten(*, usual_seconds, slow_seconds, waited_seconds, straggler_share):
    return straggler_share * (slow_seconds - usual_seconds)


def _share_forgotten(*, usual_seconds, slow_seconds, waited_seconds, straggler_share):
    return max(slow_seconds - (waited_seconds + usual_seconds), 0.0)


def _copy_is_slow_too(*, usual_seconds, slow_seconds, waited_seconds, straggler_share):
    return straggler_share * (slow_seconds - waited_seconds)


def _others_are_delayed(*, usual_seconds, slow_seconds, waited_seconds, straggler_share):
    right = straggler_share * (slow_seconds - waited_seconds - usual_seconds)
    return right - (1 - straggler_share) * waited_seconds


# 08.8 ----------------------------------------------------------------------------------------------------------------
def rented(*, rent, deadline_minutes):
    """Cheapest of those in time; the fastest where none is."""
    in_time = rent[rent["seconds"] <= 60 * deadline_minutes]
    best = in_time["price"].idxmin() if len(in_time) else rent["seconds"].idxmin()
    return int(best), float(rent.loc[best, "price"])


def _cheapest_of_all(*, rent, deadline_minutes):
    best = rent["price"].idxmin()
    return int(best), float(rent.loc[best, "price"])


def _fastest_of_all(*, rent, deadline_minutes):
    best = rent["seconds"].idxmin()
    return int(best), float(rent.loc[best, "price"])


def _place_for_workers(*, rent, deadline_minutes):
    best, price = rented(rent=rent, deadline_minutes=deadline_minutes)
    return int(rent.index.get_loc(best)), price


def _seconds_for_price(*, rent, deadline_minutes):
    best, _ = rented(rent=rent, deadline_minutes=deadline_minutes)
    return best, float(rent.loc[best, "seconds"])


# inputs --------------------------------------------------------------------------------------------------------------
def _processes():
    rows = [
        ("fork", 92, 12, 80),
        ("fork", 84, 4, 80),
        ("fork", 85, 5, 80),
        ("spawn", 99, 87, 12),
        ("spawn", 98, 86, 12),
    ]
    return {"processes": pd.DataFrame(rows, columns=["contestant", "resident", "private", "shared"])}


def _plans():
    rows = [
        ("notebook", 1, 0),
        ("pool", 8, 1),
        ("pool as it comes", 8, 0),
        ("half and half", 4, 2),
        ("too careful", 2, 1),
        ("too many", 4, 3),
        ("two as they come", 2, 0),
    ]
    return {"plans": pd.DataFrame(rows, columns=["plan", "processes", "threads"]), "cores": 8}


def _rent():
    rows = {1: (32_000.0, 0.44), 16: (2_400.0, 0.53), 64: (603.0, 0.54), 128: (326.0, 0.58), 256: (180.0, 0.64)}
    rows |= {512: (107.0, 0.76), 1000: (78.0, 1.08)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["seconds", "price"]).rename_axis("workers")


def _speed_ups():
    return pd.Series({1: 1.0, 16: 15.9, 64: 55.0, 256: 90.0, 512: 190.0, 1000: 170.0}).rename_axis("workers")


EXERCISES = [
    Exercise(
        id="08.1",
        title="Memory, counted once",
        reference=held,
        why="A page that several processes map exists once, so it counts once.",
        hints=(
            'What no other process holds can be added: processes.groupby("contestant")["private"].sum().',
            'Then add the shared part of each contestant, once: .groupby("contestant")["shared"].first().',
        ),
        mistakes=(
            Mistake("residents added", _residents_added, "A resident size holds the shared pages too. How often now?"),
            Mistake("private only", _private_only, "What they share is in memory as well."),
            Mistake("largest", _largest, "The others have something of their own, too."),
            Mistake("shared over all", _shared_over_all, "Each contestant shares something else: take its own."),
        ),
        sample_inputs=_processes,
    ),
    Exercise(
        id="08.2",
        title="The size of a chunk",
        reference=chunk_size,
        why="The cost of sending is spread over the chunk, so its share falls as 1 / size.",
        hints=(
            "Of a chunk of n tasks, sending takes send_seconds out of send_seconds + n * task_seconds.",
            "Set that share equal to `share`, solve for n, and round up.",
        ),
        mistakes=(
            Mistake("of computing", _share_of_computing, "A share of all the time, sending included."),
            Mistake("equal", _sending_equals_computing, "There sending takes half of the time. What was allowed?"),
            Mistake("rounded down", _chunk_rounded_down, "One task fewer: sending takes more than allowed."),
            Mistake("share of computing", _share_of_computing_wanted, "Which of the two may take `share`?"),
            Mistake("not rounded", _chunk_not_rounded, "A chunk holds a whole number of tasks."),
        ),
        sample_inputs=lambda: {"send_seconds": 7e-5, "task_seconds": 1.3e-6, "share": 0.05},
    ),
    Exercise(
        id="08.3",
        title="Threads inside processes",
        reference=sound_plans,
        why="What runs is processes times threads, and a library left alone starts a thread for each core.",
        hints=(
            'plans["threads"].replace(0, cores) are the threads that each process really starts.',
            'Keep the plans with plans["processes"] * threads <= cores.',
        ),
        mistakes=(
            Mistake("zero means one", _zero_means_one, "Left alone, numpy's library does not take one thread."),
            Mistake("processes only", _processes_only, "Each process brings threads of its own."),
            Mistake("all cores used", _all_cores_used, "To leave a core idle is no oversubscription."),
            Mistake("oversubscribed", _oversubscribed, "Those are the plans that start too many. Keep the others."),
        ),
        sample_inputs=_plans,
    ),
    Exercise(
        id="08.4",
        title="Start again, or repeat",
        reference=undisturbed,
        why="What must not happen to any of many workers has the rates of all of them added.",
        hints=(
            "For how many hours does the run last? tasks / workers * task_seconds / 3600.",
            "With independent workers the rates add: np.exp(-losses_per_hour * workers * hours).",
        ),
        mistakes=(
            Mistake("one worker", _of_one_worker, "That is the chance of one worker. The run needs all of them."),
            Mistake("seconds for hours", _seconds_for_hours, "The rate is one for an hour. In what unit is the run?"),
            Mistake("disturbed", _disturbed, "That is the probability that somebody is lost."),
            Mistake("in series", _in_series, "The workers share the tasks: how long does the run last?"),
        ),
        sample_inputs=lambda: {"tasks": 4000, "task_seconds": 30, "workers": 100, "losses_per_hour": 0.001},
    ),
    Exercise(
        id="08.5",
        title="Amdahl's limit",
        reference=amdahls_limit,
        why="Two times fix the law: the fraction gives the limit, and how soon one comes near it.",
        hints=(
            "seconds_2 / seconds_1 is 1 - f + f / 2. Solve for f; the limit is 1 / (1 - f).",
            "1 / (1 - f + f / p) >= part / (1 - f) gives p >= f * part / ((1 - f) * (1 - part)).",
        ),
        mistakes=(
            Mistake("saved share", _saved_share, "Two workers can save at most half of the parallel part."),
            Mistake(
                "efficiency",
                _efficiency_for_fraction,
                "That is the efficiency of two. Solve Amdahl's law for f.",
            ),
            Mistake("serial", _serial_for_parallel, "Which part did you give, the parallel or the serial one?"),
            Mistake("as workers", _part_of_limit_as_workers, "To be nine times as fast takes more than nine workers."),
            Mistake("limit of fraction", _limit_of_fraction, "In the limit only the serial part is left."),
        ),
        sample_inputs=lambda: {"seconds_1": 10.0, "seconds_2": 5.4, "part": 0.9},
    ),
    Exercise(
        id="08.6",
        title="Efficiency",
        reference=efficiencies,
        why="Speed-up divided by workers is the share of what you pay for that works.",
        hints=(
            "well / well.index divides each speed-up by its number of workers.",
            "efficiency.index[efficiency >= 0.5].max() is the largest number that is still half used.",
        ),
        mistakes=(
            Mistake("speed-up halved", _speed_up_halved, "Half of the best is not half used."),
            Mistake("most efficient", _most_efficient, "How many are still half used?"),
            Mistake("turned over", _turned_over, "Above 1 would be a present: what is divided?"),
            Mistake("gain of a step", _gain_of_a_step, "That is what the added workers bring. All of them are paid."),
        ),
        sample_inputs=lambda: {"well": _speed_ups()},
    ),
    Exercise(
        id="08.7",
        title="When a copy pays",
        reference=gained_by_copy,
        why="A copy brings what is left of the original minus what the copy takes, and only for stragglers.",
        hints=(
            "When is the copy of a straggler done? waited_seconds + usual_seconds after the start of the original.",
            "A straggler gains the difference to slow_seconds; a task that has more to do gains nothing.",
        ),
        mistakes=(
            Mistake("wait forgotten", _wait_forgotten, "The copy does not begin when the task does."),
            Mistake("share forgotten", _share_forgotten, "Not every task that runs long is a straggler."),
            Mistake("slow too", _copy_is_slow_too, "How long does the copy itself take?"),
            Mistake("others delayed", _others_are_delayed, "A copy that comes second changes nothing for its task."),
        ),
        sample_inputs=lambda: {
            "usual_seconds": 10.0,
            "slow_seconds": 50.0,
            "waited_seconds": 30.0,
            "straggler_share": 0.4,
        },
    ),
    Exercise(
        id="08.8",
        title="How many to rent",
        reference=rented,
        why="The deadline says who may compete, the price who wins.",
        hints=(
            'Keep rent[rent["seconds"] <= 60 * deadline_minutes]; if nothing is left, take rent["seconds"].idxmin().',
            'Of those in time, ["price"].idxmin() is the number of workers, and .loc gives its price.',
        ),
        mistakes=(
            Mistake("cheapest of all", _cheapest_of_all, "Is it done by then?"),
            Mistake("fastest of all", _fastest_of_all, "You pay for speed that nobody asked for."),
            Mistake("place", _place_for_workers, "The number of workers stands in the index; that is its place."),
            Mistake("seconds for price", _seconds_for_price, "The second number is to be the price."),
        ),
        sample_inputs=lambda: {"rent": _rent(), "deadline_minutes": 10.0},
    ),
]
