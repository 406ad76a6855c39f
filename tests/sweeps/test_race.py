"""Contestants on growing data, each in a process of its own under one limit."""

import os
import signal
import subprocess
import sys
import tempfile

import psutil
import pytest

from course_lib import CourseError, race
from course_lib.places import REPOSITORY

LIMIT = 300e6


def holds(megabytes):
    return len(b"x" * (megabytes << 20))


def holds_in_a_child(megabytes):
    import subprocess
    import sys

    child = f"import time; block = b'x' * ({megabytes} << 20); time.sleep(1)"
    subprocess.run([sys.executable, "-c", child], check=True)
    return megabytes


def is_refused(megabytes):
    if megabytes > 200:
        raise RuntimeError("Out of Memory Error: could not allocate block")
    return {"held": megabytes}


def waits(megabytes):
    import time

    time.sleep(60 if megabytes > 200 else 0)


def fails(megabytes):
    return 1 / (megabytes - 400)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All that came of it, by contestant; the folder for temporary files afterwards."""
    folder = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        contestants = {function.__name__: function for function in (holds, holds_in_a_child, is_refused, waits, fails)}
        attempts = list(race(contestants, "megabytes", [100, 400, 800], LIMIT, seconds=15))
    return {name: [attempt for attempt in attempts if attempt.contestant == name] for name in contestants} | {
        "left": list(folder.iterdir())
    }


def outcomes(attempts):
    return [attempt.outcome for attempt in attempts]


def test_each_goes_on_until_it_fails(ran):
    assert outcomes(ran["holds"]) == ["finished", "out of memory"]
    assert outcomes(ran["waits"]) == ["finished", "out of time"]
    assert outcomes(ran["fails"]) == ["finished", "failed"]
    assert ran["fails"][1].error == "ZeroDivisionError: division by zero"


def test_memory_that_no_sample_saw_counts(ran):
    """The allocation lasts a tenth of a second, and holds Python's lock."""
    first, second = ran["holds"]
    assert 100 << 20 < first.peak_bytes < 200 << 20
    assert second.peak_bytes > LIMIT


def test_the_limit_is_for_all_its_processes(ran):
    assert outcomes(ran["holds_in_a_child"]) == ["finished", "out of memory"]
    assert ran["holds_in_a_child"][1].seconds < 15


def test_an_engine_that_refuses_is_out_of_memory(ran):
    assert outcomes(ran["is_refused"]) == ["finished", "out of memory"]
    assert ran["is_refused"][1].error == "RuntimeError: Out of Memory Error: could not allocate block"


def test_the_answer_is_given(ran):
    assert ran["is_refused"][0].answer == {"held": 100}
    assert ran["holds"][1].answer is None


def test_nothing_is_left(ran):
    assert ran["left"] == []


def test_what_is_no_function_is_one_line():
    with pytest.raises(CourseError, match="'sum' must be a function that is written with `def`"):
        next(race({"sum": sum}, "rows", [1], LIMIT, seconds=15))


def test_a_contestant_ends_with_the_one_who_asked(tmp_path):
    script = tmp_path / "asks.py"
    script.write_text(
        "from course_lib import race\n"
        "def waits(size):\n    import time\n    time.sleep(60)\n"
        "next(race({'waits': waits}, 'size', [1], 1e9, seconds=60))\n"
    )
    asks = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    contestants = []
    while not contestants:
        assert asks.poll() is None
        contestants = [one for one in psutil.Process(asks.pid).children() if "contestant.py" in str(one.cmdline())]
    asks.send_signal(signal.SIGKILL)
    asks.wait()
    assert psutil.wait_procs(contestants, timeout=20)[1] == []
