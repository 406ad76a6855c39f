"""Any table of text, however it is written, ends in a result or in one line for the person; a clear one comes back."""

import ast
import json
import string
from datetime import date

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import believe, figures, first_look, own_table
from course_lib.data.own_table import read_table
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

FEW = settings(
    max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ROWS = st.shared(st.integers(1, 40), key="rows")
WORDS = st.text(st.characters(codec="cp1252", exclude_categories=["C"]), max_size=12)
GERMAN = str.maketrans(",.", ".,")
CELLS = {
    "whole numbers": st.integers(-(10**6), 10**6).map(str),
    "keys": st.integers(10**18 - 40, 10**18 + 40).map(str),
    "longer than 64 bits": st.integers(2**63, 2**65).map(str),
    "any float": st.floats().map(repr),
    "powers": st.integers(0, 299).map(lambda power: f"1e{power}") | st.sampled_from(["inf", "-inf"]),
    "ambiguous": st.integers(1000, 999_999).map("{:,}".format),
    "dollars": st.floats(-1e7, 1e7).map("${:,.2f}".format),
    "euros": st.floats(-1e7, 1e7).map(lambda value: f"{value:,.2f}".translate(GERMAN) + " €"),
    "decimal commas": st.floats(-99, 99).map(lambda value: f"{value:.3f}".replace(".", ",")),
    "brackets": st.integers(-99, 99).map(lambda value: f"({-value})" if value < 0 else str(value)),
    "per cent": st.integers(0, 100).map("{} %".format),
    "codes": st.integers(0, 9999).map("{:05}".format),
    "guarded": st.integers(0, 9999).map('="{:04}"'.format),
    "days": st.dates().map(str),
    "days of our time": st.dates(date(1700, 1, 1), date(2260, 12, 31)).map(str),
    "German days": st.dates().map("{:%d.%m.%Y}".format),
    "moments": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    "truth": st.booleans().map(str),
    "years": st.integers(1990, 2030).map(str),
    "words": WORDS,
    "names": st.text(string.ascii_letters, min_size=4, max_size=9).map(lambda name: f'{name}, Ä"{name}" ß'),
    "decimals": st.floats(-99, 99).map("{:.2f}".format),
    "few words": st.sampled_from(["Ann", "ann ", "Bob", "?", "n/a", ""]),
    "nothing": st.just(""),
    "one thing": st.just("same"),
}
SEPARATORS = [",", ";", "\t", "|", "§", "~", "^", "¦", ":"]


@st.composite
def columns(draw, kinds=tuple(CELLS), strangers=("", "-", "x", "5")):
    """Draw up to six columns of one kind each, some with holes or with cells of another kind."""
    rows, table = draw(ROWS), {}
    for place in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(kinds))
        cell = CELLS[kind]
        if draw(st.integers(0, 3)) == 0:
            cell = cell | st.sampled_from(strangers)
        table[f"{kind} {place}"] = draw(st.lists(cell, min_size=rows, max_size=rows))
    return pd.DataFrame(table)


@st.composite
def files(draw):
    """Draw the bytes of a file: a table in some writing, mostly with dirt."""
    separator, end = draw(st.sampled_from(SEPARATORS)), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    table = draw(columns())
    text = table.to_csv(
        sep=separator, index=draw(st.booleans()), lineterminator=end, quotechar=draw(st.sampled_from("\"'"))
    )
    lines = text.split(end)
    for dirt in draw(
        st.lists(st.sampled_from(["letterhead", "balance", "again", "long", "empty", "trailing", "sep"]), max_size=3)
    ):
        at = draw(st.integers(0, len(lines)))
        if dirt == "letterhead":
            lines[:0] = [f"Account{separator}DE12", f"Period{separator}2024", draw(st.sampled_from(["", "Export"]))]
        elif dirt == "balance":
            lines.append(f"Closing balance{separator * 2}1.234,00")
        elif dirt == "trailing":
            lines = [line + separator for line in lines]
        elif dirt == "sep":
            lines.insert(0, f"sep={separator}")
        else:
            lines.insert(at, {"again": lines[0], "long": separator * 9 + "x", "empty": ""}[dirt])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    content = end.join(lines).encode(encoding, errors="replace")
    at = draw(st.integers(0, len(content)))
    return draw(
        st.sampled_from([content, content, content[:at], content[:at] + draw(st.binary(max_size=3)) + content[at:]])
    )


