"""Exercises of lesson 09, Spark."""

import math
from functools import cache

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# 09.1 ----------------------------------------------------------------------------------------------------------------
def partitions_needed(*, shuffle_gib, partition_mib, cluster_cores):
    """Enough partitions that none is larger, rounded up to whole waves of tasks."""
    enough = math.ceil(shuffle_gib * 1024 / partition_mib)
    return cluster_cores * math.ceil(enough / cluster_cores)


def _no_whole_waves(*, shuffle_gib, partition_mib, cluster_cores):
    return math.ceil(shuffle_gib * 1024 / partition_mib)


def _waves_rounded_down(*, shuffle_gib, partition_mib, cluster_cores):
    return cluster_cores * (math.ceil(shuffle_gib * 1024 / partition_mib) // cluster_cores)


def _thousands(*, shuffle_gib, partition_mib, cluster_cores):
    return cluster_cores * math.ceil(shuffle_gib * 1000 / partition_mib / cluster_cores)


def _one_a_core(*, shuffle_gib, partition_mib, cluster_cores):
    return cluster_cores


def _of_each_core(*, shuffle_gib, partition_mib, cluster_cores):
    return math.ceil(shuffle_gib * 1024 / partition_mib / cluster_cores)


# 09.2 ----------------------------------------------------------------------------------------------------------------
def shuffles_and_stages(*, plan):
    """Count the steps that are called Exchange and nothing else; each cuts the plan once."""
    names = [line.lstrip(" :+-*").split("(")[0].strip() for line in plan.splitlines()]
    shuffles = names.count("Exchange")
    return {"shuffles": shuffles, "stages": shuffles + 1}


def _broadcast_too(*, plan):
    shuffles = plan.count("Exchange")
    return {"shuffles": shuffles, "stages": shuffles + 1}


def _stages_are_shuffles(*, plan):
    shuffles = shuffles_and_stages(plan=plan)["shuffles"]
    return {"shuffles": shuffles, "stages": shuffles}


def _stage_of_the_broadcast(*, plan):
    shuffles = shuffles_and_stages(plan=plan)["shuffles"]
    return {"shuffles": shuffles, "stages": shuffles + 2}


def _one_a_wide_step(*, plan):
    wide = plan.count("Aggregate") + plan.count("Join") + plan.count("Sort")
    return {"shuffles": wide, "stages": wide + 1}


def _stage_a_step(*, plan):
    right = shuffles_and_stages(plan=plan)
    return {"shuffles": right["shuffles"], "stages": len(plan.splitlines())}


# 09.3 ----------------------------------------------------------------------------------------------------------------
def strategies(*, sides):
    """Only the right side of a left outer join can be broadcast: by its hint, or because it is small."""
    broadcast = (sides["hint"] == "right") | (sides["right"] <= 10)
    return np.where(broadcast, "broadcast", "sort-merge")


def _either_side(*, sides):
    broadcast = (sides["hint"] != "") | (sides[["left", "right"]].min(axis=1) <= 10)
    return np.where(broadcast, "broadcast", "sort-merge")


def _small_left_side(*, sides):
    small = sides[["left", "right"]].min(axis=1) <= 10
    broadcast = (sides["hint"] == "right") | (small & (sides["hint"] != "left"))
    return np.where(broadcast, "broadcast", "sort-merge")


def _hints_always_win(*, sides):
    broadcast = (sides["hint"] != "") | (sides["right"] <= 10)
    return np.where(broadcast, "broadcast", "sort-merge")


def _hints_forgotten(*, sides):
    return np.where(sides["right"] <= 10, "broadcast", "sort-merge")


def _limit_excluded(*, sides):
    broadcast = (sides["hint"] == "right") | (sides["right"] < 10)
    return np.where(broadcast, "broadcast", "sort-merge")


# 09.4 ----------------------------------------------------------------------------------------------------------------
def straggler(*, task_table):
    """Set the longest task beside the sum and beside the median."""
    seconds = task_table["run_seconds"]
    return {"share": seconds.max() / seconds.sum(), "times_the_median": seconds.max() / seconds.median()}


def _mean_for_median(*, task_table):
    seconds = task_table["run_seconds"]
    return straggler(task_table=task_table) | {"times_the_median": seconds.max() / seconds.mean()}


def _by_rows(*, task_table):
    task_rows = task_table["rows"]
    return {"share": task_rows.max() / task_rows.sum(), "times_the_median": task_rows.max() / task_rows.median()}


def _of_the_others(*, task_table):
    seconds = task_table["run_seconds"]
    right = straggler(task_table=task_table)
    return right | {"share": seconds.max() / (seconds.sum() - seconds.max())}


def _last_started(*, task_table):
    seconds = task_table["run_seconds"]
    return {"share": seconds.iloc[-1] / seconds.sum(), "times_the_median": seconds.iloc[-1] / seconds.median()}


# 09.5 ----------------------------------------------------------------------------------------------------------------
def salted_places(*, places, parts):
    """Every row once for each value that a salt can have."""
    from pyspark.sql import functions as F

    return places.withColumn("salt", F.explode(F.sequence(F.lit(0), F.lit(parts - 1))))


def _one_value_too_many(*, places, parts):
    from pyspark.sql import functions as F

    return places.withColumn("salt", F.explode(F.sequence(F.lit(0), F.lit(parts))))


def _from_one(*, places, parts):
    from pyspark.sql import functions as F

    return places.withColumn("salt", F.explode(F.sequence(F.lit(1), F.lit(parts))))


def _salted_like_the_flights(*, places, parts):
    from pyspark.sql import functions as F

    return places.withColumn("salt", F.pmod(F.hash("dest"), F.lit(parts)))


def _as_an_array(*, places, parts):
    from pyspark.sql import functions as F

    return places.withColumn("salt", F.sequence(F.lit(0), F.lit(parts - 1)))


# 09.6 ----------------------------------------------------------------------------------------------------------------
def units_by_carrier(*, few_flights):
    """Cases of `when`, in order; every flight gets a number, so that the mean counts all of them."""
    from pyspark.sql import functions as F

    of_distance = F.when(F.col("distance") > 1089, 8.0).otherwise(5.0)
    units = F.when(F.col("arr_delay") < 30, 0.0).otherwise(of_distance)
    return few_flights.groupBy("carrier").agg(F.avg(units).alias("units"))


def _no_otherwise(*, few_flights):
    from pyspark.sql import functions as F

    of_distance = F.when(F.col("distance") > 1089, 8.0).otherwise(5.0)
    units = F.when(F.col("arr_delay") >= 30, of_distance)
    return few_flights.groupBy("carrier").agg(F.avg(units).alias("units"))


def _late_edge(*, few_flights):
    from pyspark.sql import functions as F

    of_distance = F.when(F.col("distance") > 1089, 8.0).otherwise(5.0)
    units = F.when(F.col("arr_delay") <= 30, 0.0).otherwise(of_distance)
    return few_flights.groupBy("carrier").agg(F.avg(units).alias("units"))


def _far_edge(*, few_flights):
    from pyspark.sql import functions as F

    of_distance = F.when(F.col("distance") >= 1089, 8.0).otherwise(5.0)
    units = F.when(F.col("arr_delay") < 30, 0.0).otherwise(of_distance)
    return few_flights.groupBy("carrier").agg(F.avg(units).alias("units"))


def _sum_of_units(*, few_flights):
    from pyspark.sql import functions as F

    of_distance = F.when(F.col("distance") > 1089, 8.0).otherwise(5.0)
    units = F.when(F.col("arr_delay") < 30, 0.0).otherwise(of_distance)
    return few_flights.groupBy("carrier").agg(F.sum(units).alias("units"))


# 09.7 ----------------------------------------------------------------------------------------------------------------
def very_late(*, flights, enough):
    """`having` filters groups after they were counted."""
    return flights.sparkSession.sql(
        """
        select origin, dest, avg(cast(arr_delay >= 60 as int)) as very_late
        from {flights} group by origin, dest having count(*) >= {enough}
        """,
        flights=flights,
        enough=enough,
    )


def _asked(flights, enough, what="avg(cast(arr_delay >= 60 as int))", where="", having="having count(*) >= {enough}"):
    text = f"select origin, dest, {what} as very_late from {{flights}} {where} group by origin, dest {having}"
    return flights.sparkSession.sql(text, flights=flights, enough=enough)


def _where_for_having(*, flights, enough):
    return _asked(flights, enough, where="where arr_delay >= 60")


def _all_routes(*, flights, enough):
    return _asked(flights, enough, having="")


def _more_than_enough(*, flights, enough):
    return _asked(flights, enough, having="having count(*) > {enough}")


def _after_sixty(*, flights, enough):
    return _asked(flights, enough, "avg(cast(arr_delay > 60 as int))")


def _percent(*, flights, enough):
    return _asked(flights, enough, "100 * avg(cast(arr_delay >= 60 as int))")


def _counted(*, flights, enough):
    return _asked(flights, enough, "count_if(arr_delay >= 60)")


def _by_dest(*, flights, enough):
    return flights.sparkSession.sql(
        """
        select min(origin) as origin, dest, avg(cast(arr_delay >= 60 as int)) as very_late
        from {flights} group by dest having count(*) >= {enough}
        """,
        flights=flights,
        enough=enough,
    )


# ---- small inputs ---------------------------------------------------------------------------------------------------
_PLAN = """\
AdaptiveSparkPlan
+- Sort
   +- Exchange
      +- HashAggregate
         +- Exchange
            +- HashAggregate
               +- Project
                  +- BroadcastHashJoin Inner BuildRight
                     :- Filter
                     :  +- Scan parquet
                     +- BroadcastExchange
                        +- Filter
                           +- Scan parquet"""


def _sides():
    return pd.DataFrame(
        [(5_000, 8, ""), (5_000, 400, ""), (6, 5_000, ""), (5_000, 400, "right"), (6, 5_000, "left"), (5_000, 10, "")],
        columns=["left", "right", "hint"],
    )


def _task_table():
    return pd.DataFrame(
        {
            "index": range(8),
            "run_seconds": [0.31, 0.28, 5.2, 0.35, 0.3, 0.9, 0.27, 0.4],
            "rows": [40_112, 90_054, 1_433_210, 75_630, 80_441, 99_000, 81_553, 100_000],
        }
    )


@cache
def _spark():
    from course_lib import get_spark

    return get_spark("tests", master="local[2]")


def _places():
    return {
        "places": _spark().createDataFrame([("ATL", -5), ("BOS", -5), ("HNL", -10)], "dest string, tz long"),
        "parts": 4,
    }


def _flights():
    from course_lib import load

    departures = load("departures")[["carrier", "origin", "dest", "distance", "arr_delay"]]
    to_miami = departures[departures["distance"] == 1089].head(300)
    chosen = pd.concat([departures.iloc[::400], to_miami.assign(arr_delay=[30, 60, 90] * 100)])
    return _spark().createDataFrame(chosen).coalesce(1).cache()


EXERCISES = [
    Exercise(
        id="09.1",
        title="The partitions for a shuffle",
        reference=partitions_needed,
        why="First the limit on size, then whole waves: a number that is one above a multiple of the cores leaves all "
        "cores but one idle at the end.",
        hints=(
            "How many partitions of that size hold the whole shuffle, rounded up?",
            "Then the next multiple of the cores, `cluster_cores * math.ceil(... / cluster_cores)`.",
        ),
        mistakes=(
            Mistake("not rounded to waves", _no_whole_waves, "How many tasks run in the last wave of your number?"),
            Mistake(
                "waves rounded down",
                _waves_rounded_down,
                "With fewer partitions each one is larger. Is the limit on their size still kept?",
            ),
            Mistake("thousands", _thousands, "How many MiB has a GiB? The prompt says."),
            Mistake("one for each core", _one_a_core, "How large would one partition be, if every core had only one?"),
            Mistake("the waves", _of_each_core, "That is how many tasks one core gets. How many are there on all?"),
        ),
        sample_inputs=lambda: {"shuffle_gib": 330, "partition_mib": 128, "cluster_cores": 32},
    ),
    Exercise(
        id="09.2",
        title="Stages of a plan",
        reference=shuffles_and_stages,
        why="Stages are what shuffles cut a plan into, and in a plan a shuffle is called Exchange.",
        hints=(
            "Which word in the plan is a shuffle? Is every line that holds this word one?",
            "A line cut n times is n + 1 pieces.",
        ),
        mistakes=(
            Mistake(
                "broadcast counted",
                _broadcast_too,
                "One of these exchanges sends one whole table to everybody. Are rows parted by key there?",
            ),
            Mistake(
                "a stage for the broadcast",
                _stage_of_the_broadcast,
                "One of them is a small job that is left out here.",
            ),
            Mistake("as many stages", _stages_are_shuffles, "If you cut a ribbon once, how many pieces have you?"),
            Mistake(
                "wide steps counted",
                _one_a_wide_step,
                "An aggregation stands twice in a plan, before and after it moves rows. Which line does the moving?",
            ),
            Mistake("a stage for each line", _stage_a_step, "Steps between two shuffles run in one go, as one stage."),
        ),
        sample_inputs=lambda: {"plan": _PLAN},
    ),
    Exercise(
        id="09.3",
        title="Which join will it be?",
        reference=strategies,
        why="Size and hints decide only among the sides that the type of join allows.",
        hints=(
            "Begin with what a left outer join allows, then ask for hint and size of that side only.",
            '`np.where(... | ..., "broadcast", "sort-merge")`, with two conditions on the right side.',
        ),
        mistakes=(
            Mistake(
                "the smaller side",
                _either_side,
                "Which of the two sides can a left outer join broadcast at all?",
            ),
            Mistake(
                "a small left side", _small_left_side, "A small left table: can a left outer join broadcast that side?"
            ),
            Mistake(
                "a hint is an order",
                _hints_always_win,
                "A hint asks for what is possible. Is it possible for that side, in this type of join?",
            ),
            Mistake("hints forgotten", _hints_forgotten, "What does a hint for the right side do to a large table?"),
            Mistake("limit excluded", _limit_excluded, "What of a table that has exactly as much as the threshold?"),
        ),
        sample_inputs=lambda: {"sides": _sides()},
        ordered=True,
    ),
    Exercise(
        id="09.4",
        title="The straggler's share",
        reference=straggler,
        why="The maximum beside the median shows one slow task; a mean would be moved by it.",
        hints=(
            "Two ratios of the same largest value: to the sum, and to the median.",
            '`seconds = task_table["run_seconds"]`, then `seconds.max()` and two others.',
        ),
        mistakes=(
            Mistake(
                "mean for median", _mean_for_median, "The straggler itself pulls the mean up. Which middle is robust?"
            ),
            Mistake("by rows", _by_rows, "That says who had the most rows. The question is who ran for how long."),
            Mistake("share of the others", _of_the_others, "A share of the stage: is the straggler part of the stage?"),
            Mistake(
                "the last task", _last_started, "Is the task that stands last in the table the one that ran longest?"
            ),
        ),
        sample_inputs=lambda: {"task_table": _task_table()},
    ),
    Exercise(
        id="09.5",
        title="Copies for the salt",
        reference=salted_places,
        why="A flight may have any salt, so each place must be there once for every salt that there is.",
        hints=(
            "Whatever salt a flight of the hub has, it must find its place: how many copies does one place need?",
            "`F.sequence` makes an array from its first to its last value, the last included; `F.explode` makes rows.",
        ),
        mistakes=(
            Mistake(
                "one value too many", _one_value_too_many, "`F.sequence` includes its last value. Which salts exist?"
            ),
            Mistake("from one", _from_one, "With which number do the flights' salts begin? Those rows would be lost."),
            Mistake(
                "one salt for each place",
                _salted_like_the_flights,
                "A flight with another salt than this one looks for the place, too. Would it find it?",
            ),
            Mistake("an array", _as_an_array, "The salt is to be joined on: is it one number in each row?"),
        ),
        sample_inputs=_places,
    ),
    Exercise(
        id="09.6",
        title="Without Python",
        reference=units_by_carrier,
        why="`when` and `otherwise` become generated code; nothing leaves the JVM.",
        hints=(
            "`F.when(condition, value).otherwise(other)`; the other may be such an expression again.",
            "Both comparisons of the Python function are strict. What does a flight get that is not late?",
        ),
        mistakes=(
            Mistake(
                "missing where it pays nothing",
                _no_otherwise,
                "Without `otherwise` a flight that pays nothing is missing. What does a mean do with missing values?",
            ),
            Mistake(
                "thirty minutes", _late_edge, "What does the rule say of a flight that is exactly 30 minutes late?"
            ),
            Mistake("as far as Miami", _far_edge, "What does the rule say of a distance of exactly 1,089 miles?"),
            Mistake("the sum", _sum_of_units, "Asked for is what a flight pays on average, not what a carrier pays."),
        ),
        sample_inputs=lambda: {"few_flights": _flights()},
    ),
    Exercise(
        id="09.7",
        title="In SQL",
        reference=very_late,
        why="`where` chooses rows before they are grouped, `having` chooses groups. What stands in braces is given to "
        "`sql` by name; the view's own name does as well.",
        hints=(
            "Which clause of SQL filters groups by what was counted in them?",
            "`avg(cast(arr_delay >= 60 as int))` is a share; `having count(*) >= ...`.",
        ),
        mistakes=(
            Mistake("rows filtered first", _where_for_having, "If only late flights are left, which share is late?"),
            Mistake("more than enough", _more_than_enough, "Is a route with exactly `enough` flights asked for?"),
            Mistake("after the hour", _after_sixty, "What of a flight that is exactly 60 minutes late?"),
            Mistake("percent", _percent, "A share is asked for, between 0 and 1, not in percent."),
            Mistake("all routes", _all_routes, "A route with three flights: does it have enough of them?"),
            Mistake("counted", _counted, "That is how many they were. Which share of the route's flights is it?"),
            Mistake("by destination", _by_dest, "Three airports fly to most places. What is a route?"),
        ),
        sample_inputs=lambda: {"flights": _flights(), "enough": 8},
    ),
]
