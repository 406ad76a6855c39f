import os
import re

import pytest

from course_lib import CourseError
from course_lib.engines import java, jvm
from course_lib.engines.java import find_java, install_java, read_java


def make_home(folder, version, release=True):
    """A folder that looks like a Java; its program answers `-version` as Java does."""
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    if release:
        (folder / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="java.base java.sql"\n')
    return folder


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No Java in any of the usual places."""
    monkeypatch.setattr(java, "_common_folders", list)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("text", "version"), [("17.0.15", 17), ("1.8.0_392", 8), ("25", 25), ("21-ea", 21)])
def test_the_version_is_read_from_the_release_file(tmp_path, text, version):
    assert read_java(make_home(tmp_path / "java", text)).version == version


def test_a_java_without_release_file_is_asked(tmp_path):
    assert read_java(make_home(tmp_path / "java", "21.0.1", release=False)).version == 21


def test_a_folder_without_java_is_none(tmp_path):
    assert read_java(tmp_path) is None


def test_java_home_comes_first(nowhere, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(make_home(nowhere / "first", "17.0.1")))
    monkeypatch.setenv("CONDA_PREFIX", str(make_home(nowhere / "second", "25.0.1")))
    assert find_java().home == nowhere / "first"


def test_a_java_home_that_is_too_old_is_passed_over(nowhere, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(make_home(nowhere / "old", "11.0.1")))
    monkeypatch.setenv("PATH", str(make_home(nowhere / "new", "21.0.1") / "bin"))
    assert find_java().version == 21


def test_the_conda_environment_is_searched(nowhere, monkeypatch):
    make_home(nowhere / "conda" / "lib" / "jvm", "17.0.1")
    monkeypatch.setenv("CONDA_PREFIX", str(nowhere / "conda"))
    assert find_java().home == nowhere / "conda" / "lib" / "jvm"


def test_the_java_of_this_project_is_found(nowhere):
    home = make_home(nowhere / "environment" / "share" / "ml-at-scale" / "jre" / "jdk-17", "17.0.1")
    assert find_java().home == home


def test_of_several_the_newest_that_was_tried_is_taken(nowhere, monkeypatch):
    homes = [make_home(nowhere / version, version) for version in ("17", "21", "99")]
    monkeypatch.setattr(java, "_common_folders", lambda: homes)
    assert find_java().version == 21


def test_without_java_one_line_names_three_ways(nowhere):
    with pytest.raises(CourseError) as error:
        find_java()
    message = str(error.value)
    assert "\n" not in message
    assert all(way in message for way in ("make lab", "conda install", "apt install"))


def test_a_java_that_is_too_old_is_named_where_there_is_no_other(nowhere, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(make_home(nowhere / "old", "11.0.1")))
    with pytest.raises(CourseError, match=re.escape(f"Java 11 in {nowhere / 'old'}")):
        find_java()


def test_a_download_that_fails_names_three_ways(nowhere, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(CourseError, match=r"could not be downloaded .* Three ways"):
        install_java()


def test_a_module_that_java_does_not_have_is_not_asked_for(tmp_path):
    small = read_java(make_home(tmp_path / "java", "17.0.1"))
    assert not any("incubator" in option for option in jvm.options(small))


def test_the_archive_is_another_one_for_another_java(tmp_path):
    first, second = (read_java(make_home(tmp_path / version, version)) for version in ("17.0.1", "17.0.2"))
    assert jvm.archive_path(first) != jvm.archive_path(second)


@pytest.mark.parametrize(("content", "status"), [(None, "missing"), (b"no archive", "refused")])
def test_an_archive_that_java_does_not_take_is_noticed(monkeypatch, tmp_path, content, status):
    found = find_java()
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    if content:
        jvm.archive_path(found).parent.mkdir(parents=True)
        jvm.archive_path(found).write_bytes(content)
    assert jvm.archive_status(found) == status


def test_arguments_survive_the_way_through_a_file(tmp_path):
    odd = r'-Dodd=C:\new folder\x "quoted"'
    file = jvm.write_arguments(tmp_path / "arguments", [odd, "-XshowSettings:properties", "-version"])
    answer = os.popen(f"'{find_java().command}' '@{file}' 2>&1").read()
    assert r'odd = C:\new folder\x "quoted"' in answer
