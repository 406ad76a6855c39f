"""Numbers that files hold as text: they become numbers where that can be done in one way, and it is told."""

import numpy as np
import pandas as pd
import pytest

from course_lib.data.text_numbers import numbers_from_text


def read(*values, comma_separated=False, **others):
    data, notes = numbers_from_text(pd.DataFrame({"a": list(values), **others}), comma_separated)
    return data["a"].tolist(), " | ".join(notes)


@pytest.mark.parametrize(
    ("values", "numbers", "note"),
    [
        (["$1,007.00", "$12.50"], [1007, 12.5], r"currency taken off in a ($)"),
        (["1.234,56 €", "-7,00 €"], [1234.56, -7], "decimal comma"),
        (["EUR 12,50", "EUR -1,25"], [12.5, -1.25], "currency taken off in a (EUR)"),
        (["CHF 1'234.50", "CHF 12.-"], [1234.5, 12], "thousands"),
        (["1’000.25", "7"], [1000.25, 7], "thousands"),
        (["12 kr", "1 200 kr"], [12, 1200], "currency"),
        (["R$ 1.000,50", "R$ 2,00"], [1000.5, 2], "currency"),
        (["(12)", "30"], [-12, 30], "negative"),
        (["($1,200.50)", "$3.00"], [-1200.5, 3], "negative"),
        (["€(12)", "€30"], [-12, 30], "negative"),
        (["12-", "30"], [-12, 30], "negative"),
        (["12,50-", "3,00"], [-12.5, 3], "negative"),
        (["\u221212", "30"], [-12, 30], ""),
        (["1\u202f234,5", "12"], [1234.5, 12], "thousands"),
        (["1\u00a0234", "12"], [1234, 12], "thousands"),
        (["1,234,567", "12"], [1234567, 12], "thousands"),
        (["1.234.567", "12"], [1234567, 12], "thousands"),
        (["1,5E+03", "2,5"], [1500, 2.5], "decimal comma"),
        (["12,5 %", "3 %"], [12.5, 3], "per cent"),
        (["0,123", "1,234"], [0.123, 1.234], "decimal comma"),
    ],
)
def test_amounts_become_numbers_and_it_is_told(values, numbers, note):
    found, notes = read(*values)
    assert found == numbers
    assert note in notes


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["1,234", "5,678"], "1,234"),
        (["1.234 €", "5.678 €"], "1.234 €"),
        (["$5", "7 €"], "more than one currency"),
        (["(1)", "(2)"], "codes"),
        (["1-", "2-"], "codes"),
        (["612 345 678", "699 123 456"], "codes"),
        (["+49 123 456", "+49 123"], "codes"),
        (["10.100.200.101", "10.100.200.102"], "codes"),
        (["030 123 456", "089 123 456"], ""),
        (["(030)", "12"], ""),
        (["01.02.2024", "03.04.2024"], ""),
        (["12:30", "13:45"], ""),
        (["1-2", "3-4"], ""),
        (["12,3,4", "5,6,7"], ""),
        (["12345678901234567890", "?"], ""),
        (["007", "$5"], ""),
        (["5 pieces", "$7"], ""),
    ],
)
def test_what_may_be_something_else_stays_text(values, note):
    found, notes = read(*values)
    assert found == values
    assert note in notes if note else not notes


@pytest.mark.parametrize(("other", "numbers"), [("0,5", [1.234, 5.678]), ("0.5", [1234, 5678])])
def test_another_column_tells_which_sign_parts_decimals(other, numbers):
    assert read("1,234", "5,678", b=[other + " €", other + "1 €"])[0] == numbers


def test_a_list_in_a_file_of_commas_is_no_decimal():
    assert read("1,5", "2,3", comma_separated=True)[0] == ["1,5", "2,3"]


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (['="0815"', '="12"'], ["0815", "12"]),
        (['="0815"', np.nan, "x"], ["0815", np.nan, "x"]),
        (["'0815", "'12"], ["0815", "12"]),
    ],
    ids=["all", "some", "apostrophe"],
)
def test_excels_guard_is_taken_off_and_its_code_stays_text(values, codes):
    found, notes = read(*values)
    assert pd.Series(found).equals(pd.Series(codes))
    assert "guard" in notes


def test_a_name_that_begins_with_an_apostrophe_is_no_guarded_code():
    assert read("'t Hooft", "'12")[0] == ["'t Hooft", "'12"]
