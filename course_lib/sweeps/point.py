"""One point of a sweep: a run in a working directory of its own, watched, and what is to be kept of it.

Nothing here knows of the sweep's folder, so that a point can as well be run on another machine.
"""

import contextlib
import json
import math
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.sweeps import records
from course_lib.sweeps.plan import Limits
from course_lib.sweeps.run_tree import end_tree, tree_of
from course_lib.sweeps.warm_runs import KernelRun, Run

_SAMPLE_SECONDS = 0.25
_COPIED_BYTES = 20_000_000  # in all, for each run
_COPIED_FILES = 200  # of each folder beside the notebook
_LEVELS = 3
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

EXECUTED, FILES = "executed.ipynb", "files"  # what a run leaves in its folder


@dataclass
class Job:
    """What all runs of a sweep have in common.

    Attributes
    ----------
    sweep, title : str
        Name of the sweep, and of its notebook.
    notebook : Path
        The notebook as it was when the sweep began.
    home : Path
        Folder of the original; what the notebook reads lies there.
    defaults : dict
        Values of the parameters that a point does not give.
    expected : list of str
        Names that the notebook must record.
    limits : Limits
        For one run.
    spark : str or None
        How runs come to their Spark: ``connect`` or ``own``; None for a notebook without.
    about : dict
        Versions and git state, for the record.
    """

    sweep: str
    title: str
    notebook: Path
    home: Path
    defaults: dict[str, Any]
    expected: list[str]
    limits: Limits
    spark: str | None
    about: dict[str, Any]


