"""The command line: what it prints for a person, and that a person's mistake is one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.command.lessons import lessons
from course_lib.command.run import run_notebook
from course_lib.data import catalogue
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY


def course(*words: str, cwd: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess:
    """Run the command as a person does."""
    command = [sys.executable, "-m", "course_lib.command.cli", *words]
    settings = {**os.environ, "COLUMNS": "160", **environment}
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True)


def test_help_names_every_command():
    said = course("--help").stdout
    for command in (
        "lab",
        "run",
        "analyse",
        "cluster",
        "data",
        "doctor",
        "progress",
        "reset",
        "setup",
        "sweep",
        "test",
        "check",
    ):
        assert f" {command} " in said


def test_progress_has_a_row_for_each_exercise(tmp_path):
    done = course("progress", COURSE_HOME=str(tmp_path))
    assert "00.1" in done.stdout
    assert "not attempted" in done.stdout
    assert "None" not in done.stdout
    assert done.stderr == ""


def test_unknown_lesson_is_one_line_that_names_the_known_ones():
    done = course("reset", "77_nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("course: '77_nothing' names 0 lessons.")
    assert "00_introduction" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_lessons_are_the_numbered_notebooks_and_those_with_exercises_of_their_name():
    names = [lesson.stem for lesson in lessons()]
    assert names[0] == "00_introduction"
    assert "reading_a_sweep" in names
    assert "label_noise" not in names  # an experiment beside it


def test_parameter_without_a_value_is_one_line():
    done = course("run", "00", "-p", "rows_at_scale")
    assert done.returncode == 1
    assert "Write NAME=VALUE" in done.stderr


def test_setup_of_an_image_leaves_out_what_may_not_be_passed_on(tmp_path):
    for name in catalogue.names():
        if catalogue.describe(name).passed_on:
            (tmp_path / f"{name}.parquet").symlink_to(catalogue.fetch(name))
    here = set(tmp_path.iterdir())
    (tmp_path / "jars").symlink_to(catalogue.cache_folder() / "jars")
    done = course("setup", "--image", COURSE_DATA=str(tmp_path), PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    assert set(tmp_path.glob("*.parquet")) == here


def test_data_list_shows_what_is_here():
    said = course("data", "list").stdout
    assert "336,776" in said
    assert "CC0" in said


@pytest.fixture
def own_clone(tmp_path) -> Path:
    """A git repository with one lesson and this library."""
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(REPOSITORY / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A lesson")])
    nbformat.write(book, tmp_path / "notebooks" / "00_lesson.ipynb")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "add", "notebooks"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "a lesson"], cwd=tmp_path, check=True)
    return tmp_path


def test_reset_restores_the_lesson_and_keeps_the_attendees_copy(own_clone):
    lesson = own_clone / "notebooks" / "00_lesson.ipynb"
    published = lesson.read_bytes()
    lesson.write_text("what the attendee wrote")
    done = course("reset", "00", cwd=own_clone, PYTHONPATH=str(own_clone))
    assert done.returncode == 0, done.stderr
    assert lesson.read_bytes() == published
    (backup,) = lesson.parent.glob("*.backup.ipynb")
    assert backup.read_text() == "what the attendee wrote"


def test_reset_of_an_untouched_lesson_leaves_no_backup(own_clone):
    done = course("reset", "00", cwd=own_clone, PYTHONPATH=str(own_clone))
    assert "nothing to do" in done.stdout
    assert not list(own_clone.rglob("*.backup.ipynb"))


@pytest.fixture
def small_notebook(tmp_path) -> Path:
    """A notebook with one parameter, which fails for 0."""
    cells = [nbformat.v4.new_code_cell("divisor: int = 2  # number to divide by", metadata={"tags": ["parameters"]})]
    cells.append(nbformat.v4.new_code_cell("print('half is', 1 / divisor)"))
    path = tmp_path / "small.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_run_leaves_notebook_and_page_then_a_failing_run_keeps_them(small_notebook, tmp_path):
    runs = tmp_path / "runs"
    page = run_notebook(small_notebook, runs, {"divisor": 4})
    assert "half is 0.25" in page.read_text()
    assert json.loads((runs / "small.ipynb").read_text())["cells"]

    with pytest.raises(CourseError, match=r"cell 3: ZeroDivisionError: division by zero \(see .*failed\.ipynb\)"):
        run_notebook(small_notebook, runs, {"divisor": 0})
    assert "half is 0.25" in page.read_text()
    assert sorted(path.name for path in runs.iterdir()) == ["small.failed.ipynb", "small.html", "small.ipynb"]


def test_a_path_with_brackets_is_shown_as_it_is(tmp_path):
    cache = tmp_path / "cache [x]"
    cache.mkdir()
    shutil.copy(catalogue.fetch("airlines"), cache)
    done = course("data", "get", "airlines", COURSE_DATA=str(cache))
    assert str(cache / "airlines.parquet") in done.stdout.replace("\n", "")


def test_a_notebook_runs_whatever_old_guides_left_for_its_kernel(tmp_path):
    source = "import os\nimport plotly.io as pio\nimport matplotlib.pyplot\nprint('PYSPARK_SUBMIT_ARGS' in os.environ)"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata={"kernelspec": kernel})
    nbformat.write(book, tmp_path / "small.ipynb")
    (tmp_path / "startup.py").write_text("raise SystemExit(3)")
    left = {"PLOTLY_RENDERER": "none such", "MPLBACKEND": "none such", "JUPYTERLAB_DIR": "/nowhere"}
    left |= {"PYTHONSTARTUP": str(tmp_path / "startup.py"), "PYTHONWARNINGS": "error", "PYSPARK_SUBMIT_ARGS": "--x"}
    done = course("run", str(tmp_path / "small.ipynb"), "--output", str(tmp_path / "runs"), **left)
    assert done.returncode == 0, done.stderr
    (cell,) = nbformat.read(tmp_path / "runs" / "small.ipynb", 4).cells
    assert [output.get("text") for output in cell.outputs] == ["False\n"]
