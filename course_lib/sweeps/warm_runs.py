"""Runs forked from a nursery, as the process sees them that asks for them; see `course_lib.sweeps.warm_engine`."""

import asyncio
import atexit
import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.sweeps.run_tree import MARK, as_socket, end_tree

_PATIENCE_SECONDS = 30  # for a run that has executed its last cell to end: a JVM to stop, files to close


class RunDiedError(Exception):
    """A run's process has ended before it could begin."""


def can_fork() -> bool:
    """Tell whether runs can be forked here: not on Windows, and not on macOS, whose libraries do not survive it."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def environment_with(more: dict[str, str | None]) -> dict[str, str]:
    """Give this process's environment with more variables; None takes one away."""
    return {name: value for name, value in {**os.environ, **more}.items() if value is not None}


class _Channel:
    """The messages of one of a run's two channels."""

    def __init__(self, run: "Run"):
        self._run = run
        self.waiting = asyncio.Queue()

    async def get_msg(self, timeout=None):
        self._run.listen()
        try:
            return await asyncio.wait_for(self.waiting.get(), timeout)
        except TimeoutError:
            raise queue.Empty from None


class Run:
    """One run, as its caller sees it: what nbclient needs of a kernel's client and manager.

    Attributes
    ----------
    pid, start : int
        The run's process, and when it started (`start_of`).
    temporary : Path
        Its temporary folder.
    cpu_seconds, peak_bytes
        What it took; known when it has finished.
    """

    allow_stdin = False
    has_kernel = True

    def __init__(self, folder: str | Path, environment: dict[str, str | None] | None = None):
        self.mark = uuid.uuid4().hex
        self.cpu_seconds, self.peak_bytes = float("nan"), 0
        self._usage: dict = {}
        self._ended: dict | None = None
        self._loop = None
        self._gone = False
        order = {
            "mark": self.mark,
            "folder": str(Path(folder).absolute()),
            "environment": {**environment_with(environment or {}), MARK: self.mark},
        }
        self.connection, self._status = _nursery_for(order)
        try:
            begun = self.connection.recv()
        except (EOFError, OSError):
            how = self.how_it_ended()
            self.connection.close()
            self._status.close()
            raise RunDiedError(how) from None
        self.pid, self.start, self.temporary = begun["pid"], begun["start"], Path(begun["temporary"])
        self.shell_channel, self.iopub_channel = _Channel(self), _Channel(self)

    # What nbclient asks of a kernel's client ...

    def execute(self, code, store_history=True, stop_on_error=True, **_):
        """Ask for a cell to be executed; its number is in all that it says."""
        content = {"code": code, "silent": False, "store_history": store_history, "stop_on_error": stop_on_error}
        return self._ask("execute_request", {**content, "user_expressions": {}, "allow_stdin": False})

    def kernel_info(self):
        """Ask for what the kernel says about itself."""
        return self._ask("kernel_info_request", {})

    def is_alive(self):
        """Tell whether the pipe is still open."""
        return not self._gone

    # ... and of its manager.

    def interrupt_kernel(self):
        """Raise KeyboardInterrupt in the cell."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)

    def _ask(self, kind: str, content: dict) -> str:
        number = uuid.uuid4().hex
        with contextlib.suppress(OSError):  # nbclient finds out by is_alive
            self.connection.send((kind, number, content))
        return number

    def listen(self) -> None:
        """Have the running event loop read the pipe."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop and not self._gone:
            self._loop = loop
            loop.add_reader(self.connection.fileno(), self._read)

    def _read(self) -> None:
        try:
            while self.connection.poll():
                channel, message = self.connection.recv()
                getattr(self, f"{channel}_channel").waiting.put_nowait(message)
        except (EOFError, OSError):
            self._gone = True
            self._loop.remove_reader(self.connection.fileno())

    def finish(self) -> None:
        """Let the run end as a kernel does that is shut down, and learn what it took."""
        with contextlib.suppress(EOFError, OSError):
            self.connection.send(("finish", "", {}))
            limit = time.monotonic() + _PATIENCE_SECONDS
            while self.connection.poll(max(0, limit - time.monotonic())):
                channel, message = self.connection.recv()  # what background threads still say has no cell to go to
                if channel == "usage":
                    self._usage = message
                    break
            self._wait(max(0, limit - time.monotonic()))

    def _wait(self, seconds: float) -> None:
        if self._ended is None and self._status.poll(seconds):
            try:
                self._ended = self._status.recv()
            except (EOFError, OSError):
                self._ended = {"lost": True}

    def how_it_ended(self) -> str:
        """Say in a few words how the process ended."""
        self._wait(5)
        ended = self._ended or {}
        if ended.get("lost"):
            return "the process that runs are forked from has ended"
        code = ended.get("code")
        if code is None:
            return "its process does not answer"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended by itself with exit code {code}"

    def close(self) -> None:
        """End what is left of the run and remove its temporary folder."""
        if self._loop is not None and not self._gone:
            with contextlib.suppress(Exception):
                self._loop.remove_reader(self.connection.fileno())
        end_tree(self.pid, self.mark, self.start)
        self._wait(5)
        shutil.rmtree(self.temporary, ignore_errors=True)
        ended = self._ended or {}
        self.cpu_seconds = ended.get("cpu_seconds", float("nan"))
        self.peak_bytes = self._usage.get("peak_bytes", 0)
        self.connection.close()
        self._status.close()


