# %% [markdown]
# ## Is it still right? Monitoring
#
# The model decides, every day, about nine hundred flights. It was fitted on January to August. Who tells you when it goes wrong: a storm of complaints, or a number? On this part of the page you build a monitor, promise how often it will ring for nothing, see whether it keeps the promise, break things on purpose, and find out what an alarm is worth.
#
# Monitors fail in two ways. They miss a fault, or they ring so often that somebody turns them off. The second is far more common, and nobody measures it. So we start with the promise: **all checks together may ring for nothing on five days in a hundred.**

# %% tags=["parameters"]
late_minutes: int = 30  # minutes behind schedule from which an arrival counts as late
crew_cost: float = 1.0  # cost of placing a spare crew, in units of money
late_cost: float = 6.0  # cost of a late flight without a spare crew, in units of money
learned_rows: int = 30_000  # flights that each model learns from, at most
promised: float = 5.0  # days in a hundred on which the monitor may ring for nothing
faults_each: int = 6  # how many times each kind of fault is planted
seed: int = 0  # seed of everything random

# %%
import numpy as np
import pandas as pd

from course_lib import check, check_parameters, evaluate, features, figures, load, monitoring, record

check_parameters(
    late_minutes=(1, 120),
    crew_cost=(0.001, None),
    late_cost=(0.001, None),
    learned_rows=(1_000, None),
    promised=(1, 50),
    faults_each=(1, 40),
    seed=(0, None),
)
figures.use_course_style()

# %%
names = features.names()
words = ["carrier", "origin", "dest"]
numbers = [name for name in names if name not in words]

clocked = features.with_clock(load("flights")).sort_values(features.IN_ORDER, ignore_index=True)  # as in "features"
flights = load("features").join(clocked[["scheduled_at", "known_at"]])
flights = flights.loc[flights["split"] != "warm-up", [*names, "day", "fate", "arr_delay", "scheduled_at", "known_at"]]
flights = flights.reset_index(drop=True)
flights["late"] = (flights["arr_delay"] >= late_minutes).astype(float)
flights = flights.astype(dict.fromkeys(numbers, "float32") | dict.fromkeys(words, "category"))

# %% [markdown]
# ### What is known at midnight
#
# To see whether the model is right you need **labels**, and they come late: a flight's delay is in the books 40 minutes after its landing. At midnight you look back on the day. **Guess first**: of the flights scheduled for that day, which share is known, and are these as often late as the others?

# %%
in_minutes = pd.Timedelta(minutes=1)


def midnight_after(day):
    """End of a day by New York's winter clock, in minutes since 1970 (UTC)."""
    return (day + pd.Timedelta(days=1) - pd.Timestamp(0)) // in_minutes + features.WINTER_TIME_MINUTES


landed = flights[flights["fate"] == "landed"]
evening = landed["clock"] >= 20 * 60
known_at_midnight = landed["known_at"] <= midnight_after(landed["day"])
early = landed[evening & known_at_midnight]
early_bias = early["late"].mean() / landed.loc[evening, "late"].mean()
print(f"late among the evening's flights known at midnight: {early_bias:.2f} times the late share of all")
landed.groupby([evening.rename("after 20:00"), known_at_midnight.rename("known at midnight")])["late"].agg(
    flights="size", late="mean"
).round(3)

# %% [markdown]
# What lands on time is known first, so the labels that are there at midnight are the good news. A monitor that judges them finds the model too pessimistic every single night. The repair is patience: judge only flights that are old enough for nearly all labels to be in. We leave a flight alone for twelve hours after its schedule.

#
# ### Exercise 11.m1
# At `now` (minutes since 1970) you judge the flights in `labels` (columns `scheduled_at`, `known_at`, `late`): those scheduled at least `settled_minutes` before `now` whose label is known by `now`. Answer with a dictionary of `late` (their late share, 0 to 1) and `flights` (how many they are).

# %%
one_evening = pd.Timestamp("2013-07-10")
labels = landed.loc[landed["day"].between("2013-07-04", one_evening), ["scheduled_at", "known_at", "late"]]
now, settled_minutes = midnight_after(one_evening), 6 * 60
settled = ...
check("11.m1", settled, labels=labels, now=now, settled_minutes=settled_minutes)

# %% [markdown]
# ### Models as they would have been
#
# A monitor has to be set on days that the model has not learned from. So we stand at the first of each month from April, fit on all flights whose delay is known by then, and let the model decide until the month's end. From September on one model stays: it is the one in service that we watch.

