"""The working directory of a run: what lies beside the notebook is found in it, and what is written stays in it."""

import contextlib
import os
import shutil
from pathlib import Path

_COPIED_BYTES = 20_000_000  # in all, for each run
_COPIED_FILES = 200  # of each folder beside the notebook
_LEVELS = 3  # the notebook's folder, and what `..` and `../..` reach


def lay_out(home: Path, place: Path) -> Path:
    """Make a working directory in which a notebook finds what lies beside it, and writes without being in the way.

    Small files of the notebook's folder and of the folders in it are copied (`small_files`), so that one that is
    written again is the run's own, and so are these folders. What is too large for that, and what ``..`` and ``../..``
    reach, are links.

    Parameters
    ----------
    home : Path
        The notebook's folder.
    place : Path
        Where to make it.

    Returns
    -------
    Path
        The working directory; its name is that of the notebook's folder.
    """
    for level, below in _levels(home):
        place = place / (level.name or "root")
        place.mkdir(parents=True)
        if not below:
            copied = set(small_files(home))
            _mirror(home, place, copied, {parent for file in copied for parent in file.parents})
            continue
        with contextlib.suppress(PermissionError):  # what is above may be closed to us
            for entry in level.iterdir():
                if entry.name != below:
                    (place / entry.name).symlink_to(entry)
    return place


def _mirror(folder: Path, place: Path, copied: set[Path], made: set[Path]) -> None:
    """Copy what is to be copied; make the folders that hold some of it, and empty ones; make links of all else."""
    for entry in folder.iterdir():
        if entry in copied:
            shutil.copy2(entry, place / entry.name)
        elif entry in made or (_is_inner(entry) and _all_files(entry) == []):
            (place / entry.name).mkdir()
            _mirror(entry, place / entry.name, copied, made)
        else:
            (place / entry.name).symlink_to(entry)


def _levels(home: Path) -> list[tuple[Path, str]]:
    """List the folders that a working directory stands for, outermost first, and which entry of each is the next."""
    levels = [home, *home.parents][:_LEVELS]
    return [*zip(levels[:0:-1], [level.name for level in levels[-2::-1]], strict=True), (home, "")]


def small_files(folder: Path) -> list[Path]:
    """List the files of a folder and of the folders in it, up to 20 MB in all, smallest first in each folder.

    A folder in it counts whole or not at all: one with more than that, with more than 200 files, that is hidden, a
    link, or the results of a sweep, is left out.
    """
    own, folders = [], []
    for entry in sorted(folder.iterdir()):
        if entry.is_file() and os.access(entry, os.R_OK):
            own.append(entry)
        elif _is_inner(entry):
            folders.append(entry)
    own.sort(key=lambda file: file.stat().st_size)
    found, room = [], _COPIED_BYTES
    for files in [*([file] for file in own), *filter(None, map(_all_files, folders))]:
        size = sum(file.stat().st_size for file in files)
        if size <= room:
            found += files
            room -= size
    return found


def _is_inner(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink() and not entry.name.startswith((".", "__pycache__"))


def _all_files(folder: Path) -> list[Path] | None:
    """List all files of a folder, of any depth; None for one that a run shares with others."""
    found = []
    for place, folders, files in os.walk(folder):
        if ".lock" in files:  # a sweep's results, maybe at work
            return None
        folders[:] = [name for name in folders if _is_inner(Path(place, name))]
        new = [Path(place, name) for name in files]
        found += new
        if len(found) > _COPIED_FILES or not all(file.is_file() and os.access(file, os.R_OK) for file in new):
            return None
    return found


def set_aside(place: Path, home: Path, kept: Path) -> None:
    """Move what a run has written into its working directory, or into the two above it, and remove the rest.

    Parameters
    ----------
    place : Path
        Where `lay_out` was asked to make it.
    home : Path
        The notebook's folder.
    kept : Path
        Where to move what is new.
    """
    inner = place
    for level, below in _levels(home):
        inner = inner / (level.name or "root")
        if inner.is_dir():
            _move_new(inner, level, kept, below)
    shutil.rmtree(place, ignore_errors=True)


def _move_new(place: Path, original: Path, kept: Path, below: str = "") -> None:
    for entry in [*os.scandir(place)]:
        if entry.is_symlink() or entry.name in {below, "__pycache__", ".ipynb_checkpoints"}:
            continue
        there = original / entry.name
        if entry.is_dir() and there.is_dir():
            _move_new(Path(entry.path), there, kept / entry.name)
        elif not (entry.is_file() and _is_the_same(entry, there)):
            kept.mkdir(parents=True, exist_ok=True)
            shutil.move(entry.path, kept / entry.name)


def _is_the_same(entry: os.DirEntry, original: Path) -> bool:
    try:
        there, here = original.stat(), entry.stat()
    except OSError:
        return False
    return (there.st_mtime_ns, there.st_size) == (here.st_mtime_ns, here.st_size)
