"""Delta Lake from the two jars in the cache, without a network."""

import pytest
from apart import tell


@pytest.fixture(scope="module")
def life(tmp_path_factory, jars_are_here, without_network):
    return tell("delta_life.py", tmp_path_factory.mktemp("work"), prefix=without_network)


def test_a_table_is_written_and_read(life):
    assert life["rows"] == [16, 16]


def test_a_former_version_is_read(life):
    assert (life["after a delete"], life["of the first version"]) == (15, 16)


def test_a_wrong_column_is_refused(life):
    assert life["a wrong column"] == "AnalysisException"


def test_asking_again_gives_the_same_session(life):
    assert life["asked again"]


def test_a_session_without_it_says_what_to_do(life):
    assert life["too late"].startswith("Spark runs without Delta Lake: call stop_spark() first")
