"""How the lines of a file of text make a table: what parts the fields, which line names them, what stands above."""

import csv
import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from course_lib.data.text_numbers import LIKE_MISSING, without_guard
from course_lib.data.wording import left_out, times

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
NO_SEPARATOR = "\x1f"  # a sign that no text holds, where a file has one column
# A number, an amount or a date rather than a name: a digit, and no word beside it.
VALUE = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*([A-Za-z]{1,3}[^A-Za-z]*)?")

_INSIDE_VALUES = set("\"'.-_+/\\()[]{}<>@%=")  # signs that values are written with, so that they part nothing
_LINES = 500  # lines that are looked at to guess how the file is written
_LETTERHEAD = 40  # lines within which the names are looked for


@dataclass
class Layout:
    """How the lines of a file make a table."""

    separator: str | None
    names: list[str]  # one a field; empty where a field has no name
    above: int  # lines up to the names and with them
    rows: list[list[str]]  # the first rows below the names
    quoting: int = csv.QUOTE_MINIMAL
    notes: list[str] = field(default_factory=list)

    @property
    def delimiter(self) -> str:
        """What to give to a reader of CSV."""
        return self.separator or NO_SEPARATOR


def layout_of(text: str, cut: bool, quoting: int = csv.QUOTE_MINIMAL) -> Layout:
    """Find the separator and the line of names.

    Parameters
    ----------
    text : str
        The begin of the file.
    cut : bool
        Whether the file goes on, so that the last line of the text may be half of one.
    quoting : int
        How the csv module is to take quotation marks.
    """
    notes, above, separator = [], 0, None
    if said := re.match(r'"?sep=([^"\r\n])"?[^\S\t\r\n]*(\r\n|\r|\n)', text, re.IGNORECASE):
        separator, above, text = said[1], 1, text[said.end() :]
        notes.append("the first line says what separates the fields, as Excel writes it")
    remarks, text = _without_remarks(text, cut, quoting)
    if remarks:
        notes.append(f"remarks above the names are skipped: {times(remarks, 'line')} with #")
    separator = separator or _separator(text, cut, quoting)
    lines = _records(text, separator or NO_SEPARATOR, cut, quoting)
    at = _names_at([fields for _, fields in lines])
    if above_names := [(separator or "").join(fields) for _, fields in lines[:at] if filled(fields)]:
        notes.append(left_out(above_names, "above the names"))
    end, names = lines[at] if lines else (0, [])
    rows = [fields for _, fields in lines[at + 1 :] if fields]
    names, rows_named = _fit_names(names, rows)
    if rows_named:
        notes.append("the first field of each row has no name above it")
    return Layout(
        separator, [without_guard(name).strip() for name in names], above + remarks + end, rows, quoting, notes
    )


