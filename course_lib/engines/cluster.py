"""A real Spark cluster on this machine: Spark's own master and workers as processes on loopback.

    with local_cluster(workers=2) as cluster:
        spark = get_spark(master=cluster.url)

In a notebook an engine is kept over many cells: ``cluster = local_cluster()``, at the end ``cluster.stop()``.
"""

from pathlib import Path

from course_lib.engines import jvm, processes, refusals, session, sizes
from course_lib.engines.addresses import LOOPBACK
from course_lib.engines.processes import Engine
from course_lib.errors import CourseError

_MIB = 2**20
_LEAST_MEMORY_MIB = 512  # Spark starts no executor below 450
# Resident memory beyond the heap, as benchmarks/engines.py finds it: of a master or worker, of an executor with Python.
_DAEMON_BYTES = 200 * _MIB
_EXECUTOR_BYTES = 250 * _MIB
_DAEMON_OPTIONS = ("-Xmx192m", "-Xmn16m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # they only pass messages


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

    def __init__(self, workers: int, cores: int, memory_mib: int, port: int, hosts: int = 1):
        super().__init__()
        self._cores, self._memory_mib = cores, memory_mib
        self._hosts = LOOPBACK[:hosts]
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
        session.stop_if_on(getattr(self, "url", None))
        super().stop()

    def is_alive(self) -> bool:
        """Say whether the master answers."""
        return processes.ask_json(f"{self.ui}/json/") is not None

    def _start_workers(self, number: int) -> None:
        for _ in range(number):
            self._started += 1
            name = f"worker-{self._started}"
            host = self._hosts[(self._started - 1) % len(self._hosts)]
            words = ["--host", host, "--webui-port", 0, "--work-dir", self._folder / "work"]
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
        more = [sizes.collector(), *jvm.archive_options(self._java), f"-Djava.io.tmpdir={self._folder}"]
        return jvm.write_arguments(self._folder / "executor.options", [*jvm.options(self._java), *more])

    def _start_class(self, name: str, of: str, words: list) -> int:
        # A port that was named is the port or none; the REST door for submissions, at a fixed port, stays shut.
        options = [*_DAEMON_OPTIONS, "-Dspark.port.maxRetries=0", "-Dspark.master.rest.enabled=false"]
        main = [f"org.apache.spark.deploy.{of}", *map(str, words)]
        command = self._java_command(name, main, options)
        variables = {
            "SPARK_HOME": str(jvm.spark_home()),
            "SPARK_SCALA_VERSION": "2.13",  # else executors look for a source tree of Spark
            "SPARK_LOCAL_IP": "127.0.0.1",  # pages listen where this says
            "MALLOC_ARENA_MAX": "2",  # else each thread of a JVM may keep memory of its own
            "SPARK_LOCAL_DIRS": str(self._folder / "executors"),
            "JAVA_HOME": str(self._java.home),
            "JDK_JAVA_OPTIONS": f'"@{self._executor_options()}"',  # a worker hands it on to its executors
        }
        return self._start(name, command, variables)


def local_cluster(workers: int = 2, cores: int = 1, memory: str = "1g", port: int = 0, hosts: int = 1) -> Cluster:
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
    hosts : int
        1, or 2: then every second worker calls this machine ``localhost`` instead of ``127.0.0.1``, and Spark takes
        them for two machines. It starts second copies of slow tasks on another machine only.

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
    if not 1 <= hosts <= len(LOOPBACK):
        raise CourseError(f"hosts={hosts}: this machine can pass for 1 host or for {len(LOOPBACK)}.")
    memory_mib = sizes.mebibytes(memory, "a worker's memory", _LEAST_MEMORY_MIB)
    refusals.must_be_free(port)
    _must_have_memory(workers, memory_mib, masters=1)
    refusals.system_must_allow("A Spark cluster", 1e9)
    return Cluster(workers, cores, memory_mib, port, hosts)


def _must_have_memory(workers: int, memory_mib: int, masters: int = 0) -> None:
    needed = workers * (_DAEMON_BYTES + _EXECUTOR_BYTES + memory_mib * _MIB) + masters * _DAEMON_BYTES
    what = f"{workers} Spark worker{'s' * (workers > 1)} with {memory_mib} MiB for executors"
    advice = f"take fewer, or less memory for each ({_LEAST_MEMORY_MIB}m is the least), or close other programs"
    refusals.must_have_memory(needed, what, advice)
