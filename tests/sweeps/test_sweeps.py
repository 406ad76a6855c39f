"""Sweeps: what is refused, what is kept, what survives which kill."""

import ast
import builtins
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import psutil
import pytest
from small_notebooks import gone, needs_fork, wait_until, write_notebook

from course_lib import results, sweep
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.sweeps import records, warm_engine, warm_runs
from course_lib.sweeps.plan import read_plan

pytestmark = needs_fork

PARAMETERS = (
    "rows: int = 10  # rows\nengine: str = 'pandas'  # library\nseed: int = 0  # seed\nlate: bool = False  # late"
)
CHECKED = (
    "from course_lib import check_parameters, record\n"
    "check_parameters(rows=(1, 100), engine=['pandas', 'dask'], seed=(0, None), late=...)"
)
GRID = "notebook: n.ipynb\ngrid: {rows: [1, 2], seed: [0, 1]}\n"


def write_sweep(folder: Path, *cells: str, yaml: str = GRID) -> Path:
    """Write a notebook with parameters and a sweep over it."""
    write_notebook(folder / "n.ipynb", CHECKED, *cells, parameters=PARAMETERS)
    (folder / "s.yaml").write_text(yaml)
    return folder / "s.yaml"


def run(file: Path, **options) -> pd.DataFrame:
    return sweep(file, output=file.parent / "out", watch=lambda progress: None, **{"jobs": 2, **options})


