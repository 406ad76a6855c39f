"""Exercises of the case study on recommendation."""

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake


# recommendation.1 ----------------------------------------------------------------------------------------------------
def mean_recall_at_ten(*, shown, truth):
    """Average hits divided by possible hits over the rows with anything to find."""
    hits = np.take_along_axis(truth, shown, axis=1).sum(axis=1)
    wanted = truth.sum(axis=1)
    some = wanted > 0
    return (hits[some] / np.minimum(wanted[some], 10)).mean()


def _hits_and_wanted(shown, truth):
    hits, wanted = np.take_along_axis(truth, shown, axis=1).sum(axis=1), truth.sum(axis=1)
    return hits[wanted > 0], wanted[wanted > 0]


def _of_ten(*, shown, truth):
    hits, _ = _hits_and_wanted(shown, truth)
    return (hits / 10).mean()


def _of_all_wanted(*, shown, truth):
    hits, wanted = _hits_and_wanted(shown, truth)
    return (hits / wanted).mean()


def _summed_first(*, shown, truth):
    hits, wanted = _hits_and_wanted(shown, truth)
    return hits.sum() / np.minimum(wanted, 10).sum()


def _empty_rows_counted(*, shown, truth):
    hits, wanted = np.take_along_axis(truth, shown, axis=1).sum(axis=1), truth.sum(axis=1)
    return (hits / np.maximum(np.minimum(wanted, 10), 1)).mean()


def _nothing_over_nothing(*, shown, truth):
    hits, wanted = np.take_along_axis(truth, shown, axis=1).sum(axis=1), truth.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (hits / np.minimum(wanted, 10)).mean()


def _ndcg(*, shown, truth):
    gains, wanted = 1 / np.log2(np.arange(2, shown.shape[1] + 2)), truth.sum(axis=1)
    found = np.take_along_axis(truth, shown, axis=1) @ gains
    return (found[wanted > 0] / gains.cumsum()[np.minimum(wanted[wanted > 0], 10) - 1]).mean()


def _any_hit(*, shown, truth):
    hits, _ = _hits_and_wanted(shown, truth)
    return (hits > 0).mean()


# recommendation.2 ----------------------------------------------------------------------------------------------------
def share_within_a_day(*, ratings):
    """Compute the share of users whose last rating comes at most 24 hours after their first."""
    times = ratings.groupby("user_id")["rated_at"].agg(["min", "max"])
    return (times["max"] - times["min"] <= pd.Timedelta(days=1)).mean()


def _of_the_ratings(*, ratings):
    times = ratings.groupby("user_id")["rated_at"]
    return (times.transform("max") - times.transform("min") <= pd.Timedelta(days=1)).mean()


def _ratings_near_the_first(*, ratings):
    first = ratings.groupby("user_id")["rated_at"].transform("min")
    return (ratings["rated_at"] - first <= pd.Timedelta(days=1)).mean()


def _one_date(*, ratings):
    days = ratings["rated_at"].dt.date.groupby(ratings["user_id"])
    return (days.min() == days.max()).mean()


def _longer_than_a_day(*, ratings):
    return 1 - share_within_a_day(ratings=ratings)


def _users_counted(*, ratings):
    return share_within_a_day(ratings=ratings) * ratings["user_id"].nunique()


def _whole_days(*, ratings):
    times = ratings.groupby("user_id")["rated_at"].agg(["min", "max"])
    return ((times["max"] - times["min"]).dt.days <= 1).mean()


# recommendation.3 ----------------------------------------------------------------------------------------------------
def hits_among_the_drawn(*, scores, wanted, drawn):
    """Compute the share of cases where fewer than ten of the drawn films score above the wanted one."""
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    above = (np.take_along_axis(scores, drawn, axis=1) > own).sum(axis=1)
    return (above < 10).mean()


def _above(scores, wanted, drawn):
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    return (np.take_along_axis(scores, drawn, axis=1) > own).sum(axis=1)


def _among_all(*, scores, wanted, drawn):
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    return ((scores > own).sum(axis=1) < 10).mean()


