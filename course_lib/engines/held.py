"""An engine that stays when the command that started it has ended: what ``course cluster`` starts and stops."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil

from course_lib.engines import processes
from course_lib.engines.cluster import local_cluster
from course_lib.engines.connect import connect_server
from course_lib.errors import CourseError


def start(workers: int, cores: int, memory: str, port: int, connect: bool) -> list[dict]:
    """Start a cluster that runs until `stop`, in a process of its own; one for a person at a time.

    Parameters
    ----------
    workers, cores, memory, port
        As for `local_cluster`.
    connect : bool
        Whether a Spark Connect server shall run on it.

    Returns
    -------
    list of dict
        Its notes: see `processes.notes`.

    Raises
    ------
    CourseError
        What `local_cluster` and `connect_server` raise, or where one runs already.
    """
    if found := running():
        raise CourseError(f"A cluster runs already at {found[0]['url']}: `course cluster stop` ends it.")
    wanted = {"workers": workers, "cores": cores, "memory": memory, "port": port, "connect": connect}
    own_group = {"creationflags": 0x08000200} if os.name == "nt" else {"start_new_session": True}
    holder = subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(wanted)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **own_group,
    )
    try:
        said = json.loads(holder.stdout.readline() or '{"problem": "The process that was to hold the cluster ended."}')
    except BaseException:  # Ctrl-C while it starts
        holder.kill()
        raise
    if "problem" in said:
        raise CourseError(said["problem"])
    holder.stdout.close()
    holder.returncode = 0  # it is not ours to wait for
    return running()


def stop() -> bool:
    """End what `start` started and wait until all of it has gone; False where nothing ran."""
    found = running()
    for note in found:
        if processes.is_same_process(**note["owner"]):  # never a later process with the same number
            with contextlib.suppress(psutil.Error):
                psutil.Process(note["owner"]["pid"]).terminate()
    for note in found:
        for process in (note["owner"], note["keeper"]):
            while processes.is_same_process(**process):
                time.sleep(0.1)
    return bool(found)


def running() -> list[dict]:
    """List the notes of what `start` started and still runs, the cluster first."""
    return sorted((note for note in processes.notes() if note.get("held")), key=lambda note: note["kind"])


def _hold(workers: int, cores: int, memory: str, port: int, connect: bool) -> None:
    """Be the process that the cluster ends with: start it, say so on standard output, and stay until told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as engines:
        try:
            cluster = engines.enter_context(local_cluster(workers, cores, memory, port))
            started = [cluster]
            if connect:
                started.append(engines.enter_context(connect_server(cluster.url)))
            for engine in started:
                engine._write_note(held=True)
        except CourseError as error:
            print(json.dumps({"problem": str(error)}), flush=True)
            return
        print("{}", flush=True)
        while cluster.is_alive():
            time.sleep(1)


if __name__ == "__main__":
    _hold(**json.loads(sys.argv[1]))
