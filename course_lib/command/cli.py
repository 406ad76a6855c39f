"""The ``course`` command: thin words over the library."""

import os
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.command import settings
from course_lib.command.lessons import find_lesson, lessons
from course_lib.engines import environment
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY, RUNS, lab_address

app = typer.Typer(
    name="course",
    help="Machine learning at scale: a workshop that you run.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
data = typer.Typer(no_args_is_help=True, help="The data sets: list them, get them, verify them, remove them.")
LEARN, WORK, CARE = "Learn", "Run on your own", "Look after the installation"
app.add_typer(data, name="data", rich_help_panel=CARE)
cluster = typer.Typer(no_args_is_help=True, help="A real Spark cluster on this machine: start it, see it, stop it.")
app.add_typer(cluster, name="cluster", rich_help_panel=WORK)
console = Console(highlight=False)


def page_table(*columns: str, title: str | None = None) -> Table:
    """Return an empty rich table in the course's layout."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    table.columns[-1].overflow = "fold"
    return table


@app.command(rich_help_panel=LEARN)
def lab(
    lesson: Annotated[str, typer.Argument(help="Lesson to open: its number or file.")] = "00",
    port: Annotated[int, typer.Option(help="Port to listen on; the next free one if it is taken.")] = 8888,
) -> None:
    """Open [bold]JupyterLab[/] on the first lesson."""
    notebook = find_lesson(lesson).relative_to(REPOSITORY)
    environment.clear(before_kernels=True)
    setup()
    options = {
        "LabApp.extra_labextensions_path": settings.extensions_of(Path(sys.prefix)),
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": REPOSITORY,
        "ServerApp.log_level": "ERROR",
        "LabApp.log_level": "ERROR",
        "LabApp.default_url": f"/lab/tree/{notebook.as_posix()}",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        # Not a login shell: those start from a fresh PATH, in which a terminal would not find `course`.
        "ServerApp.terminado_settings": f"shell_command={[os.environ.get('SHELL', 'bash')]}",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    try:
        webbrowser.get()
    except webbrowser.Error:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; the server stays on loopback with its token
        command.append("--allow-root")
    console.print("JupyterLab starts. Leave this window open; Ctrl-C ends it.")
    raise typer.Exit(subprocess.call(command, cwd=REPOSITORY))


@app.command(rich_help_panel=LEARN)
def progress() -> None:
    """Show which [bold]exercises[/] you have solved."""
    from course_lib import exercises

    done = exercises.progress()
    table = page_table(*(name.replace("_", " ").capitalize() for name in done.columns))
    for row in done.itertuples(index=False):
        table.add_row(*("" if value is None else escape(str(value)) for value in row))  # one not tried has no last time
    console.print(table)


@app.command(rich_help_panel=LEARN)
def reset(notebook: Annotated[str, typer.Argument(help="Lesson: its number or file.")]) -> None:
    """Restore a lesson as it was published; [bold]your copy is kept[/] beside it."""
    from datetime import datetime

    path = find_lesson(notebook)
    name = path.relative_to(REPOSITORY).as_posix()
    shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=REPOSITORY, capture_output=True)
    if shown.returncode:
        raise CourseError(f"{name} cannot be restored: git does not know it here. Get the file from the repository.")
    if path.read_bytes() == shown.stdout:
        console.print(f"{name} is as it was published; nothing to do.")
        return
    backup = path.with_name(f"{path.stem}.{datetime.now():%Y%m%d-%H%M%S}.backup.ipynb")
    backup.write_bytes(path.read_bytes())
    beside = path.with_suffix(".part")
    beside.write_bytes(shown.stdout)
    beside.replace(path)
    console.print(f"{name} is restored. Your copy is {backup.relative_to(REPOSITORY).as_posix()}.")


@app.command(rich_help_panel=WORK)
def run(
    notebooks: Annotated[list[str] | None, typer.Argument(help="Lessons: numbers or files. None: all.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter; repeatable.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the executed notebooks and their pages.")] = RUNS,
) -> None:
    """Run lessons without a browser; leave notebooks and [bold]HTML pages[/] in runs/."""
    from course_lib.command.run import run_notebook

    given = {}
    for pair in parameter or []:
        name, separator, value = pair.partition("=")
        if not separator:
            raise CourseError(f"'{pair}' is not a parameter. Write NAME=VALUE, for example -p rows_at_scale=1000000.")
        is_path = Path(value).suffix and Path(value).exists()  # the notebook runs in its own folder
        given[name] = str(Path(value).resolve()) if is_path else value
    paths = [find_lesson(name) for name in notebooks or []] or lessons()
    environment.clear(before_kernels=True)
    setup()
    failed = []
    for path in paths:
        try:
            page = run_notebook(path, output, given)
            console.print(f"[green]done[/]    {path.name}  {escape(str(page))}")
        except CourseError as error:
            failed.append(path.name)
            console.print(f"[red]failed[/]  {path.name}  {escape(str(error))}")
    raise typer.Exit(bool(failed))


@app.command(rich_help_panel=WORK)
def analyse(
    table: Annotated[str, typer.Argument(help="A CSV, JSON or Parquet file, or a name of the catalogue.")],
    target: Annotated[str, typer.Option(help="Column to predict.")],
    time: Annotated[str | None, typer.Option(help="Column with the moment of decision: later rows judge.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of what is new in use: customer, patient, day.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="A column not to use; repeatable.")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="A column to use though it looks like a leak.")] = None,
    search: Annotated[str | None, typer.Option(help="How long to search settings of the trees: 30s, 5m, 1h.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the page; runs/NAME if not given.")] = None,
) -> None:
    """Analyse [bold]your own table[/]: one page, what is doubtful, honest scores, a model to take along."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from course_lib.analysis.analyse import analyse as run_analysis
    from course_lib.analysis.search import seconds_of

    search_seconds = seconds_of(search) if search else 0.0
    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        page, found = run_analysis(
            table, target, time, group, output, keep=tuple(keep or ()), without=tuple(without or ()),
            search_seconds=search_seconds,
            tell=lambda what, share: bar.update(task, description=what, completed=share),
        )  # fmt: skip
    for line in filter(None, (found.verdict(), found.search_says(), found.ask_first())):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"The page: {page}", markup=False, soft_wrap=True)


