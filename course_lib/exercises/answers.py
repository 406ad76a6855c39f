"""Check an answer: is it what the reference makes of the same inputs, and if not, which mistake is it."""

import html
import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

from course_lib.errors import CourseError
from course_lib.exercises.attempts import note
from course_lib.exercises.compare import collected, difference
from course_lib.exercises.exercise import Exercise, find


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
    exercise = find(exercise_id)
    if answer is ... or answer is None:
        return Result("not attempted", "Not attempted yet: put your answer in place of `...` and run this cell again.")
    _check_inputs(exercise, inputs)
    unfinished = [name for name, value in inputs.items() if value is ...]
    if unfinished:
        line = f"Not attempted yet: {', '.join(unfinished)} is still `...`; finish the exercise that makes it first."
        return Result("not attempted", line)
    fault = _judge(exercise, answer, inputs)
    note(exercise.id, attempt="right" if fault is None else "wrong")
    if fault is None:
        end = "" if exercise.title.endswith("?") else "."
        return Result("right", f"Right: exercise {exercise.id}, {exercise.title}{end}")
    return Result("wrong", f"Not yet: {fault}")


def _check_inputs(exercise: Exercise, inputs: dict[str, Any]) -> None:
    parameters = inspect.signature(exercise.reference).parameters
    missing = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    missing = [name for name in missing if name not in inputs]
    unknown = [name for name in inputs if name not in parameters]
    if missing or unknown:
        call = ", ".join([f'check("{exercise.id}", answer', *(f"{name}={name}" for name in parameters)]) + ")"
        faults = [f"{', '.join(names)} {what}" for names, what in ((missing, "missing"), (unknown, "unknown")) if names]
        raise CourseError(f"{call} is how this exercise is checked; {'; '.join(faults)}.")


def _judge(exercise: Exercise, answer: Any, inputs: dict[str, Any]) -> str | None:
    """Return None for a right answer, else what to tell the person; never raises."""
    try:
        expected = exercise.reference(**inputs)
        arguments = exercise.call(**inputs) if exercise.call else None
        if arguments is not None:
            expected = _call_results(expected, arguments)
    except Exception as error:
        return (
            f"the inputs {', '.join(inputs)} are not what this exercise expects ({_first_line(error)}). "
            "Run the cells above again, then this one."
        )
    if arguments is not None:
        if not callable(answer):
            return "a function is expected, not what it returns."
        try:
            answer = _call_results(answer, arguments)
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
                mistaken = _call_results(mistaken, arguments)
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


def _call_results(function: Callable, arguments: list[tuple]) -> tuple:
    """Call a function with each tuple of arguments, on copies of the tables.

    A table that stands in several tuples has one copy for all: a function that changes it answers wrongly later.
    """
    copies = {id(x): x.copy() for row in arguments for x in row if isinstance(x, (pd.DataFrame, pd.Series))}
    return tuple(collected(function(*(copies.get(id(x), x) for x in row))) for row in arguments)
