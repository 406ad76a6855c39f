"""Numbers that a file holds as text: decimal commas, thousands, currencies, per cent, negatives in brackets.

A column becomes numbers only if that can be done in one way: ``1,234`` is a thousand or a bit more than one, and stays
text unless another value of the file tells which. What was done, and what could not be decided, is told in notes.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_lib.data.wording import named

# What people write where there is no value, beyond what pandas knows ("NA", "n/a", "null", ...); in lower case.
LIKE_MISSING = {"?", "-", "--", ".", "*", "\\n", "n.a.", "n.a", "unknown", "missing", "not available", "tbd", "xxx"}
LIKE_MISSING |= {"k.a.", "k. a.", "n.v.", "unbekannt", "keine angabe"}

_SPACES_AND_SIGNS = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009\u2007", " ") | dict.fromkeys("\u2212\u2013", "-") | {"’": "'"}
)
_CURRENCY = (
    r"(?:(?:US|CA|AU|NZ|HK|A|C|R|S)?\$|[€£¥₹₽₺₩₪₫₴₦₱฿]|(?<![A-Za-z])(?:(?i:EUR|USD|CHF|GBP|JPY|CNY|SEK|NOK|DKK|PLN|CZK|HUF"
    r"|RON|TRY|INR|CAD|AUD|NZD|BRL|MXN|ZAR|RUB|KRW|SGD|HKD)|S?Fr\.?|kr\.?|zł|Kč|Ft)(?![A-Za-z]))"
)
_AROUND = rf"(?:[-+()%\s]|{_CURRENCY})*"
_PIECES = re.compile(
    rf"(?P<before>{_AROUND})(?P<digits>[\d.,](?:[\d.,' ]*\d)?[.,]?)(?P<power>[eE][-+]?\d{{1,3}})?(?P<after>{_AROUND})"
)
_UNIT = re.compile(rf"{_CURRENCY}|%")
# Digits with a decimal point, and with a decimal comma; thousands are parted everywhere or nowhere.
_POINT = re.compile(r"(?:\d+|[1-9]\d{0,2}(?:([, '])\d{3})(?:\1\d{3})*)(?:\.\d*)?|\.\d+")
_COMMA = re.compile(r"(?:\d+|[1-9]\d{0,2}(?:([. '])\d{3})(?:\1\d{3})*)(?:,\d*)?|,\d+")
_KEY = re.compile(r"\s*0\d+\s*")  # a postal code: a number would lose its zeros
_GUARD = re.compile(r'\s*="(?P<quoted>.*)"\s*|\s*\'(?P<digits>\d+)\s*', re.DOTALL)  # so Excel leaves a code alone
_MANY = 2_000  # values that are looked at before a whole column is
LONGEST = 15  # digits of a whole number that a floating-point number keeps; longer ones are keys

_NOTES = {
    "guard": 'Excel\'s guard around a code (="…") taken off, and the code kept as text, in {}',
    "comma": "decimal comma read as a number in {}",
    "percent": "per cent sign taken off in {}",
    "currency": "currency taken off in {}",
    "thousands": "thousands separators taken out in {}",
    "negative": "brackets, or a minus behind, read as negative in {}",
    "words": "words that stand for a missing value read as missing: {}",
    "point": "read with a decimal point, though three digits stand behind each: thousands in {}?",
    "either": "kept as text, as its sign may part thousands or decimals: {}",
    "currencies": "kept as text, as it holds more than one currency: {}",
    "codes": "kept as text, as these may be codes as well as numbers: {}",
}


@dataclass
class _Pieces:
    """What one value is made of: "-1.234,50 €" is the digits "1.234,50", negative, with the unit "€"."""

    digits: str
    power: str
    unit: str
    negative: bool
    marked: bool  # negative by brackets or by a minus behind
    plus: bool
    plain: bool  # written so that pandas reads the signs

    def written(self, comma: bool) -> str | None:
        """Write the number as Python does, read with a decimal comma or point; None if it does not fit."""
        if not (_COMMA if comma else _POINT).fullmatch(self.digits):
            return None
        digits = re.sub(r"[. ']" if comma else r"[, ']", "", self.digits).replace(",", ".")
        return "-" * self.negative + digits + self.power

    def thousands(self, comma: bool) -> str:
        """Give the signs that part thousands, one for each place."""
        return "".join(re.findall(r"[. ']" if comma else r"[, ']", self.digits))


@dataclass
class _Column:
    """A column of text that holds numbers, and with which decimal signs it can be read."""

    text: pd.Series  # missing where a word stood for it
    pieces: dict[str, _Pieces | None]
    point: bool
    comma: bool
    words: int  # how many words stood for a missing value

    def __post_init__(self):
        self.known = [pieces for pieces in self.pieces.values() if pieces]
        self.units = sorted({pieces.unit for pieces in self.known} - {""})
        self.signed = any(re.search("[.,]", pieces.digits) for pieces in self.known)

    @property
    def either(self) -> bool:
        """Whether both decimal signs fit, and give different numbers."""
        return self.point and self.comma and any(each.written(True) != each.written(False) for each in self.known)


def numbers_from_text(
    data: pd.DataFrame, comma_separated: bool, doubtful: frozenset = frozenset()
) -> tuple[pd.DataFrame, list[str]]:
    """Turn the columns of text that hold numbers into numbers.

    Parameters
    ----------
    data : DataFrame
    comma_separated : bool
        Whether a comma parts the fields: then ``1,5`` in one field is a list, unless a currency stands beside it.
    doubtful : set of columns
        Kept as text by the reader though pandas could read them, as each value has three digits behind a point: a
        decimal comma elsewhere in the file makes them thousands.

    Returns
    -------
    DataFrame, list of str
        The table, and a note on each kind of change or doubt.
    """
    data, told = data.copy(deep=False), defaultdict(list)
    columns = {}
    for name in data.select_dtypes(object).columns:
        if (plain := _without_guards(data[name])) is not None:
            data[name] = plain
            told["guard"].append(name)
        elif column := _column(data[name], comma_separated):
            columns[name] = column
    sign = _sign_of_the_file(data, columns.values())
    for name, column in columns.items():
        if (doubt := _doubt(column, sign)) is not None:
            kind, example = doubt
            told[kind].append(f"{name} ({example})")
            continue
        data[name] = _numbers(column, name, sign, name in doubtful, told)
    return data, [note.format(named(told[kind])) for kind, note in _NOTES.items() if told[kind]]


def without_guard(value: str) -> str:
    """Take Excel's guard off one value: ``="0815"`` is the text 0815."""
    found = _GUARD.fullmatch(value)
    return value if not found else found["digits"] or found["quoted"] or ""


