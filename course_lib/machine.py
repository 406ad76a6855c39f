"""What this process may really use of the machine: memory and cores, also inside a container."""

import contextlib
import ctypes
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Machine:
    """Memory and cores that this process may use.

    Attributes
    ----------
    memory_bytes : int
        The most that this process and its children may hold: the machine's memory or a container's limit.
    available_bytes : int
        What of it is free now, or can be freed at once.
    cores : int
        Whole cores: affinity and a container's CPU quota are taken into account.
    """

    memory_bytes: int
    available_bytes: int
    cores: int


def describe_machine(cgroup_root: Path = Path("/sys/fs/cgroup"), own_cgroups: str | None = None) -> Machine:
    """Say how much memory and how many cores this process may use.

    Parameters
    ----------
    cgroup_root : Path
        Where Linux shows control groups (version 1 or 2); it need not exist.
    own_cgroups : str, optional
        The text of ``/proc/self/cgroup``; read from there when not given.

    Returns
    -------
    Machine
    """
    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)

    for folder in _own_folders(cgroup_root, own_cgroups):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit and limit < memory.total:
            used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
            total = min(total, limit)
            available = min(available, max(limit - used + _file_cache(folder), 0))
        cores = min(cores, _quota(folder) or cores)
    return Machine(total, available, max(1, int(cores)))


def give_back_memory() -> None:
    """Give what this process has freed back to the system: Python and Arrow keep it, and a JVM beside them needs it."""
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _own_folders(root: Path, text: str | None) -> list[Path]:
    """Folders of this process's control groups and of all their parents; a limit may stand in any of them."""
    if text is None:
        try:
            text = Path("/proc/self/cgroup").read_text()
        except OSError:
            return []
    folders = []
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        base = root / controllers if controllers else root  # version 1 has a folder for each controller
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += [base.joinpath(*parts[:length]) for length in range(len(parts) + 1)]
    return [folder for folder in folders if folder.is_dir()]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max": no limit
        return None


def _file_cache(folder: Path) -> int:
    """Bytes of cached files, which count as used but are given back when memory is short."""
    try:
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        fields = {name: int(value) for name, value in lines}
    except (OSError, ValueError):
        return 0
    return fields.get("inactive_file", fields.get("total_inactive_file", 0))


def _quota(folder: Path) -> float | None:
    """Cores that the CPU quota amounts to, or None where there is none."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        return quota / period if quota and period and quota > 0 else None
