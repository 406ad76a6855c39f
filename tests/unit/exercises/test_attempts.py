import json
import subprocess
import sys

import pytest
from lesson_90 import ask

from course_lib.exercises import hint, progress, solution


def test_progress_keeps_what_was_done(lesson):
    ask(0.9)
    ask(1 / 3)
    ask(0.9)
    hint("90.1")
    solution("90.1")
    [row] = progress().to_dict("records")
    assert (row["state"], row["attempts"], row["hints used"], row["solution seen"]) == ("right", 3, 1, True)
    assert row["last"].tzinfo is not None


def test_progress_lists_what_was_never_touched(lesson):
    [row] = progress().to_dict("records")
    assert (row["lesson"], row["state"], row["attempts"]) == ("90", "not attempted", 0)


@pytest.mark.parametrize("content", ["{", "[]", '{"exercises": 3}', '{"exercises": {"90.1": 3}}'])
def test_damaged_file_is_kept_aside(lesson, tmp_path, capsys, content):
    home = tmp_path / "home"
    home.mkdir()
    (home / "progress.json").write_text(content)
    assert ask(1 / 3).state == "right"
    assert [path.read_text() for path in home.glob("progress-damaged-*.json")] == [content]
    assert "was damaged" in capsys.readouterr().err
    assert list(json.loads((home / "progress.json").read_text())["exercises"]) == ["90.1"]


def test_two_processes_do_not_lose_entries(lesson, tmp_path):
    script = "from course_lib.exercises.attempts import note\nfor i in range(40): note({name!r}, attempt='wrong')"
    running = [subprocess.Popen([sys.executable, "-c", script.format(name=name)]) for name in ("90.1", "90.2")]
    assert [process.wait() for process in running] == [0, 0]
    saved = json.loads((tmp_path / "home" / "progress.json").read_text())["exercises"]
    assert {name: entry["attempts"] for name, entry in saved.items()} == {"90.1": 40, "90.2": 40}
