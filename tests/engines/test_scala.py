"""Scala in the shell that PySpark ships. Each start costs as much as a session: few tests, with much in each."""

import tempfile
from pathlib import Path

import pytest

from course_lib import CourseError, scala_shell
from course_lib.engines import processes


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """The folder for temporary files and the working directory are empty again after the test, and nothing runs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield
    assert list(Path().iterdir()) == []
    assert processes.notes("scala") == []


def test_an_exception_is_one_line_with_its_own_words(nothing_left):
    with pytest.raises(CourseError, match=r"failed: java\.lang\.ArithmeticException: / by zero$"):
        scala_shell('println("before")\nprintln(1 / (1 - 1))')


def test_what_does_not_compile_does_not_run(nothing_left, tmp_path):
    file = tmp_path / "made"
    with pytest.raises(CourseError, match=r"failed: line 2: not found: value nowhere$"):
        scala_shell(f'new java.io.File("{file}").createNewFile()\nprintln(nowhere)')


def test_it_is_ended_when_its_time_is_over(nothing_left):
    with pytest.raises(CourseError, match=r"longer than 0\.5 s"):
        scala_shell("Thread.sleep(60000)", timeout=0.5)
