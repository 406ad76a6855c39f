"""What a notebook says before it runs: its parameters, the Spark that it needs, what it imports."""

import ast
import builtins
import datetime
import json
import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError


@dataclass
class Declaration:
    """What a notebook says about its parameters: types, rules and defaults by name."""

    types: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)


def read_declaration(notebook: Path) -> Declaration:
    """Read what a notebook declares, without running it.

    Parameters
    ----------
    notebook : Path
        Its first cell tagged ``parameters`` has types and defaults, its call of `check_parameters` the rules. A rule
        that is not a plain value is left for the run to check.

    Returns
    -------
    Declaration

    Raises
    ------
    CourseError
        If it is not a notebook, or has no parameters.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        codes = [("".join(cell["source"]), cell) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, LookupError, TypeError):
        raise CourseError(f"{notebook.name} is not a notebook.") from None
    declared = Declaration()
    for code, cell in codes:
        if "parameters" in cell["metadata"].get("tags", []):
            for node in _statements(code):
                _declare(node, declared)
            break
    if not declared.types:
        raise CourseError(f"{notebook.name} has no parameters to vary: it needs a cell tagged `parameters`.")
    for code, _ in codes:
        for node in _statements(code):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = ast.unparse(node.value.func)
                if called.rpartition(".")[2] == "check_parameters":
                    declared.rules = {word.arg: _literal(word.value, ...) for word in node.value.keywords if word.arg}
                    return declared
    return declared


def spark_of(notebook: Path) -> str | None:
    """Tell from a notebook's cells how its runs are to come to their Spark.

    Parameters
    ----------
    notebook : Path
        The notebook.

    Returns
    -------
    str or None
        ``connect`` where Spark Connect will do; ``own`` where something is named that only a session of one's own
        has, or that other sessions of a server would see; None where there is no Spark.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    if not _SPARK.search(code):
        return None
    return "own" if _CLASSIC.search(code) or _SHARED.search(code) else "connect"


_SPARK = re.compile(r"\bget_spark\b|\bpyspark\b|[\"'](spark|pandas_on_spark)[\"']")
# What only a session of one's own has: RDDs, the context, the JVM, another master, Delta Lake, the notebook's engines.
_CLASSIC = re.compile(
    r"\.rdd\b|\b[sS]parkContext\b|\._j[a-z]+\b|\bmaster\s*[=(]|\blocal_cluster\b|\bconnect_server\b|\bDeltaTable\b"
    r"|\b(delta|barrier)\s*=\s*True"
)
# What all sessions of a server would see: tables, databases, functions, global views.
_SHARED = re.compile(
    r"\bsaveAsTable\b|\binsertInto\b|\bwriteTo\b|GlobalTemp|\bcreate(External)?Table\b"
    r"|\bcreate\s+(or\s+replace\s+)?(external\s+)?(global\s+temporary\s+view|table|database|schema|view|function)\b",
    re.IGNORECASE,
)


def imported_by(notebook: Path) -> list[str]:
    """Name the modules that a notebook's cells import, whatever they do."""
    names: dict[str, None] = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for node in _statements("".join(cell["source"])) if cell["cell_type"] == "code" else []:
            if isinstance(node, ast.Import):
                names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names[node.module] = None
    return list(names)


def _statements(code: str) -> list[ast.stmt]:
    try:
        return ast.parse(code).body
    except SyntaxError:  # a magic, or another language
        return []


def _declare(node: ast.stmt, declared: Declaration) -> None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        declared.types[node.target.id] = _type(ast.unparse(node.annotation))
        declared.defaults[node.target.id] = _literal(node.value, None)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        declared.types[node.targets[0].id] = Any
        declared.defaults[node.targets[0].id] = _literal(node.value, None)


def _type(text: str) -> Any:
    known = {**vars(typing), **vars(builtins), "date": datetime.date, "datetime": datetime.datetime, "Path": Path}
    try:
        return eval(text, {"__builtins__": {}}, known)  # an annotation of the notebook that is about to run
    except Exception:
        return Any


def _literal(node: ast.expr | None, otherwise: Any) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return otherwise
