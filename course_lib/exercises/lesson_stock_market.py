"""Exercises of the case study on the stock market."""

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, chi2, norm

from course_lib.exercises import Exercise, Mistake


# stock_market.1 ------------------------------------------------------------------------------------------------------
def chance_of_the_best(*, observed, drawn):
    """Compute White's chance: how often the best of all rules leads by as much when none has merit."""
    by_chance = (drawn - observed).max(axis=1)
    return (by_chance >= observed.max()).mean()


def _not_centred(*, observed, drawn):
    return (drawn.max(axis=1) >= observed.max()).mean()


def _the_best_alone(*, observed, drawn):
    best = observed.argmax()
    return (drawn[:, best] - observed[best] >= observed[best]).mean()


def _the_other_side(*, observed, drawn):
    return ((drawn - observed).max(axis=1) < observed.max()).mean()


def _every_rule(*, observed, drawn):
    return (drawn - observed >= observed.max()).mean()


def _mean_rule(*, observed, drawn):
    return ((drawn - observed).mean(axis=1) >= observed.mean()).mean()


def _times_the_rules(*, observed, drawn):
    return min(1.0, _the_best_alone(observed=observed, drawn=drawn) * len(observed))


def _taken_off_the_largest(*, observed, drawn):
    return (drawn.max(axis=1) - observed.max() >= observed.max()).mean()


def _two_sided(*, observed, drawn):
    return (np.abs(drawn - observed).max(axis=1) >= observed.max()).mean()


def _grand_mean(*, observed, drawn):
    return ((drawn - drawn.mean()).max(axis=1) >= observed.max()).mean()


def _a_count(*, observed, drawn):
    return ((drawn - observed).max(axis=1) >= observed.max()).sum()


# stock_market.2 ------------------------------------------------------------------------------------------------------
def rows_with_a_known_answer(*, days, first, horizon):
    """Count the rows whose answer is known after the close of day `first`."""
    return (days + horizon <= first).sum()


def _no_embargo(*, days, first, horizon):
    return (days <= first).sum()


def _no_embargo_without_today(*, days, first, horizon):
    return (days < first).sum()


def _one_too_few(*, days, first, horizon):
    return (days + horizon < first).sum()


def _one_too_many(*, days, first, horizon):
    return (days + horizon <= first + 1).sum()


def _on_both_sides(*, days, first, horizon):
    return (days + horizon <= first).sum() + (days - horizon > first).sum()


def _days_counted(*, days, first, horizon):
    return len(np.unique(days[days + horizon <= first]))


def _rows_for_days(*, days, first, horizon):
    return (days <= first).sum() - horizon


def _twice_the_embargo(*, days, first, horizon):
    return (days + 2 * horizon <= first).sum()


# stock_market.3 ------------------------------------------------------------------------------------------------------
def points_above_always_up(*, said_up, rose):
    """Compute by how many percentage points the model is more often right than "up" every day."""
    right = (said_up == rose).mean()
    return 100 * (right - rose.mean())


def _above_a_coin(*, said_up, rose):
    return 100 * ((said_up == rose).mean() - 0.5)


def _as_a_share(*, said_up, rose):
    return (said_up == rose).mean() - rose.mean()


def _against_what_it_said(*, said_up, rose):
    return 100 * ((said_up == rose).mean() - said_up.mean())


def _when_it_said_up(*, said_up, rose):
    return 100 * (rose[said_up].mean() - rose.mean())


def _in_percent_of_it(*, said_up, rose):
    return 100 * ((said_up == rose).mean() / rose.mean() - 1)


def _points_lost(*, said_up, rose):
    return 100 * (rose.mean() - (said_up == rose).mean())


def _only_the_hit_rate(*, said_up, rose):
    return 100 * (said_up == rose).mean()


# stock_market.4 ------------------------------------------------------------------------------------------------------
def gain_traded_at_the_next_close(*, weights, moves):
    """Compute the mean gain a day when an evening's book is set up at the close of the next day."""
    held = weights.shift(2)
    return (held * moves).sum(axis=1).mean()


def _same_day(*, weights, moves):
    return (weights * moves).sum(axis=1).mean()


def _same_close(*, weights, moves):
    return (weights.shift(1) * moves).sum(axis=1).mean()


def _backwards(*, weights, moves):
    return (weights.shift(-2) * moves).sum(axis=1).mean()


def _tomorrow_known(*, weights, moves):
    return (weights.shift(-1) * moves).sum(axis=1).mean()


def _three_days(*, weights, moves):
    return (weights.shift(3) * moves).sum(axis=1).mean()


