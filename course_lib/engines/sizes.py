"""How large a session is: its cores, its heap, and the garbage collector that suits them."""

import os
import re

from course_lib.errors import CourseError
from course_lib.machine import describe_machine

_MIB = 2**20
LEAST_MIB = 480  # Spark asks for 450 at least


def low_memory() -> bool:
    """Say whether the person asked for a session that fits a small machine."""
    return os.environ.get("COURSE_PROFILE") == "low-memory"


def cores() -> int:
    """Cores of a session on this machine."""
    available = describe_machine().cores
    return min(available, 2) if low_memory() else available  # each core brings a Python worker


def heap_mib() -> int:
    """Memory of the JVM's heap: a quarter of what we may use, so that pandas and Python workers have theirs.

    Raises
    ------
    CourseError
        Where SPARK_DRIVER_MEMORY, which decides otherwise, is no size or too small a one.
    """
    if asked := os.environ.get("SPARK_DRIVER_MEMORY"):
        return mebibytes(asked, "SPARK_DRIVER_MEMORY", LEAST_MIB)
    if low_memory():
        return LEAST_MIB
    machine = describe_machine()
    mib = min(machine.memory_bytes // 4, machine.available_bytes // 2) // _MIB
    return max(512, min(mib, 16 * 1024))


def collector() -> str:
    """Collect garbage with as few threads as help: with few cores one is quickest, also to start."""
    return "-XX:+UseSerialGC" if cores() <= 3 else "-XX:+UseParallelGC"


def mebibytes(memory: str, what: str, least_mib: int) -> int:
    """Read a size such as ``512m`` or ``2g``.

    Parameters
    ----------
    memory : str
        The size.
    what : str
        What it is the size of, for the error.
    least_mib : int
        The smallest that is allowed, in MiB.

    Raises
    ------
    CourseError
        Where it is no size, or too small.
    """
    match = re.fullmatch(r"(\d+)\s*([mg])b?", str(memory).strip().lower())
    found = int(match[1]) * (1024 if match[2] == "g" else 1) if match else 0
    if found < least_mib:
        raise CourseError(f"{memory!r} as {what}: write '{least_mib}m' or more, such as '1g'.")
    return found
