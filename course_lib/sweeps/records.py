"""What runs leave behind: `record` in a notebook, one record a run, and `results` as a table."""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError
from course_lib.places import CATALOGUE, PACKAGE

if TYPE_CHECKING:
    import pandas as pd

MIME = "application/vnd.ml-at-scale.record+json"
DONE = "done"


def record(**values: Any) -> None:
    """Record results of a notebook, by name, for a sweep's table; a later value replaces an earlier one.

    The values are kept in the executed notebook, in the output of this cell.

    Parameters
    ----------
    **values
        Numbers, text, True or False, None, dates, or lists and dictionaries of these; numpy's numbers too.

    Raises
    ------
    CourseError
        If a value is none of these: a table or a model is no result to compare.

    Examples
    --------
    >>> record(saving=0.24, engine="pandas")  # doctest: +SKIP
    """
    from IPython.display import display

    plain = {name: _plain(name, value) for name, value in values.items()}
    text = ", ".join(f"{name} = {value!r}" for name, value in plain.items())
    display({MIME: plain, "text/plain": f"recorded: {text}"}, raw=True)


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # numpy's numbers
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # JSON has no NaN
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(name, element) for key, element in value.items()}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ndarray":
        return [_plain(name, element) for element in value]
    raise CourseError(
        f"record: {name} is a {type(value).__name__}; record numbers, text, or lists and dictionaries of them."
    )


def recorded(notebook: dict) -> dict[str, Any]:
    """Collect what an executed notebook has recorded.

    Parameters
    ----------
    notebook : dict
        The notebook's JSON.

    Returns
    -------
    dict
        Values by name.
    """
    values = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            values.update(output.get("data", {}).get(MIME, {}))
    return values


def results(folder: str | Path) -> "pd.DataFrame":
    """Give what a sweep has found so far, also while it runs.

    Parameters
    ----------
    folder : path
        The sweep's folder, such as ``runs/sizes``.

    Returns
    -------
    pandas.DataFrame
        One row for each point of the sweep that has a record, in the order of its file: a column for each parameter
        and each recorded value (lists and dictionaries as JSON), then ``status`` (done, failed, time, memory, died),
        ``error``, ``seconds``, ``cpu_seconds``, ``peak_bytes``, ``attempts``, ``ran`` (warm, or in a kernel),
        ``spark`` (connect: through the server that the runs share; own: a session of its own), ``executed``, ``id``.

    Raises
    ------
    CourseError
        If there is no sweep.
    """
    import pandas as pd

    folder = Path(folder)
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CourseError(f"There is no sweep in {folder}. `course sweep FILE.yaml` makes one.") from None
    rows = []
    for identity in plan["points"]:
        found = read_record(folder, identity)
        if found is not None:
            values = {
                f"recorded_{name}" if name in found["parameters"] else name: value
                for name, value in found["values"].items()
            }
            about = {name: found.get(name) for name in ABOUT}
            rows.append({**found["parameters"], **values, **about, "id": identity})
    table = pd.DataFrame(rows)
    for name in table.columns:
        nested = table[name].map(lambda value: isinstance(value, (list, dict)))
        if nested.any():
            table[name] = table[name].map(lambda value: json.dumps(value) if isinstance(value, (list, dict)) else value)
    return table


ABOUT = ("status", "error", "seconds", "cpu_seconds", "peak_bytes", "attempts", "ran", "spark", "executed")


# ---- on disk ---------------------------------------------------------------------------------------------------------


def write_safely(path: Path, text: str) -> None:
    """Write a file so that after a power cut there is the old one or the new one, whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_in_place(part: Path, path: Path) -> None:
    """Give a file, or a folder, that is written its name, for good."""
    if part.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        _to_disk(part)
    part.replace(path)
    with contextlib.suppress(PermissionError):  # Windows cannot open folders
        _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_record(folder: Path, identity: str) -> dict | None:
    """Read the record of a run; None where there is none, or none that can be read."""
    try:
        found = json.loads((folder / "records" / f"{identity}.json").read_text(encoding="utf-8"))
        return found if found["id"] == identity and found["status"] else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


# ---- identity --------------------------------------------------------------------------------------------------------


def content(notebook: dict, folder: Path, beside: list[Path]) -> list:
    """Give what decides what a notebook finds, besides its parameters: its code, and the files beside it that it names.

    Parameters
    ----------
    notebook : dict
        The notebook.
    folder : Path
        Where it lies.
    beside : list of Path
        The files in it of which a run has copies.

    Returns
    -------
    list
        Sources of the code cells, and names and digests of the files.
    """
    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    texts = re.findall(r"""["']([^"'\\\n]{1,255})["']""", "\n".join(sources))
    named = {Path(text) for text in texts}
    named |= {Path(f"{module}.py") for module in re.findall(r"(?:import|from)\s+(\w+)", "\n".join(sources))}
    # What a run has copies of, it cannot change: these are inputs. A folder that is named stands for all in it.
    inner = {file.relative_to(folder) for file in beside}
    at_hand = {path for path in named if len(path.parts) == 1 and len(path.name.encode()) < 256}
    inner |= {path for path in at_hand if (folder / path).is_file()}  # also one too large to copy
    inputs = [path for path in sorted(inner) if named & {path, *path.parents} - {Path()}]
    files = {path.as_posix(): digest(folder / path) for path in inputs}
    return [sources, files]


def digest(file: Path) -> str:
    """Give the SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def identity(point: dict[str, Any], base: str) -> str:
    """Give the identity of a run: the same notebook, parameters, data and environment have the same.

    Parameters
    ----------
    point : dict
        Parameters.
    base : str
        What `environment` says, and the notebook.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    files = {}
    for name, value in point.items():
        if isinstance(value, str) and Path(value).suffix and Path(value).is_file():
            files[name] = digest(Path(value))
    text = json.dumps([base, point, files], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def environment() -> str:
    """Give a digest of what besides its parameters decides what a notebook finds: Python, packages, helpers, data."""
    folders = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    packages = sorted(path.name for folder in folders for path in folder.glob("*.dist-info"))
    ours = [CATALOGUE, *sorted(PACKAGE.rglob("*.py"))]
    helpers = [digest(path) for path in ours if path.is_file()]
    told = [sys.version, platform.platform(), packages, helpers, os.environ.get("COURSE_PROFILE")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Give the versions that a reader of a record asks for first."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("numpy", "pandas", "scikit-learn", "pyspark", "duckdb", "plotly", "ipykernel", "papermill"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
