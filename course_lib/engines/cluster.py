"""A real Spark cluster, and a Spark Connect server, on this machine: Spark's own classes as processes on loopback.

    with local_cluster(workers=2) as cluster:
        spark = get_spark(master=cluster.url)

In a notebook an engine is kept over many cells: ``cluster = local_cluster()``, at the end ``cluster.stop()``.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

from course_lib.engines import jars, jvm, processes, session
from course_lib.engines.processes import Engine
from course_lib.errors import CourseError

_MIB = 2**20
_LEAST_MEMORY_MIB = 512  # Spark starts no executor below 450
# Resident memory beyond the heap, as benchmarks/engines.py finds it: of a master or worker, of an executor with Python.
_DAEMON_BYTES = 200 * _MIB
_EXECUTOR_BYTES = 250 * _MIB
_CONNECT = "org.apache.spark.sql.connect.service"
_DAEMON_OPTIONS = ("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # they only pass messages


class Cluster(Engine):
    """A standalone cluster: a master and its workers.

    Attributes
    ----------
    url : str
        What `get_spark` takes as master: ``spark://127.0.0.1:port``.
    ui : str
        Address of the master's page.
    logs : pathlib.Path
        Folder with a log of each process.
    """

    _kind, _title = "cluster", "Spark cluster"

    def __init__(self, workers: int, cores: int, memory_mib: int, port: int):
        super().__init__()
        self._cores, self._memory_mib = cores, memory_mib
        self._workers: dict[int, str] = {}  # process id to name, oldest first
        self._started = 0
        with self._stopped_on_failure():
            words = ["--host", "127.0.0.1", "--port", port, "--webui-port", 0]
            self._master = self._start_class("master", "master.Master", words)
            self.url, self.ui = self._wait_until(self._addresses, "it was up", {"master": self._master})
            self._start_workers(workers)

    def workers(self):
        """Show the workers as the master sees them.

        Returns
        -------
        pandas.DataFrame
            One row for each worker that has registered, lost ones too: ``state`` (ALIVE or DEAD), ``cores`` and
            ``memory_mb`` that it lends, ``cores_used``, ``memory_mb_used``, and ``ui``, the address of its page.
        """
        import pandas as pd

        columns = {"cores": "cores", "coresused": "cores_used", "memory": "memory_mb", "memoryused": "memory_mb_used"}
        table = pd.DataFrame(sorted(self._status()["workers"], key=lambda worker: worker["id"]))
        return table[["state", *columns, "webuiaddress"]].rename(columns={**columns, "webuiaddress": "ui"})

    def add_worker(self) -> None:
        """Start one more worker, as large as the others, and wait until the master counts it.

        Raises
        ------
        CourseError
            Where there is not enough memory for it.
        """
        _must_have_memory(1, self._memory_mib)
        self._start_workers(1)

    def kill_worker(self) -> None:
        """Kill the oldest worker with its executors, as when a machine is lost, and wait until the master has noticed.

        Raises
        ------
        CourseError
            Where no worker is left.
        """
        if not self._workers:
            raise CourseError("No worker is left to be killed: add one with add_worker().")
        oldest = next(iter(self._workers))
        del self._workers[oldest]
        self._kill(oldest)
        self._wait_for_workers("it noticed the loss")

    def stop(self) -> None:
        """End every process and remove what they wrote; this process's session on the cluster is stopped first."""
        _stop_session(getattr(self, "url", None))
        super().stop()

    def is_alive(self) -> bool:
        """Say whether the master answers."""
        return processes.ask_json(f"{self.ui}/json/") is not None

    def _start_workers(self, number: int) -> None:
        for _ in range(number):
            self._started += 1
            name = f"worker-{self._started}"
            words = ["--host", "127.0.0.1", "--webui-port", 0, "--work-dir", self._folder / "work"]
            words += ["--cores", self._cores, "--memory", f"{self._memory_mib}m", self.url]
            self._workers[self._start_class(name, "worker.Worker", words)] = name
        self._wait_for_workers("all workers were registered")
        lent = {"workers": len(self._workers), "cores": self._cores, "memory_mib": self._memory_mib}
        self._write_note(url=self.url, ui=self.ui, **lent)

    def _wait_for_workers(self, what: str) -> None:
        needed = {"master": self._master} | {name: pid for pid, name in self._workers.items()}
        self._wait_until(lambda: self._status()["aliveworkers"] == len(self._workers), what, needed)

    def _status(self) -> dict:
        return processes.ask_json(f"{self.ui}/json/") or {"aliveworkers": -1, "workers": []}

    def _addresses(self) -> tuple[str, str] | None:
        """Give the address of the master and of its page, once both answer."""
        url = self._logged("master", r"Starting Spark master at (spark://\S+)")
        ui = self._logged("master", r"Bound MasterWebUI to .*started at (http://\S+)")
        return (url, ui) if url and ui and processes.ask_json(f"{ui}/json/") else None

    def _executor_options(self) -> Path:
        """Write the options that executors get beyond Spark's: quick starts, and nothing left outside our folder."""
        more = [session._collector(), *jvm.archive_options(self._java), f"-Djava.io.tmpdir={self._folder}"]
        return jvm.write_arguments(self._folder / "executor.options", [*jvm.options(self._java), *more])

    def _start_class(self, name: str, of: str, words: list) -> int:
        # A port that was named is the port or none; the REST door for submissions, at a fixed port, stays shut.
        options = [*_DAEMON_OPTIONS, "-Dspark.port.maxRetries=0", "-Dspark.master.rest.enabled=false"]
        main = [f"org.apache.spark.deploy.{of}", *map(str, words)]
        command = self._java_command(name, main, options)
        environment = {
            "SPARK_HOME": str(jvm.spark_home()),
            "SPARK_SCALA_VERSION": "2.13",  # else executors look for a source tree of Spark
            "SPARK_LOCAL_IP": "127.0.0.1",  # pages listen where this says
            "SPARK_LOCAL_DIRS": str(self._folder / "executors"),
            "JAVA_HOME": str(self._java.home),
            "JDK_JAVA_OPTIONS": f'"@{self._executor_options()}"',  # a worker hands it on to its executors
        }
        return self._start(name, command, environment)


