
# %% [markdown]
# ## Looking back
#
# What does somebody at the airport know that the timetable does not? How late flights leave just now, here and at the other two airports; which have not left at all; how the carrier fares today; how this very flight fared last week. All
# of these are one pattern: **look back from the decision, add up what happened in a window, for flights that are alike in something.** `airport_delay` of lesson 00 is the first of them: departures, 90 minutes, same origin. The slow
# way, for one flight:

# %%
left_at = scheduled + pd.to_timedelta(flights["dep_delay"], unit="min")
row = 99_999
just_left = left_at.between(decided_at[row] - pd.Timedelta(minutes=90), decided_at[row], inclusive="left")
here = flights["origin"] == flights.loc[row, "origin"]
flights.loc[just_left & here, "dep_delay"].agg(["mean", "size"])

# %% [markdown]
# That reads the whole table for one flight; for all flights it would read it 336,776 times. Instead sort the departures once and keep **running sums**: how many minutes of delay had been seen up to each moment. What happened in a window is then
# the running sum at its end minus the one at its start, found by binary search, for all decisions at once:

# %%
departed = flights[here & left_at.notna()].assign(left_at=left_at).sort_values("left_at")
moments = departed["left_at"].to_numpy("datetime64[ns]")  # UTC
sums = np.concatenate([[0], departed["dep_delay"].cumsum()])


def looked_back(decisions, minutes):
    """Mean delay of the departures in the minutes before each decision; NaN where there was none."""
    start = np.searchsorted(moments, decisions - np.timedelta64(minutes, "m"), side="left")
    end = np.searchsorted(moments, decisions, side="left")
    count = end - start
    return np.where(count > 0, (sums[end] - sums[start]) / np.maximum(count, 1), np.nan)


# %%
of_all = looked_back(decided_at[here].to_numpy("datetime64[ns]"), 90)
of_all[flights.index[here].get_loc(row)]

# %% [markdown]
# The same number, for every flight of the airport at once. `side="left"` at both ends is a decision: a flight that leaves in the very minute of ours does not count yet.
#
# The sums are of whole minutes, so they are exact, whatever the order in which they are added. That will matter below, when many processes add.
#
# So a column of this kind is *one line*: what is added up, divided by what, for whom, how far back. `features.LOOKS` holds ours:

# %%
looks = pd.DataFrame(vars(look) for look in features.LOOKS.values()).set_axis(list(features.LOOKS))
looks["by"] = looks["by"].map(", ".join)
looks.groupby("unit").head(4).fillna("")

# %% [markdown]
# `airport_delay` adds up `dep_delay` per departure, by origin, 90 minutes back. The record of a flight number looks back days, and over whole days, so that half a day of outcomes does not stand beside full ones.
# `shrunk` is the smoothing of lesson 00: a flight with three earlier outcomes says little about itself. All of them in one call, and with them what the timetable says (how many flights are planned in the hours around),
# the calendar, and the weather until the decision:

# %%
with measure.block("pandas", rows=len(flights)) as on_pandas:
    table = features.features(flights, weather, airports)
print(f"{len(features.names())} columns of {len(table):,} flights in {on_pandas.cpu_seconds:.0f} s of CPU")

# %% [markdown]
# ## Move the future
#
# Is there any future in it? We could read the code again, and would see what we meant to write. Better to *try*: take a decision, change everything that became known after it, compute the table once more, and see whether anything moves that
# must not. It is the one test that finds every leak of this kind, also in columns that somebody else wrote.

# %%
week = flights[(flights["month"] == 7) & flights["day"].between(5, 11)].reset_index(drop=True)
now = pd.Timestamp("2013-07-09 20:00", tz="UTC")
leaves = week["time_hour"] + pd.to_timedelta(week["minute"] + week["dep_delay"], unit="min")
lands = leaves + pd.to_timedelta(week["air_time"] + 40, unit="min")

# %%
rng = np.random.default_rng(seed)
other, waits, flies = week.copy(), ~(leaves < now), lands >= now
behind = (now - week["time_hour"]).dt.total_seconds() // 60 - week["minute"]
other.loc[waits, "dep_delay"] = behind.clip(lower=0)[waits] + rng.integers(0, 300, waits.sum())
other.loc[flies, "arr_delay"] = rng.integers(-60, 600, flies.sum())
other.loc[flies, "air_time"] += rng.integers(0, 300, flies.sum())

# %%
before, after = (features.features(one, weather, airports) for one in (week, other))
decided = before["scheduled"] - pd.Timedelta(hours=3) <= now
moved = [name for name in features.names() if not before.loc[decided, name].equals(after.loc[decided, name])]
print(f"{decided.sum():,} decisions before {now:%d %B, %H:%M} UTC, {(~decided).sum():,} after; columns that moved: {moved}")

# %% [markdown]
# None moved. Does the test *see* anything, though? A test that cannot fail proves nothing. So here are two columns as they are often written. Both give, for a flight's carrier, the mean arrival delay of its last
# flights. `by_schedule` takes those that were *planned* in the six hours before the decision, `by_departure` those that *left* in them.

# %%
def recent_arrivals(flights, moment):
    """Mean arrival delay of the carrier's flights in the six hours before each decision, by whatever moment is given."""
    scheduled = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    at = scheduled if moment == "schedule" else scheduled + pd.to_timedelta(flights["dep_delay"], unit="min")
    means = pd.Series(np.nan, index=flights.index)
    for _, rows in flights.groupby("carrier").groups.items():
        past = flights.loc[rows].assign(at=at[rows]).dropna(subset=["at", "arr_delay"]).sort_values("at")
        total, moments = np.concatenate([[0], past["arr_delay"].cumsum()]), past["at"].to_numpy("datetime64[ns]")
        end = np.searchsorted(moments, (scheduled[rows] - pd.Timedelta(hours=3)).to_numpy("datetime64[ns]"))
        start = np.searchsorted(moments, (scheduled[rows] - pd.Timedelta(hours=9)).to_numpy("datetime64[ns]"))
        means[rows] = np.where(end > start, (total[end] - total[start]) / np.maximum(end - start, 1), np.nan)
    return means


# %%
scheduled_of_week = week["time_hour"] + pd.to_timedelta(week["minute"], unit="min")
decided_of_week = scheduled_of_week - pd.Timedelta(hours=3) <= now
columns_before = pd.DataFrame({f"by_{moment}": recent_arrivals(week, moment) for moment in ("schedule", "departure")})
columns_after = pd.DataFrame({f"by_{moment}": recent_arrivals(other, moment) for moment in ("schedule", "departure")})
(~np.isclose(columns_before, columns_after, equal_nan=True))[decided_of_week].mean(axis=0)

# %% [markdown]
# Both moved. A flight that left an hour ago is still in the air, and its arrival is not known.
