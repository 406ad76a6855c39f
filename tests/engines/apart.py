"""Python processes of their own that use engines, and what they tell."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from course_lib.places import REPOSITORY

HERE = Path(__file__).parent
NOBODY = 65534  # the number of a user whom every Linux knows


def tell(script: str, folder: Path, prefix=(), **environment: str) -> dict:
    """Run a script of this folder in a Python of its own; give the JSON object in the last line that it prints."""
    done = subprocess.run(
        [*prefix, sys.executable, str(HERE / script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def survivors(processes: list[psutil.Process], seconds: float = 20) -> list[str]:
    """Wait until processes have ended; name those that have not."""
    found = []
    for process in psutil.wait_procs(processes, timeout=seconds)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended just now
            found += [" ".join(process.cmdline()[-3:])] if process.status() != psutil.STATUS_ZOMBIE else []
    return found
