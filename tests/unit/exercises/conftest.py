import lesson_90
import pytest

from course_lib.exercises import attempts, exercise, hints


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    """Lesson 90 with one exercise, and a progress file of its own."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(attempts, "_unsaved", {})
    monkeypatch.setattr(hints, "_shown", {})
    known = [lesson_90.exercise()]
    monkeypatch.setattr(exercise, "_lessons", lambda: ["90"])
    monkeypatch.setattr(exercise, "_exercises", lambda name: known)
    return known
