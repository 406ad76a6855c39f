"""The rooms of course_lib are those of the table in docs/contributing.md, and imports between them run one way."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from course_lib.places import PACKAGE, REPOSITORY

TABLE = (REPOSITORY / "docs" / "contributing.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `course_lib/(\w*)/?` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def rooms() -> dict[str, tuple[set[str], set[str]]]:
    """Give each room's modules and the rooms that it may import from, as the table says; the ground's name is empty."""
    found = {}
    for room, modules, below in ROW.findall(TABLE):
        found[room] = set(re.findall(r"`(\w+)`", modules)), set(re.findall(r"`(\w+)/`", below)) | {room, ""}
    return found


ROOMS = rooms()


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(file: Path) -> str:
    """Name a file's module as seen from course_lib: ``engines.jars``; the package itself has none."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def room_of(module: str) -> str:
    """Name the room of a module; a file beside the rooms is the ground's."""
    first = module.partition(".")[0]
    return first if first in ROOMS else ""


MODULES = {module_of(file): file for file in files()}


def imported(file: Path) -> set[str]:
    """List the modules of course_lib that a file imports, anywhere in it: at its top, in functions, for types only.

    Programs that run elsewhere are text in a file; an import in one counts too.
    """
    found = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in prose]
    for text in filter(lambda value: isinstance(value, str), texts):
        for package, names in re.findall(r"\bfrom course_lib([.\w]*) import ([\w, ]+)", text):
            found |= {f"{package.strip('.')}.{name.strip()}".strip(".") for name in names.split(",")}
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "course_lib"]
            found |= {name.removeprefix("course_lib").lstrip(".") for name in names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "course_lib":
            package = node.module.removeprefix("course_lib").lstrip(".")
            found |= {f"{package}.{alias.name}".lstrip(".") for alias in node.names}
    return {module for name in found if (module := home_of(name)) is not None}


def home_of(name: str) -> str | None:
    """Give the module that a dotted name of course_lib lies in, following the names that the package hands out."""
    import course_lib

    name = course_lib._HOME_OF.get(name) or course_lib._MODULES.get(name) or name
    while name not in MODULES and "." in name:
        name = name.rpartition(".")[0]
    return name if name in MODULES else None


@pytest.mark.parametrize("file", files(), ids=module_of)
def test_imports_run_down_only(file):
    room = room_of(module_of(file))
    up = [MODULES[other] for other in imported(file) if room_of(other) not in ROOMS[room][1]]
    assert not up, f"{file} is in '{room or 'the ground'}' and imports {', '.join(map(str, up))}, which is above it"


def test_no_imports_go_in_a_circle():
    graph = {module: imported(file) - {module} for module, file in MODULES.items() if module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("a circle: " + " <- ".join(str(MODULES[module]) for module in error.args[1]))


def test_rooms_do_not_lie_in_a_circle():
    TopologicalSorter({room: below - {room} for room, (_, below) in ROOMS.items()}).prepare()


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_names_just_the_modules_that_are_there(room):
    folder = PACKAGE / room
    here = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    if room == "exercises":
        here = {name for name in here if not name.startswith("lesson_")}
    assert ROOMS[room][0] == here


def test_every_folder_is_a_room():
    folders = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir() and list(folder.glob("*.py"))}
    assert folders | {""} == ROOMS.keys()


def test_a_room_says_in_its_init_what_it_is_and_no_more():
    """So that importing one module of a room does not bring the others."""
    for room in ROOMS.keys() - {"", "exercises"}:
        [statement] = ast.parse((PACKAGE / room / "__init__.py").read_text()).body
        assert isinstance(statement.value, ast.Constant), room
