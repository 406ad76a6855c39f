"""A cluster that is simulated event by event: what a thousand workers would do with tasks that were measured on two.

A driver hands out tasks one after the other, workers run them, some are slow, some workers are lost, and late tasks may
get a second copy. Nothing of it takes time here: a heap holds what happens next, and the clock jumps from one event to
the next (discrete-event simulation). The rules are those of Spark's scheduler, as far as they decide how long a stage
takes: a task that is lost with its worker is queued again; a copy starts only on another worker, and only when enough
tasks are done and this one runs several times longer than their median (`Speculation`).

What is left out: where data lie, memory, what tasks do to each other on one machine, tasks that are sent to a worker
whose loss was not noticed yet, and Spark's look at how quickly a slow task reads before it gets a copy
(``spark.speculation.efficiency.enabled``).
"""

import bisect
import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import CourseError


@dataclass(frozen=True)
class Speculation:
    """When a running task gets a second copy; the defaults are those of Spark 4.

    Attributes
    ----------
    quantile : float
        Share of the tasks that must be done before.
    multiplier : float
        The task has run for more than so many times the median of those that are done.
    interval_seconds : float
        How often the driver looks.
    least_seconds : float
        A task that has run for less gets none.

    References
    ----------
    https://spark.apache.org/docs/latest/configuration.html, ``spark.speculation.*``
    """

    quantile: float = 0.9
    multiplier: float = 3.0
    interval_seconds: float = 0.1
    least_seconds: float = 0.1


@dataclass(frozen=True)
class Run:
    """What a simulated stage took.

    Attributes
    ----------
    seconds : float
        From its beginning until the last task is done.
    busy_seconds : float
        Seconds of all attempts together, those in vain too.
    wasted_seconds : float
        Of these, seconds of attempts that were lost or came second.
    copies : int
        Second copies that were started.
    repeated : int
        Tasks that were queued again because their worker was lost.
    """

    seconds: float
    busy_seconds: float
    wasted_seconds: float
    copies: int
    repeated: int


@dataclass
class _Attempt:
    task: int
    worker: int
    start: float
    live: bool = True


def simulate(
    durations: ArrayLike,
    workers: int,
    *,
    again: ArrayLike | None = None,
    cores: int = 1,
    start_seconds: float | Sequence[float] = 0.0,
    launch_seconds: float = 0.0,
    overhead_seconds: float = 0.0,
    speculation: Speculation | None = None,
    losses: Sequence[tuple[float, int]] = (),
    replace_seconds: float = float("inf"),
    notice_seconds: float = 0.0,
    outputs_stay: bool = False,
) -> Run:
    """Run one stage of independent tasks on a simulated cluster.

    Parameters
    ----------
    durations : array-like of float, shape (tasks,)
        Seconds that the first attempt at each task computes, in the order in which they are handed out.
    workers : int
        How many there are.
    again : array-like of float, shape (tasks,), optional
        Seconds of every further attempt (a copy, a repetition); by default those of the first. A task that is slow
        wherever it runs has the same in both; one that met a slow machine is shorter here.
    cores : int
        Tasks that a worker runs at a time.
    start_seconds : float or sequence of float, length `workers`
        When each worker is ready.
    launch_seconds : float
        How long the driver is busy with handing out one task. It hands out one at a time: at a thousand workers this
        is what they wait for.
    overhead_seconds : float
        What an attempt takes on its worker beside computing.
    speculation : Speculation, optional
        When slow tasks get a copy; by default never.
    losses : sequence of (float, int)
        Second in which a worker (0 … `workers` - 1) is lost with all that it runs.
    replace_seconds : float
        After how long a new worker stands in for a lost one; by default never.
    notice_seconds : float
        After how long the driver notices a loss, and queues again what was lost.
    outputs_stay : bool
        Whether results stay on their worker until the stage is done, so that a loss takes them along (what a shuffle
        will read); else they went to the driver.

    Returns
    -------
    Run

    Raises
    ------
    CourseError
        No task, a value out of range, or no worker left.
    """
    durations = _positive("durations", durations)
    again = durations if again is None else _positive("again", again)
    if workers < 1 or cores < 1:
        raise CourseError(f"workers={workers}, cores={cores}: both must be 1 or more.")
    if len(again) != len(durations):
        raise CourseError(f"again has {len(again)} values for {len(durations)} tasks: give one a task, or none.")
    if unknown := [worker for _, worker in losses if not 0 <= worker < workers]:
        raise CourseError(f"losses name worker {unknown[0]}: the workers are 0 to {workers - 1}.")
    if min(launch_seconds, overhead_seconds, notice_seconds, replace_seconds, np.min(start_seconds)) < 0:
        raise CourseError("A time is negative: launch, overhead, notice, replace and start must be 0 seconds or more.")
    ready = np.broadcast_to(np.asarray(start_seconds, dtype=float), workers)
    stage = _Stage(durations, again, cores, launch_seconds, overhead_seconds, speculation, outputs_stay)
    for worker in range(workers):
        stage.at(ready[worker], "ready", worker)
    for second, worker in losses:
        stage.at(second, "loss", worker, replace_seconds, notice_seconds)
    return stage.run()


