# %% [markdown]
# # Features without the future
#
# *Three hours before each departure out of New York: does this flight get a spare crew?*
#
# Lesson 00 came far with three columns. This one makes some fifty. Most of the work is not in computing them; it is in being sure that
# each could have been known at the decision. Columns that could not are the most common reason why a model shines in a notebook and fails in
# use, and they never look wrong.
#
# **You will be able to**
# - join tables without losing or doubling rows, and tell by the *meaning* of a join, not by its match rate, whether it is right;
# - write a column so that it sees what was known at the decision and nothing else, and **test** that by moving the future;
# - find a column that works too well, and say why;
# - encode a category with thirty thousand levels without letting the answer in;
# - compute the same columns with pandas and with Spark from one definition, and prove them equal.
#
# **Time**: 120 minutes with the eight exercises, 3 minutes to run. **Needed before**: lesson 00; lessons 01 and 02 help.

# %% tags=["parameters"]
late_minutes: int = 30  # minutes behind schedule from which an arrival counts as late
crew_cost: float = 1.0  # cost of placing a spare crew, in units of money
late_cost: float = 6.0  # cost of a late flight without a spare crew, in units of money
days_on_spark: int = 60  # first days of the year whose columns Spark computes, too
networks: int = 2  # networks like New York's, each with those days, in the part on scale
seed: int = 0  # seed of everything random

# %%
import numpy as np
import pandas as pd

from course_lib import check, check_parameters, evaluate, features, figures, hint, load, measure, record, solution

check_parameters(
    late_minutes=(1, 120),
    crew_cost=(0.001, None),
    late_cost=(0.001, None),
    days_on_spark=(15, 365),
    networks=(1, None),
    seed=(0, None),
)
figures.use_course_style()

# %% [markdown]
# ## A join that loses, a join that multiplies
#
# Five tables belong together: a flight has an aircraft (`tailnum`), a destination, a carrier and an hour of weather. What kind of aircraft fly? pandas joins two tables with one word, on all columns
# whose names they share. **Guess first**: of 336,776 flights, how many find their aircraft?

# %%
flights, weather, airports, planes = (load(name) for name in ("flights", "weather", "airports", "planes"))
landed = flights["arr_delay"].notna()
flights["late"] = (flights["arr_delay"] >= late_minutes).astype(float).where(landed)  # no answer where none landed

# %%
len(flights.merge(planes))

# %% [markdown]
# One in seventy. `flights` and `planes` share *two* names: `tailnum`, and `year`, which is the year of the flight in one and the year in which the aircraft was built in the other. We were left with the
# flights of new aircraft. Nothing complained, and a model would have trained on them. So say the key:

# %%
with_plane = flights.merge(planes, on="tailnum", how="left", suffixes=("", "_built"), indicator="found", validate="many_to_one")
lost = with_plane["found"].eq("left_only")
by_carrier = lost.groupby(with_plane["carrier"]).mean().sort_values(ascending=False)
print(f"{lost.sum():,} flights have no aircraft in the register")
by_carrier.head(4).round(3).to_frame("without aircraft").T

# %% [markdown]
# With `how="inner"` these 52,606 flights would be gone, and not at random: nearly all of Envoy Air (MQ) and two thirds of American (AA), two carriers that register their aircraft in another way. So keep the rows (`how="left"`), and count
# who found nothing. That is the habit for the "one" side of a join. `validate` is the habit for the "many" side: it raises where the right table has two rows for a key.
#
# A delay app, say, saves its notes by date, carrier and flight number. Surely that is one flight?

# %%
key = ["year", "month", "day", "carrier", "flight"]
notes = flights[key].assign(note="…")
len(flights.merge(notes, on=key)) - len(flights)

# %% [markdown]
# 48 rows more than there are flights. Some flight numbers leave twice a day, from two airports: each of the two found both notes. Forty-eight of 336,776 are not seen in any average; they are seen by the passenger whose flight is
# counted twice. `validate="one_to_one"` would have stopped us.
#
# ### Exercise 03.1
# Which columns are a key? For each entry of `candidates`, how many rows are **surplus**, that is, how many would have to go so that no two rows share the key? Use `flights.duplicated(columns)`. Answer with a
# Series: index the names in `candidates`, values whole numbers.

# %%
candidates = {
    "date, carrier, flight": ["year", "month", "day", "carrier", "flight"],
    "date, carrier, flight, origin": ["year", "month", "day", "carrier", "flight", "origin"],
    "hour, carrier, flight": ["time_hour", "carrier", "flight"],
    "date, aircraft, hour and minute": ["year", "month", "day", "tailnum", "sched_dep_time"],
}
surplus = ...
check("03.1", surplus, flights=flights, candidates=candidates)

