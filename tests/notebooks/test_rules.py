"""The rules of a lesson that can be read from its file (docs/contributing.md says why each exists)."""

import ast
import re
import tokenize
from importlib import import_module
from io import StringIO
from urllib.parse import unquote

import nbformat
import pytest
from lesson_runs import SECOND_PARAMETERS


@pytest.fixture
def book(lesson) -> nbformat.NotebookNode:
    return nbformat.read(lesson, as_version=4)


def code(book) -> list[nbformat.NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def prose(book) -> str:
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


def test_notebook_is_valid_and_its_cells_keep_their_ids(book):
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in book.cells]
    assert len(set(ids)) == len(ids)


def test_it_opens_with_a_title_what_you_will_be_able_to_do_minutes_and_what_comes_before(book):
    first = book.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for needed in (r"\?", r"able to", r"\d+ minutes", r"[Bb]efore"):
        assert re.search(needed, first.source), f"the opening cell lacks {needed}"


def is_numbered(lesson) -> bool:
    """Tell whether a lesson is one of the course's twelve; those in folders may be shorter."""
    return lesson.stem[:2].isdigit()


def test_it_has_the_length_of_a_lesson(lesson, book):
    assert (40 if is_numbered(lesson) else 25) <= len(book.cells) <= 150


def test_parameters_come_first_typed_explained_and_checked(book):
    cells = code(book)
    assert [i for i, cell in enumerate(cells) if "parameters" in tags(cell)] == [0]
    for statement in ast.parse(cells[0].source).body:
        assert isinstance(statement, ast.AnnAssign), f"line {statement.lineno} declares no type"
    explained = {
        t.start[0] for t in tokenize.generate_tokens(StringIO(cells[0].source).readline) if t.type == tokenize.COMMENT
    }
    for statement in ast.parse(cells[0].source).body:
        assert statement.end_lineno in explained, f"line {statement.lineno} does not say what it means"
    assert "check_parameters(" in cells[1].source


def test_second_parameters_are_the_lessons_own(lesson, book):
    declared = {statement.target.id for statement in ast.parse(code(book)[0].source).body}
    assert SECOND_PARAMETERS[lesson.stem].keys() <= declared
    assert SECOND_PARAMETERS[lesson.stem]


def test_cells_are_short(book):
    long = [cell.source.splitlines()[0] for cell in code(book) if len(cell.source.splitlines()) > 25]
    assert not long
    lengths = sorted(len(cell.source.splitlines()) for cell in code(book))
    assert lengths[len(lengths) // 2] <= 9


def test_every_exercise_of_the_lesson_is_asked_and_checked(lesson, book):
    name = lesson.stem.partition("_")[0] if is_numbered(lesson) else lesson.stem
    asked = {i for cell in code(book) for i in re.findall(r"\bcheck\(\s*[\"']([\w.]+)[\"']", cell.source)}
    written = {exercise.id for exercise in import_module(f"course_lib.exercises.lesson_{name}").EXERCISES}
    assert asked == written
    assert len(asked) >= (5 if is_numbered(lesson) else 3)
    assert re.search(r"import .*\bhint\b.*\bsolution\b", code(book)[1].source), (
        "a wrong answer tells people to call hint"
    )


@pytest.mark.parametrize("heading", ["At scale", "What we learned"])
def test_it_has_the_closing_sections(book, heading):
    assert re.search(rf"(?m)^## .*{heading}", prose(book))


def test_outputs_are_stored_only_where_they_are_meant_to_be(book):
    stray = [cell.id for cell in code(book) if cell.outputs and "keep_output" not in tags(cell)]
    assert not stray
    compared = [cell for cell in code(book) if "nbval-check-output" in tags(cell)]
    assert all(cell.outputs and "keep_output" in tags(cell) for cell in compared)


def test_a_claim_of_the_prose_is_checked_by_the_run(book):
    checked = [
        cell for cell in code(book) if "nbval-check-output" in tags(cell) or re.search(r"(?m)^\s*assert ", cell.source)
    ]
    assert len(checked) >= 5


def test_nothing_is_installed_hidden_or_bound_to_a_machine(book):
    source = "\n".join(cell.source for cell in book.cells)
    for forbidden in (
        r"(?m)^\s*[!%]\s*pip",
        r"filterwarnings\([\"']ignore",
        r"(?<![\w.:/~])/(?:home|root|Users|work)/",
    ):
        assert not re.search(forbidden, source), forbidden


def test_checks_are_folded_away_in_the_lab_too(book):
    hidden = [cell for cell in code(book) if "hide-input" in tags(cell)]
    assert all(cell.metadata.get("jupyter", {}).get("source_hidden") for cell in hidden)


def test_prose_needs_no_typesetting_that_the_offline_page_lacks(book):
    plain = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", prose(book))
    assert not re.findall(r"\$[^$\n]+\$", plain)


def test_local_links_lead_somewhere(lesson, book):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(book))
    local = [unquote(link.split("#")[0]) for link in links if not re.match(r"[a-z]+:|#|/proxy/|attachment:", link)]
    dead = [
        link for link in local if link and not re.match(r"(\.\./)+runs/", link) and not (lesson.parent / link).exists()
    ]
    assert not dead


def test_spark_is_stopped_by_the_last_cell(book):
    cells = [cell.source for cell in code(book)]
    if any("get_spark(" in source or "engine=" in source for source in cells):
        assert "stop_spark()" in cells[-1]