def _ten_above(*, scores, wanted, drawn):
    return (_above(scores, wanted, drawn) <= 10).mean()


def _ties_above(*, scores, wanted, drawn):
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    return ((np.take_along_axis(scores, drawn, axis=1) >= own).sum(axis=1) < 10).mean()


def _number_of_hits(*, scores, wanted, drawn):
    return (_above(scores, wanted, drawn) < 10).sum()


def _first_place(*, scores, wanted, drawn):
    return (_above(scores, wanted, drawn) == 0).mean()


def _below(*, scores, wanted, drawn):
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    return ((np.take_along_axis(scores, drawn, axis=1) < own).sum(axis=1) < 10).mean()


def _mean_place(*, scores, wanted, drawn):
    return _above(scores, wanted, drawn).mean() + 1


# recommendation.4 ----------------------------------------------------------------------------------------------------
def popularity_with_a_half_life(*, likes_until_now, now, years):
    """Sum for each film the likes before an instant, each halved for every half-life that has passed."""
    past = likes_until_now[likes_until_now["rated_at"] < now]
    age = (now - past["rated_at"]) / pd.Timedelta(days=365.25)
    return (0.5 ** (age / years)).groupby(past["movie_id"]).sum()


def _past_and_age(likes, now):
    past = likes[likes["rated_at"] < now]
    return past, (now - past["rated_at"]) / pd.Timedelta(days=365.25)


def _later_ones_too(*, likes_until_now, now, years):
    age = (now - likes_until_now["rated_at"]) / pd.Timedelta(days=365.25)
    return (0.5 ** (age / years)).groupby(likes_until_now["movie_id"]).sum()


def _no_decay(*, likes_until_now, now, years):
    past, _ = _past_and_age(likes_until_now, now)
    return past["movie_id"].value_counts().sort_index().astype(float)


