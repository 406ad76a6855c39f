"""A grid over a notebook: parallel, resumable, one record a run, one report.

``course sweep FILE.yaml``, or ``sweep("FILE.yaml")`` in a notebook; ``results("runs/NAME")`` gives the table.
"""

import contextlib
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import saved_model
from course_lib.errors import CourseError
from course_lib.machine import describe_machine
from course_lib.places import RUNS
from course_lib.sweeps import records
from course_lib.sweeps.engines import SharedServer, SparkTasks
from course_lib.sweeps.notebook import imported_by
from course_lib.sweeps.plan import Plan, read_plan
from course_lib.sweeps.point import EXECUTED, FILES, Job, run_point
from course_lib.sweeps.progress import Progress, show_progress
from course_lib.sweeps.report import get_ready, write_report
from course_lib.sweeps.run_pages import write_page
from course_lib.sweeps.run_tree import end_tree
from course_lib.sweeps.warm_engine import register
from course_lib.sweeps.warm_runs import KernelRun, Run, close_nursery, open_nursery
from course_lib.sweeps.working_directory import small_files

if TYPE_CHECKING:
    import pandas as pd

_TICK_SECONDS = 0.05
# Other runs wait that long for the first, the rehearsal, to have shown what is to be imported.
_REHEARSAL_SECONDS = 10
_REPEATS = 3  # of a run that lost its Spark server; not counted as attempts, for it is not the point that failed
_TASKS_AT_ONCE = 64  # handed to Spark, whose slots decide how many run


@dataclass
class _Sweep:
    plan: Plan
    folder: Path
    job: Job
    missing: list[tuple[str, dict]]
    progress: Progress
    server: SharedServer | None = None
    tasks: SparkTasks | None = None
    running: set[str] = field(default_factory=set)
    live: dict[str, Run | KernelRun] = field(default_factory=dict)
    rehearsed: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    unwritten: list[str] = field(default_factory=list)


def sweep(
    file: str | Path,
    jobs: int | None = None,
    resume: bool = False,
    yes: bool = False,
    output: str | Path | None = None,
    on: str = "local",
    watch: Callable[[Progress], None] | None = None,
) -> "pd.DataFrame":
    """Run a notebook once for each point of a sweep's file.

    Parameters
    ----------
    file : path
        The YAML, or the name of one in ``notebooks/sweeps``.
    jobs : int, optional
        How many runs at a time: by default as many as there are cores, and on Spark as many as it has slots for.
    resume : bool
        Go on with a sweep: run what is missing or has failed.
    yes : bool
        Allow more than 1,000 points.
    output : path, optional
        Folder of the sweep; ``runs/NAME`` of the course by default.
    on : str
        ``local``, or ``spark``: each point is a task of the Spark that `get_spark` gives.
    watch : callable, optional
        Called with the `Progress` a few times a second; by default a line is shown in a terminal or a notebook.

    Returns
    -------
    pandas.DataFrame
        As `results` gives it. The report is ``index.html`` in the folder.

    Raises
    ------
    CourseError
        Before anything has run: what is wrong with the file, or with any point. Afterwards: records that could not be
        written.
    """
    plan = read_plan(file, yes)
    folder = Path(output) if output else RUNS / plan.name
    if jobs is not None and jobs < 1:
        raise CourseError(f"--jobs is {jobs}: it must be at least 1.")
    if on not in ("local", "spark"):
        raise CourseError(f"--on is {on}: choose local or spark.")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(folder))
        stack.enter_context(_quiet_papermill())
        if on == "local":
            stack.callback(close_nursery)
            open_nursery(imported_by(plan.notebook))  # it imports while we do
        state = _prepare(plan, folder, resume, on)
        stack.callback(_finish, state)
        if not state.missing:
            pass
        elif on == "spark":
            jobs = jobs or _TASKS_AT_ONCE
            state.tasks = stack.enter_context(SparkTasks(state.job, imported_by(plan.notebook)))
            state.rehearsed.set()  # each worker learns for itself
        elif state.job.spark == "connect" and "SPARK_REMOTE" not in os.environ:
            state.server = stack.enter_context(SharedServer())
        if watch is None:
            watch = stack.enter_context(show_progress(state.progress))
        _run_all(state, jobs or describe_machine().cores, watch)
    if state.unwritten:
        raise CourseError(
            f"{len(state.unwritten)} records could not be written ({state.unwritten[0]}): make room, then --resume."
        )
    return records.results(folder)


