import os

import psutil
import pytest

from course_lib.machine import describe_machine

MIB = 2**20


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_without_limits_it_is_the_whole_machine(tmp_path):
    machine = describe_machine(tmp_path, "0::/")
    assert machine.memory_bytes == psutil.virtual_memory().total
    assert 0 < machine.available_bytes <= machine.memory_bytes
    assert machine.cores <= os.cpu_count()


def test_a_limit_of_the_own_group_counts(tmp_path):
    write(tmp_path / "jupyter" / "user", memory__max=f"{200 * MIB}\n", memory__current=f"{50 * MIB}\n")
    machine = describe_machine(tmp_path, "0::/jupyter/user")
    assert (machine.memory_bytes, machine.available_bytes) == (200 * MIB, 150 * MIB)


def test_a_tighter_limit_of_a_parent_counts(tmp_path):
    write(tmp_path / "jupyter", memory__max=f"{100 * MIB}\n", memory__current="0\n")
    write(tmp_path / "jupyter" / "user", memory__max=f"{200 * MIB}\n", memory__current="0\n")
    assert describe_machine(tmp_path, "0::/jupyter/user").memory_bytes == 100 * MIB


def test_in_a_container_the_root_is_the_own_group(tmp_path):
    write(tmp_path, memory__max=f"{300 * MIB}\n", memory__current="0\n")
    assert describe_machine(tmp_path, "0::/../..\n").memory_bytes == 300 * MIB


def test_cached_files_count_as_free(tmp_path):
    write(
        tmp_path,
        memory__max=f"{100 * MIB}\n",
        memory__current=f"{90 * MIB}\n",
        memory__stat=f"inactive_file {30 * MIB}\n",
    )
    assert describe_machine(tmp_path, "0::/").available_bytes == 40 * MIB


def test_limits_of_version_1_count(tmp_path):
    write(tmp_path / "memory" / "box", memory__limit_in_bytes=f"{64 * MIB}\n", memory__usage_in_bytes=f"{MIB}\n")
    write(tmp_path / "cpu,cpuacct" / "box", cpu__cfs_quota_us="100000\n", cpu__cfs_period_us="100000\n")
    machine = describe_machine(tmp_path, "5:memory:/box\n3:cpu,cpuacct:/box\n")
    assert (machine.memory_bytes, machine.cores) == (64 * MIB, 1)


@pytest.mark.parametrize(("quota", "cores"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_the_cpu_quota_counts(tmp_path, quota, cores):
    write(tmp_path, cpu__max=quota)
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert describe_machine(tmp_path, "0::/").cores == (cores or affinity)
