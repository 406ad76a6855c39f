"""The environment stays small enough for Binder and a laptop."""

import sys
import sysconfig
from pathlib import Path

from course_lib.places import project_folder

LIMIT_BYTES = 4.2e9


def size_of(path: Path) -> int:
    """Bytes on the disk of a file, or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    found = (file.lstat() for file in files if file.is_symlink() or not file.is_dir())
    return sum(status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size for status in found)


def test_packages_take_at_most_4_2_gb(record_property):
    prepared = size_of(project_folder())  # what set-up makes beside the packages: Spark's quick start, maybe a Java
    packages = size_of(Path(sys.prefix)) - prepared
    record_property("environment", f"{packages / 1e9:.2f} GB of packages, {prepared / 1e9:.2f} GB prepared for Java")
    each = {path.name: size_of(path) for path in Path(sysconfig.get_path("purelib")).iterdir() if path.is_dir()}
    largest = sorted(each, key=each.get, reverse=True)[:10]
    record_property("largest packages, MB", ", ".join(f"{name} {each[name] / 1e6:.0f}" for name in largest))
    assert packages <= LIMIT_BYTES
