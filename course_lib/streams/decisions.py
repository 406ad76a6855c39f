"""One way from features to a decision, for the batch job, the stream, and whoever scores directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from course_lib.data import features
from course_lib.errors import CourseError

if TYPE_CHECKING:
    from xgboost import XGBClassifier

WORDS = ["carrier", "origin", "dest"]
KEY = features.IN_ORDER  # what names a flight
COLUMNS = [*KEY, "day", "probability", "crew"]


def others() -> list[str]:
    """Name the columns that a model takes and `KEY` does not hold."""
    return [name for name in features.names() if name not in KEY]


def as_model_input(known: pd.DataFrame, words: dict[str, list[str]] | None = None) -> pd.DataFrame:
    """Give the features the types that the model of lesson 07 learned from.

    Parameters
    ----------
    known : pandas.DataFrame, shape (flights, columns)
        What `features.features` gives, or the same from Spark.
    words : dict of str to list of str, optional
        The carriers, airports and destinations that a model knows, from `words_of`; any other becomes a missing value.
        Without it, those of `known`: to learn from.

    Returns
    -------
    pandas.DataFrame, shape (flights, features)
        The columns of `features.names()` in their order: numbers in float32, words as categories.

    Raises
    ------
    CourseError
        If a column is missing.
    """
    names = features.names()
    if missing := [name for name in names if name not in known]:
        raise CourseError(f"The features lack {', '.join(missing)}: make them with features.features.")
    numbers = [name for name in names if name not in WORDS]
    kinds = {name: pd.CategoricalDtype(words[name]) if words else "category" for name in WORDS}
    return known[names].astype(dict.fromkeys(numbers, "float32") | kinds)


def words_of(model: XGBClassifier) -> dict[str, list[str]]:
    """List the words that a model has learned, by column: asked about another, XGBoost raises and answers nobody."""
    kept = dict(model.get_booster().get_categories(export_to_arrow=True).to_arrow())
    return {name: kept[name].to_pylist() for name in WORDS}


def decide(model: XGBClassifier, known: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Decide which flights get a spare crew.

    A flight's answer depends on its own row alone: trees add their leaves in the same order for one flight and for a
    million. (The matrix product of a linear model does not: its last digit may differ with the number of rows.)

    Parameters
    ----------
    model : xgboost.XGBClassifier
        Fitted on what `as_model_input` gives.
    known : pandas.DataFrame, shape (flights, columns)
        What `features.features` gives, or the same from Spark.
    threshold : float
        A crew is placed from this probability on: the cost of a crew over that of a late flight without one.

    Returns
    -------
    pandas.DataFrame, shape (flights, 7)
        `scheduled`, `carrier`, `flight`, `origin`, `day`, `probability` (of being late) and `crew`, sorted by `KEY`.
    """
    probability = model.predict_proba(as_model_input(known, words_of(model)))[:, 1].astype("float64")
    decided = known[[*KEY, "day"]].assign(probability=probability, crew=probability >= threshold)
    return decided.sort_values(KEY, ignore_index=True)