@app.command(rich_help_panel=WORK)
def sweep(
    file: Annotated[Path, typer.Argument(help="The sweep: a YAML file, or one of notebooks/sweeps by its name.")],
    jobs: Annotated[int | None, typer.Option(help="Runs at a time; as many as there are cores if not given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on: run what is missing or has failed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, show the points, run none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Allow more than 1,000 points.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder of the sweep; runs/NAME if not given.")] = None,
    on: Annotated[str, typer.Option(help="local, or spark: each point a task of Spark at SPARK_MASTER.")] = "local",
) -> None:
    """Run a notebook for [bold]many parameter sets[/]: parallel, resumable, with a report."""
    from course_lib.sweeps.plan import read_plan
    from course_lib.sweeps.sweep import sweep as run_sweep

    if dry_run:
        plan = read_plan(file, yes)
        names = list(dict.fromkeys(name for point in plan.points for name in point))
        table = page_table("", *names, title=f"{len(plan.points)} points of {plan.notebook.name}")
        for number, point in enumerate(plan.points, 1):
            table.add_row(str(number), *(escape(str(point.get(name, ""))) for name in names))
        console.print(table)
        return
    environment.clear(before_kernels=True)
    try:
        found = run_sweep(file, jobs, resume, yes, output, on)
    except KeyboardInterrupt:
        console.print("Stopped. What has run is kept; the same command with --resume runs the rest.")
        raise typer.Exit(130) from None
    failed = found[found["status"] != "done"]
    for row in failed.itertuples():
        console.print(f"[red]{row.status}[/]  {row.id}  ", end="")
        console.print(row.error, markup=False)
    where = (output or RUNS / file.stem) / "index.html"
    console.print(f"{len(found) - len(failed)} of {len(found)} runs are done: {where}", markup=False)
    raise typer.Exit(bool(len(failed)))


