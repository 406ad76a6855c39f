"""Help with an exercise: hints that rise, and the reference solution as one would write it in a cell."""

import ast
import html
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.exercises.answers import Result
from course_lib.exercises.attempts import note
from course_lib.exercises.exercise import find

_shown: dict[str, int] = {}  # the step that this kernel has reached, by exercise


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


def hint(exercise_id: str) -> Result:
    """Give the next hint of an exercise; each call goes one step further, the last one stays.

    A new kernel begins at the first hint again.

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
    exercise = find(exercise_id)
    step = _shown[exercise.id] = min(_shown.get(exercise.id, 0) + 1, len(exercise.hints))
    note(exercise.id, hint=step)
    text = f"Hint {step} of {len(exercise.hints)}: {exercise.hints[step - 1]}"
    if step == len(exercise.hints):
        text += f' The code is next: solution("{exercise.id}").'
    return Result("hint", text)


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
    exercise = find(exercise_id)
    note(exercise.id, solution=True)
    return Solution(_source(exercise.reference), exercise.why)


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
