"""Time, CPU and memory of a piece of work and all the processes that it starts: Spark's JVM, Python workers."""

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import psutil

from course_lib.machine import give_back_memory

_SAMPLE_SECONDS = 0.05


@dataclass
class Block:
    """What a block of code took; filled in when the block ends.

    Attributes
    ----------
    label : str
        Its name.
    rows : int or None
        How many rows it worked on.
    seconds : float
        Wall time.
    cpu_seconds : float
        CPU time, user and system, of this process and of every process below it; on Linux also of those that ended
        meanwhile, if the process that started them asked how. Spark does not ask this of its Python workers, so what
        one used is lost if it ends inside the block: they wait a minute for more work before they do.
    peak_bytes : int
        The most memory that this process and every process below it held at one time, sampled up to 20 times a second.
        On Linux a page that several of them share (libraries, what a fork has not written to) counts once
        (proportional set size); elsewhere resident sizes are added, which counts it several times. A call into C that
        holds Python's lock also holds up the samples; on Linux the kernel's own mark of this process makes up for it.
    """

    label: str
    rows: int | None = None
    seconds: float = float("nan")
    cpu_seconds: float = float("nan")
    peak_bytes: int = 0

    @property
    def rows_per_second(self) -> float:
        """Rows divided by wall time; NaN where no rows were given."""
        return self.rows / self.seconds if self.rows is not None else float("nan")

    def __str__(self) -> str:
        text = (
            f"{self.label}: {self.seconds:.2f} s, CPU {self.cpu_seconds:.2f} s, peak {self.peak_bytes / 2**20:,.0f} MiB"
        )
        return text if self.rows is None else f"{text}, {self.rows_per_second:,.0f} rows/s"


@dataclass(frozen=True)
class Ratio:
    """How many times longer one thing takes than another.

    Attributes
    ----------
    ratio : float
        Median over the pairs.
    low, high : float
        Interval for that median; see `ratio_of_pairs`.
    """

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}]"


@contextlib.contextmanager
def block(label: str, rows: int | None = None):
    """Measure what happens inside ``with``.

    Parameters
    ----------
    label : str
        A name for it.
    rows : int, optional
        How many rows it works on, for rows per second.

    Yields
    ------
    Block
        Filled in at the end of the block, also when it raises.

    Examples
    --------
    >>> with block("sum", rows=1000) as total:
    ...     _ = sum(range(1000))
    >>> total.cpu_seconds >= 0
    True
    """
    result = Block(label, rows)
    sampler = _Sampler()
    own = _OwnPeak()
    with _one_at_a_time:
        for outer in _watching:
            outer.look()  # before the mark is set back
        own.start()
        _watching.append(own)
    sampler.start()
    cpu = tree_cpu()
    start = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - start
        sampler.finish()
        result.cpu_seconds = tree_cpu() - cpu
        with _one_at_a_time:
            result.peak_bytes = max(sampler.peak, own.look())
            _watching.remove(own)


def repeat(function: Callable[[], object], repeats: int = 5, rows: int | None = None):
    """Measure a function several times, to see how much its figures vary.

    Parameters
    ----------
    function : callable
        Called without arguments.
    repeats : int
        How often.
    rows : int, optional
        How many rows one call works on.

    Returns
    -------
    pandas.DataFrame
        One row a call, in the order they ran (the first often pays for what later ones reuse): ``seconds``,
        ``cpu_seconds``, ``peak_bytes``, ``rows_per_second``.
    """
    import pandas as pd

    records = []
    for number in range(repeats):
        with block(str(number), rows) as run:
            function()
        give_back_memory()  # the next call, and what follows, starts without what this one has left behind
        records.append((run.seconds, run.cpu_seconds, run.peak_bytes, run.rows_per_second))
    return pd.DataFrame(records, columns=["seconds", "cpu_seconds", "peak_bytes", "rows_per_second"])


def compare(first: Callable[[], object], second: Callable[[], object], pairs: int = 5) -> Ratio:
    """Say how many times longer `first` takes than `second`.

    Both run once in each pair, taking turns to begin, so that a machine that is busy for a while slows both.

    Parameters
    ----------
    first, second : callable
        Called without arguments. Each is called once beforehand, unmeasured, so that none pays for warming up.
    pairs : int
        How many pairs; with six or more the interval has a confidence of 95 %.

    Returns
    -------
    Ratio
        Seconds of `first` divided by seconds of `second`.
    """
    first(), second()
    times = []
    for number in range(pairs):
        taken = {}
        for function in (first, second) if number % 2 == 0 else (second, first):
            start = time.perf_counter()
            function()
            taken[function] = time.perf_counter() - start
        times.append((taken[first], taken[second]))
    return ratio_of_pairs(times)


