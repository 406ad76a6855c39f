"""What Spark says of its own work, as tables: jobs, stages, tasks and executors of the running application.

    with stages_of(spark) as ran:
        flights.groupBy("carrier").count().collect()
    ran.stages

The numbers are those of the Spark UI's pages, asked for at the address that it has for programs. (Spark's "Monitoring"
page describes it: https://spark.apache.org/docs/latest/monitoring.html#rest-api.)
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.engines import processes
from course_lib.errors import CourseError

if TYPE_CHECKING:
    import pandas as pd

_MILLI, _NANO = 1e-3, 1e-9
_PATIENCE_SECONDS = 30  # for one page: a busy driver answers late
_ALL_TASKS = 1_000_000  # Spark gives 20 unless it is told how many, and keeps 100,000

# Name in a table: where Spark has it, and what makes seconds of it.
_JOB = {
    "job": "jobId",
    "name": "name",
    "status": "status",
    "group": "jobGroup",
    "stages": "stageIds",
    "tasks": "numTasks",
    "completed_tasks": "numCompletedTasks",
    "skipped_tasks": "numSkippedTasks",
    "failed_tasks": "numFailedTasks",
    "killed_tasks": "numKilledTasks",
    "skipped_stages": "numSkippedStages",
    "submitted": "submissionTime",
    "completed": "completionTime",
}
_STAGE = {
    "stage": "stageId",
    "attempt": "attemptId",
    "name": "name",
    "status": "status",
    "tasks": "numTasks",
    "completed_tasks": "numCompleteTasks",
    "failed_tasks": "numFailedTasks",
    "killed_tasks": "numKilledTasks",
    "run_seconds": ("executorRunTime", _MILLI),
    "cpu_seconds": ("executorCpuTime", _NANO),
    "gc_seconds": ("jvmGcTime", _MILLI),
    "input_rows": "inputRecords",
    "input_bytes": "inputBytes",
    "output_rows": "outputRecords",
    "output_bytes": "outputBytes",
    "shuffle_read_rows": "shuffleReadRecords",
    "shuffle_read_bytes": "shuffleReadBytes",
    "shuffle_write_rows": "shuffleWriteRecords",
    "shuffle_write_bytes": "shuffleWriteBytes",
    "spilled_memory_bytes": "memoryBytesSpilled",
    "spilled_disk_bytes": "diskBytesSpilled",
    "submitted": "submissionTime",
    "completed": "completionTime",
    "failure": "failureReason",
}
_TASK = {
    "task": "taskId",
    "index": "index",
    "attempt": "attempt",
    "status": "status",
    "speculative": "speculative",
    "executor": "executorId",
    "host": "host",
    "locality": "taskLocality",
    "launched": "launchTime",
    "seconds": ("duration", _MILLI),
    "run_seconds": ("taskMetrics.executorRunTime", _MILLI),
    "cpu_seconds": ("taskMetrics.executorCpuTime", _NANO),
    "gc_seconds": ("taskMetrics.jvmGcTime", _MILLI),
    "input_rows": "taskMetrics.inputMetrics.recordsRead",
    "shuffle_read_rows": "taskMetrics.shuffleReadMetrics.recordsRead",
    "shuffle_read_bytes": "shuffle_read_bytes",  # the sum of what came from here and from elsewhere
    "shuffle_write_rows": "taskMetrics.shuffleWriteMetrics.recordsWritten",
    "shuffle_write_bytes": "taskMetrics.shuffleWriteMetrics.bytesWritten",
    "spilled_memory_bytes": "taskMetrics.memoryBytesSpilled",
    "spilled_disk_bytes": "taskMetrics.diskBytesSpilled",
    "failure": "errorMessage",
}
_EXECUTOR = {
    "executor": "id",
    "alive": "isActive",
    "address": "hostPort",
    "cores": "totalCores",
    "tasks": "totalTasks",
    "active_tasks": "activeTasks",
    "failed_tasks": "failedTasks",
    "gc_seconds": ("totalGCTime", _MILLI),
    "shuffle_read_bytes": "totalShuffleRead",
    "shuffle_write_bytes": "totalShuffleWrite",
    "added": "addTime",
    "removed": "removeTime",
    "reason": "removeReason",
}
_CALL_SITE = re.compile(r" at [^:]+:\d+$")  # where in a file the action stands: in a notebook a file without a name
_TIMES = ("submitted", "completed", "launched", "added", "removed")


@dataclass
class Ran:
    """What a block of code made Spark do; filled in when the block ends.

    Attributes
    ----------
    jobs : pandas.DataFrame
        As of `jobs`: those that began in the block, whichever thread asked for them.
    stages : pandas.DataFrame
        As of `stages`: one row for each attempt at a stage of these jobs. A stage that was skipped, because its
        output was there already, is none.
    """

    jobs: "pd.DataFrame" = None
    stages: "pd.DataFrame" = None
    _spark: Any = field(default=None, repr=False)

    def tasks(self) -> "pd.DataFrame":
        """Give the tasks of all these stages, as of `tasks`, with ``stage`` and ``stage_attempt`` in front."""
        import pandas as pd

        parts = []
        for stage, attempt in self.stages[["stage", "attempt"]].itertuples(index=False):
            part = tasks(self._spark, stage, attempt)
            part.insert(0, "stage_attempt", attempt)
            part.insert(0, "stage", stage)
            parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else _table([], {"stage": "", "stage_attempt": "", **_TASK})


@contextlib.contextmanager
def stages_of(spark) -> Iterator[Ran]:
    """Say what a block of code makes Spark do.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session, on this machine's cores or on a cluster.

    Yields
    ------
    Ran
        Filled in at the end of the block, also when it raises.

    Raises
    ------
    CourseError
        Where the session's UI cannot be asked: Spark Connect, or a session without one.

    Examples
    --------
    >>> with stages_of(spark) as ran:  # doctest: +SKIP
    ...     spark.range(1000).repartition(4).count()
    >>> ran.stages[["stage", "tasks", "shuffle_write_bytes"]]  # doctest: +SKIP
    """
    before = jobs(spark)["job"].max()
    ran = Ran(_spark=spark)
    try:
        yield ran
    finally:
        all_jobs = jobs(spark)
        ran.jobs = all_jobs[~(all_jobs["job"] <= before)].reset_index(drop=True)  # without an earlier one: NaN
        ours = {stage for of_job in ran.jobs["stages"] for stage in of_job}
        all_stages = stages(spark)
        ran.stages = all_stages[all_stages["stage"].isin(ours)].reset_index(drop=True)


def jobs(spark) -> "pd.DataFrame":
    """Show the application's jobs.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.

    Returns
    -------
    pandas.DataFrame
        One row a job, the oldest first: ``job``, its number; ``status``; ``stages``, a list of their numbers; how many
        ``tasks``, and how many of them were completed, skipped, failed and killed; ``submitted`` and ``completed``
        (UTC).
    """
    return _table(_ask(spark, "jobs"), _JOB, ["job"])


def stages(spark) -> "pd.DataFrame":
    """Show the application's stages that ran.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.

    Returns
    -------
    pandas.DataFrame
        One row for each attempt at a stage, the oldest first: ``stage`` and ``attempt``; ``tasks``, and how many of
        them were completed, failed or killed; sums over its tasks: ``run_seconds``, ``cpu_seconds`` (without Python's
        workers) and ``gc_seconds``, rows and bytes of its input, output and shuffles, ``spilled_memory_bytes`` (what
        left memory) and ``spilled_disk_bytes`` (what that took on disk, packed); ``submitted`` and ``completed`` (UTC).
    """
    return _table(_ask(spark, "stages?status=active&status=complete&status=failed"), _STAGE, ["stage", "attempt"])


def tasks(spark, stage: int, attempt: int = 0) -> "pd.DataFrame":
    """Show the tasks of a stage.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    stage, attempt : int
        Numbers of the stage and of the attempt at it, as `stages` has them.

    Returns
    -------
    pandas.DataFrame
        One row for each attempt at a task, in the order of their start: ``index``, which part of the table it works on,
        and ``attempt``; ``status``; whether it is ``speculative``; ``executor``, ``host`` and ``locality``;
        ``seconds`` from start to end, ``run_seconds``, ``cpu_seconds``; rows and bytes as in `stages`; ``failure``,
        why it failed.

    Raises
    ------
    CourseError
        Where there is no such stage.
    """
    found = _ask(spark, f"stages/{stage}/{attempt}/taskList?length={_ALL_TASKS}&sortBy=ID")
    if not found and not _has(spark, stage, attempt):
        raise CourseError(f"This application has no attempt {attempt} at a stage {stage}: stages(spark) lists them.")
    for task in found:
        read = task.get("taskMetrics", {}).get("shuffleReadMetrics", {})
        if read:
            task["shuffle_read_bytes"] = read["localBytesRead"] + read["remoteBytesRead"]
    return _table(found, _TASK, ["task"])


def executors(spark) -> "pd.DataFrame":
    """Show the application's executors, those that have gone too.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.

    Returns
    -------
    pandas.DataFrame
        One row an executor, the oldest first; on this machine's cores alone the only one is called ``driver``, on a
        cluster the driver, which runs no tasks, is left out. ``alive``; ``cores``; how many ``tasks`` it was given, has
        at work, and failed; ``gc_seconds`` and bytes of its shuffles; ``added`` and ``removed`` (UTC), and the
        ``reason`` for the latter.
    """
    found = _ask(spark, "allexecutors")
    return _table([one for one in found if one["id"] != "driver" or one["totalCores"]], _EXECUTOR, ["added"])


def _has(spark, stage: int, attempt: int) -> bool:
    known = stages(spark)
    return bool(((known["stage"] == stage) & (known["attempt"] == attempt)).any())


def _ask(spark, what: str):
    """Ask the session's UI, once it has heard of all that has happened until now."""
    if not hasattr(spark, "_jvm"):
        raise CourseError(
            "Spark Connect does not show its stages to a client: "
            "unset SPARK_REMOTE, call stop_spark(), then get_spark() on this machine or on a cluster."
        )
    context = spark.sparkContext
    if context.uiWebUrl is None:
        raise CourseError("This session runs without its UI: take spark.ui.enabled=false out of its settings.")
    # What happens is told to the UI through a queue. An action returns when its end is in there: wait until it is out.
    context._jsc.sc().listenerBus().waitUntilEmpty()
    address = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/{what}"
    found = processes.ask_json(address, _PATIENCE_SECONDS)
    if found is None:
        raise CourseError(f"The Spark UI at {context.uiWebUrl} does not answer: does the session still run?")
    return found


def _table(found: list[dict], columns: dict, order: list[str] = ()) -> "pd.DataFrame":
    """Make a table of what Spark gave: our names, seconds, times in UTC."""
    import pandas as pd

    table = {}
    for name, where in columns.items():
        path, factor = where if isinstance(where, tuple) else (where, None)
        values = [_value(record, path.split(".")) for record in found]
        if name == "name":
            values = [_CALL_SITE.sub("", value) for value in values]
        elif name in _TIMES:
            values = pd.to_datetime([value and value.removesuffix("GMT") for value in values])
        elif factor:
            values = [value if value is None else value * factor for value in values]
        table[name] = values
    frame = pd.DataFrame(table)
    return frame.sort_values(list(order), ignore_index=True) if order and len(frame) else frame


def _value(record: dict, path: list[str]) -> Any:
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
    return record