def shuffle_seconds(
    total_bytes: float, workers: int, tasks: int, bytes_per_second: float, connect_seconds: float = 0.0
) -> float:
    """Give the seconds that each task of a stage waits for what the stage before has left on all workers.

    Parameters
    ----------
    total_bytes : float
        All that the first stage wrote.
    workers : int
        On how many it lies; the share that lies on the task's own need not travel.
    tasks : int
        Tasks of the second stage, each of which reads its part.
    bytes_per_second : float
        What one worker's network gives to one task.
    connect_seconds : float
        What asking one other worker takes, besides the bytes.

    Returns
    -------
    float
    """
    if workers < 1 or tasks < 1 or bytes_per_second <= 0 or total_bytes < 0:
        raise CourseError("A shuffle needs workers, tasks, bytes and bytes a second: give positive numbers.")
    others = workers - 1
    return total_bytes / tasks * others / workers / bytes_per_second + others * connect_seconds


def draw_losses(
    generator: np.random.Generator, workers: int, per_hour: float, horizon_seconds: float
) -> list[tuple[float, int]]:
    """Draw when workers are lost: independently of each other, at a constant rate.

    Parameters
    ----------
    generator : numpy.random.Generator
        Where chance comes from.
    workers : int
        How many there are.
    per_hour : float
        Losses of one worker in an hour, on average.
    horizon_seconds : float
        Until when.

    Returns
    -------
    list of (float, int)
        Second and worker, in order of time; see `simulate`.
    """
    expected = per_hour / 3600 * horizon_seconds * workers
    number = generator.poisson(expected)
    when = np.sort(generator.uniform(0, horizon_seconds, number))
    who = generator.integers(workers, size=number)
    return list(zip(when.tolist(), who.tolist(), strict=True))


