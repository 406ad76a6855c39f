"""Exercises of lesson 09's second page, on engines side by side and on machines that die."""

import math
from functools import cache

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 09b.1 ---------------------------------------------------------------------------------------------------------------
def blocks_and_copies(*, file_mib, block_mib, copies):
    """Every copy but one may be lost, and the copies of a block lie on different machines."""
    return {"blocks": math.ceil(file_mib / block_mib), "stored_mib": copies * file_mib, "may_die": copies - 1}


def _last_block_full(*, file_mib, block_mib, copies):
    blocks = math.ceil(file_mib / block_mib)
    return {"blocks": blocks, "stored_mib": copies * blocks * block_mib, "may_die": copies - 1}


def _rest_forgotten(*, file_mib, block_mib, copies):
    return {"blocks": file_mib // block_mib, "stored_mib": copies * file_mib, "may_die": copies - 1}


def _stored_once(*, file_mib, block_mib, copies):
    return blocks_and_copies(file_mib=file_mib, block_mib=block_mib, copies=copies) | {"stored_mib": file_mib}


def _all_copies_die(*, file_mib, block_mib, copies):
    return blocks_and_copies(file_mib=file_mib, block_mib=block_mib, copies=copies) | {"may_die": copies}


def _one_dies(*, file_mib, block_mib, copies):
    return blocks_and_copies(file_mib=file_mib, block_mib=block_mib, copies=copies) | {"may_die": 1}


def _copies_are_blocks(*, file_mib, block_mib, copies):
    right = blocks_and_copies(file_mib=file_mib, block_mib=block_mib, copies=copies)
    return right | {"blocks": copies * right["blocks"]}


# 09b.2 ---------------------------------------------------------------------------------------------------------------
def times_as_long(*, of_both):
    """Take the geometric mean of the ratios: that of the swapped ratios is its reciprocal."""
    return float(np.exp(np.log(of_both["Spark"] / of_both["DuckDB"]).mean()))


def _mean_of_ratios(*, of_both):
    return float((of_both["Spark"] / of_both["DuckDB"]).mean())


def _median_of_ratios(*, of_both):
    return float((of_both["Spark"] / of_both["DuckDB"]).median())


def _median_of_logarithms(*, of_both):
    return float(np.exp(np.log(of_both["Spark"] / of_both["DuckDB"]).median()))


def _ratio_of_sums(*, of_both):
    return float(of_both["Spark"].sum() / of_both["DuckDB"].sum())


def _other_way_round(*, of_both):
    return 1 / times_as_long(of_both=of_both)


def _logarithm(*, of_both):
    return float(np.log(times_as_long(of_both=of_both)))


def _difference(*, of_both):
    return float((of_both["Spark"] - of_both["DuckDB"]).mean())


# 09b.3 ---------------------------------------------------------------------------------------------------------------
def revenue(*, database):
    """Orders know their customer and the customer a nation; the lines of an order bring the money."""
    return database.sql("""
        select n_name as nation, sum(l_extendedprice * (1 - l_discount)) as revenue
        from lineitem
        join orders on o_orderkey = l_orderkey
        join customer on c_custkey = o_custkey
        join nation on n_nationkey = c_nationkey
        where year(o_orderdate) = 1995
        group by n_name
    """).df()


def _revenue(
    database,
    money="l_extendedprice * (1 - l_discount)",
    condition="year(o_orderdate) = 1995",
    whose="c_nationkey",
    nation="n_name",
):
    return database.sql(f"""
        select {nation} as nation, sum({money}) as revenue
        from lineitem
        join orders on o_orderkey = l_orderkey
        join customer on c_custkey = o_custkey
        join supplier on s_suppkey = l_suppkey
        join nation on n_nationkey = {whose}
        where {condition}
        group by {nation}
    """).df()


def _without_discount(*, database):
    return _revenue(database, money="l_extendedprice")


def _discount_as_money(*, database):
    return _revenue(database, money="l_extendedprice - l_discount")


def _with_tax(*, database):
    return _revenue(database, money="l_extendedprice * (1 - l_discount) * (1 + l_tax)")


def _when_shipped(*, database):
    return _revenue(database, condition="year(l_shipdate) = 1995")


def _of_all_years(*, database):
    return _revenue(database, condition="true")


def _new_year_too(*, database):
    return _revenue(database, condition="o_orderdate between date '1995-01-01' and date '1996-01-01'")


def _times_quantity(*, database):
    return _revenue(database, money="l_quantity * l_extendedprice * (1 - l_discount)")


def _by_key(*, database):
    return _revenue(database, nation="n_nationkey")


def _of_the_supplier(*, database):
    return _revenue(database, whose="s_nationkey")


# 09b.4 ---------------------------------------------------------------------------------------------------------------
def rows_at_limit(*, held, limit_bytes):
    """Give to the rows what the part that is there from the start leaves of the limit."""
    slope, start = np.polyfit(held["rows"], held["peak_bytes"], 1)
    return float((limit_bytes - start) / slope)


def _through_nothing(*, held, limit_bytes):
    rows, peaks = held["rows"], held["peak_bytes"]
    return float(limit_bytes / ((rows * peaks).sum() / (rows**2).sum()))


def _from_the_last(*, held, limit_bytes):
    last = held.iloc[-1]
    return float(limit_bytes * last["rows"] / last["peak_bytes"])


def _two_points(*, held, limit_bytes):
    first, last = held.iloc[0], held.iloc[-1]
    a_row = (last["peak_bytes"] - first["peak_bytes"]) / (last["rows"] - first["rows"])
    return float(first["rows"] + (limit_bytes - first["peak_bytes"]) / a_row)


def _start_forgotten(*, held, limit_bytes):
    return float(limit_bytes / np.polyfit(held["rows"], held["peak_bytes"], 1)[0])


def _axes_swapped(*, held, limit_bytes):
    slope, start = np.polyfit(held["peak_bytes"], held["rows"], 1)
    return float((limit_bytes - start) / slope)


def _rows_left(*, held, limit_bytes):
    return rows_at_limit(held=held, limit_bytes=limit_bytes) - float(held["rows"].iloc[-1])


# 09b.5 ---------------------------------------------------------------------------------------------------------------
def done_again(*, task_log):
    """Count each task's last attempt; all before it were in vain, even where they had been done."""
    counts = ~task_log.duplicated(["stage", "partition"], keep="last")
    vain = task_log[~counts]
    return {"tasks": len(vain[["stage", "partition"]].drop_duplicates()), "seconds": vain["seconds"].sum()}


def _only_lost(*, task_log):
    lost = task_log[task_log["outcome"] == "lost"]
    return {"tasks": len(lost[["stage", "partition"]].drop_duplicates()), "seconds": lost["seconds"].sum()}


def _lost_seconds(*, task_log):
    lost = task_log[task_log["outcome"] == "lost"]
    return done_again(task_log=task_log) | {"seconds": lost["seconds"].sum()}


def _attempts_counted(*, task_log):
    vain = task_log.duplicated(["stage", "partition"], keep="last")
    return done_again(task_log=task_log) | {"tasks": int(vain.sum())}


def _second_attempts(*, task_log):
    again = task_log[task_log.duplicated(["stage", "partition"])]
    return done_again(task_log=task_log) | {"seconds": again["seconds"].sum()}


def _all_of_them(*, task_log):
    all_of = task_log[task_log.duplicated(["stage", "partition"], keep=False)]
    return done_again(task_log=task_log) | {"seconds": all_of["seconds"].sum()}


def _stages_mixed(*, task_log):
    vain = task_log[task_log.duplicated("partition", keep="last")]
    return {"tasks": vain["partition"].nunique(), "seconds": vain["seconds"].sum()}


# 09b.6 ---------------------------------------------------------------------------------------------------------------
def paid_seconds(*, jobs, idle_timeout):
    """After each job it waits for the next one, but no longer than the timeout."""
    jobs = jobs.sort_values("start")
    until_next = (jobs["start"].shift(-1) - jobs["end"]).fillna(np.inf)
    return float((jobs["end"] - jobs["start"]).sum() + until_next.clip(upper=idle_timeout).sum())


def _only_work(*, jobs, idle_timeout):
    return float((jobs["end"] - jobs["start"]).sum())


def _never_goes(*, jobs, idle_timeout):
    return float(jobs["end"].max() - jobs["start"].min() + idle_timeout)


def _always_the_timeout(*, jobs, idle_timeout):
    return float((jobs["end"] - jobs["start"] + idle_timeout).sum())


def _last_timeout_forgotten(*, jobs, idle_timeout):
    return paid_seconds(jobs=jobs, idle_timeout=idle_timeout) - idle_timeout


def _as_they_stand(*, jobs, idle_timeout):
    until_next = (jobs["start"].shift(-1) - jobs["end"]).fillna(np.inf)
    return float((jobs["end"] - jobs["start"]).sum() + until_next.clip(upper=idle_timeout).sum())


def _as_they_stand_never_less(*, jobs, idle_timeout):
    until_next = (jobs["start"].shift(-1) - jobs["end"]).fillna(np.inf)
    return float((jobs["end"] - jobs["start"]).sum() + until_next.clip(0, idle_timeout).sum())


def _one_timeout(*, jobs, idle_timeout):
    return _only_work(jobs=jobs, idle_timeout=idle_timeout) + idle_timeout


def _first_to_last(*, jobs, idle_timeout):
    return float(jobs["end"].max() - jobs["start"].min())


def _gone_or_free(*, jobs, idle_timeout):
    jobs = jobs.sort_values("start")
    gaps = (jobs["start"].shift(-1) - jobs["end"]).dropna()
    return float((jobs["end"] - jobs["start"]).sum() + gaps[gaps <= idle_timeout].sum() + idle_timeout)


# ---- small inputs ---------------------------------------------------------------------------------------------------
@cache
def _database():
    import duckdb

    from course_lib import tpch

    database = duckdb.connect(config={"threads": 1})
    tpch.register(database, tpch.tables(0.01))
    return database


def _of_both():
    return pd.DataFrame({"Spark": [1.9, 0.7, 2.4, 0.6], "DuckDB": [0.05, 0.04, 0.11, 0.02]}, index=[1, 2, 3, 4])


def _held():
    peaks = [130e6, 268e6, 407e6, 675e6]
    return pd.DataFrame({"rows": [250_000, 1_000_000, 2_000_000, 4_000_000], "peak_bytes": peaks})


def _task_log():
    outcomes = ["done", "done", "done", "done", "lost", "lost", "done", "lost", "done", "done"]
    return pd.DataFrame(
        {
            "stage": [0, 0, 0, 1, 1, 1, 0, 1, 1, 1],
            "partition": [0, 1, 2, 0, 1, 2, 1, 2, 1, 2],
            "outcome": outcomes,
            "seconds": [4, 5, 4, 9, 7, 3, 6, 2, 8, 9],
        }
    )


def _jobs():
    return pd.DataFrame({"start": [300, 0, 60, 500, 130], "end": [340, 50, 120, 520, 190]})


EXERCISES = [
    Exercise(
        id="09b.1",
        title="How many may die",
        reference=blocks_and_copies,
        why="A block is lost only with its last copy, and in the worst case those that die hold all copies of one.",
        hints=(
            "How many blocks are full, and what is left? A block takes as much disk as it has bytes, in every copy.",
            "`math.ceil(file_mib / block_mib)`; for the last: which machines would have to die to lose one block?",
        ),
        mistakes=(
            Mistake("the last block is full", _last_block_full, "How long is the last block? The prompt says."),
            Mistake("the rest forgotten", _rest_forgotten, "In which block is what is left after the full ones?"),
            Mistake("stored once", _stored_once, "How often does each MiB of the file lie on a disk?"),
            Mistake(
                "as many as copies", _all_copies_die, "If that many die, may they be just those that hold one block?"
            ),
            Mistake("one, as above", _one_dies, "Above there were two copies of each block. How many are there here?"),
            Mistake(
                "copies are blocks", _copies_are_blocks, "Asked for are the blocks of the file, not those on the disks."
            ),
        ),
        sample_inputs=lambda: {"file_mib": 700, "block_mib": 128, "copies": 3},
    ),
    Exercise(
        id="09b.2",
        title="One number for twenty-two",
        reference=times_as_long,
        why="Ratios multiply, so their middle is the geometric mean. The mean of ratios depends on who stands below, "
        "and in a ratio of sums the longest question speaks for all.",
        hints=(
            "If Spark takes 2 times and 8 times as long, which one number is the reciprocal of that for 1/2 and 1/8?",
            "The mean of the logarithms of the ratios, and back with `np.exp`.",
        ),
        mistakes=(
            Mistake(
                "mean of the ratios",
                _mean_of_ratios,
                "Swap the engines: is the mean of the swapped ratios the reciprocal of yours?",
            ),
            Mistake(
                "the median", _median_of_ratios, "If the largest ratio doubles, does a median change? A mean does."
            ),
            Mistake(
                "the median of logarithms",
                _median_of_logarithms,
                "You may swap the engines, and yet the largest ratio may double without a change. Is that a mean?",
            ),
            Mistake("ratio of the sums", _ratio_of_sums, "Does a question that takes ten times as long count more?"),
            Mistake("the other way round", _other_way_round, "Who takes longer, and is your number above 1?"),
            Mistake("left in logarithms", _logarithm, "That is the mean of the logarithms. What undoes a logarithm?"),
            Mistake("a difference", _difference, "Those are seconds. How many *times* as long does Spark take?"),
        ),
        sample_inputs=lambda: {"of_both": _of_both()},
    ),
    Exercise(
        id="09b.3",
        title="A question of your own",
        reference=revenue,
        why="Four tables in a chain; each join goes by a key, so that no line is counted twice.",
        hints=(
            "From a line to its order, from there to the customer, and on to the nation: which columns are the keys?",
            "`sum(l_extendedprice * (1 - l_discount))`, and the year is that of `o_orderdate`.",
        ),
        mistakes=(
            Mistake("without the discount", _without_discount, "The price is given before something is taken off."),
            Mistake(
                "the discount as money",
                _discount_as_money,
                "Look at some values of l_discount: is it an amount, or a share of the price?",
            ),
            Mistake("with tax", _with_tax, "Is tax a part of the revenue, as it is defined here?"),
            Mistake("all years", _of_all_years, "Of which year are the orders?"),
            Mistake("New Year's Day too", _new_year_too, "`between` includes both ends. In which year is the second?"),
            Mistake(
                "times the quantity",
                _times_quantity,
                "The extended price is that of the whole line, with its quantity.",
            ),
            Mistake("keys of nations", _by_key, "The nation's name is asked for, not its key."),
            Mistake("when it was shipped", _when_shipped, "Asked for are orders *placed* in that year."),
            Mistake("the supplier's nation", _of_the_supplier, "Both have a nation. Whose is asked for?"),
        ),
        sample_inputs=lambda: {"database": _database()},
    ),
    Exercise(
        id="09b.4",
        title="Where the line meets the limit",
        reference=rows_at_limit,
        why="Proportion from one size charges the start (Python, its libraries) to every row, so it fails too early. "
        "The line itself is a guess beyond its last point: try the next size before you rely on it.",
        hints=(
            "`np.polyfit(x, y, 1)` gives the slope and then the value at no rows at all.",
            "Of the limit, how much is left for rows, and how much does one row take?",
        ),
        mistakes=(
            Mistake(
                "through the origin", _through_nothing, "How much is held for a table without a row? It is not nothing."
            ),
            Mistake("from the last point", _from_the_last, "Two tables of half the rows do not hold half each. Why?"),
            Mistake(
                "from two points", _two_points, "Two of the points give a line, too. Least squares asks all of them."
            ),
            Mistake(
                "the start forgotten", _start_forgotten, "The whole limit is not for rows: a part is held before them."
            ),
            Mistake("swapped", _axes_swapped, "Your line says rows for bytes. Which of the two do you want from it?"),
            Mistake("how many more", _rows_left, "Asked for are all rows, not those that may be added to the last."),
        ),
        sample_inputs=lambda: {"held": _held(), "limit_bytes": 4_000_000_000},
    ),
    Exercise(
        id="09b.5",
        title="Done again",
        reference=done_again,
        why="The task of stage 0 had been done, and its rows died with the machine that kept them.",
        hints=(
            "A task may have three attempts. Which of them count?",
            '`task_log.duplicated(["stage", "partition"], keep="last")` marks every attempt that was not the last.',
        ),
        mistakes=(
            Mistake("only what was lost", _only_lost, "Is there an attempt that was done, and yet made once more?"),
            Mistake(
                "seconds of what was lost",
                _lost_seconds,
                "An attempt may be done, and yet not count: did you add the seconds of those?",
            ),
            Mistake("attempts for tasks", _attempts_counted, "A task that was tried three times is still one task."),
            Mistake("the second attempts", _second_attempts, "Those are the later ones, and one of them counts."),
            Mistake("all attempts", _all_of_them, "Among these is the last attempt of each task. Was that in vain?"),
            Mistake(
                "stages mixed", _stages_mixed, "Is partition 1 of stage 0 the same task as partition 1 of stage 1?"
            ),
        ),
        sample_inputs=lambda: {"task_log": _task_log()},
    ),
    Exercise(
        id="09b.6",
        title="What an executor is paid for",
        reference=paid_seconds,
        why="A short timeout saves seconds that nobody works in and pays with new starts, which this count leaves out.",
        hints=(
            "After each job: how long is it until the next one, and how much of that is paid at most?",
            "Sort by start; `(start.shift(-1) - end).clip(upper=idle_timeout)`, and after the last job the timeout.",
        ),
        mistakes=(
            Mistake("only work", _only_work, "Is it gone at the moment when its job ends?"),
            Mistake("it never goes", _never_goes, "In the longest gap, is it there all the time?"),
            Mistake(
                "from the first to the last",
                _first_to_last,
                "From the first start to the last end: is it there all the time?",
            ),
            Mistake("one timeout", _one_timeout, "And between two jobs, is it gone at once?"),
            Mistake(
                "always the timeout",
                _always_the_timeout,
                "Where the next job begins sooner, is the whole timeout waited for?",
            ),
            Mistake("the last one forgotten", _last_timeout_forgotten, "And after the last job?"),
            Mistake("in the given order", _as_they_stand, "Which job comes after which? The rows are not in order."),
            Mistake(
                "in the given order, none below 0",
                _as_they_stand_never_less,
                "A gap below 0 says that the rows are not in order. Which job comes after which?",
            ),
            Mistake(
                "long gaps for nothing", _gone_or_free, "In a gap longer than the timeout it waits too, for how long?"
            ),
        ),
        sample_inputs=lambda: {"jobs": _jobs(), "idle_timeout": 15},
    ),
]
