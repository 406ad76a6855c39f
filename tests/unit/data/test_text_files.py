"""Files of text as banks, shops and spreadsheets write them: what parts the fields, and what is not a row."""

import pytest

from course_lib.data.own_table import read_table
from course_lib.errors import CourseError

AMOUNTS = ["12,50", "-7,25", "1.000,00", "3,10", "8,00"]
STATEMENT = [
    "Account;DE12500105170648489890",
    "Period;01.01.2024 - 31.01.2024",
    "",
    "Date;Payee;Amount;Balance",
    *(f"{day + 13}.01.2024;Shop {day};{amount};{amount}" for day, amount in enumerate(AMOUNTS)),
    "Closing balance;;;1.016,35",
]


@pytest.fixture
def read(tmp_path):
    def read(*lines, end="\n", encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(end.join(lines).encode(encoding))
        return read_table(str(path))

    return read


def told(found, *words):
    """Whether one note has all the words."""
    return any(all(word in note for word in words) for note in found.notes)


@pytest.mark.parametrize("sign", [*",;\t|§~^¦!#*&:$", "\x01"])
def test_any_sign_that_parts_the_lines_evenly_is_a_separator(read, sign):
    found = read(*map(sign.join, [("Name", "Age", "y"), ("Ann Lee", "31", "0"), ("Bob Ray", "45", "1")]))
    assert found.data.to_numpy().tolist() == [["Ann Lee", 31, 0], ["Bob Ray", 45, 1]]


@pytest.mark.parametrize(
    "lines",
    [
        ["remark", "yes, please", "no, thanks", "well, then"],
        ["mail", "ann@shop.org", "bob@shop.org"],
        ["day", "2024-01-02", "2024-01-03"],
        ["start", "12:30", "13:45"],
        ["first name", "Ann Lee", "Bob Ray"],
    ],
    ids=["commas in text", "addresses", "days", "times", "spaces"],
)
def test_a_sign_inside_the_values_is_no_separator(read, lines):
    assert read(*lines).data.shape == (len(lines) - 1, 1)


def test_lines_above_and_below_the_rows_of_a_statement_are_left_out_and_told(read):
    found = read(*STATEMENT, end="\r\n", encoding="cp1252")
    assert list(found.data.columns) == ["Date", "Payee", "Amount", "Balance"]
    assert found.data["Amount"].tolist() == [12.5, -7.25, 1000, 3.1, 8]
    assert found.data["Date"].dt.day.tolist() == [13, 14, 15, 16, 17]
    assert told(found, "2 lines above the names", "Account;DE1")
    assert told(found, "1 line below the rows", "Closing balance")


@pytest.mark.parametrize(
    "end", ["Total;;18", ";Total;", "Made by: shop 2.1", ";;;"], ids=["sum", "word", "program", "nothing"]
)
def test_what_ends_a_table_of_words_is_no_row(read, end):
    found = read("who;what;n", "Ann;tea;5", "Bob;milk;6", "Cid;tea;7", end)
    assert found.data["n"].dropna().tolist() == [5, 6, 7]
    assert told(found, "below the rows") == (end != ";;;")


def test_a_spreadsheet_pads_the_lines_around_the_rows_with_separators(read):
    padded = [line + ";" * (3 - line.count(";")) for line in STATEMENT]
    assert len(read(*padded).data) == len(AMOUNTS)
    assert read(*padded).data["Amount"].tolist() == read(*STATEMENT).data["Amount"].tolist()


def test_a_letterhead_as_wide_as_the_table_is_parted_from_it_by_an_empty_line(read):
    found = read("Account;DE12", "Period;2024", "", "Date;Amount", "2024-01-01;5", "2024-01-02;7")
    assert found.data["Amount"].tolist() == [5, 7]


@pytest.mark.parametrize(
    "lines",
    [
        ["name;city", "Ann;Bonn", "", "Bob;Ulm", "Cid;Trier"],
        ["a;b", "", "1;2", "3;4"],
        ["2019;2020", "1;2", "x;4", "5;6"],
        ["n;who", "1;Ann", "2;Bob", "3;"],
        ["a;b;c", "1;;", "2;x;y", "3;;"],
    ],
    ids=["empty line in text", "empty line below the names", "years for names", "a hole at the end", "many holes"],
)
def test_a_plain_table_keeps_its_first_and_its_last_line(read, lines):
    found = read(*lines)
    assert list(found.data.columns) == lines[0].split(";")
    assert len(found.data) == sum(bool(line) for line in lines[1:])


def test_the_first_line_may_say_what_separates_the_fields(read):
    found = read("sep=;", "a;b", "1,5;x", "2,5;y", end="\r\n")
    assert found.data["a"].tolist() == [1.5, 2.5]
    assert told(found, "first line says")


def test_a_separator_at_the_end_of_each_line_makes_no_column(read):
    assert list(read("a;b;", "1;x;", "2;y;").data.columns) == ["a", "b"]


def test_a_separator_at_the_end_of_the_rows_alone_moves_no_value(read):
    assert read("a;b", "1;x;", "2;y;").data["a"].tolist() == [1, 2]


def test_names_of_rows_without_a_name_above_them_stay(read):
    found = read("mpg,cyl", "Mazda,21,6", "Fiat,30,4")
    assert found.data["column 1"].tolist() == ["Mazda", "Fiat"]
    assert found.data["mpg"].tolist() == [21, 30]


def test_a_line_of_names_that_comes_again_is_left_out_and_told(read):
    found = read("n,who", "1,Ann", "2,Bob", "n,who", "3,Cid")
    assert found.data["n"].tolist() == [1, 2, 3]
    assert told(found, "names comes again 1 time")


def test_quoted_separators_quotes_and_line_ends_stay_in_their_field(read):
    found = read("a;b", '"x; y";"line', 'break"', '"z ""q""";w')
    assert found.data.to_numpy().tolist() == [["x; y", "line\nbreak"], ['z "q"', "w"]]


def test_a_quotation_mark_that_is_never_closed_swallows_no_row(read):
    found = read("size,n", '"5,1', "6,2", "7,3")
    assert found.data["n"].tolist() == [1, 2, 3]
    assert told(found, "never closed")


def test_a_file_cut_off_inside_quotes_is_refused(read):
    with pytest.raises(CourseError, match="never closed"):
        read("a,b", '"x, y",1', '"z, w",2', '"cut, off')


def test_long_keys_lose_no_digit_where_one_is_missing(read):
    found = read("key,n", "1234567890123456789,1", ",2")
    assert found.data["key"][0] == "1234567890123456789"
    assert told(found, "lose some of the digits", "key")


def test_long_keys_are_numbers_where_none_is_missing(read):
    assert read("key,n", "1234567890123456789,1", "1234567890123456788,2").data["key"][0] == 1234567890123456789


def test_names_that_look_numbered_stay_different(read):
    assert list(read("a,a,a (2)", "1,2,3").data.columns) == ["a", "a (3)", "a (2)"]


def test_a_web_page_is_no_table(read):
    with pytest.raises(CourseError, match="web page"):
        read("<html><table>", "<tr><td>1</td></tr>", "</table>")
