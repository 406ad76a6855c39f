"""Exercises of the case study on images."""

import numpy as np
import pandas as pd
from scipy.stats import beta

from course_lib.exercises import Exercise, Mistake


# image_classification.1 -----------------------------------------------------------------------------------------------
def as_columns(*, raw):
    """Read all bytes at once, one row a picture, and divide."""
    return np.frombuffer(b"".join(raw), "uint8").reshape(len(raw), -1) / np.float32(255)


def _not_divided(*, raw):
    return as_columns(raw=raw) * 255


def _one_long_row(*, raw):
    return as_columns(raw=raw).ravel()


def _squares(*, raw):
    return as_columns(raw=raw).reshape(len(raw), 28, 28)


def _down_the_columns(*, raw):
    return _squares(raw=raw).transpose(0, 2, 1).reshape(len(raw), -1)


def _signed(*, raw):
    return np.frombuffer(b"".join(raw), "int8").reshape(len(raw), -1) / np.float32(255)


def _inverted(*, raw):
    return 1 - as_columns(raw=raw)


def _by_256(*, raw):
    return as_columns(raw=raw) * 255 / 256


def _each_by_its_own_darkest(*, raw):
    columns = as_columns(raw=raw)
    return columns / columns.max(axis=1, keepdims=True)


def _whole_numbers(*, raw):
    return np.frombuffer(b"".join(raw), "uint8").reshape(len(raw), -1) // 255


def _standardised(*, raw):
    columns = as_columns(raw=raw)
    return (columns - columns.mean()) / columns.std()


# image_classification.2 -----------------------------------------------------------------------------------------------
def accuracy_of_the_surest(*, probability, truth, coverage):
    """Sort by the largest probability, take the first, and see how many are right."""
    surest = np.argsort(-probability.max(axis=1), kind="stable")[: int(coverage * len(probability))]
    return (probability.argmax(axis=1)[surest] == truth[surest]).mean()


def _right_where(order, probability, truth, coverage):
    chosen = order[: int(coverage * len(probability))]
    return (probability.argmax(axis=1)[chosen] == truth[chosen]).mean()


def _least_sure(*, probability, truth, coverage):
    return _right_where(np.argsort(probability.max(axis=1), kind="stable"), probability, truth, coverage)


def _all_of_them(*, probability, truth, coverage):
    return (probability.argmax(axis=1) == truth).mean()


def _not_sorted(*, probability, truth, coverage):
    return _right_where(np.arange(len(truth)), probability, truth, coverage)


def _by_the_truth(*, probability, truth, coverage):
    of_truth = probability[np.arange(len(truth)), truth]
    return _right_where(np.argsort(-of_truth, kind="stable"), probability, truth, coverage)


def _of_all(*, probability, truth, coverage):
    chosen = np.argsort(-probability.max(axis=1), kind="stable")[: int(coverage * len(probability))]
    return (probability.argmax(axis=1)[chosen] == truth[chosen]).sum() / len(truth)


def _mean_confidence(*, probability, truth, coverage):
    return np.sort(probability.max(axis=1))[::-1][: int(coverage * len(probability))].mean()


def _by_the_lead(*, probability, truth, coverage):
    ranked = np.sort(probability, axis=1)
    return _right_where(np.argsort(ranked[:, -2] - ranked[:, -1], kind="stable"), probability, truth, coverage)


def _a_count(*, probability, truth, coverage):
    share = accuracy_of_the_surest(probability=probability, truth=truth, coverage=coverage)
    return round(share * int(coverage * len(probability)))


def _share_of_wrong_ones(*, probability, truth, coverage):
    return 1 - accuracy_of_the_surest(probability=probability, truth=truth, coverage=coverage)


def _above_as_a_threshold(*, probability, truth, coverage):
    above = probability.max(axis=1) > coverage
    return (probability.argmax(axis=1) == truth)[above].mean()


def _truth_as_it_stands(*, probability, truth, coverage):
    chosen = np.argsort(-probability.max(axis=1), kind="stable")[: int(coverage * len(probability))]
    return (probability.argmax(axis=1)[chosen] == truth[: len(chosen)]).mean()


