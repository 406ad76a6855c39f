import os

import pandas as pd
import pytest

from course_lib import CourseError
from course_lib.engines.databases import open_databases

SCHEMA = """
CREATE TABLE airlines (carrier VARCHAR(2) PRIMARY KEY, name TEXT);
CREATE TABLE flights (flight INTEGER, carrier VARCHAR(2) REFERENCES airlines (carrier));
"""
AIRLINES = pd.DataFrame({"carrier": ["UA", "AA"], "name": ["United", "American"]})
GOOD = pd.DataFrame({"flight": [1, 2], "carrier": ["UA", "AA"]})
BAD = pd.DataFrame({"flight": [3, 4], "carrier": ["UA", "??"]})


@pytest.fixture
def databases(tmp_path):
    opened = open_databases(tmp_path)  # with PostgreSQL where COURSE_POSTGRES_URL is set, as in CI
    opened.run("PRAGMA foreign_keys = ON", "SQLite")
    opened.run(SCHEMA)
    yield opened
    opened.close()


def count(databases, name, table):
    return int(databases.ask(name, f"SELECT COUNT(*) AS n FROM {table}")["n"][0])


def test_postgres_is_there_where_it_has_an_address(databases):
    assert ("PostgreSQL" in databases.names) == bool(os.environ.get("COURSE_POSTGRES_URL"))
    assert {"SQLite", "DuckDB"} <= set(databases.names)


def test_the_same_rows_come_back_from_each(databases):
    for name in databases.names:
        assert databases.fill(name, {"airlines": AIRLINES, "flights": GOOD}) == "done"
        found = databases.ask(name, "SELECT name FROM flights JOIN airlines USING (carrier) ORDER BY flight")
        assert found["name"].tolist() == ["United", "American"]


def test_a_refused_load_leaves_nothing_behind(databases):
    for name in databases.names:
        said = databases.fill(name, {"airlines": AIRLINES, "flights": BAD})
        assert said.startswith("refused: ") and "\n" not in said
        assert count(databases, name, "airlines") == 0


def test_sqlite_guards_references_only_where_it_is_told_to(tmp_path):
    opened = open_databases(tmp_path)
    opened.run(SCHEMA)
    assert opened.fill("SQLite", {"flights": BAD}) == "done"
    opened.run("PRAGMA foreign_keys = ON", "SQLite")
    assert opened.fill("SQLite", {"flights": BAD}).startswith("refused: ")
    opened.close()


def test_duckdb_reads_a_frame_that_the_caller_holds(databases):
    waiting = GOOD  # found by its name
    assert len(waiting) == count(databases, "DuckDB", "waiting")


def test_two_in_one_folder_do_not_meet(databases, tmp_path):
    databases.fill("SQLite", {"airlines": AIRLINES})
    other = open_databases(tmp_path)
    other.run(SCHEMA)
    assert [count(other, name, "airlines") for name in other.names] == [0] * len(other.names)
    other.close()
    assert count(databases, "SQLite", "airlines") == 2


def test_closing_twice_is_closing_once(tmp_path):
    opened = open_databases(tmp_path)
    opened.close()
    opened.close()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/nothing", "not an address"])
def test_an_address_where_no_postgres_answers_is_one_line(tmp_path, url):
    with pytest.raises(CourseError, match="PostgreSQL does not open") as caught:
        open_databases(tmp_path, url)
    assert "\n" not in str(caught.value)