def _mean_over_stocks(*, weights, moves):
    return (weights.shift(2) * moves).mean(axis=1).mean()


def _a_year(*, weights, moves):
    return 252 * (weights.shift(2) * moves).sum(axis=1).mean()


def _moves_shifted_too(*, weights, moves):
    return (weights.shift(2) * moves.shift(2)).sum(axis=1).mean()


# stock_market.5 ------------------------------------------------------------------------------------------------------
def break_even_in_basis_points(*, weights, gains):
    """Compute the cost of a trade at which the book earns nothing, in basis points."""
    traded = weights.diff().abs().sum(axis=1)
    return 1e4 * gains.mean() / traded.mean()


def _a_share(*, weights, gains):
    return gains.mean() / weights.diff().abs().sum(axis=1).mean()


def _percent(*, weights, gains):
    return 100 * gains.mean() / weights.diff().abs().sum(axis=1).mean()


def _bought_only(*, weights, gains):
    return 1e4 * gains.mean() / weights.diff().clip(lower=0).sum(axis=1).mean()


def _half(*, weights, gains):
    return 2e4 * gains.mean() / weights.diff().abs().sum(axis=1).mean()


def _without_abs(*, weights, gains):
    return 1e4 * gains.mean() / weights.diff().sum(axis=1).abs().mean()


def _what_is_held(*, weights, gains):
    return 1e4 * gains.mean() / weights.abs().sum(axis=1).mean()


def _a_mean_over_stocks(*, weights, gains):
    return 1e4 * gains.mean() / weights.diff().abs().mean(axis=1).mean()


def _mean_of_ratios(*, weights, gains):
    traded = weights.diff().abs().sum(axis=1)
    return 1e4 * (gains / traded[gains.index].where(traded > 0)).mean()


# stock_market.6 ------------------------------------------------------------------------------------------------------
def har_inputs(*, variance):
    """Give the logarithms of the variance of the day, and of its mean over five and over 22 days."""
    means = {name: variance.rolling(days).mean() for name, days in {"day": 1, "week": 5, "month": 22}.items()}
    return np.log(pd.DataFrame(means))


def _of_means(variance, mean):
    return pd.DataFrame({name: mean(days) for name, days in {"day": 1, "week": 5, "month": 22}.items()})


def _mean_of_logarithms(*, variance):
    return _of_means(variance, lambda days: np.log(variance).rolling(days).mean())


def _centred(*, variance):
    return np.log(_of_means(variance, lambda days: variance.rolling(days, center=True).mean()))


def _sums(*, variance):
    return np.log(_of_means(variance, lambda days: variance.rolling(days).sum()))


def _of_the_days_before(*, variance):
    return np.log(_of_means(variance, lambda days: variance.shift(1).rolling(days).mean()))


def _other_windows(*, variance):
    means = {name: variance.rolling(days).mean() for name, days in {"day": 1, "week": 5, "month": 21}.items()}
    return np.log(pd.DataFrame(means))


def _calendar_windows(*, variance):
    means = {name: variance.rolling(days).mean() for name, days in {"day": 1, "week": 7, "month": 30}.items()}
    return np.log(pd.DataFrame(means))


def _of_volatility(*, variance):
    return har_inputs(variance=variance) / 2


def _base_ten(*, variance):
    return har_inputs(variance=variance) / np.log(10)


def _full_rows_only(*, variance):
    return har_inputs(variance=variance).dropna()


def _single_days(*, variance):
    return np.log(_of_means(variance, lambda days: variance.shift(days - 1)))


def _no_logarithm(*, variance):
    return _of_means(variance, lambda days: variance.rolling(days).mean())


def _of_the_future(*, variance):
    return np.log(_of_means(variance, lambda days: variance.rolling(days).mean().shift(-days)))


def _short_windows(*, variance):
    return np.log(_of_means(variance, lambda days: variance.rolling(days, min_periods=1).mean()))


# stock_market.7 ------------------------------------------------------------------------------------------------------
def kupiec(*, exceeded, promised):
    """Compute the chance of a share at least as far off as this one, by the ratio of the likelihoods."""
    days, hits = len(exceeded), exceeded.sum()

    def log_likelihood(share):
        return hits * np.log(share) + (days - hits) * np.log(1 - share)

    statistic = 2 * (log_likelihood(hits / days) - log_likelihood(promised))
    return chi2.sf(statistic, 1)


def _twice_the_difference(exceeded, promised):
    days, hits = len(exceeded), exceeded.sum()
    shares = (hits / days, promised)
    came, said = (hits * np.log(share) + (days - hits) * np.log(1 - share) for share in shares)
    return 2 * (came - said)


