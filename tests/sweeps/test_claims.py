"""The sweep that counts how often the claims of the lessons hold."""

import yaml
from small_notebooks import execute, needs_fork, write_notebook

from course_lib.command.lessons import lessons
from course_lib.places import NOTEBOOKS
from course_lib.sweeps.records import recorded

SWEEPS = NOTEBOOKS / "sweeps"


@needs_fork
def test_a_claim_that_fails_is_noted_and_does_not_stop_the_run(tmp_path):
    lesson = write_notebook(
        tmp_path / "small.ipynb",
        "assert seed > 2, 'Large.'\noutcomes = record = None  # names of its own",
        "# Größe\nif seed == 3:\n    assert (\n        seed == 4\n    ), 'Four.'  # no",
        "for last in (True, False):\n    assert last, 'All of them.'",
        "if seed == 0:\n    assert False, 'Not reached.'",
        "def guarded():\n    assert False\n\nassert seed",
        parameters="seed: int = 0  # seed",
    )
    copy = tmp_path / "claims.ipynb"
    copy.write_bytes((SWEEPS / "claims.ipynb").read_bytes())
    found = recorded(execute(copy, {"lesson": str(lesson), "seed": 3}))
    assert found["outcomes"] == {
        "Large.": True,
        "Four.": False,
        "All of them.": False,
        "Not reached.": None,
        "seed": True,
    }
    assert (found["claims"], found["held"], found["failed"]) == (4, 2, ["Four.", "All of them."])


def test_the_sweep_has_every_lesson():
    given = yaml.safe_load((SWEEPS / "claims.yaml").read_text(encoding="utf-8"))["grid"]["lesson"]
    assert sorted((SWEEPS / name).resolve() for name in given) == lessons()
