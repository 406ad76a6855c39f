"""Scan a whole table for the faults that a program can see without knowing the subject.

``look`` runs every check on every column; ``spellings`` finds the texts that seem to name one thing.
"""

import re

import numpy as np
import pandas as pd

from course_lib.data.column_kinds import kind_of
from course_lib.data.text_numbers import LIKE_MISSING
from course_lib.data.wording import short

_BROKEN_TEXT = re.compile("[\u00c3\u00c2][\u0080-\u00bf\u0152-\u0178\u2013-\u2122]|\u00e2\u20ac|\ufffd")


def look(data: pd.DataFrame) -> pd.DataFrame:
    """Run every check that needs no knowledge of the table.

    Returns
    -------
    DataFrame
        One row a finding: ``check``, ``column``, ``count`` (values or rows concerned), ``share`` of the rows and an
        ``example``. An empty table means that none of these checks found anything, not that the data are right.
    """
    found = [*_whole_rows(data), *_same_columns(data)]
    for column in data.columns:
        values = data[column]
        kind = kind_of(values)
        if kind in ("empty", "constant"):
            example = "" if kind == "empty" else values.dropna().iloc[0]
            found.append((f"{kind} column", column, len(values), example))
        elif pd.api.types.is_datetime64_any_dtype(values):
            found += [(*each[:1], column, *each[1:]) for each in _time_checks(values)]
        elif pd.api.types.is_bool_dtype(values):
            continue
        elif pd.api.types.is_numeric_dtype(values):
            found += [(*each[:1], column, *each[1:]) for each in _number_checks(values)]
        else:
            found += [(*each[:1], column, *each[1:]) for each in _text_checks(values, kind)]
    table = pd.DataFrame(found, columns=["check", "column", "count", "example"])
    table.insert(3, "share", table["count"] / len(data))
    table["example"] = table["example"].map(lambda value: str(value)[:60])
    return table


def _whole_rows(data: pd.DataFrame):
    repeated = data.duplicated()
    if repeated.any():
        yield "row repeats an earlier row", "(all)", int(repeated.sum()), f"row {int(np.flatnonzero(repeated)[0])}"
    empty = data.isna().all(axis=1)
    if empty.any():
        yield "row without any value", "(all)", int(empty.sum()), f"row {int(np.flatnonzero(empty)[0])}"


def _same_columns(data: pd.DataFrame):
    first_with = {}
    for column in data.columns:
        if kind_of(data[column]) in ("empty", "constant"):
            continue
        content = pd.util.hash_pandas_object(data[column], index=False).to_numpy().tobytes()
        twin = first_with.setdefault(hash(content), column)
        if twin != column and data[twin].equals(data[column]):
            yield "column equals another", column, len(data), f"= {twin}"


def _time_checks(values: pd.Series):
    known = values.dropna()
    naive = known.dt.tz_localize(None) if known.dt.tz is not None else known
    future = naive > pd.Timestamp.now()
    if future.any():
        yield "time in the future", int(future.sum()), naive[future].iloc[0]
    default = naive.isin([pd.Timestamp("1970-01-01"), pd.Timestamp("1900-01-01"), pd.Timestamp("1899-12-30")])
    if default.any():
        yield "time at a computer's zero", int(default.sum()), naive[default].iloc[0]
    moments = naive.drop_duplicates().sort_values()
    steps = moments.diff().dropna()
    if len(steps) > 20:
        usual = steps.mode().iloc[0]
        longer = steps[steps > usual]
        if 0 < len(longer) < len(steps) / 20:
            yield (
                f"gap in a series with a step of {_lasting(usual)}",
                len(longer),
                f"{_lasting(longer.max())} until {short(moments[longer.idxmax()])}",
            )


