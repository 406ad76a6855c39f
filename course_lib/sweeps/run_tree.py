"""The processes of a run, found and ended by whoever cares for it: the caller, the nursery, the sweep."""

import contextlib
import os
import signal
import socket
import time
from multiprocessing.connection import Connection
from pathlib import Path

MARK = "COURSE_WARM_RUN"  # the environment variable by which the processes of a run are known


def start_of(pid: int) -> int:
    """Give when a process started, in clock ticks since the machine did (Linux; 0 elsewhere, or if it has ended)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return 0


def tree_of(pid: int, mark: str = "", start: int = 0) -> set[int]:
    """List the processes of a run: its session, all below it, and all that carry its mark in their environment.

    Parameters
    ----------
    pid : int
        The run's first process, which leads a session.
    mark : str
        What stands in the environment of every program that the run has started; also of one that has left the
        session and whose parent has ended (Linux alone).
    start : int
        When the first process started (`start_of`): a later process of the same number is none of ours.

    Returns
    -------
    set of int
        Process ids; empty when all have ended.
    """
    import psutil

    label = f"{MARK}={mark}".encode() if mark else None
    if start and start_of(pid) not in (0, start):  # the number is given again only when nobody of the session is left
        pid = -1
    found, parents = set(), {}
    for other in psutil.pids():
        try:
            if psutil.LINUX:
                fields = Path(f"/proc/{other}/stat").read_bytes().rpartition(b")")[2].split()
                if fields[0] == b"Z":  # it has ended and waits to be asked how
                    continue
                parents[other], session = int(fields[1]), int(fields[3])
                ours = session == pid or (label and label in Path(f"/proc/{other}/environ").read_bytes())
            else:
                parents[other], ours = psutil.Process(other).ppid(), os.getsid(other) == pid
        except (OSError, psutil.Error):  # it has ended meanwhile, or is not ours
            continue
        if ours or other == pid:
            found.add(other)
    while below := {other for other, parent in parents.items() if parent in found} - found:
        found |= below
    return found - {os.getpid()}


def end_tree(pid: int, mark: str = "", start: int = 0) -> None:
    """Kill every process of a run; see `tree_of`."""
    for _ in range(20):  # one that is just being forked escapes the first look
        left = tree_of(pid, mark, start)
        if not left:
            return
        for other in left:
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGKILL)
        time.sleep(0.01)


def as_socket(connection: Connection) -> socket.socket:
    """Give a pipe as the socket that it is, for what only sockets can pass: files."""
    return socket.socket(fileno=os.dup(connection.fileno()))  # closes its copy when it goes
