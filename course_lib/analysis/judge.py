"""Fit, and judge by losses: what each judged row costs each model, how sure that is, and what a model uses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from course_lib import evaluate
from course_lib.analysis.columns import Feature
from course_lib.analysis.models import NAMES, SEARCHED, TOLD, UNTUNED, model, most_rounds, predict, quietly
from course_lib.analysis.question import Question
from course_lib.analysis.search import PATIENCE, Search, search
from course_lib.analysis.split import Judging
from course_lib.errors import CourseError

_ASIDE = 0.2  # of the rows that are learned from
_FLOOR = 1e-4  # no chance is taken for smaller: one surprise would outweigh all other rows
_ROWS_SHUFFLED, _SHUFFLES = 4_000, 3
_USES = {"linear": "uses", "trees": "use", SEARCHED: "use"}
_MANY_COLUMNS, _ROWS_SCREENED, _SHOWN = 40, 500, 25

Tell = Callable[[str, float], None]  # what is going on, and the share that is done


@dataclass(frozen=True)
class Scores:
    """What the judged rows say.

    Attributes
    ----------
    rows : ndarray of int, shape (judged,)
        Positions of the rows that judged.
    truth : ndarray, shape (judged,)
        Their answers.
    losses : dict of ndarray, shape (judged,)
        By model: log loss or squared error, the mean over repeats.
    predicted : dict of ndarray
        By model, of the first time that a row judged.
    unit, block
        What an interval leaves out.
    fitted : list of (dict of estimators, ndarray)
        The models of the first round, and the positions that they judged.
    searches : list of Search
        One for each pair, if settings were searched.
    """

    rows: np.ndarray
    truth: np.ndarray
    losses: dict[str, np.ndarray]
    predicted: dict[str, np.ndarray]
    unit: np.ndarray
    block: int | None
    fitted: list[tuple[dict[str, BaseEstimator], np.ndarray]]
    searches: list[Search]

    def skill(self, name: str) -> pd.Series:
        """Skill against the baseline, 1 minus the ratio of the losses: `value`, `low`, `high`."""
        return self.gain("baseline", name).clip(upper=1)  # a jackknife does not know that losses have an end

    def gain(self, simple: str, other: str) -> pd.Series:
        """By how much skill `other` is better than `simple`, on the same rows: `value`, `low`, `high`."""
        saved = self.losses[simple] - self.losses[other]
        return evaluate.ratio(saved, self.losses["baseline"], self.unit, block=self.block)

    def choose(self) -> str:
        """Name the simplest model that no later one beats beyond its interval."""
        chosen = "baseline"
        for name in (*NAMES[1:], SEARCHED):
            if name in self.losses and self.gain(chosen, name)["low"] > 0:
                chosen = name
        return chosen


def losses(question: Question, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Loss of each row: squared error of a number, else minus the logarithm of the chance given to what came."""
    if question.kind == "number":
        return (truth - predicted) ** 2
    chance = predicted[np.arange(len(truth)), truth]
    return -np.log((1 - _FLOOR * predicted.shape[1]) * chance + _FLOOR)


def _counting(tell: Tell, what: str, share: float) -> Callable[[int], None]:
    return lambda trials: tell(f"{what}: {trials} tried", share)


def fit(
    name: str,
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    order: np.ndarray,
    seed: int,
    settings: dict[str, float] = UNTUNED,
) -> BaseEstimator:
    """Fit a model to the columns that hold anything here; with none, or one class only, the baseline.

    Parameters
    ----------
    order : ndarray, shape (rows,)
        The rows that come last in it try how many rounds of trees are worth it: the latest, or some of the groups.
        The trees then learn from all rows.
    settings : dict
        Of the trees.
    """
    held = [each for each in features if each.kind != "number" or table[each.name].notna().any()]
    one_class = question.kind != "number" and len(np.unique(answers)) < 2
    if one_class or not held:
        name = "baseline"
    with quietly():
        rounds = _rounds(question, held, table, answers, order, seed, settings) if name == "trees" else 0
        return model(name, question, held, rounds, seed, settings).fit(table, answers)