def _without_guards(values: pd.Series) -> pd.Series | None:
    known = values.dropna()
    if known.empty or not known.map(lambda value: isinstance(value, str)).all():
        return None
    guarded = known.str.fullmatch(_GUARD)
    if not guarded.any() or (known.str.lstrip().str.startswith("'").any() and not guarded.all()):  # 't Hooft
        return None
    return values.map(without_guard, na_action="ignore")


def _column(values: pd.Series, comma_separated: bool) -> _Column | None:
    """Take a column's values apart; None if they are no numbers."""
    known = values.dropna()
    if known.empty or not known.map(lambda value: isinstance(value, str)).all():
        return None
    if known.head(_MANY).map(lambda value: not _for_missing(value) and _taken_apart(value) is None).mean() > 0.1:
        return None
    if known.str.fullmatch(_KEY).any():
        return None
    counts = known.value_counts()
    words = [value for value in counts.index if _for_missing(value)]
    pieces = {value: _taken_apart(value) for value in counts.index.drop(words)}
    total = int(counts.drop(words).sum())
    if not any(pieces.values()) or any(_is_key(each) for each in pieces.values() if each):
        return None

    def fit(form: re.Pattern) -> int:
        return int(sum(counts[value] for value, each in pieces.items() if each and form.fullmatch(each.digits)))

    point, commas = fit(_POINT) == total, fit(_COMMA)
    comma = commas == total or (commas >= 0.95 * total and not point)
    if comma_separated and not any(
        each.unit and (each.unit != "%" or "," in each.digits) for each in pieces.values() if each
    ):
        # "1.5" in a file of commas has a decimal point, and "1,5" in quotes is a list, but "1.234,5" is neither.
        comma &= any({".", ","} <= set(each.digits) for each in pieces.values() if each)
    text = values.where(~values.isin(words)) if words else values
    column = _Column(text, pieces, point, comma, int(counts[words].sum()))
    return column if point or comma else None


