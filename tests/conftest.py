"""What the tests share."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def spark():
    """One Spark session for all tests of a process."""
    from course_lib import get_spark, stop_spark

    yield get_spark("tests", master="local[2]")
    stop_spark()


def allowed(words: list[str], what: str) -> list[str]:
    """Give words that run a command in a namespace of its own; skip the test where this machine does not allow them."""
    try:
        works = subprocess.run([*words, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        works = False
    if not works and not os.environ.get("CI"):
        pytest.skip(f"this machine does not allow {what}")
    assert works, f"CI must allow {what}"
    return words


@pytest.fixture(scope="session")
def without_network() -> list[str]:
    """The words that run a command in a network namespace with nothing but loopback."""
    helper = Path(__file__).parent / "notebooks" / "without_network.py"
    return allowed(["unshare", "--net", "--map-root-user", sys.executable, str(helper)], "network namespaces")


@pytest.fixture(scope="session")
def without_host_name() -> list[str]:
    """The words that run a command where the name of this machine has no address."""
    name = 'hostname no-such-host; exec "$@"'
    return allowed(["unshare", "--uts", "--map-root-user", "sh", "-c", name, "sh"], "namespaces of host names")


@pytest.fixture(scope="session")
def as_user():
    """A function that gives the words that run a command as the user of a number, who is not root."""

    def words(number: int) -> list[str]:
        return allowed(["unshare", f"--map-user={number}", f"--map-group={number}"], "namespaces of users")

    return words


@pytest.fixture(scope="session")
def with_temporary_folder():
    """A function that gives the words that run a command with a folder for temporary files, mounted by options."""

    def words(folder: Path, options: str) -> list[str]:
        mount = f'mount -t tmpfs -o {options} tmpfs "$TMPDIR" && exec "$@"'
        words = ["unshare", "--mount", "--map-root-user", "env", f"TMPDIR={folder}", "sh", "-c", mount, "sh"]
        return allowed(words, "mounts in a namespace")

    return words


def pytest_configure():
    """Let processes that tests start hear Ctrl-C: a shell that put the test run into the background made it deaf."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, so that all processes end at about the same time."""
    long = [config.rootpath / "tests" / name for name in ("notebooks", "browser", "engines", "sweeps")]
    order = [*long, config.rootpath / "notebooks"]
    items.sort(key=lambda item: next((n for n, folder in enumerate(order) if folder in item.path.parents), len(order)))


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured with `record_property`, one line a value."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    measured = [pair for report in reports for pair in getattr(report, "user_properties", [])]
    if measured:
        terminalreporter.section("measured")
    for name, value in measured:
        terminalreporter.line(f"{name}: {value}")
