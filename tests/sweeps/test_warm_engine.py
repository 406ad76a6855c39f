"""A warm run is like a fresh one, and nothing of it is left."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from java_processes import jvms
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from small_notebooks import execute, gone, needs_fork, texts, wait_until, write_notebook

from course_lib.places import REPOSITORY
from course_lib.sweeps import warm_runs

pytestmark = needs_fork

OUTPUTS = {
    "streams in order": "import sys\nprint('a'); print('b', file=sys.stderr); print('c')",
    "a program's output": "import os\n_ = os.system('echo from a shell')",
    "an update of what was shown": "shown = display('one', display_id='x')\nshown.update('two')",
    "cleared output": "from IPython.display import clear_output\nprint('gone'); clear_output(); print('stays')",
    "a result and its number": "6 * 7",
    "a rich table": "import pandas as pd\npd.DataFrame({'a': [1.5], 'b': ['x']})",
    "a picture": "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')",
    "await at top level": "import asyncio\nawait asyncio.sleep(0.001)\n'awaited'",
    "the loop that runs": "import asyncio\nasyncio.get_running_loop().is_running()",
    "history": "In[1][:5], Out",
    "a magic": "%%capture said\nprint('caught')",
    "logging": "import logging\nlogging.warning('careful')",
    "a warning": "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=1)",
    "main": "class Thing: pass\nimport pickle\n__name__, Thing.__module__, type(pickle.loads(pickle.dumps(Thing())))",
    "the shell": "type(get_ipython()).__name__, 'IPKernelApp' in get_ipython().config",
    "a thread's output": "import threading\nt = threading.Thread(target=print, args=('t',)); t.start(); t.join()",
    "other processes": "from multiprocessing import get_context\nwith get_context('fork').Pool(2) as pool:\n"
    "    squares = pool.map(abs, [-1, 2])\nsquares",
    "loky": "from joblib import Parallel, delayed\nParallel(2)(delayed(lambda x: x + 1)(n) for n in range(3))",
    "no questions": "try:\n    input('?')\nexcept Exception as error:\n    print(type(error).__name__)",
}


def steady(outputs: list) -> list:
    """Leave out what differs between two fresh runs too: the file name of a cell has the process id and its folder."""
    return [json.loads(re.sub(r"/[^ \"]*ipykernel_\d+/", "", json.dumps(output))) for output in outputs]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One notebook of everything, fresh and twice warm: cold and with the imports learned."""
    path = write_notebook(
        tmp_path_factory.mktemp("outputs") / "all.ipynb", *OUTPUTS.values(), "def f():\n    1 / 0\nf()"
    )
    notebooks = []
    for engine in (None, "warm", "warm"):
        with pytest.raises(papermill.PapermillExecutionError):
            execute(path, engine=engine)
        notebooks.append(papermill.iorw.load_notebook_node(str(path.with_suffix(f".{engine}.ipynb"))))
    return [[cell for cell in notebook.cells if cell.cell_type == "code"] for notebook in notebooks]


@pytest.mark.parametrize("number", range(len(OUTPUTS) + 1), ids=[*OUTPUTS, "an error"])
def test_outputs_are_those_of_a_kernel(both, number):
    fresh, cold, warm = (cells[number] for cells in both)
    assert steady(cold.outputs) == steady(fresh.outputs)
    assert steady(warm.outputs) == steady(fresh.outputs)
    assert warm.execution_count == fresh.execution_count


def test_what_the_first_run_imports_is_there_for_the_second(tmp_path):
    path = write_notebook(
        tmp_path / "n.ipynb", "import sys\nbefore = 'colorsys' in sys.modules\nimport colorsys\nbefore"
    )
    assert texts(execute(path)) == ["False"]
    assert texts(execute(path)) == ["True"]


def test_pandas_is_set_up_for_a_notebook_also_in_the_nursery(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "import pandas as pd\npd.get_option('display.max_columns')")
    assert [texts(execute(path)) for _ in range(2)] == [texts(execute(path, engine=None))] * 2


def test_a_module_beside_the_notebook_is_read_again(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "from beside_the_notebook import answer\nanswer")
    beside = tmp_path / "beside_the_notebook.py"
    for answer in ("1", "22"):
        beside.write_text(f"answer = {answer}")
        assert texts(execute(path, folder=tmp_path)) == [answer]