# %%
from itertools import pairwise

from xgboost import XGBClassifier


def fit(before):
    """Lesson 05's model, on flights whose delay is in the books when the day `before` begins."""
    in_books = landed["known_at"] <= midnight_after(before - pd.Timedelta(days=1))
    return fit_on(np.flatnonzero((landed["day"] < before) & in_books))


def fit_on(places):
    """Lesson 05's setting, on a sample of some rows of `landed`."""
    drawn = np.random.default_rng(seed).choice(places, min(learned_rows, len(places)), replace=False)
    shape = {"max_depth": 4, "min_child_weight": 50, "colsample_bytree": 0.4, "n_estimators": 80}
    model = XGBClassifier(**shape, learning_rate=0.1, random_state=seed, enable_categorical=True, n_jobs=1)
    return model.fit(landed[names].iloc[drawn], landed["late"].iloc[drawn])


def rate(model, rows):
    """Probability of each row to be late."""
    return model.predict_proba(rows[names])[:, 1]


# %%
months = pd.date_range("2013-04-01", "2014-01-01", freq="MS")
fitted = {month: fit(month) for month in months[:-1]}
service = pd.Timestamp("2013-09-01")  # since then one model decides
watched = flights[flights["day"] >= months[0]].copy()
watched["probability"] = np.nan
for month, end in pairwise(months):
    rows = watched["day"].between(month, end, inclusive="left")
    watched.loc[rows, "probability"] = rate(fitted[min(month, service)], watched[rows])

# %% [markdown]
# ### How far has a column moved?
#
# The usual measure is the **population stability index** (PSI): cut a column into ten bins of equally many rows, and compare the shares of a day with the shares before. A rule of thumb says: above .25, act. Our days are compared with the 28 days before them. **Guess first**: on which share of the days is at least one of the 52 columns above .25?

# %%
before_service = watched["day"] < service
bins = monitoring.lay_bins(flights.loc[flights["day"] < service, names])  # what the model in service has learned from
bins.edges.update(monitoring.lay_bins(watched.loc[before_service, ["probability"]]).edges)
recent = flights.loc[flights["day"].between("2013-03-01", "2013-03-31")]
recent = pd.concat([recent.assign(probability=rate(fitted[months[0]], recent)), watched], ignore_index=True)
counted = monitoring.count(bins, recent, recent["day"])
means = recent.groupby("day")[[*numbers, "probability"]].mean().astype(float)
psi = monitoring.moved(counted.loc[months[0] :], counted)

# %%
rule_of_thumb = psi.gt(0.25)
print(f"at least one column above .25 on {rule_of_thumb.any(axis=1).mean():.0%} of the days,")
print(f"and on half of the days at least {rule_of_thumb.sum(axis=1).median():.0f} of {psi.shape[1]} columns")

# %% [markdown]
# ### Exercise 11.m2
# Compute the index by hand: for `distance` on 11 September, from the counts in its bins on the 28 days before (`rows_before`) and on the day (`rows_today`). Take shares, none below `least_share`, with natural logarithms. Answer with one number.

# %%
rows_before = counted.loc["2013-08-14":"2013-09-10", "distance"].sum().to_numpy()
rows_today, least_share = counted.loc["2013-09-11", "distance"].to_numpy(), 0.001
index_by_hand = ...
check("11.m2", index_by_hand, rows_before=rows_before, rows_today=rows_today, least_share=least_share)

# %% [markdown]
# Every day. A day has one weather, and one weather fills one bin. The rule of thumb was made for large samples of people who do not share a sky. A limit has to come from how high a check gets **when nothing is wrong**.
#
# ### All the checks
#
# PSI does not see *how far* something moved, so each number's mean is compared as well. Then: which share of the day's rows holds one and the same value (a column that is **stuck**); whether a model can tell the day's timetable from the past (a **classifier test**: it sees what no single column shows); how old the newest departure is that a decision knew of; and, once labels are in, two checks over a week: are as many flights late as the probabilities say (**calibration**), and did the decisions cost more than they promised (**money**).

# %%
minute = {name: look for name, look in features.LOOKS.items() if look.unit == "minute"}
moving = [*minute, *(name for name in features.JOINED if not name.startswith("dest_"))]
of_timetable = ["carrier", "origin", "distance", "clock", "planned_minutes", "dest_lat", "dest_lon", "planned_carrier"]
past_timetable = flights.loc[flights["day"] < months[0], of_timetable].sample(5_000, random_state=seed)
on_terms = {"window_minutes": 7 * 24 * 60, "settled_minutes": 12 * 60, "crew_cost": crew_cost, "late_cost": late_cost}


