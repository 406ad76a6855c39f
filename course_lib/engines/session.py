"""One Spark session: sized to what this process may use, quiet, on this machine's loopback only, quick to start."""

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib import progress
from course_lib.engines import addresses, environment, jars, jvm, paths, processes, refusals, sizes
from course_lib.engines.java import Java, find_java
from course_lib.errors import CourseError
from course_lib.machine import give_back_memory

_START_SECONDS = 120  # a JVM that has not answered by then is given up

# Everything that Spark has to say goes to a file in the session's folder; a problem reaches the person as an exception.
_LOG_SETTINGS = (
    jvm.WARNINGS_TO_STDERR
    + """\
# The same level as the root's, or Spark prints a line on how to change it.
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = warn
"""
)

# Settings that are this module's business, and what to do instead of giving them.
_NOT_TO_SET = {
    "spark.master": "give it as `master`",
    "spark.app.name": "give it as `app`",
    "spark.remote": "give it as `master`",
    "spark.sql.extensions": "Delta Lake comes with `delta=True`",
    "spark.sql.catalog.spark_catalog": "Delta Lake comes with `delta=True`",
    **dict.fromkeys(("spark.jars", "spark.jars.packages"), "`delta=True` brings Delta Lake's jars"),
    **dict.fromkeys(
        (
            "spark.driver.bindAddress",
            "spark.driver.host",
            "spark.driver.extraClassPath",
            "spark.driver.extraJavaOptions",
            "spark.executor.extraClassPath",
            "spark.local.dir",
            "spark.sql.warehouse.dir",
            "spark.sql.session.timeZone",
            "spark.sql.execution.arrow.pyspark.enabled",
            "spark.ui.showConsoleProgress",
        ),
        "the course sets it",
    ),
}


@dataclass
class _Running:
    """The session that this process started."""

    owner: int  # process id: a forked child must not touch its parent's session
    master: str
    session: object
    process: subprocess.Popen | None = None  # the JVM, where there is one
    folder: Path | None = None


class _JavaEndedError(CourseError):
    """Java ended, or went silent, before Spark was up."""


_running: _Running | None = None


def get_spark(
    app: str = "ml-at-scale",
    master: str | None = None,
    delta: bool = False,
    settings: Mapping[str, str | int | float | bool] | None = None,
):
    """Give the Spark session, starting it if there is none.

    Parameters
    ----------
    app : str
        The name that the Spark UI shows.
    master : str, optional
        Where to run: ``local[2]``, ``spark://host:port``, ``yarn``, ``k8s://...`` or, for Spark Connect,
        ``sc://host:port``. By default what the environment variables SPARK_REMOTE or SPARK_MASTER say, else this
        machine with every core that this process may use.
    delta : bool
        Whether the session must know Delta Lake. Its jars come from ``course data get --jars``.
    settings : mapping of str to str, int, float or bool, optional
        Spark's settings that must be there when it starts, such as ``{"spark.speculation": True}``; over those of this
        function. (What may change while it runs is set by ``spark.conf.set``.)

    Returns
    -------
    pyspark.sql.SparkSession
        Times are in UTC, Arrow is on, nothing listens beyond this machine, and what Spark writes by itself goes to a
        temporary folder. The memory of the JVM is a quarter of what this process may use (480 MiB with
        COURSE_PROFILE=low-memory; SPARK_DRIVER_MEMORY, such as ``4g``, decides otherwise).

    Raises
    ------
    CourseError
        No Java; an address that does not answer; jars missing or altered; a setting that is not to be given here; or
        another master, Delta Lake or other settings asked for while a session without them runs.
    """
    settings = _as_text(settings or {})
    asked = master or _master_from_environment()
    _adopt()
    if _is_running():
        if asked and asked != _running.master:
            raise CourseError(
                f"Spark runs on {addresses.shown(_running.master)} and was asked for on {addresses.shown(asked)}: "
                "call stop_spark() first, or leave `master` (and SPARK_MASTER, SPARK_REMOTE) as it was."
            )
        _must_have(_running.session, settings)
        return _with_delta(_running.session) if delta else _running.session
    stop_spark()  # what is left of a session that ended by itself
    master = asked or f"local[{sizes.cores()}]"
    environment.must_be_sound()
    addresses.must_answer(master)
    if master.startswith("sc://"):
        _must_not_be_given(settings)
        session = _begin(app, master)
        return _with_delta(session) if delta else session
    _must_fit_workers(master, settings.get("spark.executor.memory"))
    refusals.system_must_allow("A Spark session", 2e8)
    java = find_java()
    archive = jvm.archive_options(java)
    more_jars = jars.delta() if delta else []
    try:
        return _begin(app, master, java, archive, more_jars, settings)
    except _JavaEndedError:
        if not archive:
            raise
        return _begin(app, master, java, [], more_jars, settings)  # a damaged archive takes Java down with it


