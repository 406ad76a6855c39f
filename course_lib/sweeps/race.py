"""Engines on growing data under one memory limit and one time budget, until each fails.

    def with_pandas(rows, path):
        import pandas as pd

        return pd.read_parquet(path).head(rows)["distance"].sum()

    for attempt in race({"pandas": with_pandas}, "rows", [10**6, 10**7], memory_bytes=6e8, seconds=20, path=path):
        print(attempt)

The limit holds for all processes of an attempt together, which neither Python nor Java can be told: an attempt is
watched, and ended when it holds more, as the system's own last resort does when memory is short.
"""

import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from course_lib.engines import refusals
from course_lib.errors import CourseError
from course_lib.sweeps.plan import Limits
from course_lib.sweeps.run_tree import MARK, end_tree, start_of
from course_lib.sweeps.watch import Watch

_SAMPLE_SECONDS, _PARTS = 0.05, 10
FINISHED, OUT_OF_MEMORY, OUT_OF_TIME, FAILED = "finished", "out of memory", "out of time", "failed"
# How the engines say it: Python, DuckDB, Java, and the system's own killer.
_SAYS_MEMORY = re.compile(r"MemoryError|out ?of ?memory|memory allocation of \d+ bytes failed", re.IGNORECASE)


@dataclass(frozen=True)
class Attempt:
    """What came of one contestant at one size.

    Attributes
    ----------
    contestant : str
        Its name.
    size : int or float
        How much data it was given.
    outcome : str
        ``"finished"``, ``"out of memory"``, ``"out of time"`` or ``"failed"``.
    seconds : float
        Wall time from the start of its process to its answer, or its end.
    cpu_seconds : float
        CPU time of all its processes until then; where it was ended, until it was last looked at.
    peak_bytes : int
        The most that its processes held at one time, pages that several share counted once (see `measure.Block`). It
        is sampled; what its own Python process held for less than a sample is known from the system's mark (Linux).
    answer : object
        What the function gave; None unless it finished.
    error : str
        In one line why it did not finish; empty where it did.
    """

    contestant: str
    size: float
    outcome: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    answer: Any = None
    error: str = ""

    def __str__(self) -> str:
        took = f"{self.seconds:.1f} s, CPU {self.cpu_seconds:.1f} s, peak {self.peak_bytes / 1e6:,.0f} MB"
        return f"{self.contestant}, {self.size:,}: {self.outcome}, {took}"


def race(
    contestants: Mapping[str, Callable],
    growing: str,
    sizes: Sequence[float],
    memory_bytes: float,
    seconds: float,
    **arguments: Any,
) -> Iterator[Attempt]:
    """Give each contestant growing data until it fails.

    Parameters
    ----------
    contestants : mapping of str to callable
        Functions by name. Each runs in a Python of its own and must bring all that it needs: its imports stand in it,
        and it uses no name from outside. What it returns (a number, a text, lists or dicts of them) is its answer.
    growing : str
        Name of the argument that grows.
    sizes : sequence of int or float
        Its values. One that a contestant fails at is the last that it is given.
    memory_bytes : float
        What all processes of an attempt may hold together.
    seconds : float
        Wall time that an attempt may take, the start of its process included.
    **arguments
        Passed to every contestant; numbers, texts, lists or dicts of them.

    Yields
    ------
    Attempt
        As soon as it has ended: all contestants at the first size, then those that are left at the second, and so on.

    Raises
    ------
    CourseError
        Where the machine has not so much memory free, a function's text is not to be had, or an argument is no JSON.

    Notes
    -----
    What an attempt writes into Python's temporary folder is removed with it. Outside Linux the memory is the sum of
    resident sizes, which counts shared pages several times.
    """
    texts = {name: _text_of(name, function) for name, function in contestants.items()}
    try:
        json.dumps([arguments, list(sizes)])
    except TypeError as error:
        raise CourseError(f"A contestant's arguments are written as JSON: {error}; give numbers and texts.") from None
    left = list(contestants)
    for size in sizes:
        for name in list(left):
            refusals.must_have_memory(memory_bytes, f"An attempt of {name}", "set a lower limit, or close programs")
            attempt = _attempt(name, size, texts[name], {growing: size, **arguments}, memory_bytes, seconds)
            if attempt.outcome != FINISHED:
                left.remove(name)
            yield attempt


