"""What the tests share."""

import pytest


@pytest.fixture(scope="session")
def spark():
    """One Spark session for all tests of a process."""
    from course_lib import get_spark, stop_spark

    yield get_spark("tests", master="local[2]")
    stop_spark()
