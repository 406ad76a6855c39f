"""The jars: fetched once, checked, refused when they are not what the catalogue says."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import CourseError
from course_lib.engines import jars
from course_lib.places import REPOSITORY


@pytest.fixture
def own_cache(tmp_path, monkeypatch, jars_are_here):
    """A data cache with the smallest jar in it."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "jars").mkdir()
    shutil.copy(jars_are_here["delta_storage"], tmp_path / "jars")
    return tmp_path


def test_a_jar_of_the_cache_is_given(own_cache):
    assert jars.jar("delta_storage").parent == own_cache / "jars"


def test_an_absent_jar_is_one_line_that_says_how_to_get_it(own_cache):
    with pytest.raises(
        CourseError, match=r"Delta Lake needs delta-spark.*: run `course data get --jars` once"
    ) as caught:
        jars.delta()
    assert "\n" not in str(caught.value)


def test_an_altered_jar_is_refused(own_cache):
    path = jars.jar("delta_storage")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CourseError, match="has been altered"):
        jars.jar("delta_storage")


def test_an_altered_jar_is_replaced_where_a_maven_repository_is_half_filled(own_cache, tmp_path):
    path = jars.jar("delta_storage")
    path.write_bytes(b"altered")
    home = tmp_path / "home"
    wanted = jars.catalogue()["delta_storage"]
    for folder in (home / ".m2" / "repository", home / ".ivy2" / "local"):
        place = folder.joinpath(*wanted.group.split("."), wanted.artifact, wanted.version)
        place.mkdir(parents=True)
        (place / f"{wanted.artifact}-{wanted.version}.pom").write_text("<project/>")
    code = "from course_lib import jars; print(jars.fetch('delta_storage'))"
    environment = {"HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COURSE_DATA": str(own_cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment | own_path(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert jars.jar("delta_storage") == Path(done.stdout.strip())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def own_path() -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}


def test_a_download_with_another_checksum_is_not_kept(own_cache, monkeypatch):
    other = dataclasses.replace(jars.catalogue()["delta_storage"], sha256="0" * 64)
    other.path.unlink()
    monkeypatch.setattr(jars, "catalogue", lambda: {"delta_storage": other})
    with pytest.raises(CourseError, match="is not the file that the catalogue describes"):
        jars.fetch("delta_storage")
    assert list(other.path.parent.iterdir()) == []


def test_without_a_network_the_fetch_is_one_line(own_cache, without_network):
    jars.jar("delta_storage").unlink()
    code = "from course_lib import jars; jars.fetch('delta_storage')"
    done = subprocess.run(
        [*without_network, sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert "CourseError: Could not fetch delta-storage-4.4.0.jar" in done.stderr.splitlines()[-1]
    assert list((own_cache / "jars").iterdir()) == []


def test_a_lesson_goes_on_without_the_jars_and_says_so_once(own_cache, monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    assert not jars.ready("Delta Lake")
    assert capsys.readouterr().out.count("course data get --jars") == 1


def test_in_ci_a_missing_jar_fails_the_run(own_cache, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(CourseError, match="HDFS needs hadoop-client-minicluster"):
        jars.ready("HDFS")
