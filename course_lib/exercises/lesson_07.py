"""Exercises of lesson 07, finding the best model."""

from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 07.1 ----------------------------------------------------------------------------------------------------------------
def rolling_folds(*, days_of_sampled, origins):
    """Learn from all before an origin, judge what comes up to the next."""
    return [
        (
            np.flatnonzero(days_of_sampled < start),
            np.flatnonzero((days_of_sampled >= start) & (days_of_sampled < end)),
        )
        for start, end in pairwise(origins)
    ]


def _origin_in_both(*, days_of_sampled, origins):
    days = np.asarray(days_of_sampled)
    right = rolling_folds(days_of_sampled=days, origins=origins)
    return [(np.flatnonzero(days <= start), judge) for start, (_, judge) in zip(origins[:-1], right, strict=True)]


def _end_judged_too(*, days_of_sampled, origins):
    days = np.asarray(days_of_sampled)
    return [
        (np.flatnonzero(days < start), np.flatnonzero((days >= start) & (days <= end)))
        for start, end in pairwise(origins)
    ]


def _all_that_follows(*, days_of_sampled, origins):
    days = np.asarray(days_of_sampled)
    return [(np.flatnonzero(days < start), np.flatnonzero(days >= start)) for start in origins[:-1]]


def _all_others_learned_from(*, days_of_sampled, origins):
    right = rolling_folds(days_of_sampled=days_of_sampled, origins=origins)
    return [(np.setdiff1d(np.arange(len(days_of_sampled)), judge), judge) for _, judge in right]


def _masks(*, days_of_sampled, origins):
    days = np.asarray(days_of_sampled)
    return [(days < start, (days >= start) & (days < end)) for start, end in pairwise(origins)]


# 07.2 ----------------------------------------------------------------------------------------------------------------
def so_far(*, found):
    """Follow the best so far in each repeat, then take the mean over the repeats."""
    best_yet = found.assign(loss=found.groupby(["search", "repeat"])["loss"].cummin())
    return best_yet.pivot_table(index="spent", columns="search", values="loss", aggfunc="mean")


def _not_so_far(*, found):
    return found.pivot_table(index="spent", columns="search", values="loss", aggfunc="mean")


def _mean_first(*, found):
    return found.pivot_table(index="spent", columns="search", values="loss", aggfunc="mean").cummin()


def _luckiest_repeat(*, found):
    return found.pivot_table(index="spent", columns="search", values="loss", aggfunc="min").cummin()


def _over_repeats(*, found):
    best = found.assign(loss=found.groupby("search")["loss"].cummin())
    return best.pivot_table(index="spent", columns="search", values="loss", aggfunc="mean")


def _largest(*, found):
    best = found.assign(loss=found.groupby(["search", "repeat"])["loss"].cummax())
    return best.pivot_table(index="spent", columns="search", values="loss", aggfunc="mean")


# 07.3 ----------------------------------------------------------------------------------------------------------------
def _smallest(positions, losses, kept):
    """Of these positions those with the smallest losses, best first."""
    return positions[np.argsort(losses[positions])][:kept]