def judge(rows, history, news_late=0):
    """Make all checks for the days of some rows; history holds these days and the week before, with probabilities."""
    days = rows["day"]
    daily = rows.groupby("day")[means.columns].mean().astype(float)
    parts = [
        monitoring.moved(monitoring.count(bins, rows, days), counted).add_prefix("PSI "),
        monitoring.shifted(daily, means).add_prefix("mean "),
        monitoring.stuck(rows[moving], days).add_prefix("stuck "),
        monitoring.told_apart(past_timetable, rows[of_timetable], days, seed=seed),
    ]
    age = news_late + monitoring.age_of_news(clocked["left_at"], rows["scheduled_at"] - 180 - news_late)
    parts.append(pd.Series(age).groupby(days.to_numpy()).median().rename("age of news"))
    history = history[history["fate"] == "landed"]
    known = monitoring.outcomes(history, midnight_after(parts[0].index), **on_terms)
    return pd.concat(parts, axis=1).join(known[["calibration", "money"]].set_axis(parts[0].index))


checks = judge(watched, watched)
print(f"{checks.shape[1]} checks on {len(checks)} days")

# %% [markdown]
# ### One promise for all of them
#
# Suppose each check got a limit of its own, the height that it passes on one quiet day in twenty. **Guess first**: on which share of days does at least one ring?

# %%
quiet = checks[checks.index < service]
separate = (quiet > quiet.quantile(0.95)).any(axis=1).mean()
limits = monitoring.set_limits(quiet, promised, seed=seed)
print(f"separate limits: at least one of {quiet.shape[1]} checks rings on {separate:.0%} of the days")

# %% tags=["hide-input"]
assert rule_of_thumb.any(axis=1).mean() > 0.99, "By the rule of thumb practically every day rings."
assert early_bias < 0.8, "Labels known at midnight should look much more punctual than all labels."
assert separate > 0.5, "With a limit for each check, most days should ring."

# %% [markdown]
# A promise holds for the checks *together* or it is none. `set_limits` measures each check on its own scale (0: its median on quiet days, 1: the highest quiet day), takes the highest of all checks as the one number of a day, and sets one **dial** on it. How high? Quiet weeks are drawn with replacement, the scales are learned from the weeks that were drawn, and the dial is what the weeks *not* drawn exceed on five days in a hundred. To set it on the very days that made the scales would promise too much: none of them is above 1.
#
# April to August set the limits. September and October were not used: they check the promise.


# %%
def in_autumn(checks, limits):
    """Days of September and October that ring, and their number in 100 days with its interval over weeks."""
    rung = limits.rung(checks)[service : pd.Timestamp("2013-10-31")]
    return rung, evaluate.ratio(100.0 * rung, np.ones(len(rung)), rung.index)


first_rung, first_rate = in_autumn(checks, limits)
print(f"promised {promised:g} in 100 days; September and October: {first_rung.sum()} of {len(first_rung)} days")
limits.over(checks)[service : pd.Timestamp("2013-10-31")][first_rung].idxmax(axis=1).value_counts().head(3)

# %% [markdown]
# The promise is **broken**, and by one check: `carrier_hour_late_28d`, a carrier's record over the last 28 days. Think about what it is compared with: its own values over the 28 days before. A record over four weeks is late by weeks itself, and moves with the season (autumn is far more punctual than summer). Its "quiet days" were days of one season. Such a column belongs in no comparison of days. What it would tell, the calibration tells sooner. All six records of past *days* (twelve checks) leave the monitor; the columns that look back over minutes stay.
#
# Be honest about the price: we saw September and October before we repaired, so they no longer check quite innocently.

# %%
records = [name for name, look in features.LOOKS.items() if look.unit == "day"]
checks = checks.drop(columns=[f"{kind} {name}" for kind in ("PSI", "mean") for name in records])
limits = monitoring.set_limits(checks[checks.index < service], promised, seed=seed)
over = limits.over(checks)
rung = over.gt(1).any(axis=1)
autumn, interval = in_autumn(checks, limits)
false_alarms = interval["value"]
print(f"dial {limits.dial:.2f}; September and October: {autumn.sum()} of {len(autumn)} days")
print(f"= {false_alarms:.1f} [{max(0, interval['low']):.1f}, {interval['high']:.1f}] in 100 days")

