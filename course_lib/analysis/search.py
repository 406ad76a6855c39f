"""A search for settings of the boosted trees, within the rows that are learned from and for as long as it may take.

Rows that come last in their order (the latest; or whole groups by lot) try each setting on what the others have taught:
three times a past is tried on what then came. No row that judges takes part, so a score stays honest however long the
search lasts. Optuna proposes the settings (Akiba and others, Optuna: A Next-generation Hyperparameter Optimization
Framework, KDD 2019), the untuned ones first, and leaves a setting early whose mean so far, at its best, is worse than
the median that the finished trials had by then. The number of rounds is tried on the same rows.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from course_lib.analysis.columns import Feature
from course_lib.analysis.models import UNTUNED, model, most_rounds, quietly
from course_lib.analysis.question import Question
from course_lib.errors import CourseError

RANGES = {  # of each setting: lowest, highest, whether it counts by factors
    "learning_rate": (0.02, 0.3, True),
    "max_leaf_nodes": (4, 64, True),
    "min_samples_leaf": (5, 200, True),
    "l2_regularization": (0.01, 100.0, True),
    "max_features": (0.3, 1.0, False),
}
PATIENCE = 15  # rounds without a gain after which no more are tried
_PASTS = (0.4, 0.6, 0.8, 1.0)  # of the rows in their order; each stretch between two tries what came before it
_MOST_ROWS = 40_000  # drawn for the trials; what is best for them is near what is best for more
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Search:
    """What one search tried and found.

    Attributes
    ----------
    settings : dict
        Those that lost least; the untuned ones if nothing was better.
    trials : int
        How many were tried, the untuned ones among them; those that were left early, too.
    promised : float
        By how much skill the best trial was better than the untuned one on the rows that chose it: flattered, because
        it is the best of many.
    """

    settings: dict[str, float]
    trials: int
    promised: float


def seconds_of(duration: str) -> float:
    """Read a duration such as 30s, 5m or 1h.

    Raises
    ------
    CourseError
        If it is none, or no time at all.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", duration.strip().lower())
    if not found or float(found[1]) == 0:
        raise CourseError(f"--search '{duration}' is no duration: write 30s, 5m or 1h.")
    return float(found[1]) * _SECONDS[found[2]]


def search(
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    order: np.ndarray,
    together: np.ndarray | None,
    seconds: float,
    seed: int,
    tell: Callable[[int], None],
) -> Search:
    """Search for settings until the time is over; one trial at least is finished, that of the untuned settings.

    Parameters
    ----------
    question : Question
    features : list of Feature
    table : DataFrame
    answers : ndarray, shape (rows,)
    order : ndarray, shape (rows,)
        As `course_lib.analysis.judge.fit` takes it.
    together : ndarray, shape (rows,), optional
        Rows with the same value belong together: none of them tries what others have taught.
    seconds : float
    seed : int
        Given as many trials, the same seed finds the same; how many there are, the clock decides.
    tell : function of a number
        Called with the number of trials after each.

    Returns
    -------
    Search
    """
    import optuna
    from threadpoolctl import threadpool_limits

    begin = time.monotonic()
    tries = _tries(question, features, table, answers, order, together, seed)
    if not tries:  # too few rows, or one class only
        return Search(dict(UNTUNED), 0, 0.0)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner(n_startup_trials=5)
    )
    study.enqueue_trial(UNTUNED)

    def lost(trial: optuna.Trial) -> float:
        settings = {name: _suggest(trial, name) for name in RANGES}
        shares = []
        for step, (held, learn, taught, aside, truth) in enumerate(tries):
            last = model("trees", question, held, most_rounds(settings), seed, settings)[-1]
            last.set_params(early_stopping=True, n_iter_no_change=PATIENCE)
            with quietly():
                last.fit(learn, taught, X_val=aside, y_val=truth)
            shares.append(last.validation_score_.max() / last.validation_score_[0])  # the first is that of no tree
            trial.report(float(np.mean(shares)), step)
            if step + 1 < len(tries) and trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(shares))

    left = max(seconds - (time.monotonic() - begin), 1e-3)
    with threadpool_limits(1):  # fits this small wait for each other's threads longer than they work
        study.optimize(lost, timeout=left, callbacks=[lambda study, trial: tell(trial.number + 1)])
    return Search(dict(study.best_params), len(study.trials), study.trials[0].value - study.best_value)


def _suggest(trial, name: str) -> float:
    low, high, by_factors = RANGES[name]
    suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
    return suggest(name, low, high, log=by_factors)


def _tries(
    question: Question,
    features: list[Feature],
    table: pd.DataFrame,
    answers: np.ndarray,
    order: np.ndarray,
    together: np.ndarray | None,
    seed: int,
) -> list[tuple]:
    """Prepare each past and what then came, once for all trials: what settings do not change."""
    if len(table) > _MOST_ROWS:
        drawn = np.sort(np.random.default_rng(seed).choice(len(table), _MOST_ROWS, replace=False))
        table, answers, order = table.iloc[drawn], answers[drawn], order[drawn]
        together = None if together is None else together[drawn]
    edges = np.quantile(order, _PASTS, method="higher")
    tries = []
    for begin, end in pairwise(edges):
        past, then = order <= begin, (order > begin) & (order <= end)
        if together is not None:
            then &= ~np.isin(together, together[past])
        if question.kind != "number":
            then &= np.isin(answers, answers[past])  # a class that was not learned from is lost whatever the setting
        one_class = question.kind != "number" and len(np.unique(answers[past])) < 2
        held = [each for each in features if each.kind != "number" or table.loc[past, each.name].notna().any()]
        if not then.any() or one_class or not held or len(np.unique(answers[then])) < 2:
            continue
        prepare = model("trees", question, held, 1, seed)[:-1]
        with quietly():
            learn, aside = prepare.fit_transform(table[past], answers[past]), prepare.transform(table[then])
        tries.append((held, learn, answers[past], aside, answers[then]))
    return tries
