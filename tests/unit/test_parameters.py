import math
import subprocess
import sys

import nbformat
import papermill
import pytest
from click.testing import CliRunner
from IPython.core.interactiveshell import InteractiveShell
from papermill.cli import papermill as papermill_command

from course_lib.errors import CourseError

CELL = """\
rows: int = 1_000  # rows of the table
late_minutes: int = 30  # minutes at which a flight counts as late
share: float = 0.5  # share of the rows that is kept
engine: str = "pandas"  # library that reads the table
table: str = "flights"  # name or path of the table
verbose: bool = False  # whether to show each step
months: list[int] = [1, 2]  # months that are read
"""
CHECK = """\
from course_lib import check_parameters

check_parameters(
    rows=(1, None), late_minutes=(1, 600), share=(0.0, 1.0), engine=["pandas", "spark"], table=..., verbose=...,
    months=(1, 12),
)
"""


IMPORT = "from course_lib import check_parameters\n"


def run(*cells, shell=None, store_history=True):
    """Run cells in a fresh shell without a kernel; return its namespace, or raise what the last cell raised."""
    shell = shell or InteractiveShell()
    InteractiveShell._instance = shell
    for cell in cells:
        result = shell.run_cell(cell, store_history=store_history, silent=False)
        result.raise_error()
    return shell.user_ns


@pytest.fixture(autouse=True)
def quiet_shell(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setattr(InteractiveShell, "showtraceback", lambda *args, **kwargs: None)
    yield
    InteractiveShell._instance = None


def injected(line):
    return f"# Parameters\n{line}\n"


def complaint(line, parameters=CELL, check=CHECK):
    with pytest.raises(CourseError) as caught:
        run(parameters, injected(line), check)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_pass():
    assert run(CELL, CHECK)["rows"] == 1_000


def test_text_from_the_command_line_becomes_the_declared_type():
    assert run(CELL, injected('verbose = "true"\nrows = "7"'), CHECK)["verbose"] is True


def test_whole_number_serves_as_float():
    share = run(CELL, injected("share = 1"), CHECK)["share"]
    assert isinstance(share, float) and share == 1.0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('rows = "many"', 'rows is "many", but must be a whole number'),
        ("rows = 1.5", "rows is 1.5, but must be a whole number"),
        ("rows = True", "rows is True, but must be a whole number"),
        ("rows = None", "rows is None, but must be a whole number"),
        ("rows = 0", "rows is 0, but must be at least 1"),
        ("late_minutes = 601", "late_minutes is 601, but must be between 1 and 600"),
        ("share = float('nan')", "share is nan, but must be between 0.0 and 1.0"),
        ("share = float('inf')", "share is inf, but must be between 0.0 and 1.0"),
        ("rows = float('inf')", "rows is inf, but must be a whole number"),
        ("table = 7", "use `-r table VALUE`"),
        ('verbose = "perhaps"', "must be True or False"),
        ('months = "1"', 'must be a list: write [first, second], and with papermill `-y "months'),
        ("months = [1, 13]", "months is 13, but must be between 1 and 12"),
        ('engine = "Panda"', 'engine is "Panda": choose "pandas" or "spark" (did you mean pandas?)'),
        ("late_minute = 30", "there is no parameter late_minute (did you mean late_minutes?)"),
        ("zzz = 30", "there is no parameter zzz (there are rows, late_minutes"),
    ],
)
def test_fault_is_named_in_one_line(line, expected):
    assert expected in complaint(line)


def test_all_faults_in_one_line():
    message = complaint('rows = 0\nengine = "dask"\nlate_minute = 1')
    assert all(part in message for part in ("rows is 0", 'engine is "dask"', "no parameter late_minute"))


def test_nan_is_refused_where_only_one_side_is_bounded():
    assert "x is nan" in complaint("x = float('nan')", "x: float = 1.0  # x", IMPORT + "check_parameters(x=(0, None))")


