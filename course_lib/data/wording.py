"""Values and names in words that fit into a note, an axis or an error."""

import difflib
import re

import numpy as np
import pandas as pd


def short(value) -> str:
    """Write a value as briefly as it can be told from its neighbours."""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"
    return str(value)


def named(columns, most: int = 5) -> str:
    """List the first names, and how many more there are."""
    columns = [str(column) for column in columns]
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(columns[:most]) + more


def capital(words: str) -> str:
    """Begin a sentence with these words; the rest of them stays as it is."""
    return words[0].upper() + words[1:]


def one_line(text, most: int = 40) -> str:
    """Begin of a text, on one line."""
    return " ".join(str(text).split())[:most]


def nearest(name: str, known, count: int = 1) -> list[str]:
    """Known names that look like ``name``, the nearest first."""
    lower = {str(each).lower(): str(each) for each in known}
    return [lower[match] for match in difflib.get_close_matches(str(name).lower(), lower, n=count, cutoff=0.6)]


def times(count: int, what: str) -> str:
    """Count in words: "1 line", "2 lines"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def left_out(lines: list[str], where: str) -> str:
    """Say that lines are left out, and how the first of them that says something reads."""
    first = next((line for line in lines if re.search(r"\w", line)), lines[0])
    more = " and so on" if len(lines) > 1 else ""
    return f"{times(len(lines), 'line')} {where} left out: '{one_line(first, 60)}'{more}"