def _for_missing(value: str) -> bool:
    return value.strip().casefold() in LIKE_MISSING


def _is_key(pieces: _Pieces) -> bool:
    long_or_padded = len(pieces.digits) > LONGEST or re.fullmatch(r"0\d+", pieces.digits)
    return not pieces.unit and pieces.digits.isdigit() and bool(long_or_padded)


def _taken_apart(text: str) -> _Pieces | None:
    written = text.translate(_SPACES_AND_SIGNS).strip()
    found = _PIECES.fullmatch(written)
    if not found or "%" in found["before"] or "+" in found["after"]:
        return None
    digits, after = found["digits"], found["after"]
    if digits[-1] in ".," and after.startswith("-"):  # "12.-" is 12 francs and no cents
        after = after[1:]
    units = _UNIT.findall(found["before"] + " " + after)
    before, behind = (re.sub(r"\s", "", _UNIT.sub("", part)) for part in (found["before"], after))
    if len(units) > 1 or (before, behind) not in (("", ""), ("-", ""), ("+", ""), ("", "-"), ("(", ")")):
        return None
    marked = bool(behind)
    unit = units[0] if units else ""
    return _Pieces(digits, found["power"] or "", unit, marked or before == "-", marked, before == "+", text.isascii())


def _sign_of_the_file(data: pd.DataFrame, columns: Iterable[_Column]) -> str:
    """Say which decimal sign the file writes, where all columns that leave no choice agree; else nothing."""
    signs = {"," if column.comma else "." for column in columns if column.signed and column.point != column.comma}
    for name in data.select_dtypes("floating").columns:
        finite = data[name][np.isfinite(data[name])]
        if (finite % 1 != 0).any():
            signs.add(".")
    return signs.pop() if len(signs) == 1 else ""


def _doubt(column: _Column, sign: str) -> tuple[str, str] | None:
    """Say why a column that could be read as numbers is not, with an example."""
    known, example = column.known, next(iter(column.pieces))
    if len(column.units) > 1:
        return "currencies", " and ".join(column.units[:3])
    money = column.units and column.units != ["%"]
    if column.either and not sign and (money or any("," in each.digits for each in known)):
        return "either", next(value for value, each in column.pieces.items() if re.search("[.,]", each.digits))
    if column.units or (column.either and sign):
        return None
    comma = column.comma and not column.point
    if any("," in each.digits if comma else "." in each.digits for each in known):
        return None
    # "(1)", "(2)" may count footnotes, "612 345 678" be a telephone, "10.100.200.101" a machine: all are alike.
    parts = [each.thousands(comma) for each in known]
    one_form = len(set(map(len, parts))) == 1 and set("".join(parts)) & set(" .") and not any(e.negative for e in known)
    telephone = any(each.plus and " " in part for each, part in zip(known, parts, strict=True))
    if telephone or one_form or (all(each.marked for each in known) and not any(parts)):
        return "codes", example
    return None


def _numbers(column: _Column, name: str, sign: str, doubtful: bool, told: dict[str, list[str]]) -> pd.Series:
    """Read a column as numbers, and tell how; give its text back if it is written as its writer wanted it."""
    known = column.known
    comma = sign == "," if column.either else column.comma and not column.point
    parted = any(each.thousands(comma) for each in known)
    changes = {
        "comma": comma and any("," in each.digits for each in known),
        "percent": column.units == ["%"],
        "currency": bool(column.units) and column.units != ["%"],
        "thousands": parted,
        "negative": any(each.marked for each in known),
        "words": column.words > 0,
        "point": column.either and not sign,
    }
    if not any(changes.values()) and not doubtful and all(each.plain for each in known):
        return column.text
    written = {text: pieces.written(comma) if pieces else None for text, pieces in column.pieces.items()}
    numbers = pd.to_numeric(column.text.map(written), errors="coerce")
    lost = int((column.text.notna() & numbers.isna()).sum())
    if lost:
        told["comma"].append(f"{name} ({lost:,} values that are no numbers became missing)")
        changes["comma"] = False
    words = {"currency": f"{name} ({''.join(column.units)})", "words": f"{column.words:,} in {name}"}
    for kind in (kind for kind, changed in changes.items() if changed):
        told[kind].append(words.get(kind, name))
    return numbers
