"""A real HDFS on this machine: Hadoop's own NameNode and DataNodes as processes on loopback.

with hdfs(data_nodes=2) as store:
    store.use_with(spark)
    flights.write.parquet(f"{store.url}/lake/flights")
    store.blocks("/lake/flights")
"""

import json
import re
import socket
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import quote

from course_lib.engines import jars, paths, processes, refusals
from course_lib.engines.processes import Engine
from course_lib.errors import CourseError

_MIB = 2**20
_NODE_BYTES = 300 * _MIB  # resident memory of a NameNode or DataNode, as benchmarks/engines.py finds it
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # they only pass bytes and messages
_USER = "hdfs"  # whom the NameNode obeys; permissions are off, so that anybody's files are everybody's


@dataclass(frozen=True)
class Health:
    """What the NameNode says of the whole store.

    Attributes
    ----------
    live_nodes, dead_nodes : int
        DataNodes that it hears from, and that it has given up.
    blocks : int
        Blocks of all files.
    under_replicated : int
        Blocks with fewer replicas than their file asks for.
    missing : int
        Blocks without any replica.
    safe_mode : bool
        Whether it only reads, as it does until it has heard of its blocks.
    """

    live_nodes: int
    dead_nodes: int
    blocks: int
    under_replicated: int
    missing: int
    safe_mode: bool


