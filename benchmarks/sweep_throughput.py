"""How much cheaper a sweep is than loops over papermill: the same points, in turn, on this machine.

``python benchmarks/sweep_throughput.py small`` for 24 points of a small pandas notebook, ``race`` for 12 points of
lesson 00's race of pandas and Spark, and ``lesson`` for 12 points of lesson 02 at small scale, whose own cells take
most of the time whoever runs them.

Python keeps its bytecode, as in the course's environment; ``--without-bytecode`` has each process compile all that it
imports, as on a machine that forbids Python to write it.

Each round runs every way once, in another order: a loop over papermill's command line, a loop over
``papermill.execute_notebook``, with ``--ploomber`` one over ploomber-engine, which isolates nothing, and the sweep. For
each it prints the wall time and the CPU time of all processes, with their least and greatest, and both relative to the
loop over ``papermill.execute_notebook``, pair by pair; then what a warm run costs beyond its cells. ploomber-engine is
no part of the course: it is fetched into a temporary folder.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import yaml

from course_lib.measure import ratio_of_pairs
from course_lib.places import REPOSITORY

SMALL = [
    "import numpy as np\nimport pandas as pd\nimport plotly.express as px\n"
    "from sklearn.linear_model import LinearRegression",
    "rng = np.random.default_rng(seed)\ntable = pd.DataFrame({'x': rng.normal(size=rows)})\n"
    "table['y'] = 2 * table['x'] + rng.normal(size=rows)\ntable.head()",
    "model = LinearRegression().fit(table[['x']], table['y'])\nslope = float(model.coef_[0])\nslope",
    "px.scatter(table.head(200), x='x', y='y')",
]
# Name, notebook (the small one is written here), fixed parameters, points.
NOTEBOOKS = {
    "small": (None, {}, 24),
    "race": ("sweeps/engine_race.ipynb", {"rows": 100_000, "repeats": 1}, 12),
    "lesson": ("02_exploratory_data_analysis.ipynb", {"rows_at_scale": 100_000, "sample_rows": 2_000}, 12),
}
LOOP = """
import json, sys, papermill
for number, point in enumerate(json.loads(sys.argv[2])):
    papermill.execute_notebook(sys.argv[1], f"{sys.argv[3]}/{number}.ipynb", point, kernel_name="python3",
                               progress_bar=False, cwd=sys.argv[4], **json.loads(sys.argv[5]))
