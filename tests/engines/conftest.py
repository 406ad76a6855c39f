"""What the tests of the engines share: real processes, in Python processes of their own, and what they tell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """Notes on what runs are kept apart from those of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(home))
        patch.delenv("SPARK_MASTER", raising=False)
        patch.delenv("SPARK_REMOTE", raising=False)
        yield home


@pytest.fixture(scope="session")
def jars_are_here():
    """The jars, fetched where they are missing; a test that needs them fails without."""
    from course_lib import jars

    return {name: jars.fetch(name) for name in jars.catalogue()}


def tell(script: str, folder: Path, prefix=(), **environment: str) -> dict:
    """Run a script of this folder in a Python of its own; give the JSON object in the last line that it prints."""
    done = subprocess.run(
        [*prefix, sys.executable, str(HERE / script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def survivors(processes: list[psutil.Process], seconds: float = 20) -> list[str]:
    """Wait until processes have ended; name those that have not."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [" ".join(process.cmdline()[-3:]) for process in alive if process.status() != psutil.STATUS_ZOMBIE]