def lesson_cells():
    """Compile the cells of lesson 02 that run for any table, each to statements and the value that it shows."""
    lesson = json.loads((REPOSITORY / "notebooks" / "02_exploratory_data_analysis.ipynb").read_text(encoding="utf-8"))
    for cell in lesson["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or {"flights", "parameters"} & set(cell["metadata"].get("tags", [])):
            continue
        if source.startswith(("# flights only", "import numpy")):
            continue
        tree = ast.parse(source)
        # They need a notebook, and half a minute.
        tree.body = [
            line
            for line in tree.body
            if not {"skip_cells", "write_profile"} & set(ast.unparse(line).replace("(", ".").split("."))
        ]
        shown = (
            ast.Expression(tree.body.pop().value)
            if isinstance(tree.body[-1], ast.Expr)
            else ast.Expression(ast.Constant(None))
        )
        yield compile(tree, source, "exec"), compile(ast.fix_missing_locations(shown), source, "eval")


CELLS_OF_THE_LESSON = list(lesson_cells())


def run_lesson(table, target=""):
    names = {
        "table": table,
        "target": target,
        "max_cells": 20_000_000,
        "sample_rows": 20,
        "report_folder": "",
        "seed": 0,
    }
    names |= {
        "np": np,
        "pd": pd,
        "believe": believe,
        "figures": figures,
        "first_look": first_look,
        "own_table": own_table,
    }
    for statements, shown in CELLS_OF_THE_LESSON:
        exec(statements, names)
        value = eval(shown, names)
        if hasattr(value, "to_plotly_json"):
            value.to_json()
        elif value is not None:
            repr(value)
    return names


def ends_well(table, target=""):
    try:
        return run_lesson(table, target)
    except CourseError as refusal:
        assert "\n" not in str(refusal)
        return None


def test_the_lesson_is_run_as_it_stands(tmp_path):
    path = tmp_path / "clear.csv"
    path.write_text(
        "day,price,size\n" + "".join(f"2024-01-{n:02},{n * 1.5},{n if n > 9 else ''}\n" for n in range(1, 29))
    )
    names = run_lesson(str(path), "price")
    assert {"source", "columns", "spread", "reasons", "explained", "distances"} <= names.keys()


@FEW
@given(content=files(), choice=st.integers(0, 5))
def test_any_file_ends_in_a_result_or_in_one_line(tmp_path, content, choice):
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    names = ends_well(str(path))
    if names:
        ends_well(str(path), names["data"].columns[choice % names["data"].shape[1]])


@FEW
@given(
    records=st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "a.b", ""]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
                lambda inner: (
                    st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2)
                ),
                max_leaves=4,
            ),
        ),
        max_size=12,
    ),
    lines=st.booleans(),
    cut=st.integers(0, 9),
)
def test_any_json_ends_in_a_result_or_in_one_line(tmp_path, records, lines, cut):
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records, indent=1)
    path = tmp_path / "any.json"
    path.write_text(text[:-cut] if cut > 7 else text, encoding="utf-8")
    ends_well(str(path))


CLEAR = {
    "whole numbers": float,
    "keys": str,
    "years": float,
    "decimals": float,
    "days of our time": pd.Timestamp,
    "codes": str,
    "names": str,
}


@settings(FEW, max_examples=100)
@given(
    table=columns(tuple(CLEAR), strangers=[""]),
    separator=st.sampled_from(SEPARATORS),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]),
)
def test_reading_is_the_inverse_of_writing(tmp_path, table, separator, end, encoding):
    path = tmp_path / "clear.csv"
    path.write_bytes(table.to_csv(sep=separator, index=False, lineterminator=end).encode(encoding))
    found = read_table(str(path)).data
    assert list(found.columns) == list(table.columns)
    for name, written in table.items():
        value_of = CLEAR[name.rpartition(" ")[0]]
        known = written != ""
        assert found[name].notna().tolist() == known.tolist()
        values = found[name][known]
        if name.startswith("keys"):  # numbers without a hole, else text, and no digit lost
            values = values.map(str)
        assert values.tolist() == [value_of(text) for text in written[known]]
