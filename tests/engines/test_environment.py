"""What old guides leave in the environment, and what a system does not allow: it works, or one line says what to do."""

import os
import re
import subprocess
import sys

import pytest
from apart import NOBODY, tell

from course_lib.engines import environment
from course_lib.places import REPOSITORY

LEFTOVERS = {
    # of Java: less memory than Spark starts with, and a collector that does not go with ours
    "_JAVA_OPTIONS": "-Xmx64m",
    "JAVA_TOOL_OPTIONS": "-XX:+UseG1GC",
    "JDK_JAVA_OPTIONS": "-Xmx32m",
    "CLASSPATH": "/nowhere",
    # of guides to PySpark in notebooks
    "PYSPARK_SUBMIT_ARGS": "--master local[999]",
    "PYSPARK_PYTHON": "/usr/bin/python2",
    "PYSPARK_DRIVER_PYTHON": "jupyter",
    "PYSPARK_DRIVER_PYTHON_OPTS": "notebook",
    "PYSPARK_GATEWAY_PORT": "9",
    "PYSPARK_GATEWAY_SECRET": "secret",
    "PYSPARK_PIN_THREAD": "false",
    # of Spark's scripts and daemons
    "SPARK_HOME": "/nowhere",
    "SPARK_SCALA_VERSION": "2.12",
    "SPARK_ENV_LOADED": "1",
    "SPARK_DIST_CLASSPATH": "/nowhere",
    "SPARK_LOCAL_DIRS": "/nowhere",
    "SPARK_LOCAL_IP": "10.1.2.3",
    "SPARK_PUBLIC_DNS": "far.invalid",
    "SPARK_EXECUTOR_MEMORY": "none",
    "MASTER": "spark://far.invalid:7077",
    # what Spark's own builds and Connect read
    "SPARK_TESTING": "1",
    "SPARK_API_MODE": "connect",
    "SPARK_CONNECT_MODE": "1",
    "SPARK_CONNECT_MODE_ENABLED": "1",
    "SPARK_LOCAL_REMOTE": "1",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN": "wrong",
    "SPARK_ANSI_SQL_MODE": "false",
    # of Hadoop
    "HADOOP_HOME": "/nowhere",
    "HADOOP_CONF_DIR": "/nowhere",
    "HADOOP_USER_NAME": "someone",
    "HADOOP_PROXY_USER": "someone-else",
    "HADOOP_TOKEN_FILE_LOCATION": "/nowhere",
    # of networks: a proxy that does not answer
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    # of Python
    "PYTHONWARNINGS": "error",
    "PYTHONSAFEPATH": "1",
    "PYTHONSTARTUP": "/nowhere",
    "MPLBACKEND": "agg",
    "JUPYTER_CONFIG_DIR": "/nowhere",
    "IPYTHONDIR": "/nowhere",
    # of a system: a folder that has gone
    "TMPDIR": "/nowhere",
}


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    no_home = () if sys.platform == "win32" else ("env", "-u", "HOME")
    return tell("leftovers_life.py", tmp_path_factory.mktemp("work"), prefix=no_home, **LEFTOVERS)


def test_leftovers_do_not_disturb_a_session(life):
    assert re.fullmatch(r"local\[\d+\]", life["master"])
    assert life["master"] != "local[999]"
    assert life["heap MiB"] > 400
    assert life["ansi"] == "true"
    assert life["worker"] == sys.executable


def test_a_session_leaves_a_kernel_what_is_the_kernels(life):
    assert life["MPLBACKEND"] == "agg"  # it sets that itself, before any session


def test_leftovers_do_not_disturb_a_connect_server(life):
    assert (life["healthy"], life["on connect"]) == (True, 5)


def test_what_has_no_effect_is_not_handed_to_a_jvm(monkeypatch):
    for name, value in LEFTOVERS.items():
        monkeypatch.setenv(name, value)
    given = environment.of_jvm(SPARK_HOME="/ours")
    assert given["SPARK_HOME"] == "/ours"
    assert {name for name in environment.found()[1] if name in given} == {"SPARK_HOME"}


def test_every_leftover_is_told(monkeypatch):
    for name, value in LEFTOVERS.items():
        monkeypatch.setenv(name, value)
    followed, ignored = environment.found()
    told = {name.partition(" ")[0] for name in followed} | set(ignored)
    silent = {"HADOOP_HOME", "PYTHONSAFEPATH"}  # nothing here depends on them
    assert {name for name in LEFTOVERS if {name, name.upper()}.isdisjoint(told)} == silent


# ---- one line that says what to do -----------------------------------------------------------------------------------


def line_of(code: str, prefix=(), **variables: str) -> str:
    """The last line that a Python of its own says, which must fail by an error of the course."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match(r"course_lib\.(errors\.CourseError|engines\.session\._JavaEndedError): ", last), done.stderr
    return last.partition(": ")[2]


START = "from course_lib import get_spark; get_spark(master='local[1]')"


def test_another_pyspark_on_the_python_path(tmp_path):
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("raise ImportError('of another Python')")
    line = line_of(START, PYTHONPATH=os.pathsep.join([str(REPOSITORY), str(tmp_path)]))
    assert line == f"PYTHONPATH brings another PySpark, in {tmp_path}: unset PYTHONPATH and start Python again."


@pytest.mark.parametrize("memory", ["lots", "64m"])
def test_a_driver_memory_that_no_session_starts_with(memory):
    assert line_of(START, SPARK_DRIVER_MEMORY=memory) == (
        f"{memory!r} as SPARK_DRIVER_MEMORY: write '480m' or more, such as '1g'."
    )


def test_a_setting_of_ones_own_that_spark_refuses(tmp_path):
    (tmp_path / "spark-defaults.conf").write_text("spark.ui.port here")
    line = line_of(START, SPARK_CONF_DIR=str(tmp_path))
    assert line.startswith("Spark did not start on local[1]: ")
    assert "spark.ui.port" in line


def test_a_jvm_that_ends_while_spark_starts():
    code = """
from course_lib.engines import session
from course_lib.engines.java import find_java
session._begin("tests", "local[1]", find_java(), ["-XX:+ExitOnOutOfMemoryError", "-XX:MaxMetaspaceSize=40m"])
"""
    assert line_of(code).startswith("Java started but Spark did not: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_too_few_files():
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
    assert line_of(limit + START).endswith("opens up to 512 files, 256 are allowed: `ulimit -n 512` or more.")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit counts processes, of which Java is one")
def test_too_few_threads(as_user):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (10, 10)); "
    assert "are allowed: close programs, or `ulimit -u" in line_of(limit + START, prefix=as_user(NOBODY))


def test_a_user_whom_the_system_does_not_know(as_user):
    line = line_of(START, prefix=as_user(54321))
    assert line.startswith("A Spark session asks for your name, and this system knows none for user 54321: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [("size=1m", "needs 0.2 GB of disk and 0.0 GB is free in"), ("noexec", "no program runs from it (noexec)")],
)
def test_a_folder_for_temporary_files_that_is_of_no_use(with_temporary_folder, tmp_path, options, said):
    line = line_of(START, prefix=with_temporary_folder(tmp_path, options))
    assert said in line
    assert "set TMPDIR to a folder" in line
