"""What a session's JVM is started with, and the archive of loaded classes that makes it start quickly.

Most of a start is a JVM reading, checking and compiling the same ten thousand classes again. Java can keep them in a
file: class-data sharing from Java 17 on, the ahead-of-time cache (with profiles of what runs hot) from Java 25 on.
The file holds for one build of Java and one set of jars in one order. Where it does not fit, Java silently starts
without it, so `archive_status` asks Java itself.
"""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from course_lib.engines import environment
from course_lib.engines.java import Java
from course_lib.places import project_folder

AHEAD_OF_TIME = 25  # the first Java that writes its cache in one step

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
    """Give the options of every JVM that runs Spark: what it needs, what makes it start quickly, what you want besides.

    Parameters
    ----------
    java : Java
        The one that will run.

    Returns
    -------
    list of str
        The last are the words of the environment's ``COURSE_JAVA_OPTIONS``.
    """
    return [*_options(java), *os.environ.get("COURSE_JAVA_OPTIONS", "").split()]


def _options(java: Java) -> list[str]:
    """Give those of the archive; the first part is that of Spark's own launcher (`JavaModuleOptions`)."""
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
    what = repr((str(java.home.resolve()), java.build, jars, _options(java)))
    key = hashlib.sha256(what.encode()).hexdigest()[:12]
    suffix = "aot" if java.version >= AHEAD_OF_TIME else "jsa"
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
    return "ready" if accepts(java, archive) else "refused"


def write_arguments(file: Path, arguments: list[str]) -> Path:
    """Write a file of arguments that ``java @file`` reads: on Windows a command line ends at 32 kB."""
    quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    file.write_text("".join(f'"{argument}"\n' for argument in quoted))
    return file


def accepts(java: Java, archive: Path) -> bool:
    """Ask Java whether it can use an archive; a session would silently do without."""
    strict = "-XX:AOTMode=on" if java.version >= AHEAD_OF_TIME else "-Xshare:on"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*options(java), "-XX:+UseSerialGC", strict, f"{_use_option(java)}={archive}"]
        arguments += ["-cp", os.pathsep.join(class_path()), "-version"]
        file = write_arguments(Path(folder) / "java.options", arguments)
        return (
            subprocess.run(
                [java.command, f"@{file}"], capture_output=True, cwd=folder, env=environment.of_jvm()
            ).returncode
            == 0
        )


def _use_option(java: Java) -> str:
    return "-XX:AOTCache" if java.version >= AHEAD_OF_TIME else "-XX:SharedArchiveFile"


def _takes_vectors(java: Java) -> bool:
    """Whether to load the module of vector instructions for MLlib's dense algebra; some Javas are built without it.

    Beside it an ahead-of-time cache links no classes: starts took a tenth longer (4.8 against 4.0 s). Without it, dense
    algebra (k-means over 300 columns) takes 15 % more CPU, and a logistic regression over ten columns no more.
    """
    return java.version < AHEAD_OF_TIME and (java.modules is None or "jdk.incubator.vector" in java.modules)
