"""What cannot work is refused in one clear line, before anything is started."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from course_lib import CourseError
from course_lib.engines import refusals
from course_lib.engines.cluster import local_cluster
from course_lib.engines.connect import connect_server
from course_lib.engines.hdfs import hdfs
from course_lib.places import REPOSITORY

STARTERS = {"cluster": local_cluster, "connect": connect_server, "hdfs": hdfs}


@pytest.fixture(autouse=True)
def nothing_is_started():
    before = set(psutil.Process().children(recursive=True))  # a session of other tests may be among them, or end
    yield
    _, left = psutil.wait_procs(set(psutil.Process().children(recursive=True)) - before, timeout=5)
    assert not left


@pytest.mark.parametrize("start", STARTERS.values(), ids=STARTERS)
def test_a_taken_port(start, jars_are_here):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CourseError, match=f"^Port {port} of this machine cannot be used .*name another"):
            start(port=port)


def test_a_port_that_does_not_exist():
    with pytest.raises(CourseError, match="Port 70000 does not exist"):
        local_cluster(port=70_000)


def test_more_memory_than_there_is_for_a_cluster():
    with pytest.raises(CourseError, match=r"^2 Spark workers with 10240000 MiB .* GB is free: take fewer"):
        local_cluster(workers=2, memory="10000g")


def test_more_memory_than_there_is_for_hdfs(jars_are_here):
    with pytest.raises(CourseError, match=r"^HDFS with 100000 DataNodes may need .* GB is free"):
        hdfs(data_nodes=100_000)


def test_more_disk_than_there_is():
    with pytest.raises(CourseError, match=r"^A Spark cluster needs .* GB of disk and .*set TMPDIR"):
        refusals.must_have_disk(1e18, "A Spark cluster")


@pytest.mark.parametrize("memory", ["100m", "1", "lots", "0g"])
def test_memory_that_no_executor_starts_with(memory):
    with pytest.raises(CourseError, match="write '512m' or more"):
        local_cluster(memory=memory)


def test_no_workers():
    with pytest.raises(CourseError, match="both must be 1 or more"):
        local_cluster(workers=0)


def test_a_cluster_that_does_not_answer_for_a_connect_server():
    with pytest.raises(CourseError, match=r"Nothing answers at 127\.0\.0\.1:1 "):
        connect_server(master="spark://127.0.0.1:1")


@pytest.mark.parametrize("start", ["cluster.local_cluster", "connect.connect_server", "hdfs.hdfs"])
def test_no_java(start, tmp_path, jars_are_here):
    module, function = start.split(".")
    code = f"from course_lib.engines import java, {module}; java._places = lambda: []; {module}.{function}()"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert "CourseError: Spark needs Java 17 or newer and there is none" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
