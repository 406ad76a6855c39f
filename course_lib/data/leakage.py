"""Has the table seen the answer? Checks on leaks that a reader can run on any table.

Each check returns a table of findings, and an empty one if it finds nothing: which is no proof, see what each can see.
``scan`` runs all of them at once.
"""

import pandas as pd

from course_lib.data import leak_corners, leak_models, leak_rows
from course_lib.data.leak_corners import missing_tells, too_sure
from course_lib.data.leak_models import too_good
from course_lib.data.leak_rows import copies, own_group
from course_lib.data.leak_table import COLUMNS, prepare
from course_lib.data.leak_times import after_decision, moves_with_future
from course_lib.errors import CourseError

__all__ = [
    "after_decision",
    "copies",
    "missing_tells",
    "moves_with_future",
    "own_group",
    "scan",
    "too_good",
    "too_sure",
]
SUREST_FIRST = ["after_decision", "own_group", "too_good", "missing_tells", "copies", "too_sure"]


def scan(
    data: pd.DataFrame,
    target: str,
    *,
    time: str | None = None,
    group: str | None = None,
    known_from: dict[str, str | pd.Series] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Run all checks on one table.

    What it finds is a question to the person who knows the table, not a verdict. On 71 tables from packages that were
    taken to be clean, and not seen while the rules were chosen, 6 had a finding (8 % [4, 17]), 7 of their 3,096
    columns; in two of the six it is real (rows that are copies, a value recorded for two of three species only). Of 13
    tables with a known leak, as little seen, it found 12; of two that tell nearly the same it may find neither.
    `benchmarks/leakage_false_alarms.py` names the tables.

    Parameters
    ----------
    data : DataFrame, shape (rows, columns)
        One row a decision: features and the outcome. Rows without a target are left out.
    target : str
        Column with the outcome: classes (text, yes/no, or at most ten whole numbers), or a number.
    time : str, optional
        Column with the moment of decision, timestamps.
    group : str, optional
        Column that says which rows belong together: the day, the patient, the user.
    known_from : dict, optional
        For a column, the column or Series of timestamps that says from when its value is known; needs `time`.
    seed : int
        For the rows that `too_good` draws (it learns from 20,000 at most; the others use all), and its folds.

    Returns
    -------
    DataFrame
        One row a finding: `check`, `column` ("(all)" where whole rows are meant), `evidence` (comparable within a
        check), `says`, `ask`; the surest check comes first, and in it the largest evidence. Empty if nothing was found.
        `attrs["left_out"]` counts the rows without a target.

    Raises
    ------
    CourseError
        In one line, for what the person can mend: no such column, one class, too few rows, a time that is none.
    """
    table = prepare(data, target, time, group)
    found = []
    if time is not None:
        found.append(after_decision(data, time, known_from))
    elif known_from:
        raise CourseError("known_from says from when values are known: name the moment of decision, time='...', too.")
    clocks = {source for source in (known_from or {}).values() if isinstance(source, str)}
    table = table.without(clocks)
    found.append(leak_rows.aggregates(table))
    leaks = {column for each in found for column in each["column"]}
    found += [
        leak_models.alone(table.without(leaks), seed),  # what "all others" know is not to be another leak
        leak_corners.holes(table),
        leak_rows.within(table),
        leak_corners.corners(table),
    ]
    together = pd.concat(found, ignore_index=True)
    place = together["check"].map(SUREST_FIRST.index)
    together = together.assign(place=place).sort_values(
        ["place", "evidence"], ascending=[True, False], kind="stable", ignore_index=True
    )
    # A column that alone knows nearly all has a sure corner, too; once is enough.
    known = set(together.loc[together["check"] == "too_good", "column"])
    together = together[~(together["check"].eq("too_sure") & together["column"].isin(known))]
    result = together[COLUMNS].reset_index(drop=True)
    result.attrs["left_out"] = table.left_out
    return result
