"""Read the rows of a file of text, without the lines that are no rows.

A person's export is rarely a plain CSV. It may have a bank's letterhead above the names and a balance below the rows,
a separator that nobody else uses, or lines that two programs glued together. What is left out is told in notes.
"""

import csv
import io
import itertools
import re
import warnings
from collections import Counter, deque
from pathlib import Path

import pandas as pd

from course_lib.data.column_types import COUNTER_LEFT_OUT, counts_the_rows, unique_names
from course_lib.data.packed_text import START_BYTES, open_text
from course_lib.data.text_layout import VALUE, Layout, filled, layout_of, named_sign
from course_lib.data.text_numbers import LIKE_MISSING, LONGEST, numbers_from_text, without_guard
from course_lib.data.wording import left_out, named, one_line, times
from course_lib.errors import CourseError

_BELOW = 12  # lines at the end among which there may be more than rows
_MISSING_TO_PANDAS = {"na", "n/a", "nan", "null", "none", "<na>", "#n/a"}
_THOUSANDS_OR_NOT = re.compile(r"\s*[-+]?([1-9]\d{0,2}\.\d{3}|\d{1,3})\s*")
_LONG_NUMBER = re.compile(rf"\s*-?\d{{{LONGEST + 1},}}\s*")
_TOTAL = re.compile(
    r"\W*((grand |sub)?totals?\b|sum(me|ma)?\b|gesamt\b|saldo\b|(closing|final|ending|end) ?(balance|saldo))", re.I
)