def _base_e(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return np.exp(-age / years).groupby(past["movie_id"]).sum()


def _age_in_days(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (0.5 ** (365.25 * age / years)).groupby(past["movie_id"]).sum()


def _one_year(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (0.5**age).groupby(past["movie_id"]).sum()


def _growing(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (2 ** (age / years)).groupby(past["movie_id"]).sum()


def _days_cut_off(*, likes_until_now, now, years):
    past, _ = _past_and_age(likes_until_now, now)
    age = (now - past["rated_at"]).dt.days / 365.25
    return (0.5 ** (age / years)).groupby(past["movie_id"]).sum()


def _short_year(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (0.5 ** (age * 365.25 / 365 / years)).groupby(past["movie_id"]).sum()


def _times_the_half_life(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (0.5 ** (age * years)).groupby(past["movie_id"]).sum()


def _mean_weight(*, likes_until_now, now, years):
    past, age = _past_and_age(likes_until_now, now)
    return (0.5 ** (age / years)).groupby(past["movie_id"]).mean()


# recommendation.5 ----------------------------------------------------------------------------------------------------
def films_that_fill_half(*, shown):
    """Count how few films, those shown most, fill half of all places."""
    _, times = np.unique(shown, return_counts=True)
    filled = np.sort(times)[::-1].cumsum()
    return int((filled < shown.size / 2).sum()) + 1


def _one_too_few(*, shown):
    return films_that_fill_half(shown=shown) - 1


def _in_order_of_the_films(*, shown):
    _, times = np.unique(shown, return_counts=True)
    return int((times.cumsum() < shown.size / 2).sum()) + 1


def _shown_least_first(*, shown):
    _, times = np.unique(shown, return_counts=True)
    return int((np.sort(times).cumsum() < shown.size / 2).sum()) + 1


def _half_of_the_films(*, shown):
    return len(np.unique(shown)) / 2


def _in_half_of_the_lists(*, shown):
    _, times = np.unique(shown, return_counts=True)
    return int((times >= len(shown) / 2).sum())


def _all_places(*, shown):
    return len(np.unique(shown))


def _as_a_share(*, shown):
    return films_that_fill_half(shown=shown) / len(np.unique(shown))


# recommendation.6 ----------------------------------------------------------------------------------------------------
def error_of_two_numbers(*, train, test, film_damping, user_damping):
    """Compute the RMSE of the mean plus a damped number for the film and one for the user."""
    mean = train["rating"].mean()
    by_film = (train["rating"] - mean).groupby(train["movie_id"]).agg(["sum", "size"])
    film = by_film["sum"] / (by_film["size"] + film_damping)
    left = train["rating"] - mean - train["movie_id"].map(film)
    by_user = left.groupby(train["user_id"]).agg(["sum", "size"])
    user = by_user["sum"] / (by_user["size"] + user_damping)
    guess = mean + test["movie_id"].map(film).fillna(0) + test["user_id"].map(user).fillna(0)
    return np.sqrt(((test["rating"] - guess) ** 2).mean())


def _guess(*, train, test, film_damping, user_damping):
    mean = train["rating"].mean()
    by_film = (train["rating"] - mean).groupby(train["movie_id"]).agg(["sum", "size"])
    film = by_film["sum"] / (by_film["size"] + film_damping)
    left = train["rating"] - mean - train["movie_id"].map(film)
    by_user = left.groupby(train["user_id"]).agg(["sum", "size"])
    user = by_user["sum"] / (by_user["size"] + user_damping)
    return mean + test["movie_id"].map(film).fillna(0) + test["user_id"].map(user).fillna(0)


def _not_damped(*, train, test, film_damping, user_damping):
    return error_of_two_numbers(train=train, test=test, film_damping=0, user_damping=0)


def _dampings_swapped(*, train, test, film_damping, user_damping):
    return error_of_two_numbers(train=train, test=test, film_damping=user_damping, user_damping=film_damping)


def _user_counts_the_film_twice(*, train, test, film_damping, user_damping):
    mean, off = train["rating"].mean(), train["rating"] - train["rating"].mean()
    by_film, by_user = (off.groupby(train[key]).agg(["sum", "size"]) for key in ("movie_id", "user_id"))
    film, user = by_film["sum"] / (by_film["size"] + film_damping), by_user["sum"] / (by_user["size"] + user_damping)
    guess = mean + test["movie_id"].map(film).fillna(0) + test["user_id"].map(user).fillna(0)
    return np.sqrt(((test["rating"] - guess) ** 2).mean())


def _known_rows_only(*, train, test, film_damping, user_damping):
    known = test["movie_id"].isin(train["movie_id"]) & test["user_id"].isin(train["user_id"])
    return error_of_two_numbers(train=train, test=test[known], film_damping=film_damping, user_damping=user_damping)


def _no_root(*, train, test, film_damping, user_damping):
    return error_of_two_numbers(train=train, test=test, film_damping=film_damping, user_damping=user_damping) ** 2


def _absolute_error(*, train, test, film_damping, user_damping):
    guess = _guess(train=train, test=test, film_damping=film_damping, user_damping=user_damping)
    return (test["rating"] - guess).abs().mean()


def _clipped(*, train, test, film_damping, user_damping):
    guess = _guess(train=train, test=test, film_damping=film_damping, user_damping=user_damping)
    return np.sqrt(((test["rating"] - guess.clip(0.5, 5)) ** 2).mean())


def _mean_where_one_is_missing(*, train, test, film_damping, user_damping):
    guess = _guess(train=train, test=test, film_damping=film_damping, user_damping=user_damping)
    known = test["movie_id"].isin(train["movie_id"]) & test["user_id"].isin(train["user_id"])
    return np.sqrt(((test["rating"] - guess.where(known, train["rating"].mean())) ** 2).mean())


def _learned_from_both(*, train, test, film_damping, user_damping):
    both = pd.concat([train, test])
    return error_of_two_numbers(train=both, test=test, film_damping=film_damping, user_damping=user_damping)


def _error_in_training(*, train, test, film_damping, user_damping):
    return error_of_two_numbers(train=train, test=train, film_damping=film_damping, user_damping=user_damping)


def _learned_from_the_test(*, train, test, film_damping, user_damping):
    return error_of_two_numbers(train=test, test=test, film_damping=film_damping, user_damping=user_damping)


# recommendation.7 ----------------------------------------------------------------------------------------------------
def numbers_of_a_visitor(*, film_factors, liked, weight, penalty):
    """Solve for the numbers of a visitor, given the films liked."""
    own = film_factors[liked]
    system = film_factors.T @ film_factors + weight * own.T @ own
    system += penalty * len(liked) * np.eye(film_factors.shape[1])
    return np.linalg.solve(system, (1 + weight) * own.sum(axis=0))


def _solved(film_factors, liked, *, others=1.0, weight_left, penalty, weight_right):
    own, size = film_factors[liked], film_factors.shape[1]
    system = others * film_factors.T @ film_factors + weight_left * own.T @ own + penalty * np.eye(size)
    return np.linalg.solve(system, weight_right * own.sum(axis=0))


def _no_penalty(*, film_factors, liked, weight, penalty):
    return _solved(film_factors, liked, weight_left=weight, penalty=0, weight_right=1 + weight)


def _penalty_once(*, film_factors, liked, weight, penalty):
    return _solved(film_factors, liked, weight_left=weight, penalty=penalty, weight_right=1 + weight)


def _only_the_liked(*, film_factors, liked, weight, penalty):
    n = len(liked)
    return _solved(film_factors, liked, others=0, weight_left=weight, penalty=penalty * n, weight_right=1 + weight)


def _weight_on_the_right(*, film_factors, liked, weight, penalty):
    return _solved(film_factors, liked, weight_left=weight, penalty=penalty * len(liked), weight_right=weight)


def _liked_count_once_more(*, film_factors, liked, weight, penalty):
    n = len(liked)
    return _solved(film_factors, liked, weight_left=1 + weight, penalty=penalty * n, weight_right=1 + weight)


def _penalty_for_each_film(*, film_factors, liked, weight, penalty):
    n = len(film_factors)
    return _solved(film_factors, liked, weight_left=weight, penalty=penalty * n, weight_right=1 + weight)


def _penalty_everywhere(*, film_factors, liked, weight, penalty):
    own = film_factors[liked]
    system = film_factors.T @ film_factors + weight * own.T @ own + penalty * len(liked)
    return np.linalg.solve(system, (1 + weight) * own.sum(axis=0))


def _mean_of_the_liked(*, film_factors, liked, weight, penalty):
    return film_factors[liked].mean(axis=0)


def _scores_of_films(*, film_factors, liked, weight, penalty):
    return film_factors @ numbers_of_a_visitor(film_factors=film_factors, liked=liked, weight=weight, penalty=penalty)


# small inputs --------------------------------------------------------------------------------------------------------
def small_lists():
    """Give four lists of ten out of sixteen; one user has nothing to find, one more than ten things."""
    shown = np.array([np.arange(10), np.arange(6, 16), np.arange(3, 13), np.arange(5, 15)])
    truth = np.zeros((4, 16), dtype=bool)
    truth[0, [1, 4, 12]], truth[1, :13], truth[3, [0, 1]] = True, True, True
    return {"shown": shown, "truth": truth}


def small_sessions():
    """Give six users: three sessions, one over midnight, one of a day and a half, and years."""
    times = {
        1: ["2010-05-01 10:00", "2010-05-01 10:20", "2010-05-01 11:00"],
        2: ["2011-03-01 23:50", "2011-03-02 00:10"],
        3: ["2012-07-01 08:00", "2012-07-02 20:00"],
        4: ["2005-01-01 12:00", "2009-06-01 12:00", "2009-06-02 09:00", "2015-01-01 12:00"],
        6: ["2016-09-09 07:00", "2016-09-09 07:30"],
        5: [f"2014-02-01 09:0{minute}" for minute in range(7)],
    }
    rows = [(user, at) for user, those in times.items() for at in those]
    ratings = pd.DataFrame(rows, columns=["user_id", "rated_at"])
    ratings["rated_at"] = pd.to_datetime(ratings["rated_at"], utc=True)
    return {"ratings": ratings}


def small_rankings():
    """Give sixty cases among eighty films; what was wanted tends to score high."""
    generator = np.random.default_rng(3)
    scores, wanted = generator.random((60, 80)), generator.integers(0, 80, 60)
    scores[np.arange(60), wanted] += np.linspace(0, 1, 60)
    scores = scores.round(1)  # so that there are ties
    drawn = np.stack([generator.choice(np.delete(np.arange(80), film), 30, replace=False) for film in wanted])
    return {"scores": scores, "wanted": wanted, "drawn": drawn}


def small_likes():
    """Give seven likes of three films, two of them after the instant."""
    days = ["2007-02-01", "2009-11-20", "2009-12-31", "2006-08-15", "2008-08-15", "2010-03-01", "2012-01-01"]
    at = [f"{day} 1{hour}:30" for hour, day in enumerate(days)]
    likes = pd.DataFrame({"movie_id": [1, 1, 1, 7, 7, 7, 50], "rated_at": pd.to_datetime(at, utc=True)})
    return {"likes_until_now": likes, "now": pd.Timestamp("2010-01-01", tz="UTC"), "years": 0.5}


def small_lists_alike():
    """Give five lists of ten, of which four are nearly the same."""
    lists = [np.arange(20, 30), np.arange(20, 30)[::-1], np.arange(21, 31), np.arange(22, 32), np.arange(10)]
    return {"shown": np.array(lists)}


def small_ratings():
    """Give ratings of five users and six films, and six to guess: one user and one film are new."""
    train = [(1, 1, 5), (1, 2, 4), (1, 3, 4.5), (2, 1, 3), (2, 4, 2), (3, 2, 3.5), (3, 3, 4), (3, 5, 1), (4, 1, 4.5)]
    train += [(user, 6, 5) for user in (1, 2, 3, 4)] + [
        (7, film, 5) for film in (1, 2, 3, 4, 5)
    ]  # and one guess above 5
    test = [(1, 4, 3.5), (2, 2, 2.5), (3, 1, 4), (9, 1, 5), (4, 8, 3), (7, 6, 4.5)]
    columns = ["user_id", "movie_id", "rating"]
    tables = {"train": pd.DataFrame(train, columns=columns), "test": pd.DataFrame(test, columns=columns)}
    return tables | {"film_damping": 2, "user_damping": 4}


def small_factors():
    """Give eight films with three numbers each, of which a visitor likes three."""
    film_factors = np.random.default_rng(5).normal(0, 1, (8, 3)).round(2)
    return {"film_factors": film_factors, "liked": np.array([0, 3, 6]), "weight": 10.0, "penalty": 0.5}


EXERCISES = [
    Exercise(
        id="recommendation.1",
        title="Hits of those that were possible",
        reference=mean_recall_at_ten,
        why="Each household counts once, and none is blamed for hits that ten places cannot hold.",
        hints=(
            "How many hits can a household have that goes on to buy three types? And one that buys forty?",
            "hits / np.minimum(truth.sum(axis=1), 10), for the rows where that sum is not 0.",
        ),
        mistakes=(
            Mistake("precision", _of_ten, "You divide by ten for all. Who buys three types can have three hits."),
            Mistake("no cap", _of_all_wanted, "Who buys forty types cannot have forty hits in ten places."),
            Mistake(
                "sums divided", _summed_first, "You add up first, so who buys much counts more. Divide in each row."
            ),
            Mistake(
                "nothing to find", _empty_rows_counted, "Some rows have nothing to find. Do they tell of the list?"
            ),
            Mistake("0/0", _nothing_over_nothing, "0 divided by 0 is NaN. Which rows have nothing to find?"),
            Mistake("NDCG", _ndcg, "That is NDCG. In recall a hit counts the same in every place."),
            Mistake("any hit", _any_hit, "That is the share of rows with a hit at all. How many of those possible?"),
        ),
        sample_inputs=small_lists,
    ),
    Exercise(
        id="recommendation.2",
        title="One day, and never again",
        reference=share_within_a_day,
        why="The span of each user is the largest time minus the smallest, and the mean of a comparison is a share.",
        hints=(
            "What are the first and the last time of each user, and how far apart?",
            'ratings.groupby("user_id")["rated_at"].agg(["min", "max"]), then compare with pd.Timedelta(days=1).',
        ),
        mistakes=(
            Mistake("share of ratings", _of_the_ratings, "That is a share of the ratings. Who rates much counts much."),
            Mistake(
                "near the first",
                _ratings_near_the_first,
                "That is a share of ratings, too: those soon after the first. Which users gave all of theirs so soon?",
            ),
            Mistake("calendar day", _one_date, "An evening may go on after midnight. Count 24 hours, not dates."),
            Mistake("complement", _longer_than_a_day, "These are the ones who came back."),
            Mistake("count", _users_counted, "That is a number of users. Of how many?"),
            Mistake("whole days", _whole_days, "`.dt.days` cuts off hours, so a day and a half counts as one day."),
        ),
        sample_inputs=small_sessions,
    ),
    Exercise(
        id="recommendation.3",
        title="Among a hundred",
        reference=hits_among_the_drawn,
        why="The place of the wanted film is one more than the number of drawn films that score above it.",
        hints=(
            "How many of the drawn films have a larger score than the wanted one? Fewer than ten is a hit.",
            "own = np.take_along_axis(scores, wanted[:, None], axis=1) has the scores of the wanted films.",
        ),
        mistakes=(
            Mistake("all films", _among_all, "You rank among all films. Here only the drawn ones compete."),
            Mistake("ten above", _ten_above, "With ten films above it, the wanted one is in the eleventh place."),
            Mistake("ties", _ties_above, "Only a larger score pushes the wanted film down; you count equal ones, too."),
            Mistake("number", _number_of_hits, "That is a number of hits. Of how many cases?"),
            Mistake("first place", _first_place, "That is the share in the first place. The list has ten."),
            Mistake("wrong way", _below, "You count the films below the wanted one. Which ones push it down?"),
            Mistake("mean place", _mean_place, "That is a mean place. Which share is among the first ten?"),
        ),
        sample_inputs=small_rankings,
    ),
    Exercise(
        id="recommendation.4",
        title="Popularity that fades",
        reference=popularity_with_a_half_life,
        why="A weight for each like and one sum by film: no loop, and nothing from after the instant.",
        hints=(
            "Which likes may be used at `now`, and how old is each, in years?",
            "(now - rated_at) / pd.Timedelta(days=365.25) is an age in years; weigh, then group by film and sum.",
        ),
        mistakes=(
            Mistake("the future", _later_ones_too, "Some of these likes come after `now`, and with a large weight."),
            Mistake("no decay", _no_decay, "That counts all likes alike. How much does an old one weigh?"),
            Mistake("base e", _base_e, "After one half-life a like should weigh a half; exp(-1) is 0.37."),
            Mistake("days", _age_in_days, "Your ages are in days, the half-life is in years."),
            Mistake(
                "times", _times_the_half_life, "A longer half-life should make likes last longer; yours shortens them."
            ),
            Mistake("one year", _one_year, "After `years` a like should weigh a half. Yours does after one year."),
            Mistake("growing", _growing, "Your old likes weigh more than the new ones."),
            Mistake("whole days", _days_cut_off, "`.dt.days` cuts off hours. Divide by a Timedelta instead."),
            Mistake("365 days", _short_year, "A year has 365.25 days here."),
            Mistake("mean", _mean_weight, "A mean weight tells how old the likes are, not how many."),
        ),
        sample_inputs=small_likes,
    ),
    Exercise(
        id="recommendation.5",
        title="Few films fill half of the places",
        reference=films_that_fill_half,
        why="Sorted by how often each is shown, the cumulative sum says how many places the first few fill.",
        hints=(
            "How often is each film shown? Put these counts in order, the largest first, and add them up.",
            "np.unique(shown, return_counts=True) has the counts. Where does their cumulative sum reach half?",
        ),
        mistakes=(
            Mistake("one too few", _one_too_few, "With so many films you are still below half of the places."),
            Mistake(
                "not sorted", _in_order_of_the_films, "You add up in the order of the films. Which should come first?"
            ),
            Mistake("wrong end", _shown_least_first, "You begin with the films that are shown least."),
            Mistake(
                "half of the films",
                _half_of_the_films,
                "That is half of the films. Which ones fill half of the places?",
            ),
            Mistake(
                "half of the lists",
                _in_half_of_the_lists,
                "You count films that half of the lists show. Add up places.",
            ),
            Mistake("all places", _all_places, "These fill all places. How few fill half of them?"),
            Mistake("share", _as_a_share, "That is a share of the films that are shown. Asked for is their number."),
        ),
        sample_inputs=small_lists_alike,
    ),
    Exercise(
        id="recommendation.6",
        title="Two numbers against many",
        reference=error_of_two_numbers,
        why="The user's number is learned from what mean and film leave over, so nothing is counted twice.",
        hints=(
            "First the film: sum of (rating - mean), over their number plus film_damping. What is left for the user?",
            "left = rating - mean - movie_id.map(film); the user's number is learned from `left` in the same way.",
            "In test, map the numbers and put 0 where there is none: fillna(0).",
        ),
        mistakes=(
            Mistake(
                "no damping", _not_damped, "A film with one rating gets all of its difference. Where is the damping?"
            ),
            Mistake("swapped", _dampings_swapped, "Which damping belongs to films, and which to users?"),
            Mistake(
                "counted twice",
                _user_counts_the_film_twice,
                "Who sees good films is not kind for that. Take the film's number off first.",
            ),
            Mistake(
                "known rows", _known_rows_only, "You leave out rows with a new film or user. There the number is 0."
            ),
            Mistake("no root", _no_root, "That is the mean squared error. Its root is in stars."),
            Mistake(
                "absolute", _absolute_error, "That is the mean absolute error; asked for is the root of the squares."
            ),
            Mistake("clipped", _clipped, "You cut guesses off at the ends of the scale. The formula does not."),
            Mistake(
                "all or the mean",
                _mean_where_one_is_missing,
                "Where one of the two numbers is missing, the other still counts: fill each with 0 before you add.",
            ),
            Mistake("both", _learned_from_both, "You learn from train and test together."),
            Mistake("training error", _error_in_training, "That is the error on the rows that were learned from."),
            Mistake("test", _learned_from_the_test, "You learn the numbers from the rows that judge them."),
        ),
        sample_inputs=small_ratings,
    ),
    Exercise(
        id="recommendation.7",
        title="A visitor who has just arrived",
        reference=numbers_of_a_visitor,
        why="solve is faster and more exact than an inverse, and Y'Y is the same for all visitors: keep it.",
        hints=(
            "Left of w is a square matrix, rank by rank, of three parts; right of the equals sign is a vector.",
            "own = film_factors[liked] is L; own.sum(axis=0) is sum(L).",
        ),
        mistakes=(
            Mistake("no penalty", _no_penalty, "Without the penalty few likes give large numbers."),
            Mistake("penalty once", _penalty_once, "The penalty counts once for each film liked."),
            Mistake("liked only", _only_the_liked, "The films that were not liked count, too: where is Y'Y?"),
            Mistake(
                "right side",
                _weight_on_the_right,
                "In Y'Y a like has weight 1 already; on the right, too, it has 1 + alpha in all.",
            ),
            Mistake(
                "once more", _liked_count_once_more, "The films liked are in Y'Y already, with weight 1. What is added?"
            ),
            Mistake("n of all", _penalty_for_each_film, "n is the number of films that the visitor likes."),
            Mistake(
                "no identity", _penalty_everywhere, "You add the penalty in every cell. Where does I have its ones?"
            ),
            Mistake("mean", _mean_of_the_liked, "A mean of the films is near, but solves nothing."),
            Mistake(
                "scores", _scores_of_films, "These are scores of all films. Asked for are the visitor's own numbers."
            ),
        ),
        sample_inputs=small_factors,
    ),
]
