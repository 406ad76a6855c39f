"""What this machine has and lacks, a finding a row."""

import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY, first_line

State = Literal["ok", "optional", "problem"]  # optional: a part is missing that the lessons do without, and say so


@dataclass(frozen=True)
class Finding:
    """One row of the doctor's table; ``advice`` is empty where all is well."""

    what: str
    state: State
    found: str
    advice: str = ""


def summary(findings: Sequence[Finding]) -> str:
    """Count the states, and say what follows from them."""
    count = Counter(finding.state for finding in findings)
    parts = "part" if count["optional"] == 1 else "parts"
    problems = "problem" if count["problem"] == 1 else "problems"
    counted = f"{count['ok']} ok, {count['optional']} optional {parts} missing, {count['problem']} {problems}. "
    if count["problem"]:
        return counted + "Mend the rows marked 'problem', then run this again."
    if count["optional"]:
        return counted + "The lessons run; the rows marked 'optional' say what they do without."
    return counted + "Everything is in place."


def examine() -> Iterator[Finding]:
    """Look at Python, Java, the environment's variables, the machine, data, Spark and the kernel, one by one."""
    yield _python()
    yield _java()
    environment = _environment()
    yield environment
    yield from _machine()
    yield from _data()
    yield _jars()
    if environment.state == "ok":  # else it is another PySpark that would be looked at
        yield _quick_start()
        yield _spark()
    yield _kernel()


def _python() -> Finding:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "Python",
        "ok" if fits else "problem",
        platform.python_version(),
        "" if fits else "Use Python 3.11, 3.12 or 3.13.",
    )


def _java() -> Finding:
    from course_lib.engines.java import find_java

    try:
        java = find_java()
    except CourseError as error:
        return Finding("Java", "problem", "none that is 17 or newer", str(error))
    return Finding("Java", "ok", f"{java.version} in {java.home}")


def _environment() -> Finding:
    from course_lib.engines import environment

    followed, ignored = environment.found()
    told = [f"followed: {', '.join(followed)}"] if followed else []
    told += [f"without effect: {', '.join(ignored)}"] if ignored else []
    try:
        environment.must_be_sound()
    except CourseError as error:
        return Finding("Environment", "problem", "; ".join(told), str(error))
    return Finding("Environment", "ok", "; ".join(told) or "no variable of Spark, Java or the course is set")


def _machine() -> Iterator[Finding]:
    from course_lib.machine import describe_machine

    machine = describe_machine()
    memory_gb = machine.available_bytes / 1e9
    enough = memory_gb >= 1.7
    advice = "" if enough else "The lessons need 1.7 GB: close other programs, or set COURSE_PROFILE=low-memory."
    found = f"{memory_gb:.1f} GB free of the {machine.memory_bytes / 1e9:.1f} GB that this process may use"
    yield Finding("Memory", "ok" if enough else "problem", found, advice)
    yield Finding("Cores", "ok", f"{machine.cores} that this process may use")
    free_gb = shutil.disk_usage(REPOSITORY).free / 1e9
    roomy = free_gb >= 3
    advice = "" if roomy else "Free 3 GB: Spark writes while it sorts."
    yield Finding("Disk", "ok" if roomy else "problem", f"{free_gb:.0f} GB free", advice)
    yield _temporary_files()


def _temporary_files() -> Finding:
    from course_lib.engines import refusals

    what = "Temporary files"
    try:
        refusals.must_have_disk(2e8, "Spark")
    except CourseError as error:
        return Finding(what, "problem", "no use", str(error))
    folder = tempfile.gettempdir()
    lost = ["Spark's own tables"] if set(folder) & set("[]{}*?") else []
    lost += ["HDFS"] if set(folder) & set("'%") else []
    if lost:
        found = f"{folder}: {' and '.join(lost)} will not work there, for a sign in its name"
        return Finding(what, "optional", found, "Set TMPDIR to a folder without []{}*?'% in its name.")
    return Finding(what, "ok", folder)


def _data() -> Iterator[Finding]:
    from rich.filesize import decimal

    from course_lib.data import catalogue

    for name in catalogue.names():
        try:
            if not catalogue.status(name)["present"]:
                yield Finding(f"Data: {name}", "problem", "not here", f"Run `course data get {name}`.")
                continue
            catalogue.verify(name)
            yield Finding(f"Data: {name}", "ok", f"verified, {decimal(catalogue.status(name)['bytes'])}")
        except CourseError as error:
            yield Finding(f"Data: {name}", "problem", "not as published", str(error))


def _jars() -> Finding:
    from rich.filesize import decimal

    from course_lib.engines import jars

    what = "Jars: Delta Lake, HDFS"
    missing = [jar for jar in jars.catalogue().values() if not jar.path.is_file()]
    if missing:
        lost = " and ".join(dict.fromkeys(jar.used_for for jar in missing))
        found = f"not here: {', '.join(jar.path.name for jar in missing)}. Without: {lost} in Spark"
        return Finding(what, "optional", found, "Run `course data get --jars`.")
    try:
        total_bytes = sum(jars.jar(name).stat().st_size for name in jars.catalogue())
    except CourseError as error:
        return Finding(what, "problem", "not as published", str(error))
    return Finding(what, "ok", f"verified, {decimal(total_bytes)}")


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
    ready = status == "ready"
    advice = "" if ready else "Run `course setup`."
    return Finding("Quick start of Spark", "ok" if ready else "optional", found, advice)


def _spark() -> Finding:
    from course_lib.engines.session import get_spark, stop_spark

    begin = time.perf_counter()
    try:
        spark = get_spark("doctor")
        answer = spark.range(1000).selectExpr("sum(id) AS total").first()["total"]
        seconds = time.perf_counter() - begin
        master = spark.conf.get("spark.master", "a Spark Connect server")
    except CourseError as error:
        return Finding("Spark", "problem", "does not start", str(error))
    except Exception as error:
        return Finding("Spark", "problem", "does not answer", f"It said: {first_line(error)}")
    finally:
        stop_spark()
    right = answer == 499500
    state = "ok" if right else "problem"
    return Finding("Spark", state, f"{spark_version()} on {master}: started and answered in {seconds:.1f} s")


def spark_version() -> str:
    """Return the version of PySpark that is installed."""
    from importlib.metadata import version

    return version("pyspark")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("Jupyter kernel", "problem", "none", "Run `python -m ipykernel install --sys-prefix`.")
    program = Path(spec.argv[0]).name
    # Jupyter starts a kernel that asks for plain "python" with the Python that Jupyter itself runs on.
    plain = spec.argv[0] == program and program.startswith("python")
    interpreter = Path(sys.executable if plain else spec.argv[0])
    own = interpreter.exists() and interpreter.parent.samefile(Path(sys.executable).parent)
    advice = "" if own else "Run `python -m ipykernel install --sys-prefix` in this environment."
    return Finding("Jupyter kernel", "ok" if own else "problem", f"python3: {interpreter}", advice)