def in_last_round(*, first, mean_loss):
    """Keep the best third on a ninth of the rows, of these the best third on a third of the rows."""
    left = _smallest(first, mean_loss["1/9"], len(first) // 3)
    return np.sort(_smallest(left, mean_loss["1/3"], len(left) // 3))


def _best_of_all_drawn(*, first, mean_loss):
    return np.sort(_smallest(first, mean_loss["1"], len(first) // 9))


def _first_round_only(*, first, mean_loss):
    return np.sort(_smallest(first, mean_loss["1/9"], len(first) // 9))


def _first_round_skipped(*, first, mean_loss):
    return np.sort(_smallest(first, mean_loss["1/3"], len(first) // 9))


def _second_round_on_all_rows(*, first, mean_loss):
    left = _smallest(first, mean_loss["1/9"], len(first) // 3)
    return np.sort(_smallest(left, mean_loss["1"], len(left) // 3))


def _places_among_the_drawn(*, first, mean_loss):
    return np.flatnonzero(np.isin(first, in_last_round(first=first, mean_loss=mean_loss)))


def _worst_kept(*, first, mean_loss):
    return in_last_round(first=first, mean_loss={share: -losses for share, losses in mean_loss.items()})


def _one_round_more(*, first, mean_loss):
    return _smallest(in_last_round(first=first, mean_loss=mean_loss), mean_loss["1"], 1)


# 07.4 ----------------------------------------------------------------------------------------------------------------
def draws_needed(*, good, sure):
    """All n draws miss with (1 - good) ** n, and that must be at most 1 - sure."""
    return int(np.ceil(np.log(1 - sure) / np.log(1 - good)))


def _one_over(*, good, sure):
    return int(np.ceil(1 / good))


def _sure_over_good(*, good, sure):
    return int(np.ceil(sure / good))


def _rounded_down(*, good, sure):
    return int(np.floor(np.log(1 - sure) / np.log(1 - good)))


def _not_rounded(*, good, sure):
    return float(np.log(1 - sure) / np.log(1 - good))


def _sides_exchanged(*, good, sure):
    return int(np.ceil(np.log(sure) / np.log(1 - good)))


# 07.5 ----------------------------------------------------------------------------------------------------------------
def corrected(*, fold_scores):
    """Choose by the other folds, read in this one, and take the mean."""
    read = []
    for fold in fold_scores.index:
        winner = fold_scores.drop(index=fold).mean().idxmax()
        read.append(fold_scores.loc[fold, winner])
    return np.mean(read)


def _naive(*, fold_scores):
    return fold_scores.mean().max()


def _chosen_in_this_fold(*, fold_scores):
    return fold_scores.max(axis=1).mean()


def _score_of_the_others(*, fold_scores):
    return np.mean([fold_scores.drop(index=fold).mean().max() for fold in fold_scores.index])


def _chosen_here_read_there(*, fold_scores):
    return np.mean([fold_scores.drop(index=fold)[fold_scores.loc[fold].idxmax()].mean() for fold in fold_scores.index])


def _mean_of_all(*, fold_scores):
    return fold_scores.to_numpy().mean()


# 07.6 ----------------------------------------------------------------------------------------------------------------
def optimism(*, seen, true):
    """Take what was seen of each repeat's winner, less what is true of that winner."""
    winner = seen.idxmax(axis=1)
    of_winner = [seen.loc[repeat, one] - true.loc[repeat, one] for repeat, one in winner.items()]
    return np.mean(of_winner)


def _best_true(*, seen, true):
    return (seen.max(axis=1) - true.max(axis=1)).mean()


def _all_candidates(*, seen, true):
    return (seen - true).to_numpy().mean()


def _one_winner_for_all(*, seen, true):
    winner = seen.mean().idxmax()
    return (seen[winner] - true[winner]).mean()


def _chosen_by_the_truth(*, seen, true):
    winner = true.idxmax(axis=1)
    return np.mean([seen.loc[repeat, one] - true.loc[repeat, one] for repeat, one in winner.items()])


def _sign_turned(*, seen, true):
    return -optimism(seen=seen, true=true)


# 07.7 ----------------------------------------------------------------------------------------------------------------
def rule_says(*, contenders, errors):
    """Count those that these standard errors do not tell from the best, and take the simplest of them."""
    alike = contenders[contenders["behind"] <= errors * contenders["standard_error"]]
    in_order = alike.sort_values(["max_depth", "min_child_weight", "behind"], ascending=[True, False, True])
    return len(alike), in_order.index[0]


def _smallest_behind(*, contenders, errors):
    return rule_says(contenders=contenders, errors=errors)[0], contenders["behind"].idxmin()


def _simplest_of_all(*, contenders, errors):
    return rule_says(contenders=contenders, errors=1e9)


def _smallest_leaves(*, contenders, errors):
    turned = contenders.assign(min_child_weight=-contenders["min_child_weight"])
    return rule_says(contenders=turned, errors=errors)


def _one_error(*, contenders, errors):
    return rule_says(contenders=contenders, errors=1)


def _deepest(*, contenders, errors):
    return rule_says(contenders=contenders.assign(max_depth=-contenders["max_depth"]), errors=errors)


# 07.8 ----------------------------------------------------------------------------------------------------------------
def upper_ends(*, challengers, cost_champion):
    """How much more each may cost than the champion, at worst, as a share of the champion's cost."""
    weeks = len(cost_champion)
    t = stats.t.ppf(0.975, weeks - 1)
    answer = {}
    for name, cost in challengers.items():
        difference = cost - cost_champion
        upper = difference.mean() + t * difference.std(ddof=1) / np.sqrt(weeks)
        answer[name] = upper / cost_champion.mean()
    return answer


def _means_only(*, challengers, cost_champion):
    return {name: (cost - cost_champion).mean() / cost_champion.mean() for name, cost in challengers.items()}


def _lower_ends(*, challengers, cost_champion):
    means = _means_only(challengers=challengers, cost_champion=cost_champion)
    upper = upper_ends(challengers=challengers, cost_champion=cost_champion)
    return {name: 2 * means[name] - upper[name] for name in means}


def _spread_of_weeks(*, challengers, cost_champion):
    weeks = len(cost_champion)
    t = stats.t.ppf(0.975, weeks - 1)
    differences = {name: cost - cost_champion for name, cost in challengers.items()}
    return {name: (each.mean() + t * each.std(ddof=1)) / cost_champion.mean() for name, each in differences.items()}


def _single_intervals(*, challengers, cost_champion):
    weeks = len(cost_champion)
    t = stats.t.ppf(0.975, weeks - 1)
    own = {name: cost.mean() + t * cost.std(ddof=1) / np.sqrt(weeks) for name, cost in challengers.items()}
    return {name: (upper - cost_champion.mean()) / cost_champion.mean() for name, upper in own.items()}


def _sides_turned(*, challengers, cost_champion):
    lower = _lower_ends(challengers=challengers, cost_champion=cost_champion)
    return {name: -value for name, value in lower.items()}


def _in_money(*, challengers, cost_champion):
    upper = upper_ends(challengers=challengers, cost_champion=cost_champion)
    return {name: value * cost_champion.mean() for name, value in upper.items()}


# inputs: real scores of small trees ----------------------------------------------------------------------------------
@cache
def _days():
    """Days of every 200th departure, in no order."""
    return load("departures")["day"].iloc[::200].sample(frac=1, random_state=0).to_numpy()


@cache
def _scores():
    """AUC of eight trees in each of five folds of 400 flights, and on 2,000 others, in three samples."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    flights = load("departures")[["hour", "airport_delay", "arr_delay"]].fillna(0)
    seen, true, folds = [], [], None
    for repeat in range(3):
        sample = flights.sample(2_400, random_state=repeat)
        rows, late = sample[["hour", "airport_delay"]].to_numpy(), (sample["arr_delay"] >= 30).to_numpy()
        trees = [DecisionTreeClassifier(max_depth=3, max_features=1, random_state=number) for number in range(8)]
        parts = np.array_split(np.arange(400), 5)
        of_folds = np.array(
            [
                [
                    roc_auc_score(late[part], tree.fit(rows[rest], late[rest]).predict_proba(rows[part])[:, 1])
                    for tree in trees
                ]
                for part in parts
                for rest in [np.setdiff1d(np.arange(400), part)]
            ]
        )
        folds = of_folds if folds is None else folds
        seen.append(of_folds.mean(axis=0))
        true.append(
            [
                roc_auc_score(late[400:], tree.fit(rows[:400], late[:400]).predict_proba(rows[400:])[:, 1])
                for tree in trees
            ]
        )
    return pd.DataFrame(folds), pd.DataFrame(seen), pd.DataFrame(true)


def _three_searches():
    generator = np.random.default_rng(0)
    rows = [
        (search, repeat, spent, 0.4 - 0.02 * number + 0.05 * generator.random())
        for number, search in enumerate(["grid", "Optuna", "random"])
        for repeat in range(4)
        for spent in range(1, 7)
    ]
    return {"found": pd.DataFrame(rows, columns=["search", "repeat", "spent", "loss"])}


def _losses_by_share():
    generator = np.random.default_rng(3)
    truth = generator.random(40)
    noise = {"1/9": 1.0, "1/3": 0.4, "1": 0.0}
    mean_loss = {share: truth + spread * generator.normal(size=40) for share, spread in noise.items()}
    return {"first": generator.choice(40, 36, replace=False), "mean_loss": mean_loss}


def _settings_behind():
    return {
        "contenders": pd.DataFrame(
            {
                "max_depth": [2, 3, 3, 3, 3, 4, 6],
                "min_child_weight": [5, 80, 5, 50, 50, 5, 50],
                "behind": [0.0040, 0.0018, 0.0005, 0.0009, 0.0004, 0.0, 0.0004],
                "standard_error": [0.0010, 0.0010, 0.0006, 0.0010, 0.0010, 0.0, 0.0010],
            },
            index=[4, 9, 13, 17, 21, 30, 42],
        ),
        "errors": 2,
    }


def _weekly_costs():
    """Cost of three policies in the weeks of November and December."""
    flights = load("departures")
    flights = flights[flights["day"] >= "2013-11-01"]
    late, week = flights["arr_delay"] >= 30, flights["day"].dt.strftime("%G-%V")
    crews = {
        "always": pd.Series(True, index=flights.index),
        "evening": flights["hour"] >= 17,
        "queue": flights["airport_delay"].fillna(0) >= 20,
    }
    costs = {name: (crew + 6.0 * (late & ~crew)).groupby(week).sum().to_numpy() for name, crew in crews.items()}
    return {"challengers": {name: costs[name] for name in ("always", "evening")}, "cost_champion": costs["queue"]}


EXERCISES = [
    Exercise(
        id="07.1",
        title="Folds with a rolling origin",
        reference=rolling_folds,
        why="Each fold learns from all before its origin and judges what comes next, as the model will be used.",
        hints=(
            "pairwise(origins) gives start and end of each fold.",
            "np.flatnonzero(days < start) are the positions to learn from; to judge: days >= start and days < end.",
        ),
        mistakes=(
            Mistake("origin in both", _origin_in_both, "The day of the origin is judged: may it be learned from?"),
            Mistake("end judged", _end_judged_too, "The day of the next origin belongs to the next fold."),
            Mistake("all that follows", _all_that_follows, "Where does a fold stop judging? Each flight once."),
            Mistake("all others", _all_others_learned_from, "Those learn from what comes after what they judge."),
            Mistake("masks", _masks, "scikit-learn wants positions, not True and False: np.flatnonzero."),
        ),
        sample_inputs=lambda: {
            "days_of_sampled": _days(),
            "origins": pd.to_datetime(["2013-04-01", "2013-07-01", "2013-09-01", "2013-11-01"]),
        },
    ),
    Exercise(
        id="07.2",
        title="The best so far",
        reference=so_far,
        why="The minimum is taken within a repeat, over time; the mean over repeats comes last.",
        hints=(
            'found.groupby(["search", "repeat"])["loss"].cummin() is the best so far, within each repeat.',
            'Then pivot_table(index="spent", columns="search", values="loss") takes the mean over the repeats.',
        ),
        mistakes=(
            Mistake("not so far", _not_so_far, "That is the loss of each evaluation. What has it so far?"),
            Mistake("mean first", _mean_first, "Minimum of means, or mean of minima? A repeat knows only its own."),
            Mistake("luckiest", _luckiest_repeat, "That is the luckiest repeat. Yours would be an average one."),
            Mistake("over repeats", _over_repeats, "The best of one repeat is carried into the next: group by both."),
            Mistake("largest", _largest, "Of a loss, the smallest is best."),
        ),
        sample_inputs=_three_searches,
    ),
    Exercise(
        id="07.3",
        title="Halving by hand",
        reference=in_last_round,
        why="Sort by the loss of the round, keep a third, go on with more rows.",
        hints=(
            'first[np.argsort(mean_loss["1/9"][first])] puts the positions in the order of their loss; keep 12.',
            'Do the same with these twelve and "1/3", keep 4, and np.sort them.',
        ),
        mistakes=(
            Mistake("best of all", _best_of_all_drawn, "Those need the loss on all rows of all 36: the dear way."),
            Mistake("first round only", _first_round_only, "Those are the best on a ninth. A round is missing."),
            Mistake("first round skipped", _first_round_skipped, "Only those that a ninth has kept see a third."),
            Mistake("second on all rows", _second_round_on_all_rows, "The second round sees a third of the rows."),
            Mistake("places", _places_among_the_drawn, "Those are places within `first`. Answer with first[places]."),
            Mistake("worst kept", _worst_kept, "Losses: keep the smallest ones."),
            Mistake("one round more", _one_round_more, "That is the winner. Which four were in the last round?"),
        ),
        sample_inputs=_losses_by_share,
    ),
    Exercise(
        id="07.4",
        title="How many draws?",
        reference=draws_needed,
        why="That none is good has the probability (1 - good) ** n; solve for n and round up.",
        hints=(
            "What is the probability that n draws all miss?",
            "(1 - good) ** n <= 1 - sure. Take logarithms, and mind that they are negative.",
        ),
        mistakes=(
            Mistake("one in", _one_over, "After 1 / good draws one is good on average: that is not sure."),
            Mistake("sure / good", _sure_over_good, "Probabilities of draws do not add up: multiply those of missing."),
            Mistake("rounded down", _rounded_down, "One draw fewer is not enough: which way is it rounded?"),
            Mistake("not rounded", _not_rounded, "There is no part of a draw."),
            Mistake("exchanged", _sides_exchanged, "All miss with 1 - sure, not with sure."),
        ),
        sample_inputs=lambda: {"good": 0.03, "sure": 0.9},
    ),
    Exercise(
        id="07.5",
        title="An honest score without a fit",
        reference=corrected,
        why="A fold's score was not asked when its candidate was chosen, though the trees that chose know its rows.",
        hints=(
            "For one fold: fold_scores.drop(index=fold).mean().idxmax() is the column that the others choose.",
            "fold_scores.loc[fold, that column]; do it for each fold, take the mean.",
        ),
        mistakes=(
            Mistake("naive", _naive, "All folds chose that winner, so no fold can judge it."),
            Mistake("this fold", _chosen_in_this_fold, "You choose in the fold that you read."),
            Mistake("read in the others", _score_of_the_others, "Choose by the others, but read in the one left out."),
            Mistake("the other way", _chosen_here_read_there, "Turned round: many folds choose, one is read."),
            Mistake("all candidates", _mean_of_all, "That is the mean of all candidates. Where is the choice?"),
        ),
        sample_inputs=lambda: {"fold_scores": _scores()[0]},
    ),
    Exercise(
        id="07.6",
        title="Optimism",
        reference=optimism,
        why="The same candidate, seen and true: the difference is what the choice has added.",
        hints=(
            "seen.idxmax(axis=1) names the winner of each repeat.",
            "For each repeat: seen.loc[repeat, winner] - true.loc[repeat, winner]. Then the mean.",
        ),
        mistakes=(
            Mistake("best truth", _best_true, "You set the winner against another one, the truly best."),
            Mistake("all", _all_candidates, "Without a choice there is no optimism: take the winner only."),
            Mistake("one winner", _one_winner_for_all, "Each repeat chooses for itself: axis=1."),
            Mistake("by the truth", _chosen_by_the_truth, "Nobody knows `true` when choosing."),
            Mistake("sign", _sign_turned, "Optimism is seen less true."),
        ),
        sample_inputs=lambda: {"seen": _scores()[1], "true": _scores()[2]},
    ),
    Exercise(
        id="07.7",
        title="One standard error",
        reference=rule_says,
        why="Who cannot be told from the best may be chosen for another reason, here simplicity.",
        hints=(
            'First contenders[contenders["behind"] <= errors * contenders["standard_error"]], and its len.',
            'Then sort_values(["max_depth", "min_child_weight", "behind"], ascending=[True, False, True]).index[0].',
        ),
        mistakes=(
            Mistake("best", _smallest_behind, "That is the best. The rule gives up a little for something simpler."),
            Mistake("simplest of all", _simplest_of_all, "Simple, but too far behind: filter first."),
            Mistake("smallest leaves", _smallest_leaves, "A *larger* min_child_weight is simpler: it sorts downwards."),
            Mistake("one error", _one_error, "That is one standard error. How many are allowed?"),
            Mistake("deepest", _deepest, "The smallest depth is the simplest: it sorts upwards."),
        ),
        sample_inputs=_settings_behind,
    ),
    Exercise(
        id="07.8",
        title="The heart of a gate",
        reference=upper_ends,
        why="Both meet the same weeks, so the differences are what varies; the upper end is the worst to expect.",
        hints=(
            "difference = cost - cost_champion, week by week, and its mean and standard error.",
            "(difference.mean() + t * difference.std(ddof=1) / np.sqrt(weeks)) / cost_champion.mean()",
        ),
        mistakes=(
            Mistake("means", _means_only, "The mean may be luck: the gate asks for the upper end."),
            Mistake("lower end", _lower_ends, "That is the lower end: the best case. Ask for the worst."),
            Mistake("spread", _spread_of_weeks, "That is how single weeks spread. The mean moves less."),
            Mistake("single", _single_intervals, "Compare in pairs: the error of the differences."),
            Mistake("turned", _sides_turned, "New less champion: positive means dearer."),
            Mistake("in money", _in_money, "As a share of the champion's mean cost."),
        ),
        sample_inputs=_weekly_costs,
    ),
]
