"""Which notebooks are lessons, and which one a person means."""

from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import NOTEBOOKS, PACKAGE


def lessons() -> list[Path]:
    """Return the lessons in reading order: the numbered ones, then those in folders that have exercises of their name.

    The lab's checkpoints and the copies that `reset` keeps are none.
    """
    found = [path for path in NOTEBOOKS.rglob("*.ipynb") if not path.parent.name.startswith(".")]
    with_exercises = {path.stem.removeprefix("lesson_") for path in (PACKAGE / "exercises").glob("lesson_*.py")}
    return sorted(p for p in found if "." not in p.stem and (p.stem[:2].isdigit() or p.stem in with_exercises))


def find_lesson(name: str) -> Path:
    """Return the notebook that a person means by ``02``, ``02_exploratory``, or a path.

    Raises
    ------
    CourseError
        If no notebook, or more than one, goes by that name.
    """
    if name.endswith(".ipynb") and Path(name).is_file():
        return Path(name).resolve()
    found = [path for path in lessons() if path.stem.startswith(Path(name).stem)]
    found = [path for path in found if path.stem.partition("_")[0] == name] or found  # 09 is not 09b
    if len(found) != 1:
        known = ", ".join(path.stem for path in found or lessons())
        raise CourseError(f"'{name}' names {len(found)} lessons. Name one of these by its number or file: {known}.")
    return found[0]