@contextlib.contextmanager
def _alone(folder: Path):
    """Hold the folder against a second sweep; the system lets go of it however this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows
            pass
        except OSError:
            raise CourseError(f"Another sweep is at work in {folder}: wait for it, or give another --output.") from None
        yield


@contextlib.contextmanager
def _quiet_papermill() -> Iterator[None]:
    """Keep papermill's lines on failed runs out of the terminal: they are in the records."""
    handler = logging.NullHandler()
    logging.getLogger("papermill").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("papermill").removeHandler(handler)


def _prepare(plan: Plan, folder: Path, resume: bool, on: str) -> _Sweep:
    """Lay out the folder; tell which points are to run."""
    import nbformat

    for name in ("records", "notebooks", "pages", "files"):
        (folder / name).mkdir(exist_ok=True)
        for part in (folder / name).glob(".*.part*"):  # of a sweep that was killed while it wrote
            part.unlink()
    shutil.rmtree(folder / ".runs", ignore_errors=True)
    notebook = nbformat.read(plan.notebook, as_version=4)
    if plan.record:
        call = ", ".join(f"{name}={expression}" for name, expression in plan.record.items())
        cell = nbformat.v4.new_code_cell(f"from course_lib import record\n\nrecord({call})", id="record-of-the-sweep")
        notebook.cells.append(cell)
    defaults, home = plan.declaration.defaults, plan.notebook.parent
    base = json.dumps([records.content(notebook, home, small_files(home)), records.environment()])
    points = [(records.identity({**defaults, **point}, base), point) for point in plan.points]
    there = {identity: records.read_record(folder, identity) for identity, _ in points}
    finished = {identity for identity, found in there.items() if found and found["status"] == records.DONE}
    if any(there.values()) and not resume:
        ran = sum(found is not None for found in there.values())
        raise CourseError(
            f"{ran} of {len(points)} points have run already in {folder}: --resume runs what is missing or failed; "
            "remove the folder to begin again."
        )
    snapshot = folder / ".notebook.ipynb"  # an edit while the sweep runs concerns the next
    records.write_safely(snapshot, nbformat.writes(notebook))
    records.write_safely(folder / "sweep.yaml", plan.source)
    layout = {"name": plan.name, "notebook": plan.notebook.name, "points": [identity for identity, _ in points]}
    records.write_safely(folder / "plan.json", json.dumps(layout, indent=1))
    spark = "own" if plan.spark and on == "spark" else plan.spark  # a server of this machine is not for others
    about = {"versions": records.versions(), "git": saved_model.git_state(home)}
    job = Job(plan.name, plan.notebook.name, snapshot, home, defaults, plan.expected, plan.limits, spark, about)
    missing = [(identity, point) for identity, point in points if identity not in finished]
    return _Sweep(plan, folder, job, missing, Progress(len(points), done=len(finished)))


def _run_all(state: _Sweep, jobs: int, show: Callable[[Progress], None]) -> None:
    # While the nursery imports. Not in a thread: two that import the same packages can meet half of one.
    import pyarrow.parquet  # noqa: F401

    register()
    get_ready()
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for number, item in enumerate(state.missing):
        waiting.put((number, *item))
    workers = [
        threading.Thread(target=_work, args=(state, waiting), daemon=True, name=f"sweep-{number}")
        for number in range(min(jobs, len(state.missing)))
    ]
    began = time.monotonic()
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(_TICK_SECONDS)
                state.progress.running, state.progress.seconds = len(state.running), time.monotonic() - began
                show(state.progress)
    except BaseException:
        state.stopping.set()
        state.rehearsed.set()
        for run in list(state.live.values()):
            end_tree(run.pid, run.mark, run.start)
        if state.tasks:
            state.tasks.cancel()
        for worker in workers:
            worker.join(10)
        raise