# image_classification.3 -----------------------------------------------------------------------------------------------
def just_kept(*, confidence, good, promise):
    """Go down from the surest; take the last place at which all so far keep the promise."""
    down = np.argsort(-confidence, kind="stable")
    kept = np.flatnonzero(good[down].cumsum() / np.arange(1, len(down) + 1) >= promise)
    return confidence[down[kept[-1]]] if len(kept) else np.inf


def _stops_at_first(*, confidence, good, promise):
    down = np.argsort(-confidence, kind="stable")
    broken = np.flatnonzero(good[down].cumsum() / np.arange(1, len(down) + 1) < promise)
    return confidence[down[broken[0] - 1]] if len(broken) and broken[0] else np.inf


def _highest(*, confidence, good, promise):
    down = np.argsort(-confidence, kind="stable")
    kept = np.flatnonzero(good[down].cumsum() / np.arange(1, len(down) + 1) >= promise)
    return confidence[down[kept[0]]] if len(kept) else np.inf


def _promise_itself(*, confidence, good, promise):
    return promise


def _right_of_all(*, confidence, good, promise):
    down = np.argsort(-confidence, kind="stable")
    enough = np.flatnonzero(good[down].cumsum() / len(down) >= promise * good.mean())
    return confidence[down[enough[0]]]


def _coverage_of_it(*, confidence, good, promise):
    return (confidence >= just_kept(confidence=confidence, good=good, promise=promise)).mean()


def _without_itself(*, confidence, good, promise):
    kept = just_kept(confidence=confidence, good=good, promise=promise)
    below = confidence[confidence < kept]
    return below.max() if len(below) else kept


def _no_wrong_at_all(*, confidence, good, promise):
    return just_kept(confidence=confidence, good=good, promise=1.0)


def _on_a_grid(*, confidence, good, promise):
    grid = [step for step in np.arange(0, 1, 0.01) if (confidence >= step).any()]
    kept = [step for step in grid if good[confidence >= step].mean() >= promise]
    return min(kept) if kept else np.inf


def _how_many_sorted(*, confidence, good, promise):
    return int((confidence >= just_kept(confidence=confidence, good=good, promise=promise)).sum())


def _from_below(*, confidence, good, promise):
    up = np.argsort(confidence, kind="stable")
    kept = np.flatnonzero(good[up].cumsum() / np.arange(1, len(up) + 1) >= promise)
    return confidence[up[kept[0]]] if len(kept) else confidence.max()


def _their_accuracy(*, confidence, good, promise):
    return good[confidence >= just_kept(confidence=confidence, good=good, promise=promise)].mean()


# image_classification.4 -----------------------------------------------------------------------------------------------
def lower_ends(*, good_sorted, counts):
    """Count the right ones among the first n, then ask the beta distribution."""
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.05, k, n - k + 1) for k, n in zip(rights, counts, strict=True)]


def _shares(*, good_sorted, counts):
    return [np.mean(good_sorted[:n]) for n in counts]


def _two_sided(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.025, k, n - k + 1) for k, n in zip(rights, counts, strict=True)]


def _upper(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.95, k + 1, n - k) if k < n else 1.0 for k, n in zip(rights, counts, strict=True)]


def _normal(*, good_sorted, counts):
    shares = _shares(good_sorted=good_sorted, counts=counts)
    return [p - 1.645 * np.sqrt(p * (1 - p) / n) for p, n in zip(shares, counts, strict=True)]


def _upper_point(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.95, k, n - k + 1) for k, n in zip(rights, counts, strict=True)]


def _n_of_all(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.05, k, len(good_sorted) - k + 1) for k in rights]


def _one_more_right(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.05, k + 1, n - k + 1) for k, n in zip(rights, counts, strict=True)]


def _without_the_one(*, good_sorted, counts):
    rights = [int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.05, k, n - k) if k < n else 1.0 for k, n in zip(rights, counts, strict=True)]


def _of_the_last(*, good_sorted, counts):
    return lower_ends(good_sorted=good_sorted[::-1], counts=counts)


def _of_all_pictures(*, good_sorted, counts):
    n, k = len(good_sorted), int(np.sum(good_sorted))
    return [beta.ppf(0.05, k, n - k + 1)] * len(counts)


def _wrong_ones(*, good_sorted, counts):
    wrong = [n - int(np.sum(good_sorted[:n])) for n in counts]
    return [beta.ppf(0.05, k, n - k + 1) if k else 0.0 for k, n in zip(wrong, counts, strict=True)]


