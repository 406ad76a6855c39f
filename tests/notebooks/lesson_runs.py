"""One way to run a lesson, as a person's papermill would, and its second parameters."""

import os
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import nbformat
import psutil

SECOND_PARAMETERS = tomllib.loads((Path(__file__).parent / "second_parameters.toml").read_text())


@dataclass(frozen=True)
class Run:
    """An executed lesson: its notebook, and where asked the peak memory of its kernel and all below it, in bytes."""

    path: Path
    peak_bytes: int

    @property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)


def run_lesson(
    lesson: Path, output: Path, parameters=(), prefix=(), with_memory: bool = False, **environment: str
) -> Run:
    """Run a lesson through papermill's command line; fail with the end of what it printed.

    ``parameters`` are (name, value) pairs, ``prefix`` is a command to run papermill under, and ``environment`` is
    added to this process's own.
    """
    from course_lib import measure

    command = [*prefix, sys.executable, "-m", "papermill", str(lesson), str(output), "-k", "python3"]
    for name, value in parameters:
        command += ["-p", name, str(value)]
    command += ["--cwd", str(lesson.parent), "--no-progress-bar"]
    peak = 0
    with TemporaryFile("w+") as said:
        run = subprocess.Popen(command, env={**os.environ, **environment}, stdout=said, stderr=subprocess.STDOUT)
        while with_memory and run.poll() is None:  # what a lesson takes whatever runs it: without papermill
            peak = max(peak, sum(measure.tree_memory(kernel.pid) for kernel in psutil.Process(run.pid).children()))
            time.sleep(0.2)
        run.wait()
        said.seek(0)
        assert run.returncode == 0, said.read()[-4000:]
    return Run(output, peak)
