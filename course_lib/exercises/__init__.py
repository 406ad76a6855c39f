"""Exercises that check themselves: ``check``, ``hint``, ``solution`` and a person's progress.

The expected answer is computed by the reference solution from the attendee's own inputs, so an exercise holds under
other parameters and on other tables. Each lesson has one file here, ``lesson_00.py`` and so on, with ``EXERCISES``.
"""

from course_lib.exercises.answers import check
from course_lib.exercises.attempts import progress
from course_lib.exercises.exercise import Exercise, Mistake
from course_lib.exercises.hints import hint, solution

__all__ = ["Exercise", "Mistake", "check", "hint", "progress", "solution"]
