"""Someone who looks now and then what a run and all its processes hold, and ends them when they pass a limit."""

import contextlib
import math
import threading
import time
from typing import Protocol

from course_lib.sweeps.plan import Limits
from course_lib.sweeps.run_tree import end_tree, tree_of

_SAMPLE_SECONDS, _PARTS = 0.25, 40


class Watched(Protocol):
    """A run: its first process, which leads a session, what marks its processes, and when it started (`start_of`)."""

    pid: int
    mark: str
    start: int


class Watch:
    """Measures a run now and then, and ends it with all its processes when it passes a limit.

    Parameters
    ----------
    run : Watched
        The run.
    limits : Limits
        What it may take.
    began : float
        When it began, by `time.monotonic`.
    sample_seconds : float
        How often it looks, at most.
    parts : float
        Looking takes at most one part in so many of a core.

    Attributes
    ----------
    peak_bytes : int
        The most that the run was seen to hold.
    cpu_seconds : float
        What it had used when it was last seen.
    passed : (str, str) or None
        Which limit (``"time"``, ``"memory"``), and in words.
    """

    def __init__(
        self,
        run: Watched,
        limits: Limits,
        began: float,
        sample_seconds: float = _SAMPLE_SECONDS,
        parts: float = _PARTS,
    ):
        self.run, self._limits = run, limits
        self._sample_seconds, self._parts = sample_seconds, parts
        self.peak_bytes, self.cpu_seconds, self.passed = 0, 0.0, None
        self._end = began + limits.seconds if limits.seconds else math.inf
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        pause = self._sample_seconds
        while not self._over.wait(max(0, min(pause, self._end - time.monotonic()))):
            if time.monotonic() >= self._end:
                self.passed = ("time", f"it took longer than {self._limits.seconds:g} s")
                break
            began = time.thread_time()
            held, used = self._held_and_used()
            if held > self.peak_bytes:  # what a second look does not confirm is no peak: see `measure.higher_peak`
                held = min(held, self._held_and_used()[0])
            self.peak_bytes, self.cpu_seconds = max(self.peak_bytes, held), max(self.cpu_seconds, used)
            if self._limits.memory and held > self._limits.memory:
                limit = self._limits.memory
                self.passed = ("memory", f"it held {held / 1e6:,.0f} MB, more than {limit / 1e6:,.0f} MB")
                break
            pause = max(self._sample_seconds, self._parts * (time.thread_time() - began))
        if self.passed:
            end_tree(self.run.pid, self.run.mark, self.run.start)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _held_and_used(self) -> tuple[int, float]:
        """Give the bytes that the run's processes hold now, and the seconds of CPU that they have used."""
        import psutil

        from course_lib import measure

        held, used = 0, 0.0
        for pid in tree_of(self.run.pid, self.run.mark, self.run.start):
            with contextlib.suppress(psutil.Error, OSError):
                process = psutil.Process(pid)
                held += measure.memory_of(process)
                used += sum(process.cpu_times()[:4])
        return held, used
