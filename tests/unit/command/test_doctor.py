"""The doctor: each row is ok, optional or a problem, and the last line counts them."""

import os
import re
import subprocess
import sys

import pytest

from course_lib.command.doctor import Finding, _environment, _jars, _temporary_files, summary
from course_lib.data import catalogue
from course_lib.places import REPOSITORY

OK, OPTIONAL, PROBLEM = (Finding("a part", state, "found") for state in ("ok", "optional", "problem"))


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([OK, OK], "2 ok, 0 optional parts missing, 0 problems. Everything is in place."),
        ([OK, OPTIONAL], "1 ok, 1 optional part missing, 0 problems. The lessons run; the rows marked 'optional' say"),
        ([OPTIONAL, PROBLEM], "0 ok, 1 optional part missing, 1 problem. Mend the rows marked 'problem'"),
    ],
)
def test_the_last_line_counts_and_says_what_follows(findings, said):
    assert summary(findings).startswith(said)


def test_absent_jars_are_an_optional_part_and_it_says_what_is_not_there_without_them(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    finding = _jars()
    assert (finding.state, finding.advice) == ("optional", "Run `course data get --jars`.")
    assert "Without: Delta Lake and HDFS" in finding.found


def test_an_altered_jar_is_a_problem(tmp_path, monkeypatch):
    from course_lib.engines import jars

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for jar in jars.catalogue().values():
        jar.path.parent.mkdir(exist_ok=True)
        jar.path.write_bytes(b"something else")
    assert _jars().state == "problem"


def test_variables_are_told_with_what_becomes_of_them(monkeypatch):
    monkeypatch.setenv("_JAVA_OPTIONS", "-Xmx64m")
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    finding = _environment()
    assert finding.state == "ok"
    assert "SPARK_MASTER (where Spark runs)" in finding.found
    assert re.search("without effect: .*_JAVA_OPTIONS", finding.found)


@pytest.mark.parametrize(("name", "lost"), [("tmp [x]", "Spark's own tables"), ("d'été", "HDFS"), ("100 %", "HDFS")])
def test_a_folder_for_temporary_files_in_which_something_does_not_work(tmp_path, monkeypatch, name, lost):
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    finding = _temporary_files()
    assert finding.state == "optional"
    assert f"{lost} will not work there" in finding.found


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """`course doctor` where the data is here, the jars are not, and an old guide has left a variable."""
    cache = tmp_path_factory.mktemp("cache [x]")
    for name in catalogue.names():
        (cache / f"{name}.parquet").symlink_to(catalogue.fetch(name))
    command = [sys.executable, "-m", "course_lib.command.cli", "doctor"]
    settings = {"COURSE_DATA": str(cache), "COLUMNS": "1000", "PYSPARK_SUBMIT_ARGS": "--master local[999]"}
    return subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **settings}, capture_output=True, text=True)


def test_a_missing_optional_part_is_no_failure(examined):
    assert examined.returncode == 0, examined.stdout
    assert re.search(r"^\d+ ok, [12] optional parts? missing, 0 problems\. The lessons run;", examined.stdout, re.M)
    assert re.search(r"^optional +Jars: Delta Lake, HDFS", examined.stdout, re.M)


def test_a_leftover_is_told_and_spark_starts(examined):
    assert re.search(r"^ok +Environment .*without effect: .*PYSPARK_SUBMIT_ARGS", examined.stdout, re.M)
    assert re.search(r"^ok +Spark +4\S+ on local\[(?!999)", examined.stdout, re.M)


def test_a_problem_is_a_failure(tmp_path):
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("raise ImportError('of another Python')")
    command = [sys.executable, "-m", "course_lib.command.cli", "doctor"]
    settings = {"PYTHONPATH": str(tmp_path), "COLUMNS": "1000"}
    done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **settings}, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(r"^problem +Environment .*unset PYTHONPATH", done.stdout, re.M)
    assert " 1 problem. Mend the rows marked 'problem'" in done.stdout
    assert done.stderr == ""