def begin(file: Path, *more: str) -> subprocess.Popen:
    """Start a sweep as a person does, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "course_lib.command.cli",
        "sweep",
        str(file),
        "--output",
        str(file.parent / "out"),
        *more,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def done(file: Path) -> int:
    return len(list((file.parent / "out" / "records").glob("*.json")))


# ---- what is refused, in one line, before anything runs --------------------------------------------------------------

REFUSED = {
    "no YAML": ("grid: [", "is not YAML in line"),
    "a text": ("hello", "does not describe a sweep"),
    "unknown notebook": ("notebook: nowhere.ipynb\ngrid: {rows: [1]}", "no notebook nowhere.ipynb"),
    "unknown entry": (GRID + "grids: {}", "grids: there is no such entry"),
    "nothing to vary": ("notebook: n.ipynb", "nothing to vary"),
    "empty grid": ("notebook: n.ipynb\ngrid: {rows: []}", "no values for rows"),
    "unknown parameter": ("notebook: n.ipynb\ngrid: {row: [1]}", "there is no parameter row .did you mean rows"),
    "wrong type": ("notebook: n.ipynb\ngrid: {rows: [1, many]}", 'point 2: rows is "many"'),
    "out of range": ("notebook: n.ipynb\ngrid: {rows: [1, 101, 0]}", "point 2: rows is 101.*point 3: rows is 0"),
    "no choice": ("notebook: n.ipynb\ngrid: {engine: [panda]}", "did you mean pandas"),
    "the same twice": ("notebook: n.ipynb\npoints: [{rows: 2}, {rows: '2'}]", "point 2: the same as point 1"),
    "the default is a point": ("notebook: n.ipynb\npoints: [{rows: 10}, {seed: 0}]", "the same as point 1"),
    "fixed and varied": (GRID + "fixed: {rows: 3}", "rows cannot be fixed and varied"),
    "too many": ("notebook: n.ipynb\ngrid: {rows: [" + "1," * 1000 + "2]}", "1,001 points.*--yes"),
    "a million": ("notebook: n.ipynb\nrandom: {draws: 1000000, over: {rows: {low: 1, high: 9}}}", "1,000,000 points"),
    "no expression": (GRID + "record: {a: '1 +'}", "record.a is not a Python expression"),
    "limits": (GRID + "limits: {seconds: -1}", "limits.seconds: input should be greater than 0"),
    "memory": (GRID + "limits: {memory: much}", "limits.memory"),
}


@pytest.mark.parametrize(("yaml", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_line(tmp_path, yaml, said):
    with pytest.raises(CourseError, match=said) as caught:
        run(write_sweep(tmp_path, yaml=yaml))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("options", "said"), [({"jobs": 0}, "at least 1"), ({"on": "moon"}, "choose local or spark")])
def test_options_that_cannot_be_are_refused(tmp_path, options, said):
    with pytest.raises(CourseError, match=said):
        run(write_sweep(tmp_path), **options)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CourseError, match="There is no sweep"):
        sweep(tmp_path / "nothing.yaml")


def test_a_notebook_that_is_none_is_refused(tmp_path):
    file = write_sweep(tmp_path)
    (tmp_path / "n.ipynb").write_text("{}")
    with pytest.raises(CourseError, match=r"n.ipynb is not a notebook"):
        run(file)


def test_a_notebook_without_parameters_is_refused(tmp_path):
    file = write_sweep(tmp_path)
    write_notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(CourseError, match="no parameters to vary"):
        run(file)


def test_dry_run_shows_the_points_and_runs_none(tmp_path):
    process = begin(write_sweep(tmp_path), "--dry-run")
    shown, _ = process.communicate()
    assert process.returncode == 0
    assert "4 points of n.ipynb" in " ".join(shown.split())
    assert not (tmp_path / "out").exists()


# ---- points ----------------------------------------------------------------------------------------------------------


def test_grid_list_and_draws_add_up(tmp_path):
    yaml = (
        GRID
        + "fixed: {engine: dask}\npoints: [{rows: 50}]\nrandom: {draws: 3, seed: 1, over: {rows: {low: 60, high: 90}}}"
    )
    points = read_plan(write_sweep(tmp_path, yaml=yaml)).points
    assert points[:4] == [{"engine": "dask", "rows": r, "seed": s} for r in (1, 2) for s in (0, 1)]
    assert points[4] == {"engine": "dask", "rows": 50}
    assert all(60 <= point["rows"] <= 90 for point in points[5:])
    assert len(points) == 8


def test_draws_depend_on_their_seed_alone(tmp_path):
    yaml = "notebook: n.ipynb\nrandom: {{draws: 5, seed: {}, over: {{rows: {{low: 1, high: 100, scale: log}}}}}}"
    drawn = [read_plan(write_sweep(tmp_path, yaml=yaml.format(seed))).points for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_values_are_converted_to_the_declared_type(tmp_path):
    points = read_plan(write_sweep(tmp_path, yaml="notebook: n.ipynb\npoints: [{rows: '7', late: 'true'}]")).points
    assert points == [{"rows": 7, "late": True}]


# ---- results ---------------------------------------------------------------------------------------------------------


def test_recorded_values_come_back_in_order(tmp_path):
    file = write_sweep(tmp_path, "record(twice=2 * rows, name=f'{rows}-{seed}')")
    table = run(file)
    assert table["twice"].tolist() == [2, 2, 4, 4]
    assert table["name"].tolist() == ["1-0", "1-1", "2-0", "2-1"]
    assert set(table["status"]) == {"done"}
    assert set(table["ran"]) == {"warm"}
    pd.testing.assert_frame_equal(table, results(tmp_path / "out"))
    assert pd.read_parquet(tmp_path / "out" / "results.parquet")["twice"].tolist() == [2, 2, 4, 4]


def test_a_plain_papermill_run_has_the_recorded_values_too(tmp_path):
    path = write_notebook(
        tmp_path / "n.ipynb",
        "import numpy as np\nfrom course_lib import record\nrecord(a=np.float64(0.5), b=[1, None])",
    )
    papermill.execute_notebook(path, tmp_path / "out.ipynb", progress_bar=False)
    assert records.recorded(nbformat.read(tmp_path / "out.ipynb", 4)) == {"a": 0.5, "b": [1, None]}


def test_a_table_cannot_be_recorded():
    with pytest.raises(CourseError, match="DataFrame; record numbers"):
        records.record(table=pd.DataFrame())


def test_expressions_of_the_file_are_recorded(tmp_path):
    table = run(
        write_sweep(tmp_path, "result = {'share': rows / 4}", yaml=GRID + "record: {share: \"result['share']\"}")
    )
    assert table["share"].tolist() == [0.25, 0.25, 0.5, 0.5]


def test_what_must_be_recorded_and_is_not_is_a_failure(tmp_path):
    table = run(write_sweep(tmp_path, yaml=GRID + "record: [auc]"))
    assert set(table["error"]) == {"the notebook does not record auc"}


def test_a_record_says_what_ran(tmp_path):
    file = write_sweep(tmp_path, "sum(range(10**6))")
    run(file)
    record = json.loads(next((tmp_path / "out" / "records").glob("*.json")).read_text())
    assert record["cpu_seconds"] > 0
    assert record["seconds"] > 0
    assert record["peak_bytes"] > 10e6
    assert record["versions"]["pandas"]
    assert record["seed"] in (0, 1)


def test_a_failing_point_has_its_line_and_stops_no_other(tmp_path):
    table = run(write_sweep(tmp_path, "assert rows != 2, 'two is too many'"))
    assert table["status"].tolist() == ["done", "done", "failed", "failed"]
    assert table["error"].tolist()[2] == "cell 4: AssertionError: two is too many"
    assert all((tmp_path / "out" / name).is_file() for name in table["executed"])


def test_the_report_needs_no_network(tmp_path):
    run(write_sweep(tmp_path, "record(twice=2 * rows)\nassert not (rows == 2 and seed), 'no <b>'"))
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("Plotly.newPlot") >= 1
    assert "cell 4: AssertionError: no &lt;b&gt;" in page
    assert not [part for part in page.split("src=")[1:] if part[:8] == '"https:/']
    for name in results(tmp_path / "out")["id"]:
        assert f'href="pages/{name}.html"' in page
        assert (tmp_path / "out" / "pages" / f"{name}.html").is_file()


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_is_ended_with_all_its_processes(tmp_path):
    code = (
        f"import os, subprocess, time, pathlib\nif rows == 2:\n    child = subprocess.Popen(['sleep', '600'], "
        f"start_new_session=True)\n    pathlib.Path({str(tmp_path)!r}, f'pid-{{seed}}').write_text(str(child.pid))\n"
        "    time.sleep(600)"
    )
    table = run(write_sweep(tmp_path, code, yaml=GRID + "limits: {seconds: 15}"))
    assert table["status"].tolist() == ["done", "done", "time", "time"]
    assert "longer than 15 s" in table["error"].tolist()[2]
    for note in tmp_path.glob("pid-*"):
        wait_until(lambda note=note: gone(int(note.read_text())), 5)


def test_a_run_that_holds_too_much_is_ended(tmp_path):
    code = "import time\nif rows == 2:\n    held = b'x' * 600_000_000\n    time.sleep(600)"
    table = run(write_sweep(tmp_path, code, yaml=GRID + "limits: {memory: 400 MB}"))
    assert table["status"].tolist() == ["done", "done", "memory", "memory"]
    assert "more than 400 MB" in table["error"].tolist()[3]


def test_a_failing_point_is_tried_again(tmp_path):
    code = (
        f"import pathlib\nmark = pathlib.Path({str(tmp_path)!r}, f'{{rows}}-{{seed}}')\nif not mark.exists():\n"
        "    mark.touch()\n    raise OSError('not yet')"
    )
    table = run(write_sweep(tmp_path, code, yaml=GRID + "limits: {retries: 2}"))
    assert table["attempts"].tolist() == [2, 2, 2, 2]
    assert set(table["status"]) == {"done"}


def test_limits_hold_for_kernels_where_there_is_no_fork(tmp_path, monkeypatch):
    monkeypatch.setattr(warm_engine, "can_fork", lambda: False)
    code = "import time\ntime.sleep(600 if rows == 2 else 0)"
    yaml = "notebook: n.ipynb\ngrid: {rows: [1, 2]}\nlimits: {seconds: 30}"
    table = run(write_sweep(tmp_path, "import os\nrecord(folder=os.getcwd())", code, yaml=yaml))
    assert table["status"].tolist() == ["done", "time"]
    assert set(table["ran"]) == {"kernel"}
    assert {Path(folder).name for folder in table["folder"]} == {tmp_path.name}


# ---- what is shipped -------------------------------------------------------------------------------------------------

SHIPPED = sorted((REPOSITORY / "notebooks" / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_what_a_shipped_sweep_records_is_in_its_notebook(file):
    plan = read_plan(file)
    cells = json.loads(plan.notebook.read_text(encoding="utf-8"))["cells"]
    trees = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    stored = {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(getattr(node, "ctx", None), ast.Store) and isinstance(node, ast.Name)
    }
    for expression in plan.record.values():
        used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        assert used <= stored | set(dir(builtins))


# ---- nothing is lost -------------------------------------------------------------------------------------------------

COUNTING = "with open({!r}, 'a') as file:\n    _ = file.write(f'{{rows}}-{{seed}}\\n')"


def test_resume_runs_only_what_is_missing_or_failed(tmp_path):
    log, gate = tmp_path / "log", tmp_path / "gate"
    file = write_sweep(
        tmp_path, COUNTING.format(str(log)), f"import os\nassert rows == 1 or os.path.exists({str(gate)!r})"
    )
    assert run(file)["status"].tolist() == ["done", "done", "failed", "failed"]
    with pytest.raises(CourseError, match="4 of 4 points have run already"):
        run(file)
    gate.touch()
    assert set(run(file, resume=True)["status"]) == {"done"}
    assert sorted(log.read_text().split()) == ["1-0", "1-1", "2-0", "2-0", "2-1", "2-1"]


def test_an_edited_notebook_is_another_run(tmp_path):
    file = write_sweep(tmp_path, "record(a=1)")
    run(file)
    write_sweep(tmp_path, "record(a=2)")
    assert run(file, resume=True)["a"].tolist() == [2, 2, 2, 2]


def test_a_damaged_record_is_repeated(tmp_path):
    file = write_sweep(tmp_path)
    run(file)
    victim = next((tmp_path / "out" / "records").glob("*.json"))
    victim.write_text(victim.read_text()[:100])
    assert len(results(tmp_path / "out")) == 3
    assert set(run(file, resume=True)["status"]) == {"done"}
    assert len(results(tmp_path / "out")) == 4


WAITING = "import os, time\nwhile rows == 2 and not os.path.exists({!r}):\n    time.sleep(0.05)"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_sweep_that_is_ended_goes_on(tmp_path, how):
    gate, log = tmp_path / "gate", tmp_path / "log"
    file = write_sweep(tmp_path, COUNTING.format(str(log)), WAITING.format(str(gate)))
    process = begin(file, "--jobs", "2")
    wait_until(lambda: done(file) == 2 and log.exists() and len(log.read_text().split()) == 4)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    said, _ = process.communicate()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert " ".join(said.split()).startswith("Stopped. What has run is kept")
    for child in below:
        wait_until(lambda child=child: gone(child.pid), 20)
    assert done(file) == 2
    gate.touch()
    assert set(run(file, resume=True)["status"]) == {"done"}
    lines = log.read_text().split()
    assert lines.count("1-0") == lines.count("1-1") == 1
    assert lines.count("2-0") == lines.count("2-1") == 2


def test_a_run_that_is_killed_is_one_failure(tmp_path):
    table = run(write_sweep(tmp_path, "import os\nif rows == 2 and seed == 0:\n    os.kill(os.getpid(), 9)"))
    assert table["status"].tolist() == ["done", "done", "died", "done"]
    assert "SIGKILL" in table["error"].tolist()[2]


def test_a_killed_nursery_costs_only_its_runs(tmp_path):
    mark = tmp_path / "mark"
    code = (
        f"import os, pathlib, time\nmark = pathlib.Path({str(mark)!r})\nif not mark.exists():\n    mark.touch()\n"
        "    os.kill(os.getppid(), 9)\n    time.sleep(60)"
    )
    table = run(write_sweep(tmp_path, code, yaml=GRID + "limits: {retries: 1}"))
    assert set(table["status"]) == {"done"}
    assert table["attempts"].max() == 2


def test_a_full_disk_loses_no_point(tmp_path):
    """On a disk of its own that a ballast fills: what cannot be written is told, and run when there is room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    file = write_sweep(tmp_path, "record(a=rows)\n'x' * 200_000")
    program = (
        "import sys\nfrom pathlib import Path\nfrom course_lib import results, sweep\n"
        "from course_lib.errors import CourseError\n"
        f"file, out = Path({str(file)!r}), Path({str(disk)!r}, 'out')\n"
        "ballast = out.with_name('ballast')\nballast.write_bytes(bytes(550_000))\n"
        "options = {'output': out, 'jobs': 1, 'watch': lambda progress: None}\n"
        "try:\n    first = sweep(file, **options)\n    print('told', sorted(first['status']))\n"
        "except CourseError as error:\n    print('told', error)\n"
        "there = len(results(out).query('status == \"done\"'))\nballast.unlink()\nbig = 40_000_000\n"
        "import os\nos.system(f'mount -o remount,size={big} {out.parent}')\n"
        "print(there, sweep(file, resume=True, **options)['status'].tolist())"
    )
    mount = f'mount -t tmpfs -o size=1200k none {disk} && exec "$0" -c "$1"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, sys.executable, program]
    process = subprocess.run(command, capture_output=True, text=True)
    if "unshare" in process.stderr or "mount:" in process.stderr:
        pytest.skip("this machine does not allow a disk of one's own")
    told, last = process.stdout.strip().splitlines()
    assert "No space left on device" in told or "failed" in told
    assert last[0] in "0123"
    assert last[2:] == str(["done"] * 4), process.stdout + process.stderr


