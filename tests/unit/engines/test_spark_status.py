import pandas as pd
import pytest

from course_lib import CourseError, spark_status, stages_of


@pytest.fixture(scope="module")
def ran(spark):
    """What Spark did for a shuffle of 600 rows, 100 for each of six parts."""
    with stages_of(spark) as ran:
        spark.range(0, 6000, 1, 6).selectExpr("id % 100 AS key").groupBy("key").count().collect()
    return ran


def test_jobs_are_shown_as_they_ended(ran):
    assert len(ran.jobs) >= 1
    assert set(ran.jobs["status"]) == {"SUCCEEDED"}
    assert ran.jobs["completed_tasks"].sum() == ran.stages["tasks"].sum()


def test_stages_say_what_they_read_and_what_they_handed_on(ran):
    first, *_, last = ran.stages.to_dict("records")
    assert (first["tasks"], first["input_rows"], first["shuffle_write_rows"]) == (6, 6000, 600)
    assert last["shuffle_read_rows"] == 600
    assert last["shuffle_read_bytes"] == first["shuffle_write_bytes"] > 0


def test_tasks_add_up_to_their_stage(ran):
    sums = ran.tasks().groupby("stage")[["shuffle_read_bytes", "shuffle_write_bytes", "run_seconds"]].sum()
    of_stages = ran.stages.set_index("stage")[sums.columns]
    pd.testing.assert_frame_equal(sums, of_stages, check_dtype=False)
    assert (ran.tasks()["seconds"] < 60).all()


def test_a_block_shows_its_own_jobs_alone(spark, ran):
    with stages_of(spark) as later:
        spark.range(3).collect()
    assert not set(later.jobs["job"]) & set(ran.jobs["job"])
    with stages_of(spark) as none:
        pass
    assert len(none.jobs) == len(none.stages) == len(none.tasks()) == 0


def test_a_block_that_raises_is_shown_too(spark):
    with pytest.raises(Exception, match="DIVIDE_BY_ZERO"), stages_of(spark) as ran:
        spark.range(3).selectExpr("1 / (id - 1)").collect()
    assert list(ran.stages["status"]) == ["FAILED"]
    assert ran.tasks()["failure"].str.contains("DIVIDE_BY_ZERO").any()


def test_executors_are_shown(spark):
    executor = spark_status.executors(spark).iloc[0]
    assert executor["alive"]
    assert executor["cores"] == 2


def test_a_stage_that_is_not_there_is_one_line(spark):
    with pytest.raises(CourseError, match="no attempt 0 at a stage 99999"):
        spark_status.tasks(spark, 99999)
