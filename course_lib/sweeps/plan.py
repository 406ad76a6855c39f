"""What a sweep is to do: read from YAML, unfolded into points, checked against the notebook's own declaration."""

import ast
import itertools
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError

from course_lib import parameters
from course_lib.errors import CourseError
from course_lib.places import NOTEBOOKS
from course_lib.sweeps.notebook import Declaration, read_declaration, spark_of

MANY_POINTS = 1_000  # more are refused without a yes: it is easy to write a grid that takes a month
_PROBLEMS_SHOWN = 12
_TRIES = 1_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Limits(_Strict):
    """What one run may take.

    Attributes
    ----------
    seconds : float, optional
        Wall time.
    memory : bytes, optional
        Of the whole process tree; ``2 GB`` and the like.
    retries : int
        How often a point that fails is tried again.
    """

    seconds: float | None = Field(None, gt=0)
    memory: ByteSize | None = Field(None, gt=0)
    retries: int = Field(0, ge=0, le=100)


class _Between(_Strict):
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"


class _Random(_Strict):
    draws: int = Field(ge=1)
    seed: int = 0
    over: dict[str, _Between | list[Any]] = Field(min_length=1)


class _File(_Strict):
    notebook: str
    fixed: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    points: list[dict[str, Any]] = []
    random: _Random | None = None
    record: dict[str, str] | list[str] = {}
    limits: Limits = Limits()
    spark: Literal["auto", "connect", "classic"] = "auto"
    mlflow: bool = False


@dataclass
class Plan:
    """A sweep, ready to run.

    Attributes
    ----------
    name : str
        The YAML file's, without its ending.
    notebook : Path
        The notebook.
    points : list of dict
        Parameters by name, for each run; the fixed ones are in it.
    record : dict
        Expressions to evaluate at the end of the notebook, by the name under which to record them.
    expected : list of str
        Names that the notebook must record by itself.
    limits : Limits
        For one run.
    declaration : Declaration
        The notebook's parameters.
    spark : str or None
        How runs come to their Spark: ``connect`` (one server for all of them) or ``own``; None without Spark.
    mlflow : bool
        Whether each run becomes an MLflow run too.
    source : str
        The YAML.
    """

    name: str
    notebook: Path
    points: list[dict[str, Any]]
    record: dict[str, str]
    expected: list[str]
    limits: Limits
    declaration: Declaration
    spark: str | None
    mlflow: bool
    source: str

    @property
    def varied(self) -> list[str]:
        """Names of the parameters that differ between points."""
        names = dict.fromkeys(name for point in self.points for name in point)
        return [name for name in names if any(point.get(name) != self.points[0].get(name) for point in self.points)]


def read_plan(file: str | Path, yes: bool = False) -> Plan:
    """Read a sweep's file and check all of it.

    Parameters
    ----------
    file : path
        The YAML; or the name of one in ``notebooks/sweeps``.
    yes : bool
        Allow more than 1,000 points.

    Returns
    -------
    Plan

    Raises
    ------
    CourseError
        In one line what is wrong with the file, or every point that the notebook would not accept.
    """
    path = _find_file(file)
    text = path.read_text(encoding="utf-8")
    given = _parse(path.name, text)
    notebook = _find_notebook(path, given.notebook)
    declaration = read_declaration(notebook)
    _refuse_overlap(path.name, given)
    points = _unfold(path.name, given, declaration, yes)
    points = _checked(notebook.name, points, declaration, path.parent)
    record = given.record if isinstance(given.record, dict) else {}
    expected = list(given.record) if isinstance(given.record, list) else []
    for name, expression in record.items():
        _check_expression(path.name, name, expression)
    spark = spark_of(notebook) if given.spark == "auto" else {"classic": "own"}.get(given.spark, given.spark)
    return Plan(path.stem, notebook, points, record, expected, given.limits, declaration, spark, given.mlflow, text)


def _find_file(file: str | Path) -> Path:
    shipped = NOTEBOOKS / "sweeps"
    tried = [Path(file), shipped / Path(file), (shipped / Path(file)).with_suffix(".yaml")]
    for path in tried:
        if path.is_file():
            return path.resolve()
    known = ", ".join(sorted(path.stem for path in shipped.glob("*.yaml")))
    raise CourseError(f"There is no sweep {file}. Give a YAML file, or one of those in notebooks/sweeps: {known}.")


def _parse(name: str, text: str) -> _File:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise CourseError(f"{name} is not YAML{where}: {getattr(error, 'problem', None) or error}.") from None
    if not isinstance(content, dict):
        raise CourseError(f"{name} does not describe a sweep: it needs at least `notebook:` and a `grid:`.")
    try:
        return _File.model_validate(content)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            place = ".".join(str(part) for part in fault["loc"][:2])
            said = (
                f"{place}: {fault['msg'].lower().replace('extra inputs are not permitted', 'there is no such entry')}"
            )
            if said not in faults:
                faults.append(said)
        raise CourseError(f"{name}: {'; '.join(faults[:_PROBLEMS_SHOWN])}.") from None


