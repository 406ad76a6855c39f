"""Exercises of the lesson on reading a sweep."""

import pandas as pd
from scipy import stats

from course_lib.exercises import Exercise, Mistake


# reading_a_sweep.1 ---------------------------------------------------------------------------------------------------
def spread_over_seeds(*, noise):
    """Compute the standard deviation of the AUC over the seeds, for each setting."""
    return noise.groupby(["flipped_share", "rows"])["auc"].std()


def _sizes_mixed(*, noise):
    return noise.groupby("flipped_share")["auc"].std()


def _shares_mixed(*, noise):
    return noise.groupby("rows")["auc"].std()


def _one_run_a_group(*, noise):
    return noise.groupby(["flipped_share", "rows", "seed"])["auc"].std()


def _another_column(*, noise):
    return noise.groupby(["flipped_share", "rows"])["saved"].std()


def _mean(*, noise):
    return noise.groupby(["flipped_share", "rows"])["auc"].mean()


def _times_wider(*, noise):
    spread, sizes = spread_over_seeds(noise=noise), noise["rows"]
    return spread.xs(sizes.min(), level="rows") / spread.xs(sizes.max(), level="rows")


def _to_four_digits(*, noise):
    return spread_over_seeds(noise=noise).round(4)


def _to_three_digits(*, noise):
    return spread_over_seeds(noise=noise).round(3)


def _divided_by_all(*, noise):
    return noise.groupby(["flipped_share", "rows"])["auc"].std(ddof=0)


def _error_of_the_mean(*, noise):
    return noise.groupby(["flipped_share", "rows"])["auc"].sem()


def _range(*, noise):
    groups = noise.groupby(["flipped_share", "rows"])["auc"]
    return groups.max() - groups.min()


def _variance(*, noise):
    return noise.groupby(["flipped_share", "rows"])["auc"].var()


# reading_a_sweep.2 ---------------------------------------------------------------------------------------------------
def winner_minus_rival(*, again, winner, rival):
    """Compute the mean of the paired differences, with its 95 % interval."""
    by_seed = again.pivot_table(index="seed", columns="least_in_leaf", values="auc")
    interval = stats.ttest_rel(by_seed[winner], by_seed[rival]).confidence_interval()
    return (by_seed[winner] - by_seed[rival]).mean(), interval.low, interval.high


def _two_groups(*, again, winner, rival, equal_var=True):
    by_seed = again.pivot_table(index="seed", columns="least_in_leaf", values="auc")
    interval = stats.ttest_ind(by_seed[winner], by_seed[rival], equal_var=equal_var).confidence_interval()
    return (by_seed[winner] - by_seed[rival]).mean(), interval.low, interval.high


def _two_groups_of_unequal_spread(*, again, winner, rival):
    return _two_groups(again=again, winner=winner, rival=rival, equal_var=False)


def _pairs_lost(*, again, winner, rival):
    best_first = again.sort_values("auc", ascending=False)
    scores = [best_first.loc[best_first["least_in_leaf"] == least, "auc"].to_numpy() for least in (winner, rival)]
    interval = stats.ttest_rel(*scores).confidence_interval()
    return (scores[0] - scores[1]).mean(), interval.low, interval.high


def _differences(again, winner, rival):
    by_seed = again.pivot_table(index="seed", columns="least_in_leaf", values="auc")
    return by_seed[winner] - by_seed[rival]


def _around(differences, half):
    return differences.mean(), differences.mean() - half, differences.mean() + half


def _normal(*, again, winner, rival):
    differences = _differences(again, winner, rival)
    return _around(differences, 1.96 * differences.sem())


def _swapped(*, again, winner, rival):
    return winner_minus_rival(again=again, winner=rival, rival=winner)


def _spread_of_differences(*, again, winner, rival):
    differences = _differences(again, winner, rival)
    return _around(differences, stats.t.ppf(0.975, len(differences) - 1) * differences.std())


def _normal_spread(*, again, winner, rival):
    differences = _differences(again, winner, rival)
    return _around(differences, 1.96 * differences.std())


