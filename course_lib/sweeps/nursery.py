"""The process that warm runs are forked from, and what happens inside them; see `course_lib.sweeps.warm_engine`.

Started with ``python -c``: it must have no thread when it forks, so nothing of it runs in another process.
"""

import asyncio
import atexit
import contextlib
import gc
import importlib
import importlib.util
import io
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import warnings
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace

from ipykernel.inprocess.socket import DummySocket
from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.session import Session

from course_lib.sweeps.run_tree import as_socket, end_tree, start_of

# What starts threads when it is imported, which would not live on in a fork, and so is imported by each run itself.
KEPT_OUT = frozenset({"jax", "keras", "tensorflow", "tensorboard", "tf_keras", "torch"})
# These start threads too, and start them again after a fork by themselves (OpenBLAS; Arrow's pools).
_MENDS_ITSELF = ("numpy", "scipy.linalg", "pyarrow")


# ---- the nursery -----------------------------------------------------------------------------------------------------


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
    imports = Imports({*KEPT_OUT, *settings["kept_out"]}, application.kernel.shell)
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


def _hear(lessons: dict[int, Connection], imports: "Imports") -> None:
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
                    lessons.send(_describe(new))
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
    usage = {"peak_bytes": _own_peak()}
    with contextlib.suppress(Exception):
        threading._shutdown()
        atexit._run_exitfuncs()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        pipe.send(("usage", usage))
    return 0


def _own_peak() -> int:
    """Bytes that this process held at most: its share now (Linux), and what it has given back since its peak."""
    try:
        share = 1024 * int(Path("/proc/self/smaps_rollup").read_text().split("\nPss:")[1].split()[0])
        lines = Path("/proc/self/status").read_text().splitlines()
        status = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmHWM", "VmRSS"))}
        return share + 1024 * (int(status["VmHWM"]) - int(status["VmRSS"]))
    except (OSError, LookupError, ValueError):
        return 0


def _describe(names: list[str]) -> list[tuple[str, str]]:
    """Name modules with the files that they come from."""
    described = []
    for name in names:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is not None and spec.origin:
            described.append((name, spec.origin))
    return described


# ---- what the nursery imports ----------------------------------------------------------------------------------------


class Imports:
    """What the nursery has imported, and what must not be.

    Attributes
    ----------
    learned : list of (str, str)
        Names and files of the modules, in the order in which runs imported them.
    kept_out : set of str
        Packages whose import does what a fork does not survive (starts threads), or what each run has to show in its
        own cell (prints, warns).
    known : set of str
        All modules that are there.
    spoiled : bool
        Whether an import has started threads, so that this process must not be forked any more.
    """

    def __init__(self, kept_out: set[str], shell: InteractiveShell):
        self._shell = shell
        self.learned: list[tuple[str, str]] = []
        self.kept_out = kept_out
        self.known = set(sys.modules)
        self.spoiled = False
        self._roots = [str(Path(entry).resolve()) + os.sep for entry in sys.path if Path(entry).is_absolute()]
        self._ours: dict[str, float] = {}  # files that may be edited between runs, and when they were

    def learn(self, modules: list[tuple[str, str]]) -> None:
        """Import what a run has imported."""
        wanted = [(name, file) for name, file in modules if name not in self.known and self._may(name, file)]
        if not wanted:
            return
        names = {name for name, _ in wanted}
        first = [(name, "") for name in _MENDS_ITSELF if name in names]
        for name, file in [*first, *wanted]:
            if self.spoiled:
                self.learned.append((name, file))  # for the next nursery
            elif name not in sys.modules and name.partition(".")[0] not in self.kept_out:
                self._import(name)
            if file and name in sys.modules:
                self.learned.append((name, file))
        with self._shell.builtin_trap:
            _warm_up()
        self.known = set(sys.modules)
        self._remember_files()

    def _may(self, name: str, file: str) -> bool:
        """Leave out what would not be the same module here: it lies beside a notebook, or is made by a program."""
        if name.partition(".")[0] in self.kept_out or name == "__main__":
            return False
        if file in ("built-in", "frozen"):
            return True
        if not file:  # named by the caller, who has seen no file: look for it
            try:
                file = getattr(importlib.util.find_spec(name), "origin", None) or ""
            except (ImportError, ValueError):
                return False
        return any(str(Path(file)).startswith(root) for root in self._roots)

    def _import(self, name: str) -> None:
        before = _threads()
        heard = io.StringIO()
        with (
            self._shell.builtin_trap,  # `get_ipython` is there, as in a cell: pandas looks for it when it is imported
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(heard),
            contextlib.redirect_stderr(heard),
            contextlib.suppress(Exception, SystemExit),
        ):
            importlib.import_module(name)
        silent = not warned and not heard.getvalue()
        started = _threads() > before and name not in _MENDS_ITSELF
        if started or not silent:
            self.kept_out.add(name.partition(".")[0])
            self.spoiled = True

    def _remember_files(self) -> None:
        """Note when the files were changed that are not part of an installation."""
        fixed = (sys.prefix + os.sep, sys.base_prefix + os.sep)
        for name in self.known:
            file = getattr(sys.modules.get(name), "__file__", None)
            if file and not file.startswith(fixed) and file not in self._ours:
                with contextlib.suppress(OSError):
                    self._ours[file] = Path(file).stat().st_mtime

    def outdated(self) -> bool:
        """Tell whether a file has been edited since it was imported."""
        for file, changed in self._ours.items():
            try:
                if Path(file).stat().st_mtime != changed:
                    return True
            except OSError:
                return True
        return False


def _threads() -> int:
    """Count the threads of this process, also those that Python does not know."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()


def _warm_up() -> None:
    """Do once what libraries put off until their first use, and every run would pay for."""
    if (pandas := sys.modules.get("pandas")) and "pandas.io.formats.html" in sys.modules:
        pandas.DataFrame({"a": [1.5], "b": ["x"]})._repr_html_()
    if "plotly.graph_objs" in sys.modules:
        figure = sys.modules["plotly.graph_objs"].Figure()
        figure.add_scatter(x=[1], y=[1])
        figure.update_layout(template="plotly")
        figure._repr_mimebundle_(None, None)
    gc.collect()
