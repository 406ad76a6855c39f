"""What every exercise of every lesson keeps, whoever wrote it."""

import ast
import inspect
import textwrap
from functools import cache

import numpy as np
import pandas as pd
import pytest

from course_lib.exercises import check, hint, solution
from course_lib.exercises.exercise import by_lesson

EXERCISES = [exercise for exercises in by_lesson().values() for exercise in exercises]
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
each_mistake = pytest.mark.parametrize(
    ("exercise", "mistake"), MISTAKES, ids=[f"{exercise.id} {mistake.name}" for exercise, mistake in MISTAKES]
)


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))


@cache
def inputs(exercise_id):
    [exercise] = [exercise for exercise in EXERCISES if exercise.id == exercise_id]
    return exercise.sample_inputs()


@pytest.mark.parametrize(("lesson", "exercises"), by_lesson().items(), ids=by_lesson())
def test_ids_match_the_lesson_and_are_unique(lesson, exercises):
    ids = [exercise.id for exercise in exercises]
    assert ids == [f"{lesson}.{number}" for number in range(1, len(ids) + 1)]


@each_exercise
def test_reference_passes(exercise):
    given = inputs(exercise.id)
    assert check(exercise.id, exercise.reference(**given), **given).text.startswith("Right")


@each_exercise
def test_reference_holds_a_value(exercise):  # missing equals missing: a wrong reference would take any missing answer
    assert holds_a_value(exercise.reference(**inputs(exercise.id)))


def holds_a_value(answer) -> bool:
    if isinstance(answer, dict):
        return all(holds_a_value(value) for value in answer.values())
    if isinstance(answer, (list, tuple, set)):
        return any(holds_a_value(value) for value in answer)
    if isinstance(answer, (pd.Series, pd.DataFrame, np.ndarray)):
        return pd.notna(np.asarray(answer, dtype=object)).any()
    return pd.notna(answer)


@each_exercise
@pytest.mark.parametrize("stub", [..., None], ids=["dots", "none"])
def test_stub_is_not_attempted(exercise, stub):
    assert check(exercise.id, stub, **inputs(exercise.id)).state == "not attempted"


@each_mistake
def test_mistake_gets_its_own_hint(exercise, mistake):
    given = inputs(exercise.id)
    result = check(exercise.id, mistake.function(**given), **given)
    assert result.text == f"Not yet: {mistake.hint}"


@each_exercise
def test_there_are_enough_mistakes_and_hints(exercise):
    texts = [mistake.hint for mistake in exercise.mistakes]
    assert len(texts) >= 3 and len(set(texts)) == len(texts)
    assert len(exercise.hints) >= 2 and len(set(exercise.hints)) == len(exercise.hints)


@each_exercise
def test_hints_rise(exercise):
    shown = [hint(exercise.id).text.partition(": ")[2] for _ in exercise.hints]
    assert shown == [*exercise.hints[:-1], f'{exercise.hints[-1]} The code is next: solution("{exercise.id}").']


@each_exercise
def test_solution_shows_code_that_parses(exercise):
    shown = solution(exercise.id)
    assert ast.parse(shown.source).body
    assert shown.why == exercise.why and shown.why.strip().endswith(".")


@each_exercise
def test_reference_takes_its_inputs_by_keyword(exercise):
    tree = ast.parse(textwrap.dedent(inspect.getsource(exercise.reference))).body[0]
    assert (
        isinstance(tree, ast.FunctionDef)
        and not tree.args.args
        and set(inputs(exercise.id)) == {argument.arg for argument in tree.args.kwonlyargs}
    )


@each_exercise
def test_reference_does_not_change_its_inputs(exercise):
    tables = {
        name: value for name, value in inputs(exercise.id).items() if isinstance(value, (pd.DataFrame, pd.Series))
    }
    before = {name: table.copy() for name, table in tables.items()}
    exercise.reference(**inputs(exercise.id))
    assert all(table.equals(before[name]) for name, table in tables.items())
