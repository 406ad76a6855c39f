"""Read a table from JSON: an object a line (JSON Lines), an array of objects, or an object that holds one array."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from course_lib.data.packed_text import open_text
from course_lib.data.text_numbers import LONGEST, numbers_from_text
from course_lib.data.wording import named, one_line
from course_lib.errors import CourseError

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_BEGINS = re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{\]])")
_ADVICE = "give one object a line, or an array of objects"


class _LongNumber(str):
    """The digits of a whole number that a floating-point number does not keep."""


def looks_like_json(path: Path, text: str) -> bool:
    """Tell by the file's ending, or by how its text begins."""
    return any(ending in JSON_ENDINGS for ending in path.suffixes) or bool(_BEGINS.match(text))


def read_json(path: Path, encoding: str, max_cells: int) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of JSON objects, one a row; an object in a field becomes fields named as ``address.city``.

    Returns
    -------
    DataFrame, list of str
        The rows, and a note on each choice.

    Raises
    ------
    CourseError
        Broken JSON (with its line), or JSON that is no table.
    """
    try:
        whole, within = _whole(path, encoding)
        rows = iter(whole) if whole is not None else _lines(path, encoding)
        objects = _first_objects(rows, max_cells)
        data = pd.json_normalize(objects)
    except (RecursionError, OverflowError) as error:
        raise CourseError(f"'{path}' nests its JSON too deeply to be a table: {_ADVICE}.") from error
    except UnicodeError as error:
        raise CourseError(f"'{path}' cannot be read as a table ({one_line(error, 120)}).") from error
    form = "JSON Lines" if whole is None else f"JSON, the rows in '{within}'" if within else "a JSON array of objects"
    notes = [f"{form}, encoding {encoding}"]
    if next(rows, None) is not None:
        notes.append(f"only the first {len(objects):,} rows are read (max_cells); the first rows are no sample")
    nested = [column for column in data.columns if not any(column in each for each in objects[:1000]) and "." in column]
    if nested:
        notes.append(f"objects in a field became columns of their own: {named(nested)}")
    lists = [
        column for column in data.columns if data[column].head(1000).map(lambda value: isinstance(value, list)).any()
    ]
    if lists:
        notes.append(f"lists are kept as text in {named(lists)}")
    if kept := [column for column in data.select_dtypes(object).columns if _kept_long(data, column)]:
        notes.append(f"kept as text, as a number would lose some of the digits: {named(kept)}")
    data, changes = numbers_from_text(data, comma_separated=True)
    return data, notes + changes


def _whole(path: Path, encoding: str) -> tuple[list | None, str]:
    """Give the array of objects that the file is or holds, and its name in it; None if each line is JSON by itself."""
    with open_text(path, encoding) as file:
        first = next((line for line in file if line.strip()), "")
        second = next((line for line in file if line.strip()), "")
    if second:
        alone = _parsed(first)
        if isinstance(alone, dict) or (alone is None and isinstance(_parsed(second), dict)):  # or a broken one above
            return None, ""
    with open_text(path, encoding) as file:
        try:
            found = json.load(file, parse_int=_whole_number)
        except json.JSONDecodeError as error:
            raise CourseError(f"'{path}' is broken JSON ({error.msg} in line {error.lineno:,}): {_ADVICE}.") from error
    if isinstance(found, list):
        return found, ""
    inside = {
        name: value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
    }
    if len(inside) != 1:
        what = "one JSON object" if isinstance(found, dict) else "one JSON value"
        held = f" with {len(inside)} arrays of objects" if inside else ""
        raise CourseError(f"'{path}' is {what}{held}, which is no table: {_ADVICE}.")
    [(name, value)] = inside.items()
    return value, name


def _whole_number(digits: str) -> int | _LongNumber:
    return int(digits) if len(digits) <= LONGEST else _LongNumber(digits)


def _kept_long(data: pd.DataFrame, column: str) -> bool:
    """Make numbers of a column with long ones if all are whole and known; else text, and tell so."""
    if not data[column].map(lambda value: isinstance(value, _LongNumber)).any():
        return False
    if data[column].map(lambda value: isinstance(value, int | _LongNumber) and not isinstance(value, bool)).all():
        numbers = pd.to_numeric(data[column].map(str))
        if pd.api.types.is_integer_dtype(numbers):
            data[column] = numbers
            return False
    data[column] = data[column].map(str, na_action="ignore")
    return True


def _parsed(text: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _lines(path: Path, encoding: str) -> Iterator[dict]:
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield json.loads(line, parse_int=_whole_number)
                except json.JSONDecodeError as error:
                    raise CourseError(
                        f"Line {number:,} of '{path}' is broken JSON ({error.msg}): {_ADVICE}."
                    ) from error


def _first_objects(rows: Iterator, max_cells: int) -> list[dict]:
    """Take rows until they have ``max_cells`` fields, and refuse what is no object."""
    found, cells = [], 0
    for number, each in enumerate(rows, start=1):
        if not isinstance(each, dict):
            raise CourseError(f"Entry {number:,} of the JSON is no object with names, so it is no row: {_ADVICE}.")
        found.append(each)
        cells += len(each)
        if cells >= max_cells:
            break
    return found