# %% [markdown]
# Now the promise is not refuted: 2 of 61 days (3 with seed 2). Read the interval, and do not claim more than that: sixty days with a handful of alarms say little about a rate. That is the price of a promise about rare things.
#
# ### Exercise 11.m3
# `in_limits` says for each day (row) and check (column) how far the check has come to its limit; above 1 it rings. On how many days in 100 does the monitor ring? Answer with one number.

# %%
in_limits = over.loc["2013-09":"2013-10"]
rings_in_100_days = ...
check("11.m3", rings_in_100_days, in_limits=in_limits)

# %% [markdown]
# ### November and December: does it ring?

# %%
winter = rung[rung.index >= "2013-11-01"]
by_month = rung.groupby(rung.index.strftime("%m")).agg(days="size", rang="sum")
loudest = over[rung & (rung.index >= "2013-11-01")].idxmax(axis=1).value_counts()
print(f"November and December: {winter.sum()} of {len(winter)} days")
loudest.head(6)

# %%
figures.describe(
    monitoring.draw(over.loc["2013-10-01":], 14),
    "A grid of days and checks from October to December; most cells beyond the limit lie around the holidays.",
)

# %%
judged_labels = landed.join(watched["probability"], how="inner").set_index("day", drop=False)
periods = {"September, October": slice("2013-09", "2013-10"), "November, December": slice("2013-11", "2013-12")}
told = {}
for period, months_of_period in periods.items():
    rows = judged_labels.sort_index().loc[months_of_period]
    made = evaluate.ratio(rows["late"] - rows["probability"], np.ones(len(rows)), rows["day"])
    told[period] = {"late": rows["late"].mean(), "said": rows["probability"].mean(), "gap": made["value"]}
    told[period] |= {"gap low": made["low"], "gap high": made["high"]}
pd.DataFrame(told).T.round(3)

# %% [markdown]
# It rings on 13 of 61 days (11 to 14 with seeds 0 to 4), at least four times as often as in autumn. Look at *when*: Thanksgiving and the day after, 21, 24 and 25 December, and several Saturdays, when the timetable is another one (`dest_lat`, `planned_minutes`, `clock`: who flies where and when). These days *are* different. But the last table says that the model is not wrong on them: the interval of its gap in winter holds 0 though the late share nearly doubles (in autumn, when nothing rang, it said one to two points too much, with seed 2 even beyond its interval). **An alarm about inputs says "different", not "wrong"; and silence does not say "right".** With only inputs to look at you would have retrained for a holiday.
#
# ### Break it on purpose
#
# Nothing rings is only good news if something *would* ring. Five faults, each from a day drawn at random, in the rows that the real feature code makes:
#
# - **unit**: a column arrives in another unit (°F as °C, miles as kilometres…);
# - **carrier**: one carrier's flights are missing, small ones too;
# - **stuck**: a column stands still at its first value of the day;
# - **hour**: all news, weather too, comes one hour late;
# - **order**: one column is attached to the wrong rows, as after a sort that forgot it: its values are all there.
#
# A fault lasts seven days. It is found on the first day on which a check rings that would not have rung without it. **Guess first**: which is hardest to find?

# %%
to_unit = {
    "temperature": lambda values: (values - 32) / 1.8,  # °F to °C
    "dew_point": lambda values: (values - 32) / 1.8,
    "wind_speed": lambda values: values * 0.447,  # mph to m/s
    "pressure": lambda values: values * 0.02953,  # hPa to inches of mercury
    "visibility": lambda values: values * 1.609,  # miles to km
    "distance": lambda values: values * 1.609,
    "carrier_delay": lambda values: values * 60,  # minutes to seconds
}
to_reorder = ["distance", "clock", "planned_minutes", "dest_lat", "planned_carrier", "airport_departed", "overdue"]
observed = features.observed(load("weather"))


def one_hour_late(rows):
    """Look back with the real code from an hour earlier: what a feed that is an hour behind would show."""
    first, last = rows["day"].min() - pd.Timedelta(days=2), rows["day"].max()
    past = clocked[clocked["day"].between(first, last)]
    asked = clocked.loc[clocked["day"].between(rows["day"].min(), last)]
    asked = asked.assign(decided_at=asked["decided_at"] - 60, decided_hour=asked["decided_hour"] - 1)
    seen = pd.DataFrame(features.look_back(past, asked, minute))
    seen = seen.join(asked[["origin", "decided_hour"]].reset_index(drop=True).merge(observed, how="left").iloc[:, 2:])
    return rows.assign(**{name: seen[name].to_numpy("float32") for name in seen})


