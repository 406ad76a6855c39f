"""A grid over a notebook: parallel, resumable, one record a run, one report.

``course sweep FILE.yaml``, or ``sweep("FILE.yaml")`` in a notebook; ``results("runs/NAME")`` gives the table.
"""

import contextlib
import json
import math
import os
import queue
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import sweep_records as records
from course_lib.errors import CourseError
from course_lib.machine import describe_machine
from course_lib.sweep_plan import ROOT, Plan, imported_by, read_plan
from course_lib.warm_runs import KernelRun, Run, close_nursery, end_tree, open_nursery, tree_of

if TYPE_CHECKING:
    import pandas as pd

_TICK_SECONDS = 0.05
_SAMPLE_SECONDS = 0.25
# Other runs wait that long for the first, the rehearsal, to have shown what is to be imported.
_REHEARSAL_SECONDS = 20
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class _Live:
    """A run that is under way."""

    run: Run | KernelRun
    began: float
    peak_bytes: int = 0
    cpu_seconds: float = 0.0
    next_sample: float = 0.0
    ended_for: str = ""  # the limit that it has passed


@dataclass
class Progress:
    """How far a sweep is; given to `watch` a few times a second.

    Attributes
    ----------
    points, done, failed, running : int
        How many there are, have been done, have failed, are under way.
    seconds : float
        Since the sweep began.
    """

    points: int
    done: int = 0
    failed: int = 0
    running: int = 0
    seconds: float = 0.0


@dataclass
class _Sweep:
    plan: Plan
    folder: Path
    snapshot: Path
    about: dict[str, Any]
    progress: Progress
    live: dict[str, _Live] = field(default_factory=dict)
    rehearsed: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    unwritten: list[str] = field(default_factory=list)