def test_what_a_module_says_when_imported_is_said_in_every_run(tmp_path, monkeypatch):
    package = tmp_path / "site"
    package.mkdir()
    (package / "talkative_module.py").write_text("print('hello from the import')")
    monkeypatch.syspath_prepend(package)
    path = write_notebook(tmp_path / "n.ipynb", "import talkative_module")
    monkeypatch.setenv("PYTHONPATH", f"{package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert [texts(execute(path)) for _ in range(3)] == [["hello from the import"]] * 3
    assert "talkative_module" in warm_runs._nursery.kept_out


def test_a_module_that_starts_a_thread_stays_out_of_the_nursery(tmp_path, monkeypatch):
    package = tmp_path / "site"
    package.mkdir()
    (package / "module_with_thread.py").write_text(
        "import threading\nstop = threading.Event()\nthread = threading.Thread(target=stop.wait, daemon=True)\n"
        "thread.start()"
    )
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", f"{package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    path = write_notebook(tmp_path / "n.ipynb", "import module_with_thread as m\nm.thread.is_alive()")
    assert [texts(execute(path)) for _ in range(3)] == [["True"]] * 3
    assert "module_with_thread" in warm_runs._nursery.kept_out


def test_many_packages_that_start_threads_are_found_one_after_the_other(tmp_path, monkeypatch):
    package = tmp_path / "site"
    package.mkdir()
    names = [f"threaded_{number}" for number in range(6)]
    for name in names:
        (package / f"{name}.py").write_text(
            "import threading\nthread = threading.Thread(target=threading.Event().wait, daemon=True)\nthread.start()"
        )
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", f"{package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    path = write_notebook(tmp_path / "n.ipynb", f"import {', '.join(names)}\nthreaded_5.thread.is_alive()")
    assert [texts(execute(path)) for _ in range(2)] == [["True"]] * 2
    assert warm_runs._nursery.kept_out >= set(names)


def test_numerical_threads_work_in_every_run(tmp_path):
    code = (
        "import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier\n"
        "x = np.random.default_rng(0).normal(size=(400, 400))\n"
        "model = HistGradientBoostingClassifier(max_iter=5).fit(x, x[:, 0] > 0)\n"
        "bool(np.isfinite(x @ x).all()), float(model.score(x, x[:, 0] > 0)) > 0.9"
    )
    path = write_notebook(tmp_path / "n.ipynb", code)
    assert [texts(execute(path)) for _ in range(2)] == [["(True, True)"]] * 2


def test_tensorflow_starts_in_the_run_and_not_in_the_nursery(tmp_path):
    code = (
        "import sys\nbefore = 'tensorflow' in sys.modules\nimport tensorflow as tf\n"
        "before, float(tf.linalg.matmul(tf.ones((64, 64)), tf.ones((64, 64)))[0, 0])"
    )
    assert texts(execute(write_notebook(tmp_path / "n.ipynb", code)))[0].splitlines()[-1] == "(False, 64.0)"
    after = write_notebook(tmp_path / "after.ipynb", "import sys\n'tensorflow' in sys.modules")
    assert texts(execute(after)) == ["False"]


def test_each_run_has_its_own_spark(tmp_path):
    code = (
        "from course_lib import get_spark\nspark = get_spark(master='local[1]')\n"
        "before = spark.catalog.tableExists('seen')\nspark.range(5).createOrReplaceTempView('seen')\n"
        "before, spark.table('seen').count()"
    )
    path, before = write_notebook(tmp_path / "n.ipynb", code), jvms(psutil.Process().children(recursive=True))
    assert [texts(execute(path))[-1] for _ in range(2)] == ["(False, 5)"] * 2
    assert jvms(psutil.Process().children(recursive=True)) <= before


def test_runs_have_their_own_random_state(tmp_path):
    path = write_notebook(
        tmp_path / "n.ipynb", "import random, uuid\nimport numpy as np\nrandom.random(), np.random.rand(), uuid.uuid4()"
    )
    assert len({texts(execute(path))[0] for _ in range(3)}) == 3


def test_nothing_is_left_for_the_next_run(tmp_path):
    code = (
        "import os, sys, json, tempfile, builtins\nfrom pathlib import Path\n"
        "found = [hasattr(json, 'left'), 'LEFT' in os.environ, 'left' in globals(), Path(tempfile.gettempdir(), "
        "'left').exists(), len(os.listdir(tempfile.gettempdir()))]\n"
        "json.left = left = os.environ['LEFT'] = 'x'\nPath(tempfile.gettempdir(), 'left').touch()\nos.chdir('/')\nfound"
    )
    path = write_notebook(tmp_path / "n.ipynb", code)
    assert [texts(execute(path)) for _ in range(2)] == [["[False, False, False, False, 0]"]] * 2


def test_the_temporary_folder_is_removed(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "import tempfile\nprint(tempfile.mkdtemp())")
    assert not Path(texts(execute(path))[0]).exists()


def test_parallel_runs_have_their_own_working_directories(tmp_path):
    paths = []
    for name in "abcd":
        (tmp_path / name).mkdir()
        paths.append(write_notebook(tmp_path / name / "n.ipynb", "import os\nprint(os.path.basename(os.getcwd()))"))
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda path: texts(execute(path, folder=path.parent)), paths))
    assert shown == [["a"], ["b"], ["c"], ["d"]]


def test_a_child_that_the_run_forgot_is_ended(tmp_path):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    path = write_notebook(tmp_path / "n.ipynb", code)
    left = int(texts(execute(path))[0])
    wait_until(lambda: gone(left), 5)


def test_exit_functions_are_called(tmp_path):
    code = f"import atexit, pathlib\natexit.register(pathlib.Path({str(tmp_path / 'said')!r}).write_text, 'bye')"
    execute(write_notebook(tmp_path / "n.ipynb", code + "\nNone"))
    assert (tmp_path / "said").read_text() == "bye"


@pytest.mark.parametrize(
    ("code", "how"),
    [("import os\nos.kill(os.getpid(), 9)", "SIGKILL"), ("import os\nos._exit(3)", "exit code 3")],
    ids=["killed", "exits"],
)
def test_a_run_that_dies_says_how(tmp_path, code, how):
    with pytest.raises(DeadKernelError, match=how):
        execute(write_notebook(tmp_path / "n.ipynb", "1", code))
    assert texts(execute(write_notebook(tmp_path / "after.ipynb", "2"))) == ["2"]


def test_a_nursery_that_is_killed_is_replaced(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "import os\nprint(os.getppid())")
    nursery = int(texts(execute(path))[0])
    assert nursery == warm_runs._nursery.process.pid
    os.kill(nursery, signal.SIGKILL)
    wait_until(lambda: gone(nursery))
    assert int(texts(execute(path))[0]) != nursery


def test_all_ends_when_the_caller_is_killed(tmp_path):
    notes = tmp_path / "pids"
    code = (
        "import os, subprocess, time, pathlib\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"part = pathlib.Path({str(notes)!r} + '.part')\n"
        "part.write_text(f'{os.getpid()} {os.getppid()} {child.pid}')\n"
        f"part.rename({str(notes)!r})\ntime.sleep(600)"
    )
    path = write_notebook(tmp_path / "n.ipynb", code)
    program = (
        "import papermill\nfrom course_lib.sweeps.warm_engine import register\nregister()\n"
        f"papermill.execute_notebook({str(path)!r}, None, engine_name='warm', progress_bar=False)"
    )
    caller = subprocess.Popen([sys.executable, "-c", program])
    wait_until(notes.exists)
    caller.kill()
    caller.wait()
    for pid in map(int, notes.read_text().split()):
        wait_until(lambda pid=pid: gone(pid), 20)


def test_execution_timeout_is_papermills(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "import time\ntime.sleep(600)")
    with pytest.raises(CellTimeoutError):
        execute(path, execution_timeout=1)


def test_allowed_errors_go_on(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "1 / 0", "'after'")
    notebook = nbformat.read(path, 4)
    notebook.cells[0].metadata.tags = ["raises-exception"]
    nbformat.write(notebook, path)
    with pytest.raises(papermill.PapermillExecutionError):  # papermill reports it at the end, as ever
        execute(path)
    cells = [cell for cell in nbformat.read(path.with_suffix(".warm.ipynb"), 4).cells if cell.cell_type == "code"]
    assert cells[-1].outputs[0].data["text/plain"] == "'after'"


def test_parameters_of_papermill_arrive(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "rows", parameters="rows: int = 1  # rows")
    assert texts(execute(path, {"rows": 5}))[-1] == "5"


def test_the_command_line_takes_the_engine_by_its_name(tmp_path):
    """As an installed package announces it: by an entry point, here in a folder on the path."""
    about = tmp_path / "site" / "announced-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: announced\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[papermill.engine]\nwarm = course_lib.sweeps.warm_engine:WarmEngine\n")
    path = write_notebook(
        tmp_path / "n.ipynb", "import os\nrows, 'COURSE_WARM_RUN' in os.environ", parameters="rows = 1"
    )
    command = [sys.executable, "-m", "papermill", path, tmp_path / "out.ipynb", "--engine", "warm", "-p", "rows", "5"]
    search = os.pathsep.join([str(about.parent), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": search})
    assert texts(nbformat.read(tmp_path / "out.ipynb", 4))[-1] == "(5, True)"


def test_the_caller_may_have_threads(tmp_path):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert texts(execute(write_notebook(tmp_path / "n.ipynb", "1 + 1"))) == ["2"]
    finally:
        stop.set()
        thread.join()


def test_without_fork_a_kernel_is_started(tmp_path, monkeypatch):
    from course_lib.sweeps import warm_engine

    monkeypatch.setattr(warm_engine, "can_fork", lambda: False)
    path = write_notebook(tmp_path / "n.ipynb", "import os\nos.getppid()")
    assert texts(execute(path, folder=tmp_path)) == [str(os.getpid())]


def test_a_later_process_with_the_same_number_is_left_alone():
    from course_lib.sweeps.run_tree import start_of, tree_of

    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        assert tree_of(other.pid, "", start_of(other.pid)) == {other.pid}
        assert tree_of(other.pid, "", start_of(other.pid) - 1) == set()
        other.kill()
