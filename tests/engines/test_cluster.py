"""A Spark cluster of real processes on this machine."""

import pytest
from apart import tell


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    return tell("cluster_life.py", tmp_path_factory.mktemp("work"))


def test_a_job_gives_the_same_on_the_cluster_as_in_pandas(life):
    assert len(life["in pandas"]) > 100
    assert life["on the cluster"] == life["in pandas"]


def test_all_workers_are_registered_when_it_is_given(life):
    assert [(worker["state"], worker["cores"], worker["memory_mb"]) for worker in life["workers"]] == [
        ("ALIVE", 1, 1024),
        ("ALIVE", 1, 1024),
    ]


def test_taken_ports_do_not_disturb_it(life):
    ports = [int(url.rpartition(":")[2]) for url in life["urls"]]
    assert not set(ports) & set(life["taken"])


def test_a_second_cluster_runs_at_the_same_time(life):
    assert len(set(life["urls"])) == 2
    assert life["on the other"] == life["in pandas"]


def test_executors_are_as_large_as_the_workers(life):
    assert life["executor memory"] == "512m"


def test_a_worker_killed_in_mid_job_leaves_the_answer_right(life):
    assert 3 <= life["mid-job"]["tasks done at the kill"] < 24
    assert life["mid-job"]["answer"] == life["remainders"]
    assert sorted(life["mid-job"]["states"]) == ["ALIVE", "DEAD"]


def test_the_tasks_that_were_done_again_are_counted(life):
    assert life["mid-job"]["attempts at tasks"] > life["mid-job"]["tasks"] >= 24
    assert sorted(life["mid-job"]["executors"]) == [False, True]


def test_executors_come_with_the_work_and_go_after_it(life):
    assert life["executors"] == [0, 2]  # then it was waited until none was left


def test_a_worker_can_be_added(life):
    assert sorted(life["after adding"]) == ["ALIVE", "ALIVE", "DEAD"]
    assert life["after adding, the answer"] == life["in pandas"]


def test_it_listens_on_this_machine_only(life):
    assert {address.removeprefix("::ffff:") for address in life["listens at"]} <= {"127.0.0.1", "::1"}


def test_each_process_has_a_log(life):
    assert life["logs"] == ["master.log", "worker-1.log", "worker-2.log"]


def test_nothing_is_left(life):
    assert (life["left"], life["notes left"]) == ([], [])
