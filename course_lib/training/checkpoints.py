"""Where training stands after an epoch, kept under a URI: weights, the optimizer's state, and what they belong to.

A checkpoint is written beside its name and renamed when it is complete, so that whoever is killed in between leaves
nothing that looks like one. (Where the power fails, the last one may be damaged: it is passed over for the one before.)
It is a NumPy archive without pickled objects, to read it executes nothing, and behind it the SHA-256 of its bytes.
"""

import hashlib
import io
import json
import re
import uuid
import warnings
from dataclasses import dataclass, field

import numpy as np
from pyarrow import ArrowException, fs

from course_lib.errors import CourseError
from course_lib.places import first_line

_NAME = re.compile(r"epoch-(\d{6})\.npz")
_KEPT = 3  # checkpoints of a training: the last one, and others for when it is damaged


@dataclass(frozen=True)
class Checkpoint:
    """What training needs to go on.

    Attributes
    ----------
    epoch : int
        How many epochs are done.
    weights : list of numpy.ndarray
        The model's, in the order of Keras' ``model.weights``.
    optimizer : list of numpy.ndarray
        The optimizer's, in the order of ``model.optimizer.variables``.
    of : dict
        What it belongs to, such as the seed; small, as JSON can hold it.
    """

    epoch: int
    weights: list[np.ndarray]
    optimizer: list[np.ndarray] = field(default_factory=list)
    of: dict = field(default_factory=dict)


def save(uri: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; it is there as a whole or not at all. Those more than two epochs older are removed.

    Parameters
    ----------
    uri : str
        A folder, or a URI of one that all workers reach: ``s3://``, ``gs://``, ``hdfs://`` (with Hadoop's native
        library on each machine) and whatever else ``pyarrow.fs.FileSystem.from_uri`` knows. Made where it is missing.
    checkpoint : Checkpoint

    Raises
    ------
    CourseError
        The folder cannot be written.
    """
    arrays = {f"weights-{number:04}": values for number, values in enumerate(checkpoint.weights)}
    arrays |= {f"optimizer-{number:04}": values for number, values in enumerate(checkpoint.optimizer)}
    arrays["of"] = np.frombuffer(json.dumps(checkpoint.of).encode(), dtype=np.uint8)
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    files, folder = _open(uri)
    beside, place = f"{folder}/writing-{uuid.uuid4().hex}", f"{folder}/{_name(checkpoint.epoch)}"
    try:
        files.create_dir(folder, recursive=True)
        with files.open_output_stream(beside) as stream:
            stream.write(packed.getbuffer())
            stream.write(_digest(packed.getbuffer()))
        if files.get_file_info(place).type != fs.FileType.NotFound:  # a damaged one, which HDFS would not replace
            files.delete_file(place)
        files.move(beside, place)
        for epoch in _epochs(files, folder):
            if epoch <= checkpoint.epoch - _KEPT:
                files.delete_file(f"{folder}/{_name(epoch)}")
    except OSError as error:
        raise _cannot("write a checkpoint to", uri, error) from None


def make_ready(uri: str) -> None:
    """Make the folder where it is missing, and remove what killed writers have left half-written in it.

    Parameters
    ----------
    uri : str
        As in `save`; nobody writes there now.

    Raises
    ------
    CourseError
        The folder cannot be written.
    """
    files, folder = _open(uri)
    try:
        files.create_dir(folder, recursive=True)
        for name in _names(files, folder):
            if name.startswith("writing-"):
                files.delete_file(f"{folder}/{name}")
    except OSError as error:
        raise _cannot("write a checkpoint to", uri, error) from None


def load(uri: str, epoch: int | None = None) -> Checkpoint | None:
    """Read a checkpoint.

    Parameters
    ----------
    uri : str
        As in `save`.
    epoch : int, optional
        That after so many epochs; by default the last one. A damaged one is passed over for the one before, with a
        warning.

    Returns
    -------
    Checkpoint or None
        None where there is none.

    Raises
    ------
    CourseError
        The folder cannot be read, or all that could be taken are damaged.
    """
    files, folder = _open(uri)
    found, damaged = None, []
    try:
        numbers = sorted(_epochs(files, folder), reverse=True)
        for number in numbers if epoch is None else {epoch}.intersection(numbers):
            with files.open_input_file(f"{folder}/{_name(number)}") as stream:
                content = stream.read()
            try:
                found = _unpacked(number, content)
                break
            except Exception:  # zip and NumPy raise a dozen different ones over what is none of theirs
                damaged.append(_name(number))
    except OSError as error:
        raise _cannot("read checkpoints from", uri, error) from None
    if damaged and not found:
        raise CourseError(f"{shown(uri)} has only damaged checkpoints ({', '.join(damaged)}): remove them, and train.")
    if damaged:
        warnings.warn(f"{shown(uri)}: passed over {', '.join(damaged)}, which is damaged.", stacklevel=2)
    return found


def shown(uri: str) -> str:
    """Leave out what stands before the host and after the path: keys may be in it.

    Parameters
    ----------
    uri : str
        As in `save`; a folder stays as it is.

    Returns
    -------
    str
        What a message may say.
    """
    return re.sub(r"^([\w+.-]+://)(?:.*@)?([^?]*).*", r"\1\2", uri, flags=re.DOTALL)


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).digest()


def _unpacked(epoch: int, content: bytes) -> Checkpoint:
    archived = memoryview(content)[:-32]
    if _digest(archived) != content[-32:]:  # the archive's own sums do not cover its table of contents
        raise ValueError
    with np.load(io.BytesIO(archived), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in sorted(archive.files)}
    of = json.loads(arrays.pop("of").tobytes())
    kinds = ([values for name, values in arrays.items() if name.startswith(kind)] for kind in ("weights", "optimizer"))
    return Checkpoint(epoch, *kinds, of)


def _name(epoch: int) -> str:
    return f"epoch-{epoch:06}.npz"


def _names(files: fs.FileSystem, folder: str) -> list[str]:
    return [info.base_name for info in files.get_file_info(fs.FileSelector(folder, allow_not_found=True))]


def _epochs(files: fs.FileSystem, folder: str) -> list[int]:
    return [int(name[1]) for name in map(_NAME.fullmatch, _names(files, folder)) if name]


def _cannot(what: str, uri: str, error: OSError) -> CourseError:
    reason = first_line(error).replace(uri, shown(uri))
    return CourseError(f"Cannot {what} {shown(uri)}: {reason}. Choose another folder.")


def _open(uri: str) -> tuple[fs.FileSystem, str]:
    """Give the file system of a URI, and the folder in it."""
    try:
        files, folder = fs.FileSystem.from_uri(uri)
    except (ArrowException, OSError) as error:
        raise CourseError(
            f"{shown(uri)!r} is no place for checkpoints: {first_line(error).replace(uri, shown(uri))}. Give the full "
            "path of a folder, or a URI such as file:///data/run-1 or s3://bucket/run-1."
        ) from None
    return files, folder.rstrip("/")
