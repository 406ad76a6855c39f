"""What cannot work is refused in one line, before anything is started."""

import os
import shutil
import socket
import sys
import tempfile

import psutil

from course_lib.errors import CourseError
from course_lib.machine import describe_machine

# What a session on 2 cores was seen to need: with 60 threads it ended in the middle, with 100 it worked; with 256 files
# it did not start, because Spark's jars alone are as many.
_FILES, _THREADS, _THREADS_A_CORE = 512, 60, 20
_MANY_THREADS = 20_000  # a limit beyond this is not counted against


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


def temporary_folder_must_lack(signs: str, what: str) -> None:
    """Raise where one of these signs is in the name of the folder for temporary files."""
    folder = tempfile.gettempdir()
    if found := "".join(sorted(set(signs) & set(folder))):
        raise CourseError(
            f"{what} cannot work in {folder}, for the {found} in its name: "
            f"set TMPDIR to a folder without {' and '.join(signs)}."
        )


def system_must_allow(what: str, disk_bytes: float) -> None:
    """Raise where this system does not let Java run `what`: for want of a name, of files, of threads, of disk."""
    if os.name != "nt":
        _must_have_name(what)
        _must_have_limits(what)
    must_have_disk(disk_bytes, what)


def _must_have_name(what: str) -> None:
    import pwd

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        raise CourseError(
            f"{what} asks for your name, and this system knows none for user {os.getuid()}: "
            "start the container as a user that it knows, or add a line for this one to its /etc/passwd."
        ) from None


def _must_have_limits(what: str) -> None:
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the hard one: Java raises its own soft limit to it
    if files != resource.RLIM_INFINITY and files < _FILES:
        raise CourseError(f"{what} opens up to {_FILES} files, {files} are allowed: `ulimit -n {_FILES}` or more.")
    threads = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if sys.platform != "linux" or threads == resource.RLIM_INFINITY or threads > _MANY_THREADS or os.geteuid() == 0:
        return
    needed, running = _THREADS + _THREADS_A_CORE * describe_machine().cores, _threads_of_this_person()
    if running + needed > threads:
        raise CourseError(
            f"{what} needs {needed} threads; you have {running} and {threads} are allowed: "
            f"close programs, or `ulimit -u {running + 2 * needed}` or more."
        )


def _threads_of_this_person() -> int:
    processes = psutil.process_iter(["uids", "num_threads"])
    return sum(process.info["num_threads"] or 0 for process in processes if process.info["uids"].real == os.getuid())


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
