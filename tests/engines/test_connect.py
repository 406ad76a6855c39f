"""A Spark Connect server on this machine."""

import pytest
from apart import tell


@pytest.fixture(scope="module")
def life(tmp_path_factory, jars_are_here):
    return tell("connect_life.py", tmp_path_factory.mktemp("work"))


def test_spark_remote_leads_a_session_to_it(life):
    assert life["session"].startswith("pyspark.sql.connect")
    assert life["on connect"] == life["on local"]


def test_a_wrong_token_is_refused_in_one_line(life):
    line = life["wrong token"]["line"]
    assert "did not accept the session" in line
    assert "\n" not in line


def test_no_token_is_refused_in_one_line(life):
    line = life["no token"]["line"]
    assert "did not accept the session" in line
    assert "\n" not in line


def test_its_health_is_that_of_the_process(life):
    assert life["healthy"] == [True, False, True]


def test_a_killed_server_is_one_line_within_seconds(life):
    assert "Nothing answers at localhost" in life["killed"]["line"]
    assert life["killed"]["seconds"] < 10


def test_it_is_restarted_at_the_same_url(life):
    assert life["url after the restart"] == life["url"]
    assert life["on connect after the restart"] == life["on local"]


def test_what_it_cannot_do_is_one_line(life):
    assert life["stages"].startswith("Spark Connect does not show its stages to a client: ")
    assert life["settings"]["line"].startswith("Spark Connect cannot be given spark.speculation: ")


def test_it_knows_delta(life):
    assert life["rows of the Delta table"] == 3


def test_the_batch_job_decides_through_it_as_direct_scoring_does(life):
    assert life["batch job"] == {"days": ["2013-11-04"], "rows": 978, "as direct scoring": True}


def test_a_running_session_without_delta_says_what_to_do(life):
    assert "stop_spark() first" in life["local without Delta"]["line"]


def test_it_listens_on_this_machine_only(life):
    assert {address.removeprefix("::ffff:") for address in life["listens at"]} <= {"127.0.0.1", "::1"}


def test_nothing_is_left(life):
    assert life["left"] == []
