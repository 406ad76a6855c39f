import os

import psutil
import pytest

from course_lib import CourseError, get_spark
from course_lib.engines import addresses, sizes


def test_a_second_call_gives_the_same_session(spark):
    assert get_spark() is spark
    assert get_spark("other name", master="local[2]") is spark


def test_another_master_while_one_runs_says_what_to_do(spark):
    with pytest.raises(CourseError, match=r"call stop_spark\(\) first"):
        get_spark(master="local[1]")


def test_the_environment_may_name_the_master(spark, monkeypatch):
    monkeypatch.setenv("SPARK_MASTER", "local[7]")
    with pytest.raises(CourseError, match=r"local\[7\]"):
        get_spark()


def test_two_masters_in_the_environment_are_refused(spark, monkeypatch):
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(CourseError, match="unset one"):
        get_spark()


def test_times_are_in_utc(spark):
    assert spark.sql("SELECT string(timestamp_seconds(0))").first()[0] == "1970-01-01 00:00:00"


def test_few_shuffle_partitions_and_adaptive_execution(spark):
    assert int(spark.conf.get("spark.sql.shuffle.partitions")) <= 4 * os.cpu_count()
    assert spark.conf.get("spark.sql.adaptive.enabled") == "true"


def test_the_low_memory_profile_has_a_small_heap(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "low-memory")
    assert sizes.heap_mib() == 480


def test_the_heap_leaves_most_of_the_memory_to_python():
    assert sizes.heap_mib() <= max(512, psutil.virtual_memory().total // 4 // 2**20)


def test_only_what_stays_on_this_machine_is_bound_to_loopback():
    assert addresses.stays_here("local[2]")
    assert addresses.stays_here("spark://127.0.0.1:7077")
    assert not addresses.stays_here("spark://127.0.0.1:7077,cluster.example:7077")
    assert not addresses.stays_here("yarn")


def test_a_session_that_has_the_settings_asked_for_is_given(spark):
    assert get_spark(settings={"spark.sql.adaptive.enabled": True}) is spark


def test_other_settings_while_one_runs_are_refused(spark):
    with pytest.raises(CourseError, match=r"spark\.speculation not set and was asked for with true: call stop_spark"):
        get_spark(settings={"spark.speculation": True})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"spark.master": "local[1]"}, "give it as `master`"),
        ({"spark.local.dir": "here"}, "the course sets it"),
        ({"speculation": True}, "begin with 'spark.'"),
        ({"spark.driver.memory": "100m"}, "480m"),
    ],
)
def test_a_setting_that_is_not_to_be_given_is_refused(spark, settings, reason):
    with pytest.raises(CourseError, match=reason):
        get_spark(settings=settings)