def local_cluster(workers: int = 2, cores: int = 1, memory: str = "1g", port: int = 0) -> Cluster:
    """Start a Spark cluster on this machine.

    Parameters
    ----------
    workers : int
        How many worker processes, each with one executor once an application runs; 1 or more.
    cores : int
        How many tasks a worker runs at a time. Together they may be more than the machine has.
    memory : str
        Memory of each executor's heap, such as ``512m`` or ``2g``; 512m or more.
    port : int
        The master's port; 0 stands for a free one.

    Returns
    -------
    Cluster
        All workers are registered. It is a context manager: leaving it ends the cluster.

    Raises
    ------
    CourseError
        No Java, a port that is taken, or not enough memory or disk, before anything is started; or a process that does
        not come up, with what it said.

    Examples
    --------
    >>> with local_cluster(workers=2) as cluster:            # doctest: +SKIP
    ...     get_spark(master=cluster.url).range(1000).count()
    ...     stop_spark()
    1000
    """
    if workers < 1 or cores < 1:
        raise CourseError(f"A cluster of {workers} workers with {cores} cores each: both must be 1 or more.")
    memory_mib = _mebibytes(memory)
    processes.must_be_free(port)
    _must_have_memory(workers, memory_mib, masters=1)
    processes.must_have_disk(1e9, "A Spark cluster")
    return Cluster(workers, cores, memory_mib, port)


def _must_have_memory(workers: int, memory_mib: int, masters: int = 0) -> None:
    needed = workers * (_DAEMON_BYTES + _EXECUTOR_BYTES + memory_mib * _MIB) + masters * _DAEMON_BYTES
    what = f"{workers} Spark worker{'s' * (workers > 1)} with {memory_mib} MiB for executors"
    advice = f"take fewer, or less memory for each ({_LEAST_MEMORY_MIB}m is the least), or close other programs"
    processes.must_have_memory(needed, what, advice)


def _stop_session(url: str | None) -> None:
    """Stop this process's session if it runs there: without its engine it would wait for ever."""
    if url and session._running and session._running.master == url:
        session.stop_spark()


