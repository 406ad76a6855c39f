"""An HDFS of real processes on this machine."""

import pytest
from apart import tell


@pytest.fixture(scope="module")
def life(tmp_path_factory, jars_are_here, without_host_name):
    return tell("hdfs_life.py", tmp_path_factory.mktemp("work"), prefix=without_host_name)


def test_it_needs_no_address_for_this_machines_name(life):
    assert not life["the name has an address"]


def test_spark_reads_what_it_wrote(life):
    assert life["written"] == life["original"]


def test_a_file_has_several_blocks_with_two_replicas_each(life):
    assert max(file["blocks"] for file in life["files"]) >= 3
    assert {(block["wanted"], block["replicas"]) for block in life["blocks"]} == {(2, 2)}
    assert all(len(set(block["data_nodes"].split(", "))) == 2 for block in life["blocks"])


def test_blocks_add_up_to_the_files(life):
    assert sum(block["bytes"] for block in life["blocks"]) == sum(file["bytes"] for file in life["files"])
    assert max(block["bytes"] for block in life["blocks"]) <= 2**20


def test_it_takes_writes_when_it_is_given(life):
    health = life["health"][0]
    assert (health["live_nodes"], health["safe_mode"], health["under_replicated"]) == (2, False, 0)


def test_pandas_reads_a_file_over_http(life):
    in_pandas, in_spark = life["rows of a file"]
    assert in_pandas == in_spark > 0


def test_the_same_bytes_are_read_after_a_data_node_is_killed(life):
    before, at_once, when_noticed, when_healed = life["bytes"]
    assert before == at_once == when_noticed == when_healed
    assert len(before) >= 2


def test_under_replicated_blocks_are_counted_after_the_loss(life):
    health = life["health"][1]
    assert (health["live_nodes"], health["dead_nodes"], health["missing"]) == (1, 1, 0)
    files = [file for file in life["files after the loss"] if not file["file"].endswith("_SUCCESS")]
    assert health["under_replicated"] == len(life["blocks"]) == sum(file["under_replicated"] for file in files)


def test_fsck_says_the_same(life):
    (line,) = (line for line in life["fsck after the loss"].splitlines() if "Under-replicated blocks:" in line)
    assert line.split()[2] == str(len(life["blocks"]))


def test_a_new_data_node_makes_it_whole(life):
    health = life["health"][2]
    assert (health["live_nodes"], health["under_replicated"]) == (2, 0)


def test_an_unknown_path_is_one_line(life):
    assert life["no such path"].startswith("There is no /nothing in hdfs://")


def test_it_listens_on_this_machine_only(life):
    assert {address.removeprefix("::ffff:") for address in life["listens at"]} <= {"127.0.0.1", "::1"}


def test_nothing_is_left(life):
    assert life["left"] == []
