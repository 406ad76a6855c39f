"""Every lesson once more, with other parameters, on other engines, warm: forked, as a sweep does it.

docs/engines.md has a table of which lessons run on a cluster and through Spark Connect. The run that is made here goes
through a Spark Connect server whose Spark works on a cluster: what can do without the classic API, on executors, would
run on the cluster without Connect too. A lesson that needs the classic API goes to a cluster of its own.

Some lessons are run in a process of their own, too, where they must show the same. Not all: what a warm process could
carry over lies in the library, and the default run of every lesson is a fresh one.
"""

import json
import os
import re
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from default_run import slowness_now
from lesson_runs import SECOND_PARAMETERS, Run, run_lesson, run_warm
from papermill.exceptions import PapermillExecutionError

from course_lib.command.lessons import lessons
from course_lib.engines.cluster import local_cluster
from course_lib.engines.connect import connect_server
from course_lib.places import REPOSITORY
from course_lib.sweeps.warm_runs import can_fork

LESSONS = lessons()
if "COURSE_TEST_UNTIL" in os.environ:  # some may be left out (tests/conftest.py): on the next day others come last
    today = int(os.environ["COURSE_TEST_UNTIL"]) // 86400 % len(LESSONS)
    LESSONS = LESSONS[today:] + LESSONS[:today]
# The one that takes a person's own table. What Spark and networks leave, tests/sweeps/test_warm_engine.py asks.
ALSO_FRESH = ("02_exploratory_data_analysis",)

CPU_SECONDS = 120  # of a run with second parameters; 30 are enough for a lesson that starts no engines of its own

# What differs between two fresh runs of a lesson as well, by the reason for it. It is taken out of both.
VOLATILE = {
    "a cell's file name has the number of its process, and its line in a traceback a link to it": r"ipykernel_\d+/\d+",
    "what pandas' Styler draws to keep styles apart": r"T_[0-9a-f]{5}",
    "ids of displays that are replaced, and of runs and sessions": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "memory addresses": r"0x[0-9a-f]{6,}",
    "temporary folders, which are removed afterwards": r"/tmp/[^\s\"'<\\]*",
    "Spark's numbers of plan nodes and stages": r"#\d+L?|\bid=#?\d+|\[(?:plan_)?id=\d+\]",
    "ports that the system gives": r"(?:127\.0\.0\.1|localhost):\d+",
    "the time of day": r"\b\d{2}:\d{2}:\d{2}(?:\.\d+)?\b",
}
# Cells that tell something else in each run, by the reason for it. They are not compared.
MOVES = {
    "it measures this machine, or looks at what moves by itself": (
        r"measure\.|perf_counter|time\.time|seconds|progress|kill|st_mtime|getsize|listdir|rglob"
    ),
    "it shows what threads that write at once came to first": r"read_log\(table\)|databases\.fill",
}


def promised() -> dict[str, dict[str, bool]]:
    """What the table says, by lesson and engine."""
    text = (REPOSITORY / "docs" / "engines.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (yes|no) \|", text, flags=re.MULTILINE)
    return {
        lesson: dict(zip(("local", "cluster", "connect"), (word == "yes" for word in words), strict=True))
        for lesson, *words in rows
    }


