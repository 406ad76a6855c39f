"""A line under a notebook cell that says how far Spark is, while the cell runs and only then."""

import contextlib
import sys
import threading
import time
from contextvars import copy_context
from html import escape
from uuid import uuid4

LINE = "spark-progress-"  # how the display ids of these lines begin
_PATIENCE_SECONDS = 3  # a cell that is done by then shows nothing
_REFRESH_SECONDS = 1

_lock = threading.Lock()
_registered = False
_session = None  # the session to ask
_connect_state: tuple[int, int] | None = None  # tasks done and all tasks, as Spark Connect last said
_cell_done: threading.Event | None = None


def follow(session) -> None:
    """Show the progress of this session's jobs under the cells of this notebook; elsewhere do nothing.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Classic or Spark Connect.
    """
    global _registered, _session
    shell = notebook_shell()
    if shell is None:
        return
    _session = session
    if not hasattr(session, "_jvm"):
        session.registerProgressHandler(_hear_from_connect)
    if not _registered:
        _registered = True
        shell.events.register("pre_run_cell", _begin_cell)
        shell.events.register("post_run_cell", _end_cell)
        _begin_cell()  # the cell that asked for the session is running already


def notebook_shell():
    """Give IPython's shell when it belongs to a notebook's kernel, without importing IPython for it."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def _begin_cell(_=None) -> None:
    global _cell_done, _connect_state
    _cell_done, _connect_state = threading.Event(), None
    # The context says which cell an output belongs to.
    threading.Thread(target=copy_context().run, args=(_watch, _cell_done), daemon=True, name="spark-progress").start()


def _end_cell(_=None) -> None:
    if _cell_done is not None:
        _cell_done.set()
    with _lock:  # until the line has gone
        pass


def _watch(done: threading.Event) -> None:
    from IPython.display import display

    begin, line = time.monotonic(), None
    if done.wait(_PATIENCE_SECONDS):
        return
    with _lock:
        while not done.wait(_REFRESH_SECONDS):
            state = _tasks()
            if state is None:
                continue
            bundle = _bundle(*state, time.monotonic() - begin)
            if line is None:
                line = display(bundle, raw=True, display_id=f"{LINE}{uuid4().hex}")
            else:
                line.update(bundle, raw=True)
        if line is not None:
            line.update({}, raw=True)  # an output without content: nothing to see, nothing kept


def _tasks() -> tuple[int, int] | None:
    """Count tasks done and all tasks of the jobs that run now, None when none does."""
    session = _session
    if not hasattr(session, "_jvm"):
        return _connect_state
    completed = total = 0
    with contextlib.suppress(Exception):  # the session may end at any moment
        tracker = session.sparkContext.statusTracker()
        for job in tracker.getActiveJobsIds():
            info = tracker.getJobInfo(job)
            for stage in info.stageIds if info else ():
                if known := tracker.getStageInfo(stage):
                    completed += known.numCompletedTasks
                    total += known.numTasks
    return (completed, total) if total else None


def _hear_from_connect(stages, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
    global _connect_state
    total = sum(stage.num_tasks for stage in stages)
    _connect_state = None if done or not total else (sum(stage.num_completed_tasks for stage in stages), total)


def _bundle(completed: int, total: int, seconds: float) -> dict[str, str]:
    text = f"Spark: {completed} of {total} tasks, {seconds:.0f} s"
    bar = f'<progress value="{completed}" max="{total}" aria-label="Spark tasks"></progress>'
    return {"text/plain": text, "text/html": f"<div>{bar} {escape(text)}</div>"}
