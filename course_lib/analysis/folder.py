"""A model in a folder: what it has learned, and a card that says what it is."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from sklearn.base import BaseEstimator

from course_lib import saved_model
from course_lib.analysis.columns import Feature
from course_lib.analysis.question import Question
from course_lib.errors import CourseError

MODEL, CARD = "model.skops", "card.json"
VERSIONS = ("scikit-learn", "numpy", "pandas", "skops")


def versions() -> dict[str, str]:
    """Versions of what a saved model depends on."""
    return saved_model.versions(*VERSIONS)


def save(
    folder: Path,
    fitted: BaseEstimator,
    question: Question,
    features: list[Feature],
    known: dict[str, list[str]],
    time: str | None,
    verdict: str,
    more: dict,
) -> None:
    """Write model and card.

    Parameters
    ----------
    folder : Path
        It exists.
    fitted : Estimator
    question : Question
    features : list of Feature
    known : dict
        For each category, the values that were learned from.
    time : str, optional
        Column with the moment of decision, if there is one.
    verdict : str
        What the judged rows say of the model, for whoever uses it.
    more : dict
        What else the card says: score, rows, the data's digest.
    """
    digest = saved_model.write(fitted, folder / MODEL)
    card = {
        "question": asdict(question),
        "verdict": verdict,
        **more,
        "time": time,
        "features": [asdict(feature) for feature in features],
        "categories": known,
        "versions": versions(),
        "model sha256": digest,
    }
    (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[BaseEstimator, dict]:
    """Load a model and its card, after a look at what the file holds.

    Raises
    ------
    CourseError
        A file is missing or was changed, or the model holds types that are not on the list.
    """
    model, card = folder / MODEL, folder / CARD
    for file in (model, card):
        if not file.is_file():
            raise CourseError(f"There is no {file.name} in '{folder}': keep the files of `course analyse` together.")
    said = json.loads(card.read_text(encoding="utf-8"))
    if saved_model.sha256(model) != said["model sha256"]:
        raise CourseError(
            f"{MODEL} is not the one that {CARD} speaks of (SHA-256 differs): run `course analyse` again."
        )
    return saved_model.read(model), said


def categories(table: pd.DataFrame, features: list[Feature]) -> dict[str, list[str]]:
    """Values of each category, for the card."""
    return {each.name: sorted(table[each.name].unique()) for each in features if each.kind == "category"}
