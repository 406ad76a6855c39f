import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from course_lib import measure

MIB = 2**20


def spin(seconds):
    """Use the CPU for that long, whatever else the machine does."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def measured(work: str, before: str = "") -> dict[str, float]:
    """What `measure` says of work, in a Python of its own: here a Spark session of other tests may be at work."""
    indented = "\n    ".join(work.splitlines())
    script = f"""
import json, subprocess, sys, time
import numpy as np
from course_lib import measure

def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

{before}
with measure.block("empty") as empty:
    pass
with measure.block("work") as run:
    {indented}
print(json.dumps({{"growth": run.peak_bytes - empty.peak_bytes, "seconds": run.seconds, "cpu": run.cpu_seconds}}))
"""
    return json.loads(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)


def test_memory_of_an_allocation_is_seen():
    growth = measured(f"array = np.ones(200 * {MIB} // 8)\nspin(0.2)")["growth"]
    assert 190 * MIB < growth < 240 * MIB


marked = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux marks the peak of a process")


@marked
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), (f"len(b'x' * (400 * {MIB}))", ""), ("", "with measure.block('inner'): pass")],
    ids=["alone", "after a higher peak", "before a block within"],
)
def test_memory_held_in_one_call_is_seen(before, after):
    """The call holds Python's lock, so that no sample falls into it."""
    assert 190 * MIB < measured(f"len(b'x' * (200 * {MIB}))\n{after}", before)["growth"] < 240 * MIB


@marked
def test_the_peak_of_a_life_outlasts_the_blocks_after_it():
    measured(f"assert 400 * {MIB} < measure.own_peak() < 500 * {MIB}", before=f"len(b'x' * (400 * {MIB}))")


def test_memory_of_a_child_process_is_seen():
    child = "import time; block = b'x' * (200 << 20)\nwhile time.process_time() < 0.8: pass"
    assert measured(f"subprocess.run([sys.executable, '-c', {child!r}], check=True)")["growth"] > 190 * MIB


def test_cpu_of_this_process_is_counted():
    assert measured("spin(0.3)")["cpu"] == pytest.approx(0.3, abs=0.15)


def test_cpu_of_a_child_that_has_ended_is_counted():
    child = "import time\nwhile time.process_time() < 0.5: pass"
    run = measured(f"subprocess.run([sys.executable, '-c', {child!r}], check=True)")
    assert run["cpu"] == pytest.approx(0.5, abs=0.25)


def test_waiting_takes_wall_time_but_no_cpu():
    child = "import time; time.sleep(0.4)"
    run = measured(f"subprocess.run([sys.executable, '-S', '-c', {child!r}], check=True)")
    assert run["seconds"] >= 0.4
    assert run["cpu"] < 0.3


def test_rows_per_second():
    with measure.block("rows", rows=1000) as run:
        spin(0.05)
    assert run.rows_per_second == pytest.approx(1000 / run.seconds)


def test_a_block_that_fails_is_measured_and_still_fails():
    with pytest.raises(ZeroDivisionError), measure.block("fails") as run:
        1 / 0  # noqa: B018
    assert run.seconds >= 0


def test_repeat_gives_one_row_a_call():
    calls = []
    table = measure.repeat(lambda: calls.append(1), repeats=3, rows=10)
    assert len(calls) == len(table) == 3
    assert isinstance(table, pd.DataFrame)
    assert (table["rows_per_second"] > 0).all()


def test_compare_finds_a_known_ratio():
    ratio = measure.compare(lambda: spin(0.06), lambda: spin(0.02), pairs=7)
    assert ratio.low <= ratio.ratio <= ratio.high
    assert ratio.ratio == pytest.approx(3, rel=0.5)


def test_compare_takes_the_same_function_twice():
    assert measure.compare(list, list, pairs=1).ratio > 0


def test_a_slow_spell_hits_both_and_leaves_the_ratio():
    pairs = [(2.0 * spell, 1.0 * spell) for spell in (1, 1, 10, 1, 5, 1)]
    assert str(measure.ratio_of_pairs(pairs)) == "2.00 [2.00, 2.00]"


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        logs = random.normal(np.log(2), 0.3, size=9)
        interval = measure.ratio_of_pairs([(np.exp(value), 1.0) for value in logs])
        hits += interval.low <= 2 <= interval.high
    assert 0.95 <= hits / 1000 <= 0.98  # nine pairs: second smallest to second largest, exactly 96.1 %