def _lowest_and_highest(*, again, winner, rival):
    differences = _differences(again, winner, rival)
    return differences.mean(), differences.min(), differences.max()


def _one_standard_error(*, again, winner, rival):
    differences = _differences(again, winner, rival)
    return _around(differences, differences.sem())


def _mean_in_the_middle(*, again, winner, rival):
    mean, low, high = winner_minus_rival(again=again, winner=winner, rival=rival)
    return low, mean, high


def _mean_at_the_end(*, again, winner, rival):
    mean, low, high = winner_minus_rival(again=again, winner=winner, rival=rival)
    return low, high, mean


def _test_itself(*, again, winner, rival):
    result = stats.ttest_1samp(_differences(again, winner, rival), 0)  # the paired test, by another name
    return result.statistic, result.pvalue


def _difference_to_four_digits(*, again, winner, rival):
    return tuple(round(value, 4) for value in winner_minus_rival(again=again, winner=winner, rival=rival))


def _difference_to_three_digits(*, again, winner, rival):
    return tuple(round(value, 3) for value in winner_minus_rival(again=again, winner=winner, rival=rival))


# reading_a_sweep.3 ---------------------------------------------------------------------------------------------------
def minutes_of_the_grid(*, noise, shares, seeds, cores):
    """Multiply the CPU seconds of a run of each size, by how many there are, over the cores."""
    of_a_run = noise.groupby("rows")["cpu_seconds"].mean()
    return (of_a_run * shares * seeds).sum() / cores / 60


def _wall_seconds(*, noise, shares, seeds, cores):
    return (noise.groupby("rows")["seconds"].mean() * shares * seeds).sum() / cores / 60


def _one_size(*, noise, shares, seeds, cores):
    return noise["cpu_seconds"].mean() * shares * seeds / cores / 60


def _all_of_one_size(size, noise, shares, seeds, cores):
    priced = noise[noise["rows"] == size]
    return priced["cpu_seconds"].mean() * noise["rows"].nunique() * shares * seeds / cores / 60


def _all_small(*, noise, shares, seeds, cores):
    return _all_of_one_size(noise["rows"].min(), noise, shares, seeds, cores)


def _all_large(*, noise, shares, seeds, cores):
    return _all_of_one_size(noise["rows"].max(), noise, shares, seeds, cores)


def _no_shares(*, noise, shares, seeds, cores):
    return minutes_of_the_grid(noise=noise, shares=1, seeds=seeds, cores=cores)


def _this_sweep(*, noise, shares, seeds, cores):
    return noise["cpu_seconds"].sum() / cores / 60


def _no_seeds(*, noise, shares, seeds, cores):
    return minutes_of_the_grid(noise=noise, shares=shares, seeds=1, cores=cores)


def _one_core(*, noise, shares, seeds, cores):
    return minutes_of_the_grid(noise=noise, shares=shares, seeds=seeds, cores=1)


def _in_seconds(*, noise, shares, seeds, cores):
    return 60 * minutes_of_the_grid(noise=noise, shares=shares, seeds=seeds, cores=cores)


def _in_seconds_of_one_core(*, noise, shares, seeds, cores):
    return 60 * minutes_of_the_grid(noise=noise, shares=shares, seeds=seeds, cores=1)


def _in_hours(*, noise, shares, seeds, cores):
    return minutes_of_the_grid(noise=noise, shares=shares, seeds=seeds, cores=cores) / 60


