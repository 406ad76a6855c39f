"""Exercises of lesson 06, unsupervised learning."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, rand_score, silhouette_score

from course_lib.data.catalogue import load
from course_lib.exercises import Exercise, Mistake


# 06.1 ----------------------------------------------------------------------------------------------------------------
def moved(*, shapes, starts):
    """Give each row to its nearest centre, and move each centre to the mean of its rows."""
    nearest = cdist(shapes, starts).argmin(axis=1)
    return np.array([shapes[nearest == number].mean(axis=0) for number in range(len(starts))])


def _not_moved(*, shapes, starts):
    return starts


def _medians(*, shapes, starts):
    nearest = cdist(shapes, starts).argmin(axis=1)
    return np.array([np.median(shapes[nearest == number], axis=0) for number in range(len(starts))])


def _to_the_farthest(*, shapes, starts):
    farthest = cdist(shapes, starts).argmax(axis=1)
    given = [shapes[farthest == number] for number in range(len(starts))]
    return np.array([rows.mean(axis=0) if len(rows) else start for rows, start in zip(given, starts, strict=True)])


def _until_it_stands(*, shapes, starts):
    return KMeans(len(starts), init=starts, n_init=1).fit(shapes).cluster_centers_


def _means_over_columns(*, shapes, starts):
    nearest = cdist(shapes, starts).argmin(axis=1)
    return np.array([np.full(shapes.shape[1], shapes[nearest == number].mean()) for number in range(len(starts))])


# 06.2 ----------------------------------------------------------------------------------------------------------------
def renamed(*, labels, day_delay):
    """Rank the kinds by their mean delay, and look each day up."""
    rank = pd.Series(day_delay).groupby(labels).mean().rank().astype(int) - 1
    return rank[labels].to_numpy()


def _order_for_rank(*, labels, day_delay):
    return np.argsort(pd.Series(day_delay).groupby(labels).mean().to_numpy())[labels]


def _worst_first(*, labels, day_delay):
    return np.max(labels) - renamed(labels=labels, day_delay=day_delay)


def _as_they_were(*, labels, day_delay):
    return labels


def _from_one(*, labels, day_delay):
    return renamed(labels=labels, day_delay=day_delay) + 1


def _thirds_of_the_days(*, labels, day_delay):
    return pd.qcut(pd.Series(day_delay).rank(method="first"), len(np.unique(labels)), labels=False).to_numpy()


# 06.3 ----------------------------------------------------------------------------------------------------------------
def _pairs(kind_of_day, kind_by_mixture):
    once = np.triu_indices(len(kind_of_day), 1)
    return [(labels[:, None] == labels[None, :])[once] for labels in map(np.asarray, (kind_of_day, kind_by_mixture))]


def rand_index(*, kind_of_day, kind_by_mixture):
    """Share of pairs of different days on which both agree: together in both, or apart in both."""
    once = np.triu_indices(len(kind_of_day), 1)
    ours, theirs = ((labels[:, None] == labels[None, :])[once] for labels in (kind_of_day, kind_by_mixture))
    return (ours == theirs).mean()


def _equal_labels(*, kind_of_day, kind_by_mixture):
    return (np.asarray(kind_of_day) == np.asarray(kind_by_mixture)).mean()


def _together_in_both(*, kind_of_day, kind_by_mixture):
    ours, theirs = _pairs(kind_of_day, kind_by_mixture)
    return (ours & theirs).mean()


def _with_itself(*, kind_of_day, kind_by_mixture):
    ours, theirs = (it[:, None] == it for it in map(np.asarray, (kind_of_day, kind_by_mixture)))
    return (ours == theirs).mean()


def _of_those_together(*, kind_of_day, kind_by_mixture):
    ours, theirs = _pairs(kind_of_day, kind_by_mixture)
    return (ours & theirs).sum() / (ours | theirs).sum()


def _diagonal_too(*, kind_of_day, kind_by_mixture):
    once = np.triu_indices(len(kind_of_day), 0)
    ours, theirs = ((it[:, None] == it)[once] for it in map(np.asarray, (kind_of_day, kind_by_mixture)))
    return (ours == theirs).mean()


def _adjusted(*, kind_of_day, kind_by_mixture):
    return adjusted_rand_score(kind_of_day, kind_by_mixture)


# 06.4 ----------------------------------------------------------------------------------------------------------------
def _distances_by_kind(shapes, kind_of_day, one):
    distance = cdist(shapes[[one]], shapes)[0]
    others = np.arange(len(shapes)) != one
    own = (kind_of_day == kind_of_day[one]) & others
    rest = [distance[kind_of_day == kind] for kind in np.unique(kind_of_day) if kind != kind_of_day[one]]
    return distance[own], rest


def silhouette_of_one(*, shapes, kind_of_day, one):
    """How much closer a day is to its own kind than to the next one."""
    distance = pd.Series(cdist(shapes[[one]], shapes)[0]).drop(one)
    by_kind = distance.groupby(np.delete(kind_of_day, one)).mean()
    a, b = by_kind[kind_of_day[one]], by_kind.drop(kind_of_day[one]).min()
    return (b - a) / max(a, b)


def _counts_itself(*, shapes, kind_of_day, one):
    own, rest = _distances_by_kind(shapes, kind_of_day, one)
    a, b = own.sum() / (len(own) + 1), min(distance.mean() for distance in rest)
    return (b - a) / max(a, b)


def _all_other_kinds(*, shapes, kind_of_day, one):
    own, rest = _distances_by_kind(shapes, kind_of_day, one)
    a, b = own.mean(), np.concatenate(rest).mean()
    return (b - a) / max(a, b)


def _of_all_days(*, shapes, kind_of_day, one):
    return silhouette_score(shapes, kind_of_day)


def _turned_round(*, shapes, kind_of_day, one):
    return -silhouette_of_one(shapes=shapes, kind_of_day=kind_of_day, one=one)


def _nearest_day(*, shapes, kind_of_day, one):
    own, rest = _distances_by_kind(shapes, kind_of_day, one)
    a, b = own.min(), min(distance.min() for distance in rest)
    return (b - a) / max(a, b)


def _to_centres(*, shapes, kind_of_day, one):
    centres = {kind: shapes[kind_of_day == kind].mean(axis=0) for kind in np.unique(kind_of_day)}
    distance = {kind: np.linalg.norm(shapes[one] - centre) for kind, centre in centres.items()}
    a = distance.pop(kind_of_day[one])
    b = min(distance.values())
    return (b - a) / max(a, b)


def _squared(*, shapes, kind_of_day, one):
    own, rest = _distances_by_kind(shapes, kind_of_day, one)
    a, b = (own**2).mean(), min((distance**2).mean() for distance in rest)
    return (b - a) / max(a, b)


# 06.5 ----------------------------------------------------------------------------------------------------------------
def _by_draw(shapes, draws, clusters, seed, score):
    models = [KMeans(clusters, n_init=5, random_state=seed).fit(shapes[drawn]) for drawn in draws]
    return [score(model, drawn) for model, drawn in zip(models, draws, strict=True)]


def ari_by_draw(*, shapes, kind_of_day, draws, clusters, seed):
    """Cluster what was drawn, sort all days by it, and compare with ours."""
    models = [KMeans(clusters, n_init=5, random_state=seed).fit(shapes[drawn]) for drawn in draws]
    return [adjusted_rand_score(kind_of_day, model.predict(shapes)) for model in models]


def _drawn_days_only(*, shapes, kind_of_day, draws, clusters, seed):
    return _by_draw(
        shapes, draws, clusters, seed, lambda model, drawn: adjusted_rand_score(kind_of_day[drawn], model.labels_)
    )


def _fitted_on_all(*, shapes, kind_of_day, draws, clusters, seed):
    model = KMeans(clusters, n_init=5, random_state=seed).fit(shapes)
    return [adjusted_rand_score(kind_of_day, model.labels_) for _ in draws]


def _share_of_equal_labels(*, shapes, kind_of_day, draws, clusters, seed):
    return _by_draw(shapes, draws, clusters, seed, lambda model, drawn: (kind_of_day == model.predict(shapes)).mean())


def _not_adjusted(*, shapes, kind_of_day, draws, clusters, seed):
    return _by_draw(shapes, draws, clusters, seed, lambda model, drawn: rand_score(kind_of_day, model.predict(shapes)))


def _sorted(*, shapes, kind_of_day, draws, clusters, seed):
    return sorted(ari_by_draw(shapes=shapes, kind_of_day=kind_of_day, draws=draws, clusters=clusters, seed=seed))


def _their_mean(*, shapes, kind_of_day, draws, clusters, seed):
    right = ari_by_draw(shapes=shapes, kind_of_day=kind_of_day, draws=draws, clusters=clusters, seed=seed)
    return [np.mean(right)] * len(draws)


# 06.6 ----------------------------------------------------------------------------------------------------------------
def share_of_distance(*, aircraft):
    """Share of each column in the mean squared distance between two rows."""
    return aircraft.var() / aircraft.var().sum()


def _spreads(*, aircraft):
    return aircraft.std() / aircraft.std().sum()


def _sizes(*, aircraft):
    return aircraft.mean() / aircraft.mean().sum()


def _twice(*, aircraft):
    return 2 * share_of_distance(aircraft=aircraft)


def _per_cent(*, aircraft):
    return 100 * share_of_distance(aircraft=aircraft)


def _all_alike(*, aircraft):
    return pd.Series(1 / aircraft.shape[1], index=aircraft.columns)


def _ranges(*, aircraft):
    span = aircraft.max() - aircraft.min()
    return span / span.sum()


def _not_shares(*, aircraft):
    return 2 * aircraft.var()


# 06.7 ----------------------------------------------------------------------------------------------------------------
def _restored(fit_on, days):
    model = PCA(2).fit(fit_on)
    return model.inverse_transform(model.transform(days))


def pca_error(*, past_days, new_days):
    """Mean squared difference of each new day and what two numbers kept of it."""
    model = PCA(2).fit(past_days)
    return ((model.inverse_transform(model.transform(new_days)) - new_days) ** 2).mean(axis=1)


def _fitted_on_the_new(*, past_days, new_days):
    return ((_restored(new_days, new_days) - new_days) ** 2).mean(axis=1)


def _fitted_on_both(*, past_days, new_days):
    return ((_restored(np.concatenate([past_days, new_days]), new_days) - new_days) ** 2).mean(axis=1)


def _not_squared(*, past_days, new_days):
    return np.abs(_restored(past_days, new_days) - new_days).mean(axis=1)


def _a_sum(*, past_days, new_days):
    return ((_restored(past_days, new_days) - new_days) ** 2).sum(axis=1)


def _for_each_hour(*, past_days, new_days):
    return ((_restored(past_days, new_days) - new_days) ** 2).mean(axis=0)


def _what_was_kept(*, past_days, new_days):
    return (PCA(2).fit(past_days).transform(new_days) ** 2).mean(axis=1)


# inputs: profiles of real days ---------------------------------------------------------------------------------------
@cache
def _days():
    """Take the days of January to April: log of the mean departure delay in six hours, and the mean delay."""
    flights = load("flights")[["month", "day", "hour", "dep_delay"]].query(
        "month <= 4 and hour in [7, 10, 13, 16, 19, 20]"
    )
    delays = flights.pivot_table(index=["month", "day"], columns="hour", values="dep_delay", aggfunc="mean")
    delays = delays.ffill(axis=1).dropna()
    return np.log1p(delays.clip(lower=0)).to_numpy(), delays.mean(axis=1).to_numpy()


@cache
def _kinds():
    """Three kinds of these days, numbered so that order and rank differ."""
    shapes, day_delay = _days()
    labels = KMeans(3, n_init=10, random_state=0).fit_predict(shapes)
    return (renamed(labels=labels, day_delay=day_delay) + 1) % 3


def _a_start():
    shapes, _ = _days()
    return {"shapes": shapes, "starts": shapes[[5, 40, 67]]}


def _two_clusterings():
    shapes, _ = _days()
    return {"kind_of_day": _kinds(), "kind_by_mixture": KMeans(4, n_init=10, random_state=1).fit_predict(shapes)}


def _a_day():
    shapes, _ = _days()
    return {"shapes": shapes, "kind_of_day": _kinds(), "one": 12}


def _drawn_weeks():
    shapes, _ = _days()
    weeks = np.arange(len(shapes)) // 7
    drawn = [np.flatnonzero(weeks % 3 != part) for part in range(3)]
    return {"shapes": shapes, "kind_of_day": _kinds(), "draws": drawn, "clusters": 3, "seed": 0}


def _aircraft():
    planes = load("planes")[["year", "engines", "seats"]].dropna().astype(float)
    return {"aircraft": planes.iloc[::20]}


def _past_and_new():
    shapes, _ = _days()
    return {"past_days": shapes[:90], "new_days": shapes[90:]}


EXERCISES = [
    Exercise(
        id="06.1",
        title="One round of k-means",
        reference=moved,
        why="Both steps make the inertia smaller or leave it, so the rounds end.",
        hints=(
            "Two steps: say for each day which of the starts is nearest, then take the mean of the days of each start.",
            "argmin(axis=1) of the distances is the nearest; shapes[nearest == 0].mean(axis=0) the first new centre.",
        ),
        mistakes=(
            Mistake("not moved", _not_moved, "These are the starts. Where are the means of the days given to each?"),
            Mistake("medians", _medians, "These are medians. k-means moves a centre to the mean."),
            Mistake("to the farthest", _to_the_farthest, "A day goes to the centre with the smallest distance."),
            Mistake("to the end", _until_it_stands, "That is where it ends. One round only: assign, then move."),
            Mistake(
                "one mean for all hours", _means_over_columns, "A centre has a value for each hour: the mean over days."
            ),
        ),
        sample_inputs=_a_start,
    ),
    Exercise(
        id="06.2",
        title="Names that mean something",
        reference=renamed,
        why="The rank of a kind's mean is its new number; the order of the means is not the same thing.",
        hints=(
            "pd.Series(day_delay).groupby(labels).mean() is the mean of each old label. Which rank has each?",
            "means.rank().astype(int) - 1 is the new number of each old label; look it up for each day.",
        ),
        mistakes=(
            Mistake(
                "order for rank",
                _order_for_rank,
                "argsort says which label comes first, not which place a label has. You need the inverse: its rank.",
            ),
            Mistake("worst first", _worst_first, "0 is the lowest mean delay."),
            Mistake("as they were", _as_they_were, "These are the old numbers."),
            Mistake("from one", _from_one, "The order is right. The lowest mean has number 0, not 1."),
            Mistake(
                "parts of equal size",
                _thirds_of_the_days,
                "That sorts single days anew. The groups stay, only their names change.",
            ),
        ),
        sample_inputs=lambda: {"labels": (_kinds() + 1) % 3, "day_delay": _days()[1]},
    ),
    Exercise(
        id="06.3",
        title="The Rand index by hand",
        reference=rand_index,
        why="Pairs need no names: two days are together, or they are not.",
        hints=(
            "Ask each clustering of each pair: together or not? Then ask on how many pairs the two answers are equal.",
            "kind_of_day[:, None] == kind_of_day has one answer a pair; triu_indices(.., 1) keeps each pair once.",
        ),
        mistakes=(
            Mistake("equal labels", _equal_labels, "Labels are names by chance. Compare pairs of days."),
            Mistake("together in both", _together_in_both, "Pairs that both clusterings part are agreement, too."),
            Mistake("each day with itself", _with_itself, "A day and itself are no pair, and each pair counts once."),
            Mistake("of those together", _of_those_together, "That is the Jaccard index. Divide by all pairs."),
            Mistake(
                "diagonal too", _diagonal_too, "The pairs begin beside the diagonal: a day with itself is none of them."
            ),
            Mistake("adjusted", _adjusted, "That is the adjusted index, which comes next. Here the plain one."),
        ),
        sample_inputs=_two_clusterings,
    ),
    Exercise(
        id="06.4",
        title="The silhouette of a day",
        reference=silhouette_of_one,
        why="It compares two mean distances: to one's own, and to those who would be the next best company.",
        hints=(
            "cdist(shapes[[one]], shapes)[0] is its distance to each day. Which are of its own kind, without it?",
            "a is the mean over its own kind without itself; b the smallest of the means over each other kind.",
        ),
        mistakes=(
            Mistake("counts itself", _counts_itself, "The day itself, at distance 0, is not one of the others."),
            Mistake("all other kinds", _all_other_kinds, "b is the mean to the nearest other kind, not to all."),
            Mistake(
                "of all days", _of_all_days, "That is the mean over all days. Only the day number `one` is asked for."
            ),
            Mistake("turned round", _turned_round, "(b - a): positive where the day is closer to its own kind."),
            Mistake("nearest day", _nearest_day, "Mean distances, not the distance to the nearest day."),
            Mistake("to the centres", _to_centres, "These are distances to centres. Take the mean over days."),
            Mistake("squared", _squared, "Distances as they are, not squared."),
        ),
        sample_inputs=_a_day,
    ),
    Exercise(
        id="06.5",
        title="Stability for given resamples",
        reference=ari_by_draw,
        why="All days are sorted by centres that some of them never moved: that is how a new year would see them.",
        hints=(
            "A new model for each draw learns from the days drawn only; then it says of which kind *every* day is.",
            "Fit on shapes[drawn], predict shapes, compare that with kind_of_day: once for each of draws, in a list.",
        ),
        mistakes=(
            Mistake(
                "drawn days only", _drawn_days_only, "That compares the drawn days. Sort all days by the new centres."
            ),
            Mistake("fitted on all", _fitted_on_all, "Each model learns from the rows that were drawn: shapes[drawn]."),
            Mistake(
                "share of equal labels",
                _share_of_equal_labels,
                "Labels are names by chance: a share of equal ones says nothing.",
            ),
            Mistake("not adjusted", _not_adjusted, "Use the adjusted Rand index: the plain one flatters."),
            Mistake("sorted", _sorted, "The numbers are right, their order is not: that of `draws`."),
            Mistake("their mean", _their_mean, "One number for each draw, not their mean: the range matters, too."),
        ),
        sample_inputs=_drawn_weeks,
        ordered=True,
    ),
    Exercise(
        id="06.6",
        title="Which column decides",
        reference=share_of_distance,
        why="Squared distances add up over columns, and each column adds twice its variance.",
        hints=(
            "The factor 2 stands above and below the line. What is left of each column, and of their sum?",
            "aircraft.var() has the variance of each column. A share is a part of the whole.",
        ),
        mistakes=(
            Mistake("spreads", _spreads, "These are standard deviations. The distance is squared: take variances."),
            Mistake("means", _sizes, "The size of the numbers does not matter, how much they vary does."),
            Mistake("all alike", _all_alike, "That holds after scaling. What decides before it?"),
            Mistake("ranges", _ranges, "The range is made by two aircraft. All pairs count: the variance."),
            Mistake("twice", _twice, "The sum has the factor 2 as well: shares add up to 1."),
            Mistake("per cent", _per_cent, "A share lies between 0 and 1."),
            Mistake("not shares", _not_shares, "Divide by the sum over the columns."),
        ),
        sample_inputs=_aircraft,
    ),
    Exercise(
        id="06.7",
        title="The error of PCA on new days",
        reference=pca_error,
        why="What the two numbers cannot say again is the error; the new days must not have chosen the two.",
        hints=(
            "Learn the two numbers from the past; say each new day with them, say it back, and compare with the day.",
            "model.inverse_transform(model.transform(new_days)) is the day said back; square, and mean with axis=1.",
        ),
        mistakes=(
            Mistake("fitted on the new days", _fitted_on_the_new, "Fit on past_days: a judge must not be a witness."),
            Mistake("fitted on both", _fitted_on_both, "The new days took part in the fit. Fit on past_days alone."),
            Mistake("not squared", _not_squared, "Squared differences, not absolute ones."),
            Mistake("a sum", _a_sum, "The mean over the columns, not their sum."),
            Mistake("for each hour", _for_each_hour, "One number for each day: axis=1."),
            Mistake(
                "what was kept",
                _what_was_kept,
                "That is the size of the two numbers themselves. Restore the day, and compare it with the original.",
            ),
        ),
        sample_inputs=_past_and_new,
    ),
]
