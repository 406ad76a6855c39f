"""Typed parameters of a notebook, checked before any work starts.

The first code cell of a notebook, tagged ``parameters``, declares them, one a line::

    rows: int = 20_000_000  # rows of the table that Spark grows
    engine: str = "pandas"  # library that reads the table

and the next cell says what is allowed::

    check_parameters(rows=(1, None), engine=["pandas", "spark"])
"""

import ast
import difflib
import linecache
import math
import sys
from collections.abc import Iterable
from datetime import date
from numbers import Real
from typing import Any, get_origin

from pydantic import TypeAdapter, ValidationError

from course_lib.errors import CourseError

# The comment with which papermill begins the cell that it adds after the one tagged `parameters`.
_INJECTED = "# Parameters"
_KINDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text", date: "a date (2013-11-01)"}


def check_parameters(**rules: tuple | list | Any) -> None:
    """Check the parameters of the notebook that calls this, and convert them to their declared types.

    Types come from the annotations of the parameters cell. Values are those that hold now: the cell's defaults, or
    what papermill or a person put over them. Converted values (``"true"`` for a ``bool``) are written back.

    Parameters
    ----------
    **rules
        One for each parameter: a tuple ``(lowest, highest)`` of inclusive limits, where None leaves a side open; a
        list of choices; or ``...`` for any value of its type. For a list parameter the rule holds for each element.

    Raises
    ------
    CourseError
        In one line everything that is wrong: types, limits, choices, and names that the notebook does not know.

    Examples
    --------
    >>> check_parameters(late_minutes=(1, 600), engine=["pandas", "spark"], table=...)  # doctest: +SKIP
    """
    namespace = sys._getframe(1).f_globals
    _check_rules(rules)
    if not any(name in namespace for name in rules):
        raise CourseError("The parameters are not set yet: run the parameters cell above this one first.")
    types, declared, given = _declarations(namespace, rules)
    problems = [unknown_name(name, rules) for name in dict.fromkeys([*declared, *given]) if name not in rules]
    values = {}
    for name, rule in rules.items():
        if name not in types:
            problems.append(
                f"{name} has a rule but no type: the parameters cell needs a line `{name}: type = value  # its meaning`"
            )
        elif name not in namespace:
            problems.append(f"{name} has no value: run the parameters cell again")
        else:
            try:
                values[name] = check_value(name, namespace[name], types[name], rule)
            except ValueError as error:
                problems.append(str(error))
    if problems:
        raise CourseError(f"Parameters: {'; '.join(problems)}.")
    namespace.update(values)


def _check_rules(rules: dict[str, Any]) -> None:
    """Refuse a rule that is none of the three kinds: the author's mistake, found at the first run."""
    for name, rule in rules.items():
        limits = isinstance(rule, tuple) and len(rule) == 2
        if not (rule is ... or limits or (isinstance(rule, list) and rule)):
            raise CourseError(
                f"check_parameters: the rule of {name} is {rule!r}; write (lowest, highest), a list of choices, or ..."
            )


# --- what was declared, and what was put over it -----------------------------------------------------------------


def _declarations(namespace: dict, rules: dict) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return types by name, names assigned in the parameters cell, names assigned in papermill's cell after it."""
    cells = [tree for tree in map(_parse, _cells(namespace)) if tree is not None]
    for position in range(len(cells) - 1, -1, -1):
        tree, _ = cells[position]
        annotations = {node.target.id: node.annotation for node in _assignments(tree) if _is_annotated(node)}
        # Half of the names, so that an edited cell still counts as the parameters cell, and a later cell that
        # happens to annotate one of them does not.
        if sum(name in annotations for name in rules) * 2 >= len(rules) and annotations:
            break
    else:
        # No history of cells (a plain script): the annotations alone.
        return dict(namespace.get("__annotations__", {})), [], []
    types = {name: _type(name, node, namespace) for name, node in annotations.items()}
    given = [
        name for later, injected in cells[position + 1 :] if injected for name in _names(later) if name not in types
    ]
    return types, _names(tree), given


