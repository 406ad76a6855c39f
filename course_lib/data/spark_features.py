"""The feature table on Spark: SQL written from the definitions in `course_lib.data.features`.

A look back is a window. What happened and what is asked stand in one table, a row for each minute (or day) of a group,
and ``range between 90 preceding and 1 preceding`` adds up what was before. The sums are whole numbers, so that they are
those of pandas to the last digit, whatever the number of tasks that have added them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from course_lib.data import features as defined
from course_lib.data.features import COUNTS, EVENTS, LOOKS, PER_DAY, Look, needed_sums

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

_DAY = f"({{moment}} - {defined.WINTER_TIME_MINUTES}) div 1440"
_CLOCK = f"""
select *,
    if(arr_delay is null, null, left_at + cast(air_time as bigint) + {defined.OUTCOME_MINUTES}) as known_at,
    scheduled_at + least(greatest(coalesce(dep_delay, 9999), 0), {defined.OVERDUE_MINUTES}) as given_up_at,
    scheduled_at + least(greatest(coalesce(dep_delay, 9999), 0), {defined.OVERDUE_LONG_MINUTES}) as given_up_long_at,
    1 as one, -1 as minus_one,
    if(dep_delay >= {defined.DELAYED_MINUTES}, 1, 0) as is_delayed,
    if(arr_delay >= {defined.LATE_MINUTES}, 1, 0) as is_late,
    dep_delay - arr_delay as made_up,
    hour * 60 + minute as clock,
    scheduled_at - {defined.DECISION_MINUTES} as decided_at,
    {_DAY.format(moment=f"scheduled_at - {defined.DECISION_MINUTES}")} as decided_day,
    (scheduled_at - {defined.DECISION_MINUTES}) div 60 as decided_hour
from (
    select network, carrier, flight, origin, dest, distance, hour, minute, sched_dep_time, sched_arr_time,
        cast(dep_delay as bigint) as dep_delay, cast(arr_delay as bigint) as arr_delay, air_time,
        make_date(year, month, day) as day,
        time_hour + make_dt_interval(0, 0, minute) as scheduled,
        unix_seconds(time_hour) div 60 + minute as scheduled_at,
        unix_seconds(time_hour) div 60 + minute + cast(dep_delay as bigint) as left_at
    from {{flights}})
