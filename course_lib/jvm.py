"""What a session's JVM is started with, and the archive of loaded classes that makes it start quickly.

Most of a start is a JVM reading, checking and compiling the same ten thousand classes again. Java can keep them in a
file: class-data sharing from Java 17 on, the ahead-of-time cache (with profiles of what runs hot) from Java 25 on.
The file holds for one build of Java and one set of jars in one order. Where it does not fit, Java silently starts
without it, so `archive_status` asks Java itself.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.java import Java, project_folder

_AHEAD_OF_TIME = 25  # the first Java that writes its cache in one step

# Settings of log4j for every JVM; who starts one adds what else it wants to hear.
WARNINGS_TO_STDERR = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""

_OPEN_TO_SPARK = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)


def options(java: Java) -> list[str]:
    """Give the options of every session's JVM: what Spark needs, and what makes it start quickly.

    Parameters
    ----------
    java : Java
        The one that will run.

    Returns
    -------
    list of str
        The first part is that of Spark's own launcher (`JavaModuleOptions` in its source).
    """
    return [
        "-XX:+IgnoreUnrecognizedVMOptions",
        *(["--add-modules=jdk.incubator.vector"] if _takes_vectors(java) else []),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPEN_TO_SPARK),
        "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dio.netty.allocator.type=pooled",
        "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE",
        *(["--sun-misc-unsafe-memory-access=allow"] if java.version >= 23 else []),
        "--enable-native-access=ALL-UNNAMED",
        # The archive lies where it was built for, instead of being moved (and copied into memory) at every start.
        "-XX:+UnlockDiagnosticVMOptions",
        "-XX:ArchiveRelocationMode=0",
        # The optimising compiler (tier 4) starts on a method thirty times later than usual: it no longer competes with
        # the start for the cores, and a loop that runs for seconds still gets it. Without it (C1 only) starts would be
        # quicker still, but a long job takes four times as much CPU.
        "-XX:Tier4InvocationThreshold=100000",
        "-XX:Tier4MinInvocationThreshold=50000",
        "-XX:Tier4CompileThreshold=200000",
        "-XX:Tier4BackEdgeThreshold=400000",
        "-XX:MetaspaceSize=200m",  # else the classes that a first job loads set off a full garbage collection
        "-XX:-UsePerfData",  # figures for Java's own tools, in a file outside the session's folder
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
    ]


def class_path() -> list[str]:
    """Give Spark's jars, in an order that does not depend on the file system."""
    jars = sorted(str(jar) for jar in (spark_home() / "jars").glob("*.jar"))
    return sorted(jars, key=lambda jar: "slf4j-api" not in jar)  # this one first, as in Spark's launcher


def spark_home() -> Path:
    """Give the folder of the installed PySpark, which holds a whole Spark."""
    import pyspark

    return Path(pyspark.__file__).parent


def archive_options(java: Java) -> list[str]:
    """Give the options that make Java use its archive, none where it has not been built."""
    archive = archive_path(java)
    return [f"{_use_option(java)}={archive}"] if archive.is_file() else []


def archive_path(java: Java) -> Path:
    """Give the archive's file for this Java and this PySpark; its name changes when one of them does."""
    import pyspark

    jars = [(path, Path(path).stat().st_size, int(Path(path).stat().st_mtime)) for path in class_path()]
    what = repr((str(java.home.resolve()), java.build, jars, options(java)))
    key = hashlib.sha256(what.encode()).hexdigest()[:12]
    suffix = "aot" if java.version >= _AHEAD_OF_TIME else "jsa"
    return project_folder() / "jvm" / f"spark-{pyspark.__version__}-java-{java.version}-{key}.{suffix}"


