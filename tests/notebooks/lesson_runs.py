"""Two ways to run a lesson, as a person's papermill would and as a sweep does, and its second parameters."""

import os
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill

from course_lib.sweeps.warm_engine import register
from course_lib.sweeps.warm_runs import close_nursery

SECOND_PARAMETERS = tomllib.loads((Path(__file__).parent / "second_parameters.toml").read_text())


@dataclass(frozen=True)
class Run:
    """An executed lesson, the seconds that it took, and the CPU seconds of what ran it, the kernel and all below it."""

    notebook: nbformat.NotebookNode
    seconds: float
    cpu_seconds: float


def run_lesson(lesson: Path, output: Path, parameters=(), **environment: str) -> Run:
    """Run a lesson through papermill's command line; fail with the end of what it printed.

    ``parameters`` are (name, value) pairs, ``environment`` is added to this process's own.
    """
    command = [sys.executable, "-m", "papermill", str(lesson), str(output), "-k", "python3"]
    for name, value in parameters:
        command += ["-p", name, str(value)]
    command += ["--cwd", str(lesson.parent), "--no-progress-bar"]
    begin, used = time.monotonic(), cpu_of_children()
    done = subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return Run(nbformat.read(output, as_version=4), time.monotonic() - begin, cpu_of_children() - used)


def run_warm(lesson: Path, output: Path, parameters=(), **environment: str) -> Run:
    """Run a lesson in a process that is forked, as a sweep does."""
    register()
    runs: list[Any] = []
    begin = time.monotonic()
    try:
        notebook = papermill.execute_notebook(
            lesson,
            output,
            dict(parameters),
            engine_name="warm",
            kernel_name="python3",
            progress_bar=False,
            folder=lesson.parent,
            environment=environment,
            watch=runs.append,
        )
    finally:
        close_nursery()
    return Run(notebook, time.monotonic() - begin, runs[0].cpu_seconds)


def cpu_of_children() -> float:
    """CPU seconds of the children of this process that have ended, and of those that they waited for."""
    times = os.times()
    return times.children_user + times.children_system
