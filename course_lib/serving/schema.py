"""What a model's columns may hold: one description, for a table of a batch and for what a request brings.

It is read off the example that the registry keeps with each version, so it is that of the rows that the model learned
from. How odd values are treated, in a request and in a table alike:

===========================  =========================================================================================
missing number or word       stays missing; the model knows what to do with it
word that it never met       counts as missing, and is told
infinite number, or one      refused: no instrument reads that
beyond the column's type
missing where the column     refused: whole numbers have no missing value
holds whole numbers
missing column               refused: a decision without it would be another model's
===========================  =========================================================================================

A column that the model does not have is left out of a table, and refused in a request: there it is a slip of the pen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, create_model

from course_lib.errors import CourseError

LONGEST_WORD = 200  # characters
ROWS_OF_REQUEST = 1_000  # decisions that one request may ask for


@dataclass(frozen=True)
class Column:
    """One column that a model takes.

    Attributes
    ----------
    name : str
    kind : {"number", "whole number", "word"}
    type : numpy.dtype or pandas.CategoricalDtype
        That of the rows that the model learned from.
    words : frozenset of str or None
        All words that it knows; None where it takes any, and for numbers.
    """

    name: str
    kind: Literal["number", "whole number", "word"]
    type: Any
    words: frozenset[str] | None


def columns_of(example: pd.DataFrame) -> tuple[Column, ...]:
    """Read the columns off some rows as a model takes them.

    Raises
    ------
    CourseError
        If a column holds something else than numbers and words.
    """
    return tuple(_column(str(name), values.dtype) for name, values in example.items())


def _column(name: str, held: Any) -> Column:
    if isinstance(held, pd.CategoricalDtype) and all(isinstance(word, str) for word in held.categories):
        return Column(name, "word", held, frozenset(held.categories))
    if (isinstance(held, np.dtype) and held.kind == "O") or isinstance(held, pd.StringDtype):
        return Column(name, "word", held, None)
    if isinstance(held, np.dtype) and held.kind in "fiu":
        return Column(name, "number" if held.kind == "f" else "whole number", held, None)
    raise CourseError(f"Column {name!r} holds {held}: the service takes numbers and words. Turn it into one of these.")


def table(columns: tuple[Column, ...], rows: list[tuple]) -> tuple[pd.DataFrame, list[tuple[int, str, str]]]:
    """Make a model's table from checked values.

    Parameters
    ----------
    columns : tuple of Column
    rows : list of tuple
        A value for each column, in their order; None is missing.

    Returns
    -------
    pandas.DataFrame, shape (rows, columns)
    list of (int, str, str)
        Row, column and word of each word that the model never met; it is missing in the table.
    """
    by_column = list(zip(*rows, strict=True))
    held, unknown = {}, []
    for column, values in zip(columns, by_column, strict=True):
        if column.kind == "word":
            held[column.name], odd = _words(column, values)
            unknown += odd
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    flat = np.fromiter(chain.from_iterable(by_column[place] for place in numbers), float, len(numbers) * len(rows))
    for place, values in zip(numbers, flat.reshape(len(numbers), len(rows)), strict=True):
        held[columns[place].name] = values.astype(columns[place].type)
    for column, values in zip(columns, by_column, strict=True):
        if column.kind == "whole number":
            held[column.name] = np.array(values, dtype=column.type)
    return pd.DataFrame({column.name: held[column.name] for column in columns}), unknown


def _words(column: Column, values: tuple) -> tuple[Any, list[tuple[int, str, str]]]:
    if column.words is None:
        return pd.Series(values, dtype=object).astype(column.type), []
    unknown = [(row, column.name, word) for row, word in enumerate(values) if word not in column.words]
    known = [word if word in column.words else None for word in values]
    return pd.Categorical(known, dtype=column.type), [each for each in unknown if each[2] is not None]


def prepare(columns: tuple[Column, ...], rows: pd.DataFrame) -> pd.DataFrame:
    """Bring a table of a batch into the form that a model takes, by the same rules as a request.

    Parameters
    ----------
    columns : tuple of Column
    rows : pandas.DataFrame
        With these columns at least; such as ``load("features")``.

    Returns
    -------
    pandas.DataFrame, shape (rows, columns)
        Index as in `rows`.

    Raises
    ------
    CourseError
        If a column is missing, or holds what is refused, with its name.
    """
    if missing := [column.name for column in columns if column.name not in rows]:
        raise CourseError(
            f"The table lacks {', '.join(missing)}: the model takes {len(columns)} columns, see its card."
        )
    held = {}
    for column in columns:
        values = rows[column.name]
        if column.kind == "word":
            plain = values.astype(object).where(values.notna(), None)
            held[column.name] = _words(column, tuple(plain))[0]
            continue
        try:
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            raise CourseError(f"Column {column.name!r} holds {values.dtype}: give numbers.") from None
        low, high = limits(column)
        if not ((numbers >= low) & (numbers <= high) | np.isnan(numbers)).all():
            raise CourseError(
                f"Column {column.name!r} holds numbers beyond {low:g} to {high:g}: mend or leave them out."
            )
        if column.kind == "whole number" and not (numbers == np.floor(numbers)).all():
            raise CourseError(f"Column {column.name!r} holds gaps or fractions: it takes whole numbers.")
        held[column.name] = numbers.astype(column.type)
    return pd.DataFrame(held, index=rows.index)


def limits(column: Column) -> tuple[float, float]:
    """Give the least and the largest number that a column's type holds."""
    if column.kind == "number":
        most = float(np.finfo(column.type).max)
        return -most, most
    about = np.iinfo(column.type)
    return int(about.min), int(about.max)


def request_of(columns: tuple[Column, ...], example: pd.DataFrame, about: dict[str, str]) -> type[BaseModel]:
    """Make the pydantic model of a request for one or many decisions.

    Parameters
    ----------
    columns : tuple of Column
    example : pandas.DataFrame
        Its first row is the example on the page of the interface.
    about : dict of str to str
        What a column means, with its unit, where that is known.

    Returns
    -------
    type of pydantic.BaseModel
        With one field, `decisions`: a list of models whose values lie in the order of `columns`.
    """
    fields = {}
    for place, column in enumerate(columns):  # a column may have a name that no attribute can have
        fields[f"column_{place}"] = (_type(column), Field(alias=column.name, description=about.get(column.name)))
    first = {column.name: _plain(example[column.name].iloc[0]) for column in columns}
    settings = ConfigDict(extra="forbid", json_schema_extra={"example": first})
    decision = create_model("Decision", __config__=settings, **fields)
    decision.__doc__ = "What is known of a flight three hours before its departure."
    return create_model(
        "Decisions",
        __config__=ConfigDict(extra="forbid"),
        decisions=(Annotated[list[decision], Field(min_length=1, max_length=ROWS_OF_REQUEST)], ...),
    )


def _type(column: Column) -> Any:
    if column.kind == "word":
        return Annotated[str, Field(strict=True, max_length=LONGEST_WORD)] | None
    low, high = limits(column)
    if column.kind == "whole number":
        return Annotated[int, Field(strict=True, ge=low, le=high)]
    return Annotated[float, Field(strict=True, allow_inf_nan=False, ge=low, le=high)] | None


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def as_decision(row: pd.Series | dict) -> dict[str, Any]:
    """Turn a row of a table into what a request holds for it: plain numbers and words, None where it is missing."""
    return {name: _plain(value) for name, value in dict(row).items()}
