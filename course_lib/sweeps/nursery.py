"""The process that warm runs are forked from; see `course_lib.sweeps.warm_engine`.

Started with ``python -c``: it must have no thread when it forks, so nothing of it runs in another process.
"""

import contextlib
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection, wait

from course_lib.sweeps.forked_run import prepare_kernel, serve
from course_lib.sweeps.imports import Imports
from course_lib.sweeps.run_tree import as_socket, end_tree, start_of


def nurse(control_descriptor: int) -> None:
    """Be the nursery: import what runs have imported, and fork a run for each order.

    Parameters
    ----------
    control_descriptor : int
        The socket on which the caller's orders come; first what an earlier nursery has learned to import, and what
        must not be.
    """
    control = Connection(control_descriptor)
    try:
        settings = control.recv()
    except EOFError:
        return
    application = prepare_kernel()
    imports = Imports(settings["kept_out"], application.kernel.shell)
    gc.disable()  # a collection would touch every object, and so copy every page, in each run
    imports.learn(settings["learned"])

    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    runs: dict[int, dict] = {}
    lessons: dict[int, Connection] = {}  # pipes on which runs tell what they have imported
    retiring = False
    while not (retiring and not runs):
        ready = wait([control, *lessons.values(), wake_read])
        _hear(lessons, imports)
        if wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            _reap(runs)
        if control not in ready:
            continue
        kind, descriptors = b"", []
        with contextlib.suppress(OSError):
            kind, descriptors, _, _ = socket.recv_fds(as_socket(control), 1, 2)
        if kind == b"r":  # the caller has another nursery by now; this one stays for the runs that it has
            retiring = True
            continue
        if kind != b".":  # the caller has ended, however that was
            for pid, run in runs.items():
                end_tree(pid, run["mark"], start_of(pid))
                shutil.rmtree(run["temporary"], ignore_errors=True)
            break
        order = control.recv()
        talk, status = (Connection(descriptor) for descriptor in descriptors)
        _hear(lessons, imports)  # the last words of a run that has ended come before the next
        if imports.spoiled or imports.outdated():
            control.send({"retired": True, "learned": imports.learned, "kept_out": sorted(imports.kept_out)})
            talk.close()
            status.close()
            continue
        temporary = tempfile.mkdtemp(prefix="course-run-")
        ears, mouth = os.pipe()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setsid()
                _die_with(os.getppid())
                for end in (wake_read, wake_write, ears):
                    os.close(end)
                for other in (control, status, *lessons.values(), *(run["status"] for run in runs.values())):
                    other.close()
                gc.enable()
                code = serve(application, order, talk, Connection(mouth, readable=False), temporary, imports.known)
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(code)
        os.close(mouth)
        talk.close()
        lessons[pid] = Connection(ears, writable=False)
        runs[pid] = {"status": status, "mark": order["mark"], "temporary": temporary}
        control.send({"learned": imports.learned, "kept_out": sorted(imports.kept_out)})
    os._exit(0)


def _hear(lessons: dict[int, Connection], imports: Imports) -> None:
    """Learn from what runs have told."""
    for number, pipe in list(lessons.items()):
        try:
            while pipe.poll():
                imports.learn(pipe.recv())
        except (EOFError, OSError):
            pipe.close()
            del lessons[number]


def _reap(runs: dict[int, dict]) -> None:
    """Tell the callers of the runs that have ended how they did."""
    for pid in list(runs):
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            run = runs.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                run["status"].send({"code": code, "cpu_seconds": usage.ru_utime + usage.ru_stime})
            run["status"].close()


def _die_with(parent: int) -> None:
    """Have the system end this process when its parent ends, however that ends (Linux alone)."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
