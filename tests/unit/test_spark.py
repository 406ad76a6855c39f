import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from course_lib import CourseError, get_spark
from course_lib import spark as sessions

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """What a process of its own tells of its sessions; it is killed at the end, while one runs."""
    environment = {name: value for name, value in os.environ.items() if name not in ("SPARK_MASTER", "SPARK_REMOTE")}
    environment["PYTHONPATH"] = str(HERE.parents[1])
    run = subprocess.run(
        [sys.executable, str(HERE / "session_life.py")],
        cwd=tmp_path_factory.mktemp("empty"),
        env=environment,
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


def test_a_second_call_gives_the_same_session(spark):
    assert get_spark() is spark
    assert get_spark("other name", master="local[2]") is spark


def test_another_master_while_one_runs_says_what_to_do(spark):
    with pytest.raises(CourseError, match=r"call stop_spark\(\) first"):
        get_spark(master="local[1]")


def test_the_environment_may_name_the_master(spark, monkeypatch):
    monkeypatch.setenv("SPARK_MASTER", "local[7]")
    with pytest.raises(CourseError, match=r"local\[7\]"):
        get_spark()


def test_two_masters_in_the_environment_are_refused(spark, monkeypatch):
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(CourseError, match="unset one"):
        get_spark()


def test_times_are_in_utc(spark):
    assert spark.sql("SELECT string(timestamp_seconds(0))").first()[0] == "1970-01-01 00:00:00"


def test_few_shuffle_partitions_and_adaptive_execution(spark):
    assert int(spark.conf.get("spark.sql.shuffle.partitions")) <= 4 * os.cpu_count()
    assert spark.conf.get("spark.sql.adaptive.enabled") == "true"


def test_the_low_memory_profile_has_a_small_heap(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "low-memory")
    assert sessions._heap_mib() == 512


def test_the_heap_leaves_most_of_the_memory_to_python():
    assert sessions._heap_mib() <= max(512, psutil.virtual_memory().total // 4 // 2**20)


def test_only_what_stays_on_this_machine_is_bound_to_loopback():
    assert sessions._stays_here("local[2]")
    assert sessions._stays_here("spark://127.0.0.1:7077")
    assert not sessions._stays_here("spark://127.0.0.1:7077,cluster.example:7077")
    assert not sessions._stays_here("yarn")