class Hdfs(Engine):
    """A NameNode and its DataNodes.

    Attributes
    ----------
    url : str
        Where Spark reads and writes: ``hdfs://127.0.0.1:port``.
    ui : str
        Address of the NameNode's page.
    logs : pathlib.Path
        Folder with a log of each process.
    """

    _kind, _title = "hdfs", "HDFS"

    def __init__(self, data_nodes: int, block_mib: int, port: int):
        super().__init__()
        self._block_mib, self._replication = block_mib, data_nodes
        self._data_nodes: dict[int, str] = {}  # process id to name, oldest first
        self._started = 0
        self._jar, self._conf = jars.jar("hadoop_minicluster"), self._folder / "conf"
        # Hadoop asks for the address of this machine's name, which need not have any.
        self._hosts = self._folder / "hosts"
        self._hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        with self._stopped_on_failure():
            self._conf.mkdir()
            self._write_settings(port)
            formatting = self._start_class("format", [_NAME_NODE, "-format", "-nonInteractive"])
            self._wait_until(lambda: self._has_ended(formatting), "its disk was formatted", {})
            self._name_node = self._start_class("name-node", [_NAME_NODE])
            self.url, self.ui = self._wait_until(self._addresses, "it was up", {"name-node": self._name_node})
            self._write_settings(int(self.url.rpartition(":")[2]))  # from here DataNodes learn which port it was given
            self._start_data_nodes(data_nodes)
            self._write_note(url=self.url, ui=self.ui, data_nodes=data_nodes)

    def use_with(self, spark) -> None:
        """Let a session write with this store's block size and number of replicas: the client decides them.

        Parquet's row groups become as small as a block, because its writer asks for blocks that hold a row group.

        Parameters
        ----------
        spark : pyspark.sql.SparkSession
            Classic or Spark Connect; before it first touches this store.
        """
        row_groups = {"parquet.block.size": str(self._block_mib * _MIB), "parquet.writer.max-padding": "0"}
        for name, value in (self._client_settings() | row_groups).items():
            spark.conf.set(name, value)

    def read_url(self, path: str) -> str:
        """Give the address at which any program reads a file over HTTP (WebHDFS), such as ``pandas.read_parquet``.

        For seconds after a DataNode is lost it may lead there in vain: only Hadoop's own client, which Spark uses,
        turns to another replica. ``wait_for(live_nodes=...)`` first.

        Parameters
        ----------
        path : str
            A file of the store: ``/lake/flights/part-0.parquet``.
        """
        return f"{self.ui}/webhdfs/v1{quote(_absolute(path))}?op=OPEN&user.name={_USER}"

    def files(self, path: str = "/"):
        """List the files below a path.

        Parameters
        ----------
        path : str
            A folder or a file of the store.

        Returns
        -------
        pandas.DataFrame
            One row a file: ``file``, ``bytes``, ``blocks``, ``under_replicated`` (blocks with fewer live replicas than
            wanted).
        """
        blocks = self.blocks(path)
        blocks["under_replicated"] = blocks["replicas"] < blocks["wanted"]
        of_file = blocks.groupby("file", as_index=False)
        return of_file.agg(
            bytes=("bytes", "sum"), blocks=("block", "size"), under_replicated=("under_replicated", "sum")
        )

    def blocks(self, path: str = "/"):
        """List the blocks below a path and where their replicas lie, as Hadoop's ``fsck`` finds them.

        Parameters
        ----------
        path : str
            A folder or a file of the store.

        Returns
        -------
        pandas.DataFrame
            One row a block: ``file``, ``block`` (its number in the file), ``bytes``, ``wanted`` and ``replicas`` (how
            many there should be and how many live), ``data_nodes`` (addresses of the DataNodes that hold one).

        Raises
        ------
        CourseError
            Where there is no such path.
        """
        import pandas as pd

        report = self.fsck(path)
        if "does not exist" in report and "Status:" not in report:
            raise CourseError(f"There is no {path} in {self.url}; files('/') lists what there is.")
        rows, file, wanted = [], None, 0
        for line in report.splitlines():
            if match := re.match(r"(/.*) \d+ bytes, replicated: replication=(\d+), \d+ block\(s\)", line):
                file, wanted = match[1], int(match[2])
            elif match := re.match(r"(\d+)\. \S+ len=(\d+)(.*)", line):
                nodes = re.findall(r"\[([\d.]+:\d+),", match[3])
                rows.append((file, int(match[1]), int(match[2]), wanted, len(nodes), ", ".join(sorted(nodes))))
        return pd.DataFrame(rows, columns=["file", "block", "bytes", "wanted", "replicas", "data_nodes"])

    def fsck(self, path: str = "/") -> str:
        """Give the report of Hadoop's ``fsck`` as it prints it.

        Parameters
        ----------
        path : str
            A folder or a file of the store.
        """
        # What `hdfs fsck -files -blocks -locations` does: the NameNode makes the report and the tool prints it.
        address = f"{self.ui}/fsck?ugi={_USER}&files=1&blocks=1&locations=1&path={quote(_absolute(path))}"
        report = processes.ask_text(address, seconds=30)
        if report is None:
            raise CourseError("The NameNode does not answer: has the store been stopped?")
        return report

    def health(self) -> Health:
        """Ask the NameNode how the store is."""
        return self._look()[0]

    def _look(self) -> tuple[Health, bool]:
        """Give the health, and whether replicas on dead DataNodes count no more: for seconds they still do."""
        said = self._ask_name_node("FSNamesystemState") | self._ask_name_node("NameNodeInfo")
        if not said:
            raise CourseError("The NameNode does not answer: has the store been stopped?")
        # Counted by fsck, when asked: the NameNode's own count is brought up to date once a second only.
        report = self.fsck("/")
        under_replicated = re.search(r"Under-replicated blocks:\s+(\d+)", report)
        settled = not any(f"[{node['xferaddr']}," in report for node in json.loads(said["DeadNodes"]).values())
        health = Health(
            live_nodes=said["NumLiveDataNodes"],
            dead_nodes=said["NumDeadDataNodes"],
            blocks=said["BlocksTotal"],
            under_replicated=int(under_replicated[1]) if under_replicated else 0,
            missing=said["NumberOfMissingBlocks"],
            safe_mode=bool(said["Safemode"]),
        )
        return health, settled

    def wait_for(self, **facts) -> Health:
        """Wait until `health` says so, such as ``wait_for(live_nodes=1)`` or ``wait_for(under_replicated=0)``.

        The NameNode gives a DataNode up 12 seconds after its last heartbeat (in Hadoop's defaults: 10.5 minutes).

        Parameters
        ----------
        **facts
            Fields of `Health` and what they shall be.
        """

        def holds() -> Health | None:
            health, settled = self._look()
            return health if settled and all(getattr(health, name) == value for name, value in facts.items()) else None

        what = " and ".join(f"{name} was {value}" for name, value in facts.items())
        return self._wait_until(holds, what, {"name-node": self._name_node})

    def kill_data_node(self) -> None:
        """Kill the oldest DataNode, as when a machine is lost.

        Reads go on at once, from other replicas. The NameNode notices later: ``wait_for(live_nodes=...)``.

        Raises
        ------
        CourseError
            Where none is left.
        """
        if not self._data_nodes:
            raise CourseError("No DataNode is left to be killed: add one with add_data_node().")
        oldest = next(iter(self._data_nodes))
        del self._data_nodes[oldest]
        self._kill(oldest)

    def add_data_node(self) -> None:
        """Start one more DataNode and wait until it is registered; missing replicas are then made on it.

        Raises
        ------
        CourseError
            Where there is not enough memory for it.
        """
        refusals.must_have_memory(_NODE_BYTES, "A DataNode", "close other programs")
        self._start_data_nodes(1)

    def _start_data_nodes(self, number: int) -> None:
        for _ in range(number):
            self._started += 1
            name = f"data-node-{self._started}"
            data = paths.address(self._folder / name)
            self._data_nodes[self._start_class(name, [_DATA_NODE, "-D", f"dfs.datanode.data.dir={data}"])] = name
        needed = {"name-node": self._name_node} | {name: pid for pid, name in self._data_nodes.items()}
        self._wait_until(self._is_ready, "its DataNodes were registered and it took writes", needed)

    def _is_ready(self) -> bool:
        health = self.health()
        # A killed DataNode counts as live for some seconds more, so count those that have ever been registered.
        return health.live_nodes + health.dead_nodes == self._started and not health.safe_mode

    def _start_class(self, name: str, main: list[str]) -> int:
        options = [*_OPTIONS, f"-Djdk.net.hosts.file={self._hosts}"]
        command = self._java_command(name, main, options, [self._jar, self._conf])
        return self._start(name, command, {"HADOOP_USER_NAME": _USER, "JAVA_HOME": str(self._java.home)})

    def _addresses(self) -> tuple[str, str] | None:
        """Give the addresses for files and of the page, once both answer."""
        port = self._logged("name-node", r"NameNode RPC up at: \S*?:(\d+)")
        page = self._logged("name-node", r"Jetty bound to port (\d+)")
        self.ui = f"http://127.0.0.1:{page}"
        return (f"hdfs://127.0.0.1:{port}", self.ui) if port and page and self._ask_name_node("NameNodeInfo") else None

    def _ask_name_node(self, what: str) -> dict:
        said = processes.ask_json(f"{self.ui}/jmx?qry=Hadoop:service=NameNode,name={what}")
        return said["beans"][0] if said and said["beans"] else {}

    def _client_settings(self) -> dict[str, str]:
        return {"dfs.replication": str(self._replication), "dfs.blocksize": str(self._block_mib * _MIB)}

    def _write_settings(self, port: int) -> None:
        here = "127.0.0.1:0"
        core = {"fs.defaultFS": f"hdfs://127.0.0.1:{port}", "hadoop.tmp.dir": self._folder / "hadoop"}
        own = {
            **self._client_settings(),
            "dfs.namenode.name.dir": (self._folder / "name-node").as_uri(),
            "dfs.namenode.http-address": here,
            "dfs.datanode.address": here,
            "dfs.datanode.http.address": here,
            "dfs.datanode.ipc.address": here,
            "dfs.datanode.hostname": "127.0.0.1",
            "dfs.permissions.enabled": "false",
            # A lost DataNode is given up after 2 rechecks and 10 heartbeats: 12 s.
            "dfs.heartbeat.interval": "1",
            "dfs.namenode.heartbeat.recheck-interval": "1000",
            "dfs.namenode.stale.datanode.interval": "3000",
            "dfs.namenode.redundancy.interval.seconds": "1",
        }
        for name, settings in (("core-site.xml", core), ("hdfs-site.xml", own)):
            root = ET.Element("configuration")
            for key, value in settings.items():
                entry = ET.SubElement(root, "property")
                ET.SubElement(entry, "name").text, ET.SubElement(entry, "value").text = key, str(value)
            ET.ElementTree(root).write(self._conf / name)