def small_noise():
    """Give some runs of the sweep `small`, as they came out."""
    columns = ["rows", "flipped_share", "seed", "auc", "saved", "seconds", "cpu_seconds"]
    runs = [
        (1_000, 0.0, 0, 0.71483, 0.17848, 5.812, 0.826),
        (1_000, 0.0, 1, 0.69836, 0.15459, 1.552, 0.665),
        (1_000, 0.0, 2, 0.71697, 0.18642, 1.482, 0.649),
        (1_000, 0.2, 0, 0.63978, 0.05988, 1.168, 0.524),
        (1_000, 0.2, 1, 0.64203, 0.06386, 1.050, 0.480),
        (1_000, 0.2, 2, 0.65128, 0.05834, 1.188, 0.483),
        (16_000, 0.0, 0, 0.74067, 0.20621, 1.314, 0.593),
        (16_000, 0.0, 1, 0.74168, 0.21788, 1.186, 0.525),
        (16_000, 0.0, 2, 0.73536, 0.20086, 1.189, 0.515),
        (16_000, 0.2, 0, 0.7266, 0.00286, 1.039, 0.502),
        (16_000, 0.2, 1, 0.70074, 0.00056, 1.131, 0.500),
        (16_000, 0.2, 2, 0.70686, 0.00868, 1.349, 0.585),
    ]
    return pd.DataFrame(runs, columns=columns)


def small_again():
    """Give two settings of the search, as they came out."""
    scores = {
        10: [0.69798, 0.72581, 0.71801, 0.72448, 0.701, 0.71739],
        40: [0.70245, 0.72774, 0.72228, 0.71999, 0.70257, 0.72035],
    }
    runs = [(least, seed, auc) for least, column in scores.items() for seed, auc in enumerate(column)]
    return {"again": pd.DataFrame(runs, columns=["least_in_leaf", "seed", "auc"]), "winner": 40, "rival": 10}