def _begin(
    app: str,
    master: str,
    java: Java | None = None,
    jvm_options: list[str] | None = None,
    delta_jars: Sequence[Path] = (),
    more_settings: Mapping[str, str] | None = None,
):
    """Start a session and remember it."""
    global _running
    environment.clear()  # of what PySpark would read
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable  # workers: this very Python
    _running = (
        _start(app, master, java, jvm_options, delta_jars, more_settings or {}) if java else _connect(app, master)
    )
    from pyspark.logger import PySparkLogger  # not before: PySpark is imported while the JVM starts

    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):  # each error again, as a wall of JSON
        PySparkLogger.getLogger(name).disabled = True
    progress.follow(_running.session)
    return _running.session


def stop_spark(patience: float = 20) -> None:
    """Stop the Spark session and wait until its JVM has gone; the next `get_spark` starts afresh. Without one, nothing.

    Tables, views and cached data of the session are gone after it.

    Parameters
    ----------
    patience : float
        Seconds after which a JVM that does not end is killed.
    """
    global _running
    running, _running = _running, None
    if "pyspark" not in sys.modules:
        return
    if running and running.owner != os.getpid():
        _leave_to_parent(running)
        return
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = running.session if running else SparkSession.getActiveSession()
    gateway = SparkContext._gateway
    process = running.process if running else getattr(gateway, "proc", None)
    if session is not None:
        _quietly(session.stop)
    if gateway is not None:
        _quietly(gateway.shutdown)
    if process is not None:
        _end(process, patience)
    if running and running.folder:
        shutil.rmtree(running.folder, ignore_errors=True)
    _forget()


def stop_if_on(master: str | None) -> None:
    """Stop this process's session if it runs there: without its engine it would wait for ever."""
    if master and _running and _running.master == master:
        stop_spark()


def _adopt() -> None:
    """Take over a session that the person started without us: it may hold their tables."""
    global _running
    if _running is None and "pyspark.sql" in sys.modules:
        from pyspark.sql import SparkSession

        session = SparkSession._instantiatedSession
        if session is not None and session._sc._jsc is not None:
            _running = _Running(os.getpid(), session._sc.master, session, session._sc._gateway.proc)


def _with_delta(session):
    """Give a session back that knows Delta Lake; one that does not cannot learn it any more."""
    if "DeltaSparkSessionExtension" not in session.conf.get("spark.sql.extensions", ""):
        raise CourseError(
            "Spark runs without Delta Lake: call stop_spark() first, then get_spark(delta=True). "
            "A Spark Connect server must be started with it: connect_server(delta=True)."
        )
    return session


def _as_text(settings: Mapping) -> dict[str, str]:
    """Write settings as Spark reads them; raise for those that are not to be given."""
    for name in settings:
        if not str(name).startswith("spark."):
            raise CourseError(f"{name!r} is no setting of Spark's: their names begin with 'spark.'.")
        if why := _NOT_TO_SET.get(name):
            raise CourseError(f"{name} cannot be in `settings`: {why}.")
    text = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in settings.items()}
    if heap := text.get("spark.driver.memory"):
        text["spark.driver.memory"] = f"{sizes.mebibytes(heap, 'spark.driver.memory', sizes.LEAST_MIB)}m"
    return text


def _must_not_be_given(settings: Mapping[str, str]) -> None:
    """Raise where settings are given to Spark Connect."""
    if settings:
        raise CourseError(
            f"Spark Connect cannot be given {', '.join(settings)}: such settings hold from a server's start on. "
            "Leave `settings` out, or unset SPARK_REMOTE and run on this machine or on a cluster."
        )


def _must_have(session, settings: Mapping[str, str]) -> None:
    """Raise where a session that runs has other settings: most cannot change any more."""
    if not hasattr(session, "_jvm"):
        _must_not_be_given(settings)
    for name, wanted in settings.items():
        found = session.conf.get(name, None)
        if found != wanted:
            raise CourseError(
                f"Spark runs with {name} {'not set' if found is None else f'= {found}'} and was asked for with "
                f"{wanted}: call stop_spark() first, or leave it out of `settings`."
            )


def _is_running() -> bool:
    """Whether the session of this process is there and has not been stopped behind our back."""
    if _running is None or _running.owner != os.getpid():
        return False
    if _running.process is None:
        return not _running.session.is_stopped
    return _running.process.poll() is None and _running.session._sc._jsc is not None


