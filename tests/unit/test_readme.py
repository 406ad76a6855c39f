"""README and docs name only what exists, and say of it what is so."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
import typer

from course_lib.command.cli import app
from course_lib.command.lessons import find_lesson, lessons
from course_lib.data.catalogue import describe, names
from course_lib.places import REPOSITORY

README = REPOSITORY / "README.md"
PAGES = [README, *sorted((REPOSITORY / "docs").glob("*.md"))]
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code_in(page: Path) -> list[str]:
    """Return the lines of code blocks, and the code spans."""
    text = page.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return [line for block in blocks for line in block.splitlines()] + spans


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of the README, without its head."""
    section = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@by_page
def test_local_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@by_page
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([\w-]+) *:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {match for code in code_in(page) for match in re.findall(r"^make ([a-z]+)", code)}
    assert named <= targets


@by_page
def test_every_course_command_exists(page):
    command = typer.main.get_command(app)
    known = set(command.commands) | {f"data {name}" for name in command.commands["data"].commands}
    named = {match for code in code_in(page) for match in re.findall(r"\bcourse (data [a-z]+|[a-z]+)", code)}
    assert named
    assert named <= known


@by_page
def test_every_parameter_exists(page):
    for code in code_in(page):
        given = re.findall(r" -p (\w+)[ =]", code)
        if not given:
            continue
        [lesson] = re.findall(r"notebooks/(\w+)\.ipynb|course run (\d+)", code)
        cells = nbformat.read(find_lesson("".join(lesson)), as_version=4).cells
        declared = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
        assert set(given) <= {statement.target.id for statement in ast.parse(declared).body}, code


@pytest.mark.parametrize("lesson", lessons(), ids=lambda path: path.stem)
def test_the_map_shows_each_lesson_with_its_minutes(lesson):
    minutes = {row[0]: row[1] for row in table_under("The lessons")}
    [shown] = [value for name, value in minutes.items() if f"({lesson.relative_to(REPOSITORY).as_posix()})" in name]
    assert f"{shown} minutes" in nbformat.read(lesson, as_version=4).cells[0].source


def test_the_data_table_is_the_catalogue():
    shown = {row[0].strip("`"): (row[2], row[3]) for row in table_under("Where the data come from")}
    assert shown == {name: (f"{describe(name).rows:,}", describe(name).licence) for name in names()}


def test_contributing_exports_the_lock_as_the_test_does():
    from test_environment_files import EXPORT

    assert f"uv {' '.join(EXPORT)} -o requirements.txt" in (REPOSITORY / "docs" / "contributing.md").read_text()