def _mebibytes(memory: str) -> int:
    match = re.fullmatch(r"(\d+)\s*([mg])b?", str(memory).strip().lower())
    mebibytes = int(match[1]) * (1024 if match[2] == "g" else 1) if match else 0
    if mebibytes < _LEAST_MEMORY_MIB:
        raise CourseError(f"{memory!r} as a worker's memory: write '{_LEAST_MEMORY_MIB}m' or more, such as '1g'.")
    return mebibytes


# ---- Spark Connect ---------------------------------------------------------------------------------------------------


class ConnectServer(Engine):
    """A Spark Connect server.

    Attributes
    ----------
    url : str
        What `get_spark` takes as master: ``sc://localhost:port/;token=...``. Without the token the server refuses.
    logs : pathlib.Path
        Folder with the server's log.
    """

    _kind, _title = "connect", "Spark Connect server"

    def __init__(self, master: str, port: int, delta: bool):
        super().__init__()
        self._master, self._delta, self._token = master, delta, secrets.token_urlsafe(16)
        with self._stopped_on_failure():
            self._begin(port)
            self._write_note(url=self.url, master=master)

    @property
    def url(self) -> str:
        """Where clients connect; localhost, because at 127.0.0.1 PySpark's turns to TLS when there is a token."""
        return f"sc://localhost:{self._port}/;token={self._token}"

    def stop(self) -> None:
        """End the server and remove what it wrote; this process's session on it is stopped first."""
        _stop_session(self.url if hasattr(self, "_port") else None)
        super().stop()

    def is_healthy(self) -> bool:
        """Ask the server for its version, with the token, as a client would; False where it does not say within 5 s."""
        return ask_version(self.url) is not None

    def kill(self) -> None:
        """Kill the server; its clients lose their sessions. `restart` brings it back."""
        self._kill(self._server)

    def restart(self) -> None:
        """End the server, where it runs, and start it again at the same URL. Sessions and views are gone."""
        self.kill()
        self._begin(self._port)

    def _begin(self, port: int) -> None:
        delta_jars = jars.delta() if self._delta else []
        settings = session._settings(self._master, self._folder, delta_jars)
        settings |= {"spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port)}
        main = ["org.apache.spark.deploy.SparkSubmit", "--class", f"{_CONNECT}.SparkConnectServer"]
        for name, value in settings.items():
            main += ["--conf", f"{name}={value}"]
        options = [session._collector(), f"-Xmx{settings['spark.driver.memory']}"]
        environment = {
            "SPARK_HOME": str(jvm.spark_home()),
            "SPARK_SCALA_VERSION": "2.13",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self._token,
            "PYSPARK_PYTHON": sys.executable,
            "JAVA_HOME": str(self._java.home),
        }
        (self.logs / "server.log").unlink(missing_ok=True)  # a former run names its port there
        command = self._java_command("server", [*main, "spark-internal"], options, delta_jars)
        self._server = self._start("server", command, environment)
        self._port = self._wait_until(self._listening, "it answered", {"server": self._server})

    def _listening(self) -> int | None:
        port = self._logged("server", r"Spark Connect server started at: \S*?:(\d+)")
        if port and ask_version(f"sc://localhost:{port}/;token={self._token}"):
            return int(port)
        return None


def connect_server(master: str | None = None, port: int = 0, delta: bool = False) -> ConnectServer:
    """Start a Spark Connect server on this machine that asks its clients for a token.

    Parameters
    ----------
    master : str, optional
        Where its Spark runs: by default on this machine's cores, or on a cluster, as ``cluster.url``.
    port : int
        The server's port; 0 stands for a free one.
    delta : bool
        Whether it knows Delta Lake.

    Returns
    -------
    ConnectServer
        It has answered. It is a context manager: leaving it ends the server.

    Raises
    ------
    CourseError
        No Java, a port that is taken, not enough memory or disk, or jars missing; or a server that does not come up,
        with what it said.

    Examples
    --------
    >>> with connect_server() as server:                     # doctest: +SKIP
    ...     get_spark(master=server.url).range(1000).count()
    ...     stop_spark()
    1000
    """
    master = master or f"local[{session._cores()}]"
    if delta:
        jars.delta()  # says what is missing before anything starts
    processes.must_be_free(port)
    heap = session._heap_mib() * _MIB
    processes.must_have_memory(heap + _EXECUTOR_BYTES, "A Spark Connect server", "close other programs")
    processes.must_have_disk(1e9, "A Spark Connect server")
    session._must_answer(master)
    return ConnectServer(master, port, delta)


def ask_version(url: str) -> str | None:
    """Ask a Spark Connect server for the version of its Spark.

    Parameters
    ----------
    url : str
        ``sc://localhost:port/;token=...``, on this machine.

    Returns
    -------
    str or None
        None where nothing answers within 5 seconds, or the token is refused.
    """
    import grpc
    from pyspark.sql.connect.proto import base_pb2, base_pb2_grpc

    address, _, token = url.removeprefix("sc://").partition("/;token=")
    who = {"session_id": str(uuid.uuid4()), "user_context": base_pb2.UserContext(user_id="health")}
    question = base_pb2.AnalyzePlanRequest(spark_version=base_pb2.AnalyzePlanRequest.SparkVersion(), **who)
    allowed = {"metadata": [("authorization", f"Bearer {token}")], "timeout": 5}
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        server = base_pb2_grpc.SparkConnectServiceStub(channel)
        try:
            answer = server.AnalyzePlan(question, **allowed)
            server.ReleaseSession(base_pb2.ReleaseSessionRequest(**who), **allowed)
        except grpc.RpcError:
            return None
    return answer.spark_version.version


# ---- an engine that stays when the command that started it has ended: ``course cluster`` -----------------------------


def start_held(workers: int, cores: int, memory: str, port: int, connect: bool) -> list[dict]:
    """Start a cluster that runs until `stop_held`, in a process of its own; one for a person at a time.

    Parameters
    ----------
    workers, cores, memory, port
        As for `local_cluster`.
    connect : bool
        Whether a Spark Connect server shall run on it.

    Returns
    -------
    list of dict
        Its notes: see `processes.notes`.

    Raises
    ------
    CourseError
        What `local_cluster` and `connect_server` raise, or where one runs already.
    """
    if running := held():
        raise CourseError(f"A cluster runs already at {running[0]['url']}: `course cluster stop` ends it.")
    wanted = {"workers": workers, "cores": cores, "memory": memory, "port": port, "connect": connect}
    own_group = {"creationflags": 0x08000200} if os.name == "nt" else {"start_new_session": True}
    holder = subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(wanted)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **own_group,
    )
    try:
        said = json.loads(holder.stdout.readline() or '{"problem": "The process that was to hold the cluster ended."}')
    except BaseException:  # Ctrl-C while it starts
        holder.kill()
        raise
    if "problem" in said:
        raise CourseError(said["problem"])
    holder.stdout.close()
    holder.returncode = 0  # it is not ours to wait for
    return held()


