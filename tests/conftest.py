"""What the tests share."""

import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path

import default_run
import namespaces
import pytest

# Two workers share two cores: threads of one library that wait for each other would count as work of a lesson.
for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")
# The jobs of tests are short: a JVM that never optimises takes a fifth less CPU. Default runs of lessons do without.
os.environ.setdefault("COURSE_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

LONGEST_FIRST = (
    "tests/notebooks",
    "notebooks",
    "tests/browser",
    "tests/engines",
    "tests/sweeps",
    "tests/unit/data",
    "tests/unit/exercises",
    "tests/unit/analysis",
)
# What comes last and gives way where the time is short: no test of these begins after COURSE_TEST_UNTIL, in seconds
# since 1970. CI sets it, whose machine takes three times as long in one hour as in another.
CAN_WAIT = ("tests/engines", "tests/sweeps", "tests/notebooks/test_second_parameters.py")
UNTIL = float(os.environ.get("COURSE_TEST_UNTIL", "inf"))


@pytest.fixture(scope="session")
def spark():
    """One Spark session for all tests of a process."""
    from course_lib import get_spark, stop_spark

    yield get_spark("tests", master="local[2]")
    stop_spark()


@pytest.fixture(scope="session")
def without_network() -> tuple[str, ...]:
    """The words that run a command in a network namespace with nothing but loopback."""
    return allowed_or_skip(namespaces.WITHOUT_NETWORK)


@pytest.fixture(scope="session")
def without_host_name() -> tuple[str, ...]:
    """The words that run a command where the name of this machine has no address."""
    return allowed_or_skip(namespaces.WITHOUT_HOST_NAME)


@pytest.fixture(scope="session")
def as_user():
    """A function that gives the words that run a command as the user of a number, who is not root."""
    return lambda number: allowed_or_skip(namespaces.as_user(number))


@pytest.fixture(scope="session")
def with_temporary_folder():
    """A function that gives the words that run a command with a folder for temporary files, mounted by options."""
    return lambda folder, options: allowed_or_skip(namespaces.with_temporary_folder(folder, options))


def allowed_or_skip(words: tuple[str, ...]) -> tuple[str, ...]:
    if not namespaces.allowed(words):
        pytest.skip(f"this machine does not allow {' '.join(words[:2])}")
    return words


def pytest_configure(config):
    """Run lessons our way, and let processes that tests start hear Ctrl-C.

    A shell that put the test run into the background made it deaf.
    """
    config.pluginmanager.register(default_run, "default-run")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, so that all processes end at about the same time."""
    order = [config.rootpath / name for name in LONGEST_FIRST]
    items.sort(key=lambda item: next((n for n, folder in enumerate(order) if folder in item.path.parents), len(order)))


@pytest.hookimpl(tryfirst=True)  # before what a test sets up
def pytest_runtest_setup(item):
    if time.time() > UNTIL and item.nodeid.startswith(CAN_WAIT):
        pytest.skip(f"no time is left on this machine for {lesson_of(item.nodeid) or item.path.name}")


def pytest_terminal_summary(terminalreporter):
    """Print what each lesson took, and what is slow beside the lessons."""
    outcomes = ("passed", "failed", "error")
    reports = [report for outcome in outcomes for report in terminalreporter.stats.get(outcome, [])]
    reports = [report for report in reports if hasattr(report, "duration")]  # not of a file that could not be collected
    by_lesson, took, measured, seconds = defaultdict(list), {}, [], defaultdict(float)
    for report in [*reports, *terminalreporter.stats.get("", [])]:  # the last: set-up and clean-up
        if lesson_of(report.nodeid) is None:
            seconds[report.nodeid] += report.duration
    for report in reports:
        name = lesson_of(report.nodeid)
        by_lesson[name].append(report.outcome == "passed")
        for what, value in report.user_properties:
            if what in ("default run", "second run"):
                took[name, what] = json.loads(value)
            else:
                measured.append(f"{what}: {value}")
    if took:
        terminalreporter.section("lessons")
        for line in table_of_lessons(by_lesson, took):
            terminalreporter.line(line)
    if measured:
        terminalreporter.section("measured")
        for line in measured:
            terminalreporter.line(line)
    if len(seconds) > 100:
        terminalreporter.section("the slowest ten of the other tests, with what they set up")
        for nodeid in sorted(seconds, key=seconds.get, reverse=True)[:10]:
            terminalreporter.line(f"{seconds[nodeid]:6.1f} s  {nodeid}")


def lesson_of(nodeid: str) -> str | None:
    """Name the lesson that a check is about, where it is about one."""
    file, _, rest = nodeid.partition("::")
    if file.endswith(".ipynb"):
        return Path(file).stem
    return rest.partition("[")[2].rstrip("]") or None if file.startswith("tests/notebooks/") else None


def table_of_lessons(by_lesson: dict[str | None, list[bool]], took: dict[tuple, dict]) -> list[str]:
    """Write a row for each lesson: its default run, its run with second parameters, and how many checks it passed."""
    lines = [
        f"{'':30} {'default run':>26}   {'second run':>14}",
        f"{'':30} {'seconds':>7} {'CPU s':>6} {'GB':>5} {'slow':>5}   {'seconds':>7} {'CPU s':>6}   checks",
    ]
    for name in sorted({name for name, _ in took}):
        first, second = took.get((name, "default run")), took.get((name, "second run"))
        cells = [" " * 26]
        if first:
            cells = [f"{first['seconds']:7.0f} {first['cpu_seconds']:6.0f} {first['peak_bytes'] / 1e9:5.2f}"]
            cells[0] += f" {first['slowness']:5.2f}"
        cells += [f"{second['seconds']:7.0f} {second['cpu_seconds']:6.0f}" if second else " " * 14]
        checks = by_lesson[name]
        lines.append(f"{name:30} {cells[0]}   {cells[1]}   {sum(checks)} of {len(checks)}")
    return lines
