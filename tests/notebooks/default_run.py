"""The default run of a lesson, which serves many checks.

nbval collects a lesson's cells, runs them in one kernel and judges their outputs. Here it is given a kernel as on
Binder: without a network, at the low-memory profile, in a copy of the folder of notebooks. Meanwhile its memory is
watched; after the last cell come the checks of what the whole run took and left, each an item beside the cells.

tests/conftest.py registers this as a plugin, because a conftest hears only of files in its own folder.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from namespaces import WITHOUT_NETWORK, allowed
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbFile

from course_lib import measure
from course_lib.command.lessons import lessons
from course_lib.pages import export_html
from course_lib.places import NOTEBOOKS
from course_lib.progress import LINE

CPU_SECONDS = 150  # of a machine that adds numbers in Python as quickly as below; a slower one may take more
MEMORY_BYTES = 1.7e9
PAGE_BYTES = 12e6
PLOTLY = "application/vnd.plotly.v1+json"
_LOOK_SECONDS = 0.2
_ADDITIONS, _ADDITION_SECONDS = 20_000, 20e-9


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Let a lesson be run as `LessonFile` wherever nbval was to collect it."""
    collected = yield
    return [
        LessonFile.from_parent(file.parent, path=file.path)
        if isinstance(file, IPyNbFile) and NOTEBOOKS in file.path.parents
        else file
        for file in collected
    ]


