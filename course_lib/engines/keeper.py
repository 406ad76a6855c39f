"""A program that starts processes for another one, its owner, and ends them all when the owner ends, however it ends.

    python keeper.py OWNER FOLDER [FILE...]

`course_lib.engines.processes` runs it. The owner's end is seen in two ways: standard input closes, and the process
OWNER is no longer our parent (a fork of the owner may still hold the pipe). Then everything that was started is killed
with all below it, and FOLDER and the FILEs are removed. Requests are JSON objects, one a line, each answered by a line.
Both carry a "number", so that an answer that nobody waited for (Ctrl-C) is not taken for another's:

    {"start": ["java", ...], "environment": {...}, "log": "path"}  ->  {"pid": 123}
    {"ended": 123}  ->  {"ended": false}
    {"kill": 123}   ->  {}         the process and all below it, as when a machine is lost
    {"stop": true}  ->             everything, then this program ends

It stands alone, without the rest of the course, so that it starts in a tenth of a second and takes little memory.
"""

import contextlib
import ctypes
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.5  # how often the parent is looked for
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main() -> None:
    """Answer requests until the owner has ended or says stop; then end everything."""
    owner, folder, *files = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a killed process leaves behind becomes our child, so that we find it
    requests = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    started = {}
    try:
        while not _is_orphan(int(owner)):
            try:
                request = requests.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if "stop" in request:
                break
            print(json.dumps({"number": request["number"], **_answer(request, started)}), flush=True)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill_below(psutil.Process())
        shutil.rmtree(folder, ignore_errors=True)
        for file in files:
            Path(file).unlink(missing_ok=True)


def _is_orphan(owner: int) -> bool:
    """Whether the owner is no longer our parent; on Windows a parent stays one, and the pipe alone tells."""
    return os.name != "nt" and os.getppid() != owner


def _listen(requests: queue.SimpleQueue) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    requests.put({"stop": True})


def _answer(request: dict, started: dict[int, subprocess.Popen]) -> dict:
    if "start" in request:
        with Path(request["log"]).open("ab") as log:
            process = subprocess.Popen(
                request["start"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=request["environment"],
                # Should this program itself be killed, Linux kills what it started. The signal is tied to the thread
                # that starts the process: here always the main one.
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        started[process.pid] = process
        return {"pid": process.pid}
    if "ended" in request:
        return {"ended": started[request["ended"]].poll() is not None}
    top = started[request["kill"]]
    if top.poll() is None:
        _kill_below(psutil.Process(top.pid), and_itself=True)
        top.wait()
    return {}


def _kill_below(top: psutil.Process, and_itself: bool = False) -> None:
    """Kill all that a process has started, again until nothing is left: it may start more meanwhile."""
    while doomed := [process for process in _tree(top, and_itself) if _runs(process)]:
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, timeout=5)


def _tree(top: psutil.Process, and_itself: bool) -> list[psutil.Process]:
    try:
        below = top.children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    return [top, *below] if and_itself else below


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