def archive_status(java: Java) -> str:
    """Say whether the archive is there and Java accepts it.

    Parameters
    ----------
    java : Java
        The one that would run.

    Returns
    -------
    str
        ``"ready"``, ``"missing"`` or ``"refused"``. Without it all works, only a session starts more slowly.
    """
    archive = archive_path(java)
    if not archive.is_file():
        return "missing"
    return "ready" if _accepts(java, archive) else "refused"


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

    archive = archive_path(java)
    if archive_status(java) != "ready":
        try:
            archive.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=archive.parent, prefix="building-") as folder:
                built = Path(folder) / archive.name
                command = "import sys; from course_lib.jvm import _train; _train(sys.argv[1])"
                answer = subprocess.run(
                    [sys.executable, "-c", command, str(built)],
                    cwd=folder,
                    env=os.environ | {"JAVA_HOME": str(java.home)},
                    capture_output=True,
                    text=True,
                )
                if answer.returncode or not built.is_file() or not _accepts(java, built):
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


def write_arguments(file: Path, arguments: list[str]) -> Path:
    """Write a file of arguments that ``java @file`` reads: on Windows a command line ends at 32 kB."""
    quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    file.write_text("".join(f'"{argument}"\n' for argument in quoted))
    return file


def _train(target: str) -> None:
    """Run a session that does what lessons do, in a process of its own, and let its JVM write the archive."""
    from course_lib import spark as sessions
    from course_lib.java import find_java

    java = find_java()
    write = "-XX:AOTCacheOutput" if java.version >= _AHEAD_OF_TIME else "-XX:ArchiveClassesAtExit"
    os.environ.pop("SPARK_REMOTE", None)
    spark = sessions._begin("set-up", "local[2]", java, [f"{write}={target}"])
    _work_like_a_lesson(spark)
    sessions.stop_spark(patience=300)  # the archive is written while the JVM ends


def _work_like_a_lesson(spark) -> None:
    import pandas as pd
    import pyspark.pandas as ps
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.sql import functions as f
    from pyspark.sql.window import Window

    spark.range(10**6).selectExpr("sum(id)").collect()
    spark.range(1000).groupBy((f.col("id") % 7).alias("k")).agg(f.count("*"), f.avg("id")).toPandas()

    table = pd.DataFrame({"hour": [5, 12, 18, 23] * 500, "carrier": ["AA", "UA", "B6", None] * 500})
    table["late"] = (table["hour"] > 12).astype(float)
    table["when"] = pd.date_range("2013-01-01", periods=len(table), freq="h", tz="UTC")
    frame = spark.createDataFrame(table)
    for kind in ("parquet", "csv", "json"):
        frame.write.mode("overwrite").format(kind).save(f"data.{kind}")
        spark.read.format(kind).load(f"data.{kind}").count()
    flights = spark.read.parquet("data.parquet").cache()
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

    table = ps.read_parquet("data.parquet")
    table.groupby("carrier")["late"].mean().sort_index().to_pandas()
    table["hour"].value_counts().head(3)
    table.describe()


def _accepts(java: Java, archive: Path) -> bool:
    """Ask Java whether it can use an archive; a session would silently do without."""
    strict = "-XX:AOTMode=on" if java.version >= _AHEAD_OF_TIME else "-Xshare:on"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*options(java), "-XX:+UseSerialGC", strict, f"{_use_option(java)}={archive}"]
        arguments += ["-cp", os.pathsep.join(class_path()), "-version"]
        file = write_arguments(Path(folder) / "java.options", arguments)
        return subprocess.run([java.command, f"@{file}"], capture_output=True, cwd=folder).returncode == 0


def _use_option(java: Java) -> str:
    return "-XX:AOTCache" if java.version >= _AHEAD_OF_TIME else "-XX:SharedArchiveFile"


def _takes_vectors(java: Java) -> bool:
    """Whether to load the module of vector instructions for MLlib's dense algebra; some Javas are built without it.

    Beside it an ahead-of-time cache links no classes: starts took a tenth longer (4.8 against 4.0 s). Without it, dense
    algebra (k-means over 300 columns) takes 15 % more CPU, and a logistic regression over ten columns no more.
    """
    return java.version < _AHEAD_OF_TIME and (java.modules is None or "jdk.incubator.vector" in java.modules)
