"""The generator and the questions at scale factor 0.01, with DuckDB alone; lesson 09 asks Spark too."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from course_lib import tpch
from course_lib.data import catalogue
from course_lib.errors import CourseError

LINES_AT_001 = 60_175  # by chance 1 to 7 an order; DuckDB's port of the TPC's generator makes as many


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give the tables, asked for twice at once, in a cache whose name engines could take for a pattern."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("cache [1] *'s")))
        first, second = pool.map(tpch.tables, [0.01, 0.01])
        assert first == second
        yield first


@pytest.fixture(scope="module")
def duck(made):
    with duckdb.connect(config={"threads": 1}) as connection:
        tpch.register(connection, made)
        yield connection


def test_the_tables_have_the_rows_and_types_of_the_specification(made, duck):
    rows = {table: duck.table(table).shape[0] for table in made}
    proportional = {table: 0.01 * rows for table, rows in tpch.ROWS_AT_SCALE_1.items()}
    assert rows == proportional | {"region": 5, "nation": 25, "lineitem": LINES_AT_001}
    types = dict(duck.sql("select column_name, column_type from (describe lineitem)").fetchall())
    assert {types["l_quantity"], types["l_tax"]} == {"DECIMAL(15,2)"}
    assert (types["l_orderkey"], types["l_shipdate"], types["l_comment"]) == ("BIGINT", "DATE", "VARCHAR")


def test_a_large_table_has_several_files(made):
    assert len(list(made["lineitem"].glob("*.parquet"))) == tpch.FILES


@pytest.mark.parametrize("number", tpch.QUERIES)
def test_a_question_says_what_it_asks_and_is_answered(duck, number):
    assert tpch.query(number).startswith("-- ")
    answer = tpch.ask(duck, number)
    assert len(answer) > 0
    assert set(tpch.ordered_by(number)) <= set(answer.columns)
    assert bool(tpch.ordered_by(number)) == (len(answer) > 1 or number in (15, 20, 21))
    assert tpch.difference(number, answer, answer.copy()) == ""
    assert bool(tpch.difference(number, answer, answer.iloc[::-1])) == (len(answer) > 1)  # the order counts


def test_the_generator_makes_what_the_tpc_published(duck):
    """At this scale factor nothing is published, but one customer and one supplier are at every one."""
    [customer] = duck.sql("select c_address, c_phone, c_acctbal::varchar from customer where c_custkey = 1").fetchall()
    assert customer == ("IVhzIApeRb ot,c,E", "25-989-741-2988", "711.56")
    [supplier] = duck.sql("select s_address from supplier where s_suppkey = 20").fetchall()
    assert supplier == ("iybAE,RmTymrZVYaFZva2SH,j",)  # specification, clause 2.4.20.5


def test_a_published_answer_is_read_by_the_kinds_of_the_columns(duck):
    answer = tpch.ask(duck, 3)
    lines = ["|".join(answer.columns)]
    lines += [f" {order}|{revenue:.2f}|{day}|{priority} " for order, revenue, day, priority in answer.to_numpy()]
    assert tpch.difference_from_published(3, answer, "\n".join(lines)) == ""
    lines[1] = lines[1].replace("|0", "|1")
    assert "row 0, o_shippriority: 0 beside 1" in tpch.difference_from_published(3, answer, "\n".join(lines))


def test_a_published_answer_may_be_missing(duck):
    assert tpch.difference_from_published(17, tpch.ask(duck, 17), "avg_yearly\n\n") == ""  # no such small order


def test_two_at_once_leave_one(made):
    """Both generate; who comes second takes what the first has renamed."""
    assert [folder.name for folder in made["region"].parents[1].iterdir()] == ["scale-0.01"]


def test_a_table_that_lost_a_file_is_refused_and_clean_mends_it(made, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    copy = shutil.copytree(made["region"].parent, tmp_path / "tpch" / "scale-0.01")
    next((copy / "orders").glob("*.parquet")).unlink()
    with pytest.raises(CourseError, match=r"orders has 11,250 rows where 15,000 are due.*delete it"):
        tpch.tables(0.01)
    assert catalogue.clean() > 0
    assert not (tmp_path / "tpch").exists()


def test_what_cannot_be_made_is_one_line(made, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"from 0\.01 on"):
        tpch.tables(0)
    with pytest.raises(CourseError, match=r"takes .* GB .* free: make room"):
        tpch.tables(1e9)
    with pytest.raises(CourseError, match="numbered from 1"):
        tpch.query(23)
    assert not list((tmp_path / "tpch").iterdir())
