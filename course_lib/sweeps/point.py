"""One point of a sweep: a run in a working directory of its own, watched, and what is to be kept of it.

Nothing here knows of the sweep's folder, so that a point can as well be run on another machine.
"""

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.errors import failed_cell
from course_lib.sweeps import records
from course_lib.sweeps.plan import Limits
from course_lib.sweeps.warm_runs import KernelRun, Run
from course_lib.sweeps.watch import Watch
from course_lib.sweeps.working_directory import lay_out, set_aside

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
        watch = Watch(run, job.limits, began)
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
        status, error_line = "failed", failed_cell(error)
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
        set_aside(work / "place", job.home, work / FILES)
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
