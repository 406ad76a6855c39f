"""What the tests of sweeps and of the warm engine share."""

import pytest

from course_lib.sweeps.warm_engine import register
from course_lib.sweeps.warm_runs import close_nursery, open_nursery

register()


@pytest.fixture(scope="session", autouse=True)
def one_nursery():
    """Keep one nursery for the tests of a process, and leave no process behind."""
    open_nursery(["course_lib", "pandas"])
    yield
    close_nursery()
