"""Run a lesson with its assertions counted instead of fatal: which of its claims hold, for other seeds too."""

import ast
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pandas as pd

_NOTE = "_note_claim"


def run_claims(lesson: str | Path, parameters: dict[str, Any]) -> dict[str, bool]:
    """Run a notebook and say of each assertion that it reached whether it held.

    Parameters
    ----------
    lesson : path
        The notebook; it runs in its own folder, in a kernel of its own.
    parameters : dict
        Values for its cell tagged ``parameters``, by name.

    Returns
    -------
    dict
        From the text of each assertion that was reached, to whether it held each time. One behind a condition that is
        false says nothing.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell raises for another reason than an assertion of the notebook.
    """
    import papermill

    lesson = Path(lesson).resolve()
    with TemporaryDirectory() as folder:
        notes, counted, executed = (Path(folder) / name for name in ("notes", "counted.ipynb", "executed.ipynb"))
        notebook = nbformat.read(lesson, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.source = count_assertions(cell.source)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(_definition(notes)))
        nbformat.write(notebook, counted)
        papermill.execute_notebook(
            counted, executed, parameters, kernel_name="python3", cwd=lesson.parent, progress_bar=False
        )
        seen = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    return {text: all(held for other, held in seen if other == text) for text, _ in seen}


def count_assertions(source: str) -> str:
    """Replace each ``assert`` of a cell by a call that notes whether it holds; all else, comments too, stays.

    Parameters
    ----------
    source : str
        Python.

    Returns
    -------
    str
        Python.
    """
    lines = source.splitlines(keepends=True)
    starts = [sum(len(line.encode()) for line in lines[:n]) for n in range(len(lines))]  # ast counts bytes
    changed = source.encode()
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        test = ast.get_source_segment(source, node.test)
        text = node.msg.value if isinstance(node.msg, ast.Constant) else ast.unparse(node.msg or node.test)
        changed = changed[:start] + f"{_NOTE}(({test}), {text!r})".encode() + changed[end:]
    return changed.decode()


def _definition(notes: Path) -> str:
    return (
        f"def {_NOTE}(held, text):\n"
        "    import json\n\n"
        f"    with open({str(notes)!r}, 'a') as notes:\n"
        "        print(json.dumps([text, bool(held)]), file=notes)\n"
    )


def claims_held(table: pd.DataFrame) -> pd.DataFrame:
    """Count over the runs of ``course sweep claims`` how often each claim held.

    Parameters
    ----------
    table : pandas.DataFrame
        Its runs, ``results("runs/claims")``.

    Returns
    -------
    pandas.DataFrame
        One row a claim: `lesson`, `second` (whether with the second parameters), `claim`, `runs` that reached it,
        `held` (share of them), the rarest first.
    """
    done = table[table["status"] == "done"]
    rows = [
        (Path(run.lesson).stem, run.second, claim, held)
        for run in done.itertuples()
        for claim, held in json.loads(run.claims).items()
    ]
    claims = pd.DataFrame(rows, columns=["lesson", "second", "claim", "held"])
    counted = claims.groupby(["lesson", "second", "claim"])["held"].agg(runs="size", held="mean")
    return counted.reset_index().sort_values(["held", "lesson"], ignore_index=True)
