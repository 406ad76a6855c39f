"""What the engines of this machine share: processes that end with their owner, notes on what runs, clear refusals."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

import psutil

from course_lib.engines import environment, jvm
from course_lib.engines.java import find_java
from course_lib.errors import CourseError

_START_SECONDS = 120  # an engine that is not up by then is given up
_LOOK_SECONDS = 0.1

# Warnings, and the lines that name the ports the system gave.
_LOG_SETTINGS = (
    jvm.WARNINGS_TO_STDERR
    + """\
logger.deploy.name = org.apache.spark.deploy
logger.deploy.level = info
logger.ports.name = org.apache.spark.util.Utils
logger.ports.level = info
logger.connect.name = org.apache.spark.sql.connect.service.SparkConnectServer
logger.connect.level = info
logger.namenode.name = org.apache.hadoop.hdfs.server.namenode.NameNode
logger.namenode.level = info
logger.http.name = org.apache.hadoop.http.HttpServer2
logger.http.level = info
"""
)


class Engine:
    """Processes of this machine that make an engine and end with the Python process that started them.

    They end when the ``with`` block is left, by `stop`, when nothing refers to this object any more, and when this
    process ends: also by an exception, Ctrl-C or a SIGKILL.

    Attributes
    ----------
    logs : pathlib.Path
        Folder with a log of each process; it is removed with the engine.
    """

    _kind: str  # in notes and names of folders
    _title: str  # for the person

    def __init__(self):
        environment.must_be_sound()
        self._java = find_java()
        self._note = notes_folder() / f"{self._kind}-{uuid4().hex[:8]}.json"
        self._folder = Path(tempfile.mkdtemp(prefix=f"ml-at-scale-{self._kind}-"))
        self.logs = self._folder / "logs"
        self.logs.mkdir()
        (self._folder / "log4j2.properties").write_text(_LOG_SETTINGS)
        self._keeper = _start_keeper(self._folder, self._note)
        self._owner = os.getpid()
        self._lock, self._asked = threading.Lock(), 0
        self._facts = {}  # for the note

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self) -> None:
        """End every process and remove what they wrote. A second time it does nothing."""
        if os.getpid() != self._owner:
            return  # in a fork: the engine is the parent's
        with contextlib.suppress(OSError, ValueError):  # the keeper has ended, or the pipe is closed
            self._keeper.stdin.write('{"stop": true}\n')
            self._keeper.stdin.close()
        self._keeper.wait()
        shutil.rmtree(self._folder, ignore_errors=True)  # where the keeper was killed it could not
        self._note.unlink(missing_ok=True)

    def _start(self, name: str, command: Sequence[str], variables: dict[str, str]) -> int:
        """Start a process whose log is ``logs/<name>.log``; give its id."""
        started = {"start": [str(word) for word in command], "log": str(self.logs / f"{name}.log")}
        return self._ask(started | {"environment": environment.of_jvm(**variables)})["pid"]

    def _has_ended(self, pid: int) -> bool:
        return self._ask({"ended": pid})["ended"]

    def _kill(self, pid: int) -> None:
        """Kill a process with all below it, as when the machine it stands for is lost."""
        self._ask({"kill": pid})

    @contextlib.contextmanager
    def _stopped_on_failure(self):
        """Leave nothing behind where the start fails or is interrupted."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def _ask(self, request: dict) -> dict:
        try:
            with self._lock:
                self._asked += 1
                self._keeper.stdin.write(json.dumps(request | {"number": self._asked}) + "\n")
                self._keeper.stdin.flush()
                while (answer := json.loads(self._keeper.stdout.readline()))["number"] != self._asked:
                    pass  # to a question that Ctrl-C cut off
                return answer
        except (OSError, ValueError):
            raise CourseError(f"The {self._title} has been stopped: start a new one.") from None

    def _java_command(self, name: str, main: Sequence[str], options: Sequence[str] = (), path: Sequence = ()) -> list:
        """Give the command that runs a class of Spark's or Hadoop's jars; `path` is added to the class path's end.

        At the end, because the archive of loaded classes holds for a class path that begins with Spark's jars.
        """
        arguments = [
            *jvm.options(self._java),
            *jvm.archive_options(self._java),
            *options,
            f"-Djava.io.tmpdir={self._folder}",
            f"-XX:ErrorFile={self.logs / 'java-crash.log'}",
            f"-Dlog4j2.configurationFile={(self._folder / 'log4j2.properties').as_uri()}",
            "-cp",
            os.pathsep.join([*jvm.class_path(), *map(str, path)]),
        ]
        file = jvm.write_arguments(self._folder / f"{name}.options", arguments)
        return [str(self._java.command), f"@{file}", *main]

    def _wait_until(self, answer: Callable[[], object], what: str, needed: dict[str, int]):
        """Ask until there is an answer, and give it.

        Parameters
        ----------
        answer : callable
            Called without arguments; anything false means not yet.
        what : str
            What is waited for, for the error.
        needed : dict of str to int
            Name and id of the processes without which it will never come.
        """
        limit = time.monotonic() + _START_SECONDS
        while not (found := answer()):
            for name, pid in needed.items():
                if self._has_ended(pid):
                    raise CourseError(
                        f"The {self._title} failed: its {name} ended before {what}. It said: {self._last_line(name)}"
                    )
            if time.monotonic() > limit:
                said = "; ".join(f"{name}: {self._last_line(name)}" for name in needed)
                raise CourseError(f"The {self._title} waited {_START_SECONDS} s in vain until {what}. {said}")
            time.sleep(_LOOK_SECONDS)
        return found

    def _logged(self, name: str, pattern: str) -> str | None:
        """Give what the group of a pattern matches first in a log."""
        match = re.search(pattern, self._log(name))
        return match[1] if match else None

    def _log(self, name: str) -> str:
        try:
            return (self.logs / f"{name}.log").read_text(errors="replace")
        except OSError:
            return ""

    def _last_line(self, name: str) -> str:
        """Give the line of a log that most likely says what went wrong."""
        lines = [line.strip() for line in self._log(name).splitlines() if line.strip()]
        telling = [line for line in lines if re.search(r"ERROR|FATAL|Exception|Error:", line)]
        return (telling or lines or ["it said nothing"])[-1]

    def _write_note(self, **facts) -> None:
        """Leave a note for this person's other processes; see `notes`."""
        processes = {
            name: {"pid": pid, "started": psutil.Process(pid).create_time()}
            for name, pid in (("owner", os.getpid()), ("keeper", self._keeper.pid))
        }
        self._facts |= facts
        text = json.dumps({"kind": self._kind, "logs": str(self.logs), **processes, **self._facts})
        beside = self._note.with_suffix(".part")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text)  # for this person only: it may hold a token
        beside.replace(self._note)  # whole or not at all