EXERCISES = [
    Exercise(
        id="reading_a_sweep.1",
        title="The spread over seeds",
        reference=spread_over_seeds,
        why="A group of everything but the seed holds runs that should be equal, so its std is the chance in one run.",
        hints=(
            "Runs of one setting differ in their seed alone. Which columns make a setting?",
            'Group by ["flipped_share", "rows"] and take the std of "auc".',
        ),
        mistakes=(
            Mistake(
                "sizes mixed",
                _sizes_mixed,
                "Your groups hold runs with 1,000 and with 16,000 flights: a difference of settings, not chance.",
            ),
            Mistake(
                "divided by n",
                _divided_by_all,
                "You divide by the number of runs. A standard deviation from a sample divides by one less.",
            ),
            Mistake(
                "standard error",
                _error_of_the_mean,
                "That is how far the mean of the runs may be off. Here it is asked how far single runs lie apart.",
            ),
            Mistake(
                "range",
                _range,
                "Highest minus lowest grows with the number of seeds. Which measure of spread does not?",
            ),
            Mistake("variance", _variance, "That is in squared units of AUC. Which spread has the unit of AUC itself?"),
            Mistake(
                "shares mixed",
                _shares_mixed,
                "Your groups hold runs with clean and with flipped labels: a difference of settings, not chance.",
            ),
            Mistake(
                "one run a group",
                _one_run_a_group,
                "Each of your groups holds one run, and one run has no spread. Which column must not make groups?",
            ),
            Mistake(
                "another column", _another_column, "That is the spread of what is saved. Which column is asked for?"
            ),
            Mistake("mean", _mean, "That is how good the runs of a setting are. How far apart are they?"),
            Mistake(
                "ratio",
                _times_wider,
                "That is how many times wider, the last question. Answer with the six numbers that it is made from.",
            ),
            Mistake("four digits", _to_four_digits, "Nearly: rounded to four digits. Leave it unrounded."),
            Mistake("three digits", _to_three_digits, "Nearly: rounded to three digits. Leave it unrounded."),
        ),
        sample_inputs=lambda: {"noise": small_noise()},
    ),
    Exercise(
        id="reading_a_sweep.2",
        title="Two settings that do not differ",
        reference=winner_minus_rival,
        why="A difference by seed removes what the seed does to both settings; the interval is about the settings.",
        hints=(
            "Bring the runs into a table with one row for each seed and a column for each setting.",
            'again.pivot_table(index="seed", columns="least_in_leaf", values="auc") is that table.',
            "stats.ttest_rel(table[winner], table[rival]).confidence_interval() has low and high; the mean is that of "
            "table[winner] - table[rival].",
        ),
        mistakes=(
            Mistake(
                "two groups",
                _two_groups,
                "That takes the runs for unrelated groups. Both settings have the same seeds: which test uses that?",
            ),
            Mistake(
                "normal instead of t",
                _normal,
                "1.96 is for many seeds. With a handful the spread itself is uncertain: which distribution knows that?",
            ),
            Mistake("rival minus winner", _swapped, "That is the rival minus the winner. Which sign says that it won?"),
            Mistake(
                "spread instead of error",
                _spread_of_differences,
                "That is where a single difference lies. Where does their mean lie?",
            ),
            Mistake(
                "two groups of unequal spread",
                _two_groups_of_unequal_spread,
                "Unequal spreads are allowed for, but the groups are still unrelated. What do both settings share?",
            ),
            Mistake(
                "pairs lost",
                _pairs_lost,
                "The best run of one meets the best of the other. Which run has the same flights?",
            ),
            Mistake(
                "normal spread",
                _normal_spread,
                "Standard deviations say where a single difference lies. Where does the mean of all of them lie?",
            ),
            Mistake(
                "lowest and highest",
                _lowest_and_highest,
                "These are the lowest and the highest difference. Where does their mean lie?",
            ),
            Mistake(
                "one standard error",
                _one_standard_error,
                "One standard error to each side covers about two of three cases. How many do 95 % need?",
            ),
            Mistake(
                "mean in the middle",
                _mean_in_the_middle,
                "The right numbers in the order of their size: the mean comes first.",
            ),
            Mistake("mean at the end", _mean_at_the_end, "The right numbers, but the mean comes first."),
            Mistake(
                "the test itself",
                _test_itself,
                "That is the t statistic and the p-value. They do not say how far apart the two can be: what does?",
            ),
            Mistake("four digits", _difference_to_four_digits, "Nearly: rounded to four digits. Do not round."),
            Mistake("three digits", _difference_to_three_digits, "Nearly: rounded to three digits. Do not round."),
        ),
        sample_inputs=small_again,
    ),
    Exercise(
        id="reading_a_sweep.3",
        title="The cost of a grid",
        reference=minutes_of_the_grid,
        why="CPU seconds add up over runs and divide by cores; wall seconds of runs that shared the cores do neither.",
        hints=(
            "How many runs of each size are there?",
            "The mean of cpu_seconds for each size, times shares × seeds, added up over the sizes.",
            "Divide by the cores, and by 60.",
        ),
        mistakes=(
            Mistake(
                "wall seconds",
                _wall_seconds,
                "Wall seconds contain waiting for other runs on the same cores. Which column does not?",
            ),
            Mistake(
                "one size", _one_size, "There are two sizes in the grid, and each of them meets every share and seed."
            ),
            Mistake("seeds forgotten", _no_seeds, "Each setting runs once in your answer. How often does it run?"),
            Mistake("one core", _one_core, "That is for one core. How many work at once?"),
            Mistake("seconds", _in_seconds, "These are seconds; minutes are asked."),
            Mistake(
                "seconds of one core",
                _in_seconds_of_one_core,
                "These are CPU seconds, all in all. What makes minutes of a server with many cores of them?",
            ),
            Mistake("hours", _in_hours, "These are hours; minutes are asked."),
            Mistake("shares forgotten", _no_shares, "You have one share of flipped labels. How many are planned?"),
            Mistake(
                "all small",
                _all_small,
                "Nearly: all runs pay about what the small ones cost. Is yours the mean, and that of each size?",
            ),
            Mistake(
                "all large",
                _all_large,
                "Nearly: all runs pay about what the large ones cost. Is yours the mean, and that of each size?",
            ),
            Mistake(
                "this sweep",
                _this_sweep,
                "That is what the runs in `noise` cost. How many runs has the grid that you plan?",
            ),
        ),
        sample_inputs=lambda: {"noise": small_noise(), "shares": 10, "seeds": 50, "cores": 16},
        tolerance=1e-2,  # three decimals will do on any machine, two on most
    ),
]