def uses_spark(lesson: Path) -> bool:
    return bool(re.search(r"get_spark\(|engine=", lesson.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def connect_on_cluster(tmp_path_factory):
    """The URL of a Spark Connect server whose Spark works on a cluster.

    One executor with two cores: two would load classes, compile and import all twice. Where a lesson needs the classic
    API (below), and in tests/engines, there are two.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        with local_cluster(workers=1, cores=2) as cluster, connect_server(master=cluster.url, delta=True) as server:
            yield server.url


@contextmanager
def farthest_engine(lesson: str, connect_url: str) -> Iterator[dict[str, str]]:
    """Give the environment in which a lesson runs on the engine that is farthest from its own machine."""
    runs = promised().get(lesson, {})
    if runs.get("connect"):
        yield {"SPARK_REMOTE": connect_url}
    elif runs.get("cluster"):
        with local_cluster(workers=2) as cluster:  # the server holds the cores of the other one
            yield {"SPARK_MASTER": cluster.url}
    else:
        yield {}


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem, scope="module")
def second(request, connect_on_cluster, tmp_path_factory) -> Iterator[tuple[Path, dict[str, str], Run]]:
    """A lesson, its engine, and its run."""
    lesson = request.param
    output, parameters = tmp_path_factory.mktemp("second") / lesson.name, SECOND_PARAMETERS[lesson.stem]
    run = run_warm if can_fork() else run_lesson
    with farthest_engine(lesson.stem, connect_on_cluster) as on:
        yield lesson, on, run(lesson, output, parameters.items(), **on)


def test_lesson_holds_under_other_parameters(second, record_property):
    """What the run makes servers and clusters do is not counted."""
    _, _, run = second
    record_property("second run", json.dumps({"seconds": run.seconds, "cpu_seconds": run.cpu_seconds}))
    assert all(cell.get("execution_count") for cell in run.notebook.cells if cell.cell_type == "code")
    slowness = max(1, statistics.median(slowness_now() for _ in range(100)))
    assert run.cpu_seconds <= CPU_SECONDS * slowness, "second parameters are small"


@pytest.mark.skipif(not can_fork(), reason="there is no fork here")
@pytest.mark.parametrize(
    "second", [path for path in LESSONS if path.stem in ALSO_FRESH], ids=lambda path: path.stem, indirect=True
)
def test_a_warm_run_shows_what_a_fresh_one_shows(second, tmp_path):
    lesson, on, warm = second
    fresh = run_lesson(lesson, tmp_path / lesson.name, SECOND_PARAMETERS[lesson.stem].items(), **on).notebook
    pairs = list(zip(compared(fresh), compared(warm.notebook), strict=True))
    assert [told for told in pairs if told[0] != told[1]] == []
    assert sum(bool(outputs) for (_, outputs), _ in pairs) >= 10, "Too few cells are compared to tell."


def test_the_table_has_every_lesson_that_uses_spark():
    assert promised().keys() == {lesson.stem for lesson in LESSONS if uses_spark(lesson)}
    assert all(runs["local"] for runs in promised().values()), "other tests run every lesson locally, in full"


@pytest.mark.parametrize("lesson", [name for name, runs in promised().items() if not runs["connect"]])
def test_a_lesson_that_needs_the_classic_api_says_so_rightly(lesson, connect_on_cluster, tmp_path):
    [path] = [path for path in LESSONS if path.stem == lesson]
    with pytest.raises(PapermillExecutionError):
        run_warm(path, tmp_path / path.name, SECOND_PARAMETERS[lesson].items(), SPARK_REMOTE=connect_on_cluster)


def compared(notebook: nbformat.NotebookNode) -> list[tuple[str, list[str]]]:
    """List each cell's source and outputs, without what is volatile, and without the cells that measure."""
    moves = re.compile("|".join(MOVES.values()))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not moves.search(cell.source)]
    return [(cell.source, [steady(output) for output in in_one_piece(cell.outputs)]) for cell in cells]


def in_one_piece(outputs: list[nbformat.NotebookNode]) -> list[dict]:
    """Join what was printed, which arrives in more pieces or fewer; drop what is empty."""
    joined = []
    for output in outputs:
        if is_empty(output):
            continue
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1]["text"] += output.text
        else:
            joined.append(dict(output))
    return joined


def is_empty(output: nbformat.NotebookNode) -> bool:
    """Whether it is what a progress line leaves, which only shows when a step is slow."""
    return output.output_type == "display_data" and not output.data


def steady(output: dict) -> str:
    text = json.dumps(output, sort_keys=True)
    for pattern in VOLATILE.values():
        text = re.sub(pattern, "", text)
    return text