def ratio_of_pairs(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Give the median ratio of paired measurements with its interval.

    Parameters
    ----------
    pairs : sequence of (float, float), length n
        The first value of each is divided by the second.

    Returns
    -------
    Ratio
        The interval is that of the sign test, which supposes nothing about the shape of the noise: the narrowest pair
        of ordered ratios that holds the true median with at least 95 % confidence. With fewer than six pairs there
        is none, and it is the smallest and the largest ratio (94 % for five pairs, 75 % for three).

    References
    ----------
    Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2 (confidence interval for a quantile).
    """
    ratios = sorted(first / second for first, second in pairs)
    n = len(ratios)
    skip, missed = 0, 1 / 2**n  # probability that the median lies below the (skip + 1)-th ratio
    while missed + comb(n, skip + 1) / 2**n <= 0.025:
        skip += 1
        missed += comb(n, skip) / 2**n
    return Ratio(statistics.median(ratios), ratios[skip], ratios[n - 1 - skip])


class _Sampler(threading.Thread):
    """Watches how much memory the process tree holds, on a twentieth of a core at most."""

    def __init__(self):
        super().__init__(daemon=True, name="measure")
        self.peak = 0
        self._ended = threading.Event()

    def run(self):
        ended = False
        while not ended:
            start = time.thread_time()
            self.peak = higher_peak(self.peak)
            ended = self._ended.wait(max(_SAMPLE_SECONDS, 20 * (time.thread_time() - start)))
        self.peak = higher_peak(self.peak)

    def finish(self):
        self._ended.set()
        self.join()


class _OwnPeak:
    """The most that this process alone has held since the start, by the mark that Linux keeps of it (elsewhere 0)."""

    def __init__(self):
        self._mark_at_start = self._bytes = 0

    def start(self) -> None:
        """Set the mark back; whoever else watches it has to look before."""
        with contextlib.suppress(OSError):  # not Linux, or not allowed: then the mark only counts where it still rises
            Path("/proc/self/clear_refs").write_text("5")
        self._mark_at_start = _mark_and_held()[0]

    def look(self) -> int:
        """Bytes at most until now: what this process holds (see `memory_of`), and what it has given back since."""
        mark, held = _mark_and_held()
        if mark > self._mark_at_start:
            with contextlib.suppress(psutil.Error, OSError):
                self._bytes = max(self._bytes, memory_of(psutil.Process()) + mark - held)
        return self._bytes


def _mark_and_held() -> tuple[int, int]:
    """Resident bytes of this process, at most since the mark was set back, and now; zeros where Linux does not say."""
    try:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return 1024 * int(status["VmHWM"].split()[0]), 1024 * int(status["VmRSS"].split()[0])
    except (OSError, LookupError, ValueError):
        return 0, 0


_life = _OwnPeak()
_watching = [_life]
_one_at_a_time = threading.Lock()


def own_peak() -> int:
    """Give the most memory that this process alone has held in its life; see `Block` for what is counted.

    Returns
    -------
    int
        Bytes; 0 where the system keeps no mark of it (Linux does).
    """
    return _life.look()


def higher_peak(peak: int, pid: int | None = None) -> int:
    """Look once more how much memory a process tree holds, and give the peak after that.

    A command that is being started shares its parent's memory until it becomes itself, milliseconds later, and would
    count all of it twice. So what a second look does not confirm is no peak.

    Parameters
    ----------
    peak : int
        The most that was seen so far, in bytes.
    pid : int, optional
        The process at the top; this one by default.

    Returns
    -------
    int
        Bytes.
    """
    # Resident sizes count a shared page for each who has it: never less than the parts, which take long to add up.
    if _of_tree(pid, _resident) <= peak:
        return peak
    held = tree_memory(pid)
    return max(peak, min(held, tree_memory(pid))) if held > peak else peak


def tree_memory(pid: int | None = None) -> int:
    """Give the memory that a process and all below it hold now; see `Block` for what is counted.

    Parameters
    ----------
    pid : int, optional
        The process at the top; this one by default.

    Returns
    -------
    int
        Bytes.
    """
    return _of_tree(pid, memory_of)


def memory_of(process: psutil.Process) -> int:
    """Give the bytes that one process holds now, of pages that it shares its part (Linux; elsewhere all of them)."""
    # A command that the JVM starts (chmod) shares the JVM's memory until it becomes itself, and would count it twice:
    # psutil reads the resident size after the proportional one, and that is small by then.
    memory = process.memory_full_info() if psutil.LINUX else process.memory_info()
    return min(memory.pss, memory.rss) if psutil.LINUX else memory.rss


def tree_cpu(pid: int | None = None) -> float:
    """Give the CPU time that a process and all below it have used so far; see `Block` for those that have ended.

    Parameters
    ----------
    pid : int, optional
        The process at the top; this one by default.

    Returns
    -------
    float
        Seconds, user and system together.
    """
    used = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error, OSError):
            times = process.cpu_times()
            used += times.user + times.system
            # What a child used passes to its parent when it ends, unless the parent ignores it (pyspark/daemon.py).
            used += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return used


def _of_tree(pid: int | None, bytes_of: Callable[[psutil.Process], int]) -> int:
    held = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error, OSError):  # it has ended meanwhile
            held += bytes_of(process)
    return held


def _resident(process: psutil.Process) -> int:
    return process.memory_info().rss


def _tree(pid: int | None) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