def _master_from_environment() -> str | None:
    remote, master = os.environ.get("SPARK_REMOTE"), os.environ.get("SPARK_MASTER")
    if remote and master:
        raise CourseError("Both SPARK_REMOTE and SPARK_MASTER are set: unset one, so that it is clear where to run.")
    return remote or master


# ---- a session with its own JVM --------------------------------------------------------------------------------------


def _start(
    app: str,
    master: str,
    java: Java,
    jvm_options: list[str],
    delta_jars: Sequence[Path],
    more_settings: Mapping[str, str],
) -> _Running:
    """Start a JVM and the session in it."""
    folder = Path(tempfile.mkdtemp(prefix="ml-at-scale-"))
    process = None
    if sizes.low_memory():
        give_back_memory()
    try:
        settings = _settings(master, folder, delta_jars) | more_settings
        process = _launch(java, settings, addresses.stays_here(master), folder, jvm_options, delta_jars)
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        SparkContext._ensure_initialized(gateway=_gateway(process, folder))
        with environment.without("SPARK_REMOTE"):  # PySpark would refuse a master beside it; here `master` decides
            session = SparkSession.builder.appName(app).master(master).getOrCreate()
        # The JVM outlives this process by a moment, also when it is killed: let it sweep up.
        in_jvm = session._jvm
        in_jvm.org.apache.spark.util.ShutdownHookManager.registerShutdownDeleteDir(in_jvm.java.io.File(str(folder)))
    except BaseException as error:
        problem = None
        if hasattr(error, "java_exception"):  # to be asked for while Java runs
            problem = CourseError(
                f"Spark did not start on {master}: {str(error.java_exception.toString()).splitlines()[0]}"
            )
        elif process is not None and isinstance(error, Exception) and _has_ended(process):
            problem = _JavaEndedError(_why(folder))
        if process is not None:
            _forget()
            _end(process)
        shutil.rmtree(folder, ignore_errors=True)
        if problem:
            raise problem from None
        raise
    return _Running(os.getpid(), master, session, process, folder)