def _records(text: str, separator: str, cut: bool, quoting: int, most: int = _LINES) -> list[tuple[int, list[str]]]:
    """Cut the begin of a file into fields: for each record the lines read until its end, and its fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    found = []
    try:
        for fields in reader:
            found.append((reader.line_num, fields))
            if len(found) > most:
                break
    except csv.Error:  # a field that is longer than any field should be
        return found
    return found[:-1] if cut and len(found) <= most and len(found) > 2 else found


def _separator(text: str, cut: bool, quoting: int) -> str | None:
    """Find the sign that parts the first lines into equally many fields, more than one; None if none does."""
    best, best_score = None, 0.0
    for sign in [*SEPARATORS, *_unusual_signs(text)]:
        records = [fields for _, fields in _records(text, sign, cut, quoting, 200)]
        if not records:
            continue
        at = _names_at(records)
        rows = [fields for fields in records[at:] if fields]
        width, often = Counter(map(len, rows)).most_common(1)[0]
        name_count = len(rows[0])
        unusual = sign not in SEPARATORS
        if width < 2 or name_count < 2 or (unusual and not (often == len(rows) > 1 and all(rows[0]))):
            continue
        # A separator inside a value (a decimal comma) does not part the line of names the same way.
        score = often / len(rows) + (0.5 if name_count in (width, width - 1) else 0) + min(name_count, 100) / 1000
        score -= 0.2 * unusual + 0.2 * (at > 0)
        if score > best_score:
            best, best_score = sign, score
    return best


def _unusual_signs(text: str) -> list[str]:
    """Signs beside the usual separators that stand in the first line with more than one letter around them."""
    first = next((line for line in io.StringIO(text) if line.strip()), "").strip()
    signs = dict.fromkeys(sign for sign in first if unicodedata.category(sign)[0] in "PSC")
    return [sign for sign in signs if sign not in _INSIDE_VALUES and sign not in SEPARATORS and sign not in "\r\n\x00"]


def _without_remarks(text: str, cut: bool, quoting: int) -> tuple[int, str]:
    """Count the lines with # above the names, and give the text from the names on."""
    lines = list(io.StringIO(text, newline=""))
    count = next((place for place, line in enumerate(lines) if not line.startswith("#")), 0)
    if count:
        separator = _separator("".join(lines[count:]), cut, quoting)
        if separator and lines[count - 1].count(separator) == lines[count].count(separator):  # the names: "#id,name"
            count -= 1
    return count, "".join(lines[count:])


def _names_at(records: list[list[str]]) -> int:
    """Find the line of names: the first, unless what stands above another one is a letterhead.

    A line names columns if below one of its words there are only numbers, amounts or dates. What is above it is a
    letterhead if each of its lines has fewer fields, or an empty line parts the two.
    """
    places = [place for place, fields in enumerate(records) if filled(fields)]
    if not places:
        return 0
    usual = max(Counter(len(records[place]) for place in places).items(), key=lambda item: (item[1], item[0]))[0]
    for order, place in enumerate(places[:_LETTERHEAD]):
        fields, below = records[place], [records[each] for each in places[order + 1 :]]
        if len(fields) < max(2, usual - 1) or filled(fields) <= usual / 2 or not _names_values(fields, below):
            continue
        above = places[:order]
        parted = order > 1 and place - places[order - 1] > 1
        if parted or all(
            len(records[each]) < len(fields) or filled(records[each]) <= len(fields) / 2 for each in above
        ):
            return place
        return places[0]
    return places[0]


def filled(fields: list[str]) -> int:
    """How many fields are not empty."""
    return sum(1 for value in fields if value.strip())


def _names_values(names: list[str], rows: list[list[str]]) -> bool:
    for place, name in enumerate(names):
        values = [fields[place].strip() for fields in rows[:50] if len(fields) > place]
        values = [value for value in values if value and value.lower() not in LIKE_MISSING]
        if name.strip() and not VALUE.fullmatch(name.strip()) and values:
            fit = [VALUE.fullmatch(value) is not None for value in values]
            below = next(
                (n for n, fits in enumerate(reversed(fit)) if fits), len(fit)
            )  # a balance, below a short table
            if all(fit) or (below <= 2 and len(fit) >= below + 2 and all(fit[: len(fit) - below])):
                return True
    return False


def _fit_names(names: list[str], rows: list[list[str]]) -> tuple[list[str], bool]:
    """Give each field a name, an empty one where the file gives none; tell whether the rows have names of their own."""
    usual = Counter(map(len, rows)).most_common(1)[0][0] if rows else len(names)
    if usual <= len(names):
        return names, False
    ends = [fields[-1] for fields in rows if len(fields) == usual]
    if usual == len(names) + 1 and any(end.strip() for end in ends):  # R writes the names of rows so
        return ["", *names], True
    return [*names, *[""] * (usual - len(names))], False


def named_sign(separator: str) -> str:
    """Name a separator in words."""
    return SEPARATORS.get(separator) or (separator if separator.isprintable() else f"the sign U+{ord(separator):04X}")
