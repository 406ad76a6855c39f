"""What this machine has and lacks, a finding a row."""

import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY


@dataclass(frozen=True)
class Finding:
    """One row of the doctor's table; ``advice`` is empty where all is well."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at Python, Java, memory, cores, disk, data, Spark and the Jupyter kernel, one after the other."""
    yield _python()
    yield _java()
    yield from _machine()
    yield from _data()
    yield _jars()
    yield _quick_start()
    yield _spark()
    yield _kernel()


def _python() -> Finding:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", fits, platform.python_version(), "" if fits else "Use Python 3.11, 3.12 or 3.13.")


def _java() -> Finding:
    from course_lib.engines.java import find_java

    try:
        java = find_java()
    except CourseError as error:
        return Finding("Java", False, "none that is 17 or newer", str(error))
    return Finding("Java", True, f"{java.version} in {java.home}")


def _machine() -> Iterator[Finding]:
    from course_lib.machine import describe_machine

    machine = describe_machine()
    memory_gb = machine.available_bytes / 1e9
    enough = memory_gb >= 1.7
    advice = "" if enough else "The lessons need 1.7 GB: close other programs, or set COURSE_PROFILE=low-memory."
    found = f"{memory_gb:.1f} GB free of the {machine.memory_bytes / 1e9:.1f} GB that this process may use"
    yield Finding("Memory", enough, found, advice)
    yield Finding("Cores", True, f"{machine.cores} that this process may use")
    free_gb = shutil.disk_usage(REPOSITORY).free / 1e9
    roomy = free_gb >= 3
    yield Finding("Disk", roomy, f"{free_gb:.0f} GB free", "" if roomy else "Free 3 GB: Spark writes while it sorts.")


def _data() -> Iterator[Finding]:
    from rich.filesize import decimal

    from course_lib.data import catalogue

    for name in catalogue.names():
        try:
            if not catalogue.status(name)["present"]:
                yield Finding(f"Data: {name}", False, "not here", f"Run `course data get {name}`.")
                continue
            catalogue.verify(name)
            yield Finding(f"Data: {name}", True, f"verified, {decimal(catalogue.status(name)['bytes'])}")
        except CourseError as error:
            yield Finding(f"Data: {name}", False, "not as published", str(error))


def _jars() -> Finding:
    from rich.filesize import decimal

    from course_lib.engines import jars

    what = "Jars: Delta Lake, HDFS"
    missing = [jar.path.name for jar in jars.catalogue().values() if not jar.path.is_file()]
    if missing:  # no fault: the lessons leave out what needs them, and say so
        return Finding(what, True, f"not here: {', '.join(missing)}", "Run `course data get --jars`.")
    try:
        total_bytes = sum(jars.jar(name).stat().st_size for name in jars.catalogue())
    except CourseError as error:
        return Finding(what, False, "not as published", str(error))
    return Finding(what, True, f"verified, {decimal(total_bytes)}")


def _quick_start() -> Finding:
    from course_lib.engines import jvm
    from course_lib.engines.java import find_java

    try:
        status = jvm.archive_status(find_java())
    except CourseError:
        status = "missing"
    found = {
        "ready": "prepared for this Java",
        "missing": "not prepared: Spark works, and starts at half the speed",
        "refused": "prepared, but Java refuses it: Spark works, and starts at half the speed",
    }[status]
    return Finding("Quick start of Spark", True, found, "" if status == "ready" else "Run `course setup`.")


def _spark() -> Finding:
    from course_lib.engines.session import get_spark, stop_spark

    begin = time.perf_counter()
    try:
        spark = get_spark("doctor")
        answer = spark.range(1000).selectExpr("sum(id) AS total").first()["total"]
        seconds = time.perf_counter() - begin
        master = spark.conf.get("spark.master", "a Spark Connect server")
    except CourseError as error:
        return Finding("Spark", False, "does not start", str(error))
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Finding("Spark", False, "does not answer", f"It said: {first}")
    finally:
        stop_spark()
    right = answer == 499500
    return Finding("Spark", right, f"{spark_version()} on {master}: started and answered in {seconds:.1f} s")


def spark_version() -> str:
    """Return the version of PySpark that is installed."""
    from importlib.metadata import version

    return version("pyspark")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("Jupyter kernel", False, "none", "Run `python -m ipykernel install --sys-prefix`.")
    program = Path(spec.argv[0]).name
    # Jupyter starts a kernel that asks for plain "python" with the Python that Jupyter itself runs on.
    plain = spec.argv[0] == program and program.startswith("python")
    interpreter = Path(sys.executable if plain else spec.argv[0])
    own = interpreter.exists() and interpreter.parent.samefile(Path(sys.executable).parent)
    advice = "" if own else "Run `python -m ipykernel install --sys-prefix` in this environment."
    return Finding("Jupyter kernel", own, f"python3: {interpreter}", advice)
