"""One way from features to a decision, for the batch job, the stream, and whoever scores directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from course_lib.data import features
from course_lib.serving import schema

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

KEY = features.IN_ORDER  # what names a flight
COLUMNS = [*KEY, "day", "probability", "crew", "version"]


def needed(columns: tuple[schema.Column, ...]) -> list[str]:
    """Name what `decide` needs of a table of features: the key, the day, and what the model takes."""
    return [*KEY, "day", *(column.name for column in columns if column.name not in KEY)]


def decide(
    model: ClassifierMixin, columns: tuple[schema.Column, ...], known: pd.DataFrame, threshold: float, version: int
) -> pd.DataFrame:
    """Decide which flights get a spare crew.

    A flight's answer depends on its own row alone: trees add their leaves in the same order for one flight and for a
    million. (The matrix product of a linear model does not: its last digit may differ with the number of rows.)

    Parameters
    ----------
    model : classifier of two classes
        Such as that of `course_lib.serving.answering.load`.
    columns : tuple of schema.Column
        What it takes, from `schema.columns_of`; by it odd values are treated as in the service.
    known : pandas.DataFrame, shape (flights, columns)
        What `features.features` gives, or the same from Spark.
    threshold : float
        A crew is placed from this probability on: the cost of a crew over that of a late flight without one.
    version : int
        The model's in the registry, so that a decision can be traced to it.

    Returns
    -------
    pandas.DataFrame, shape (flights, 8)
        `scheduled`, `carrier`, `flight`, `origin`, `day`, `probability` (of being late), `crew` and `version`, sorted
        by `KEY`.

    Raises
    ------
    CourseError
        As `schema.prepare` does.
    """
    probability = model.predict_proba(schema.prepare(columns, known))[:, 1].astype("float64")
    decided = known[[*KEY, "day"]].assign(probability=probability, crew=probability >= threshold, version=version)
    return decided.sort_values(KEY, ignore_index=True)
