"""Small notebooks for the tests of sweeps and of the warm engine, run and looked at."""

import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest

from course_lib.sweeps.warm_runs import can_fork

needs_fork = pytest.mark.skipif(not can_fork(), reason="there is no fork here")

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write_notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    """Write a notebook with the given code cells, the first of them tagged `parameters` where there are some."""
    nodes = [nbformat.v4.new_code_cell(code) for code in cells]
    if parameters:
        nodes.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    nbformat.write(nbformat.v4.new_notebook(cells=nodes, metadata={"kernelspec": KERNELSPEC}), path)
    return path


def execute(path: Path, parameters: dict | None = None, engine: str | None = "warm", **options):
    """Execute a notebook and return it."""
    return papermill.execute_notebook(
        path, path.with_suffix(f".{engine}.ipynb"), parameters or {}, engine_name=engine, progress_bar=False, **options
    )


def texts(notebook) -> list[str]:
    """Return what each code cell has shown, as text."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = [out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs]
            shown.append("".join(outputs).strip())
    return shown


def wait_until(condition, seconds: float = 60):
    """Wait for something to become true, and return it."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