@dataclass(frozen=True)
class _Contestant:
    """An attempt's first process, as `Watch` wants to know it."""

    pid: int
    mark: str
    start: int


def _text_of(name: str, function: Callable) -> dict[str, Any]:
    try:
        lines, first = inspect.getsourcelines(function)
        text = {"source": textwrap.dedent("".join(lines)), "file": function.__code__.co_filename, "line": first}
    except (OSError, TypeError):
        text = {"source": ""}
    if not text["source"].startswith("def "):
        raise CourseError(
            f"The contestant {name!r} must be a function that is written with `def`, in a cell or a file."
        )
    return {**text, "name": function.__name__}


def _attempt(name: str, size: float, text: dict, arguments: dict, memory_bytes: float, seconds: float) -> Attempt:
    with tempfile.TemporaryDirectory(prefix="ml-at-scale-race-", ignore_cleanup_errors=True) as folder:
        folder, mark = Path(folder), uuid4().hex
        (folder / "tmp").mkdir()
        began = time.monotonic()
        task = {
            **text,
            "arguments": arguments,
            "began": began,
            "path": [str(Path(entry).absolute()) for entry in sys.path],
        }
        (folder / "task.json").write_text(json.dumps(task))
        with (folder / "said.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("contestant.py"), folder],
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder / "tmp"), "TEMP": str(folder / "tmp"), MARK: mark},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        run = _Contestant(process.pid, mark, start_of(process.pid))
        watch = Watch(run, Limits(seconds=seconds, memory=int(memory_bytes)), began, _SAMPLE_SECONDS, _PARTS)
        try:
            process.wait()
        finally:
            watch.stop()
            end_tree(run.pid, run.mark, run.start)
            process.stdin.close()
            process.wait()
        took = time.monotonic() - began
        said = (folder / "said.log").read_text(errors="replace")
        try:
            done = json.loads((folder / "done.json").read_text())
        except OSError:
            done = None
    outcome, error = _judge(done, watch.passed, process.returncode, said, memory_bytes)
    done = done or {}
    return Attempt(
        name,
        size,
        outcome,
        round(done.get("seconds", took), 3),
        round(max(done.get("cpu_seconds", 0), watch.cpu_seconds), 3),
        max(done.get("peak_bytes", 0), watch.peak_bytes),
        done.get("answer") if outcome == FINISHED else None,
        error,
    )


def _judge(done: dict | None, passed, status: int, said: str, memory_bytes: float) -> tuple[str, str]:
    """Say how an attempt ended, and why in one line."""
    if passed and not done:
        return (OUT_OF_TIME if passed[0] == "time" else OUT_OF_MEMORY), passed[1]
    if (done and done["peak_bytes"] > memory_bytes) or (passed and passed[0] == "memory"):
        held = f"it held {done['peak_bytes'] / 1e6:,.0f} MB at its peak, more than {memory_bytes / 1e6:,.0f} MB"
        return OUT_OF_MEMORY, passed[1] if passed else held
    if done and "error" not in done:
        return FINISHED, ""
    text = done["error"] if done else said.strip() or f"its process ended with {status} and said nothing"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if telling := [line for line in [*lines, *said.splitlines()] if _SAYS_MEMORY.search(line)]:
        return OUT_OF_MEMORY, telling[0].strip()
    telling = [line for line in lines if re.match(r"[:\w.]*(Exception|Error)\b", line)]
    return FAILED, (telling or lines)[0 if done else -1]
