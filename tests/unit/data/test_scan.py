"""The scan finds each fault that needs no knowledge of the table, and is quiet on a clean one."""

import numpy as np
import pandas as pd
import pytest

from course_lib.data.scan import look, spellings

LOOKED_FOR = {
    "row repeats an earlier row": pd.DataFrame({"a": [1, 2, 2], "b": [1, 2, 2]}),
    "row without any value": pd.DataFrame({"a": [1, 2, None], "b": [1, 2, None]}),
    "column equals another": pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}),
    "constant column": pd.DataFrame({"a": [1, 1]}),
    "empty column": pd.DataFrame({"a": [None, None]}),
    "time in the future": pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2191-01-01"])}),
    "time at a computer's zero": pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "1970-01-01"])}),
    "gap in a series with a step of 01:00:00": pd.DataFrame(
        {"a": pd.date_range("2024", periods=60, freq="1h").delete(9)}
    ),
    "infinite number": pd.DataFrame({"a": [1, 2, np.inf, 4]}),
    "highest value far off all others": pd.DataFrame({"a": [*range(20), 1_000]}),
    "lowest value far off all others": pd.DataFrame({"a": [-999, *range(20)]}),
    "negative in a mostly positive column": pd.DataFrame({"a": [-1, *range(300)]}),
    "clock shows 24:00": pd.DataFrame({"a": [h * 100 + m for h in range(24) for m in range(0, 60, 5)] + [2400]}),
    "the highest value takes a fifth or more": pd.DataFrame({"a": [*range(40), *[50] * 20]}),
    "mixed types": pd.DataFrame({"a": [1, "x", "y", "z"]}),
    "numbers kept as text": pd.DataFrame({"a": ["$1,200", "3", "4", "5"]}),
    "spaces around a value": pd.DataFrame({"a": ["u", " v", "w"]}),
    "text that stands for missing": pd.DataFrame({"a": ["u", "?", "w"]}),
    "letters broken by a wrong encoding": pd.DataFrame({"a": ["café".encode().decode("cp1252"), "u", "v"]}),
    "spellings of one name": pd.DataFrame({"a": ["New York", "new york", "Boston"]}),
    "nearly a key: a few values come twice": pd.DataFrame({"a": [f"key {n}" for n in [*range(200), 7]]}),
}


@pytest.mark.parametrize("check", LOOKED_FOR)
def test_look_finds(check):
    assert check in look(LOOKED_FOR[check])["check"].tolist()


def test_look_is_quiet_on_a_clean_table():
    rng = np.random.default_rng(0)
    clean = pd.DataFrame({"x": rng.normal(100, 5, 500), "group": rng.choice(list("uvw"), 500)})
    assert look(clean).empty


def test_spellings_by_case_and_punctuation():
    found = spellings(pd.Series(["FALCON XP", "FALCON-XP", "falcon xp ", "EAGLE"]))
    assert found["spellings"].to_dict() == {"FALCON XP": 3}


def test_spellings_that_continue_a_name_at_a_words_end():
    found = spellings(pd.Series(["AIRBUS", "AIRBUS INDUSTRIE", "AIRBUSTER"]), begins=True)
    assert found["which"].to_dict() == {"AIRBUS": "AIRBUS 1, AIRBUS INDUSTRIE 1"}
