"""How often the intervals of `course_lib.evaluate` hold the truth, where neighbouring days resemble each other.

Periods of 61 days are invented, as alike as November and December 2013 in what matters: the late rate is 16 % and
skewed (a day in twenty passes 40 %), its correlation from one day to the next .33 (.31 in these months), and the model
knows part of the day and of the flight, and gives calibrated probabilities. The truth comes from 400,000 such days. For
each block length: the share of periods whose 95 % interval holds the truth, and on which side it lies if it does not.

    python benchmarks/interval_coverage.py --periods 2000 --blocks 1 5 7 10
"""

import argparse

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

from course_lib import evaluate

KINDS = stats.norm.ppf((np.arange(16) + 0.5) / 16)  # sixteen kinds of flights, by what the timetable says of their risk
LEVEL, OF_THE_DAY, UNKNOWN, OF_THE_FLIGHT = -2.05, 0.8, 0.6, 0.7  # on the scale of the log odds
METRICS = ["roc_auc", "average_precision", "brier", "log_loss", "saving"]


def invent(days, correlation, flights_of_a_kind, generator):
    """Invent days that resemble their neighbours: probability and late flights, shape (days, kinds)."""
    shocks = np.sqrt(1 - correlation**2) * generator.standard_normal((days + 30, 2))
    weather = np.zeros((days + 30, 2))
    for day in range(1, days + 30):
        weather[day] = correlation * weather[day - 1] + shocks[day]
    known, unknown = weather[30:].T[..., None]
    expected = LEVEL + OF_THE_DAY * known + OF_THE_FLIGHT * KINDS
    spread = UNKNOWN * stats.norm.ppf((np.arange(40) + 0.5) / 40)  # what the model cannot know, it averages over
    probability = sum(1 / (1 + np.exp(-(expected + step))) for step in spread) / len(spread)
    truth = 1 / (1 + np.exp(-(expected + UNKNOWN * unknown)))
    return probability, generator.binomial(flights_of_a_kind, truth)


def as_rows(probability, late, flights_of_a_kind):
    """One row a flight: late or not, its probability, its day."""
    days, kinds = late.shape
    number = np.arange(flights_of_a_kind)
    target = (number < late[..., None]).ravel()
    day = np.repeat(pd.date_range("2013-11-01", periods=days).to_numpy(), kinds * flights_of_a_kind)
    return target, np.repeat(probability.ravel(), flights_of_a_kind), day


def scores_of_long(correlation, generator):
    """Score 400,000 days, flight kinds counted and not unfolded: the truth."""
    probability, late = invent(400_000, correlation, 10, generator)
    weights = np.concatenate([late.ravel(), 10 - late.ravel()])
    target = np.repeat([1, 0], late.size)
    values = np.tile(probability.ravel(), 2)
    act = values >= 1 / 6
    cost, never = (weights * (act + 6 * target * ~act)).sum(), (weights * 6 * target).sum()
    return {
        "roc_auc": metrics.roc_auc_score(target, values, sample_weight=weights),
        "average_precision": metrics.average_precision_score(target, values, sample_weight=weights),
        "brier": metrics.brier_score_loss(target, values, sample_weight=weights),
        "log_loss": metrics.log_loss(target, values, sample_weight=weights),
        "saving": 1 - cost / never,
        "money against never": 1000 * (never - cost) / weights.sum(),
    }


def main():
    """Print a table of coverages for each block length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--periods", type=int, default=2000)
    parser.add_argument("--days", type=int, default=61)
    parser.add_argument("--blocks", type=int, nargs="+", default=[7])
    parser.add_argument("--correlation", type=float, default=0.36, help="of the weather; 0 for independent days")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    truth = pd.Series(scores_of_long(asked.correlation, np.random.default_rng([asked.seed, 1])))
    generator = np.random.default_rng([asked.seed, 2])
    found, rates, alarms = {block: [] for block in asked.blocks}, [], {block: [] for block in asked.blocks}
    for _ in range(asked.periods):
        probability, late = invent(asked.days, asked.correlation, 5, generator)
        target, said, day = as_rows(probability, late, 5)
        rate = late.mean(axis=1)
        rates.append(np.corrcoef(rate[1:], rate[:-1])[0, 1])
        for block in asked.blocks:
            table = evaluate.score(target, said, day, METRICS, opponent="never", block=block)
            saved = evaluate.saving(target, said, day, opponent="never", block=block)
            table.loc["money against never"] = [saved.versus_never, *saved.versus_never_interval]
            found[block].append(np.sign(table["low"].gt(truth).astype(int) - table["high"].lt(truth)))
            p_value = evaluate.calibration(target, said, day, block=block)["p_value"]
            alarms[block].append(len(p_value) * p_value.min() < 0.05)
    print(f"{asked.periods} periods of {asked.days} days; correlation from day to day {np.mean(rates):.2f} in a period")
    for block, misses in found.items():
        misses = pd.DataFrame(misses)
        table = pd.DataFrame({"truth": truth, "holds": misses.eq(0).mean()})
        table["truth below"], table["truth above"] = misses.eq(1).mean(), misses.eq(-1).mean()
        print(f"\nblocks of {block} days\n{table.round(4).to_string()}")
        print(f"calibrated, and called miscalibrated by the smallest of its p-values: {np.mean(alarms[block]):.3f}")


if __name__ == "__main__":
    main()
