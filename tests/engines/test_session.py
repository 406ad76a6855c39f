"""A session's life, in a Python process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from apart import HERE

from course_lib.places import REPOSITORY


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """What a process of its own tells of its sessions; it is killed at the end, while one runs."""
    run = subprocess.run(
        [sys.executable, str(HERE / "session_life.py")],
        cwd=tmp_path_factory.mktemp("empty"),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert run.stdout, run.stderr
    return {**json.loads(run.stdout), "stderr": run.stderr}


def test_it_computes_with_python_workers_of_this_python(life):
    assert life["worker"] == sys.executable
    assert (life["table"], life["pandas on spark"]) == (5, 6)


def test_it_is_quiet(life):
    assert life["stderr"] == ""


def test_it_listens_on_this_machine_only(life):
    assert {address.removeprefix("::ffff:") for address in life["listens at"]} == {"127.0.0.1"}


def test_it_leaves_nothing_in_the_working_folder(life):
    assert life["left in the folder"] == []


def test_stopping_waits_until_the_jvm_has_gone(life):
    assert life["alive after stop"] == []


def test_the_next_session_starts_afresh(life):
    assert life["tables of the next session"] == 0


def test_a_forked_process_has_a_session_of_its_own(life):
    assert (life["forked child"], life["after the fork"]) == (55, 3)


def test_the_jvm_ends_with_a_killed_python_and_sweeps_up(life):
    psutil.wait_procs([psutil.Process(life["jvm"])] if psutil.pid_exists(life["jvm"]) else [], timeout=20)
    assert not psutil.pid_exists(life["jvm"])
    assert not Path(life["folder"]).exists()


@pytest.mark.parametrize("what", ["no such master", "no such server"])
def test_an_address_that_does_not_answer_is_one_line_within_seconds(life, what):
    assert life[what]["message"].startswith("Nothing answers at 127.0.0.1:9 (")
    assert life[what]["seconds"] < 10


def test_an_address_without_host_says_how_to_write_one(life):
    assert "host:port" in life["no such place"]["message"]