def _the_statistic(*, exceeded, promised):
    return _twice_the_difference(exceeded, promised)


def _not_doubled(*, exceeded, promised):
    return chi2.sf(_twice_the_difference(exceeded, promised) / 2, 1)


def _two_degrees(*, exceeded, promised):
    return chi2.sf(_twice_the_difference(exceeded, promised), 2)


def _below(*, exceeded, promised):
    return chi2.cdf(_twice_the_difference(exceeded, promised), 1)


def _one_sided(*, exceeded, promised):
    return binom.sf(exceeded.sum() - 1, len(exceeded), promised)


def _exact(*, exceeded, promised):
    return binomtest(int(exceeded.sum()), len(exceeded), promised).pvalue


def _normal(*, exceeded, promised):
    off = exceeded.mean() - promised
    return 2 * norm.sf(abs(off) / np.sqrt(promised * (1 - promised) / len(exceeded)))


def _hits_only(*, exceeded, promised):
    hits = exceeded.sum()
    return chi2.sf(2 * hits * np.log(exceeded.mean() / promised), 1)


# --- small inputs ----------------------------------------------------------------------------------------------------
def small_leads():
    """Give four rules and forty histories."""
    rng = np.random.default_rng(16)
    observed = np.array([0.6, 0.1, -0.4, 0.3])
    return {"observed": observed, "drawn": observed + rng.normal(0, 0.4, (40, 4))}


def small_days():
    """Give thirty days of three stocks."""
    return {"days": np.repeat(np.arange(30), 3), "first": 20, "horizon": 4}


def small_directions():
    """Give sixty days, more of which rose than fell."""
    place = np.arange(60)
    return {"said_up": pd.Series(place % 6 != 1), "rose": pd.Series(place % 7 < 4)}


def _small_book():
    days = pd.date_range("2020-01-01", periods=60)
    rng = np.random.default_rng(1)
    rank = pd.DataFrame(rng.random((60, 6)), days, list("ABCDEF")).rolling(2, min_periods=1).mean().rank(axis=1)
    return (rank > 4).astype(float) / 2 - (rank <= 2) / 2, pd.DataFrame(
        rng.normal(0.0005, 0.01, (60, 6)), days, rank.columns
    )


def small_moves():
    """Give the books of sixty evenings and the moves of six stocks."""
    weights, moves = _small_book()
    return {"weights": weights, "moves": moves}


def small_gains():
    """Give the books of sixty evenings, not all of them balanced, and what they gain."""
    weights, moves = _small_book()
    weights.iloc[::3, 0] += 0.25
    return {"weights": weights, "gains": (weights.shift(1) * moves).sum(axis=1).iloc[2:] + 0.001}


def small_variance():
    """Give the variance of sixty days."""
    days = pd.date_range("2020-01-01", periods=60)
    return {"variance": pd.Series(np.exp(np.sin(np.arange(60) / 4) + np.arange(60) % 3 - 9), days)}


def small_losses():
    """Give 500 days, 33 of which lost more than one in twenty should."""
    return {"exceeded": np.arange(500) % 15 == 0, "promised": 0.05}