def _settings(master: str, folder: Path, delta_jars: Sequence[Path]) -> dict[str, str]:
    settings = {
        "spark.master": master,
        "spark.driver.memory": f"{sizes.heap_mib()}m",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if addresses.stays_here(master):
        settings |= {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.warehouse.dir": paths.address(folder / "warehouse"),
            "spark.local.dir": str(folder),
            # Adaptive execution merges what is too small; more than a few per core only costs start-up.
            "spark.sql.shuffle.partitions": str(4 * sizes.cores()),
        }
    if lent := _worker_mib(master):
        settings["spark.executor.memory"] = f"{lent}m"
        # The archive of loaded classes, which the cluster gives its executors, holds for this order of jars.
        settings["spark.executor.extraClassPath"] = os.pathsep.join([*jvm.class_path(), *map(str, delta_jars)])
    elif delta_jars and not master.startswith("local"):
        # Sent to executors that somebody else has started. Not our own way: it fails where `[` is in a folder's name.
        settings["spark.jars"] = ",".join(path.as_uri() for path in delta_jars)
    return settings | (jars.DELTA_SETTINGS if delta_jars else {})


def _worker_mib(master: str) -> int | None:
    """Give the MiB that a worker of `local_cluster` lends to an executor; for other masters Spark's settings decide."""
    if master.startswith("spark://"):
        for cluster in processes.notes("cluster"):
            if cluster["url"] == master.replace("localhost", "127.0.0.1"):
                return cluster["memory_mib"]
    return None


def _must_fit_workers(master: str, memory: str | None) -> None:
    """Raise where no worker of a `local_cluster` lends so much to an executor: Spark would wait for one for ever."""
    lent = _worker_mib(master)
    if memory and lent and sizes.mebibytes(memory, "spark.executor.memory", sizes.LEAST_MIB) > lent:
        raise CourseError(
            f"spark.executor.memory={memory} is more than the {lent}m that each worker lends: "
            f"take {lent}m or less, or larger workers, local_cluster(memory={memory!r})."
        )


def _launch(
    java: Java, settings: dict, stays_here: bool, folder: Path, more_options: list, more_jars: Sequence[Path]
) -> subprocess.Popen:
    """Start the JVM as PySpark's shell scripts do, but directly, which saves starting one JVM to start another."""
    (folder / "log4j2.properties").write_text(_LOG_SETTINGS)
    own_settings = [os.environ.get(name) for name in ("SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR")]
    arguments = [
        *jvm.options(java),
        *more_options,
        sizes.collector(),
        f"-Xmx{settings['spark.driver.memory']}",
        *(["-Xmn64m"] if sizes.low_memory() else []),  # else a third of the heap fills before anything is tidied up
        f"-Djava.io.tmpdir={folder}",
        f"-XX:ErrorFile={folder / 'java-crash.log'}",
        f"-Dderby.system.home={folder}",
        f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
        "-cp",
        os.pathsep.join([*jvm.class_path(), *map(str, more_jars), *filter(None, own_settings)]),
    ]
    file = jvm.write_arguments(folder / "java.options", arguments)
    command = [str(java.command), f"@{file}", "org.apache.spark.deploy.SparkSubmit"]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command.append("pyspark-shell")

    variables = environment.of_jvm(
        SPARK_HOME=str(jvm.spark_home()),
        SPARK_SCALA_VERSION="2.13",
        SPARK_CONNECT_MODE="0",
        PYSPARK_PYTHON=sys.executable,
        JAVA_HOME=str(java.home),
        _PYSPARK_DRIVER_CONN_INFO_PATH=str(folder / "gateway"),
    )
    if stays_here:
        variables["SPARK_LOCAL_IP"] = "127.0.0.1"  # the Spark UI listens where this says
    # A group of its own: Ctrl-C in a terminal and "interrupt" in the lab are for Python, not for the JVM.
    own_group = {"creationflags": 0x08000200} if os.name == "nt" else {"process_group": 0}
    with (folder / "spark.log").open("wb") as log:
        # The JVM reads this pipe and ends when it closes, which the system does however this process ends.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, env=variables, **own_group)


def _gateway(process: subprocess.Popen, folder: Path):
    """Connect Python to the JVM when it is ready."""
    import pyarrow  # noqa: F401  # what a session (it looks for pandas by way of its tests) and a first job need:
    import pyspark.testing.utils  # noqa: F401  # now, while Java starts
    from pyspark.java_gateway import launch_gateway
    from pyspark.serializers import UTF8Deserializer, read_int

    ready = folder / "gateway"  # written beside and then renamed: when it is there it is whole
    limit = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > limit:
            raise _JavaEndedError(_why(folder))
        time.sleep(0.01)
    with ready.open("rb") as info:
        port, secret = read_int(info), UTF8Deserializer().loads(info)
    os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"] = str(port), secret
    try:
        gateway = launch_gateway()
    finally:
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
    gateway.proc = process
    return gateway


def _has_ended(process: subprocess.Popen) -> bool:
    """Whether it has ended by itself, or does within a moment."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return False
    return True


def _why(folder: Path) -> str:
    """Say in a line why Spark did not start, by the line of its log that most likely tells."""
    lines = (folder / "spark.log").read_text(errors="replace").splitlines()
    no_reasons = r"Error: (Could not create the Java|A fatal exc)|.* WARN "
    lines = [line for line in lines if not re.match(no_reasons, line)] or ["it ended without a word: is memory short?"]
    telling = [line for line in lines if re.match(r"\S.*(Exception|Error)\b", line)] or lines
    return f"Java started but Spark did not: {telling[-1].strip()}"


def _end(process: subprocess.Popen, patience: float = 20) -> None:
    """Let the JVM end and wait until it has."""
    if process.stdin:
        _quietly(process.stdin.close)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leave_to_parent(running: _Running) -> None:
    """In a forked process: let go of the parent's JVM without ending it."""
    if running.process is not None:
        _quietly(running.process.stdin.close)  # our copy; the parent's keeps the JVM alive
        running.process.returncode = 0  # it is not ours to wait for
    _forget()


def _forget() -> None:
    """Make PySpark forget the JVM that has gone, or that belongs to the process we were forked from."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None
    os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)
    if remote := sys.modules.get("pyspark.sql.connect.session"):
        remote.SparkSession._default_session = remote.SparkSession._active_session.session = None


def _quietly(function) -> None:
    """Call it; on the way out, what is gone already is no error."""
    with contextlib.suppress(Exception):
        function()


# ---- Spark Connect ---------------------------------------------------------------------------------------------------


def _connect(app: str, address: str) -> _Running:
    host, port = addresses.hosts(address)[0]
    if host in addresses.LOOPBACK:
        environment.reach_this_machine_directly()
    # With a token PySpark asks for TLS at 127.0.0.1, but not at localhost.
    url = address.replace("127.0.0.1", "localhost", 1) if host == "127.0.0.1" else address
    from pyspark.sql import SparkSession

    try:
        session = SparkSession.builder.remote(url).appName(app).getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
    except Exception as error:
        _forget()
        details = re.search(r'details = "(.*)"', str(error))  # in the middle of gRPC's text
        reason = details[1] if details else str(error).strip().splitlines()[0]
        raise CourseError(f"Spark Connect at {host}:{port} did not accept the session: {reason}") from None
    return _Running(os.getpid(), address, session)


atexit.register(stop_spark)
