"""What a process of its own tells of clusters; run by test_cluster.py."""

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path

import psutil

from course_lib import get_spark, spark_status, stages_of, stop_spark
from course_lib.data import catalogue
from course_lib.engines import paths
from course_lib.engines.cluster import local_cluster

told = {}
FLIGHTS = paths.to_read(catalogue.fetch("flights"))
ROWS = 24_000_000
DYNAMIC = {
    "spark.dynamicAllocation.enabled": True,
    "spark.dynamicAllocation.executorIdleTimeout": "3s",
    "spark.dynamicAllocation.shuffleTracking.timeout": "3s",
}


def summary() -> list:
    """The same job for every engine: a read, a Python function on each part, a shuffle."""
    spark = get_spark()

    def add_hours(parts):
        for part in parts:
            part["hours"] = part["air_time"] / 60
            yield part

    flights = spark.read.parquet(FLIGHTS).select("carrier", "month", "air_time", "distance").repartition(4)
    flights = flights.mapInPandas(add_hours, "carrier string, month long, air_time double, distance long, hours double")
    by_month = flights.groupBy("carrier", "month").agg({"*": "count", "distance": "sum", "hours": "max"})
    return sorted([row[0], row[1], row[2], row[3], row[4]] for row in by_month.collect())


def count_remainders() -> list:
    """A job long enough to lose a worker in the middle, in both halves of a shuffle."""
    numbers = get_spark().range(0, ROWS, 1, 24).selectExpr("id % 10 AS remainder", "id % 7 AS value")
    return sorted([row[0], row[1]] for row in numbers.groupBy("remainder").agg({"value": "sum"}).collect())


def summary_in_pandas() -> list:
    flights = catalogue.load("flights")
    flights["hours"] = flights["air_time"] / 60
    by_month = flights.groupby(["carrier", "month"]).agg({"hours": "max", "distance": "sum", "flight": "size"})
    return sorted(by_month.reset_index().to_numpy().tolist())


def remainders_by_hand(digit: int) -> int:
    """Sum of id % 7 where id % 10 is the digit: it repeats every 70."""
    whole, rest = divmod(ROWS, 70)
    return sum((number % 7) * (whole + (number < rest)) for number in range(digit, 70, 10))


def lose_a_worker_in_mid_job(cluster) -> dict:
    answers = []
    job = threading.Thread(target=lambda: answers.append(count_remainders()))
    context = get_spark().sparkContext
    job.start()
    while sum(stage.numCompletedTasks for stage in stages(context)) < 3:
        assert job.is_alive()
        time.sleep(0.02)
    cluster.kill_worker()
    done = max(stage.numCompletedTasks for stage in stages(context))
    job.join()
    return {"tasks done at the kill": done, "answer": answers[0], "states": list(cluster.workers()["state"])}


def most_executors_until_none_is_left(spark) -> int:
    while (executors := spark_status.executors(spark))["alive"].any():
        time.sleep(0.2)
    added, removed = executors["added"], executors["removed"]
    return max(int(((added <= moment) & (moment < removed)).sum()) for moment in added)


def stages(context):
    tracker = context.statusTracker()
    return [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]


def below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


with contextlib.ExitStack() as taken:
    told["taken"] = []
    for port in (7077, 8080, 8081, 4040):
        listener = taken.enter_context(socket.socket())
        with contextlib.suppress(OSError):  # somebody else has it: as good
            listener.bind(("127.0.0.1", port))
            listener.listen()
        told["taken"].append(port)

    with local_cluster(workers=2) as cluster, local_cluster(workers=2, memory="512m") as other:
        told["urls"] = [cluster.url, other.url]
        told["workers"] = cluster.workers().to_dict("records")
        told["logs"] = sorted(path.name for path in cluster.logs.glob("*.log"))
        get_spark(master=cluster.url)
        told["on the cluster"] = summary()
        told["listens at"] = sorted(
            {
                connection.laddr.ip
                for process in below()
                for connection in process.net_connections()
                if connection.status == "LISTEN"
            }
        )
        with stages_of(get_spark()) as ran:
            told["mid-job"] = lose_a_worker_in_mid_job(cluster)
        tasks = ran.tasks()
        told["mid-job"]["attempts at tasks"] = len(tasks)
        told["mid-job"]["tasks"] = len(tasks[["stage", "index"]].drop_duplicates())
        told["mid-job"]["executors"] = spark_status.executors(get_spark())["alive"].to_list()
        cluster.add_worker()
        told["after adding"] = list(cluster.workers()["state"])
        told["after adding, the answer"] = summary()
        stop_spark()

        spark = get_spark(master=other.url, settings=DYNAMIC)
        told["executors"] = [len(spark_status.executors(spark))]
        told["executor memory"] = get_spark().sparkContext.getConf().get("spark.executor.memory")
        told["on the other"] = summary()  # its session is left to the end of the block
        told["executors"].append(most_executors_until_none_is_left(spark))
        folders = [cluster.logs.parent, other.logs.parent]

told["left"] = [str(folder) for folder in folders if folder.exists()] + [process.name() for process in below()]
told["notes left"] = [path.name for path in Path(os.environ["COURSE_HOME"], "engines").iterdir()]
told["in pandas"] = summary_in_pandas()
told["remainders"] = [[digit, remainders_by_hand(digit)] for digit in range(10)]
print(json.dumps(told))