EXERCISES = [
    Exercise(
        id="stock_market.1",
        title="The best of many",
        reference=chance_of_the_best,
        why="The largest of all rules in a history without merit is what the largest that we saw must be held against.",
        hints=(
            "A history shows chance alone once the observed mean of each rule is taken off: drawn - observed.",
            "max(axis=1) is the luckiest rule of each history. In which share is it at least observed.max()?",
        ),
        mistakes=(
            Mistake(
                "not centred",
                _not_centred,
                "Your histories still hold the leads that we saw. What is left if no rule has any merit?",
            ),
            Mistake(
                "the best alone",
                _the_best_alone,
                "That is the chance of one rule, as if it had been the only one tried. How many were there?",
            ),
            Mistake("other side", _the_other_side, "These are the histories in which chance does less. Turn it round."),
            Mistake(
                "every rule",
                _every_rule,
                "You count single rules of all histories. In a history the luckiest is enough.",
            ),
            Mistake("mean rule", _mean_rule, "You compare the mean of the rules. Which one would you have picked?"),
            Mistake(
                "times the rules",
                _times_the_rules,
                "You multiply the chance of one by the number of rules, which forgets how alike they are. Draw it.",
            ),
            Mistake(
                "one mean for all",
                _grand_mean,
                "You take one number off everything. Each rule has a mean of its own, and none has merit by chance.",
            ),
            Mistake(
                "taken off the largest",
                _taken_off_the_largest,
                "You take one mean off the largest of each history. Take each rule's own off first, then look for it.",
            ),
            Mistake(
                "two-sided",
                _two_sided,
                "You count rules that lose as much, too. The question is how lucky the best one can be.",
            ),
            Mistake("count", _a_count, "That is a number of histories. Of how many?"),
        ),
        sample_inputs=small_leads,
    ),
    Exercise(
        id="stock_market.2",
        title="Answers that are not known yet",
        reference=rows_with_a_known_answer,
        why="An answer exists from day t + horizon on, and that day against today is all that an embargo is.",
        hints=(
            "From which day on is the answer of day t known?",
            "It is known after the close of t + horizon. Which rows have that day at or before `first`?",
        ),
        mistakes=(
            Mistake(
                "no embargo",
                _no_embargo,
                "You take every row up to that evening. Is the answer of the last one known by then?",
            ),
            Mistake(
                "no embargo, without today",
                _no_embargo_without_today,
                "You leave out that day alone. How long does it take until the answer of the day before is known?",
            ),
            Mistake("one too few", _one_too_few, "Nearly: the close of that day itself is known on its evening."),
            Mistake("one too many", _one_too_many, "Nearly: your last answer needs the close of tomorrow."),
            Mistake(
                "rows of later days",
                _on_both_sides,
                "You also learn from days after the decision. Those have not happened.",
            ),
            Mistake(
                "horizon in rows",
                _rows_for_days,
                "You leave out as many rows as the horizon has days. How many rows has a day?",
            ),
            Mistake("days", _days_counted, "These are days. How many rows has each?"),
            Mistake(
                "twice",
                _twice_the_embargo,
                "You wait twice as long as needed. When is the answer of day t known?",
            ),
        ),
        sample_inputs=small_days,
    ),
    Exercise(
        id="stock_market.3",
        title="Better than always up?",
        reference=points_above_always_up,
        why="Who always says up is right on just the days that rose: rose.mean() is the baseline's hit rate.",
        hints=(
            "On which share of days is the model right, and on which share somebody who always says up?",
            "(said_up == rose).mean() is the first, rose.mean() the second. A percentage point is a hundredth.",
        ),
        mistakes=(
            Mistake("coin", _above_a_coin, "You compare with a coin. On how many days is 'up' right?"),
            Mistake("share", _as_a_share, "Nearly: that is a difference of shares; points are asked for."),
            Mistake(
                "what it said",
                _against_what_it_said,
                "You take off how often the model says up. How often is somebody right who always does?",
            ),
            Mistake(
                "when it said up",
                _when_it_said_up,
                "You judge only the days on which it says up. It is right or wrong on the others, too.",
            ),
            Mistake("relative", _in_percent_of_it, "That is a percentage of the baseline. Points are a difference."),
            Mistake("sign", _points_lost, "Nearly: a model that is worse should come out negative."),
            Mistake("hit rate", _only_the_hit_rate, "That is how often the model is right. Compared with whom?"),
        ),
        sample_inputs=small_directions,
    ),
    Exercise(
        id="stock_market.4",
        title="Traded when one can",
        reference=gain_traded_at_the_next_close,
        why="The score of t is traded at the close of t + 1, so the first move that the book sees is that of t + 2.",
        hints=(
            "Scored on the evening of t, set up at the close of t + 1: which day's move is the first that it earns?",
            "weights.shift(n) puts the book of day t beside the moves of day t + n.",
        ),
        mistakes=(
            Mistake(
                "same day",
                _same_day,
                "The book of an evening earns the move of the day that has just ended. That is known already.",
            ),
            Mistake(
                "same close",
                _same_close,
                "That trades at the very closes that the score is made of. When is the next chance to trade?",
            ),
            Mistake("backwards", _backwards, "You shift the other way: the book would know days to come."),
            Mistake(
                "backwards by one",
                _tomorrow_known,
                "You shift the other way: the book of tomorrow earns the move of today.",
            ),
            Mistake(
                "three days",
                _three_days,
                "You wait a day too long: set up at the close of t + 1, it earns the very next move.",
            ),
            Mistake(
                "mean over stocks",
                _mean_over_stocks,
                "You average over the stocks. The weights are shares of the capital already.",
            ),
            Mistake("a year", _a_year, "That is for a year of 252 days; a day is asked for."),
            Mistake(
                "both shifted",
                _moves_shifted_too,
                "You shift the moves as well, so both still stand on the same day.",
            ),
        ),
        sample_inputs=small_moves,
        tolerance=2e-3,  # with or without the days that have no book yet
    ),
    Exercise(
        id="stock_market.5",
        title="The cost that eats it",
        reference=break_even_in_basis_points,
        why="Costs are proportional to what is traded, so gain over trade is the price at which nothing is left.",
        hints=(
            "weights.diff() is what is bought and sold. Both cost.",
            "diff().abs().sum(axis=1) is traded a day. Divide mean by mean; a basis point is 1/10,000.",
        ),
        mistakes=(
            Mistake("share", _a_share, "Nearly: that is a share. How many ten-thousandths are that?"),
            Mistake("percent", _percent, "Nearly: that is in percent. A basis point is a hundredth of that."),
            Mistake("bought only", _bought_only, "You count what is bought. What is sold costs, too."),
            Mistake(
                "half", _half, "You count half of what is traded. What is bought costs, and what is sold does, too."
            ),
            Mistake(
                "signs",
                _without_abs,
                "Sales cancel purchases in your sum. Take the absolute change of each stock first.",
            ),
            Mistake("held", _what_is_held, "You divide by what is held. Costs come from what changes."),
            Mistake("mean over stocks", _a_mean_over_stocks, "You average over stocks. The bill adds up over them."),
            Mistake(
                "mean of ratios",
                _mean_of_ratios,
                "You average each day's ratio. A bill is the sum of costs against the sum of gains.",
            ),
        ),
        sample_inputs=small_gains,
        tolerance=2e-3,  # with or without the first days
    ),
    Exercise(
        id="stock_market.6",
        title="Day, week, month",
        reference=har_inputs,
        why="Rolling means end at the day itself, so an input of an evening holds that evening and earlier ones only.",
        hints=(
            "variance.rolling(5).mean() is the mean of the five days that end with each day.",
            "Windows of 1, 5 and 22 days; the logarithm comes last. The columns are day, week and month.",
        ),
        mistakes=(
            Mistake(
                "mean of logarithms",
                _mean_of_logarithms,
                "You average logarithms. Average variances first, then take the logarithm.",
            ),
            Mistake("centred", _centred, "Your windows reach into days to come. They should end with the day."),
            Mistake("sums", _sums, "You add the days up. Which number is the same size for a week as for a day?"),
            Mistake(
                "days before",
                _of_the_days_before,
                "Your windows end a day early. On the evening, that day is known.",
            ),
            Mistake("21 days", _other_windows, "Nearly: how many days has the month of the prompt?"),
            Mistake(
                "calendar", _calendar_windows, "You count days of the calendar. There are five trading days a week."
            ),
            Mistake(
                "volatility", _of_volatility, "That is the logarithm of the volatility. The variance is asked for."
            ),
            Mistake("base ten", _base_ten, "That is another base: np.log is the natural logarithm."),
            Mistake(
                "full rows only",
                _full_rows_only,
                "Nearly: keep the first days. Where a window is not full, the value is missing.",
            ),
            Mistake("single days", _single_days, "You take one day of a week ago. What is the mean of the week?"),
            Mistake("no logarithm", _no_logarithm, "Nearly: these are variances; their logarithms are asked for."),
            Mistake("future", _of_the_future, "These are the days that come: that is what we want to forecast."),
            Mistake(
                "short windows",
                _short_windows,
                "Your first windows are shorter than the others. Leave them missing, as rolling does.",
            ),
        ),
        sample_inputs=small_variance,
    ),
    Exercise(
        id="stock_market.7",
        title="Was the promise kept?",
        reference=kupiec,
        why="Twice what a free share adds to the log likelihood follows chi2 with one degree of freedom.",
        hints=(
            "How likely are so many hits if the share is as promised, and if it is the one that came?",
            "hits * log(share) + (days - hits) * log(1 - share), once for each; twice the difference.",
            "chi2.sf(statistic, 1) is the chance of one at least as large.",
        ),
        mistakes=(
            Mistake("statistic", _the_statistic, "Nearly: that is the statistic. Which chance has one as large?"),
            Mistake("not doubled", _not_doubled, "Nearly: it is twice the difference that follows chi2."),
            Mistake("two degrees", _two_degrees, "How many numbers are free? You have one degree too many."),
            Mistake(
                "below", _below, "That is the chance of a smaller statistic. Which side speaks against the promise?"
            ),
            Mistake(
                "one-sided",
                _one_sided,
                "You ask for too many hits only. Too few break the promise as well: use the likelihoods.",
            ),
            Mistake(
                "exact",
                _exact,
                "That is the exact test, a good answer to the same question. Kupiec's compares two likelihoods.",
            ),
            Mistake(
                "normal",
                _normal,
                "That is the normal approximation, poor for rare hits. Compare the two likelihoods instead.",
            ),
            Mistake("hits only", _hits_only, "The days without a hit have a likelihood, too."),
        ),
        sample_inputs=small_losses,
    ),
]
