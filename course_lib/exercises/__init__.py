"""Exercises that check themselves: ``check``, ``hint``, ``solution`` and a person's progress.

The expected answer is computed by the reference solution from the attendee's own inputs, so an exercise holds under
other parameters and on other tables. Each lesson has one file here, ``lesson_00.py`` and so on, with ``EXERCISES``.
"""

import ast
import difflib
import html
import inspect
import json
import os
import pkgutil
import re
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from course_lib.errors import CourseError
from course_lib.exercises.compare import call_results, collected, difference

__all__ = ["Exercise", "Mistake", "Result", "check", "hint", "progress", "solution"]


@dataclass(frozen=True)
class Mistake:
    """A mistake that people really make, and the hint that answers it.

    Attributes
    ----------
    name : str
        What went wrong, for the author.
    function : callable
        Computes the mistaken answer; same keywords as the reference.
    hint : str
        Points at the idea that was missed, not at the answer.
    """

    name: str
    function: Callable[..., Any]
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Attributes
    ----------
    id : str
        Lesson and number: ``"03.2"``.
    title : str
        A few words.
    reference : callable
        ``def f(*, departures, late_minutes)`` returns the expected answer; `solution` shows its source.
    why : str
        One sentence on why the reference is the idiomatic way.
    hints : sequence of str
        From a nudge to nearly the answer, two or more.
    mistakes : sequence of Mistake
        Three or more.
    sample_inputs : callable
        Returns small real inputs as a dict of keywords, for the contract test.
    tolerance : float
        Relative tolerance of numbers. Whole numbers must be equal unless it is set above 1e-6.
    ordered : bool
        Whether the order of rows, columns and list elements counts. Tuples and arrays are always in order.
    call : callable, optional
        For an answer that is a function: takes the inputs as keywords and returns a list of tuples of positional
        arguments; the results are compared.
    """

    id: str
    title: str
    reference: Callable[..., Any]
    why: str
    hints: Sequence[str]
    mistakes: Sequence[Mistake]
    sample_inputs: Callable[[], dict[str, Any]]
    tolerance: float = 1e-6
    ordered: bool = False
    call: Callable[..., list[tuple]] | None = None


@dataclass(frozen=True)
class Result:
    """What a notebook shows after `check` or `hint`: one line.

    Attributes
    ----------
    state : str
        ``"right"``, ``"wrong"``, ``"not attempted"``, or ``"hint"``.
    text : str
        The line.
    """

    state: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        colour = {"right": "#009E73", "wrong": "#D55E00", "hint": "#0072B2"}.get(self.state, "#888888")
        line = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(self.text, quote=False))
        head, separator, rest = line.partition(":")
        return (
            f'<div role="status" style="border-left: 6px solid {colour}; padding: 0.4em 0.8em; max-width: 60em">'
            f"<strong>{head}{separator}</strong>{rest}</div>"
        )


@dataclass(frozen=True)
class Solution:
    """What a notebook shows after `solution`: the reference as code, and why it is done so.

    Attributes
    ----------
    source : str
        The reference's code as one would write it in a cell.
    why : str
        One sentence.
    """

    source: str
    why: str

    def __repr__(self) -> str:
        return f"{self.source}\n\n{self.why}"

    def _repr_html_(self) -> str:
        from IPython.display import Code

        return f"{Code(self.source, language='python')._repr_html_()}<p>{html.escape(self.why, quote=False)}</p>"


# --- what a notebook calls ---------------------------------------------------------------------------------------


def check(exercise_id: str, answer: Any, **inputs: Any) -> Result:
    """Compare an answer with what the reference solution makes of the same inputs.

    Parameters
    ----------
    exercise_id : str
        ``"00.1"``.
    answer : object
        Number, text, truth value, list, tuple, set, dict, numpy array, pandas Series or DataFrame, Spark DataFrame,
        or function. ``...`` and None mean that the exercise is not attempted yet.
    **inputs
        The variables that the exercise starts from, by name.

    Returns
    -------
    Result
        Right, not yet (with a hint that fits the mistake where it is known), or not attempted yet.

    Raises
    ------
    CourseError
        If there is no such exercise, or an input is missing.
    """
    exercise = _exercise(exercise_id)
    if answer is ... or answer is None:
        return Result("not attempted", "Not attempted yet: put your answer in place of `...` and run this cell again.")
    _check_inputs(exercise, inputs)
    unfinished = [name for name, value in inputs.items() if value is ...]
    if unfinished:
        line = f"Not attempted yet: {', '.join(unfinished)} is still `...`; finish the exercise that makes it first."
        return Result("not attempted", line)
    fault = _judge(exercise, answer, inputs)
    _record(exercise.id, attempt="right" if fault is None else "wrong")
    if fault is None:
        return Result("right", f"Right: exercise {exercise.id}, {exercise.title}.")
    return Result("wrong", f"Not yet: {fault}")


def hint(exercise_id: str) -> Result:
    """Give the next hint of an exercise; each call goes one step further, the last one stays.

    Parameters
    ----------
    exercise_id : str
        ``"00.1"``.

    Returns
    -------
    Result
        One line with the hint.

    Raises
    ------
    CourseError
        If there is no such exercise.
    """
    exercise = _exercise(exercise_id)
    step = min(_record(exercise.id, hint=True)["hints"], len(exercise.hints))
    return Result("hint", f"Hint {step} of {len(exercise.hints)}: {exercise.hints[step - 1]}")


def solution(exercise_id: str) -> Solution:
    """Show the reference solution of an exercise and why it is done so.

    Parameters
    ----------
    exercise_id : str
        ``"00.1"``.

    Returns
    -------
    Solution
        Displayed as highlighted code and a sentence.

    Raises
    ------
    CourseError
        If there is no such exercise.
    """
    exercise = _exercise(exercise_id)
    _record(exercise.id, solution=True)
    return Solution(_source(exercise.reference), exercise.why)


def progress() -> pd.DataFrame:
    """List all exercises of all lessons with what this person did.

    Returns
    -------
    DataFrame
        One row per exercise: ``lesson``, ``exercise``, ``title``, ``state``, ``attempts``, ``hints used``,
        ``solution seen``, ``last`` (UTC, missing if never touched).
    """
    entries = _read_progress()
    rows = []
    for lesson in _lessons():
        for exercise in _exercises(lesson):
            entry = _NOTHING_DONE | entries.get(exercise.id, {})
            rows.append(
                {
                    "lesson": lesson,
                    "exercise": exercise.id,
                    "title": exercise.title,
                    "state": entry["state"],
                    "attempts": entry["attempts"],
                    "hints used": min(entry["hints"], len(exercise.hints)),
                    "solution seen": entry["solution"],
                    "last": pd.to_datetime(entry["last"], utc=True),
                }
            )
    columns = ["lesson", "exercise", "title", "state", "attempts", "hints used", "solution seen", "last"]
    return pd.DataFrame(rows, columns=columns)


# --- finding an exercise -----------------------------------------------------------------------------------------


def _lessons() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.removeprefix("lesson_") for name in names if name.startswith("lesson_"))


def _exercises(lesson: str) -> list[Exercise]:
    return import_module(f"{__name__}.lesson_{lesson}").EXERCISES


def _exercise(exercise_id: str) -> Exercise:
    lesson = str(exercise_id).rpartition(".")[0]
    if lesson in _lessons():
        for exercise in _exercises(lesson):
            if exercise.id == exercise_id:
                return exercise
        known = [exercise.id for exercise in _exercises(lesson)]
        raise CourseError(f'There is no exercise "{exercise_id}"; lesson {lesson} has {", ".join(known)}.')
    near = difflib.get_close_matches(lesson, _lessons(), n=1, cutoff=0.3) or _lessons()[:1] or ["00"]
    raise CourseError(f'There is no exercise "{exercise_id}": an id is lesson and number, such as "{near[0]}.1".')


def _check_inputs(exercise: Exercise, inputs: dict[str, Any]) -> None:
    parameters = inspect.signature(exercise.reference).parameters
    missing = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    missing = [name for name in missing if name not in inputs]
    unknown = [name for name in inputs if name not in parameters]
    if missing or unknown:
        call = ", ".join([f'check("{exercise.id}", answer', *(f"{name}={name}" for name in parameters)]) + ")"
        faults = [f"{', '.join(names)} {what}" for names, what in ((missing, "missing"), (unknown, "unknown")) if names]
        raise CourseError(f"{call} is how this exercise is checked; {'; '.join(faults)}.")


# --- judging an answer -------------------------------------------------------------------------------------------


def _judge(exercise: Exercise, answer: Any, inputs: dict[str, Any]) -> str | None:
    """Return None for a right answer, else what to tell the person; never raises."""
    try:
        expected = exercise.reference(**inputs)
        arguments = exercise.call(**inputs) if exercise.call else None
        if arguments is not None:
            expected = call_results(expected, arguments)
    except Exception as error:
        return (
            f"the inputs {', '.join(inputs)} are not what this exercise expects ({_first_line(error)}). "
            "Run the cells above again, then this one."
        )
    if arguments is not None:
        if not callable(answer):
            return "a function is expected, not what it returns."
        try:
            answer = call_results(answer, arguments)
        except Exception as error:
            return f"your function raises {_first_line(error)}."
        if all(result is None for result in answer) and not all(result is None for result in expected):
            return "your function gives nothing back: end it with `return`."
    else:
        try:
            answer = collected(answer)  # once, not again for each mistake
        except CourseError as error:
            return str(error)
        except Exception as error:
            return f"your answer cannot be computed ({_first_line(error)})."
    fault = _difference(answer, expected, exercise)
    if fault is None:
        return None
    for mistake in exercise.mistakes:
        # Under other parameters a mistake may not be computable; then it cannot be the one made.
        with suppress(Exception):
            mistaken = mistake.function(**inputs)
            if arguments is not None:
                mistaken = call_results(mistaken, arguments)
            if _difference(answer, mistaken, exercise) is None:
                return mistake.hint
    if arguments is not None:
        fault = fault.replace("in element", "of what your function returns in call", 1)
    return f'{fault} For a nudge, run hint("{exercise.id}").'


def _difference(answer: Any, expected: Any, exercise: Exercise) -> str | None:
    try:
        return difference(answer, expected, exercise.tolerance, exercise.ordered)
    except Exception as error:
        return f"your answer cannot be compared ({_first_line(error)})."


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:160]}"


# --- the solution as code ----------------------------------------------------------------------------------------


def _source(function: Callable) -> str:
    """Return the source of a reference as one would write it in a cell: its body, and the helpers that it calls."""
    source = textwrap.dedent(inspect.getsource(function))
    [tree] = ast.parse(source).body
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    helpers = [
        textwrap.dedent(inspect.getsource(value))
        for name, value in function.__globals__.items()
        if name in used and inspect.isfunction(value) and value.__module__ == function.__module__
    ]
    return "\n\n".join([*helpers, _body(source, tree)]).strip()


def _body(source: str, tree: ast.FunctionDef) -> str:
    """Return the body as top-level statements, ending in `answer = …`; the whole function if it returns elsewhere."""
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    returns = [node for statement in body for node in _returns(statement)]
    one_line = tree.body[0].lineno == tree.lineno
    if one_line or len(returns) != 1 or body[-1] is not returns[0] or returns[0].value is None:
        return source
    lines = source.splitlines()
    last = body[-1].lineno - 1
    lines[last] = lines[last].replace("return ", "answer = ", 1)
    first = tree.body[0].end_lineno if ast.get_docstring(tree) else _end_of_signature(tree, lines)
    return textwrap.dedent("\n".join(lines[first:]))


def _end_of_signature(tree: ast.FunctionDef, lines: list[str]) -> int:
    """Return the number of lines before the body, so that a comment at its top is kept."""
    after = max([tree.lineno, *(argument.end_lineno for argument in tree.args.kwonlyargs + tree.args.args)])
    ends = (number for number in range(after, tree.body[0].lineno) if lines[number - 1].rstrip().endswith(":"))
    return next(ends, tree.body[0].lineno - 1)


def _returns(node: ast.AST) -> list[ast.Return]:
    if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
        return []
    found = [node] if isinstance(node, ast.Return) else []
    return found + [inner for child in ast.iter_child_nodes(node) for inner in _returns(child)]


# --- progress ----------------------------------------------------------------------------------------------------

_NOTHING_DONE = {"state": "not attempted", "attempts": 0, "hints": 0, "solution": False, "last": None}
_LOCK_SECONDS = 2.0  # a write takes milliseconds; a lock older than this was left by a process that died
# What could not be written to the disk, so that hints still rise.
_unsaved: dict[str, dict] = {}


def _progress_file() -> Path:
    home = os.environ.get("COURSE_HOME")
    if home:
        return Path(home).expanduser() / "progress.json"
    import platformdirs

    return Path(platformdirs.user_data_dir("ml-at-scale", appauthor=False)) / "progress.json"


def _read_progress() -> dict[str, dict]:
    path = _progress_file()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        if not all(isinstance(entry, dict) for entry in entries.values()):
            raise ValueError("entries are not tables")
    except OSError:
        entries = {}
    except (ValueError, KeyError, TypeError, AttributeError):
        kept = path.with_name(f"progress-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}.json")
        with suppress(OSError):
            path.replace(kept)
            sys.stderr.write(f"Your progress file was damaged: it is kept as {kept.name}, and a new one is begun.\n")
        entries = {}
    return entries | _unsaved


def _record(exercise_id: str, attempt: str | None = None, hint: bool = False, solution: bool = False) -> dict:
    """Add one event to the entry of an exercise and return the entry; a home that cannot be written is no fault."""
    path = _progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            entries = _read_progress()
            entry = _add(entries.get(exercise_id, {}), attempt, hint, solution)
            part = path.with_name(f"{path.name}.{os.getpid()}")
            part.write_text(json.dumps({"exercises": entries | {exercise_id: entry}}, indent=1), encoding="utf-8")
            part.replace(path)
            _unsaved.pop(exercise_id, None)
    except OSError:
        entry = _unsaved[exercise_id] = _add(_read_progress().get(exercise_id, {}), attempt, hint, solution)
    return entry


def _add(entry: dict, attempt: str | None, hint: bool, solution: bool) -> dict:
    entry = _NOTHING_DONE | entry
    if attempt:
        entry["attempts"] += 1
        entry["state"] = "right" if "right" in (attempt, entry["state"]) else attempt
    entry["hints"] += hint
    entry["solution"] = entry["solution"] or solution
    entry["last"] = datetime.now(UTC).isoformat(timespec="seconds")
    return entry


@contextmanager
def _lock(path: Path):
    """Let one process at a time read and write `path`: a file that only one of them can create."""
    lock = path.with_name(f"{path.name}.lock")
    waited_until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > waited_until:
                break
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
