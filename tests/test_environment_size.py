"""The environment stays small enough for Binder and a laptop."""

import sys
from pathlib import Path

LIMIT_BYTES = 3.7e9


def test_environment_is_at_most_3_7_gb(record_property):
    files = (path.lstat() for path in Path(sys.prefix).rglob("*") if not path.is_dir() or path.is_symlink())
    size = sum(status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size for status in files)
    record_property("environment", f"{size / 1e9:.2f} GB of packages, Java archive included")
    assert size <= LIMIT_BYTES