def _backwards_in_counts(*, good_sorted, counts):
    return lower_ends(good_sorted=good_sorted, counts=counts)[::-1]


# image_classification.5 -----------------------------------------------------------------------------------------------
def bill(*, confidence, good, threshold, look_cost, wrong_cost):
    """Price each garment by who handles it, and take the mean."""
    sorts = confidence > threshold
    return 1000 * np.where(sorts, wrong_cost * ~good, look_cost).mean()


def _of_one_garment(*, confidence, good, threshold, look_cost, wrong_cost):
    return np.where(confidence > threshold, wrong_cost * ~good, look_cost).mean()


def _of_these_garments(*, confidence, good, threshold, look_cost, wrong_cost):
    return np.where(confidence > threshold, wrong_cost * ~good, look_cost).sum()


def _all_errors(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * (wrong_cost * ~good + look_cost * (confidence <= threshold)).mean()


def _needed_looks_only(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, wrong_cost * ~good, look_cost * ~good).mean()


def _at_the_threshold_too(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence >= threshold, wrong_cost * ~good, look_cost).mean()


def _looks_for_nothing(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, wrong_cost * ~good, 0).mean()


def _turned_round(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, look_cost, wrong_cost * ~good).mean()


def _only_the_sorted(*, confidence, good, threshold, look_cost, wrong_cost):
    sorts = confidence > threshold
    return 1000 * (wrong_cost * (~good[sorts]).mean() + look_cost * (~sorts).mean())


def _sorting_pays_a_look(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * (look_cost + np.where(confidence > threshold, wrong_cost * ~good, 0)).mean()


def _errors_pay_a_look(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, (look_cost + wrong_cost) * ~good, look_cost).mean()


def _expected(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, wrong_cost * (1 - confidence), look_cost).mean()


def _inverted_numbers(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, wrong_cost * ~np.asarray(good).astype(int), look_cost).mean()


def _right_ones_pay(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, wrong_cost * good, look_cost).mean()


def _prices_swapped(*, confidence, good, threshold, look_cost, wrong_cost):
    return 1000 * np.where(confidence > threshold, look_cost * ~good, wrong_cost).mean()


# image_classification.6 -----------------------------------------------------------------------------------------------
def by_predicted_class(*, probability, truth, threshold):
    """Group by what the network says; the second column looks at those that are sorted."""
    table = pd.DataFrame({"predicted": probability.argmax(axis=1), "sorted": probability.max(axis=1) > threshold})
    table["right"] = table["predicted"] == truth
    answer = table.groupby("predicted")[["sorted"]].mean()
    answer["right"] = table[table["sorted"]].groupby("predicted")["right"].mean()
    return answer


def _grouped(probability, truth, threshold, by, right_of_sorted=True):
    table = pd.DataFrame({"by": by, "sorted": probability.max(axis=1) > threshold})
    table["right"] = probability.argmax(axis=1) == truth
    answer = table.groupby("by")[["sorted"]].mean()
    answer["right"] = (table[table["sorted"]] if right_of_sorted else table).groupby("by")["right"].mean()
    return answer.rename_axis("predicted")


def _by_true_class(*, probability, truth, threshold):
    return _grouped(probability, truth, threshold, truth)


def _right_of_the_whole_class(*, probability, truth, threshold):
    return _grouped(probability, truth, threshold, probability.argmax(axis=1), right_of_sorted=False)


def _both_at_once(*, probability, truth, threshold):
    answer = by_predicted_class(probability=probability, truth=truth, threshold=threshold)
    return answer.assign(right=answer["sorted"] * answer["right"])


def _share_of_everything(*, probability, truth, threshold):
    answer = by_predicted_class(probability=probability, truth=truth, threshold=threshold)
    sizes = pd.Series(probability.argmax(axis=1)).value_counts(normalize=True)
    return answer.assign(sorted=answer["sorted"] * sizes)


def _numbers(*, probability, truth, threshold):
    table = pd.DataFrame({"predicted": probability.argmax(axis=1), "sorted": probability.max(axis=1) > threshold})
    table["right"] = table["sorted"] & (table["predicted"] == truth)
    return table.groupby("predicted")[["sorted", "right"]].sum()


def _in_percent(*, probability, truth, threshold):
    return 100 * by_predicted_class(probability=probability, truth=truth, threshold=threshold)


def _given_back(*, probability, truth, threshold):
    answer = by_predicted_class(probability=probability, truth=truth, threshold=threshold)
    return answer.assign(sorted=1 - answer["sorted"])


def _columns_swapped(*, probability, truth, threshold):
    answer = by_predicted_class(probability=probability, truth=truth, threshold=threshold)
    return answer.rename(columns={"sorted": "right", "right": "sorted"})


# image_classification.7 -----------------------------------------------------------------------------------------------
def suspect_rows(*, probability, given):
    """Among the classes that reach their usual confidence, take the most probable, and compare it with the label."""
    classes = range(probability.shape[1])
    usual = np.array([probability[given == label, label].mean() for label in classes])
    likely = np.where(probability >= usual, probability, 0)
    return np.flatnonzero((likely.max(axis=1) > 0) & (likely.argmax(axis=1) != given))


def _against(usual, probability, given):
    likely = np.where(probability >= usual, probability, 0)
    return np.flatnonzero((likely.max(axis=1) > 0) & (likely.argmax(axis=1) != given))


def _usual(probability, given):
    return np.array([probability[given == label, label].mean() for label in range(probability.shape[1])])


def _all_disagreements(*, probability, given):
    return np.flatnonzero(probability.argmax(axis=1) != given)


def _usual_of_all(*, probability, given):
    return _against(probability.mean(axis=0), probability, given)


def _one_half(*, probability, given):
    return _against(0.5, probability, given)


def _one_for_all_classes(*, probability, given):
    return _against(_usual(probability, given).mean(), probability, given)


def _none_reached_counts(*, probability, given):
    likely = np.where(probability >= _usual(probability, given), probability, 0)
    return np.flatnonzero(likely.argmax(axis=1) != given)


def _unsure_of_its_label(*, probability, given):
    return np.flatnonzero(probability[np.arange(len(given)), given] < _usual(probability, given)[given])


def _any_other_class(*, probability, given):
    reached = probability >= _usual(probability, given)
    reached[np.arange(len(given)), given] = False
    return np.flatnonzero(reached.any(axis=1))


def _usual_of_the_predicted(*, probability, given):
    predicted, classes = probability.argmax(axis=1), range(probability.shape[1])
    usual = np.array([probability[predicted == each, each].mean() for each in classes])
    return _against(usual, probability, given)


def _sure_disagreements(*, probability, given):
    return np.flatnonzero((probability.argmax(axis=1) != given) & (probability.max(axis=1) > 0.9))


def _backwards(*, probability, given):
    return suspect_rows(probability=probability, given=given)[::-1]


def _surest_first(*, probability, given):
    rows = suspect_rows(probability=probability, given=given)
    likely = np.where(probability >= _usual(probability, given), probability, 0).max(axis=1)
    return rows[np.argsort(-likely[rows], kind="stable")]


def _least_likely_first(*, probability, given):
    rows = suspect_rows(probability=probability, given=given)
    return rows[np.argsort(probability[rows, given[rows]], kind="stable")]


def _as_a_set(*, probability, given):
    return set(suspect_rows(probability=probability, given=given).tolist())


def _how_many(*, probability, given):
    return len(suspect_rows(probability=probability, given=given))


def _true_and_false(*, probability, given):
    return np.isin(np.arange(len(given)), suspect_rows(probability=probability, given=given))


# ---- small inputs ----------------------------------------------------------------------------------------------------
def small_raw():
    """Make three pictures, none of which has a black pixel."""
    random = np.random.default_rng(0)
    return {"raw": [random.integers(0, 250, 784, dtype="uint8").tobytes() for _ in range(3)]}


def small_probability(n=60, classes=4, seed=1):
    """Make probabilities that are right more often where they are surer, and the classes."""
    random = np.random.default_rng(seed)
    probability = random.dirichlet(np.full(classes, 0.5), n)
    truth = np.array([random.choice(classes, p=0.7 * each + 0.3 / classes) for each in probability])
    return probability, truth


def small_surest():
    """Sixty pictures of four classes."""
    probability, truth = small_probability()
    return {"probability": probability, "truth": truth, "coverage": 0.5}


def small_confidence():
    """Give forty confidences, with early errors after which the promise is kept again."""
    random = np.random.default_rng(2)
    confidence = np.linspace(0.99, 0.3, 40)
    good = np.ones(40, bool)
    good[[10, 13, 25, 30, 32, 33, 35, 36]] = False
    mixed = random.permutation(40)
    return {"confidence": confidence[mixed], "good": good[mixed], "promise": 0.88}


def small_good():
    """Two hundred pictures, more of them wrong towards the end."""
    good = np.ones(200, bool)
    good[[17, 60, 95, 120, 133, 150, 161, 170, 182, 190, 195, 199]] = False
    return {"good_sorted": good, "counts": [50, 100, 150]}


def small_bill():
    """Twelve garments, one of them at the threshold and wrong."""
    confidence = np.array([0.99, 0.95, 0.9, 0.97, 0.96, 0.93, 0.6, 0.5, 0.92, 0.85, 0.99, 0.3])
    good = np.array([True, False, False, True, True, True, True, False, True, False, True, False])
    return {"confidence": confidence, "good": good, "threshold": 0.9, "look_cost": 1.5, "wrong_cost": 20.0}


def small_classes():
    """Two hundred pictures of three classes."""
    probability, truth = small_probability(200, 3, seed=3)
    return {"probability": probability, "truth": truth, "threshold": 0.6}


def small_labels():
    """Two hundred pictures of four classes; of one the network is usually less sure, of one more."""
    probability, given = small_probability(200, 4, seed=4)
    probability *= [4, 1, 1, 0.5]
    return {"probability": probability / probability.sum(axis=1, keepdims=True), "given": given}


EXERCISES = (
    Exercise(
        id="image_classification.1",
        title="From bytes to columns",
        reference=as_columns,
        why="The bytes of all pictures joined are one array already; it only needs its shape and its scale.",
        hints=(
            "`np.frombuffer` reads bytes as numbers, once you say of which type.",
            "Join the list, read it as uint8, reshape to a row for each picture, divide by 255.",
        ),
        mistakes=(
            Mistake("not divided", _not_divided, "What is the largest number in your array, and what should it be?"),
            Mistake("one long row", _one_long_row, "Where does the first picture end, and the second begin?"),
            Mistake("squares", _squares, "A linear model wants one row for each picture, and no squares."),
            Mistake("down the columns", _down_the_columns, "In which order do the bytes of a picture come?"),
            Mistake("signed bytes", _signed, "Can a pixel be negative? How does an int8 read the byte 200?"),
            Mistake("inverted", _inverted, "Which of your numbers stands for white?"),
            Mistake("divided by 256", _by_256, "Which byte is black, and what becomes of it?"),
            Mistake(
                "each by its darkest pixel",
                _each_by_its_own_darkest,
                "Is a pale garment to look as dark as a black one?",
            ),
            Mistake("whole numbers", _whole_numbers, "What does a division without remainder leave of a grey pixel?"),
            Mistake(
                "standardised", _standardised, "Mean 0 is another scale. Which number is white to be, which black?"
            ),
        ),
        sample_inputs=small_raw,
    ),
    Exercise(
        id="image_classification.2",
        title="The surest half",
        reference=accuracy_of_the_surest,
        why="The confidence is known before the truth is, so the belt can choose by it.",
        hints=(
            "Sort by the largest probability of each row.",
            "`np.argsort(-...)`, keep the first part, compare argmax with the truth, take the mean.",
        ),
        mistakes=(
            Mistake("the least sure", _least_sure, "In which order does argsort put numbers?"),
            Mistake("all of them", _all_of_them, "Of which pictures is this the accuracy?"),
            Mistake("not sorted", _not_sorted, "Are the first rows of the table the surest ones?"),
            Mistake(
                "sorted by the truth", _by_the_truth, "Does the belt know the right class when it decides what to sort?"
            ),
            Mistake("of all pictures", _of_all, "By how many pictures do you divide?"),
            Mistake(
                "mean confidence", _mean_confidence, "That is what the network believes. How many of them are right?"
            ),
            Mistake(
                "lead over the second", _by_the_lead, "Confidence here is the largest probability, whatever the second."
            ),
            Mistake(
                "truth in another order",
                _truth_as_it_stands,
                "You put what is said into the order of confidence. And what it is compared with?",
            ),
            Mistake("a count", _a_count, "That is how many are right. Of how many?"),
            Mistake("share of wrong ones", _share_of_wrong_ones, "Is that the share that is right, or that is wrong?"),
            Mistake(
                "coverage as a threshold", _above_as_a_threshold, "Is coverage a share of pictures, or a probability?"
            ),
        ),
        sample_inputs=small_surest,
    ),
    Exercise(
        id="image_classification.3",
        title="A promise that is just kept",
        reference=just_kept,
        why="The running accuracy falls and rises again, so look for the last place that keeps the promise.",
        hints=(
            "Sort by confidence, the surest first; how many of the first n are right?",
            "A running sum divided by 1, 2, 3, ...; take the last place where it is at least the promise.",
        ),
        mistakes=(
            Mistake(
                "stops at the first failure",
                _stops_at_first,
                "After an early error, can the share come back above the promise?",
            ),
            Mistake("the highest", _highest, "Many thresholds keep the promise: which of them sorts most?"),
            Mistake("the promise itself", _promise_itself, "Did you look at how many are right?"),
            Mistake(
                "of all the right ones", _right_of_all, "The promise is about which pictures: all, or those sorted?"
            ),
            Mistake("coverage", _coverage_of_it, "That is how much is sorted. At which confidence?"),
            Mistake("accuracy", _their_accuracy, "That is the share that is right. From which confidence on?"),
            Mistake("how many", _how_many_sorted, "That is how many pictures are sorted. From which confidence on?"),
            Mistake("a grid", _on_a_grid, "You tried round numbers. The threshold is to be one of the confidences."),
            Mistake("one too low", _without_itself, "Is the promise still kept with the picture at your threshold?"),
            Mistake("no error at all", _no_wrong_at_all, "How many errors does the promise allow?"),
            Mistake("from below", _from_below, "Are the pictures in your sum above the threshold, or below?"),
        ),
        sample_inputs=small_confidence,
    ),
    Exercise(
        id="image_classification.4",
        title="How sure is a share?",
        reference=lower_ends,
        why="The lower end says which true share would still show so many right ones in one of twenty draws.",
        hints=(
            "How many of the first n are right, and how many wrong?",
            "`beta.ppf(0.05, k, n - k + 1)`, once for each n.",
        ),
        mistakes=(
            Mistake("the share itself", _shares, "Would other pictures be right as often as these?"),
            Mistake("both sides", _two_sided, "The doubt is on one side only: how large is it there?"),
            Mistake("the upper end", _upper, "Which end of the interval protects the customer?"),
            Mistake(
                "normal approximation",
                _normal,
                "With few errors, is the error of a share as large upwards as downwards?",
            ),
            Mistake("the point from above", _upper_point, "How much of the distribution is to lie below a lower end?"),
            Mistake(
                "right of the first, wrong of all",
                _n_of_all,
                "How many of the first so many are wrong? Count only those.",
            ),
            Mistake("one more right", _one_more_right, "To which of the two counts is one added?"),
            Mistake("one is missing", _without_the_one, "Look at the last number that the beta distribution is given."),
            Mistake("the least sure ones", _of_the_last, "Which end of the list are the surest pictures at?"),
            Mistake("all pictures", _of_all_pictures, "Each number in `counts` is about the first so many pictures."),
            Mistake("the wrong ones", _wrong_ones, "Is k the number that is right, or that is wrong?"),
            Mistake("another order", _backwards_in_counts, "Which of your numbers belongs to the first of `counts`?"),
        ),
        ordered=True,
        sample_inputs=small_good,
    ),
    Exercise(
        id="image_classification.5",
        title="The bill",
        reference=bill,
        why="Each garment is handled once, by the belt or by a person, and costs what that one costs.",
        hints=("Who handles each garment?", "`np.where(sorted, cost of an error or 0, cost of a look)`, and the mean."),
        mistakes=(
            Mistake("one garment", _of_one_garment, "Of how many garments is the bill?"),
            Mistake("of all that are here", _of_these_garments, "How many garments are in the list?"),
            Mistake(
                "errors of all", _all_errors, "Does it cost anything that the model was wrong where a person looks?"
            ),
            Mistake(
                "looks that were needed",
                _needed_looks_only,
                "Does a look cost less when the model would have been right?",
            ),
            Mistake("at the threshold", _at_the_threshold_too, "Who handles a garment exactly at the threshold?"),
            Mistake("looks for nothing", _looks_for_nothing, "Who pays the person who looks?"),
            Mistake("the other way round", _turned_round, "Does the belt sort what is above the threshold, or below?"),
            Mistake(
                "errors of the sorted only",
                _only_the_sorted,
                "Of 1,000 garments only some are sorted: how many errors do they bring?",
            ),
            Mistake("a look at each", _sorting_pays_a_look, "Does anybody look at a garment that the belt sorts?"),
            Mistake(
                "an error and a look", _errors_pay_a_look, "What does an error of the belt cost, and did anyone look?"
            ),
            Mistake("expected cost", _expected, "That is what the model expects to pay. `good` says what was right."),
            Mistake("inverted numbers", _inverted_numbers, "What is `~1`? Invert True and False, not whole numbers."),
            Mistake("prices swapped", _prices_swapped, "Which of the two prices is paid for a look?"),
            Mistake("the right ones pay", _right_ones_pay, "Which of the sorted garments cost something?"),
        ),
        sample_inputs=small_bill,
    ),
    Exercise(
        id="image_classification.6",
        title="Which garments?",
        reference=by_predicted_class,
        why="At the belt only the predicted class is known, so that is what a rule can speak of.",
        hints=("What does the belt know of a garment?", "Group by argmax; for `right`, keep the sorted rows first."),
        mistakes=(
            Mistake("by the true class", _by_true_class, "Can the belt look up the true class?"),
            Mistake("columns swapped", _columns_swapped, "Which of your columns says how much the belt sorts?"),
            Mistake(
                "right of the whole class", _right_of_the_whole_class, "Of which garments must `right` be the share?"
            ),
            Mistake("sorted and right", _both_at_once, "What do you divide the sorted and right ones by?"),
            Mistake("of all garments", _share_of_everything, "`sorted` is a share of which garments?"),
            Mistake("numbers", _numbers, "Those are numbers of garments. Which shares are they?"),
            Mistake("percent", _in_percent, "Shares lie between 0 and 1."),
            Mistake("given back", _given_back, "Is a garment above the threshold sorted, or given back?"),
        ),
        sample_inputs=small_classes,
    ),
    Exercise(
        id="image_classification.7",
        title="Suspect labels",
        reference=suspect_rows,
        why="Each class is judged by how sure the network usually is of it, so a hard class is not suspect as a whole.",
        hints=(
            "First a number for each class: its mean probability where the label is this class.",
            "Set the probabilities below it to 0, take argmax, and compare with the label where any is left.",
        ),
        mistakes=(
            Mistake("all disagreements", _all_disagreements, "How sure must the network be of the other class?"),
            Mistake("usual of all pictures", _usual_of_all, "The usual confidence in a class: in which pictures?"),
            Mistake("one half", _one_half, "Is the network equally sure of each class, usually?"),
            Mistake("one for all classes", _one_for_all_classes, "How many usual confidences are there?"),
            Mistake("none reached", _none_reached_counts, "What if no class reaches its usual confidence?"),
            Mistake(
                "unsure of the label",
                _unsure_of_its_label,
                "To be unsure of one class, is that to be sure of another?",
            ),
            Mistake("any other class", _any_other_class, "What if the label is more probable than the other class?"),
            Mistake(
                "usual of the predicted",
                _usual_of_the_predicted,
                "The usual confidence in a class: among the pictures with which label?",
            ),
            Mistake("sure disagreements", _sure_disagreements, "Is 0.9 as much for a shirt as it is for a trouser?"),
            Mistake(
                "not growing", _backwards, "These are the right rows, in falling order. Sort them so that they grow."
            ),
            Mistake(
                "the surest first",
                _surest_first,
                "These are the right rows, the surest first. Sort them so that they grow.",
            ),
            Mistake(
                "the least likely first",
                _least_likely_first,
                "These are the right rows, the least likely label first. Sort them so that they grow.",
            ),
            Mistake("a set", _as_a_set, "These are the right rows, in no order. Make a growing array of them."),
            Mistake("how many", _how_many, "That is how many. Which rows?"),
            Mistake(
                "true and false", _true_and_false, "You say of each row whether it is suspect. Give the rows that are."
            ),
        ),
        sample_inputs=small_labels,
    ),
)
