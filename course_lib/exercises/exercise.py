"""What an exercise is, and where to find one: each lesson has one file here, ``lesson_00.py``, with ``EXERCISES``."""

import difflib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError


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


# --- finding an exercise -----------------------------------------------------------------------------------------


def _lessons() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name.removeprefix("lesson_") for name in names if name.startswith("lesson_"))


def _exercises(lesson: str) -> list[Exercise]:
    return import_module(f"{__package__}.lesson_{lesson}").EXERCISES


def by_lesson() -> dict[str, list[Exercise]]:
    """Give all exercises, by the lessons' names in reading order.

    Returns
    -------
    dict of list of Exercise
        ``{"00": [...], ...}``
    """
    return {lesson: _exercises(lesson) for lesson in _lessons()}


def find(exercise_id: str) -> Exercise:
    """Give an exercise; no lesson but its own is imported.

    Parameters
    ----------
    exercise_id : str
        ``"00.1"``.

    Returns
    -------
    Exercise

    Raises
    ------
    CourseError
        If there is no such exercise.
    """
    lesson = str(exercise_id).rpartition(".")[0]
    if lesson in _lessons():
        for exercise in _exercises(lesson):
            if exercise.id == exercise_id:
                return exercise
        known = [exercise.id for exercise in _exercises(lesson)]
        raise CourseError(f'There is no exercise "{exercise_id}"; lesson {lesson} has {", ".join(known)}.')
    near = difflib.get_close_matches(lesson, _lessons(), n=1, cutoff=0.3) or _lessons()[:1] or ["00"]
    raise CourseError(f'There is no exercise "{exercise_id}": an id is lesson and number, such as "{near[0]}.1".')
