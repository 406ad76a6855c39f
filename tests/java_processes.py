"""Java among the processes of a test."""

import contextlib

import psutil


def jvms(processes: list[psutil.Process]) -> set[int]:
    """Give the process ids of the JVMs; a process that has ended meanwhile is none."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {process.pid} if process.name().startswith("java") else set()
    return found
