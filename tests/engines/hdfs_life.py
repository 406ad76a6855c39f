"""What a process of its own tells of an HDFS; run by test_hdfs.py."""

import dataclasses
import json
import socket
from pathlib import Path

import pandas as pd
import psutil

from course_lib import CourseError, get_spark, stop_spark
from course_lib.data import catalogue
from course_lib.engines import paths
from course_lib.engines.hdfs import hdfs

told = {}
try:
    told["the name has an address"] = socket.gethostbyname(socket.gethostname())
except OSError:
    told["the name has an address"] = ""


def bytes_of(folder: str) -> list:
    """The SHA-256 of each file, read by Spark's HDFS client."""
    files = get_spark().read.format("binaryFile").load(folder)
    return sorted([row[0], row[1]] for row in files.selectExpr("path", "sha2(content, 256)").collect())


def summary(folder: str) -> list:
    return list(
        get_spark().read.parquet(folder).selectExpr("count(*)", "sum(distance)", "max(time_hour)::string").first()
    )


with hdfs(data_nodes=2) as store:
    spark = get_spark(master="local[2]")
    store.use_with(spark)
    original = paths.to_read(catalogue.fetch("flights"))
    lake = f"{store.url}/lake/flights"
    told["original"] = summary(original)
    spark.read.parquet(original).write.parquet(lake)
    told["written"] = summary(lake)
    told["blocks"] = store.blocks("/lake").to_dict("records")
    told["files"] = store.files(lake).to_dict("records")
    told["health"] = [dataclasses.asdict(store.health())]
    told["bytes"] = [bytes_of(lake)]
    told["listens at"] = sorted(
        {
            connection.laddr.ip
            for process in psutil.Process().children(recursive=True)
            for connection in process.net_connections()
            if connection.status == "LISTEN"
        }
    )
    smallest = store.files(lake).sort_values("bytes")["file"].iloc[0]
    told["rows of a file"] = [
        len(pd.read_parquet(store.read_url(smallest))),
        spark.read.parquet(store.url + smallest).count(),
    ]
    try:
        store.blocks("/nothing")
    except CourseError as error:
        told["no such path"] = str(error)

    store.kill_data_node()
    told["bytes"].append(bytes_of(lake))  # at once: the NameNode does not know yet
    told["health"].append(dataclasses.asdict(store.wait_for(live_nodes=1)))
    told["bytes"].append(bytes_of(lake))
    told["files after the loss"] = store.files(lake).to_dict("records")
    told["fsck after the loss"] = store.fsck(lake)
    store.add_data_node()
    told["health"].append(dataclasses.asdict(store.wait_for(under_replicated=0)))
    told["bytes"].append(bytes_of(lake))
    stop_spark()
    folder = store.logs.parent

told["left"] = [process.name() for process in psutil.Process().children(recursive=True)]
told["left"] += [str(path) for path in (folder, Path("spark-warehouse")) if path.exists()]
print(json.dumps(told, default=str))