def _find_notebook(path: Path, name: str) -> Path:
    lessons = NOTEBOOKS.rglob(f"{Path(name).stem}*.ipynb")
    found = [beside for beside in (path.parent / name, Path(name)) if beside.is_file()]
    found += sorted(lesson for lesson in lessons if not lesson.parent.name.startswith("."))
    if not found:
        raise CourseError(f"{path.name}: there is no notebook {name}, neither beside the file nor among the lessons.")
    return found[0].resolve()


def _refuse_overlap(file: str, given: _File) -> None:
    varied = {*given.grid, *(given.random.over if given.random else {}), *(name for p in given.points for name in p)}
    both = [name for name in given.fixed if name in varied]
    if both:
        raise CourseError(f"{file}: {', '.join(both)} cannot be fixed and varied at once.")
    empty = [name for name, values in given.grid.items() if not values]
    if empty:
        raise CourseError(f"{file}: the grid has no values for {', '.join(empty)}.")
    if not (given.grid or given.points or given.random):
        raise CourseError(f"{file}: nothing to vary: give a `grid:`, a list of `points:`, or `random:` draws.")


def _unfold(file: str, given: _File, declaration: Declaration, yes: bool) -> list[dict[str, Any]]:
    in_grid = math.prod(len(values) for values in given.grid.values()) if given.grid else 0
    count = in_grid + len(given.points) + (given.random.draws if given.random else 0)
    if count > MANY_POINTS and not yes:
        raise CourseError(f"{file}: {count:,} points are more than {MANY_POINTS:,}: say --yes if you mean it.")
    points = []
    if given.grid:
        points += [dict(zip(given.grid, values, strict=True)) for values in itertools.product(*given.grid.values())]
    points += given.points
    if given.random:
        generator = random.Random(given.random.seed)
        for _ in range(given.random.draws):
            for _ in range(_TRIES):  # a point that is there already is no use
                over = given.random.over.items()
                drawn = {name: _draw(generator, declaration.types.get(name), how) for name, how in over}
                if drawn not in points:
                    points.append(drawn)
                    break
            else:
                raise CourseError(
                    f"{file}: {given.random.draws} different draws are not to be had from these ranges: draw fewer."
                )
    return [{**given.fixed, **point} for point in points]


def _draw(generator: random.Random, kind: Any, how: _Between | list) -> Any:
    if isinstance(how, list):
        return generator.choice(how)
    if kind is int and how.scale == "linear":
        return generator.randint(math.ceil(how.low), math.floor(how.high))
    if how.scale == "log":
        if how.low <= 0:
            raise CourseError(f"A draw on a logarithmic scale needs a low end above 0, not {how.low}.")
        value = math.exp(generator.uniform(math.log(how.low), math.log(how.high)))
    else:
        value = generator.uniform(how.low, how.high)
    return round(value) if kind is int else value


def _checked(notebook: str, points: list[dict], declared: Declaration, folder: Path) -> list[dict]:
    """Convert every value to its declared type; refuse all bad points and repetitions at once."""
    problems: dict[str, list[int]] = {}
    seen: dict[str, int] = {}
    result = []
    for number, point in enumerate(points, 1):
        values = {}
        for name, given in point.items():
            if name not in declared.types:
                problems.setdefault(parameters.unknown_name(name, declared.types), []).append(number)
                continue
            try:
                values[name] = parameters.check_value(name, given, declared.types[name], declared.rules.get(name, ...))
            except ValueError as error:
                problems.setdefault(str(error), []).append(number)
            beside = folder / str(given)
            if isinstance(given, str) and Path(given).suffix and beside.is_file():
                values[name] = str(beside.resolve())  # the notebook runs in its own folder
        text = json.dumps({**declared.defaults, **values}, sort_keys=True, default=str)
        if text in seen:
            problems.setdefault(f"the same as point {seen[text]}", []).append(number)
        seen.setdefault(text, number)
        result.append(values)
    if problems:
        said = [f"point {_numbers(numbers)}: {problem}" for problem, numbers in problems.items()]
        more = f"; and {len(said) - _PROBLEMS_SHOWN} more" if len(said) > _PROBLEMS_SHOWN else ""
        raise CourseError(f"{notebook} does not accept these: {'; '.join(said[:_PROBLEMS_SHOWN])}{more}.")
    return result


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8])
    return f"{shown} and {len(numbers) - 8} more" if len(numbers) > 8 else shown


def _check_expression(file: str, name: str, expression: str) -> None:
    try:
        ast.parse(expression, mode="eval")
    except SyntaxError:
        raise CourseError(f"{file}: record.{name} is not a Python expression: {expression}") from None
    if not name.isidentifier():
        raise CourseError(f"{file}: record.{name} is not a name: use letters, digits and underscores.")