def run_point(
    job: Job,
    identity: str,
    point: dict[str, Any],
    work: Path,
    environment: dict[str, str | None],
    begun: Callable[[Run | KernelRun], None] = lambda run: None,
) -> dict[str, Any]:
    """Run one point once.

    Parameters
    ----------
    job : Job
        What all runs have in common.
    identity : str
        The point's.
    point : dict
        Parameters.
    work : Path
        A folder for this run; afterwards it holds the executed notebook and ``files``, which the notebook wrote into
        its working directory.
    environment : dict
        Variables for the run; None removes one.
    begun : callable
        Called when the run has begun.

    Returns
    -------
    dict
        The record.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    began, started = time.monotonic(), datetime.now(UTC)
    status, error_line, notebook, watch = records.DONE, "", None, None

    def begin(run: Run | KernelRun) -> None:
        nonlocal watch
        watch = _Watch(run, job.limits, began)
        begun(run)

    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        # Windows lets few people make links: there all runs share the notebook's folder.
        folder = job.home if os.name == "nt" else lay_out(job.home, work / "place")
        notebook = papermill.execute_notebook(
            job.notebook,
            work / EXECUTED,
            {name: _for_papermill(value) for name, value in point.items()},
            engine_name="warm",
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            folder=folder,
            environment=environment,
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
        status, error_line = (
            "failed",
            f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[-1]}",
        )
    finally:
        if watch:
            watch.stop()
    seconds = time.monotonic() - began
    if status == "died" and watch and watch.passed:
        status, error_line = watch.passed[0], f"ended with all its processes: {watch.passed[1]}"
    values = {}
    with contextlib.suppress(OSError, ValueError):
        values = _recorded(work / EXECUTED, notebook)
        _set_aside(work / "place", job.home, work / FILES)
    lacking = [name for name in job.expected if name not in values]
    if status == records.DONE and lacking:
        status, error_line = "failed", f"the notebook does not record {', '.join(lacking)}"
    found = {"status": status, "error": error_line, "values": values, "seconds": round(seconds, 3)}
    if watch:
        run = watch.run
        found["cpu_seconds"] = _known(max(watch.cpu_seconds, run.cpu_seconds))
        found["peak_bytes"] = max(run.peak_bytes, watch.peak_bytes)
        found["ran"] = "kernel" if isinstance(run, KernelRun) else "warm"
    return record_of(job, identity, point, **found, started=started)


def record_of(
    job: Job, identity: str, point: dict[str, Any], status: str, error: str, started: datetime, **found: Any
) -> dict[str, Any]:
    """Give the record of a run, also of one that has ended before it could say more than that."""
    return {
        "id": identity,
        "sweep": job.sweep,
        "notebook": job.title,
        "parameters": point,
        "values": {},
        "status": status,
        "error": error,
        "started": started.isoformat(),
        "seconds": None,
        "cpu_seconds": None,
        "peak_bytes": None,
        "ran": "warm",
        "spark": job.spark,
        "seed": point.get("seed", job.defaults.get("seed")),
        **found,
        **job.about,
    }


def _known(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(seconds, 3)


def _for_papermill(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str, list, dict)) else str(value)


def _recorded(executed: Path, notebook: Any) -> dict[str, Any]:
    """Give what a notebook has recorded; one that did not come to its end is written as far as it got."""
    import nbformat

    if notebook is None:
        notebook = json.loads(executed.read_text(encoding="utf-8"))
    elif not executed.is_file():
        executed.write_text(nbformat.writes(notebook), encoding="utf-8")
    return records.recorded(notebook)


# ---- limits ----------------------------------------------------------------------------------------------------------


class _Watch:
    """Measures a run now and then, and ends it with all its processes when it passes a limit.

    Attributes
    ----------
    passed : (str, str) or None
        Which limit, and in words.
    """

    def __init__(self, run: Run | KernelRun, limits: Limits, began: float):
        self.run, self._limits = run, limits
        self.peak_bytes, self.cpu_seconds, self.passed = 0, 0.0, None
        self._end = began + limits.seconds if limits.seconds else math.inf
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        pause = _SAMPLE_SECONDS
        while not self._over.wait(max(0, min(pause, self._end - time.monotonic()))):
            if time.monotonic() >= self._end:
                self.passed = ("time", f"it took longer than {self._limits.seconds:g} s")
                break
            began = time.perf_counter()
            held, used = _memory_and_cpu(tree_of(self.run.pid, self.run.mark, self.run.start))
            self.peak_bytes, self.cpu_seconds = max(self.peak_bytes, held), max(self.cpu_seconds, used)
            if self._limits.memory and held > self._limits.memory:
                limit = self._limits.memory
                self.passed = ("memory", f"it held {held / 1e6:,.0f} MB, more than {limit / 1e6:,.0f} MB")
                break
            pause = max(_SAMPLE_SECONDS, 40 * (time.perf_counter() - began))  # looking takes little of a core
        if self.passed:
            end_tree(self.run.pid, self.run.mark, self.run.start)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def _memory_and_cpu(processes: set[int]) -> tuple[int, float]:
    import psutil

    from course_lib import measure

    held, used = 0, 0.0
    for pid in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            held += measure.memory_of(process)
            used += sum(process.cpu_times()[:4])
    return held, used


# ---- the working directory -------------------------------------------------------------------------------------------


def lay_out(home: Path, place: Path) -> Path:
    """Make a working directory in which a notebook finds what lies beside it, and writes without being in the way.

    Small files of the notebook's folder and of the folders in it are copied (`small_files`), so that one that is
    written again is the run's own, and so are these folders. What is too large for that, and what ``..`` and ``../..``
    reach, are links.

    Parameters
    ----------
    home : Path
        The notebook's folder.
    place : Path
        Where to make it.

    Returns
    -------
    Path
        The working directory; its name is that of the notebook's folder.
    """
    for level, below in _levels(home):
        place = place / (level.name or "root")
        place.mkdir(parents=True)
        if not below:
            copied = set(small_files(home))
            _mirror(home, place, copied, {parent for file in copied for parent in file.parents})
            continue
        with contextlib.suppress(PermissionError):  # what is above may be closed to us
            for entry in level.iterdir():
                if entry.name != below:
                    (place / entry.name).symlink_to(entry)
    return place


def _mirror(folder: Path, place: Path, copied: set[Path], made: set[Path]) -> None:
    """Copy what is to be copied; make the folders that hold some of it, and empty ones; make links of all else."""
    for entry in folder.iterdir():
        if entry in copied:
            shutil.copy2(entry, place / entry.name)
        elif entry in made or (_is_inner(entry) and _all_files(entry) == []):
            (place / entry.name).mkdir()
            _mirror(entry, place / entry.name, copied, made)
        else:
            (place / entry.name).symlink_to(entry)


def _levels(home: Path) -> list[tuple[Path, str]]:
    """List the folders that a working directory stands for, outermost first, and which entry of each is the next."""
    levels = [home, *home.parents][:_LEVELS]
    return [*zip(levels[:0:-1], [level.name for level in levels[-2::-1]], strict=True), (home, "")]


def small_files(folder: Path) -> list[Path]:
    """List the files of a folder and of the folders in it, up to 20 MB in all, smallest first in each folder.

    A folder in it counts whole or not at all: one with more than that, with more than 200 files, that is hidden, a
    link, or the results of a sweep, is left out.
    """
    own, folders = [], []
    for entry in sorted(folder.iterdir()):
        if entry.is_file() and os.access(entry, os.R_OK):
            own.append(entry)
        elif _is_inner(entry):
            folders.append(entry)
    own.sort(key=lambda file: file.stat().st_size)
    found, room = [], _COPIED_BYTES
    for files in [*([file] for file in own), *filter(None, map(_all_files, folders))]:
        size = sum(file.stat().st_size for file in files)
        if size <= room:
            found += files
            room -= size
    return found


def _is_inner(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink() and not entry.name.startswith((".", "__pycache__"))


def _all_files(folder: Path) -> list[Path] | None:
    """List all files of a folder, of any depth; None for one that a run shares with others."""
    found = []
    for place, folders, files in os.walk(folder):
        if ".lock" in files:  # a sweep's results, maybe at work
            return None
        folders[:] = [name for name in folders if _is_inner(Path(place, name))]
        new = [Path(place, name) for name in files]
        found += new
        if len(found) > _COPIED_FILES or not all(file.is_file() and os.access(file, os.R_OK) for file in new):
            return None
    return found


def _set_aside(place: Path, home: Path, kept: Path) -> None:
    """Move what a run has written into its working directory, or into the two above it, and remove the rest."""
    for level, below in _levels(home):
        place = place / (level.name or "root")
        if place.is_dir():
            _move_new(place, level, kept, below)
    shutil.rmtree(kept.parent / "place", ignore_errors=True)


def _move_new(place: Path, original: Path, kept: Path, below: str = "") -> None:
    for entry in [*os.scandir(place)]:
        if entry.is_symlink() or entry.name in {below, "__pycache__", ".ipynb_checkpoints"}:
            continue
        there = original / entry.name
        if entry.is_dir() and there.is_dir():
            _move_new(Path(entry.path), there, kept / entry.name)
        elif not (entry.is_file() and _is_the_same(entry, there)):
            kept.mkdir(parents=True, exist_ok=True)
            shutil.move(entry.path, kept / entry.name)


def _is_the_same(entry: os.DirEntry, original: Path) -> bool:
    try:
        there, here = original.stat(), entry.stat()
    except OSError:
        return False
    return (there.st_mtime_ns, there.st_size) == (here.st_mtime_ns, here.st_size)