def hdfs(data_nodes: int = 2, block_mib: int = 1, port: int = 0) -> Hdfs:
    """Start an HDFS on this machine.

    Parameters
    ----------
    data_nodes : int
        How many DataNodes, 1 or more; it is also the number of replicas of each block.
    block_mib : int
        Size of a block in MiB, 1 or more; Hadoop's default is 128. Small, so that a lesson's file has several.
    port : int
        The NameNode's port; 0 stands for a free one.

    Returns
    -------
    Hdfs
        All DataNodes are registered and it takes writes. It is a context manager: leaving it ends the store and
        removes all files in it.

    Raises
    ------
    CourseError
        No Java, the jar missing or altered, a port that is taken, not enough memory or disk, before anything is
        started; or a process that does not come up, with what it said.

    Examples
    --------
    >>> with hdfs() as store:                                # doctest: +SKIP
    ...     store.use_with(spark)
    ...     flights.write.parquet(f"{store.url}/flights")
    ...     store.kill_data_node()
    ...     spark.read.parquet(f"{store.url}/flights").count()
    336776
    """
    if data_nodes < 1 or block_mib < 1:
        raise CourseError(f"HDFS with {data_nodes} DataNodes and blocks of {block_mib} MiB: both must be 1 or more.")
    jars.jar("hadoop_minicluster")
    refusals.must_be_free(port)
    refusals.temporary_folder_must_lack("'%", "HDFS")  # one ends a question to a shell, one begins a format
    advice = "take fewer DataNodes, or close other programs"
    refusals.must_have_memory((1 + data_nodes) * _NODE_BYTES, f"HDFS with {data_nodes} DataNodes", advice)
    refusals.system_must_allow("HDFS", 1e9)
    return Hdfs(data_nodes, block_mib, port)


def _absolute(path: str) -> str:
    """Give the path within the store of a path or a whole ``hdfs://`` address."""
    return "/" + re.sub(r"hdfs://[^/]*", "", path).lstrip("/")