@app.command(rich_help_panel=WORK)
def mlflow(
    folder: Annotated[Path | None, typer.Argument(help="A sweep's folder; runs/models if not given.")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; a free one if it is taken.")] = 5000,
) -> None:
    """Open [bold]MLflow's page[/] on trials and models, or on the runs of a sweep."""
    from course_lib.serving import mlflow_page

    def tell(where: str) -> None:
        lab = lab_address()
        console.print(f"MLflow's page: {f'{lab}proxy/' if lab else 'http://127.0.0.1:'}{where}", soft_wrap=True)
        if not lab:
            console.print(f"Beside a lab: its own address with /proxy/{where} after the host.", soft_wrap=True)
        console.print("The address is yours alone, as the lab's with its token. Ctrl-C ends it.")

    mlflow_page.serve(folder or RUNS / "models", port, tell)
    console.print("Stopped.")


@app.command(rich_help_panel=WORK)
def serve(
    model: Annotated[str | None, typer.Argument(help="Name of a registered model; the only one if not given.")] = None,
    store: Annotated[Path | None, typer.Option(help="Folder of the registry; runs/models if not given.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; others than 127.0.0.1 need a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8000,
    waiting: Annotated[int, typer.Option(min=1, help="Requests accepted at once; more get 503.")] = 256,
    gather: Annotated[bool, typer.Option(help="Let requests that wait share a call of the model.")] = True,
) -> None:
    """Serve the [bold]champion[/] of the registry by HTTP: POST /predict; /docs describes it."""
    from course_lib.serving import service

    def tell(line: str) -> None:
        print(line, flush=True)

    service.serve(model, store=store, host=host, port=port, gather=gather, waiting=waiting, tell=tell)
    tell("Stopped.")


@app.command(rich_help_panel=CARE)
def setup(
    for_image: Annotated[bool, typer.Option("--image", help="Leave out data that an image must not pass on.")] = False,
) -> None:
    """Get what is missing: [bold]Java[/], the data, what makes Spark start quickly."""
    from course_lib.data import catalogue
    from course_lib.engines import archive, jars, jvm
    from course_lib.engines.java import find_java, install_java

    environment.must_be_sound()
    RUNS.mkdir(exist_ok=True)  # papermill writes there, and makes no folder itself
    settings.write(Path(sys.prefix))
    try:
        java = find_java()
    except CourseError:
        with console.status("There is no Java 17 or newer here: getting one for this project alone …"):
            java = install_java()
    for name in catalogue.names():
        left_out = for_image and not catalogue.describe(name).passed_on
        if not left_out and not catalogue.status(name)["present"]:
            with console.status(f"Getting the data set {name} …"):
                catalogue.fetch(name)
    with console.status("Getting the jars for Delta Lake and HDFS …"):
        try:
            for name in jars.catalogue():
                jars.fetch(name)
        except CourseError as error:  # without them lessons leave one part out, and say so
            console.print(f"[yellow]note[/]  {escape(str(error))}")
    if not jvm.archive_path(java).is_file():
        with console.status("Preparing Spark for quick starts, once: about a minute …"):
            try:
                archive.prepare(java)
            except CourseError as error:  # its absence costs only time
                console.print(f"[yellow]note[/]  {escape(str(error))}")


@app.command(rich_help_panel=CARE)
def doctor() -> None:
    """Check this machine: [bold]what works, what does not, what to do[/]."""
    from course_lib.command.doctor import examine, summary

    colours = {"ok": "green", "optional": "yellow", "problem": "red"}
    with console.status("Looking at this machine; Spark is started once …"):
        findings = list(examine())
    table = page_table("", "What", "Found", "What to do")
    for finding in findings:
        told = (escape(text) for text in (finding.what, finding.found, finding.advice))
        table.add_row(f"[{colours[finding.state]}]{finding.state}[/]", *told)
    console.print(table)
    console.print(summary(findings))
    raise typer.Exit(any(finding.state == "problem" for finding in findings))


@app.command(rich_help_panel=CARE)
def test() -> None:
    """Run [bold]every check[/] of the project: style, units, every lesson, the browser."""
    engines, second = ["tests/engines", "tests/sweeps"], "tests/notebooks/test_second_parameters.py"
    apart = [f"--ignore={path}" for path in (*engines, second)]
    _run_checks(["--nbval-lax", "notebooks", "tests", *apart], ["-rs", *engines], ["-rs", "--dist=worksteal", second])


@app.command(rich_help_panel=CARE)
def check() -> None:
    """Run [bold]the quick checks[/]: style, layout, units, the rules of notebooks that need no run."""
    _run_checks(["tests/unit", "tests/notebooks/test_rules.py"])


def _run_checks(*of_pytest: list[str]) -> None:
    setup()
    python = [sys.executable, "-m"]
    checks = (
        [*python, "ruff", "check", "."],
        [*python, "ruff", "format", "--check", "."],
        *([*python, "pytest", *words] for words in of_pytest),
    )
    codes = [subprocess.call(command, cwd=REPOSITORY) for command in checks]
    raise typer.Exit(max(codes))


@data.command("list")
def data_list() -> None:
    """Show every data set: what it is, how large, whether it is here."""
    from rich.filesize import decimal

    from course_lib.data import catalogue

    table = page_table("Name", "Rows", "Here", "What", "Licence")
    for name in catalogue.names():
        card, status = catalogue.describe(name), catalogue.status(name)
        here = decimal(status["bytes"]) if status["present"] else "no"
        table.add_row(name, f"{card.rows:,}", here, card.title, card.licence)
    console.print(table)


@data.command("get")
def data_get(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every data set of the catalogue, and the jars.")] = False,
    with_jars: Annotated[bool, typer.Option("--jars", help="The jars for Delta Lake and HDFS, 66 MB.")] = False,
) -> None:
    """Fetch data sets and jars, checked by SHA-256; what is here is not fetched again."""
    from course_lib.data import catalogue
    from course_lib.engines import jars

    wanted = catalogue.names() if everything else names or []
    if not wanted and not with_jars:
        raise CourseError("Name the data sets to get, or say --all or --jars. `course data list` shows them.")
    for name in jars.catalogue() if with_jars or everything else ():
        with console.status(f"Getting the jar {name} …"):
            path = jars.fetch(name)
        console.print("[green]here[/] ", name, escape(str(path)))
    for name in wanted:
        with console.status(f"Getting {name} …"):
            path = catalogue.fetch(name)
        console.print("[green]here[/] ", name, escape(str(path)))


@data.command("verify")
def data_verify() -> None:
    """Check every data set and jar that is here against its checksum."""
    from course_lib.data import catalogue
    from course_lib.engines import jars

    here = {name: catalogue.verify for name in catalogue.names() if catalogue.status(name)["present"]}
    here |= {name: jars.jar for name, jar in jars.catalogue().items() if jar.path.is_file()}
    faults = 0
    for name, verify in here.items():
        try:
            verify(name)
            console.print(f"[green]ok[/]  {name}")
        except CourseError as error:
            faults += 1
            console.print(f"[red]problem[/]  {escape(str(error))}")
    console.print(f"{len(here) - faults} of {len(here)} are as published.")
    raise typer.Exit(bool(faults))


@data.command("clean")
def data_clean() -> None:
    """Remove every fetched data set."""
    from rich.filesize import decimal

    from course_lib.data import catalogue

    freed = catalogue.clean()
    console.print(f"{decimal(freed)} are free again in {catalogue.cache_folder()}.", markup=False)


@cluster.command("start")
def cluster_start(
    workers: Annotated[int, typer.Option(help="How many workers.")] = 2,
    cores: Annotated[int, typer.Option(help="Cores of each.")] = 1,
    memory: Annotated[str, typer.Option(help="Memory of each one's executor, such as 512m or 2g.")] = "1g",
    port: Annotated[int, typer.Option(help="The master's port; 0: a free one.")] = 0,
    connect: Annotated[bool, typer.Option("--connect", help="With a Spark Connect server on it.")] = False,
) -> None:
    """Start a Spark cluster that runs until [bold]course cluster stop[/]."""
    from course_lib.engines import held

    with console.status("Starting the cluster …"):
        notes = held.start(workers, cores, memory, port, connect)
    _show_engines(notes)
    variable = "SPARK_REMOTE" if connect else "SPARK_MASTER"
    console.print(f"Lessons run on it with {variable} set to its URL: {variable}='{notes[-1]['url']}' course lab")


@cluster.command("status")
def cluster_status() -> None:
    """Show the engines that you run on this machine, those of notebooks too."""
    from course_lib.engines import processes

    notes = processes.notes()
    if not notes:
        console.print("No engine of yours runs on this machine.")
        return
    _show_engines(notes)


@cluster.command("stop")
def cluster_stop() -> None:
    """Stop what [bold]course cluster start[/] started, and wait until it has gone."""
    from course_lib.engines import held

    stopped = held.stop()
    console.print("The cluster has ended." if stopped else "No cluster of `course cluster start` runs.")


def _show_engines(notes: list[dict]) -> None:
    from course_lib.engines import processes
    from course_lib.engines.connect import ask_version

    table = page_table("Engine", "State", "Size", "Held by", "Logs", "URL")
    for note in notes:
        answers, size = processes.ask_text(note["ui"]) if "ui" in note else ask_version(note["url"]), ""
        if note["kind"] == "cluster":
            status = processes.ask_json(f"{note['ui']}/json/") or {"aliveworkers": 0}
            size = f"{status['aliveworkers']} workers, {note['cores']} cores and {note['memory_mib']} MiB each"
        elif note["kind"] == "hdfs":
            size = f"{note['data_nodes']} DataNodes"
        holder = "course cluster" if note.get("held") else f"process {note['owner']['pid']}"
        table.add_row(note["kind"], "up" if answers else "down", size, holder, escape(note["logs"]), note["url"])
    console.print(table)


def main() -> None:
    """Run the command line; a person's mistake is one line and exit code 1."""
    try:
        app()
    except CourseError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"course: {error}", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