def _positive(name: str, values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0:
        raise CourseError(f"{name} has shape {values.shape}: give seconds for each task, and at least one task.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise CourseError(f"{name} must be 0 seconds or more, and finite.")
    return values


@dataclass
class _Stage:
    """A stage while it runs: what waits, what runs, what is done, and what happens next."""

    durations: np.ndarray
    again: np.ndarray
    cores: int
    launch_seconds: float
    overhead_seconds: float
    speculation: Speculation | None
    outputs_stay: bool
    events: list = field(default_factory=list)
    free: deque = field(default_factory=deque)  # workers, once for each free core
    alive: set = field(default_factory=set)
    done_on: dict = field(default_factory=dict)  # task to the worker that has done it
    running: dict = field(default_factory=dict)  # task to its live attempts
    tried: Counter = field(default_factory=Counter)
    of_done: list = field(default_factory=list)  # seconds of attempts that came first, sorted
    busy: float = 0.0
    wasted: float = 0.0
    copies: int = 0
    repeated: int = 0
    driver_free: float = 0.0
    checks: bool = False

    def __post_init__(self):
        self.waiting = deque(range(len(self.durations)))
        self.to_copy: deque = deque()
        self.copied: set = set()
        self.number = count()

    def at(self, second: float, kind: str, *what) -> None:
        heapq.heappush(self.events, (float(second), next(self.number), kind, what))

    def run(self) -> Run:
        now = 0.0
        while len(self.done_on) < len(self.durations):
            if not self.events:
                raise CourseError("No worker is left, and tasks are not done: lose fewer, or give replace_seconds.")
            now, _, kind, what = heapq.heappop(self.events)
            getattr(self, f"_{kind}")(now, *what)
            self._hand_out(now)
        for attempts in self.running.values():  # copies that lost their worker's race at the very end
            for attempt in attempts:
                self._spend(attempt, now, in_vain=True)
        return Run(now, self.busy, self.wasted, self.copies, self.repeated)

    def _ready(self, now: float, worker: int) -> None:
        if worker not in self.alive:
            self.alive.add(worker)
            self.free.extend([worker] * self.cores)

    def _hand_out(self, now: float) -> None:
        while self.free and self.waiting:
            self._launch(now, self.waiting.popleft(), self.free.popleft())
        for _ in range(len(self.to_copy)):
            task = self.to_copy.popleft()
            attempts = self.running.get(task)
            if not attempts:
                continue  # done meanwhile, or waiting again
            worker = next((one for one in self.free if one != attempts[0].worker), None)
            if worker is None:
                self.to_copy.append(task)
                continue
            self.free.remove(worker)
            self.copies += 1
            self._launch(now, task, worker)

    def _launch(self, now: float, task: int, worker: int) -> None:
        start = max(now, self.driver_free) + self.launch_seconds
        self.driver_free = start
        computes = (self.again if self.tried[task] else self.durations)[task]
        self.tried[task] += 1
        attempt = _Attempt(task, worker, start)
        self.running.setdefault(task, []).append(attempt)
        self.at(start + self.overhead_seconds + computes, "end", attempt)

    def _end(self, now: float, attempt: _Attempt) -> None:
        if not attempt.live:
            return
        for one in self.running.pop(attempt.task):
            one.live = False
            self._spend(one, now, in_vain=one is not attempt)
            if one.worker in self.alive:
                self.free.append(one.worker)
        self.done_on[attempt.task] = attempt.worker
        bisect.insort(self.of_done, now - attempt.start)
        if self.speculation and not self.checks and self._enough_are_done():
            self.checks = True
            every = self.speculation.interval_seconds
            self.at((now // every + 1) * every, "check")

    def _spend(self, attempt: _Attempt, now: float, in_vain: bool) -> None:
        seconds = max(now - attempt.start, 0.0)
        self.busy += seconds
        self.wasted += seconds * in_vain

    def _enough_are_done(self) -> bool:
        return len(self.done_on) >= max(int(self.speculation.quantile * len(self.durations)), 1)

    def _check(self, now: float) -> None:
        rule = self.speculation
        if self._enough_are_done():
            limit = max(rule.multiplier * self.of_done[len(self.of_done) // 2], rule.least_seconds)
            for task, attempts in self.running.items():
                if task not in self.copied and len(attempts) == 1 and now - attempts[0].start > limit:
                    self.copied.add(task)
                    self.to_copy.append(task)
        if self.running or self.events:  # neither: no worker is left
            self.at(now + rule.interval_seconds, "check")

    def _loss(self, now: float, worker: int, replace_seconds: float, notice_seconds: float) -> None:
        if worker not in self.alive:
            return
        self.alive.discard(worker)
        self.free = deque(one for one in self.free if one != worker)
        lost = []
        for task, attempts in list(self.running.items()):
            hit = [one for one in attempts if one.worker == worker]
            for attempt in hit:
                attempt.live = False
                attempts.remove(attempt)
                self._spend(attempt, now, in_vain=True)
            if not attempts:
                del self.running[task]
                lost.append(task)
            elif hit:
                self.copied.discard(task)  # its copy was lost, or has become the only attempt: it may get another
        if self.outputs_stay:
            of_worker = [task for task, done_by in self.done_on.items() if done_by == worker]
            for task in of_worker:
                del self.done_on[task]
                computes = (self.again if self.tried[task] > 1 else self.durations)[task] + self.overhead_seconds
                self.wasted += computes
            lost += of_worker
        self.repeated += len(lost)
        self.at(now + notice_seconds, "notice", lost)
        if np.isfinite(replace_seconds):
            self.at(now + replace_seconds, "ready", worker)

    def _notice(self, now: float, lost: list[int]) -> None:
        self.waiting.extendleft(lost)  # Spark takes first what was queued last
        self.copied -= set(lost)