def read_text(path: Path, start: bytes, encoding: str, max_cells: int) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of text.

    Parameters
    ----------
    path : Path
        The file, packed or not.
    start : bytes
        Its begin, at most START_BYTES.
    encoding : str
        What its letters are written in.
    max_cells : int
        Rows times columns that are read.

    Returns
    -------
    DataFrame, list of str
        The rows, and a note on each choice.

    Raises
    ------
    CourseError
        The lines are no table.
    """
    text = start.decode(encoding, errors="ignore").removeprefix("\ufeff")
    cut = len(start) >= START_BYTES
    layout = layout_of(text, cut)
    try:
        data, notes = _read(path, layout, encoding, max_cells)
    except _OpenQuote as error:
        layout = layout_of(text, cut, csv.QUOTE_NONE)
        if len(set(map(len, layout.rows))) > 1:
            raise CourseError(f"'{path}' has a quotation mark that is never closed: is the copy complete?") from error
        layout.notes.append("a quotation mark is never closed, so all of them are kept as they stand")
        data, notes = _read(path, layout, encoding, max_cells)
    except (UnicodeError, ValueError, csv.Error, OSError, EOFError) as error:
        raise CourseError(f"'{path}' cannot be read as a table ({one_line(error, 120)}).") from error
    sign = f"separated by {named_sign(layout.separator)}" if layout.separator else "separated by nothing: one column"
    return data, [f"text, encoding {encoding}, {sign}", *layout.notes, *notes]


class _OpenQuote(Exception):
    """A field begins with a quotation mark that no other one closes."""


def _read(path: Path, layout: Layout, encoding: str, max_cells: int) -> tuple[pd.DataFrame, list[str]]:
    width = max(1, len(layout.names))
    max_rows = max(1, max_cells // width)
    codes, doubtful, long = _codes(layout.rows, width), _perhaps_thousands(layout, width), _long(layout.rows, width)
    texts = dict.fromkeys([*codes, *doubtful, *long], str)
    notes = [f"kept as text for their leading zeros: {named(layout.names[each] for each in codes)}"] if codes else []
    data, told = _rows(path, layout, encoding, texts, max_rows + 1)
    if len(data) > max_rows:
        data = data.head(max_rows)
        notes.append(f"only the first {max_rows:,} rows are read (max_cells); the first rows are no sample")
    elif below := _below(path, layout, encoding):  # read again, or words below the rows would make text of numbers
        data, told = _rows(path, layout, encoding, texts, len(data) - len(below))
        notes.append(left_out(below, "below the rows"))
    notes += told
    if kept_long := [layout.names[place] for place in long if not _made_whole(data, place)]:
        notes.append(f"kept as text, as a number would lose some of the digits: {named(kept_long)}")
    kept = _worth_keeping(data, layout.names, notes)
    names, repeated = unique_names(layout.names[place] for place in kept)
    if repeated:
        notes.append(f"column names that come twice are numbered: {named(repeated)}")
    data = data[kept].set_axis(names, axis=1)
    doubtful = frozenset(name for name, place in zip(names, kept, strict=True) if place in doubtful)
    data, changes = numbers_from_text(data, layout.separator == ",", doubtful)
    return data, notes + changes


def _codes(rows: list[list[str]], width: int) -> list[int]:
    """Places of digits with leading zeros: postal codes and keys, which lose them when read as numbers."""
    columns = [
        [fields[at].strip() for fields in rows if len(fields) > at and fields[at].strip()] for at in range(width)
    ]
    return [
        at
        for at, values in enumerate(columns)
        if all(value.isdigit() for value in values) and any(re.fullmatch(r"0\d+", value) for value in values)
    ]


def _perhaps_thousands(layout: Layout, width: int) -> set[int]:
    """Places where each point has three digits behind it, in a file whose fields a comma does not part."""
    if layout.separator in (",", None):
        return set()
    found = set()
    for at in range(width):
        values = [fields[at].strip() for fields in layout.rows if len(fields) > at and fields[at].strip()]
        if any("." in value for value in values) and all(_THOUSANDS_OR_NOT.fullmatch(value) for value in values):
            found.add(at)
    return found


def _long(rows: list[list[str]], width: int) -> list[int]:
    """Places of whole numbers with so many digits that one hole among them costs the last ones."""
    return [
        at for at in range(width) if any(len(fields) > at and _LONG_NUMBER.fullmatch(fields[at]) for fields in rows)
    ]


def _made_whole(data: pd.DataFrame, place: int) -> bool:
    """Turn text into whole numbers where none is missing; tell whether nothing of a number was left as text."""
    numbers = pd.to_numeric(data[place], errors="coerce")
    if pd.api.types.is_integer_dtype(numbers) and data[place].notna().all():
        data[place] = numbers
    return pd.api.types.is_integer_dtype(numbers) or bool((numbers.isna() & data[place].notna()).any())


def _rows(
    path: Path, layout: Layout, encoding: str, texts: dict[int, type], most: int
) -> tuple[pd.DataFrame, list[str]]:
    """Read the rows below the names, each column by its place, without the lines that are no rows."""
    width = max(1, len(layout.names))
    options = {"header": None, "names": range(width), "index_col": False, "dtype": texts, "nrows": max(0, most)}
    options |= {"low_memory": False, "on_bad_lines": "error"}
    if not layout.delimiter.isascii():  # pandas' fast reader parts fields at one byte
        fitting, notes = _fitting(path, layout, encoding, most)
        return _parsed(fitting, options), notes
    try:
        with open_text(path, encoding) as file, warnings.catch_warnings():
            for _ in range(layout.above):
                next(file, None)
            warnings.simplefilter(
                "error", pd.errors.ParserWarning
            )  # a first row that is too long is cut with a warning
            data = _parsed(file, options | {"sep": layout.delimiter, "quoting": layout.quoting})
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if "EOF inside string" in str(error):
            raise _OpenQuote from error
    else:
        if not _has_names_again(data, layout.names):
            return data, []
    fitting, notes = _fitting(path, layout, encoding, most)
    return _parsed(fitting, options), notes


def _parsed(file: io.TextIOBase, options: dict) -> pd.DataFrame:
    try:
        return pd.read_csv(file, **options)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=options["names"])


def _has_names_again(data: pd.DataFrame, names: list[str]) -> bool:
    again = pd.Series(len(names) > 1 and len(data) > 0, index=data.index)
    for place, name in enumerate(names):
        if data[place].dtype != object or not again.any():
            return False
        again &= data[place].eq(name) if name else data[place].isna()
    return bool(again.any())


def _fitting(path: Path, layout: Layout, encoding: str, most: int) -> tuple[io.StringIO, list[str]]:
    """Copy the rows without those that have more fields than the first line, and without repeated names."""
    fitting, kept, long, again = io.StringIO(), 0, 0, 0
    width, writer = max(1, len(layout.names)), csv.writer(fitting)
    with open_text(path, encoding) as file:
        lines = itertools.islice(file, layout.above, None)
        for fields in csv.reader(lines, delimiter=layout.delimiter, quoting=layout.quoting):
            if _is_names(fields, layout.names):
                again += 1
            elif any(fields[width:]):
                long += 1
            elif fields:
                writer.writerow(fields[:width])
                kept += 1
            if kept >= most:
                break
    if long > 0 and long >= kept:
        raise CourseError(f"'{path}' is not a table: {long:,} of its lines do not fit the first line.")
    fitting.seek(0)
    notes = [f"{long:,} lines with more fields than the first line are left out"] if long else []
    if again:
        notes.append(f"the line of names comes again {times(again, 'time')}, and is left out there")
    return fitting, notes


def _is_names(fields: list[str], names: list[str]) -> bool:
    return len(names) > 1 and [without_guard(each).strip() for each in fields] == names[: len(fields)] and any(fields)


def _below(path: Path, layout: Layout, encoding: str) -> list[str]:
    """Find the lines below the rows: a balance, a total, the name of the program that wrote them."""
    rows, width = layout.rows, len(layout.names)
    if width < 2 or len(rows) < 3:
        return []
    full, usual = Counter(map(len, rows)).most_common(1)[0]
    regular = usual >= len(rows) - 3
    of_values = [at for at in range(width) if _mostly_values([fields[at] for fields in rows if len(fields) > at])]
    with open_text(path, encoding) as file:
        last = deque(itertools.islice(file, layout.above, None), _BELOW)
    found, empty = [], []
    for line in reversed(last):
        if layout.quoting != csv.QUOTE_NONE and line.count('"') % 2:  # a part of a field of several lines
            break
        fields = next(csv.reader([line], delimiter=layout.delimiter, quoting=layout.quoting), [])
        if any(fields[width:]) or _is_names(fields, layout.names):
            continue  # left out already
        if not filled(fields):
            empty += [line] if fields and len(fields) > 1 else []
            continue
        begin = next(value for value in fields if value.strip())
        no_value = any(_is_word(fields[at]) for at in of_values if len(fields) > at)
        short = regular and len(fields) < full and (no_value or re.search(r"\s|:", begin.strip()))
        signs_of_an_end = [no_value, _TOTAL.match(begin), filled(fields) <= (full + 1) / 2]
        if not short and sum(map(bool, signs_of_an_end)) < 2:
            break
        found += [*empty, line]
        empty = []
    found += empty if found else []
    return [line.rstrip("\r\n") for line in reversed(found)]


def _mostly_values(values: list[str]) -> bool:
    """Whether a column holds numbers, amounts or dates, but for what may stand below it."""
    known = [value for value in values if value.strip()]
    words = sum(map(_is_word, known))
    return len(known) - words >= 2 and words <= 3


def _is_word(value: str) -> bool:
    plain = value.strip()
    return bool(plain) and not VALUE.fullmatch(plain) and plain.lower() not in LIKE_MISSING | _MISSING_TO_PANDAS


def _worth_keeping(data: pd.DataFrame, names: list[str], notes: list[str]) -> list[int]:
    """Places of the columns but for those without a name that say nothing: empty ones, and a first one that counts."""
    kept = [place for place in data.columns if names[place] or data[place].notna().any()]
    if 0 < len(kept) < len(names):
        notes.append(f"{times(len(names) - len(kept), 'column')} without a name and without a value left out")
    if len(kept) > 1 and kept[0] == 0 and not names[0] and counts_the_rows(data[0]):
        notes.append(COUNTER_LEFT_OUT)
        kept = kept[1:]
    return kept or list(data.columns)
