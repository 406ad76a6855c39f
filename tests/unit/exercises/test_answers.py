import pandas as pd
import pytest
from lesson_90 import FLIGHTS, ask, exercise

from course_lib.errors import CourseError
from course_lib.exercises import check


def test_right_answer(lesson):
    assert ask(1 / 3).state == "right"


def test_right_answer_holds_under_another_parameter(lesson):
    assert ask(2 / 3, late_minutes=10).state == "right"


@pytest.mark.parametrize("stub", [..., None])
def test_stub_is_not_attempted_and_leaves_no_trace(lesson, stub, tmp_path):
    assert check("90.1", stub).state == "not attempted"
    assert not (tmp_path / "home").exists()


def test_unfinished_input_is_not_attempted(lesson):
    assert "flights is still `...`" in ask(0.1, flights=...).text


def test_mistake_gets_its_own_hint(lesson):
    assert ask(0.25).text == "Not yet: Look at the missing arrivals."


def test_unknown_mistake_points_at_the_hints(lesson):
    assert ask(0.9).text == 'Not yet: it is not the expected number. For a nudge, run hint("90.1").'


def test_percent_is_recognised(lesson):
    assert "100 times" in ask(100 / 3).text


def test_missing_input_names_the_call(lesson):
    with pytest.raises(CourseError, match=r'check\("90.1", answer, flights=flights, late_minutes=late_minutes\)'):
        check("90.1", 0.1, flights=FLIGHTS)


def test_unknown_exercise_names_those_that_exist(lesson):
    with pytest.raises(CourseError, match=r"lesson 90 has 90\.1"):
        check("90.7", 0.1)


def test_inputs_that_the_reference_cannot_use_do_not_raise(lesson):
    assert "KeyError: 'delay'" in ask(0.1, flights=FLIGHTS.drop(columns="delay")).text


def test_answer_that_cannot_be_compared_does_not_raise(lesson):
    class Odd(float):
        def __eq__(self, other):
            raise RuntimeError("no comparing")

        __hash__ = float.__hash__

    assert ask(Odd(0.3)).state == "wrong"


def test_result_shows_as_text_and_escaped_html(lesson):
    result = ask(pd.DataFrame({"<b>": [1]}))
    assert repr(result) == result.text
    assert "<b>" not in result._repr_html_() and "<strong>Not yet:</strong>" in result._repr_html_()


def test_code_in_a_line_is_set_as_code(lesson):
    assert "in place of <code>...</code>" in check("90.1", ...)._repr_html_()


def test_function_is_judged_by_its_results(lesson):
    def reference(*, flights, late_minutes):
        return lambda frame: (frame["delay"] >= late_minutes).sum()

    lesson[0] = exercise(reference, call=lambda *, flights, late_minutes: [(flights,), (flights.head(0),)])
    assert ask(lambda frame: int(frame["delay"].ge(30).sum())).state == "right"
    assert ask(lambda frame: 1).state == "wrong"
    assert "raises KeyError: 'x'" in ask(lambda frame: frame["x"]).text
    assert "a function is expected" in ask(3).text


def test_function_cannot_change_the_inputs(lesson):
    def reference(*, flights, late_minutes):
        return len

    def spoils(frame):
        frame["delay"] = 0
        return len(frame)

    lesson[0] = exercise(reference, call=lambda *, flights, late_minutes: [(flights,)])
    assert ask(spoils).state == "right"
    assert FLIGHTS["delay"].isna().sum() == 1


def test_function_that_changes_a_table_answers_wrongly_when_it_is_asked_again(lesson):
    def reference(*, flights, late_minutes):
        return len

    def emptied(flights):
        rows = len(flights)
        flights.drop(index=flights.index, inplace=True)  # noqa: PD002 (what the check shall notice)
        return rows

    for calls, state in ((1, "right"), (2, "wrong")):
        lesson[0] = exercise(reference, call=lambda *, flights, late_minutes, calls=calls: [(flights,)] * calls)
        assert ask(emptied).state == state
    assert len(FLIGHTS) == 4