def _rounds(
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    order: np.ndarray,
    seed: int,
    settings: dict[str, float],
) -> int:
    """Find how many rounds of trees lose least on rows that were set aside."""
    aside = order > np.quantile(order, 1 - _ASIDE, method="higher")
    if question.kind != "number":
        aside &= np.isin(answers, answers[~aside])  # a class that was not learned from is lost whatever the rounds
    learned = answers[~aside]
    if not aside.any() or (question.kind != "number" and len(np.unique(learned)) < 2):
        return most_rounds(settings) // 4
    held = [each for each in features if each.kind != "number" or table.loc[~aside, each.name].notna().any()]
    trees = model("trees", question, held, most_rounds(settings), seed, settings)
    ready = trees[:-1].fit_transform(table[~aside], learned)
    trees[-1].set_params(early_stopping=True, n_iter_no_change=PATIENCE)
    trees[-1].fit(ready, learned, X_val=trees[:-1].transform(table[aside]), y_val=answers[aside])
    return max(1, int(np.argmax(trees[-1].validation_score_)))  # the first is that of no tree at all


def judge(
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    judging: Judging,
    seed: int,
    tell: Tell,
    names: tuple[str, ...] = NAMES,
    search_seconds: float = 0,
) -> Scores:
    """Fit every model for each pair of the split and score the rows that judge.

    Parameters
    ----------
    question : Question
    features : list of Feature
    table : DataFrame
        The features, as `course_lib.analysis.columns.build` makes them.
    answers : ndarray, shape (rows,)
    judging : Judging
    seed : int
    tell : function of a text and a share
        Called before each fit.
    names : tuple of str
    search_seconds : float
        For the settings of the searched trees, in each pair anew, among the rows that are learned from.

    Returns
    -------
    Scores
    """
    count = len(table)
    times = np.zeros(count)
    sums = {name: np.zeros(count) for name in names}
    shape = (count,) if question.kind == "number" else (count, len(question.classes))
    predicted = {name: np.zeros(shape) for name in names}
    fitted, searches = [], []
    fits = len(judging.pairs) * len(names)
    for place, (learn, judged) in enumerate(judging.pairs):
        first = times[judged] == 0
        models = {}
        for nth, name in enumerate(names):
            what, share = f"{TOLD[name]}, {place + 1} of {len(judging.pairs)}", (place * len(names) + nth) / fits
            tell(what, share)
            known = (question, features, table.iloc[learn], answers[learn], judging.order[learn])
            if name == SEARCHED:
                together = None if judging.together is None else judging.together[learn]
                found = search(*known, together, search_seconds, seed, _counting(tell, what, share))
                searches.append(found)
                models[name] = fit("trees", *known, seed, found.settings)
            else:
                models[name] = fit(name, *known, seed)
            with quietly():
                answer = predict(models[name], question, table.iloc[judged])
            sums[name][judged] += losses(question, answers[judged], answer)
            predicted[name][judged[first]] = answer[first]
        if first.all():
            fitted.append((models, judged))
        times[judged] += 1
    rows = np.flatnonzero(times)
    return Scores(
        rows,
        answers[rows],
        {name: values[rows] / times[rows] for name, values in sums.items()},
        {name: values[rows] for name, values in predicted.items()},
        judging.unit[rows],
        judging.block,
        fitted,
        searches,
    )


def measures(question: Question, scores: Scores) -> pd.DataFrame:
    """One row a model: skill with its interval, and a measure that people know.

    Returns
    -------
    DataFrame
        Index: models; `value`, `low`, `high` of the skill (0 for the baseline), and the same of the measure that
        ``attrs["measure"]`` names, as `known value`, `known low`, `known high` (missing where it is undefined).
    """
    rows = {}
    for name in scores.losses:
        skill = scores.skill(name) if name != "baseline" else pd.Series({"value": 0.0, "low": 0.0, "high": 0.0})
        rows[name] = {**skill, **_known(question, scores, name).add_prefix("known ")}
    table = pd.DataFrame.from_dict(rows, orient="index")
    words = {"yes/no": "AUC", "classes": "share right", "number": "mean absolute error"}
    table.attrs["measure"] = words[question.kind]
    return table


