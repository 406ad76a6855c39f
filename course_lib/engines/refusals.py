"""What cannot work is refused in one line, before anything is started."""

import os
import shutil
import socket
import tempfile

from course_lib.errors import CourseError
from course_lib.machine import describe_machine


def must_have_memory(needed_bytes: float, what: str, advice: str) -> None:
    """Raise where so much memory is not free; `what` needs it, `advice` says what to do."""
    free = describe_machine().available_bytes
    if needed_bytes > free:
        raise CourseError(
            f"{what} may need {needed_bytes / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB is free: {advice}."
        )


def must_have_disk(needed_bytes: float, what: str) -> None:
    """Raise where the folder for temporary files has no such space, or Java cannot load libraries from it."""
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        raise CourseError(
            f"{what} needs a folder for temporary files, and none can be written: set TMPDIR to one."
        ) from None
    if os.name != "nt" and os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise CourseError(
            f"{what} loads libraries that it unpacks, and {folder} is mounted so that no program runs from it "
            "(noexec): set TMPDIR to a folder of yours, such as one in your home."
        )
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise CourseError(
            f"{what} needs {needed_bytes / 1e9:.1f} GB of disk and {free / 1e9:.1f} GB is free in {folder}: "
            "make room there, or set TMPDIR to a folder that has it."
        )


def must_be_free(port: int) -> None:
    """Raise where something listens on this port of this machine; port 0 stands for a free one."""
    if not 0 <= port <= 65535:
        raise CourseError(f"Port {port} does not exist: 1 to 65535, or 0 for a free one.")
    with socket.socket() as attempt:
        if os.name != "nt":
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left counts as free
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError as error:
            raise CourseError(
                f"Port {port} of this machine cannot be used ({error.strerror}): name another, or 0 for a free one."
            ) from None
