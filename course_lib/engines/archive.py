"""Build the archive of loaded classes that makes Spark start quickly; `jvm` says what it is and uses it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.engines import jvm, paths, session
from course_lib.engines.java import Java, find_java
from course_lib.errors import CourseError


def prepare(java: Java) -> Path:
    """Build the archive for this Java, unless it is there already, and remove those that it replaces.

    It takes up to a minute, once: a session does what lessons do, and Java writes down what it loaded.

    Parameters
    ----------
    java : Java
        The one that will run.

    Returns
    -------
    Path
        The archive, 150 to 250 MB.

    Raises
    ------
    CourseError
        Where it cannot be built: no space, or the session failed. Lessons run all the same.
    """
    import pyspark

    archive = jvm.archive_path(java)
    if jvm.archive_status(java) != "ready":
        try:
            archive.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=archive.parent, prefix="building-") as folder:
                built = Path(folder) / archive.name
                command = "import sys; from course_lib.engines.archive import _train; _train(sys.argv[1])"
                answer = subprocess.run(
                    [sys.executable, "-c", command, str(built)],
                    cwd=folder,
                    env=os.environ | {"JAVA_HOME": str(java.home)},
                    capture_output=True,
                    text=True,
                )
                if answer.returncode or not built.is_file() or not jvm.accepts(java, built):
                    last = (answer.stderr.strip().splitlines() or ["Java wrote none that it accepts"])[-1]
                    raise CourseError(f"The archive that makes Spark start quickly could not be built: {last}")
                built.replace(archive)
        except OSError as error:
            raise CourseError(f"The archive that makes Spark start quickly could not be kept: {error}") from None
    for other in archive.parent.glob("spark-*"):
        same_release = other.name.startswith(archive.name.rpartition("-")[0])
        of_other_spark = not other.name.startswith(f"spark-{pyspark.__version__}-")
        if other != archive and (same_release or of_other_spark):
            other.unlink(missing_ok=True)
    return archive


def _train(target: str) -> None:
    """Run a session that does what lessons do, in a process of its own, and let its JVM write the archive."""
    java = find_java()
    write = "-XX:AOTCacheOutput" if java.version >= jvm.AHEAD_OF_TIME else "-XX:ArchiveClassesAtExit"
    os.environ.pop("SPARK_REMOTE", None)
    spark = session._begin("set-up", "local[2]", java, [f"{write}={target}"])
    _work_like_a_lesson(spark)
    session.stop_spark(patience=300)  # the archive is written while the JVM ends


def _work_like_a_lesson(spark) -> None:
    import pandas as pd
    import pyspark.pandas as ps
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.sql import functions as f
    from pyspark.sql.window import Window

    def here(name: str) -> str:
        return paths.to_read(Path(name).absolute())

    spark.range(10**6).selectExpr("sum(id)").collect()
    spark.range(1000).groupBy((f.col("id") % 7).alias("k")).agg(f.count("*"), f.avg("id")).toPandas()

    table = pd.DataFrame({"hour": [5, 12, 18, 23] * 500, "carrier": ["AA", "UA", "B6", None] * 500})
    table["late"] = (table["hour"] > 12).astype(float)
    table["when"] = pd.date_range("2013-01-01", periods=len(table), freq="h", tz="UTC")
    frame = spark.createDataFrame(table)
    for kind in ("parquet", "csv", "json"):
        frame.write.mode("overwrite").format(kind).save(f"data.{kind}")
        spark.read.format(kind).load(here(f"data.{kind}")).count()
    flights = spark.read.parquet(here("data.parquet")).cache()
    flights.createOrReplaceTempView("flights")
    rates = spark.sql(
        "SELECT carrier, hour, avg(late) AS rate, count(*) AS n, percentile_approx(hour, 0.5) AS middle FROM flights "
        "WHERE carrier IS NOT NULL GROUP BY carrier, hour HAVING n > 1 ORDER BY rate DESC LIMIT 10"
    )
    rates.explain()
    rates.show()
    flights.join(f.broadcast(rates), ["carrier", "hour"], "left").select(f.year("when"), f.hash("hour")).toPandas()
    flights.withColumn("row", f.row_number().over(Window.partitionBy("carrier").orderBy("when"))).count()
    flights.repartition(4).dropDuplicates(["carrier", "hour"]).count()
    flights.write.mode("overwrite").partitionBy("carrier").parquet("parts")

    @f.pandas_udf("double")
    def doubled(values: pd.Series) -> pd.Series:
        return values * 2.0

    flights.select(doubled("hour").alias("x"), f.udf(lambda hour: hour + 1, "long")("hour").alias("y")).toPandas()
    flights.groupBy("carrier").applyInPandas(lambda rows: rows.head(1)[["hour"]], "hour long").count()
    flights.mapInPandas(lambda parts: parts, flights.schema).count()

    assembler = VectorAssembler(inputCols=["hour", "code"], outputCol="features")
    indexer = StringIndexer(inputCol="carrier", outputCol="code", handleInvalid="keep")
    pipeline = Pipeline(stages=[indexer, assembler, LogisticRegression(labelCol="late", maxIter=5)])
    scored = pipeline.fit(flights).transform(flights)
    BinaryClassificationEvaluator(labelCol="late").evaluate(scored)
    scored.sample(0.5, seed=0).randomSplit([0.8, 0.2], seed=0)[0].count()

    table = ps.read_parquet(here("data.parquet"))
    table.groupby("carrier")["late"].mean().sort_index().to_pandas()
    table["hour"].value_counts().head(3)
    table.describe()