"""


def features_on_spark(
    spark: SparkSession, flights: SparkFrame, weather: pd.DataFrame, airports: pd.DataFrame
) -> SparkFrame:
    """Plan the table of `course_lib.data.features.features` on Spark; whoever needs it runs it.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Classic or Spark Connect.
    flights : pyspark.sql.DataFrame, one row per scheduled flight
        The raw table "flights", or `networks_at_scale`: flights of one `network` do not see those of another.
    weather, airports : pandas.DataFrame
        The raw tables, which are small and travel to every task.

    Returns
    -------
    pyspark.sql.DataFrame, one row per flight
        The columns of "features", and `network` (0 where the flights have none), in no order.
    """
    from pyspark.sql import functions as F

    if "network" not in flights.columns:
        flights = flights.withColumn("network", F.lit(0))
    clock = spark.sql(_CLOCK, flights=flights)
    table = clock
    for by, unit in _groups():
        looked = spark.sql(look_back_sql(by, unit), clock=clock)
        table = table.withColumn("moment", F.col(f"decided_{'day' if unit == 'day' else 'at'}"))
        table = table.join(looked, ["network", *by, "moment"], "left").drop("moment")
    days = clock.select("dest", "day").distinct().toPandas()
    days["day"] = pd.to_datetime(days["day"])
    places = defined.places(days, airports)
    places["day"] = places["day"].dt.date
    for small, keys in [(places, ["dest", "day"]), (defined.observed(weather), ["origin", "decided_hour"])]:
        table = table.join(F.broadcast(spark.createDataFrame(small)), keys, "left")
    columns = {name: _in_one_sql(look) for name, look in LOOKS.items()}
    for name, count in COUNTS.items():
        columns[name] = (
            f"count(*) over (partition by {', '.join(['network', *count.by])} order by scheduled_at "
            f"range between {count.before} preceding and {count.after - 1} following)"
        )
    for name, by in PER_DAY.items():
        columns[name] = f"count(*) over (partition by {', '.join(['network', *by])}, day)"
    took = " - ".join(f"({clock} div 100 * 60 + {clock} % 100)" for clock in ("sched_arr_time", "sched_dep_time"))
    columns["planned_minutes"] = f"pmod({took} - clock_ahead, 1440)"
    names = ["network", *defined.TIMETABLE, *columns, *defined.JOINED]
    return table.selectExpr(*[f"{columns[name]} as {name}" if name in columns else name for name in names])


def look_back_sql(by: tuple[str, ...], unit: str) -> str:
    """Write the query that answers all looks over one group, in one unit of time.

    Parameters
    ----------
    by : tuple of str
        Columns of the group.
    unit : {"minute", "day"}
        What the windows are counted in.

    Returns
    -------
    str
        A query over ``{clock}``: `network`, the columns of `by`, `moment` and a column for each sum.
    """
    sums = _groups()[by, unit]
    values = list(dict.fromkeys(value for value, _ in sums))
    events = [(at, adds) for at, adds in EVENTS.values() if any(value in adds for value in values)]
    structs = []
    for at, adds in events:
        moment = _DAY.format(moment=at) if unit == "day" else at
        structs.append([f"{moment} as moment", *[f"{adds.get(value, 0)} as {value}" for value in values], "0 as asked"])
    asked_at = f"decided_{'day' if unit == 'day' else 'at'}"
    structs.append([f"{asked_at} as moment", *[f"0 as {value}" for value in values], "1 as asked"])
    keys = ", ".join(["network", *by])
    windows = [
        f"sum({value}) over (partition by {keys} order by moment range between "
        f"{'unbounded' if back is None else back} preceding and 1 preceding) as {_name(value, by, back, unit)}"
        for value, back in sums
    ]
    lines = [
        "select * except (asked) from (",
        f"  select {keys}, moment, asked,",
        *[f"    {window}," for window in windows[:-1]],
        f"    {windows[-1]}",
        "  from (",
        f"    select {keys}, moment, max(asked) as asked, {', '.join(f'sum({value}) as {value}' for value in values)}",
        f"    from (select {keys}, inline(array(",
        ",\n".join(f"      struct({', '.join(struct)})" for struct in structs),
        "    )) from {clock})",
        f"    where moment is not null group by {keys}, moment))",
        "where asked = 1",
    ]
    return "\n".join(lines)


def _groups() -> dict[tuple[tuple[str, ...], str], list[tuple[str, int | None]]]:
    """Sort the sums that the looks need by group and unit, each sum once."""
    groups: dict = {}
    for look in LOOKS.values():
        for value, by in needed_sums(look):
            sums = groups.setdefault((by, look.unit), [])
            if (value, look.back) not in sums:
                sums.append((value, look.back))
    return groups


def _name(value: str, by: tuple[str, ...], back: int | None, unit: str) -> str:
    return "_".join([value, *(by or ["all"]), "ever" if back is None else f"{back}_{unit}s"])


def _in_one_sql(look: Look) -> str:
    sums = [_name(value, by, look.back, look.unit) for value, by in needed_sums(look)]
    if look.per is None:
        return f"coalesce({sums[0]}, 0)"
    if not look.shrunk:
        return f"{sums[0]} / nullif({sums[1]}, 0)"
    prior = f"{defined.PRIOR_FLIGHTS} * ({sums[2]} / nullif({sums[3]}, 0))"
    return f"(coalesce({sums[0]}, 0) + {prior}) / (coalesce({sums[1]}, 0) + {defined.PRIOR_FLIGHTS})"
