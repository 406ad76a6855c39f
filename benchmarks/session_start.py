"""How much quicker a session of the course starts than PySpark's defaults, and whether a long job pays for it.

Each run is a fresh Python process. Defaults and ours alternate, so that what else the machine does hits both.

    python benchmarks/session_start.py [--pairs 5] [--long-pairs 3]

JAVA_HOME chooses the Java. Ratios are defaults / ours: above 1 ours is quicker, or takes less CPU.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

LONG_JOB_ROWS = 10_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="pairs of starts")
    parser.add_argument("--long-pairs", type=int, default=3, help="pairs of the long job; 0 leaves it out")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run)
        return

    from course_lib.engines.archive import prepare
    from course_lib.engines.java import find_java
    from course_lib.engines.jvm import archive_status

    java = find_java()
    prepare(java)
    print(f"Java {java.build} in {java.home}, archive {archive_status(java)}")
    for job, pairs in (("start", arguments.pairs), ("long", arguments.long_pairs)):
        if pairs:
            compare(job, pairs)


def compare(job: str, pairs: int):
    from course_lib.measure import ratio_of_pairs

    seconds, cpu_seconds = [], []
    for number in range(pairs):
        order = ("defaults", "ours") if number % 2 == 0 else ("ours", "defaults")
        results = {kind: run_apart(kind, job) for kind in order}
        pair = [results["defaults"], results["ours"]]
        seconds.append([result["seconds"] for result in pair])
        cpu_seconds.append([result["cpu_seconds"] for result in pair])
        parts = (
            f"{kind} {result['seconds']:.2f} s, CPU {result['cpu_seconds']:.2f} s" for kind, result in results.items()
        )
        print(f"pair {number + 1}: {' | '.join(parts)}", flush=True)
    what = {"start": "session start and first job", "long": f"logistic regression on {LONG_JOB_ROWS:,} rows"}[job]
    print(f"{what}, wall: {ratio_of_pairs(seconds)}")
    print(f"{what}, CPU: {ratio_of_pairs(cpu_seconds)}")


def run_apart(kind: str, job: str) -> dict:
    command = [sys.executable, __file__, "--run", kind, job, str(time.time())]  # Python's own start counts too
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def run(kind: str, job: str, begin: str):
    from course_lib.measure import tree_cpu

    begin, cpu_before = float(begin), 0.0
    spark = open_session(kind)
    first_job(spark)
    if job == "long":
        begin, cpu_before = time.time(), tree_cpu()
        long_job(spark)
    print(json.dumps({"seconds": time.time() - begin, "cpu_seconds": tree_cpu() - cpu_before}))
    spark.stop()


def open_session(kind: str):
    if kind == "ours":
        from course_lib import get_spark

        return get_spark()
    import os

    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    return SparkSession.builder.master("local[*]").getOrCreate()


def first_job(spark):
    from pyspark.sql import functions as f

    spark.range(10**6).selectExpr("sum(id)").collect()
    spark.range(10**6).groupBy((f.col("id") % 10).alias("digit")).count().toPandas()


def long_job(spark):
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as f

    names = [f"x{number}" for number in range(10)]
    rows = spark.range(LONG_JOB_ROWS, numPartitions=8).select(
        *(f.randn(seed).alias(name) for seed, name in enumerate(names)), f.rand(99).alias("luck")
    )
    rows = rows.withColumn("label", (f.col("x0") - f.col("x1") / 2 + f.col("luck") > 0.5).cast("double"))
    data = VectorAssembler(inputCols=names, outputCol="features").transform(rows).select("features", "label")
    model = LogisticRegression(maxIter=10, regParam=0.01).fit(data)
    model.transform(data).groupBy("prediction").count().collect()


if __name__ == "__main__":
    main()
