"""Where things lie: the repository and what is in it, the cache, what set-up made for this machine, the lab."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib.errors import CourseError

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent
NOTEBOOKS = REPOSITORY / "notebooks"
RUNS = REPOSITORY / "runs"  # executed notebooks, their pages, the results of sweeps; git ignores it
CATALOGUE = REPOSITORY / "data" / "catalogue.toml"


def cache_folder() -> Path:
    """Folder of the Parquet files and jars: COURSE_DATA where it is set, else data/cache of this repository."""
    return Path(os.environ.get("COURSE_DATA") or REPOSITORY / "data" / "cache").expanduser().absolute()


def project_folder() -> Path:
    """Give the folder in this environment where set-up keeps what it made for this machine."""
    return Path(sys.prefix) / "share" / "ml-at-scale"


def lab_address() -> str | None:
    """Give the address of the lab that this Python works for, or the part of it after the host, with / at the end."""
    if address := os.environ.get("JUPYTER_SERVER_URL"):  # in a terminal of the lab
        return address
    if prefix := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):  # on Binder: the user's part
        return prefix
    return "/" if "JPY_SESSION_NAME" in os.environ else None  # a kernel that a Jupyter server has started


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses, somewhere in the cache, into one line for the person."""
    try:
        yield
    except OSError as error:
        raise cannot_write(folder, error) from None


def cannot_write(folder: Path, error: OSError) -> CourseError:
    """Say that the data folder cannot be written, why, and what to do."""
    return CourseError(
        f"Cannot write to the data folder {folder} ({error.strerror or first_line(error)}): "
        "make room or let your user write there, or set COURSE_DATA to a folder with 100 MB free."
    )


def first_line(error: BaseException) -> str:
    """Cut an exception's text to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