def stop_held() -> bool:
    """End what `start_held` started and wait until all of it has gone; False where nothing ran."""
    running = held()
    for note in running:
        if processes.is_same_process(**note["owner"]):  # never a later process with the same number
            with contextlib.suppress(psutil.Error):
                psutil.Process(note["owner"]["pid"]).terminate()
    for note in running:
        for process in (note["owner"], note["keeper"]):
            while processes.is_same_process(**process):
                time.sleep(0.1)
    return bool(running)


def held() -> list[dict]:
    """List the notes of what `start_held` started and still runs, the cluster first."""
    return sorted((note for note in processes.notes() if note.get("held")), key=lambda note: note["kind"])


def _hold(workers: int, cores: int, memory: str, port: int, connect: bool) -> None:
    """Be the process that the cluster ends with: start it, say so on standard output, and stay until told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as engines:
        try:
            cluster = engines.enter_context(local_cluster(workers, cores, memory, port))
            running = [cluster]
            if connect:
                running.append(engines.enter_context(connect_server(cluster.url)))
            for engine in running:
                engine._write_note(held=True)
        except CourseError as error:
            print(json.dumps({"problem": str(error)}), flush=True)
            return
        print("{}", flush=True)
        while cluster.is_alive():
            time.sleep(1)


if __name__ == "__main__":
    _hold(**json.loads(sys.argv[1]))
