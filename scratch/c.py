
# %% [markdown]
# ## The aircraft's previous leg
#
# A late aircraft makes the next flight late, and the table says which aircraft flew. Its previous departure out of New York, the flight there and back and two turns tell when it should be ready again. `slack` is the time from then to the
# scheduled departure. **Guess first**: which share of flights is late where the slack is *negative*?

# %%
rotation = flights.assign(scheduled=scheduled, there=flights.groupby("dest")["air_time"].transform("median"))
rotation = rotation[rotation["tailnum"].notna()].sort_values(["tailnum", "scheduled"])
previous = rotation.groupby("tailnum")[["scheduled", "there"]].shift()
away = 2 * previous["there"] + 105  # minutes: there and back, and the least that turning and taxiing take
rotation["slack"] = (rotation["scheduled"] - previous["scheduled"]).dt.total_seconds() / 60 - away

# %%
edges = [-240, -120, -60, -30, 0, 30, 60, 120, 240]
labels = [f"{low} to {high}" for low, high in zip(edges, edges[1:])]
by_slack = rotation.groupby(pd.cut(rotation["slack"], edges, labels=labels), observed=False)["late"].agg(["mean", "count"])

# %%
fig = figures.bars(by_slack.reset_index(), x="slack", y="mean", title="Where the aircraft cannot be back in time, almost every flight is late")
fig.update_yaxes(tickformat=".0%", title="share late").update_xaxes(title="minutes between ready and scheduled")
figures.describe(fig, "Bars: share of late flights by slack of the aircraft. Above half an hour 18 %, below zero up to 86 %.")

# %% [markdown]
# With an hour in hand 18 % are late, with less than half an hour 23 %, and where the aircraft could not be back, 86 %. What a column! **Would you use it?** Ask how a flight comes to stand in that bar. No airline plans an aircraft
# for a departure an hour before it can be back. The plan was *another* aircraft. That one was late or broke down, and the airline sent this one. The table holds the aircraft that **finally flew**: the column was written down after the trouble and tells of it.
#
# Nothing in the table says when `tailnum` was written. So *Move the future* does not find it: we would have to know that it belongs to the future. What finds it is the question: how can this combination come about?
#
# ### Exercise 03.5
# How much would it fake? From `rotation`, among the flights that landed and have a `slack`: which share of *all late flights* has a slack below 0? And which share of all *punctual* ones? Answer with a dict `{"late": ..., "punctual": ...}`.

# %%
impossible = ...
check("03.5", impossible, rotation=rotation)

# %% [markdown]
# ## The missing tail number
#
# Suppose we ask another question: will the flight be *cancelled*? 2,512 flights have no tail number. Missing values are to be filled in, says the checklist. Look first:

# %%
cancelled = flights["dep_time"].isna()
pd.crosstab(flights["tailnum"].isna().map({True: "no tail number", False: "tail number"}), cancelled.map({True: "cancelled", False: "flown"}))

# %% [markdown]
# Every single one was cancelled. No aircraft was ever assigned, or its number was never written down, because the flight did not take place. Whoever fills the gap with "unknown" hands the model a category that *is* the answer. A missing value is a value; ask why it is missing before you fill it. And ask *who* leaves it out:

# %%
by_carrier = flights[cancelled].groupby("carrier")["tailnum"].agg(cancelled="size", without=lambda tails: tails.isna().sum())
by_carrier.query("without > 0").T

# %% [markdown]
# Three carriers always, four sometimes, nine never. A model would learn that a known tail number saves a flight of Endeavor (9E), and fail for all that write it down in time.
