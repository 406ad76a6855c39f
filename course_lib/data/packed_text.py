"""Open a file of text, packed or not, and tell its encoding from its bytes."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

from course_lib.errors import CourseError

START_BYTES = 1 << 18  # what is looked at to guess how a file is written

_MARKS = (  # the longer mark first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def open_bytes(path: Path):
    """Open the file for reading bytes; of an archive the one file in it.

    Raises
    ------
    CourseError
        A zip archive with no file, several, or one under a password.
    """
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        files = [name for name in archive.namelist() if not name.endswith("/")]
        if len(files) != 1:
            raise CourseError(f"'{path}' holds {len(files)} files: unzip it and give one of them.")
        try:
            return archive.open(files[0])
        except RuntimeError as error:
            raise CourseError(
                f"'{path}' cannot be unpacked here (a password?): unzip it and give the file in it."
            ) from error
    return {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix, open)(path, "rb")


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Open the file for reading text, with its line ends as they are."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


def start_of(path: Path) -> bytes:
    """Give the first bytes, at most START_BYTES.

    Raises
    ------
    CourseError
        The file cannot be read or unpacked.
    """
    try:
        with open_bytes(path) as file:
            return file.read(START_BYTES)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise CourseError(f"'{path}' cannot be unpacked: is the copy complete?") from error
    except PermissionError:
        raise
    except OSError as error:
        raise CourseError(f"'{path}' cannot be read ({error.strerror or error}).") from error


def encoding_of(path: Path, start: bytes) -> str:
    """Name the encoding: by its mark, else UTF-8 if all of the file is, else a Western one of one byte a letter."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if start and start.count(0) > len(start) / 5:  # text of Western letters in two bytes each, without a mark
        return "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_bytes(path) as file:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1" if _has_any(path, b"\x81\x8d\x8f\x90\x9d") else "cp1252"  # what Windows' code page lacks
    except (zlib.error, lzma.LZMAError, EOFError, zipfile.BadZipFile, OSError) as error:
        raise CourseError(f"'{path}' cannot be unpacked to its end: is the copy complete?") from error
    return "utf-8"


def _has_any(path: Path, wanted: bytes) -> bool:
    with open_bytes(path) as file:
        return any(byte in block for block in iter(lambda: file.read(1 << 20), b"") for byte in wanted)
