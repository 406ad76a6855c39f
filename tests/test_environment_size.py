"""The environment stays small enough for Binder and a laptop."""

import sys
from pathlib import Path

from course_lib.engines.java import project_folder

LIMIT_BYTES = 3.7e9


def size_of(folder: Path) -> int:
    """Bytes on the disk of all files below a folder."""
    files = (path.lstat() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sum(status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size for status in files)


def test_packages_take_at_most_3_7_gb(record_property):
    prepared = size_of(project_folder())  # what set-up makes beside the packages: Spark's quick start, maybe a Java
    packages = size_of(Path(sys.prefix)) - prepared
    record_property("environment", f"{packages / 1e9:.2f} GB of packages, {prepared / 1e9:.2f} GB prepared for Java")
    assert packages <= LIMIT_BYTES