def sweep(
    file: str | Path,
    jobs: int | None = None,
    resume: bool = False,
    yes: bool = False,
    output: str | Path | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> "pd.DataFrame":
    """Run a notebook once for each point of a sweep's file.

    Parameters
    ----------
    file : path
        The YAML, or the name of one in ``notebooks/sweeps``.
    jobs : int, optional
        How many runs at a time; as many as there are cores by default.
    resume : bool
        Go on with a sweep: run what is missing or has failed.
    yes : bool
        Allow more than 1,000 points.
    output : path, optional
        Folder of the sweep; ``runs/NAME`` of the course by default.
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
    folder = Path(output) if output else ROOT / "runs" / plan.name
    jobs = jobs or describe_machine().cores
    if jobs < 1:
        raise CourseError(f"--jobs is {jobs}: it must be at least 1.")
    with _alone(folder):
        open_nursery(imported_by(plan.notebook))  # it imports while we do
        with _without_slow_import():
            import nbformat  # noqa: F401
        missing, state = _prepare(plan, folder, resume)
        if watch is None:
            from course_lib.sweep_report import show_progress

            showing = show_progress(state.progress)
        else:
            showing = contextlib.nullcontext(watch)
        try:
            with showing as show:
                _run_all(state, missing, jobs, show)
        finally:
            _finish(state)
    if state.unwritten:
        raise CourseError(
            f"{len(state.unwritten)} records could not be written ({state.unwritten[0]}): make room, then --resume."
        )
    return records.results(folder)


@contextlib.contextmanager
def _without_slow_import() -> Iterator[None]:
    """Import nbformat without what jsonschema compiles for IRIs: a second of CPU, for nothing here."""
    absent = "rfc3987_syntax" not in sys.modules and "jsonschema" not in sys.modules
    if absent:
        sys.modules["rfc3987_syntax"] = None  # an ImportError, which jsonschema is prepared for
    try:
        yield
    finally:
        if absent:
            del sys.modules["rfc3987_syntax"]


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


def _prepare(plan: Plan, folder: Path, resume: bool) -> tuple[list[tuple[str, dict]], _Sweep]:
    """Lay out the folder; tell which points are to run."""
    import nbformat

    for name in ("records", "notebooks", "pages"):
        (folder / name).mkdir(exist_ok=True)
        for part in (folder / name).glob(".*.part*"):  # of a sweep that was killed while it wrote
            part.unlink()
    notebook = nbformat.read(plan.notebook, as_version=4)
    if plan.record:
        call = ", ".join(f"{name}={expression}" for name, expression in plan.record.items())
        cell = nbformat.v4.new_code_cell(f"from course_lib import record\n\nrecord({call})", id="record-of-the-sweep")
        notebook.cells.append(cell)
    sources = [[cell.cell_type, cell.source] for cell in notebook.cells if cell.cell_type == "code"]
    base = json.dumps([sources, records.environment()])
    points = [(records.identity({**plan.declaration.defaults, **point}, base), point) for point in plan.points]
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
    about = {"versions": records.versions(), "git": records.git_state(plan.notebook.parent)}
    layout = {"name": plan.name, "notebook": plan.notebook.name, "points": [identity for identity, _ in points]}
    records.write_safely(folder / "plan.json", json.dumps(layout, indent=1))
    missing = [(identity, point) for identity, point in points if identity not in finished]
    progress = Progress(len(points), done=len(finished))
    return missing, _Sweep(plan, folder, snapshot, about, progress)


def _run_all(state: _Sweep, missing: list[tuple[str, dict]], jobs: int, show: Callable[[Progress], None]) -> None:
    from papermill.engines import papermill_engines

    from course_lib.warm_engine import WarmEngine

    papermill_engines.register("warm", WarmEngine)  # also where the package is not installed
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for number, item in enumerate(missing):
        waiting.put((number, *item))
    workers = [
        threading.Thread(target=_work, args=(state, waiting), daemon=True, name=f"sweep-{number}")
        for number in range(min(jobs, len(missing)))
    ]
    began = time.monotonic()
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            workers[0].join(_TICK_SECONDS) if workers[0].is_alive() else time.sleep(_TICK_SECONDS)
            for live in list(state.live.values()):
                _look_at(state, live)
            state.progress.running = len(state.live)
            state.progress.seconds = time.monotonic() - began
            show(state.progress)
    except BaseException:
        state.stopping.set()
        for live in list(state.live.values()):
            end_tree(live.run.pid, live.run.mark, live.run.start)
        state.rehearsed.set()
        for worker in workers:
            worker.join(10)
        raise
    finally:
        close_nursery()


def _look_at(state: _Sweep, live: _Live) -> None:
    """Measure a run and end it if it has passed a limit."""
    limits, now = state.plan.limits, time.monotonic()
    if limits.seconds and now - live.began > limits.seconds:
        live.ended_for = f"it took longer than {limits.seconds:g} s"
    elif now >= live.next_sample:
        start = time.perf_counter()
        processes = tree_of(live.run.pid, live.run.mark, live.run.start)
        held, used = _memory_and_cpu(processes)
        live.peak_bytes, live.cpu_seconds = max(live.peak_bytes, held), max(live.cpu_seconds, used)
        # Looking takes at most a twentieth of a core.
        live.next_sample = now + max(_SAMPLE_SECONDS, 20 * (time.perf_counter() - start))
        if limits.memory and held > limits.memory:
            live.ended_for = f"it held {held / 1e6:,.0f} MB, more than {limits.memory / 1e6:,.0f} MB"
    if live.ended_for:
        end_tree(live.run.pid, live.run.mark, live.run.start)


def _memory_and_cpu(processes: set[int]) -> tuple[int, float]:
    import psutil

    held, used = 0, 0.0
    for pid in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            held += process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss
            used += sum(process.cpu_times()[:4])
    return held, used


# ---- one point -------------------------------------------------------------------------------------------------------


def _work(state: _Sweep, waiting: queue.SimpleQueue) -> None:
    while not state.stopping.is_set():
        try:
            number, identity, point = waiting.get_nowait()
        except queue.Empty:
            return
        if number > 0:
            state.rehearsed.wait(_REHEARSAL_SECONDS)
        try:
            found = None
            for attempt in range(1, state.plan.limits.retries + 2):
                found = _run_point(state, identity, point, attempt)
                if found is None or found["status"] == records.DONE:
                    break
            if found is not None:
                _keep(state, found)
        except Exception as error:  # whatever a point does, the others go on
            state.unwritten.append(f"{type(error).__name__}: {error}")
            state.progress.failed += 1
        finally:
            state.rehearsed.set()


def _run_point(state: _Sweep, identity: str, point: dict, attempt: int) -> dict | None:
    """Run one point once; its record, or None if the sweep is being stopped."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    plan, executed = state.plan, state.folder / "notebooks" / f"{identity}.ipynb"
    part = executed.with_name(f".{identity}.part.ipynb")
    began, started = time.monotonic(), datetime.now(UTC)
    status, error_line, notebook, live = records.DONE, "", None, None

    def begin(run: Run | KernelRun) -> None:
        nonlocal live
        live = state.live[identity] = _Live(run, began, next_sample=time.monotonic() + _SAMPLE_SECONDS)

    try:
        notebook = papermill.execute_notebook(
            state.snapshot,
            part,
            {name: _for_papermill(value) for name, value in point.items()},
            engine_name="warm",
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            folder=plan.notebook.parent,
            watch=begin,
        )
    except papermill.PapermillExecutionError as error:
        lines = [line for line in _ANSI.sub("", "\n".join(error.traceback)).splitlines() if line.strip()]
        last = lines[-1].strip() if lines else f"{error.ename}: {error.evalue}"
        status, error_line = "failed", f"cell {error.exec_count}: {last}"
    except (DeadKernelError, CellTimeoutError) as error:
        status, error_line, notebook = "died", str(error), getattr(error, "notebook", None)
    except OSError as error:
        status, error_line = "failed", f"the run could not be written: {error.strerror or error}"
    except Exception as error:
        status, error_line = "failed", f"{type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
    finally:
        state.live.pop(identity, None)
    seconds = time.monotonic() - began
    if state.stopping.is_set():
        part.unlink(missing_ok=True)
        return None
    if live and live.ended_for and status == "died":
        status = "time" if "longer" in live.ended_for else "memory"
        error_line = f"ended with all its processes: {live.ended_for}"
    values = _take_in(part, executed, notebook)
    lacking = [name for name in plan.expected if name not in values]
    if status == records.DONE and lacking:
        status, error_line = "failed", f"the notebook does not record {', '.join(lacking)}"
    return {
        "id": identity,
        "sweep": plan.name,
        "notebook": plan.notebook.name,
        "parameters": point,
        "values": values,
        "status": status,
        "error": error_line,
        "attempts": attempt,
        "started": started.isoformat(),
        "seconds": round(seconds, 3),
        "cpu_seconds": _known(max(live.cpu_seconds, live.run.cpu_seconds) if live else None),
        "peak_bytes": max(live.run.peak_bytes, live.peak_bytes) if live else None,
        "ran": "warm" if live and isinstance(live.run, Run) else "kernel",
        "seed": point.get("seed", plan.declaration.defaults.get("seed")),
        "executed": f"notebooks/{identity}.ipynb" if executed.is_file() else None,
        **state.about,
    }


def _known(seconds: float | None) -> float | None:
    return None if seconds is None or math.isnan(seconds) else round(seconds, 3)


def _for_papermill(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str, list, dict)) else str(value)


