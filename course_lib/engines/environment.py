"""Variables of the environment: which are followed, and which have no effect here, though Spark or Java read them.

Old guides leave variables behind that end a start in a riddle. So nothing that Spark's scripts read gets through but
what is listed here; `course doctor` shows what it finds of both kinds.
"""

import contextlib
import importlib.util
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from course_lib.errors import CourseError

FOLLOWED = {
    "SPARK_MASTER": "where Spark runs",
    "SPARK_REMOTE": "where Spark runs",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN": "for a SPARK_REMOTE that has none",
    "SPARK_DRIVER_MEMORY": "the heap of a session",
    "SPARK_LOCAL_IP": "this machine's address, where Spark runs on others",
    "SPARK_CONF_DIR": "the folder of spark-defaults.conf",
    "HADOOP_CONF_DIR": "settings of Hadoop",
    "YARN_CONF_DIR": "settings of YARN",
    "HADOOP_USER_NAME": "who you are to HDFS",
    "JAVA_HOME": "which Java",
    "TMPDIR": "temporary files",
    "PYTHONPATH": "where Python looks first",
    "COURSE_PROFILE": "low-memory",
    "COURSE_DATA": "the data cache",
    "COURSE_HOME": "your progress",
    "COURSE_POSTGRES_URL": "a database",
    "HTTP_PROXY": "downloads only",
    "HTTPS_PROXY": "downloads only",
}

# With these a service acts for somebody else; an HDFS of this machine lets nobody do so.
_FOR_SERVICES = ("HADOOP_PROXY_USER", "HADOOP_TOKEN_FILE_LOCATION")
# Java takes these before or over the command line, on which a heap, a collector and an archive stand that fit together;
# another collector ends the start, another heap the work. Programs that download keep them: a proxy may stand there.
_OF_JAVA = ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", *_FOR_SERVICES)
# What a kernel, its figures or the lab would read when they start; the lessons set these things themselves.
_OF_KERNELS = ("PYTHONSTARTUP", "PYTHONWARNINGS", "PLOTLY_RENDERER", "MPLBACKEND", "JUPYTERLAB_DIR")
_PAST_PROXY = "no_grpc_proxy"


def _of_spark() -> list[str]:
    """List the variables of this process that Spark would read and shall not."""
    beginnings = ("SPARK_", "PYSPARK_")
    return [name for name in os.environ if name == "MASTER" or (name.startswith(beginnings) and name not in FOLLOWED)]


def _ignored() -> list[str]:
    """List the variables of this process that have no effect."""
    return [*_of_spark(), *(name for name in (*_OF_JAVA, *_OF_KERNELS) if name in os.environ)]


def found() -> tuple[list[str], list[str]]:
    """Say which variables are set that are followed, and which that have no effect.

    Returns
    -------
    tuple of list of str
        Names, in alphabetical order; those of the first with what they decide.
    """
    followed = [f"{name} ({what})" for name, what in FOLLOWED.items() if {name, name.lower()} & os.environ.keys()]
    followed += [f"{name} (the lab)" for name in os.environ if name.startswith("JUPYTER_") or name == "IPYTHONDIR"]
    return sorted(followed), sorted(_ignored())


def clear(before_kernels: bool = False) -> None:
    """Remove from this process, and so from all that it starts, what PySpark would read and shall not.

    Parameters
    ----------
    before_kernels : bool
        Whether kernels will be started: then also what they would read. (A kernel sets some of it itself.)
    """
    for name in (*_of_spark(), *(_OF_KERNELS if before_kernels else ())):
        os.environ.pop(name, None)


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Take a variable out of this process for a block of code.

    Parameters
    ----------
    name : str
        The variable; if it is not set, nothing happens.
    """
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value


def of_jvm(**own: str) -> dict[str, str]:
    """Give the environment of a JVM of Spark or Hadoop: this process's, without what shall have no effect.

    Parameters
    ----------
    **own
        Variables that are set for it.
    """
    left_out = {*_ignored(), "SPARK_REMOTE"}  # the last is for clients only
    return {name: value for name, value in os.environ.items() if name not in left_out} | own


def must_be_sound() -> None:
    """Raise where the environment puts another PySpark before the one that is installed here.

    Raises
    ------
    CourseError
        Where PYTHONPATH does.
    """
    if (spec := importlib.util.find_spec("pyspark")) is None or not spec.origin:
        return
    folder = Path(spec.origin).parent.parent
    entries = [Path(entry).absolute() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if folder in entries and not folder.is_relative_to(sys.prefix):
        raise CourseError(f"PYTHONPATH brings another PySpark, in {folder}: unset PYTHONPATH and start Python again.")


def reach_this_machine_directly() -> None:
    """Let gRPC, which Spark Connect speaks, reach this machine's own addresses past a proxy."""
    former = os.environ.get(_PAST_PROXY) or urllib.request.getproxies_environment().get("no") or ""
    os.environ[_PAST_PROXY] = ",".join(dict.fromkeys([*filter(None, former.split(",")), "localhost", "127.0.0.1"]))
