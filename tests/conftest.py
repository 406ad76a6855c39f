"""What the tests share."""

import pytest


@pytest.fixture(scope="session")
def spark():
    """One Spark session for all tests of a process."""
    from course_lib import get_spark, stop_spark

    yield get_spark("tests", master="local[2]")
    stop_spark()


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured with `record_property`, one line a value."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    measured = [pair for report in reports for pair in getattr(report, "user_properties", [])]
    if measured:
        terminalreporter.section("measured")
    for name, value in measured:
        terminalreporter.line(f"{name}: {value}")
