"""Every lesson once more, with other parameters than the ones it was written with: it holds, fresh and warm alike."""

import json
import re
from pathlib import Path

import nbformat
import papermill
import pytest
from lesson_runs import SECOND_PARAMETERS, run_lesson
from papermill.engines import papermill_engines

from course_lib.cli import lessons
from course_lib.warm_engine import WarmEngine
from course_lib.warm_runs import can_fork, close_nursery

papermill_engines.register("warm", WarmEngine)  # also where the package is not installed

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
# A cell that measures this machine, or looks at something that moves by itself, tells something else in each run.
MEASURES = r"measure\.|perf_counter|time\.time|seconds|progress|kill|st_mtime|getsize|listdir|rglob"


@pytest.fixture(params=lessons(), ids=lambda path: path.stem, scope="module")
def fresh(request, tmp_path_factory) -> tuple[Path, nbformat.NotebookNode]:
    """A lesson, and what it shows when papermill's command runs it in a kernel of its own."""
    lesson = request.param
    output = tmp_path_factory.mktemp("fresh") / lesson.name
    return lesson, run_lesson(lesson, output, SECOND_PARAMETERS[lesson.stem].items()).notebook


def test_lesson_holds_under_other_parameters(fresh):
    _, notebook = fresh
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.skipif(not can_fork(), reason="there is no fork here")
def test_a_warm_run_shows_what_a_fresh_one_shows(fresh, tmp_path):
    lesson, notebook = fresh
    warm = papermill.execute_notebook(
        lesson,
        tmp_path / lesson.name,
        SECOND_PARAMETERS[lesson.stem],
        engine_name="warm",
        kernel_name="python3",
        progress_bar=False,
        folder=lesson.parent,
    )
    close_nursery()
    pairs = list(zip(compared(notebook), compared(warm), strict=True))
    assert [told for told in pairs if told[0] != told[1]] == []
    assert sum(bool(outputs) for (_, outputs), _ in pairs) >= 10, "Too few cells are compared to tell."


def compared(notebook: nbformat.NotebookNode) -> list[tuple[str, list[str]]]:
    """List each cell's source and outputs, without what is volatile, and without the cells that measure."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not re.search(MEASURES, cell.source)]
    return [(cell.source, [steady(output) for output in cell.outputs if not is_empty(output)]) for cell in cells]


def is_empty(output: nbformat.NotebookNode) -> bool:
    """Whether it is what a progress line leaves, which only shows when a step is slow."""
    return output.output_type == "display_data" and not output.data


def steady(output: nbformat.NotebookNode) -> str:
    text = json.dumps(output, sort_keys=True)
    for pattern in VOLATILE.values():
        text = re.sub(pattern, "", text)
    return text
