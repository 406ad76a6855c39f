"""A Spark Connect server on this machine: Spark's own class as a process on loopback, which asks for a token."""

import secrets
import sys
import uuid

from course_lib.engines import addresses, jars, jvm, refusals, session, sizes
from course_lib.engines.processes import Engine

_MIB = 2**20
_BEYOND_HEAP_BYTES = 250 * _MIB  # resident memory with Python's, as benchmarks/engines.py finds it
_CONNECT = "org.apache.spark.sql.connect.service"


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
        session.stop_if_on(self.url if hasattr(self, "_port") else None)
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
        options = [sizes.collector(), f"-Xmx{settings['spark.driver.memory']}"]
        variables = {
            "SPARK_HOME": str(jvm.spark_home()),
            "SPARK_SCALA_VERSION": "2.13",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self._token,
            "PYSPARK_PYTHON": sys.executable,
            "JAVA_HOME": str(self._java.home),
        }
        (self.logs / "server.log").unlink(missing_ok=True)  # a former run names its port there
        command = self._java_command("server", [*main, "spark-internal"], options, delta_jars)
        self._server = self._start("server", command, variables)
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
    master = master or f"local[{sizes.cores()}]"
    if delta:
        jars.delta()  # says what is missing before anything starts
    refusals.must_be_free(port)
    heap = sizes.heap_mib() * _MIB
    refusals.must_have_memory(heap + _BEYOND_HEAP_BYTES, "A Spark Connect server", "close other programs")
    refusals.system_must_allow("A Spark Connect server", 1e9)
    addresses.must_answer(master)
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