# %% [markdown]
# ## A join that matches and is wrong
#
# Rain delays flights. `weather` has a row for each airport and hour: `year`, `month`, `day` and `hour` say when. `flights` says in `time_hour` at which hour a flight is to leave. We put both on one clock and join:

# %%
hour_of = pd.to_datetime(weather[["year", "month", "day", "hour"]])
rain = weather.assign(hour_start=hour_of).drop_duplicates(["origin", "hour_start"])
planned = flights.assign(hour_start=flights["time_hour"].dt.tz_localize(None))
joined = planned.merge(rain[["origin", "hour_start", "precip"]], on=["origin", "hour_start"], how="left", validate="many_to_one")
wet = np.where(joined["precip"].isna(), "unknown", np.where(joined["precip"] > 0, "rain", "dry"))
joined["late"].groupby(wet).agg(["mean", "size"]).round(3)

# %% [markdown]
# 99 in 100 found their hour, no row doubled, and flights in the rain are late about twice as often. It all makes sense. **Would you have stopped here?** One row:

# %%
joined.loc[[0], ["origin", "sched_dep_time", "time_hour", "hour_start"]]

# %% [markdown]
# This flight leaves at 5:15 in the morning and got the weather of ten o'clock. `time_hour` is in **UTC**, the columns of `weather` are New York's clock, and `tz_localize(None)` threw away the one mark that told
# them apart. On a table with a row for every hour, a wrong hour matches as well as the right one: a match rate says nothing. Both tables have `time_hour`, so the right join is the shorter one:

# %%
right = flights.merge(weather[["origin", "time_hour", "precip"]], on=["origin", "time_hour"], how="left", validate="many_to_one")
wet_now = np.where(right["precip"].isna(), "unknown", np.where(right["precip"] > 0, "rain", "dry"))
right["late"].groupby(wet_now).agg(["mean", "size"]).round(3)

# %% [markdown]
# In the rain XX % are late and in the dry XX %. The wrong join kept half of that difference, which is why it looked right. Keep the time zone on a timestamp until the end, and test a join by what it should *mean*.
#
# ### Exercise 03.2
# How fast does the signal fade with a wrong hour? For each `shift` of 0 to 12 hours, join `flights` with the weather of `shift` hours **later** than the scheduled hour (`weather.assign(time_hour=weather["time_hour"] - pd.Timedelta(hours=shift))`),
# and compute the **lift**: the share of `late` flights in the rain (`precip > 0`), divided by that in the dry (`precip == 0`). Answer with a Series: index `shift`, values the lift.

# %%
lift_by_shift = ...
check("03.2", lift_by_shift, flights=flights, weather=weather)

# %% [markdown]
# ## What was known
#
# The right join has the weather of the hour in which the flight leaves. Three hours earlier nobody has it. What we may use is the last observation that was complete at the decision:

# %%
scheduled = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
decided_at = scheduled - pd.Timedelta(hours=3)
last_full_hour = decided_at.dt.floor("h") - pd.Timedelta(hours=1)
known = flights.assign(time_hour=last_full_hour).merge(weather[["origin", "time_hour", "precip"]], on=["origin", "time_hour"], how="left", validate="many_to_one")
wet_then = np.where(known["precip"].isna(), "unknown", np.where(known["precip"] > 0, "rain", "dry"))
known["late"].groupby(wet_then).agg(["mean", "size"]).round(3)

# %% [markdown]
# An observation of 19:00 covers the hour until 20:00, so at 20:10 it is the newest one. (Where tables are not as regular as this one, `pd.merge_asof` finds the last row before an instant.) XX against XX %: weaker than the weather at departure, and all that a
# decision can have. Every column has such a time from which it is known, and it is rarely the time in its name:
#
# | fact | known from |
# |---|---|
# | the timetable | months before |
# | a flight has not left yet | at once: everybody can see it |
# | it left 20 minutes late | when it leaves |
# | it *arrived* late | when it lands far away, and somebody has written it down |
# | which aircraft flies | the table has the one that finally flew |
#
# ### Exercise 03.3
# From which instant on is it known how late a flight arrived? We say: when it has left, has flown for `air_time` minutes, and 40 minutes more for taxiing and the books. Compute that for all of `flights` from `scheduled`, `dep_delay` and `air_time` (`pd.to_timedelta(..., unit="min")`).
# Answer with a Series of timestamps in the rows of `flights`, in UTC; missing where the flight never landed.

# %%
known_from = ...
check("03.3", known_from, flights=flights, scheduled=scheduled)