# ---- one point -------------------------------------------------------------------------------------------------------


def _work(state: _Sweep, waiting: queue.SimpleQueue) -> None:
    while not state.stopping.is_set():
        try:
            number, identity, point = waiting.get_nowait()
        except queue.Empty:
            return
        if number > 0:
            state.rehearsed.wait(_REHEARSAL_SECONDS)
        state.running.add(identity)
        try:
            _settle(state, identity, point)
        except Exception as error:  # whatever a point does, the others go on
            state.unwritten.append(getattr(error, "strerror", None) or f"{type(error).__name__}: {error}")
            state.progress.failed += 1
        finally:
            state.running.discard(identity)
            shutil.rmtree(state.folder / ".runs" / identity, ignore_errors=True)
            state.rehearsed.set()


def _settle(state: _Sweep, identity: str, point: dict[str, Any]) -> None:
    """Run a point until it is done or has failed as often as it may; keep what it gave."""
    attempts, repeats = 1, 0
    work = state.folder / ".runs" / identity
    while not state.stopping.is_set():
        found, lost = _run_once(state, identity, point, work)
        if found["status"] == records.DONE:
            break
        if lost and repeats < _REPEATS:
            repeats += 1
        elif attempts <= state.plan.limits.retries:
            attempts += 1
        else:
            break
    if state.stopping.is_set():
        return
    executed = Path("notebooks", f"{identity}.ipynb")
    found |= {"attempts": attempts, "executed": executed.as_posix() if (work / EXECUTED).exists() else None}
    for what, place in ((FILES, Path("files", identity)), (EXECUTED, executed)):
        if (work / what).exists():
            records.put_in_place(work / what, state.folder / place)
    # From now on the point has run.
    records.write_safely(state.folder / "records" / f"{identity}.json", json.dumps(found, indent=1, default=str))
    if found["status"] == records.DONE:
        state.progress.done += 1
    else:
        state.progress.failed += 1
    with contextlib.suppress(Exception):  # what hinders this, the report meets again
        row = {**point, "id": identity, "status": found["status"], "error": found["error"]}
        write_page(state.folder, row, state.plan.varied, state.plan.name)


def _run_once(state: _Sweep, identity: str, point: dict[str, Any], work: Path) -> tuple[dict[str, Any], bool]:
    """Run a point once: its record, and whether the Spark server was lost beneath it."""
    if state.tasks:
        return state.tasks.run(identity, point, work), False
    environment, lost = {"SPARK_REMOTE": None} if state.job.spark == "own" else {}, False
    with state.server.lease() if state.server else contextlib.nullcontext() as lease:
        if lease:
            environment = {"SPARK_REMOTE": lease.url, "SPARK_MASTER": None}

        def begun(run: Run | KernelRun) -> None:
            state.live[identity] = run

        try:
            found = run_point(state.job, identity, point, work, environment, begun)
        finally:
            state.live.pop(identity, None)
        if lease and found["status"] != records.DONE:
            lost = state.server.is_lost(lease)
    return found, lost


# ---- the end ---------------------------------------------------------------------------------------------------------


def _finish(state: _Sweep) -> None:
    """Write the table and the report of what there is."""
    shutil.rmtree(state.folder / ".runs", ignore_errors=True)
    with contextlib.suppress(OSError):  # the records are what counts, and they can be read without these
        table = records.results(state.folder)
        if len(table):
            part = state.folder / ".results.part"
            table.astype({name: str for name in table.columns if _mixed(table[name])}).to_parquet(part)
            records.put_in_place(part, state.folder / "results.parquet")
            write_report(state.folder, table)
    if state.plan.mlflow:  # a process of its own, for what MLflow imports and sets
        command = [sys.executable, "-m", "course_lib.sweeps.mlflow", state.folder]
        logged = subprocess.run(command, capture_output=True, text=True)
        if logged.returncode:
            raise CourseError(f"The runs are not in MLflow: {logged.stderr.strip().splitlines()[-1]}")


def _mixed(column: "pd.Series") -> bool:
    """Whether a column holds values of several types, which Parquet cannot."""
    return column.dtype == object and len({type(value) for value in column.dropna()}) > 1