def test_text_parameter_keeps_text_with_digits():
    assert run(CELL, injected('table = "007"'), CHECK)["table"] == "007"


def test_optional_parameter_may_be_none():
    check = IMPORT + "check_parameters(seed=(0, None))"
    assert run("seed: int | None = None  # seed", check)["seed"] is None


def test_edit_that_adds_a_name_is_refused():
    with pytest.raises(CourseError, match="no parameter late_minute "):
        run(CELL + "late_minute = 5\n", CHECK)


def test_rule_for_a_name_that_the_cell_lacks():
    with pytest.raises(CourseError, match="seed has a rule but no type"):
        run("rows: int = 1  # rows", IMPORT + "check_parameters(rows=..., seed=...)")


def test_rule_of_a_wrong_form():
    with pytest.raises(CourseError, match="the rule of rows is 5"):
        run("rows: int = 1  # rows", IMPORT + "check_parameters(rows=5)")


def test_later_variables_are_no_parameters():
    work = "late: int = 3\nflights = []\nrows_read: int = 7"
    assert run(CELL, CHECK, work, CHECK)["rows"] == 1_000


def test_last_edit_of_the_cell_counts():
    edited = CELL.replace("rows: int = 1_000", "rows: int = 0")
    with pytest.raises(CourseError, match="rows is 0"):
        run(CELL, CHECK, edited, CHECK)


def test_unknown_name_can_be_mended_without_restart():
    shell = InteractiveShell()
    with pytest.raises(CourseError):
        run(CELL + "late_minute: int = 5\n", CHECK, shell=shell)
    assert run(CELL, CHECK, shell=shell)["late_minutes"] == 30


def test_check_before_the_parameters_cell():
    with pytest.raises(CourseError, match="run the parameters cell"):
        run(CHECK)


def test_shell_without_history():
    with pytest.raises(CourseError, match="no parameter late_minute "):
        run(CELL, injected("late_minute = 5"), CHECK, store_history=False)


def test_plain_script(tmp_path):
    script = tmp_path / "lesson.py"
    script.write_text(CELL.replace("1_000", "'12'") + CHECK + "\nassert rows == 12")
    subprocess.run([sys.executable, str(script)], check=True)


def notebook(path):
    cells = [nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(CHECK), nbformat.v4.new_code_cell("[rows, verbose, share]")]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def command_line(*arguments):
    """Run papermill's command in this process, which has its imports done."""
    return CliRunner().invoke(papermill_command, arguments).output


def test_papermill_run(tmp_path):
    source = notebook(tmp_path / "lesson.ipynb")
    done = papermill.execute_notebook(
        source, tmp_path / "done.ipynb", {"rows": 7, "verbose": "true"}, progress_bar=False, cwd=tmp_path
    )
    assert done.cells[-1].outputs[0]["data"]["text/plain"] == "[7, True, 0.5]"


def test_papermill_refuses_an_unknown_name_in_one_line(tmp_path):
    source = notebook(tmp_path / "lesson.ipynb")
    command_line(str(source), str(tmp_path / "done.ipynb"), "-p", "late_minute", "7", "--no-progress-bar")
    done = nbformat.read(tmp_path / "done.ipynb", 4)
    [error] = [out for cell in done.cells if cell.cell_type == "code" for out in cell.outputs]
    assert error.traceback == ["Parameters: there is no parameter late_minute (did you mean late_minutes?)."]


def test_papermill_help_lists_type_and_meaning(tmp_path):
    source = notebook(tmp_path / "lesson.ipynb")
    text = " ".join(command_line("--help-notebook", str(source)).split())
    assert "late_minutes: int (default 30) minutes at which a flight counts as late" in text
    assert "months: list[int] (default [1, 2]) months that are read" in text


def test_infinite_value_of_a_free_parameter_passes():
    check = IMPORT + "check_parameters(limit=...)"
    assert math.isinf(run("limit: float = float('inf')  # limit", check)["limit"])