def _start_keeper(folder: Path, note: Path) -> subprocess.Popen:
    # A group of its own: Ctrl-C and the lab's "interrupt" are for Python, which then decides.
    own_group = {"creationflags": 0x08000200} if os.name == "nt" else {"start_new_session": True}
    command = [sys.executable, "-I", Path(__file__).with_name("keeper.py"), str(os.getpid()), str(folder), str(note)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **own_group)


# ---- notes on what runs ----------------------------------------------------------------------------------------------


def notes_folder() -> Path:
    """Give the folder with a note for each engine that this person runs on this machine."""
    home = os.environ.get("COURSE_HOME")
    if not home:
        import platformdirs

        home = platformdirs.user_data_dir("ml-at-scale", appauthor=False)
    folder = Path(home).expanduser() / "engines"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"Cannot write to {folder} ({error.strerror}): let your user write there, or set COURSE_HOME."
        ) from None
    return folder


def notes(kind: str | None = None) -> list[dict]:
    """List the engines of this person that run, oldest first; notes of engines that have gone are removed.

    Parameters
    ----------
    kind : str, optional
        Only those of one kind: ``"cluster"``, ``"connect"`` or ``"hdfs"``.

    Returns
    -------
    list of dict
        What the engine wrote down: kind, url, logs, owner (its pid and when it started) and more, as the kind has it.
    """
    found = []
    for file in sorted(notes_folder().glob("*.json")):
        try:
            note = json.loads(file.read_text())
            stale = not is_same_process(**note["keeper"])
        except (OSError, ValueError, KeyError):
            continue  # removed meanwhile, or no note of ours
        if stale:
            file.unlink(missing_ok=True)
        elif kind in (None, note["kind"]):
            found.append(note)
    return sorted(found, key=lambda note: note["keeper"]["started"])


def is_same_process(pid: int, started: float) -> bool:
    """Say whether a process id still belongs to the process that started then, and not to a later one.

    Parameters
    ----------
    pid : int
        Its id.
    started : float
        Its `psutil.Process.create_time`, in seconds.
    """
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


# ---- pages of this machine -----------------------------------------------------------------------------------------


def ask_json(address: str, seconds: float = 5):
    """Get a JSON document from an address on this machine, past any proxy; None where nothing answers."""
    text = ask_text(address, seconds)
    return None if text is None else json.loads(text)


def ask_text(address: str, seconds: float = 5) -> str | None:
    """Get a page from an address on this machine, past any proxy; None where nothing answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=seconds) as page:
            return page.read().decode()
    except OSError:
        return None
