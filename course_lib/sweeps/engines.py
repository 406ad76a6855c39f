"""The engines of a sweep: one Spark Connect server for all its runs, or a Spark cluster whose tasks are the runs."""

import contextlib
import io
import os
import pickle
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.places import CATALOGUE, PACKAGE, REPOSITORY
from course_lib.sweeps.point import Job, record_of
from course_lib.sweeps.working_directory import small_files

_RUNS_A_SERVER = 100  # what a session leaves in the server, about 2 MB, is then given back by a new one
_HEALTH_SECONDS = 2


@dataclass
class Lease:
    """A run's use of the shared server."""

    url: str
    starts: int  # of the server, when the run began


class SharedServer:
    """A Spark Connect server that is started, watched, now and then restarted, and stopped; each run has its session.

    It is a context manager: leaving it ends the server.
    """

    def __enter__(self):
        from course_lib.engines.connect import connect_server

        self._server = connect_server(os.environ.get("SPARK_MASTER"))
        self._changed = threading.Condition(threading.RLock())
        self._starts, self._runs, self._using = 1, 0, 0
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="sweep-server")
        self._watcher.start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._watcher.join()
        self._server.stop()

    @contextlib.contextmanager
    def lease(self) -> Iterator[Lease]:
        """Use the server for one run; it waits where the server is to be restarted when its runs have ended."""
        with self._changed:
            while self._runs >= _RUNS_A_SERVER and self._using:
                self._changed.wait()
            if self._runs >= _RUNS_A_SERVER:
                self._restart()
            self._runs += 1
            self._using += 1
            lease = Lease(self._server.url, self._starts)
        try:
            yield lease
        finally:
            with self._changed:
                self._using -= 1
                self._changed.notify_all()

    def is_lost(self, lease: Lease) -> bool:
        """Say whether the server of a lease has gone; then another one is there."""
        with self._changed:
            self._mend()
            return lease.starts != self._starts

    def _watch(self) -> None:
        """Replace a server that has died or does not answer, so that runs on it fail soon instead of waiting."""
        while not self._closing.wait(_HEALTH_SECONDS):
            with contextlib.suppress(CourseError), self._changed:  # it is tried again
                self._mend()

    def _mend(self) -> None:
        # One that has died refuses at once; one that is only busy has half a minute to answer.
        if not any(self._server.is_healthy() for _ in range(6)):
            self._restart()

    def _restart(self) -> None:
        self._server.restart()
        self._starts, self._runs = self._starts + 1, 0


# ---- on a cluster ----------------------------------------------------------------------------------------------------


class SparkTasks:
    """Points as tasks of Spark's: a job of one task each, so that each result comes as soon as it is there.

    A task that is lost with its machine Spark starts again elsewhere (``spark.task.maxFailures``). What a task needs
    goes with it: course_lib, the notebook, and small files beside it. It is a context manager: leaving it stops the
    session, if it was started here.
    """

    def __init__(self, job: Job, imports: list[str]):
        self._job, self._imports = job, imports

    def __enter__(self):
        from pyspark.sql import SparkSession

        from course_lib.engines.session import get_spark

        self._is_ours = SparkSession.getActiveSession() is None
        self._session = get_spark(f"sweep {self._job.sweep}")
        package = _pack(self._job)
        told = {name: value for name, value in os.environ.items() if name.startswith("COURSE_")}
        environment = {"SPARK_REMOTE": None, "SPARK_MASTER": None, **told}
        job = pickle.dumps(replace(self._job, notebook=Path("notebook.ipynb")))
        self._task = _task(package, job, self._imports, environment)
        return self

    def __exit__(self, *_):
        from course_lib.engines.session import stop_spark

        if self._is_ours:
            stop_spark()

    def cancel(self) -> None:
        """End what runs."""
        with contextlib.suppress(Exception):  # the session may have gone
            self._session.interruptAll()

    def run(self, identity: str, point: dict[str, Any], work: Path) -> dict[str, Any]:
        """Run a point as a task: its record; what it left is put into `work`."""
        task, began = self._task(pickle.dumps((identity, point))), datetime.now(UTC)
        try:
            rows = self._session.range(0, 1, 1, 1).mapInPandas(task, "record binary, left binary").collect()
        except Exception as error:  # lost more often than Spark repeats a task, or the session has gone
            said = str(error).strip().splitlines() or [type(error).__name__]
            return record_of(self._job, identity, point, "died", f"Spark gave the task up: {said[0]}", began)
        shutil.rmtree(work, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(rows[0].left)) as left:
            left.extractall(work)
        return pickle.loads(rows[0].record)


def _pack(job: Job) -> bytes:
    """Put into an archive what a task needs that its machine may not have."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [*PACKAGE.rglob("*"), CATALOGUE]:
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(REPOSITORY))
        archive.write(job.notebook, "notebook.ipynb")
        for file in small_files(job.home):
            archive.write(file, Path("beside", job.home.name, file.relative_to(job.home)))
    return packed.getvalue()


def _task(package: bytes, job: bytes, imports: list[str], environment: dict[str, str | None]) -> Callable:
    """Make the function of a task. It is sent by value, because its machine need not have course_lib."""

    def for_order(order: bytes) -> Callable:
        def task(batches):
            import hashlib
            import io
            import os
            import pickle
            import shutil
            import sys
            import tempfile
            import zipfile
            from dataclasses import replace
            from pathlib import Path

            import pandas as pd
            from pyspark import SparkFiles

            for _ in batches:  # one row, which says nothing
                pass
            home = Path(SparkFiles.getRootDirectory()).resolve() / f"sweep-{hashlib.sha256(package).hexdigest()[:16]}"
            if not home.is_dir():
                with zipfile.ZipFile(io.BytesIO(package)) as archive:
                    part = tempfile.mkdtemp(dir=home.parent)
                    archive.extractall(part)
                try:
                    Path(part).rename(home)
                except OSError:  # another task was first
                    shutil.rmtree(part)
            loaded = sys.modules.get("course_lib")
            if loaded and not loaded.__file__.startswith(str(home)):  # this process has served another sweep
                if "course_lib.sweeps.warm_runs" in sys.modules:
                    sys.modules["course_lib.sweeps.warm_runs"].close_nursery()
                for name in [name for name in sys.modules if name.partition(".")[0] == "course_lib"]:
                    del sys.modules[name]
            if sys.path[0] != str(home):
                sys.path.insert(0, str(home))
            from course_lib.sweeps.point import run_point
            from course_lib.sweeps.warm_engine import register
            from course_lib.sweeps.warm_runs import nursery_is_open, open_nursery

            register()
            if not nursery_is_open():
                open_nursery(imports)  # for all points that this process will be given
            common = pickle.loads(job)
            beside = common.home if common.home.is_dir() else home / "beside" / common.home.name
            beside.mkdir(parents=True, exist_ok=True)
            common = replace(common, notebook=home / common.notebook, home=beside)
            given = os.pathsep.join([str(home), *filter(None, [os.environ.get("PYTHONPATH")])])
            with tempfile.TemporaryDirectory() as folder:
                work = Path(folder, "work")
                record = run_point(common, *pickle.loads(order), work, {**environment, "PYTHONPATH": given})
                left = Path(shutil.make_archive(str(Path(folder, "left")), "zip", work)).read_bytes()
            yield pd.DataFrame({"record": [pickle.dumps(record)], "left": [left]})

        return task

    return for_order