def _take_in(part: Path, executed: Path, notebook: Any) -> dict[str, Any]:
    """Put the executed notebook in its place; give what it has recorded."""
    import nbformat

    if not part.is_file() and notebook is not None:  # it did not come to its end: as far as it got
        with contextlib.suppress(OSError):
            part.write_text(nbformat.writes(notebook), encoding="utf-8")
    if not part.is_file():
        return {}
    values = records.recorded(notebook or json.loads(part.read_text(encoding="utf-8")))
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    records.put_in_place(part, executed)
    return values


def _keep(state: _Sweep, found: dict) -> None:
    """Write a record: from then on the point has run."""
    try:
        path = state.folder / "records" / f"{found['id']}.json"
        records.write_safely(path, json.dumps(found, indent=1, default=str))
    except OSError as error:
        state.unwritten.append(error.strerror or str(error))
    if found["status"] == records.DONE:
        state.progress.done += 1
    else:
        state.progress.failed += 1


def _finish(state: _Sweep) -> None:
    """Write the table and the report of what there is."""
    from course_lib.sweep_report import write_report

    with contextlib.suppress(OSError):  # the records are what counts, and they can be read without these
        table = records.results(state.folder)
        if len(table):
            part = state.folder / ".results.part"
            table.astype({name: str for name in table.columns if _mixed(table[name])}).to_parquet(part)
            records.put_in_place(part, state.folder / "results.parquet")
            write_report(state.folder, table)
    shutil.rmtree(state.folder / "pages" / ".part", ignore_errors=True)


def _mixed(column: "pd.Series") -> bool:
    """Whether a column holds values of several types, which Parquet cannot."""
    return column.dtype == object and len({type(value) for value in column.dropna()}) > 1