def _cells(namespace: dict) -> list[str]:
    """Return the sources of the cells that ran so far, in order, the current one last."""
    history = [cell for cell in namespace.get("In", []) if cell]
    if history:
        return history
    # A shell that keeps no history (`run_cell` by default) still registers each source for its tracebacks.
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    if shell is None or shell.user_ns is not namespace:
        return []
    names = getattr(shell.compile, "_filename_map", {})
    return ["".join(linecache.getlines(name)) for name in names]


def _parse(source: str) -> tuple[ast.Module, bool] | None:
    try:
        return ast.parse(source), source.lstrip().startswith(_INJECTED)
    except SyntaxError:  # a cell in another language
        return None


def _assignments(tree: ast.Module) -> Iterable[ast.stmt]:
    """Yield the top-level assignments before a call of check_parameters, should it stand in the same cell."""
    for node in tree.body:
        if isinstance(node, ast.Expr) and "check_parameters" in ast.unparse(node):
            return
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield node


def _is_annotated(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _names(tree: ast.Module) -> list[str]:
    targets = [target for node in _assignments(tree) for target in getattr(node, "targets", None) or [node.target]]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _type(name: str, annotation: ast.expr, namespace: dict) -> Any:
    text = ast.unparse(annotation)
    try:
        kind = eval(text, namespace)  # the person's own cell, which has run already
        return eval(kind, namespace) if isinstance(kind, str) else kind
    except Exception as error:
        raise CourseError(f"Parameters: the type of {name}, `{text}`, is not a type: {error}.") from None


# --- one value ---------------------------------------------------------------------------------------------------


def check_value(name: str, given: Any, kind: Any, rule: Any) -> Any:
    """Give one value in its declared type.

    Parameters
    ----------
    name : str
        The parameter, for the error.
    given : object
        The value; text is converted where the type allows it.
    kind : type
        What the notebook declares.
    rule : tuple, list or ...
        Limits, or what to choose from, or neither; see `check_parameters`.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        In one phrase, if it is not allowed.
    """
    if isinstance(given, bool) and kind in (int, float):  # pydantic would make 1 of True
        raise ValueError(f"{name} is {given}, but must be {_KINDS[kind]}")
    try:
        value = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise ValueError(f"{name} is {_show(given)}, but {_advice(name, given, kind, error)}") from None
    if rule is not ...:
        for element in value if isinstance(value, (list, tuple, set)) else [value]:
            if element is not None:
                _check_rule(name, element, rule)
    return value


def _advice(name: str, given: Any, kind: Any, error: ValidationError) -> str:
    fault = error.errors()[0]["msg"].removeprefix("Input ")
    advice = f"must be {_KINDS[kind]}" if kind in _KINDS else fault
    if kind is str and isinstance(given, (bool, int, float)):
        return f"{advice}: put it in quotes, and with papermill use `-r {name} VALUE`, which keeps it as text"
    if get_origin(kind) in (list, tuple, set) or kind in (list, tuple, set):
        return f'must be a list: write [first, second], and with papermill `-y "{name}: [first, second]"` ({fault})'
    return advice


def _check_rule(name: str, value: Any, rule: tuple | list) -> None:
    if isinstance(rule, list):
        if value not in rule:
            near = _nearest(str(value), map(str, rule))
            raise ValueError(f"{name} is {_show(value)}: choose {' or '.join(map(_show, rule))}{near}")
        return
    low, high = rule
    if isinstance(value, Real) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, but must be {_limits(low, high)}")
    try:
        allowed = (low is None or value >= low) and (high is None or value <= high)
    except TypeError:
        raise ValueError(f"{name} is {_show(value)}, which cannot be compared with {_limits(low, high)}") from None
    if not allowed:
        raise ValueError(f"{name} is {_show(value)}, but must be {_limits(low, high)}")


def _limits(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return f"between {_bound(low)} and {_bound(high)}"
    if low is None and high is None:
        return "a finite number"
    return f"at least {_bound(low)}" if high is None else f"at most {_bound(high)}"


def _bound(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def unknown_name(name: str, rules: dict) -> str:
    """Say in one phrase that there is no such parameter, and which there are."""
    return f"there is no parameter {name}{_nearest(name, rules) or ' (there are ' + ', '.join(rules) + ')'}"


def _nearest(name: str, names: Iterable[str]) -> str:
    known = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {known[near[0]]}?)" if near else ""
