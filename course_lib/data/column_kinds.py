"""What a column holds, the overview of all, and which of them can be a target."""

import pandas as pd

from course_lib.data.wording import nearest, one_line
from course_lib.errors import CourseError


def kind_of(values: pd.Series) -> str:
    """Say what a column holds: empty, constant, yes/no, time, number, category or text.

    Text with many distinct values (more than 50 and more than a twentieth of the known ones) is ``text``: names,
    keys and remarks, which a bar chart cannot show.
    """
    known = values.dropna()
    if known.empty:
        return "empty"
    distinct = known.nunique()
    if distinct == 1:
        return "constant"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "time"
    if distinct == 2:
        return "yes/no"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    return "text" if distinct > max(50, len(known) / 20) else "category"


def overview(data: pd.DataFrame) -> pd.DataFrame:
    """One row a column: what it holds, how much of it is missing, its range or its most frequent value.

    Returns
    -------
    DataFrame
        Index: the columns of ``data``; columns ``kind``, ``missing`` (share), ``distinct``, ``lowest``, ``middle``
        (median), ``highest``, ``most frequent`` and ``its share`` (of the known values).
    """
    return pd.DataFrame({column: _describe(data[column]) for column in data.columns}).T.rename_axis("column")


def choose_target(data: pd.DataFrame, target: str) -> str | None:
    """Check that the target is a column worth studying; an empty name means that there is none.

    Returns
    -------
    str or None
        The column's name as the table spells it.

    Raises
    ------
    CourseError
        The column is not there (with the nearest), has no value, or only one.
    """
    if not target:
        return None
    choose_column(data, target, "target", "Empty means no target.")
    distinct = data[target].dropna().nunique()
    if distinct < 2:
        what = (
            "has no value at all" if distinct == 0 else f"has the one value '{one_line(data[target].dropna().iloc[0])}'"
        )
        raise CourseError(f"target='{target}' {what}, so nothing can explain it: choose a column that varies.")
    return target


def choose_column(data: pd.DataFrame, column: str, role: str, more: str = "") -> None:
    """Refuse a name that no column has, and say the nearest.

    Parameters
    ----------
    data : DataFrame
    column, role : str
        The name, and the parameter in which it was given.
    more : str
        A sentence that ends the message.

    Raises
    ------
    CourseError
        The column is not there.
    """
    if column in data.columns:
        return
    same = [each for each in data.columns if str(each).strip().lower() == column.strip().lower()]
    near = same or nearest(column, data.columns)
    hint = f"the nearest is '{near[0]}'" if near else f"there are {', '.join(map(repr, data.columns[:8]))}"
    raise CourseError(f"{role}='{column}' is not a column of this table: {hint}. {more}".rstrip())


def _describe(values: pd.Series) -> dict:
    kind, known = kind_of(values), values.dropna()
    row = {"kind": kind, "missing": round(values.isna().mean(), 4), "distinct": known.nunique()}
    if kind in ("number", "time") or (kind == "yes/no" and pd.api.types.is_numeric_dtype(known)):
        ordered = known.astype(int) if known.dtype == bool else known
        row |= {"lowest": ordered.min(), "middle": ordered.median(), "highest": ordered.max()}
    if len(known):
        counts = known.value_counts()
        row |= {"most frequent": counts.index[0], "its share": round(counts.iloc[0] / len(known), 4)}
    empty = {"lowest": "", "middle": "", "highest": "", "most frequent": "", "its share": ""}
    return {**row, **{key: row.get(key, value) for key, value in empty.items()}}