@dataclass
class KernelRun:
    """A run in a kernel of its own, where none can be forked; its process leads a session, as a `Run`'s does."""

    pid: int
    start: int
    mark: str = ""
    cpu_seconds: float = float("nan")
    peak_bytes: int = 0


class _Nursery:
    """The caller's handle on its nursery."""

    def __init__(self, environment: dict[str, str], learned: list[tuple[str, str]], kept_out: set[str]):
        ours, theirs = socket.socketpair()
        self.environment = environment
        path = [str(Path(entry).absolute()) for entry in sys.path if entry]
        code = "import sys; sys.path[:] = {!r}; from course_lib.sweeps.nursery import nurse; nurse({})"
        self.process = subprocess.Popen(
            # As in the kernel's own specification; a debugger needs it, and says so without.
            [sys.executable, "-Xfrozen_modules=off", "-c", code.format(path, theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
            process_group=0,  # Ctrl-C in a terminal is for the caller
        )
        theirs.close()
        self.control = Connection(ours.detach())
        with contextlib.suppress(OSError):  # it has ended already: the first order finds out
            self.control.send({"learned": learned, "kept_out": sorted(kept_out)})
        self.learned, self.kept_out = learned, kept_out
        self.retired = False

    def order(self, order: dict) -> tuple[Connection, Connection] | None:
        """Ask for a run; None if this nursery must be replaced."""
        talk, their_talk = socket.socketpair()
        status, their_status = socket.socketpair()
        with their_talk, their_status:
            try:
                socket.send_fds(as_socket(self.control), [b"."], [their_talk.fileno(), their_status.fileno()])
                self.control.send(order)
                answer = self.control.recv()
            except (EOFError, OSError):
                answer = {"retired": True}
        self.learned = answer.get("learned", self.learned)
        self.kept_out |= set(answer.get("kept_out", ()))
        if answer.get("retired"):
            talk.close()
            status.close()
            self.retire()
            return None
        return Connection(talk.detach()), Connection(status.detach())

    def retire(self) -> None:
        """Let it end when its last run has."""
        self.retired = True
        with contextlib.suppress(OSError):
            as_socket(self.control).send(b"r")
        _former.append(self)

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


_nursery: _Nursery | None = None
_users = 0  # who have opened it and not closed it yet
_former: list[_Nursery] = []
_lock = threading.Lock()
_passing = {"PYTEST_CURRENT_TEST", "COLUMNS", "LINES", "TMPDIR"}  # nothing that is imported depends on these


def _nursery_for(order: dict) -> tuple[Connection, Connection]:
    """Order a run from the nursery, starting or replacing it where that must be."""
    global _nursery
    with _lock:
        tries = 4
        while tries:
            environment = _lasting_environment()
            if _nursery is not None and (_nursery.environment != environment or _nursery.process.poll() is not None):
                _nursery.retire()
            if _nursery is None or _nursery.retired:
                old = _nursery
                _nursery = _Nursery(environment, old.learned if old else [], old.kept_out if old else set())
            kept_out = len(_nursery.kept_out)
            ends = _nursery.order(order)
            if ends:
                return ends
            if len(_nursery.kept_out) == kept_out:  # else this one has found one more package that must stay out
                tries -= 1
    raise CourseError("Runs cannot be forked here: the process that they are forked from does not stay alive.")


def open_nursery(imports: list[str]) -> None:
    """Start the nursery before it is needed; each caller closes it once.

    Parameters
    ----------
    imports : list of str
        Modules to import at once; what else there is to import, it learns from the runs.
    """
    global _nursery, _users
    with _lock:
        _users += 1
        if _nursery is None and can_fork():
            _nursery = _Nursery(_lasting_environment(), [(name, "") for name in imports], set())


def nursery_is_open() -> bool:
    """Tell whether somebody has opened the nursery and not closed it."""
    return _users > 0


def _lasting_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _passing}


def close_nursery() -> None:
    """End the nursery and the runs that are under way, unless others use it still; the next run starts another."""
    global _users
    with _lock:
        _users = max(0, _users - 1)
        if not _users:
            _end_nurseries()


def _end_nurseries() -> None:
    global _nursery
    ending, _nursery = [*_former, *([_nursery] if _nursery else [])], None
    _former.clear()
    for nursery in ending:
        nursery.close()


def _after_fork_of_caller() -> None:
    """In a process forked from the caller the nursery is not ours."""
    global _nursery, _users, _lock
    _nursery, _users, _lock = None, 0, threading.Lock()
    _former.clear()


atexit.register(_end_nurseries)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_of_caller)
