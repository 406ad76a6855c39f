"""Claims are counted instead of fatal, and all else of a lesson runs as it is."""

import nbformat
import pandas as pd
import pytest

from course_lib import claims_held, run_claims
from course_lib.sweeps.claims import count_assertions

CELLS = [
    "seed: int = 0  # seed",
    "# a comment that stays\nassert seed < 5, 'small: é'; after = 1",
    "for n in range(3):\n    assert n < 2, 'each of three'\nif seed > 100:\n    assert False, 'not reached'",
    "assert (\n    after\n    == 1\n), f'after {after}'",
]


def write(folder, cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, folder / "lesson.ipynb")
    return folder / "lesson.ipynb"


def test_a_claim_that_fails_is_counted_and_the_run_goes_on(tmp_path):
    lesson = write(tmp_path, CELLS)
    assert run_claims(lesson, {}) == {"small: é": True, "each of three": False, "f'after {after}'": True}
    assert run_claims(lesson, {"seed": 7})["small: é"] is False
    assert [file.name for file in tmp_path.iterdir()] == ["lesson.ipynb"]


def test_comments_and_lines_stay():
    counted = count_assertions(CELLS[1])
    assert counted.startswith("# a comment that stays\n")
    assert counted.endswith("; after = 1")
    assert count_assertions("# nothing to count\nx = 1") == "# nothing to count\nx = 1"


def test_another_error_ends_the_run(tmp_path):
    from papermill.exceptions import PapermillExecutionError

    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        run_claims(write(tmp_path, ["seed: int = 0  # seed", "1 / 0"]), {})


def test_shares_are_over_the_runs_that_reached_a_claim():
    claims = ['{"one": true, "two": true}', '{"one": false, "two": true}', '{"one": false}', None]
    table = pd.DataFrame({"lesson": "../00_x.ipynb", "second": False, "claims": claims})
    table["status"] = ["done", "done", "done", "failed"]
    held = claims_held(table).set_index("claim")
    assert held.loc["one", ["runs", "held"]].to_list() == pytest.approx([3, 1 / 3])
    assert held.loc["two", ["runs", "held"]].to_list() == [2, 1]
