"""Folders with brackets, blanks, umlauts, an apostrophe, # and % in their names, and a user who is not root."""

import shutil
from pathlib import Path

import pytest
from apart import HERE, NOBODY, tell

from course_lib.data import catalogue
from course_lib.engines import jars
from course_lib.places import CATALOGUE, PACKAGE

CLONE = Path("Kurs é (1) #5 100% d'été [x]", "ml at scale")
TEMPORARY = Path("tmp é (1) #5 100% d'été")  # without brackets, in which Spark finds no tables; the doctor says so


@pytest.fixture(scope="module")
def life(tmp_path_factory, jars_are_here, as_user):
    root = tmp_path_factory.mktemp("odd")
    clone, temporary = root / CLONE, root / TEMPORARY
    shutil.copytree(PACKAGE, clone / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    cache = clone / "data" / "cache"
    (cache / "jars").mkdir(parents=True)
    temporary.mkdir()
    shutil.copy(CATALOGUE, clone / "data")
    for name in ("airlines", "departures", "flights"):
        shutil.copy(catalogue.fetch(name), cache)
    for name in jars.catalogue().keys() - {"delta_storage"}:
        shutil.copy(jars_are_here[name], cache / "jars")
    script = shutil.copy(HERE / "odd_folders_life.py", clone)
    own = {"PYTHONPATH": str(clone), "TMPDIR": str(temporary), "HOME": str(temporary), "COURSE_DATA": ""}
    told = tell(script, clone, prefix=as_user(NOBODY), **own, COURSE_HOME=str(root / "home (1)"))
    return {**told, "clone": str(clone), "beside": sorted(path.name for path in root.iterdir())}


def test_the_copy_runs_as_another_user(life):
    assert life["library"].startswith(life["clone"])
    assert life["user"] == NOBODY


def test_a_jar_is_fetched(life):
    assert life["fetched"].startswith(life["clone"])


def test_spark_reads_the_data_cache(life):
    assert life["flights"] == life["in pandas"]
    assert life["at scale"] == 1_000


def test_a_cluster_and_a_connect_server_read_it(life):
    assert life["on connect and a cluster"] == life["in pandas"]


def test_delta_lake_writes_where_it_was_told(life):
    assert (life["delta"], life["delta on the cluster"]) == (4, 3)
    assert life["in the Delta table"] > 0


def test_spark_has_tables_and_python_workers(life):
    assert (life["a table"], life["in Python"]) == (16, 6)


def test_hdfs_writes_and_reads(life):
    assert life["hdfs"] == 16


def test_hdfs_refuses_what_hadoop_cannot_be_told(life):
    assert life["hdfs refuses"].startswith("HDFS cannot work in ")
    assert life["hdfs refuses"].endswith(" for the %' in its name: set TMPDIR to a folder without ' and %.")


def test_nothing_is_left_nor_written_beside(life):
    assert life["left"] == []
    assert life["beside"] == sorted([CLONE.parts[0], TEMPORARY.name, "home (1)", "tmp é (1) #5"])
