"""How large a session is: its cores, its heap, and the garbage collector that suits them."""

import os

from course_lib.machine import describe_machine

_MIB = 2**20


def low_memory() -> bool:
    """Say whether the person asked for a session that fits a small machine."""
    return os.environ.get("COURSE_PROFILE") == "low-memory"


def cores() -> int:
    """Cores of a session on this machine."""
    available = describe_machine().cores
    return min(available, 2) if low_memory() else available  # each core brings a Python worker


def heap_mib() -> int:
    """Memory of the JVM's heap: a quarter of what we may use, so that pandas and Python workers have theirs."""
    if low_memory():
        return 480  # Spark asks for 450 at least
    machine = describe_machine()
    mib = min(machine.memory_bytes // 4, machine.available_bytes // 2) // _MIB
    return max(512, min(mib, 16 * 1024))


def collector() -> str:
    """Collect garbage with as few threads as help: with few cores one is quickest, also to start."""
    return "-XX:+UseSerialGC" if cores() <= 3 else "-XX:+UseParallelGC"
