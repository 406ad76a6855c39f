"""Run lessons and store in each the outputs that belong to it: those of cells tagged ``keep_output``, no others.

``python tests/notebooks/store_outputs.py 01`` after an edit in JupyterLab or as text; without a number, every lesson.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
import papermill

from course_lib.command.lessons import find_lesson, lessons


def store_outputs(lesson: Path) -> None:
    """Replace a lesson's outputs by those of a fresh run with its default parameters."""
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / lesson.name
        papermill.execute_notebook(lesson, executed, kernel_name="python3", cwd=lesson.parent)
        fresh = {cell.id: cell for cell in nbformat.read(executed, as_version=4).cells}
    book = nbformat.read(lesson, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            keep = "keep_output" in tags
            if "hide-input" in tags:  # the tag hides it in the page, this in the lab
                cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
            cell.outputs = fresh[cell.id].outputs if keep else []
            cell.execution_count = fresh[cell.id].execution_count if keep else None  # nbval wants a number
    nbformat.write(book, lesson)


if __name__ == "__main__":
    for path in [find_lesson(name) for name in sys.argv[1:]] or lessons():
        store_outputs(path)
