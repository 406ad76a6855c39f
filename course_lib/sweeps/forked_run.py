"""Inside a run: a kernel, made before the fork, executes cells after it; see `course_lib.sweeps.warm_engine`.

It talks to its caller through a pipe, so it needs no sockets and, before the fork, no threads.
"""

import asyncio
import atexit
import contextlib
import os
import random
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from types import SimpleNamespace

from ipykernel.inprocess.socket import DummySocket
from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from jupyter_client.session import Session

from course_lib import measure
from course_lib.sweeps.imports import describe
from course_lib.sweeps.run_tree import start_of

# ---- the kernel ------------------------------------------------------------------------------------------------------


class _PipeSession(Session):
    """A session that sends what the kernel says down a pipe, in the form that a client would read from the wire."""

    def __init__(self, **options):
        super().__init__(**options)
        self.pipe = None
        self._sending = threading.Lock()

    def send(self, stream, msg_or_type, content=None, parent=None, ident=None, buffers=None, track=False, **more):
        if isinstance(msg_or_type, dict):
            message = msg_or_type
            buffers = buffers or message.get("buffers")
        else:
            message = self.msg(msg_or_type, content=content, parent=parent, **more)
        read = {
            **message,
            "parent_header": self.unpack(self.pack(message["parent_header"])),
            "content": self.unpack(self.pack(message["content"])),
            "metadata": self.unpack(self.pack(message["metadata"])),
            "buffers": [bytes(buffer) for buffer in buffers or []],
        }
        channel = "shell" if message["msg_type"].endswith("_reply") else "iopub"
        if self.pipe is not None:
            with self._sending, contextlib.suppress(OSError):  # the caller has gone: nobody to tell
                self.pipe.send((channel, read))
        return message


class _Kernel(IPythonKernel):
    """The kernel; nothing waits in queues that an error would have to empty."""

    def _abort_queues(self, subshell_id=None):
        pass


class _KernelApplication(IPKernelApp):
    """ipykernel's application, with everything that a kernel does at its start but open sockets and start threads."""

    def init_connection_file(self):
        pass

    def init_poller(self):
        pass

    def init_sockets(self):
        pass

    def init_heartbeat(self):
        pass

    def write_connection_file(self):
        pass

    def log_connection_info(self):
        pass

    def init_io(self):
        """Leave the streams to the run, which has a thread for them."""

    def init_kernel(self):
        self.session = _PipeSession(parent=self)
        self.kernel = _Kernel.instance(
            parent=self,
            session=self.session,
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )

    def take_part(self, pipe: Connection) -> None:
        """After the fork: open the streams, on threads as a kernel's."""
        self.session.pipe, self.session.pid = pipe, os.getpid()
        self.iopub_thread = IOPubThread(DummySocket(), session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket
        super().init_io()
        kernel, shell = self.kernel, self.kernel.shell
        self.displayhook.get_execution_count = lambda: kernel.execution_count
        kernel.iopub_thread, kernel.iopub_socket = self.iopub_thread, self.iopub_socket
        # Where a kernel has its cells executed: an interrupt reaches those that await only there.
        kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        shell.displayhook.pub_socket = shell.display_pub.pub_socket = self.iopub_socket
        shell.config.HistoryManager.enabled = True
        shell.init_history()
        shell.init_user_ns()  # `In` and `Out` are of that history


def prepare_kernel() -> _KernelApplication:
    """Make the kernel and its shell, before anything is imported: libraries look for a shell when they are."""
    import ipykernel_launcher

    sys.argv = [ipykernel_launcher.__file__]
    application = _KernelApplication.instance()
    # No history on disk, as papermill's client asks for; and the thread that keeps it begins in the run.
    application.initialize(["--HistoryManager.hist_file=:memory:", "--HistoryManager.enabled=False"])
    # papermill's client ends by asking for this, and a first answer takes longer.
    Kernel.kernel_info.fget(application.kernel)
    return application


# ---- one run ---------------------------------------------------------------------------------------------------------


def serve(
    application: _KernelApplication,
    order: dict,
    pipe: Connection,
    lessons: Connection,
    temporary: str,
    known: set[str],
) -> int:
    """In the forked process: execute what the caller asks for, until it has no more.

    Parameters
    ----------
    application : _KernelApplication
        The nursery's.
    order : dict
        ``environment`` and ``folder`` (working directory) of the run.
    pipe : Connection
        To the caller.
    lessons : Connection
        To the nursery, which is told what was imported.
    temporary : str
        The run's temporary folder.
    known : set of str
        Modules that the nursery has imported.

    Returns
    -------
    int
        Exit code for the process.
    """
    pipe.send({"pid": os.getpid(), "start": start_of(os.getpid()), "temporary": temporary})
    fresh = {**order["environment"], "TMPDIR": temporary}
    ours = {name: os.environ[name] for name in _kernel_variables if name in os.environ}
    os.environ.clear()
    os.environ.update({**ours, **fresh})
    time.tzset()
    tempfile.tempdir = None
    os.chdir(order["folder"])
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    application.take_part(pipe)
    kernel = application.kernel
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    told = set(known)
    try:
        while True:
            kind, number, content = pipe.recv()
            if kind == "finish":
                break
            parent = kernel.session.msg(kind, content)
            parent["header"]["msg_id"] = parent["msg_id"] = number
            loop.run_until_complete(_handle(kernel, kind, parent))
            new = [name for name in list(sys.modules) if name not in told]
            if new and kind == "execute_request":
                told.update(new)
                with contextlib.suppress(OSError):
                    lessons.send(describe(new))
    except EOFError:
        pass  # the caller has gone
    return _end(application, pipe)


_kernel_variables = ("TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER", "MPLBACKEND")


async def _handle(kernel: IPythonKernel, kind: str, parent: dict) -> None:
    """Do what a kernel's dispatcher does with a request."""
    kernel.set_parent([], parent)
    kernel.session.send(None, "status", {"execution_state": "busy"}, parent=parent)
    await getattr(kernel, kind)(None, [], parent)
    sys.stdout.flush()
    sys.stderr.flush()
    kernel.session.send(None, "status", {"execution_state": "idle"}, parent=parent)


def _end(application: _KernelApplication, pipe: Connection) -> int:
    """End as an interpreter does, but for taking apart what is imported: that would copy all of it first."""
    usage = {"peak_bytes": measure.own_peak()}
    with contextlib.suppress(Exception):
        threading._shutdown()
        atexit._run_exitfuncs()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        pipe.send(("usage", usage))
    return 0
