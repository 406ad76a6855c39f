"""However the process that started an engine ends, nothing of the engine is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from apart import HERE, survivors
from java_processes import jvms
from jupyter_client.manager import start_new_kernel

from course_lib.places import REPOSITORY

START = """
from course_lib import get_spark
from course_lib.engines.cluster import local_cluster

def start():
    global cluster
    cluster = local_cluster(workers=1, memory="512m")
"""
IN_A_THREAD = "import threading; starter = threading.Thread(target=start); starter.start(); starter.join()"
JOB = """
spark = get_spark(master=cluster.url)
assert spark.range(4).mapInPandas(lambda parts: parts, "id long").count() == 4
"""


@pytest.fixture
def begin():
    """Start a process that has a cluster; give it, all below it, and the folder of its cluster."""
    begun = []

    def begin(how: str = "") -> tuple[subprocess.Popen, list[psutil.Process], Path]:
        command = [sys.executable, HERE / "to_be_ended.py", how]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, **pipes)
        begun.append(process)
        folder = Path(process.stdout.readline().strip())
        below = psutil.Process(process.pid).children(recursive=True)
        begun.extend(below)
        assert len(jvms(below)) == 2
        return process, below, folder

    yield begin
    for process in begun:  # only where a test failed
        if process.poll() is None if isinstance(process, subprocess.Popen) else process.is_running():
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left_after_a_signal(begin, number):
    process, below, folder = begin()
    process.send_signal(number)
    assert survivors([process, *below]) == []
    assert not folder.exists()


def test_nothing_is_left_after_an_exception(begin):
    process, below, folder = begin("by an exception")
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait() == 1
    assert survivors(below) == []
    assert not folder.exists()


def test_nothing_is_left_where_another_thread_started_it(begin):
    process, below, folder = begin("from another thread")
    process.kill()
    assert survivors([process, *below]) == []
    assert not folder.exists()


def test_nothing_is_left_where_a_fork_of_the_killed_process_lives_on(begin):
    process, below, folder = begin("with a fork that lives on")
    forks = [child for child in below if str(HERE / "to_be_ended.py") in child.cmdline()]
    process.kill()
    assert survivors([process, *(child for child in below if child not in forks)]) == []
    assert not folder.exists()
    assert all(fork.is_running() for fork in forks)
    assert forks


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_nothing_is_left_when_the_keeper_itself_is_killed(begin):
    process, below, folder = begin()
    (keeper,) = (child for child in below if any("keeper.py" in word for word in child.cmdline()))
    keeper.kill()
    assert survivors(below) == []
    process.send_signal(signal.SIGINT)
    process.wait()
    assert not folder.exists()


def test_nothing_is_left_when_it_is_killed_while_the_cluster_starts():
    command = [sys.executable, HERE / "to_be_ended.py", ""]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdin=subprocess.PIPE)
    try:
        top = psutil.Process(process.pid)
        while not jvms(top.children(recursive=True)):
            assert process.poll() is None
            time.sleep(0.01)
        below = top.children(recursive=True)
    finally:
        process.kill()
    assert survivors([process, *below]) == []


@pytest.fixture
def kernel(tmp_path):
    """A real Jupyter kernel."""
    manager, client = start_new_kernel(env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, cwd=str(tmp_path))

    def run(code: str) -> None:
        reply = client.execute_interactive(code, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    yield manager, run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_nothing_is_left_when_the_kernel_of_a_notebook_is_killed_in_its_work(kernel):
    """The session is the cell's own, the cluster that of a thread of a cell, which has ended."""
    manager, run = kernel
    run(START + IN_A_THREAD)
    run(JOB)
    top = psutil.Process(manager.provisioner.pid)
    below = top.children(recursive=True)
    assert len(jvms(below)) == 4  # the session's, the master, the worker, the executor
    top.kill()
    assert survivors(below) == []


def test_interrupting_a_cell_leaves_the_cluster_alone(kernel):
    manager, run = kernel
    run(START + "start()")
    manager.interrupt_kernel()
    run("assert cluster.is_alive() and list(cluster.workers()['state']) == ['ALIVE']")
    run("cluster.stop()")
    assert psutil.Process(manager.provisioner.pid).children(recursive=True) == []
