"""A billion flights on this machine: grown, written, made into features, trained on and scored, in bounded memory.

    python benchmarks/billion_rows.py [--rows 1e6 1e7 1e8 1e9] [--heap 2g] [--hours 2] [--folder FOLDER] [--no-drill]

The table is `flights_at_scale`, so this says what rows cost, and nothing about flights: a billion draws from one year
know no more than the year. Each size goes through five steps, part by part:

    write     grow the columns that are known three hours before departure, and write them as Parquet
    features  put each row into a cell of six features, and count the cell's flights and late ones: built-in functions
    train     a logistic regression of pyspark.ml on the cells of January to August, weighted by their flights; with
              features that are all categories it is the very model that the single rows would give
    score     give each row its cell's probability and the decision, and write both
    DuckDB    count the cells once more, from the same files; the counts must be equal

A part that is done is not done again: after a kill, the same command goes on where it was. A size that is done is told
from its done.json; remove that to measure it again. The drill at the beginning
kills a run of ten million rows after two of its parts and compares what the second start gives with a run that nobody
disturbed. A size that would take longer than what is left of --hours is cut to 300 million, and that is said.

CPU seconds are those of all processes, the JVM's compiler and collector included; the start of the session is not in
them. The peak is what all processes held at once. --folder keeps the files of a size until its end; it needs 17 bytes a
row.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

PART_ROWS, PARTS = 10_000_000, 4  # of a part at most; a size has so many parts at least
LESS = 300_000_000  # what is left of a size for which there is no time
DRILL_ROWS = 10_000_000
CELL = ["carrier", "origin", "hour", "airport_bin", "visibility_bin", "overdue_bin"]
EDGES = {  # a bin for each; -1 where the value is missing
    "airport_bin": ("airport_delay", (-5, 0, 5, 10, 15, 20, 30, 45, 60)),
    "visibility_bin": ("visibility", (1, 3, 9)),
    "overdue_bin": ("overdue", (0, 1, 3, 6)),
}
FLOATS = [f"float({column}) AS {column}" for column in ("airport_delay", "visibility")]  # half the bytes of doubles
WRITTEN = ["row", "split", "carrier", "origin", "hour", *FLOATS, "overdue", "arr_delay >= 30 AS late"]
LATE_COST = 6  # crews: what a late flight without one costs
STEPS = ("write", "features", "train", "score")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1e7, 1e8, 1e9], help="sizes, rising")
    parser.add_argument("--heap", default="2g", help="of the only JVM")
    parser.add_argument("--hours", type=float, default=2.0, help="for all sizes together")
    parser.add_argument("--folder", type=Path, help="for the files; runs/billion_rows if not given")
    parser.add_argument("--no-drill", action="store_true", help="leave out the kill and the second start")
    parser.add_argument("--duckdb", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.duckdb:
        print(json.dumps(count_with_duckdb(arguments.duckdb)))
        return
    from course_lib import stop_spark
    from course_lib.places import RUNS

    folder, end = arguments.folder or RUNS / "billion_rows", time.monotonic() + 3600 * arguments.hours
    folder.mkdir(parents=True, exist_ok=True)
    if not arguments.no_drill:
        drill(folder / "drill", arguments.heap)
    try:
        wall_a_row = bytes_a_row = 0.0
        for rows in map(int, arguments.rows):
            left = end - time.monotonic()
            if wall_a_row * rows > left and rows > LESS:
                print(
                    f"{rows:,} rows would take {wall_a_row * rows / 60:.0f} minutes, {left / 60:.0f} are left: {LESS:,}"
                )
                rows = LESS
            if bytes_a_row * rows > shutil.disk_usage(folder).free:
                raise SystemExit(f"{rows:,} rows need {bytes_a_row * rows / 1e9:.0f} GB on the disk of {folder}.")
            done = all_steps(folder / f"{rows}", rows, arguments.heap)
            wall_a_row, bytes_a_row = done["seconds"] / rows, done["bytes"] / rows
            tell(done)
    finally:
        stop_spark()


def tell(done: dict):
    """Print a size: what a million rows cost in each step, and in all."""
    millions = done["rows"] / 1e6
    cpu = {step: cost / millions for step, cost in done["cpu"].items()}
    print(
        f"{done['rows']:13,} rows: CPU s for a million rows {sum(cpu.values()):.2f} = "
        + " + ".join(f"{step} {cpu[step]:.2f}" for step in STEPS)
        + f"; {done['seconds']:,.0f} s, peak {done['peak'] / 1e9:.2f} GB, {done['bytes'] / 1e9:.2f} GB on disk\n"
        f"{'':13}       counted by DuckDB at {done['duckdb']['cpu'] / millions:.2f}, peak "
        f"{done['duckdb']['peak'] / 1e9:.2f} GB, equal counts; {done['cells']:,} cells; AUC {done['auc']:.4f}, "
        f"saved {done['saved']:.1%}",
        flush=True,
    )


def all_steps(folder: Path, rows: int, heap: str) -> dict:
    """Take a number of rows through all steps, or through those that are left, and give what they cost."""
    end = folder / "done.json"
    if end.is_file():
        return json.loads(end.read_text())
    from course_lib import get_spark

    os.environ["SPARK_DRIVER_MEMORY"] = heap
    spark = get_spark("a billion rows")
    folder.mkdir(parents=True, exist_ok=True)
    parts = max(PARTS, -(-rows // PART_ROWS))
    bounds = [rows * part // parts for part in range(parts + 1)]
    for part in range(parts):
        step(folder, "write", part, lambda to, at=part: write(spark, bounds[at], bounds[at + 1], at, to))
        step(folder, "features", part, lambda to, at=part: count(spark, folder / f"write-{at}", to))
    step(folder, "train", 0, lambda to: train(spark, folder, parts, to))
    for part in range(parts):
        step(folder, "score", part, lambda to, at=part: score(spark, folder, at, to))

    costs = [json.loads(path.read_text()) for path in folder.glob("*.cost")]
    done = {
        "rows": rows,
        "cpu": {name: sum(cost["cpu"] for cost in costs if cost["step"] == name) for name in STEPS},
        "seconds": sum(cost["seconds"] for cost in costs),
        "peak": max(cost["peak"] for cost in costs),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*.parquet")),
        "duckdb": json.loads(subprocess.check_output([sys.executable, __file__, "--duckdb", folder], text=True)),
        **judge(spark, folder, parts, rows),
    }
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    end.write_text(json.dumps(done))
    return done


def step(folder: Path, name: str, part: int, work):
    """Do a step for a part unless it is done; it counts as done when its folder has its name."""
    from course_lib import measure

    to, unfinished = folder / f"{name}-{part}", folder / f"{name}-{part}.part"
    if to.is_dir():
        return
    shutil.rmtree(unfinished, ignore_errors=True)
    with measure.block(name) as run:
        work(unfinished)
    cost = {"step": name, "cpu": run.cpu_seconds, "seconds": run.seconds, "peak": run.peak_bytes}
    (folder / f"{name}-{part}.cost").write_text(json.dumps(cost))
    unfinished.rename(to)


def write(spark, begin: int, end: int, part: int, to: Path):
    from pyspark.sql import functions as F

    from course_lib import flights_at_scale

    grown = flights_at_scale(spark, end - begin, seed=part).withColumn("row", F.col("row") + begin)
    grown.selectExpr(*WRITTEN).write.parquet(str(to))


def in_cells(table):
    """Add the features to a table of Spark: six categories, and their hash, which names the cell."""
    from pyspark.sql import functions as F

    for name, (column, edges) in EDGES.items():
        above = sum((F.col(column) > edge).cast("int") for edge in edges)
        table = table.withColumn(name, F.coalesce(above, F.lit(-1)))
    return table.withColumn("cell", F.xxhash64(*CELL))


def count(spark, of: Path, to: Path):
    from pyspark.sql import functions as F

    counted = (
        in_cells(spark.read.parquet(str(of)))
        .groupBy("split", "cell", *CELL)
        .agg(F.count("*").alias("flights"), F.sum(F.col("late").cast("long")).alias("lates"))
    )
    counted.coalesce(1).write.parquet(str(to))


def counts(spark, folder: Path, parts: int):
    """Add the counts of all parts up."""
    from pyspark.sql import functions as F

    table = spark.read.parquet(*[str(folder / f"features-{part}") for part in range(parts)])
    return table.groupBy("split", "cell", *CELL).agg(F.sum("flights").alias("flights"), F.sum("lates").alias("lates"))


def train(spark, folder: Path, parts: int, to: Path):
    """Fit a logistic regression to the cells of the training months, and write the probability of every cell."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    table = counts(spark, folder, parts).coalesce(2).cache()
    indices, hot = [f"{name}_index" for name in CELL], [f"{name}_hot" for name in CELL]
    pipeline = Pipeline(
        stages=[
            StringIndexer(inputCols=CELL, outputCols=indices, handleInvalid="keep", stringOrderType="alphabetAsc"),
            OneHotEncoder(inputCols=indices, outputCols=hot),
            VectorAssembler(inputCols=hot, outputCol="features"),
            LogisticRegression(labelCol="late", weightCol="flights", regParam=1e-6, standardization=False),
        ]
    )
    seen = table.where("split = 'train'")
    lates = seen.withColumn("late", F.lit(1)).withColumn("flights", F.col("lates"))
    others = seen.withColumn("late", F.lit(0)).withColumn("flights", F.col("flights") - F.col("lates"))
    model = pipeline.fit(lates.union(others).where("flights > 0"))
    cells = table.select("cell", *CELL).distinct()
    scored = model.transform(cells).select("cell", vector_to_array("probability")[1].alias("probability"))
    scored.coalesce(1).write.parquet(str(to))
    table.unpersist()


