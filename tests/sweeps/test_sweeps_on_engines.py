"""Sweeps whose runs share a Spark Connect server, and sweeps whose runs are tasks of a Spark cluster."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from java_processes import jvms
from small_notebooks import execute, gone, needs_fork, texts, wait_until, write_notebook

from course_lib import local_cluster, stop_spark, sweep
from course_lib.sweeps import engines
from course_lib.sweeps.notebook import spark_of
from course_lib.sweeps.plan import read_plan

pytestmark = needs_fork

PARAMETERS = "number: int = 0  # which\nseed: int = 0  # seed"


def write_sweep(folder: Path, *cells: str, yaml: str) -> Path:
    folder.mkdir(exist_ok=True)
    write_notebook(folder / "n.ipynb", *cells, parameters=PARAMETERS)
    (folder / "s.yaml").write_text(f"notebook: n.ipynb\n{yaml}")
    return folder / "s.yaml"


def run(file: Path, **options):
    return sweep(file, output=file.parent / "out", watch=lambda progress: None, **{"jobs": 2, **options})


# ---- which notebooks share a server ----------------------------------------------------------------------------------

SPARK = {
    "none": ("import pandas as pd", None),
    "DataFrames": ("from course_lib import get_spark\nget_spark().range(3).count()", "connect"),
    "by the loader": ("from course_lib import load\nload('flights', engine='spark')", "connect"),
    "RDDs": ("from course_lib import get_spark\nget_spark().range(3).rdd.map(len)", "own"),
    "the context": ("from course_lib import get_spark\nget_spark().sparkContext", "own"),
    "its own master": ("from course_lib import get_spark\nget_spark(master='local[1]')", "own"),
    "Delta": ("from course_lib import get_spark\nget_spark(delta=True)", "own"),
    "tables": ("from course_lib import get_spark\nget_spark().range(3).write.saveAsTable('t')", "own"),
    "tables in SQL": ("from course_lib import get_spark\nget_spark().sql('create or replace table t (a int)')", "own"),
    "a temporary view": (
        "from course_lib import get_spark\nget_spark().sql('create temp view t as select 1')",
        "connect",
    ),
    "its own cluster": ("from course_lib import get_spark, local_cluster\ncluster = local_cluster()", "own"),
}


@pytest.mark.parametrize(("code", "how"), SPARK.values(), ids=SPARK)
def test_the_notebook_decides_how_it_comes_to_its_spark(tmp_path, code, how):
    assert spark_of(write_notebook(tmp_path / "n.ipynb", code)) == how


def test_the_file_may_decide(tmp_path):
    code = SPARK["DataFrames"][0]
    file = write_sweep(tmp_path, code, yaml="grid: {number: [1]}\nspark: classic")
    assert read_plan(file).spark == "own"


# ---- one server ------------------------------------------------------------------------------------------------------

# Every run leaves a view, a table and a setting of the same names, and says what it found before. The run with the
# number 3 kills the server, once; the others go on until that has happened.
SHARED = (
    "import os, pathlib, signal, time\nfrom course_lib import get_spark, record\nspark = get_spark()\n"
    "setting = 'spark.sql.shuffle.partitions'\n"
    "found = [spark.catalog.tableExists('seen'), spark.conf.get(setting) == '77']",
    "spark.range(number).createOrReplaceTempView('seen')\nspark.conf.set(setting, '77')\n"
    "from pyspark.sql.functions import udf\nplus = udf(lambda x: x + 1, 'long')\n"
    "assert spark.range(3).select(plus('id')).count() == 3",
    "if number == 3 and not killed.exists():\n    killed.touch()\n    os.kill(server, signal.SIGKILL)",
    "record(rows=spark.table('seen').count(), found=found, remote='connect' in type(spark).__module__)",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Eight runs on one server, which is killed once and restarted after every four runs; and what was seen of it.

    Whenever it is killed, at least five runs are left for others, one more than one server gets.
    """
    folder = tmp_path_factory.mktemp("shared")
    killed, servers = folder / "killed", []
    find = (
        "import psutil\nfrom contextlib import suppress\nkilled, seen = pathlib.Path({!r}), set()\n"
        "for child in psutil.Process({}).children(recursive=True):\n    with suppress(psutil.NoSuchProcess):\n"
        "        seen |= {{child.pid}} if child.name() == 'java' else set()\nserver = min(seen)"
    )
    cells = [SHARED[0], find.format(str(killed), os.getpid()), *SHARED[1:]]
    file = write_sweep(folder, *cells, yaml="grid: {number: [1, 2, 3, 4, 5, 6, 7, 8]}")

    def look(progress):
        servers.extend(jvms(psutil.Process().children(recursive=True)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "_RUNS_A_SERVER", 4)
        table = sweep(file, output=folder / "out", jobs=2, watch=look)
    assert killed.exists()
    return table, list(dict.fromkeys(servers))


def test_all_points_are_there_although_the_server_was_killed(shared):
    table, _ = shared
    assert table["status"].tolist() == ["done"] * 8, table["error"].tolist()
    assert table["rows"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_the_lost_server_is_no_fault_of_the_point(shared):
    assert shared[0]["attempts"].tolist() == [1] * 8


def test_the_table_says_which_ran_how(shared):
    table, _ = shared
    assert set(table["spark"]) == {"connect"}
    assert set(table["ran"]) == {"warm"}
    assert table["remote"].all()


def test_runs_do_not_see_each_others_views_and_settings(shared):
    assert set(shared[0]["found"]) == {"[false, false]"}


def test_the_server_is_replaced_and_none_is_left(shared):
    _, servers = shared
    assert len(servers) >= 3  # the first, the one after the kill, the one after four runs
    assert all(gone(pid) for pid in servers)


def test_a_warm_process_that_has_imported_grpc_forks_runs_with_channels_of_their_own(tmp_path):
    code = (
        "import os, sys, threading\nbefore = 'grpc' in sys.modules\nimport pyspark.sql.connect.session, grpc, time\n"
        "from concurrent import futures\nserver = grpc.server(futures.ThreadPoolExecutor(2))\n"
        "port = server.add_insecure_port('127.0.0.1:0')\nserver.start()\n"
        "with grpc.insecure_channel(f'127.0.0.1:{port}', [('grpc.enable_http_proxy', 0)]) as channel:\n"
        "    grpc.channel_ready_future(channel).result(timeout=20)\nserver.stop(0).wait()\n"
        "import pathlib\ntasks = pathlib.Path(f'/proc/{os.getppid()}/task').glob('*/comm')\n"
        "threads = [task.read_text() for task in tasks]\n"
        "before, [name for name in threads if 'grpc' in name or 'event' in name]"
    )
    path = write_notebook(tmp_path / "n.ipynb", code)
    assert [texts(execute(path))[0] for _ in range(3)][1:] == ["(True, [])"] * 2


# ---- points as tasks of a cluster ------------------------------------------------------------------------------------

ON_WORKERS = (
    "import os, pathlib, sys, time\nimport course_lib\nfrom course_lib import check_parameters, record\n"
    "check_parameters(number=(0, 99), seed=...)",
    "pathlib.Path('mine.txt').write_text(str(number))\nbeside = pathlib.Path('input.txt').read_text()",
    "notes = pathlib.Path({notes!r})\nwith (notes / 'began').open('a') as file:\n    _ = file.write(f'{{number}}\\n')\n"
    "while number >= 2 and not (notes / 'killed').exists():\n    time.sleep(0.05)",
    "assert number != 5, 'five is refused'\n"
    "record(beside=beside, helpers=course_lib.__file__, parent=os.getppid(), twice=2 * number)",
)


@pytest.fixture(scope="module")
def on_cluster(tmp_path_factory):
    """A sweep on two workers, one of which is killed while both have a run under way."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "input.txt").write_text("from beside")
    cells = [ON_WORKERS[0], ON_WORKERS[1], ON_WORKERS[2].format(notes=str(folder)), ON_WORKERS[3]]
    file = write_sweep(folder, *cells, yaml=f"grid: {{number: {list(range(8))}}}")
    began = folder / "began"
    with pytest.MonkeyPatch.context() as patch, local_cluster(workers=2, memory="512m") as cluster:
        patch.setenv("SPARK_MASTER", cluster.url)
        stop_spark()
        with ThreadPoolExecutor(1) as pool:
            table = pool.submit(run, file, on="spark", jobs=None)
            try:
                wait_until(
                    lambda: (
                        table.done()
                        or (
                            began.exists()
                            and len([number for number in began.read_text().split() if int(number) > 1]) > 1
                        )
                    ),
                    120,
                )
                cluster.kill_worker()
            finally:
                (folder / "killed").touch()
            return table.result(), folder


def test_all_points_are_there_although_a_worker_was_killed(on_cluster):
    table, _ = on_cluster
    assert table["number"].tolist() == list(range(8))
    assert [row.status for row in table.itertuples()] == ["done"] * 5 + ["failed"] + ["done"] * 2
    assert table["twice"].dropna().tolist() == [0, 2, 4, 6, 8, 12, 14]


def test_the_lost_run_was_repeated_by_spark(on_cluster):
    began = (on_cluster[1] / "began").read_text().split()
    assert len(began) > 8
    assert on_cluster[0]["attempts"].tolist() == [1] * 8


def test_runs_on_workers_are_warm_and_have_their_helpers_from_the_sweep(on_cluster):
    table, _ = on_cluster
    assert set(table["ran"]) == {"warm"}
    assert all("/sweep-" in place for place in table["helpers"].dropna())
    assert table["parent"].dropna().nunique() <= 2  # one nursery a worker
    for nursery in table["parent"].dropna():
        wait_until(lambda nursery=nursery: gone(int(nursery)), 20)


def test_what_lies_beside_the_notebook_is_found_and_what_it_writes_comes_back(on_cluster):
    table, folder = on_cluster
    assert set(table["beside"].dropna()) == {"from beside"}
    for row in table.itertuples():
        assert (folder / "out" / "files" / row.id / "mine.txt").read_text() == str(row.number)
        assert (folder / "out" / row.executed).is_file()
    assert not (folder / "mine.txt").exists()


def test_a_failing_point_on_a_worker_has_its_line(on_cluster):
    assert on_cluster[0]["error"].tolist()[5] == "cell 6: AssertionError: five is refused"


def test_a_task_that_spark_gives_up_stops_no_other(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\nnursery = pathlib.Path(f'/proc/{os.getppid()}/stat').read_text()\n"
        "if number == 0:\n    os.kill(int(nursery.split()[3]), 9)\n    time.sleep(600)"
    )
    monkeypatch.setenv("SPARK_MASTER", "local[1]")  # there Spark repeats no task
    table = run(write_sweep(tmp_path / "n", code, yaml="grid: {number: [0, 1]}"), on="spark")
    assert table["status"].tolist() == ["died", "done"]
    assert table["error"].tolist()[0].startswith("Spark gave the task up")
