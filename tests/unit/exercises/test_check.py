import json
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from course_lib import exercises
from course_lib.errors import CourseError
from course_lib.exercises import Exercise, Mistake, check, hint, progress, solution
from course_lib.exercises.compare import difference

FLIGHTS = pd.DataFrame({"carrier": ["UA", "AA", "UA", "B6"], "delay": [40.0, -5.0, 10.0, np.nan], "hour": [6, 7, 6, 8]})


def late_share(*, flights, late_minutes):
    """Share of flights that landed late."""
    # flights without an arrival do not count
    landed = flights["delay"].dropna()
    return (landed >= late_minutes).mean()


def _double(value):
    return 2 * value


def doubled(
    *,
    flights,
    late_minutes=0,
) -> float:
    if late_minutes:
        return _double(1)
    return _double(2)


def counts_missing(*, flights, late_minutes):
    return (flights["delay"] >= late_minutes).mean()


def counts_late(*, flights, late_minutes):
    return int((flights["delay"] >= late_minutes).sum())


def fails(*, flights, late_minutes):
    raise KeyError("no such column")


def exercise(reference=late_share, mistakes=(), **more):
    return Exercise(
        id="90.1",
        title="Share",
        reference=reference,
        why="A mean of truth values is a share.",
        hints=("nudge", "more"),
        mistakes=mistakes
        or (
            Mistake("fails", fails, "never shown"),
            Mistake("missing counted", counts_missing, "Look at the missing arrivals."),
            Mistake("count", counts_late, "A share, not a count."),
        ),
        sample_inputs=lambda: {"flights": FLIGHTS, "late_minutes": 30},
        **more,
    )


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    """Lesson 90 with one exercise, and a progress file of its own."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(exercises, "_unsaved", {})
    known = [exercise()]
    monkeypatch.setattr(exercises, "_lessons", lambda: ["90"])
    monkeypatch.setattr(exercises, "_exercises", lambda name: known)
    return known


def ask(answer, **inputs):
    return check("90.1", answer, **({"flights": FLIGHTS, "late_minutes": 30} | inputs))


# --- check -------------------------------------------------------------------------------------------------------


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


# --- hint and solution -------------------------------------------------------------------------------------------


def test_hints_rise_and_the_last_stays(lesson):
    assert [hint("90.1").text for _ in range(3)] == ["Hint 1 of 2: nudge", "Hint 2 of 2: more", "Hint 2 of 2: more"]


def test_hints_rise_where_nothing_can_be_written(lesson, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    assert [hint("90.1").text for _ in range(2)] == ["Hint 1 of 2: nudge", "Hint 2 of 2: more"]
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


# --- progress ----------------------------------------------------------------------------------------------------


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
    script = "from course_lib.exercises import _record\nfor i in range(40): _record({name!r}, attempt='wrong')"
    running = [subprocess.Popen([sys.executable, "-c", script.format(name=name)]) for name in ("90.1", "90.2")]
    assert [process.wait() for process in running] == [0, 0]
    saved = json.loads((tmp_path / "home" / "progress.json").read_text())["exercises"]
    assert {name: entry["attempts"] for name, entry in saved.items()} == {"90.1": 40, "90.2": 40}


# --- compare -----------------------------------------------------------------------------------------------------

BY_HOUR = pd.Series([0.1, 0.2, np.nan], index=pd.Index([5, 6, 7], name="hour"))
TABLE = pd.DataFrame({"carrier": ["UA", "AA"], "share": [0.5, 0.25]})
TIMES = pd.Series(pd.to_datetime(["2013-01-01 05:00", None]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (0.1 + 0.2, 0.3),
        (np.float32(0.25), 0.25),
        (5.0, 5),
        (float("nan"), np.nan),
        (np.bool_(True), True),
        (" ua ", "UA"),
        (np.array(3), 3),
        ([3, 1, 2], [1, 2, 3]),
        ({"b", "a"}, ["a", "b"]),
        (["a", "b"], {"b", "a"}),
        ((1, 0.1 + 0.2, "x"), (1, 0.3, "x")),
        (np.array([1.0, np.nan]), np.array([1, np.nan])),
        ({"a": 1, "b": [1, 2]}, {"b": (1, 2), "a": np.int64(1)}),
        (pd.Series({"a": 1}), {"a": 1}),
        (BY_HOUR[::-1].rename("other"), BY_HOUR),
        (BY_HOUR.set_axis([5.0, 6.0, 7.0]), BY_HOUR),
        (TABLE[::-1][["share", "carrier"]], TABLE),
        (TABLE.astype({"carrier": "string", "share": "Float64"}), TABLE),
        (TABLE.astype({"carrier": "category"}), TABLE),
        (TABLE, TABLE.set_index("carrier")),
        (TABLE.set_index("carrier"), TABLE),
        (TIMES.dt.tz_localize("UTC").astype("datetime64[s, UTC]"), TIMES),
        (pd.Series([date(2013, 1, 1)]), pd.Series(pd.to_datetime(["2013-01-01"]))),
        ([1, 2, 3], pd.Series([1, 2, 3])),
        (pd.Series(dtype=float), pd.Series(dtype=float)),
    ],
)
def test_same(answer, expected):
    assert difference(answer, expected) is None


@pytest.mark.parametrize(
    ("answer", "expected", "line"),
    [
        (20_000_001, 20_000_000, "not the expected number"),
        (True, 1, "a number is expected, you gave True or False"),
        ((2, 1), (1, 2), "in element 1"),
        ([1, 2], [1, 2, 3], "3 values are expected, you gave 2"),
        (np.array([2, 1]), np.array([1, 2]), "2 of 2 values"),
        ({"a"}, {"a", "b"}, "1 of the expected elements are missing, 0"),
        ({"a": 2}, {"a": 1}, "at key a, it is not"),
        ({"c": 2}, {"a": 1}, "not expected: c"),
        (BY_HOUR + 1, BY_HOUR, "2 of 3 values are not"),
        (BY_HOUR.set_axis([5, 6, 8]), BY_HOUR, "labels of the index are not those expected indexed by hour"),
        (BY_HOUR.reset_index(), BY_HOUR, "a Series of 3 values indexed by hour is expected, you gave a DataFrame of 3"),
        (TABLE.rename(columns={"share": "late"}), TABLE, "missing: share; not asked for: late"),
        (TABLE.head(1), TABLE, "2 rows are expected, you gave 1"),
        (TABLE.shape, 2, "you gave a tuple of 2 values"),
        (TABLE.count, 2, "a function (call it with parentheses)"),
    ],
)
def test_different(answer, expected, line):
    assert line in difference(answer, expected)


def test_order_counts_where_asked():
    assert difference(TABLE[::-1], TABLE, ordered=True) == "the order of the rows counts here."
    assert difference(BY_HOUR[::-1], BY_HOUR, ordered=True) == "the order of the values counts here."
    assert difference([2, 1], [1, 2], ordered=True) is not None


def test_rows_that_differ_by_noise_alone_are_the_same():
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.normal(size=500), "b": generator.integers(0, 3, 500)})
    noisy = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    noisy["a"] *= 1 + 1e-9
    assert difference(noisy, rows) is None


def test_table_of_another_engine_is_compared_as_pandas():
    import duckdb

    assert difference(duckdb.sql("select 'UA' as carrier, 0.5 as share union all select 'AA', 0.25"), TABLE) is None


def test_spark_answer_is_collected(spark):
    answer = spark.createDataFrame([(7, None), (6, 0.2), (5, 0.1)], "hour int, share double")
    assert difference(answer, BY_HOUR) is None
    assert difference(answer.limit(2), BY_HOUR) == "3 values are expected, you gave 2."


def test_spark_answer_that_is_not_aggregated_is_refused(spark):
    with pytest.raises(CourseError, match="aggregate on the engine first"):
        difference(spark.range(300_000), TABLE)
