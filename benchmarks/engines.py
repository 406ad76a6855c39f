"""What the engines of this machine cost: time to be ready, time of a first query, memory, and overhead on one job.

Spark on local[2], on a cluster of two workers with a core each, and through Spark Connect on local[2]; HDFS with two
DataNodes beside a local disk; Delta Lake beside Parquet.

    python benchmarks/engines.py [--pairs 6] [--starts 3]

Ratios are paired and alternate. Each pair runs in Python processes that take turns, so that what else the machine does
hits both. Above 1 the engine takes longer than what it is compared with.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

MIB = 2**20
ROWS = 20_000_000
ENGINES = ("local", "delta", "cluster", "connect", "hdfs")
COMPARISONS = {  # name of the ratio: the job, what is measured, what it is compared with
    "cluster / local, the same job": ("job", "cluster", "local"),
    "connect / local, the same job": ("job", "connect", "local"),
    "HDFS / local disk, writing flights": ("write", "hdfs", "local"),
    "HDFS / local disk, reading flights": ("read", "hdfs", "local"),
    "delta=True / without, start and first query": ("start", "delta", "local"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6, help="pairs of each ratio; six or more give 95 %%")
    parser.add_argument("--starts", type=int, default=3, help="starts of each engine; the median is shown")
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return

    from statistics import median

    from course_lib.measure import ratio_of_pairs

    starts = {engine: [] for engine in ENGINES}
    for _ in range(arguments.starts):
        for engine in ENGINES:
            with running(engine) as ask:
                starts[engine].append(ask("start"))
    print(f"{'engine':10}{'ready, s':>10}{'first query, s':>16}{'resident, MiB':>15}{'shared counted once, MiB':>26}")
    for engine, answers in starts.items():
        shown = [
            median(answer[key] for answer in answers) for key in ("ready", "first query", "resident", "proportional")
        ]
        print(f"{engine:10}{shown[0]:10.1f}{shown[1]:16.1f}{shown[2]:15,.0f}{shown[3]:26,.0f}")
    print()
    for answer in starts.values():
        for name, size in answer[-1]["processes"]:
            print(f"  {size:6,.0f} MiB  {name}")
        print()

    with contextlib.ExitStack() as stack:
        asks = {engine: stack.enter_context(running(engine)) for engine in ENGINES if engine != "delta"}
        for ask in asks.values():
            ask("start")
        for name, (job, first, second) in COMPARISONS.items():
            if job == "start":
                continue
            pairs = []
            for number in range(-1, arguments.pairs):  # the first pair warms up and is not counted
                order = (first, second) if number % 2 == 0 else (second, first)
                seconds = {engine: asks[engine](job)["seconds"] for engine in order}
                pairs.append((seconds[first], seconds[second]))
            print(f"{name}: {ratio_of_pairs(pairs[1:])}", flush=True)

    pairs = []
    for number in range(arguments.pairs):
        seconds = {}
        for engine in ("delta", "local") if number % 2 == 0 else ("local", "delta"):
            with running(engine) as ask:
                answer = ask("start")
                seconds[engine] = answer["ready"] + answer["first query"]
        pairs.append((seconds["delta"], seconds["local"]))
    print(f"delta=True / without, start and first query: {ratio_of_pairs(pairs)}")


@contextlib.contextmanager
def running(engine: str):
    """Start a Python process that has an engine; give a function that asks it to do a job and returns what it says."""
    command = [sys.executable, __file__, "--serve", engine]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(job: str) -> dict:
        process.stdin.write(job + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


def serve(engine: str):
    """Have an engine and do what is asked, a line a job."""
    import psutil

    from course_lib import get_spark, stop_spark
    from course_lib.data import catalogue
    from course_lib.engines import paths
    from course_lib.engines.cluster import local_cluster
    from course_lib.engines.connect import connect_server
    from course_lib.engines.hdfs import hdfs

    catalogue.fetch("flights")
    lake = store = None
    with contextlib.ExitStack() as stack:
        for job in map(str.strip, sys.stdin):
            begin = time.perf_counter()
            if job == "start":
                master = "local[2]"
                if engine == "cluster":
                    master = stack.enter_context(local_cluster(workers=2, cores=1)).url
                elif engine == "connect":
                    master = stack.enter_context(connect_server(master=master)).url
                elif engine == "hdfs":
                    store = stack.enter_context(hdfs(data_nodes=2))
                beside = time.perf_counter() - begin
                spark = get_spark("benchmark", master=master, delta=engine == "delta")
                ready = time.perf_counter() - begin
                begin = time.perf_counter()
                spark.range(1_000_000).selectExpr("sum(id)").collect()
                first_query = time.perf_counter() - begin
                lake = store.url if store else Path(stack.enter_context(tempfile.TemporaryDirectory())).as_uri()
                if store:
                    store.use_with(spark)
                below = psutil.Process().children(recursive=True)
                sizes = [(child.memory_info().rss / MIB, child.memory_full_info().pss / MIB) for child in below]
                answer = {
                    "ready": ready,
                    "engine": beside,
                    "first query": first_query,
                    "resident": sum(resident for resident, _ in sizes),
                    "proportional": sum(proportional for _, proportional in sizes),
                    "processes": [
                        (f"{engine}: {called(child)}", resident)
                        for child, (resident, _) in zip(below, sizes, strict=True)
                    ],
                }
            else:
                if job == "job":
                    numbers = spark.range(ROWS).selectExpr("id % 1000 AS key", "id * 7 % 13 AS value")
                    numbers.groupBy("key").agg({"value": "sum"}).orderBy("key").limit(10).collect()
                elif job == "write":
                    flights = spark.read.parquet(paths.to_read(catalogue.fetch("flights")))
                    flights.write.mode("overwrite").parquet(f"{lake}/flights")
                elif job == "read":
                    spark.read.parquet(f"{lake}/flights").selectExpr("sum(distance)", "max(arr_delay)").collect()
                answer = {"seconds": time.perf_counter() - begin}
            print(json.dumps(answer), flush=True)
        stop_spark()


def called(process) -> str:
    """Say what a process is by the class that its JVM runs, or the Python module."""
    words = process.cmdline()
    classes = [word.rpartition(".")[2] for word in words if word.startswith("org.apache.")]
    modules = [word for word in words if word.startswith("pyspark.") or word.endswith(".py")]
    return (classes[-1:] or [Path(name).name for name in modules] or [process.name()])[0]


if __name__ == "__main__":
    main()
