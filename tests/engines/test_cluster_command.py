"""`course cluster`: start, status, stop, and what a state that is no longer true is worth."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from apart import survivors, tell

from course_lib.engines import processes
from course_lib.places import REPOSITORY

SMALL = ("--workers", "1", "--memory", "512m")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    yield tmp_path
    course("cluster", "stop")


def course(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "course_lib.command.cli", *words]
    return subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"COLUMNS": "250"}, capture_output=True, text=True)


def running() -> list[psutil.Process]:
    """All processes of the engines in the notes, their holder first."""
    (owner,) = {note["owner"]["pid"] for note in processes.notes()}
    return [psutil.Process(owner), *psutil.Process(owner).children(recursive=True)]


def test_a_cluster_with_connect_from_start_to_stop(home, tmp_path_factory):
    started = course("cluster", "start", "--connect", *SMALL)
    assert started.returncode == 0, started.stderr
    everything = running()
    assert (
        sum(process.name().startswith("java") for process in everything) >= 3
    )  # master, worker, Connect server, and soon an executor

    remote = next(note["url"] for note in processes.notes("connect"))
    assert remote in started.stdout
    assert tell("session_on.py", tmp_path_factory.mktemp("work"), SPARK_REMOTE=remote) == {"count": 1000}

    shown = course("cluster", "status").stdout
    assert "1 workers, 1 cores and 512 MiB each" in shown
    assert shown.count(" up ") == 2

    again = course("cluster", "start", *SMALL)
    assert again.returncode == 1
    assert again.stderr.startswith("course: A cluster runs already at spark://127.0.0.1:")
    assert len(again.stderr.splitlines()) == 1

    assert "has ended" in course("cluster", "stop").stdout
    assert survivors(everything) == []
    assert list((home / "engines").iterdir()) == []
    assert "No engine of yours runs" in course("cluster", "status").stdout


def test_a_killed_holder_takes_everything_along(home):
    assert course("cluster", "start", *SMALL).returncode == 0
    everything = running()
    everything[0].kill()
    assert survivors(everything) == []
    assert "No engine of yours runs" in course("cluster", "status").stdout


def test_a_refusal_is_one_line(home):
    done = course("cluster", "start", "--memory", "10000g")
    assert done.returncode == 1
    assert done.stderr.startswith("course: 2 Spark workers with 10240000 MiB")
    assert len(done.stderr.splitlines()) == 1


def test_stop_without_a_cluster_says_so(home):
    assert "No cluster of `course cluster start` runs" in course("cluster", "stop").stdout


def test_a_stale_state_is_cleaned_and_a_later_process_with_its_number_left_alone(home):
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    then = {"pid": innocent.pid, "started": time.time() - 3600}  # another process had this number an hour ago
    note = home / "engines" / "cluster-0.json"
    note.parent.mkdir()
    facts = {"kind": "cluster", "url": "spark://127.0.0.1:7077", "ui": "http://127.0.0.1:1", "logs": "", "held": True}
    note.write_text(json.dumps({**facts, "owner": then, "keeper": then}))
    assert "No cluster" in course("cluster", "stop").stdout
    assert innocent.poll() is None
    assert not Path(note).exists()
    innocent.communicate(b"\n")


def test_stop_leaves_the_engines_of_notebooks_alone(home):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, REPOSITORY / "tests" / "engines" / "to_be_ended.py", ""]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        assert f"process {process.pid}" in course("cluster", "status").stdout
        assert "No cluster" in course("cluster", "stop").stdout
        assert process.poll() is None
    finally:
        process.communicate("\n")