def score(spark, folder: Path, part: int, to: Path):
    from pyspark.sql import functions as F

    rows = in_cells(spark.read.parquet(str(folder / f"write-{part}")))
    scored = rows.join(F.broadcast(spark.read.parquet(str(folder / "train-0"))), "cell")
    crew = (F.col("probability") >= 1 / LATE_COST).alias("crew")
    scored.select("row", F.col("probability").cast("float"), crew).write.parquet(str(to))


def judge(spark, folder: Path, parts: int, rows: int) -> dict:
    """Compare what was counted and scored, and say what the decision would be worth on November and December."""
    import duckdb
    import numpy as np
    from sklearn.metrics import roc_auc_score

    table = counts(spark, folder, parts).toPandas()
    table = table.merge(spark.read.parquet(str(folder / "train-0")).toPandas(), on="cell", validate="many_to_one")
    crews = int(table.loc[table["probability"] >= 1 / LATE_COST, "flights"].sum())
    asked = f"SELECT count(*), count(DISTINCT row // 1000000), sum(crew::INT) FROM '{folder}/score-*/*.parquet'"
    [found] = duckdb.sql(asked).fetchall()
    wanted = (rows, -(-rows // 1_000_000), crews)
    assert found == wanted, f"the scores' rows, their millions and crews are {found}; the cells say {wanted}"
    by_duckdb = duckdb.sql(f"FROM '{folder}/duckdb.parquet'").df()
    both = table.merge(by_duckdb, on=["split", *CELL], how="outer", suffixes=("", "_duckdb"))
    same = (both["flights"] == both["flights_duckdb"]) & (both["lates"] == both["lates_duckdb"])
    assert len(both) == len(table) and same.all(), "DuckDB counts other cells than Spark"

    test = table[table["split"] == "test"]
    outcome = np.repeat([1, 0], len(test))
    weight = np.concatenate([test["lates"], test["flights"] - test["lates"]])
    crew = test["probability"] >= 1 / LATE_COST
    cost = test["flights"][crew].sum() + LATE_COST * test["lates"][~crew].sum()
    trivial = min(test["flights"].sum(), LATE_COST * test["lates"].sum())
    return {
        "cells": len(table["cell"].unique()),
        "auc": roc_auc_score(outcome, np.tile(test["probability"], 2), sample_weight=weight),
        "saved": float(1 - cost / trivial),
        "crews": crews,
    }


def count_with_duckdb(folder: Path) -> dict:
    """Count the cells of the rows that Spark has written, write them beside, and give what it cost."""
    import duckdb

    from course_lib import describe_machine, measure

    bins = ", ".join(
        f"coalesce({' + '.join(f'({column} > {edge})::INT' for edge in edges)}, -1) AS {name}"
        for name, (column, edges) in EDGES.items()
    )
    database = duckdb.connect(config={"threads": describe_machine().cores, "memory_limit": "1GB"})
    with measure.block("DuckDB") as run:
        database.execute(
            f"COPY (SELECT split, carrier, origin, hour, {bins}, count(*) AS flights, sum(late::INT)::BIGINT AS lates "
            f"FROM '{folder}/write-*/*.parquet' GROUP BY ALL) TO '{folder}/duckdb.parquet'"
        )
    return {"cpu": run.cpu_seconds, "seconds": run.seconds, "peak": run.peak_bytes}


def drill(folder: Path, heap: str):
    """Kill a run after two of its parts, start it again, and compare the end with that of an undisturbed run."""
    import psutil

    if folder.is_dir():
        shutil.rmtree(folder)
    command = [sys.executable, __file__, "--rows", str(DRILL_ROWS), "--heap", heap, "--no-drill", "--folder"]
    killed = folder / "killed" / str(DRILL_ROWS)
    process = subprocess.Popen([*command, folder / "killed"], stdout=subprocess.DEVNULL)
    while not (killed / "features-1").is_dir():
        if process.poll() is not None:
            raise SystemExit("The run that was to be killed ended by itself: what it said stands above.")
        time.sleep(0.05)
    for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        one.kill()
    process.wait()
    # A step notes its cost when it is done; its folder is no witness, since to clear it up at the end changes its time.
    costs = [path.with_suffix(".cost") for path in killed.glob("*-*") if path.suffix == ""]
    before = {path: path.stat().st_mtime_ns for path in costs}
    unfinished = sorted(path.name for path in killed.glob("*.part"))
    done = []
    for name in ("killed", "undisturbed"):
        process = subprocess.Popen([*command, folder / name], stdout=subprocess.DEVNULL)
        after = {}
        while process.poll() is None:
            for path in before:
                with contextlib.suppress(FileNotFoundError):
                    after[path] = path.stat().st_mtime_ns
            time.sleep(0.05)
        assert name == "undisturbed" or after == before, "A part that was done was done again."
        done.append(json.loads((folder / name / str(DRILL_ROWS) / "done.json").read_text()))
    for what in ("cells", "auc", "saved", "crews"):
        assert done[0][what] == done[1][what], f"{what}: {done[0][what]} after the kill, {done[1][what]} without it"
    shutil.rmtree(folder)
    print(
        f"killed with -9 after {len(before)} of {3 * PARTS + 1} steps, in {', '.join(unfinished) or 'none'}: "
        f"the second start kept them, and gave the same {done[0]['crews']:,} crews and AUC {done[0]['auc']:.6f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
