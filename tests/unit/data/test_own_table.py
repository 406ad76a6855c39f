"""A person's own table: what is read, what is refused, and in which words."""

import codecs

import numpy as np
import pandas as pd
import pytest

from course_lib.data.column_kinds import choose_target, kind_of, overview
from course_lib.data.own_table import read_table
from course_lib.errors import CourseError

ROWS = 40
PEOPLE = pd.DataFrame(
    {
        "name": ["Jürgen", "Zoë", "Ana", "Bob"] * (ROWS // 4),
        "amount": np.linspace(-3.5, 1234.5, ROWS),
        "joined": pd.date_range("2024-01-01", periods=ROWS),
        "member": [True, False] * (ROWS // 2),
    }
)


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return str(path)

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_encoding_and_separator_are_found(write, separator, encoding):
    path = write(PEOPLE.to_csv(sep=separator, index=False), encoding=encoding)
    pd.testing.assert_frame_equal(read_table(path).data, PEOPLE, check_dtype=False)


@pytest.mark.parametrize("decimals", ["1.234,50", "1234,5"], ids=["with thousands", "plain"])
def test_decimal_comma_becomes_a_number(write, decimals):
    data = read_table(write(f"a;b\n{decimals};x\n-0,25;y\n17;z\n")).data
    assert data["a"].tolist() == [1234.5, -0.25, 17]


@pytest.mark.parametrize(
    "text", ["a;b\n14,5;x\nk.A.;y\n-2,25;z\n", "a,b\n14.5,x\n ? ,y\n-2.25,z\n"], ids=["comma", "point"]
)
def test_a_word_for_no_value_does_not_keep_numbers_text(write, text):
    found = read_table(write(text))
    np.testing.assert_equal(found.data["a"].to_numpy(), [14.5, np.nan, -2.25])
    assert any("1 in a" in note for note in found.notes)


def test_remarks_above_the_names_are_skipped(write):
    found = read_table(write("# made by a logger\n# unit: mm, daily\nday;rain\n1;2,5\n2;0,0\n3;1;extra\n"))
    assert list(found.data.columns) == ["day", "rain"]
    assert found.data["rain"].tolist() == [2.5, 0]
    assert any("2 lines with #" in note for note in found.notes)


def test_names_that_begin_with_a_hash_stay_the_names(write):
    found = read_table(write("# version 2\n#id,size\n1,10\n2,20\n"))
    assert found.data.shape == (2, 2)
    assert found.data["size"].tolist() == [10, 20]


def test_per_cent_becomes_a_number(write):
    assert read_table(write("a,b\n41 %,x\n7.5%,y\n")).data["a"].tolist() == [41, 7.5]


@pytest.mark.parametrize(
    "column", [["1", "2", "A"], ["12 kg", "3", "4"], ["007", "?", "123"], ["50 % off", "1 %", "2 %"]]
)
def test_text_that_is_more_than_numbers_stays_text(write, column):
    text = "\n".join(["a", *column])
    assert read_table(write(text)).data["a"].tolist() == column


def test_notes_are_shown_as_they_stand(write):
    shown = read_table(write("a;b\n$1.50;$2.25\n$3.00;$4.75\n"))._repr_markdown_()
    assert r"a (\$), b (\$)" in shown


def test_text_with_a_comma_stays_text(write):
    assert read_table(write("a;b\nyes, please;1\nno;2\n")).data["a"].tolist() == ["yes, please", "no"]


@pytest.mark.parametrize("compression", ["gz", "zip", "bz2", "xz"])
def test_compressed_files_are_read(tmp_path, compression):
    path = tmp_path / f"people.csv.{compression}"
    PEOPLE.to_csv(path, index=False)
    assert len(read_table(str(path)).data) == ROWS


def test_parquet_file_and_folder_give_the_same(tmp_path):
    PEOPLE.to_parquet(tmp_path / "whole.parquet")
    (tmp_path / "parts").mkdir()
    for place, part in enumerate((PEOPLE.iloc[:9], PEOPLE.iloc[9:])):
        part.to_parquet(tmp_path / "parts" / f"{place}.parquet")
    whole, parts = (read_table(str(tmp_path / name)).data for name in ("whole.parquet", "parts"))
    pd.testing.assert_frame_equal(whole, parts)


def test_catalogue_names_are_read():
    assert len(read_table("airlines").data) == 16


def test_keys_keep_their_leading_zeros(write):
    assert read_table(write("post,n\n01067,1\n10115,2\n")).data["post"].tolist() == ["01067", "10115"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("03.04.2024\n05.06.2024", "2024-04-03"),
        ("03/04/2024\n25/12/2024", "2024-04-03"),
        ("03/04/2024\n12/25/2024", "2024-03-04"),
        ("2024-03-04T10:00:00Z\n2024-03-05T10:00:00Z", "2024-03-04 10:00+00:00"),
    ],
)
def test_dates_are_parsed_where_their_order_is_certain(write, text, first):
    assert read_table(write(f"when\n{text}\n")).data["when"].iloc[0] == pd.Timestamp(first)


def test_a_date_that_may_be_either_stays_text(write):
    assert read_table(write("when\n03/04/2024\n05/06/2024\n")).data["when"].iloc[0] == "03/04/2024"


def test_a_day_that_pandas_cannot_hold_is_missing_and_told(write):
    found = read_table(write("until\n" + "2024-01-01\n" * 30 + "9999-12-31\n"))
    assert found.data["until"].isna().sum() == 1
    assert any("until (1 that are no days" in note for note in found.notes)


def test_lines_that_do_not_fit_are_left_out_and_counted(write):
    found = read_table(write("a,b\n1,2,3\n" + "1,2\n" * 9))
    assert len(found.data) == 9
    assert any(note.startswith("1 lines") for note in found.notes)


def test_a_nameless_counter_is_left_out(write):
    assert list(read_table(write(PEOPLE.to_csv())).data.columns) == list(PEOPLE.columns)


def test_columns_of_any_parquet_type_become_plain(tmp_path):
    strange = pd.DataFrame(
        {
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "category": pd.Categorical(["u", None, "v"]),
            "nested": [[1, 2], None, [3]],
            "lasting": pd.to_timedelta([1, 2, None], unit="h"),
            "maybe": pd.array([True, None, False], dtype="boolean"),
        }
    )
    strange.to_parquet(tmp_path / "t.parquet")
    data = read_table(str(tmp_path / "t.parquet")).data
    assert {str(dtype) for dtype in data.dtypes} == {"float64", "object"}
    assert data.isna().sum().tolist() == [1] * 5


def test_only_so_many_cells_are_read(write):
    found = read_table(write("a,b\n" + "1,2\n" * 100), max_cells=20)
    assert len(found.data) == 10
    assert any("first rows are no sample" in note for note in found.notes)


REFUSED = {
    "nothing in it": (b"", "is empty"),
    "blank lines": (b"\n\n\n", "is empty"),
    "names alone": (b"a,b,c\n", "holds no row"),
    "a workbook": (b"PK\x03\x04" + bytes(99), "not a table of text"),
    "bytes": (bytes(range(256)) * 20, "not a table of text"),
    "half of a Parquet file": (b"PAR1" + bytes(99), "begins like Parquet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_in_one_line(write, case):
    content, reason = REFUSED[case]
    with pytest.raises(CourseError, match=reason) as refusal:
        read_table(write(content))
    assert "\n" not in str(refusal.value)


def test_half_of_a_compressed_file_is_refused(write):
    with pytest.raises(CourseError, match="cannot be unpacked"):
        read_table(write(codecs.decode("1f8b08000000", "hex") + b"nonsense", "t.csv.gz"))


@pytest.mark.parametrize(("asked", "near"), [("poeple.csv", "people.csv"), ("people.parquet", "people.csv")])
def test_a_wrong_path_names_the_nearest_file(tmp_path, asked, near):
    PEOPLE.to_csv(tmp_path / "people.csv")
    with pytest.raises(CourseError, match=near):
        read_table(str(tmp_path / asked))


def test_a_wrong_name_names_the_nearest_of_the_catalogue():
    with pytest.raises(CourseError, match="nearest is 'flights'"):
        read_table("fligths")


def test_a_wrong_folder_is_told_apart_from_a_wrong_file(tmp_path):
    with pytest.raises(CourseError, match="no folder"):
        read_table(str(tmp_path / "nowhere" / "people.csv"))


def test_no_target_is_no_target():
    assert choose_target(PEOPLE, "") is None


@pytest.mark.parametrize(("target", "reason"), [("amuont", "nearest is 'amount'"), ("Member", "nearest is 'member'")])
def test_an_absent_target_names_the_nearest_column(target, reason):
    with pytest.raises(CourseError, match=reason):
        choose_target(PEOPLE, target)


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "no value"), (7, "one value '7'")])
def test_a_target_that_does_not_vary_is_refused(value, reason):
    with pytest.raises(CourseError, match=reason):
        choose_target(PEOPLE.assign(target=value), "target")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None, None], "empty"),
        ([1, 1, None], "constant"),
        ([1, 0, 1], "yes/no"),
        (["u", "v", "w"], "category"),
        ([f"name {n}" for n in range(60)], "text"),
        ([1.5, 2.5, 4], "number"),
        (pd.date_range("2024", periods=3), "time"),
    ],
)
def test_kind_of_a_column(values, kind):
    assert kind_of(pd.Series(values)) == kind


def test_overview_has_a_row_for_each_column_of_any_kind():
    table = PEOPLE.assign(empty=np.nan, same=1, mixed=[1, "a"] * (ROWS // 2))
    assert overview(table)["kind"].to_dict() == {
        "name": "category",
        "amount": "number",
        "joined": "time",
        "member": "yes/no",
        "empty": "empty",
        "same": "constant",
        "mixed": "yes/no",
    }
