"""The models that compete: the mean, a linear model, boosted trees. Whatever they learn, they learn inside a fold."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from course_lib.analysis.columns import Feature
from course_lib.analysis.question import Question

NAMES = ("baseline", "linear", "trees")  # from the simplest; a later one is chosen only if it is clearly better
SEARCHED = "searched"  # the same trees with settings that a search has found; it comes last
TOLD = {
    "baseline": "the baseline",
    "linear": "the linear model",
    "trees": "boosted trees",
    SEARCHED: "boosted trees with searched settings",
}
UNTUNED = {  # of the boosted trees
    "learning_rate": 0.1,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "max_features": 1.0,
}
_MOST_CATEGORIES = 250  # the trees take 255 at most; rarer ones go together
_MOST_ONE_HOT = 60
_MOST_ROUNDS = 150  # of the untuned trees; those that learn slower may take more
_WORDS, _TOPICS = 2_000, 30


def most_rounds(settings: dict[str, float]) -> int:
    """Say how many rounds are tried at most: the more, the less each of them learns."""
    return max(_MOST_ROUNDS, round(_MOST_ROUNDS * UNTUNED["learning_rate"] / settings["learning_rate"]))


def model(
    name: str,
    question: Question,
    features: list[Feature],
    rounds: int,
    seed: int,
    settings: dict[str, float] = UNTUNED,
) -> BaseEstimator:
    """Give a model that has learned nothing yet.

    Parameters
    ----------
    name : {"baseline", "linear", "trees"}
    question : Question
    features : list of Feature
        The columns of the table that it will be fitted to, as `course_lib.analysis.columns.build` makes it.
    rounds : int
        How many trees are boosted, for each class.
    seed : int
    settings : dict
        Of the trees.

    Returns
    -------
    Estimator
        For a number its ``predict``, else its ``predict_proba`` answers.
    """
    number = question.kind == "number"
    if name == "baseline":
        return DummyRegressor() if number else DummyClassifier(strategy="prior")
    columns = {kind: [each.name for each in features if each.kind == kind] for kind in ("category", "number", "text")}
    if name == "linear":
        last = RidgeCV(alphas=np.logspace(-1, 4, 6)) if number else LogisticRegression(max_iter=1_000)
        return make_pipeline(_for_linear(columns), last)
    boosting = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    last = boosting(
        **settings,
        max_iter=rounds,
        early_stopping=False,  # it would set rows aside at random, whatever belongs together
        categorical_features=list(range(len(columns["category"]))),
        random_state=seed,
    )
    return make_pipeline(_for_trees(columns), last)


def _for_linear(columns: dict[str, list[str]]) -> ColumnTransformer:
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5, max_categories=_MOST_ONE_HOT)
    filled = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    texts = [(f"text {place}", _words(), name) for place, name in enumerate(columns["text"])]
    return ColumnTransformer(
        [("category", one_hot, columns["category"]), ("number", filled, columns["number"]), *texts]
    )


def _for_trees(columns: dict[str, list[str]]) -> ColumnTransformer:
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=2, max_categories=_MOST_CATEGORIES
    )
    texts = [
        (f"text {place}", Pipeline([("words", _words()), ("topics", TruncatedSVD(_TOPICS, random_state=0))]), name)
        for place, name in enumerate(columns["text"])
    ]
    return ColumnTransformer(
        [("category", codes, columns["category"]), ("number", "passthrough", columns["number"]), *texts],
        sparse_threshold=0,
    )


def _words() -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, max_features=_WORDS, token_pattern=r"(?u)\b\w+\b")


def predict(fitted: BaseEstimator, question: Question, table) -> np.ndarray:
    """Give the answer of each row.

    Returns
    -------
    ndarray, shape (rows,) or (rows, classes)
        The number, or the probability of each class of the question; one that was not learned from has 0.
    """
    if question.kind == "number":
        return fitted.predict(table)
    chances = np.zeros((len(table), len(question.classes)))
    chances[:, fitted.classes_.astype(int)] = fitted.predict_proba(table)
    return chances


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the warnings of single fits away: a category that a fold lacks, a solver's last step. Scores see them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
