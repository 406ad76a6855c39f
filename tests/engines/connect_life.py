"""What a process of its own tells of Spark Connect; run by test_connect.py."""

import contextlib
import json
import os
import time
from datetime import date
from pathlib import Path

import psutil
from pyspark.sql import functions as f
from sklearn.linear_model import LogisticRegression

from course_lib import CourseError, get_spark, load, stages_of, stop_spark
from course_lib.data import catalogue
from course_lib.engines import paths
from course_lib.engines.connect import connect_server
from course_lib.serving import schema
from course_lib.streams import batch, decisions

told = {}


def summary() -> list:
    flights = get_spark().read.parquet(paths.to_read(catalogue.fetch("flights")))
    return sorted(list(row) for row in flights.groupBy("carrier").agg(f.count("*"), f.sum("distance")).collect())


def refusal_of_stages(spark) -> str:
    try:
        with stages_of(spark):
            return ""
    except CourseError as error:
        return str(error)


def refusal(url: str, **options) -> dict:
    begin = time.perf_counter()
    try:
        get_spark(master=url, **options)
    except CourseError as error:
        return {"line": str(error), "seconds": time.perf_counter() - begin}
    stop_spark()
    return {"line": "", "seconds": 0}


def batch_job() -> dict:
    day = date(2013, 11, 4)
    of_day = load("features").query("day == @day.isoformat()")
    landed = of_day[of_day["fate"].eq("landed")]
    learned = landed[["planned_minutes", "distance"]].astype("float32")
    model = LogisticRegression().fit(learned, landed["arr_delay"] >= 0)
    columns = schema.columns_of(learned)
    rules = {"threshold": 0.5, "version": 3}
    table, folder = load("features", engine="spark"), Path("decisions")
    done = batch.decide_days(table, model, columns, folder, first=day, last=day, **rules)
    direct = decisions.decide(model, columns, of_day, **rules)
    decided = batch.read_decisions(folder)
    equal = bool((decided == direct).all(axis=None))
    return {"days": [str(day) for day in done], "rows": len(decided), "as direct scoring": equal}


with connect_server(master="local[2]", delta=True) as server:
    address, token = server.url.split("/;token=")
    told["url"] = server.url
    told["healthy"] = [server.is_healthy()]
    told["wrong token"] = refusal(f"{address}/;token=wrong")
    told["no token"] = refusal(address)
    os.environ["SPARK_REMOTE"] = server.url
    spark = get_spark(delta=True)
    told["session"] = type(spark).__module__
    told["stages"] = refusal_of_stages(spark)
    told["settings"] = refusal(server.url, settings={"spark.speculation": True})
    told["on connect"] = summary()
    table = Path("table").absolute().as_uri()
    spark.range(3).write.format("delta").save(table)
    told["rows of the Delta table"] = spark.read.format("delta").load(table).count()
    told["batch job"] = batch_job()
    stop_spark()
    told["listens at"] = sorted(
        {
            connection.laddr.ip
            for process in psutil.Process().children(recursive=True)
            for connection in process.net_connections()
            if connection.status == "LISTEN"
        }
    )
    server.kill()
    told["healthy"].append(server.is_healthy())
    told["killed"] = refusal(server.url)
    server.restart()
    told["healthy"].append(server.is_healthy())
    told["url after the restart"] = server.url
    told["on connect after the restart"] = summary()
    with contextlib.suppress(CourseError):
        stop_spark()
    del os.environ["SPARK_REMOTE"]

told["left"] = [process.name() for process in psutil.Process().children(recursive=True)]
get_spark(master="local[2]")
told["on local"] = summary()
told["local without Delta"] = refusal("local[2]", delta=True)
stop_spark()
print(json.dumps(told))