class LessonFile(IPyNbFile):
    """A notebook of the course: its cells, then the checks of the whole run."""

    def collect(self):
        self.cells = list(super().collect())
        yield from self.cells
        for check in (runs_within_the_limits, its_outputs_are_clean, becomes_a_page_with_every_figure):
            yield LessonCheck.from_parent(self, name=check.__name__, check=check)

    def setup(self):
        self.folder = Path(tempfile.mkdtemp(prefix="course-"))
        shutil.copytree(NOTEBOOKS, self.folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
        self.kernel = OfflineKernel(self.folder / self.path.relative_to(NOTEBOOKS.parent).parent, self.folder)
        self.watch = Watch(self.kernel.pid)
        self.setup_sanitize_files()

    def teardown(self):
        super().teardown()
        self.watch.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def get_kernel_message(self, *args, **words):
        """Give the next message, but for Spark's line of progress: only a cell that is slow on this machine has one."""
        while True:
            message = super().get_kernel_message(*args, **words)
            if not message["content"].get("transient", {}).get("display_id", "").startswith(LINE):
                return message

    def executed(self) -> nbformat.NotebookNode:
        """Give the notebook with the outputs of this run."""
        book = deepcopy(self.nb)
        code = [cell for cell in book.cells if cell.cell_type == "code"]
        for number, (cell, run) in enumerate(zip(code, self.cells, strict=True), start=1):
            cell.outputs, cell.execution_count = run.test_outputs or [], number
        return book


class LessonCheck(pytest.Item):
    """One check of a lesson's whole run."""

    def __init__(self, *, check: Callable[["LessonCheck"], None], **words):
        super().__init__(**words)
        self.check = check

    def runtest(self):
        if any(cell.test_outputs is None for cell in self.parent.cells):
            pytest.skip("not every cell was run")
        self.check(self)

    def repr_failure(self, excinfo):
        return excinfo.exconly() if excinfo.errisinstance(AssertionError) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"{self.path.stem}: {self.name.replace('_', ' ')}"


class OfflineKernel(RunningKernel):
    """A kernel as on Binder; where the machine allows no namespaces, one with a network, but never so in CI."""

    def __init__(self, place: Path, folder: Path):
        # Its sockets are files: a port of one network namespace is none of another's.
        self.km = KernelManager(
            kernel_name="python3", transport="ipc", ip=str(folder / "k"), connection_file=str(folder / "k.json")
        )
        if allowed(WITHOUT_NETWORK):
            self.km.kernel_spec.argv[:1] = [*WITHOUT_NETWORK, sys.executable]
        own = {
            "COURSE_PROFILE": "low-memory",
            "COURSE_POSTGRES_URL": "",
            "COURSE_JAVA_OPTIONS": "",
            "COURSE_HOME": str(folder / "home"),
        }
        with (folder / "kernel.log").open("wb") as log:
            self.km.start_kernel(cwd=str(place), env={**os.environ, **own}, stderr=log)
        self.pid = self.km.provisioner.pid
        self.kc = self.km.client()
        self.kc.start_channels()
        try:
            self.kc.wait_for_ready(timeout=120)
        except RuntimeError as error:
            raise RuntimeError(f"{error}; it said: {(folder / 'kernel.log').read_text()[-2000:]}") from None
        self._ensure_iopub_up()


def slowness_now() -> float:
    """Say how many times longer this machine takes to add numbers than the one of the limits.

    A rented core takes half as long again for the same work when its neighbours are busy, in CPU seconds too.
    """
    begin = time.thread_time()
    sum(number for number in range(_ADDITIONS))
    return (time.thread_time() - begin) / (_ADDITIONS * _ADDITION_SECONDS)


class Watch:
    """Looks at the processes of a kernel until told to end.

    Attributes
    ----------
    peak_bytes : int
        The most memory that they held at once; see `course_lib.measure.Block` for what is counted.
    """

    def __init__(self, pid: int):
        self.peak_bytes, self._pid, self._begin = 0, pid, time.monotonic()
        self._slowness, self._looks = 0.0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        took = 0.0
        while not self._ended.wait(max(_LOOK_SECONDS, 5 * took)):  # on a sixth of a core at most
            begin = time.thread_time()
            higher = measure.higher_peak(self.peak_bytes, self._pid)
            if higher > self.peak_bytes:
                # Where the machine is busy, a command that is being started counts twice for longer than two looks.
                self._ended.wait(_LOOK_SECONDS)
                self.peak_bytes = max(self.peak_bytes, min(higher, measure.tree_memory(self._pid)))
            self._slowness, self._looks = self._slowness + slowness_now(), self._looks + 1
            took = time.thread_time() - begin

    @property
    def seconds(self) -> float:
        """Seconds since the kernel was ready."""
        return time.monotonic() - self._begin

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the kernel and of all that it has started, ended or not."""
        return measure.tree_cpu(self._pid)

    @property
    def slowness(self) -> float:
        """The mean of `slowness_now` during this run."""
        return self._slowness / max(1, self._looks)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


# ---- checks of a whole run -------------------------------------------------------------------------------------------


def runs_within_the_limits(item: LessonCheck) -> None:
    watch = item.parent.watch
    took = {"seconds": watch.seconds, "cpu_seconds": watch.cpu_seconds, "peak_bytes": watch.peak_bytes}
    took["slowness"] = watch.slowness
    item.user_properties.append(("default run", json.dumps(took)))
    allowed_seconds = CPU_SECONDS * max(1, watch.slowness)
    assert took["cpu_seconds"] <= allowed_seconds, (
        f"{took['cpu_seconds']:.0f} s of CPU; a default run takes {CPU_SECONDS}, on this machine {allowed_seconds:.0f}"
    )
    assert took["peak_bytes"] <= MEMORY_BYTES, (
        f"{took['peak_bytes'] / 1e9:.2f} GB held at once; {MEMORY_BYTES / 1e9} allowed"
    )


def its_outputs_are_clean(item: LessonCheck) -> None:
    outputs = [output for cell in item.parent.executed().cells for output in cell.get("outputs", [])]
    noisy = [output.text[:300] for output in outputs if output.get("name") == "stderr"]
    assert not noisy, f"a lesson's saved outputs hold no log lines: {noisy}"
    drawn = figures_of(outputs)
    assert drawn or item.path not in lessons(), "a lesson shows its findings in figures"
    silent = [figure["layout"]["title"] for figure in drawn if not figure["layout"].get("meta", {}).get("description")]
    assert not silent, f"figures without a text alternative: {silent}"


def becomes_a_page_with_every_figure(item: LessonCheck) -> None:
    book, folder = item.parent.executed(), item.parent.folder
    nbformat.write(book, folder / "executed.ipynb")
    export_html(folder / "executed.ipynb", folder / "page.html")
    html = (folder / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//", html)
    drawn = figures_of([output for cell in book.cells for output in cell.get("outputs", [])])
    assert html.count('<figure class="course">') == len(drawn)
    assert len(html.encode()) < PAGE_BYTES


def figures_of(outputs: list) -> list[dict]:
    return [output.data[PLOTLY] for output in outputs if PLOTLY in output.get("data", {})]