CUT = """
import json, os, signal, sys
from pathlib import Path
import nbconvert, pandas, papermill
from course_lib import sweep

file, out = map(Path, sys.argv[1:])

def begin(cut):
    real, count = Path.replace, 0
    def replace(part, path):
        nonlocal count
        count += 1
        if count == cut:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(part, path)
    Path.replace = replace
    sweep(file, output=out, jobs=1, resume=True, watch=lambda progress: None)

for cut in [*range(3, 8), 0]:
    if (pid := os.fork()) == 0:
        begin(cut)
        os._exit(0)
    how = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    records = [json.loads(path.read_text()) for path in (out / "records").glob("*.json")]
    whole = [json.loads((out / record["executed"]).read_text())["cells"][-1]["outputs"] for record in records]
    print(how, len(records), all(whole))
"""


def test_a_power_cut_between_any_two_writes_loses_nothing_that_was_kept(tmp_path):
    """The sweep is killed before its third, fourth, fifth ... write, and begun again each time."""
    log = tmp_path / "log"
    file = write_sweep(tmp_path, COUNTING.format(str(log)), "record(a=rows)")
    command = [sys.executable, "-c", CUT, file, tmp_path / "out"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    seen = [line.split() for line in shown if line]
    assert [how for how, *_ in seen] == ["-9"] * 5 + ["0"]
    kept = [int(number) for _, number, _ in seen]
    assert kept == sorted(kept)  # never fewer
    assert kept[-1] == 4
    assert {whole for *_, whole in seen} == {"True"}
    assert len(results(tmp_path / "out").query("status == 'done'")) == 4


def test_half_written_files_are_swept_up(tmp_path):
    file = write_sweep(tmp_path)
    run(file)
    part = tmp_path / "out" / "records" / ".x.json.1.part"
    part.write_text("{")
    run(file, resume=True)
    assert not part.exists()


def test_two_sweeps_in_one_folder_are_refused(tmp_path):
    gate = tmp_path / "gate"
    file = write_sweep(tmp_path, WAITING.format(str(gate)))
    first = begin(file)
    try:
        wait_until(lambda: done(file) == 2)
        with pytest.raises(CourseError, match="Another sweep is at work"):
            run(file, resume=True)
    finally:
        gate.touch()
        first.communicate()
    assert first.returncode == 0


def test_two_sweeps_at_once_do_not_disturb_each_other(tmp_path, monkeypatch):
    """In one process, where they share the nursery; the second goes on when the first has ended."""
    monkeypatch.setattr(warm_runs, "_users", 0)  # nobody else keeps it
    files = []
    for name in "ab":
        (tmp_path / name).mkdir()
        waiting = WAITING.format(str(tmp_path / "a" / "out" / "index.html")) if name == "b" else "import os"
        files.append(write_sweep(tmp_path / name, waiting, "record(place=os.path.basename(os.getcwd()))"))
    with ThreadPoolExecutor(2) as pool:
        tables = list(pool.map(run, files))
    assert [table["place"].tolist() for table in tables] == [["a"] * 4, ["b"] * 4]


# ---- each run has a working directory of its own ---------------------------------------------------------------------

# Each run reads what lies beside the notebook, above it, and in a folder; and writes, also over what is there already.
AT_WORK = (
    "from pathlib import Path\nread = [Path('small.txt').read_text(), Path('folder/in.txt').read_text(),"
    " Path('../above.txt').read_text(), Path('../../top.txt').read_text()]\nfrom helper_beside import answer",
    "import time\nPath('small.txt').write_text(f'{rows}-{seed}')\nPath('new.txt').write_text(f'{rows}-{seed}')\n"
    "Path('folder/in.txt').write_text('mine')\nPath('empty/new.txt').write_text('first')\n"
    "Path('made').mkdir()\nPath('made/deep.txt').write_text('deep')\ntime.sleep(0.2)\n"
    "record(read=read, answer=answer, again=Path('small.txt').read_text(), new=Path('new.txt').read_text())",
)


@pytest.fixture(scope="module")
def at_work(tmp_path_factory):
    top = tmp_path_factory.mktemp("top")
    home = top / "up" / "home"
    (home / "folder").mkdir(parents=True)
    (home / "empty").mkdir()
    for path in (top / "top.txt", top / "up" / "above.txt", home / "small.txt", home / "folder" / "in.txt"):
        path.write_text(path.name)
    (home / "helper_beside.py").write_text("answer = 42")
    return home, run(write_sweep(home, *AT_WORK))


def test_relative_inputs_are_found_as_beside_the_notebook(at_work):
    _, table = at_work
    assert table["status"].tolist() == ["done"] * 4, table["error"].tolist()
    assert set(table["read"]) == {'["small.txt", "in.txt", "above.txt", "top.txt"]'}
    assert set(table["answer"]) == {42}


def test_runs_do_not_write_into_each_others_files(at_work):
    home, table = at_work
    assert table["again"].tolist() == table["new"].tolist() == ["1-0", "1-1", "2-0", "2-1"]
    assert (home / "small.txt").read_text() == "small.txt"
    assert (home / "folder" / "in.txt").read_text() == "in.txt"
    assert not (home / "new.txt").exists()
    assert list((home / "empty").iterdir()) == []


def test_what_a_run_has_written_is_kept(at_work):
    home, table = at_work
    for row in table.itertuples():
        kept = home / "out" / "files" / row.id
        assert sorted(path.name for path in kept.iterdir()) == ["empty", "folder", "made", "new.txt", "small.txt"]
        assert (kept / "folder" / "in.txt").read_text() == "mine"
        assert (kept / "new.txt").read_text() == f"{row.rows}-{row.seed}"
        assert (kept / "made" / "deep.txt").read_text() == "deep"
    assert not (home / "out" / ".runs").exists()


@pytest.mark.parametrize("name", ["small.txt", "folder/in.txt"])
def test_a_changed_input_is_another_run(at_work, name):
    home, table = at_work
    (home / name).write_text(f"other {name}")
    again = run(home / "s.yaml", resume=True)
    assert not set(again["id"]) & set(table["id"])
    assert again["read"].str.contains(f"other {name}").all()


# ---- MLflow ----------------------------------------------------------------------------------------------------------


def test_each_run_is_an_mlflow_run_where_asked(tmp_path):
    file = write_sweep(
        tmp_path, "record(twice=2 * rows, kind='even')\nassert seed == 0, 'odd'", yaml=GRID + "mlflow: true\n"
    )
    run(file)
    assert "mlflow" not in sys.modules
    with sqlite3.connect(tmp_path / "out" / "mlflow.db") as store:
        runs = store.execute("SELECT status FROM runs ORDER BY status").fetchall()
        metrics = store.execute("SELECT value FROM metrics WHERE key = 'twice' ORDER BY value").fetchall()
        parameters = store.execute("SELECT DISTINCT value FROM params WHERE key = 'rows' ORDER BY 1").fetchall()
    assert runs == [("FAILED",), ("FAILED",), ("FINISHED",), ("FINISHED",)]
    assert metrics == [(2.0,), (2.0,), (4.0,), (4.0,)]
    assert parameters == [("1",), ("2",)]


def test_no_process_and_no_temporary_folder_is_left(tmp_path, monkeypatch):
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    process = begin(write_sweep(tmp_path))
    seen = set()
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            seen |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    process.communicate()
    assert seen
    assert all(gone(pid) for pid in seen)
    assert not list(own.glob("course-run-*"))
