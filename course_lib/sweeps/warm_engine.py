"""A papermill engine whose runs are forked from a process that has the imports done, so that a run costs its cells.

``papermill --engine warm IN OUT``, or ``papermill.execute_notebook(..., engine_name="warm")``.

Three processes take part. The **caller** is papermill with its own client and everything that it can do: it reads the
outputs and writes the notebook. The **nursery** (`nursery`), one for each caller, is a process without threads that has
imported what notebooks import; it learns that from their runs (`imports`). A **run** (`warm_runs` as its caller sees
it, `forked_run` from within) is forked from the nursery, has ipykernel's kernel and IPython's shell in it, and executes
cells as a kernel would, but talks to the caller through a pipe. Where a process cannot be forked, or the notebook asks
for another kernel, the engine is papermill's ordinary one.
"""

import contextlib
import functools
import sys
from pathlib import Path
from typing import Any

from course_lib.sweeps.run_tree import start_of
from course_lib.sweeps.warm_runs import KernelRun, Run, RunDiedError, can_fork, environment_with


class WarmEngine:
    """papermill's engine ``warm``.

    papermill loads this class while it is itself being imported, so what is built on papermill comes later.
    """

    @staticmethod
    def execute_notebook(nb, kernel_name, **options):
        """Execute a notebook; papermill calls this.

        Parameters
        ----------
        nb : notebook node
            The notebook, its parameters put in.
        kernel_name : str
            Name of the kernel that it asks for; another Python's or language's is started as usual.
        **options
            papermill's and nbclient's (``execution_timeout``, ``log_output``, ``autosave_cell_every``, ...), and three
            of our own: ``folder``, the working directory of this run alone (papermill's ``cwd`` changes that of the
            whole process), ``environment``, variables for it alone (None removes one), and ``watch``, called with the
            `Run` when it has begun.

        Returns
        -------
        notebook node
            The same notebook, executed.

        Raises
        ------
        nbclient.exceptions.DeadKernelError
            If the run's process ends before its last cell has; ``error.notebook`` is the notebook so far.
        """
        return _engine().execute_notebook(nb, kernel_name, **options)

    @staticmethod
    def nb_kernel_name(nb, name=None):
        """Give the name of the kernel that a notebook asks for."""
        return _engine().nb_kernel_name(nb, name)

    @staticmethod
    def nb_language(nb, language=None):
        """Give the language of a notebook."""
        return _engine().nb_language(nb, language)


def register() -> None:
    """Make the engine known to papermill where the package is not installed, and import what it stands on."""
    from papermill.engines import papermill_engines

    papermill_engines.register("warm", WarmEngine)
    _engine()


@functools.cache
def _engine() -> Any:
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine
    from papermill.log import logger
    from papermill.utils import merge_kwargs, remove_args

    class WarmClient(PapermillNotebookClient):
        """papermill's client, which finds a run where it expects a kernel."""

        def __init__(self, nb_man, run, **options):
            super().__init__(nb_man, **options)
            self._run = run

        @contextlib.contextmanager
        def setup_kernel(self, **_):
            self.km = self.kc = self._run
            try:
                yield
            finally:
                self.km = self.kc = None

    class KernelClient(PapermillNotebookClient):
        """papermill's client, which tells of the kernel that it has started."""

        def __init__(self, nb_man, watch, **options):
            super().__init__(nb_man, **options)
            self._watch = watch

        def start_new_kernel_client(self, **options):
            client = super().start_new_kernel_client(**options)
            if self._watch:
                pid = self.km.provisioner.pid
                self._watch(KernelRun(pid, start_of(pid)))
            return client

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            folder, watch = options.pop("folder", None) or Path.cwd(), options.pop("watch", None)
            variables = options.pop("environment", None) or {}
            own_names = ["input_path", "timeout", "startup_timeout", "start_timeout", "execution_timeout"]
            limit = options.get("execution_timeout") or options.get("timeout")
            patience = options.get("start_timeout") or 60
            options = merge_kwargs(remove_args(own_names, **options), timeout=limit, log=logger)
            specified = environment_of(kernel_name) if can_fork() else None
            run = None
            try:
                if specified is None:
                    options["resources"] = {"metadata": {"path": str(folder)}}
                    options |= {"kernel_name": kernel_name, "startup_timeout": patience}
                    KernelClient(nb_man, watch, **options).execute(env=environment_with(variables))
                    return
                run = Run(folder, {**specified, **variables})
                if watch:
                    watch(run)
                WarmClient(nb_man, run=run, kernel_name=kernel_name, **options).execute()
                run.finish()
            except (DeadKernelError, RunDiedError) as error:
                how = run.how_it_ended() if run else str(error)
                dead = DeadKernelError(f"Kernel died: {how}")
                dead.notebook = nb_man.nb
                raise dead from None
            finally:
                if run:
                    run.close()

    return Engine


@functools.cache
def environment_of(kernel_name: str) -> dict[str, str] | None:
    """Give the variables that the kernel's specification sets, or None if it is not this Python's own kernel."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(kernel_name)
    except NoSuchKernel:
        return None  # papermill's ordinary engine says so
    program = spec.argv[0]
    own = {"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    is_this = program in own or Path(program).absolute() == Path(sys.executable).absolute()
    is_ipykernel = spec.argv[1:3] == ["-m", "ipykernel_launcher"]
    ours = {"-m", "ipykernel_launcher", "-f", "{connection_file}", "-Xfrozen_modules=off"}
    if not (is_this and is_ipykernel and set(spec.argv[1:]) <= ours):
        return None
    return dict(spec.env)
