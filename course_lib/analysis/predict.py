"""Score a new file with a saved model; what ``predict.py`` beside a model calls."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.analysis import columns, folder, models
from course_lib.analysis.question import Question
from course_lib.analysis.split import time_column
from course_lib.data.own_table import read_table
from course_lib.data.wording import named, nearest
from course_lib.errors import CourseError

SCRIPT = "predict.py"
_ALL_CELLS = 10**12  # a new file is scored whole
_SCRIPT = '''\
"""Score a new file with the model beside this script: python predict.py new.csv [predictions.csv]

Run it with the Python of the course (.venv/bin/python of the repository), from any folder.
"""

import sys
from pathlib import Path

try:
    from course_lib.analysis.predict import main
except ModuleNotFoundError as error:
    sys.exit(f"predict.py: {error}. Run it with the Python of the course: .venv/bin/python of its repository.")

if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent, sys.argv[1:]))
'''


def write_script(where: Path) -> None:
    """Write the script that a person runs, beside the model."""
    (where / SCRIPT).write_text(_SCRIPT, encoding="utf-8")


def main(where: Path, words: list[str]) -> int:
    """Score the file that a person names, and say what was noticed.

    Parameters
    ----------
    where : Path
        Folder of the model.
    words : list of str
        The new file, and the file to write; ``predictions.csv`` in the current folder if that is not given.

    Returns
    -------
    int
        0, or 1 if there is no answer; why is said in one line.
    """
    if len(words) not in (1, 2) or words[0] in ("-h", "--help"):
        print("python predict.py NEW_FILE [PREDICTIONS.csv]: scores a CSV, JSON or Parquet file.", file=sys.stderr)
        return 1
    target = Path(words[1] if len(words) == 2 else "predictions.csv")
    try:
        found, notes, verdict = score(where, words[0])
        beside = target.with_name(target.name + ".part")
        found.to_csv(beside, index=False)
        beside.replace(target)
    except (CourseError, OSError) as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 1
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{len(found):,} predictions: {target}")
    print(f"How good, on rows that were not learned from: {verdict}")
    return 0


def score(where: Path, table: str) -> tuple[pd.DataFrame, list[str], str]:
    """Predict each row of a new table.

    Returns
    -------
    DataFrame
        One row a row, in its order: ``row`` (from 1), ``prediction``, and ``chance of …`` for each class.
    list of str
        What a person should know: versions that differ, values never met, what could not be read.
    str
        What the card says of the model's score.

    Raises
    ------
    CourseError
        The table cannot be read, or lacks a column.
    """
    fitted, card = folder.load(where)
    question = Question(**card["question"])
    features = [columns.Feature(**each) for each in card["features"]]
    data = read_table(table, _ALL_CELLS).data
    notes = _other_versions(card["versions"])
    data = _with_columns(data, features, card["time"])
    built, lost = columns.build(data, features, card["time"])
    notes += lost + columns.unseen(built, features, card["categories"])
    answer = models.predict(fitted, question, built)
    found = pd.DataFrame({"row": np.arange(1, len(data) + 1)})
    if question.kind == "number":
        return found.assign(prediction=answer), notes, card["verdict"]
    found["prediction"] = np.array(question.classes, dtype=object)[answer.argmax(axis=1)]
    chances = {f"chance of {name}": answer[:, place] for place, name in enumerate(question.classes)}
    return found.assign(**chances), notes, card["verdict"]


def _with_columns(data: pd.DataFrame, features: list[columns.Feature], time: str | None) -> pd.DataFrame:
    """Check that the columns are there, and that times are times."""
    parts = [feature for feature in features if feature.part]
    needed = dict.fromkeys(feature.column for feature in features)
    if time and any(feature.part == "days before" for feature in parts):
        needed[time] = None
    missing = [column for column in needed if column not in data.columns]
    if missing:
        near = {column: nearest(column, data.columns) for column in missing}
        hint = "".join(f"; for '{column}' there is '{found[0]}'" for column, found in near.items() if found)
        raise CourseError(
            f"The file lacks {len(missing)} of the {len(needed)} columns that the model uses: {named(missing)}{hint}."
        )
    data = data.copy(deep=False)
    for column in {feature.column for feature in parts} | ({time} & needed.keys() if time else set()):
        if data[column].isna().all():
            data[column] = pd.Series(pd.NaT, index=data.index, dtype="datetime64[ns]")
        data[column] = time_column(data, column)
    return data


def _other_versions(of_model: dict[str, str]) -> list[str]:
    here = folder.versions()
    differ = [
        f"{name} {version} (here {here[name]})" for name, version in of_model.items() if here.get(name) != version
    ]
    return [f"the model was made with {', '.join(differ)}: predictions may differ a little."] if differ else []