"""


def small_notebook(path: Path) -> Path:
    nodes = [nbformat.v4.new_code_cell(code) for code in SMALL]
    declared = "rows: int = 1_000  # rows\nseed: int = 0  # seed"
    nodes.insert(0, nbformat.v4.new_code_cell(declared, metadata={"tags": ["parameters"]}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=nodes, metadata={"kernelspec": kernel}), path)
    return path


def ways(notebook: Path, points: list[dict], ploomber: str | None) -> dict[str, list[list[str]]]:
    """Give for each way the commands that run all points; OUT stands for a folder of their own."""
    text, home = json.dumps(points), str(notebook.parent)
    begin = [sys.executable, "-m", "papermill", str(notebook)]
    options = ["-k", "python3", "--no-progress-bar", "--cwd", home]
    shell = []
    for number, point in enumerate(points):
        given = [word for name, value in point.items() for word in ("-p", name, str(value))]
        shell.append([*begin, f"OUT/{number}.ipynb", *options, *given])
    found = {
        "papermill's command": shell,
        "papermill.execute_notebook": [[sys.executable, "-c", LOOP, str(notebook), text, "OUT", home, "{}"]],
        "course sweep": [
            [
                sys.executable,
                "-c",
                "from course_lib.command.cli import main; main()",
                "sweep",
                "SWEEP",
                "--output",
                "OUT/sweep",
            ]
        ],
    }
    if ploomber:
        path = f"import sys; sys.path.append({ploomber!r})\n"  # at the end: the course's versions come first
        options = json.dumps({"engine_name": "embedded"})
        found["ploomber-engine"] = [[sys.executable, "-c", path + LOOP, str(notebook), text, "OUT", home, options]]
    return found


def fetch_ploomber(folder: Path) -> str:
    """Fetch ploomber-engine, and what it needs beyond what the course has, into a folder."""
    packages = ["ploomber-engine==0.0.33", "ploomber-core==0.2.27", "debuglater==1.4.4", "posthog"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *packages]
    subprocess.run(command, check=True)
    os.environ |= {"PLOOMBER_STATS_ENABLED": "false", "DO_NOT_TRACK": "true"}
    return str(folder)


def measure(commands: list[list[str]], sweep: Path) -> tuple[float, float]:
    """Give wall and CPU seconds of all commands with everything below them."""
    with tempfile.TemporaryDirectory() as out:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        for command in commands:
            words = [word.replace("OUT", out) if "OUT" in word[:4] else word for word in command]
            words = [str(sweep) if word == "SWEEP" else word for word in words]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(words[:4])} …\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def overhead(notebook: Path, point: dict) -> tuple[float, float]:
    """Give CPU seconds of a warm run, and of its cells alone, in the middle of many."""
    import papermill

    from course_lib.sweeps.warm_engine import register
    from course_lib.sweeps.warm_runs import close_nursery

    register()
    runs, whole = [], []
    timed = nbformat.read(notebook, as_version=4)
    timed.cells.insert(1, nbformat.v4.new_code_cell("import time\nbegan_cpu = time.process_time()"))
    timed.cells.append(nbformat.v4.new_code_cell("print(time.process_time() - began_cpu)"))
    with tempfile.TemporaryDirectory() as out:
        nbformat.write(timed, f"{out}/in.ipynb")
        for number in range(8):
            before = time.process_time()
            done = papermill.execute_notebook(
                f"{out}/in.ipynb",
                f"{out}/{number}.ipynb",
                point,
                engine_name="warm",
                progress_bar=False,
                kernel_name="python3",
                request_save_on_cell_execute=False,
                folder=notebook.parent,
                watch=runs.append,
            )
            whole.append(time.process_time() - before + runs[-1].cpu_seconds)
            whole[-1] = (whole[-1], float(done.cells[-1].outputs[-1]["text"]))
    close_nursery()
    return statistics.median(both for both, _ in whole[2:]), statistics.median(cells for _, cells in whole[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3, help="rounds")
    parser.add_argument("notebook", choices=NOTEBOOKS, help="what runs")
    parser.add_argument("--points", type=int, help="24 of the small notebook, 12 of the others, if not given")
    parser.add_argument("--without-bytecode", action="store_true", help="every process compiles what it imports")
    parser.add_argument("--without-command", action="store_true", help="leave out the loop over the command line")
    parser.add_argument("--ploomber", action="store_true", help="ploomber-engine too; needs a package registry")
    given = parser.parse_args()
    lesson, fixed, usual = NOTEBOOKS[given.notebook]
    many = given.points or usual
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as packages:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        if given.without_bytecode:
            os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": packages}
        notebook = REPOSITORY / "notebooks" / lesson if lesson else small_notebook(Path(folder, "small.ipynb"))
        grid = {"seed": list(range(many))} if lesson else {"rows": [1_000, 3_000], "seed": list(range(many // 2))}
        points = [fixed | dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
        sweep = Path(folder, "benchmark.yaml")
        sweep.write_text(yaml.safe_dump({"notebook": str(notebook), "fixed": fixed, "grid": grid}))
        commands = ways(notebook, points, fetch_ploomber(Path(packages)) if given.ploomber else None)
        if given.without_command:
            del commands["papermill's command"]
        measure(ways(notebook, points[:1], None)["papermill.execute_notebook"], sweep)  # its imports write the bytecode
        print(f"{len(points)} points of {notebook.name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        taken = {name: [] for name in commands}
        for number in range(given.pairs):
            for name in list(commands)[:: 1 if number % 2 == 0 else -1]:
                taken[name].append(measure(commands[name], sweep))
        base = taken["papermill.execute_notebook"]
        for name, pairs in taken.items():
            walls, used = zip(*pairs, strict=True)
            faster = ratio_of_pairs([(b[0], a[0]) for a, b in zip(pairs, base, strict=True)])
            cheaper = ratio_of_pairs([(b[1], a[1]) for a, b in zip(pairs, base, strict=True)])
            print(
                f"{name:28s} wall {statistics.median(walls):7.1f} s [{min(walls):.1f}, {max(walls):.1f}]   "
                f"CPU {statistics.median(used):7.1f} s [{min(used):.1f}, {max(used):.1f}]   "
                f"times faster {faster}   times less CPU {cheaper}"
            )
        if not lesson:
            whole, cells = overhead(notebook, points[0])
            print(f"a warm run: {whole:.2f} CPU s, its cells {cells:.2f}, beyond them {whole - cells:.2f}")


if __name__ == "__main__":
    main()
