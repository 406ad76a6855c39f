from lesson_90 import ask, doubled, exercise

from course_lib.exercises import hint, hints, progress, solution

FIRST, LAST = "Hint 1 of 2: nudge", 'Hint 2 of 2: more The code is next: solution("90.1").'


def test_hints_rise_and_the_last_stays(lesson):
    assert [hint("90.1").text for _ in range(3)] == [FIRST, LAST, LAST]


def test_hints_begin_again_in_a_new_kernel(lesson, monkeypatch):
    hint("90.1"), hint("90.1")
    monkeypatch.setattr(hints, "_shown", {})
    assert hint("90.1").text == FIRST
    assert progress()["hints used"].tolist() == [2]


def test_hints_rise_where_nothing_can_be_written(lesson, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    assert [hint("90.1").text for _ in range(2)] == [FIRST, LAST]
    assert ask(1 / 3).state == "right"


def test_solution_shows_the_body_as_a_cell(lesson):
    shown = solution("90.1")
    assert shown.source == (
        "# flights without an arrival do not count\n"
        'landed = flights["delay"].dropna()\n'
        "answer = (landed >= late_minutes).mean()"
    )
    assert "A mean of truth values is a share." in shown._repr_html_()


def test_solution_with_early_return_shows_the_function_and_its_helpers(lesson):
    lesson[0] = exercise(doubled)
    source = solution("90.1").source
    assert source.startswith("def _double(value):") and "def doubled(" in source


def test_signature_over_several_lines_is_cut_off(lesson):
    def reference(
        *,
        flights,
        late_minutes,
    ) -> int:
        return len(flights)

    lesson[0] = exercise(reference)
    assert solution("90.1").source == "answer = len(flights)"