# %%
def planted(kind, what, rows, random):
    """Rows of one day as the fault would make them."""
    if kind == "unit":
        return rows.assign(**{what: to_unit[what](rows[what]).astype("float32")})
    if kind == "carrier":
        return rows[rows["carrier"] != what]
    if kind == "stuck":
        return rows.assign(**{what: rows[what].iloc[0]})
    if kind == "order":
        return rows.assign(**{what: random.permutation(rows[what].to_numpy())})
    return one_hour_late(rows)


def days_until_found(kind, what, start, random, lasts=7):
    """First day, from 1, on which a check rings because of the fault; NaN if none does; and which is loudest."""
    history = watched[watched["day"].between(start - pd.Timedelta(days=8), start + pd.Timedelta(days=lasts))].copy()
    for number in range(lasts):
        day = start + pd.Timedelta(days=number)
        rows = planted(kind, what, history[history["day"] == day], random)
        rows = rows.assign(probability=rate(fitted[service], rows))
        history = pd.concat([history[history["day"] != day], rows])
        alarms = limits.over(judge(rows, history, news_late=60 if kind == "hour" else 0)).iloc[0]
        alarms = alarms[alarms.gt(1) & ~over.loc[day].gt(1)]
        if len(alarms):
            return number + 1, alarms.idxmax()
    return np.nan, ""


# %%
random = np.random.default_rng(seed)
starts = pd.date_range(service, "2013-10-25")
choices = {"unit": list(to_unit), "carrier": None, "stuck": moving, "hour": ["all"], "order": to_reorder}
planted_faults = []
for kind, among in choices.items():
    for start in random.choice(starts, faults_each, replace=False):
        start = pd.Timestamp(start)
        there = sorted(watched.loc[watched["day"] == start, "carrier"].astype(str).unique())
        what = str(random.choice(among or there))
        planted_faults.append((kind, what, start, *days_until_found(kind, what, start, random)))
planted_faults = pd.DataFrame(planted_faults, columns=["fault", "what", "start", "days", "by"])
found = planted_faults.groupby("fault", sort=False).agg(
    planted=("days", "size"), found=("days", "count"), on_day_1=("days", lambda days: (days == 1).sum())
)
faults_found = planted_faults["days"].notna().mean()
print(f"{faults_found:.0%} of {len(planted_faults)} faults found, {found['on_day_1'].sum()} of them on the first day")
figures.describe(
    figures.bars(
        found.assign(share=found["found"] / found["planted"]).reset_index(),
        x="fault",
        y="share",
        label=".0%",
        title="What is found within a week, and what is not",
        y_title=f"share of {faults_each} planted faults found",
    ),
    f"Bars: share of planted faults found within seven days, by kind; {faults_found:.0%} over all.",
)

# %%
planted_faults[planted_faults["days"].isna()].groupby("fault")["what"].agg(", ".join).to_frame("missed")

# %% [markdown]
# With seeds 0 to 4, 63 to 83 % of thirty faults are found: hour 30 of 30, unit 27, stuck 23, carrier 16, order 12. An hour's delay is found every time on the first day, by the cheapest check of all: how old is the news? Wrong units are mostly found on the first day too; what hides is a wind in metres per second, which looks like a calm day. A stuck column is found unless it mostly stands still anyway (rain, visibility). A missing carrier is found if it is a large one: two or ten flights among nine hundred are nothing to a PSI, and a list of carriers that *must* report would find them at once. A column in another order is the hardest: only the classifier can see it, and only where columns depend strongly on each other, as latitude and distance do.
#
# ### A page for the wall

# %%
from course_lib.places import RUNS

page = monitoring.write_page(RUNS / "monitor.html", checks, limits, title="Spare crews: is the model still right?")
page.relative_to(RUNS.parent)

# %% [markdown]
# ### What is an alarm worth? Retraining
#
# Three policies from April to December, each with what was known: **never** (the model of 1 April stays), **calendar** (a new one on the first of each month), **trigger** (a new one when calibration or money ring; its limits come from February and March, predicted by models that had not seen those weeks). **Guess first**: which is cheapest?

