"""The set-up before anything is installed: each failure is one line that says what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.command import bootstrap
from course_lib.places import REPOSITORY


@pytest.fixture
def fresh_project(tmp_path) -> Path:
    """A folder with what the set-up reads and no environment."""
    (tmp_path / "course_lib" / "command").mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock", "course_lib/command/bootstrap.py"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def set_up(project: Path, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "course_lib/command/bootstrap.py", "course", "--help"]
    return subprocess.run(command, cwd=project, env={**os.environ, **environment}, capture_output=True, text=True)


def test_python_that_is_too_old_is_told_which_ones_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"this is Python 3\.9, .* needs 3\.11, 3\.12 or 3\.13"):
        bootstrap.suitable_python()


def test_without_a_network_it_says_so_in_one_line(fresh_project):
    done = set_up(
        fresh_project,
        PATH=os.defpath,  # no uv of the machine
        PIP_INDEX_URL="http://127.0.0.1:9/",
        PIP_RETRIES="0",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE=os.devnull,
    )
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("ml-at-scale: Could not install uv: the package index cannot be reached.")
    assert "goes on where it stopped" in said


def test_what_is_installed_already_is_not_installed_again(fresh_project, monkeypatch):
    for name, value in {
        "ROOT": fresh_project,
        "ENVIRONMENT": fresh_project / ".venv",
        "STAMP": fresh_project / ".venv" / ".synced",
    }.items():
        monkeypatch.setattr(bootstrap, name, value)
    (fresh_project / ".venv").mkdir()
    bootstrap.STAMP.write_text(bootstrap.digest())
    monkeypatch.setattr(bootstrap, "run", lambda *_: pytest.fail("it installed again"))
    bootstrap.set_up()


def test_the_machines_habits_for_python_do_not_reach_the_environment(fresh_project, monkeypatch):
    program = fresh_project / ".venv" / "bin" / "course"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    monkeypatch.setattr(bootstrap, "ROOT", fresh_project)
    (fresh_project / ".venv" / ".synced").write_text(bootstrap.digest())
    habits = {name: str(fresh_project) for name in bootstrap.HABITS} | {"PYTHONHOME": sys.base_prefix}
    done = set_up(fresh_project, **habits)
    assert done.returncode == 0, done.stderr
    seen = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert "VIRTUAL_ENV" in seen
    assert seen.isdisjoint(bootstrap.HABITS)
