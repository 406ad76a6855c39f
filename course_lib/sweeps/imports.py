"""What the nursery imports, which it learns from its runs, and what it must not."""

import contextlib
import gc
import importlib
import importlib.util
import io
import os
import sys
import threading
import warnings
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

# What starts threads when it is imported, which would not live on in a fork, and so is imported by each run itself.
_KEPT_OUT = frozenset({"jax", "keras", "tensorflow", "tensorboard", "tf_keras", "torch"})
# These start threads too, and start them again after a fork by themselves (OpenBLAS; Arrow's pools).
_MENDS_ITSELF = ("numpy", "scipy.linalg", "pyarrow")


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

    def __init__(self, kept_out: list[str], shell: InteractiveShell):
        self._shell = shell
        self.learned: list[tuple[str, str]] = []
        self.kept_out = {*_KEPT_OUT, *kept_out}
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


def describe(names: list[str]) -> list[tuple[str, str]]:
    """Name modules with the files that they come from: what `Imports.learn` is to be told."""
    described = []
    for name in names:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is not None and spec.origin:
            described.append((name, spec.origin))
    return described