# %%
begin = months[0]
in_books = landed["known_at"] <= midnight_after(begin - pd.Timedelta(days=1))
before = landed[(landed["day"] < begin) & in_books]
part = pd.qcut(landed["day"].where((landed["day"] < begin) & in_books).rank(method="dense"), 4, labels=False)
unseen = []
for number in range(4):  # four stretches of weeks
    model = fit_on(np.flatnonzero(part.notna() & (part != number)))
    unseen.append(landed[part == number].assign(probability=rate(model, landed[part == number])))
unseen = pd.concat(unseen)
quiet_days = pd.date_range(before["day"].min() + pd.Timedelta(days=8), begin - pd.Timedelta(days=1))
quiet_labels = monitoring.outcomes(unseen, midnight_after(quiet_days), **on_terms)[["calibration", "money"]]
trigger_limits = monitoring.set_limits(quiet_labels.set_axis(quiet_days), promised, seed=seed)

# %%
judged = landed[landed["day"] >= begin]
said = {"never": rate(fitted[begin], judged)}
said["calendar"] = np.concatenate(
    [rate(fitted[month], judged[judged["day"].dt.month == month.month]) for month in months[:-1]]
)
by_trigger, since, retrained = pd.Series(np.nan, judged.index), begin, []
while since is not None:
    rows = judged[judged["day"] >= since]
    by_trigger[rows.index] = rate(fitted.get(since) or fit(since), rows)
    days = pd.date_range(since + pd.Timedelta(days=8), judged["day"].max())  # a week of its own labels first
    found_out = monitoring.outcomes(rows.assign(probability=by_trigger[rows.index]), midnight_after(days), **on_terms)
    alarms = days[trigger_limits.rung(found_out.set_axis(days))]
    since = alarms[0] + pd.Timedelta(days=1) if len(alarms) and alarms[0] < judged["day"].max() else None
    retrained += [since] if since is not None else []
said["trigger"] = by_trigger.to_numpy()
print("retrained by trigger:", ", ".join(f"{day:%d %b}" for day in retrained) or "never")

# %%
cost = {
    name: np.where(values >= crew_cost / late_cost, crew_cost, late_cost * judged["late"])
    for name, values in said.items()
}
pairs = [("calendar", "never"), ("trigger", "never"), ("trigger", "calendar")]
worth = pd.DataFrame(
    {
        f"{one} against {other}": evaluate.ratio(cost[other] - cost[one], cost[other], judged["day"])
        for one, other in pairs
    }
).T
print(", ".join(f"{name} {1000 * values.mean():.0f}" for name, values in cost.items()), "per 1,000 flights")
figures.describe(
    figures.bars(
        worth.rename_axis("policy").reset_index(),
        x="policy",
        y="value",
        error=("low", "high"),
        label=".1%",
        horizontal=True,
        title="A new model each month saves; the trigger adds nothing to it",
        x_title="",
        y_title="money saved, April to December",
    ),
    "Bars with intervals: calendar and trigger each save some per cent against never; between them it is near 0.",
)

# %% tags=["hide-input"]
assert first_rung.sum() > autumn.sum(), "The records should ring more often than all the rest."
assert interval["low"] <= promised, "False alarms in autumn should not refute the promise."
assert found.loc["hour", "found"] == faults_each, "A feed that is an hour late should always be found."
assert faults_found > 0.5, "More than half of the planted faults should be found."
assert worth.loc["calendar against never", "low"] > 0, "A new model each month should beat never, also over weeks."
assert worth.loc["trigger against calendar", "value"] < 0.01, "The trigger should not beat the calendar by 1 %."

record(false_alarms=false_alarms, faults_found=faults_found, winter_alarms=int(winter.sum()), dial=limits.dial)

# %% [markdown]
# Both beat *never*, and the trigger gains nothing over the calendar: measured once with seeds 0 to 4, the calendar saves 3.5 to 4.6 % against never (each interval above 0), the trigger 3.2 to 3.6 %, and between the two it is a tie at four seeds and 1.5 % for the calendar at one. The trigger also comes too late by construction: it waits for a week of labels.
#
# **What this part taught.** Set limits on quiet days, for all checks at once, and check the promise on other days. Compare a day with its own weeks, not with a year. Keep columns that trail the season out of it. The cheapest checks (how old is the news?) find most; no check finds what does not show in a day, such as one small carrier. An alarm tells that something is *broken*; that the world has moved is told more cheaply by a calendar.