def _number_checks(values: pd.Series):
    known = values[values.notna() & np.isfinite(values)]
    infinite = int(np.isinf(values.astype(float)).sum())
    if infinite:
        yield "infinite number", infinite, "inf"
    ordered = np.sort(known.unique())
    if len(ordered) < 3:
        return
    for name, edge, lonely, span in (
        ("highest", ordered[-1], ordered[-1] - ordered[-2], ordered[-2] - ordered[0]),
        ("lowest", ordered[0], ordered[1] - ordered[0], ordered[-1] - ordered[1]),
    ):
        if lonely > span and len(ordered) > 10:
            count = int((known == edge).sum())
            yield f"{name} value far off all others", count, f"{edge:g}"
    negative = known < 0
    if 0 < negative.mean() < 0.01:
        yield "negative in a mostly positive column", int(negative.sum()), f"{known.min():g}"
    clock = len(ordered) > 60 and ordered[0] >= 0 and 1200 < ordered[-1] <= 2400
    if clock and (known % 100 < 60).all() and (known % 1 == 0).all():
        yield "clock kept as a number (HHMM)", len(known), f"{known.iloc[0]:g}"
    if clock and (known == 2400).any():
        yield "clock shows 24:00", int((known == 2400).sum()), "2400"
    if len(ordered) > 15:
        for name, edge in (("highest", ordered[-1]), ("lowest", ordered[0])):
            share = (known == edge).mean()
            if share > 0.2:
                yield (
                    f"the {name} value takes a fifth or more",
                    int((known == edge).sum()),
                    f"{edge:g}",
                )


def _text_checks(values: pd.Series, kind: str):
    known = values.dropna()
    types = known.map(type)
    if len(set(types)) > 1:
        counts = types.map(lambda each: each.__name__).value_counts()
        yield (
            "mixed types",
            int(counts.iloc[1:].sum()),
            ", ".join(f"{name} {count:,}" for name, count in counts.items()),
        )
    text = known.astype(str)
    numbers = pd.to_numeric(text.str.replace(r"[$€£%\s,]", "", regex=True), errors="coerce").notna()
    codes = text.str.fullmatch(r"0\d+").any()  # a postal code stays text
    if numbers.mean() > 0.9 and kind != "yes/no" and not codes:
        odd = text[~numbers]
        yield "numbers kept as text", int(numbers.sum()), odd.iloc[0] if len(odd) else text.iloc[0]
    stripped = text.str.strip()
    if (padded := text != stripped).any():
        yield "spaces around a value", int(padded.sum()), repr(text[padded].iloc[0])
    if (standing := stripped.str.lower().isin(LIKE_MISSING) | (stripped == "")).any():
        yield "text that stands for missing", int(standing.sum()), repr(text[standing].iloc[0])
    if (broken := text.map(lambda value: _BROKEN_TEXT.search(value) is not None)).any():
        yield "letters broken by a wrong encoding", int(broken.sum()), text[broken].iloc[0]
    if text.nunique() < 5_000 and len(variants := spellings(stripped)):
        yield "spellings of one name", int(variants["rows"].sum()), variants["which"].iloc[0]
    distinct = text.nunique()
    if 0.98 < distinct / len(text) < 1:
        repeated = text[text.duplicated()]
        yield "nearly a key: a few values come twice", len(repeated), repeated.iloc[0]


def spellings(values: pd.Series, begins: bool = False) -> pd.DataFrame:
    """Different texts that seem to name one thing: equal but for case, spaces and punctuation.

    With ``begins``, a name that continues another one at a word's end counts too (``AIRBUS``, ``AIRBUS INDUSTRIE``).

    Returns
    -------
    DataFrame
        Index: the shortest spelling; columns ``spellings``, ``rows`` and ``which``.
    """
    counts = values.dropna().astype(str).value_counts()
    plain = pd.Series({text: " ".join(re.findall(r"[^\W_]+", text.casefold())) for text in counts.index}, dtype=object)
    if begins:
        whole = sorted(set(plain), key=len)
        stem = {
            name: next(each for each in whole if each and (name + " ").startswith(each + " ")) for name in whole if name
        }
        plain = plain.map(stem)
    groups = plain[plain.duplicated(keep=False) & plain.notna() & (plain != "")].groupby(plain)
    rows = {}
    for _, group in groups:
        names = sorted(group.index, key=len)
        which = ", ".join(f"{name} {counts[name]:,}" for name in names)
        rows[names[0]] = {"spellings": len(names), "rows": int(counts[names].sum()), "which": which}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["spellings", "rows", "which"])
    return table.sort_values("rows", ascending=False)


def _lasting(time: pd.Timedelta) -> str:
    return str(time).replace("0 days ", "")
