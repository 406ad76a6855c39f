"""What a person has done with the exercises, kept in a file of theirs: attempts, hints, solutions seen."""

import json
import os
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from course_lib.exercises.exercise import by_lesson

_NOTHING_DONE = {"state": "not attempted", "attempts": 0, "hints": 0, "solution": False, "last": None}
_LOCK_SECONDS = 2.0  # a write takes milliseconds; a lock older than this was left by a process that died
# What could not be written to the disk, so that `progress` still shows it.
_unsaved: dict[str, dict] = {}


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
    for lesson, exercises in by_lesson().items():
        for exercise in exercises:
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


def note(exercise_id: str, attempt: str | None = None, hint: int = 0, solution: bool = False) -> dict:
    """Add one event to the entry of an exercise and return the entry; a home that cannot be written is no fault.

    Parameters
    ----------
    exercise_id : str
        ``"00.1"``.
    attempt : str, optional
        How an attempt ended: ``"right"`` or ``"wrong"``; right once is right for good.
    hint : int
        Which hint was shown, from 1; the furthest is kept. 0 if none.
    solution : bool
        Whether the solution was shown.

    Returns
    -------
    dict
        ``state``, ``attempts``, ``hints``, ``solution``, and ``last``, the time of this event.
    """
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


def _add(entry: dict, attempt: str | None, hint: int, solution: bool) -> dict:
    entry = _NOTHING_DONE | entry
    if attempt:
        entry["attempts"] += 1
        entry["state"] = "right" if "right" in (attempt, entry["state"]) else attempt
    entry["hints"] = max(entry["hints"], hint)
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