def _known(question: Question, scores: Scores, name: str) -> pd.Series:
    truth, answer = scores.truth, scores.predicted[name]
    if question.kind == "yes/no":
        if name == "baseline":  # folds differ in their share, and that would rank them
            return pd.Series({"value": 0.5, "low": 0.5, "high": 0.5})
        try:
            return evaluate.score(truth, answer[:, 1], scores.unit, ["roc_auc"], block=scores.block).loc["roc_auc"]
        except CourseError:  # one outcome only without some of the groups
            return pd.Series({"value": np.nan, "low": np.nan, "high": np.nan})
    per_row = np.abs(truth - answer) if question.kind == "number" else (answer.argmax(axis=1) == truth).astype(float)
    return evaluate.ratio(per_row, np.ones(len(truth)), scores.unit, block=scores.block)


def used(
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    scores: Scores,
    name: str,
    seed: int,
    tell: Tell,
) -> pd.DataFrame:
    """Say what a model uses: by how much skill falls when a column is shuffled among the rows that judge.

    Of many columns those that matter most in a first, small try, to one of the models, are looked at closely.

    Returns
    -------
    DataFrame
        Index: columns of the person's table, the most used first; `value`, `low`, `high`.
    """
    own = {}
    for feature in features:
        own.setdefault(feature.column, []).append(feature.name)
    if len(own) > _MANY_COLUMNS:
        tell(f"what {TOLD[name]} {_USES[name]}: a first try of {len(own)} columns", 0.0)
        few = _drawn(question, table, answers, scores.fitted[:1], name, _ROWS_SCREENED, seed)
        rises = {column: float(_rise(question, few, own[column], 1, seed).sum()) for column in own}
        own = {column: own[column] for column in sorted(own, key=rises.get, reverse=True)[:_SHOWN]}
    drawn = _drawn(question, table, answers, scores.fitted, name, _ROWS_SHUFFLED, seed)
    base = np.concatenate([each.base for each in drawn])
    unit = scores.unit[np.searchsorted(scores.rows, np.concatenate([each.rows for each in drawn]))]
    found = {}
    for place, column in enumerate(own):
        tell(f"what {TOLD[name]} {_USES[name]}: {column}", place / len(own))
        rise = _rise(question, drawn, own[column], _SHUFFLES, seed)
        try:
            found[column] = evaluate.ratio(rise, base, unit, block=scores.block)
        except CourseError:  # too few groups among the rows that were drawn
            found[column] = pd.Series({"value": rise.sum() / base.sum(), "low": np.nan, "high": np.nan})
    return pd.DataFrame(found).T.sort_values("value", ascending=False)


@dataclass(frozen=True)
class _Drawn:
    """Rows that judge one fitted model, with what they cost it and the baseline."""

    model: BaseEstimator
    rows: np.ndarray
    table: pd.DataFrame
    truth: np.ndarray
    before: np.ndarray
    base: np.ndarray


def _drawn(
    question: Question,
    table: pd.DataFrame,
    answers: np.ndarray,
    fitted: list[tuple[dict[str, BaseEstimator], np.ndarray]],
    name: str,
    most_rows: int,
    seed: int,
) -> list[_Drawn]:
    """Draw some of the rows that judge, from each fold alike."""
    rng = np.random.default_rng(seed)
    most = most_rows // len(fitted)
    found = []
    for models, judged in fitted:
        rows = judged if len(judged) <= most else np.sort(rng.choice(judged, most, replace=False))
        part, truth = table.iloc[rows], answers[rows]
        with quietly():
            before, base = (
                losses(question, truth, predict(models[each], question, part)) for each in (name, "baseline")
            )
        found.append(_Drawn(models[name], rows, part, truth, before, base))
    return found


def _rise(question: Question, drawn: list[_Drawn], own: list[str], shuffles: int, seed: int) -> np.ndarray:
    """Shuffle what a model sees of a column, and give the rise of each row's loss, the mean over shuffles."""
    rng = np.random.default_rng(seed)
    rises = []
    for each in drawn:
        orders = np.concatenate([rng.permutation(len(each.rows)) for _ in range(shuffles)])
        moved = each.table.iloc[np.tile(np.arange(len(each.rows)), shuffles)].reset_index(drop=True)
        moved = moved.assign(**{name: each.table[name].to_numpy()[orders] for name in own})
        with quietly():
            after = losses(question, np.tile(each.truth, shuffles), predict(each.model, question, moved))
        rises.append(after.reshape(shuffles, -1).mean(axis=0) - each.before)
    return np.concatenate(rises)
