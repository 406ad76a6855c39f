"""JSON that is a table is read as one; what is none is refused in one line."""

import json

import pytest

from course_lib.data.own_table import read_table
from course_lib.errors import CourseError

EVENTS = [{"id": 0, "kind": "open", "ms": 1.5}, {"id": 1, "kind": "close"}]


@pytest.fixture
def read(tmp_path):
    def read(text, name="events.json", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return read_table(str(path), max_cells=10)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, EVENTS)),
        "\n\n".join(map(json.dumps, EVENTS)) + "\n",
        json.dumps(EVENTS),
        json.dumps(EVENTS, indent=2),
        json.dumps({"page": 1, "events": EVENTS}),
    ],
    ids=["lines", "empty lines", "array", "indented array", "array in an object"],
)
def test_objects_are_rows(read, text, encoding):
    data = read(text, "events.txt", encoding).data
    assert list(data.columns) == ["id", "kind", "ms"]
    assert data["id"].tolist() == [0, 1]
    assert data["ms"].isna().tolist() == [False, True]


def test_objects_in_a_field_become_columns_and_lists_text_and_both_are_told(read):
    found = read('{"id": 1, "user": {"name": "Ann"}, "tags": ["a", "b"]}\n{"id": 2}\n')
    assert found.data["user.name"].tolist()[0] == "Ann"
    assert found.data["tags"].tolist()[0] == "['a', 'b']"
    assert any("columns of their own: user.name" in note for note in found.notes)
    assert any("lists are kept as text in tags" in note for note in found.notes)


def test_long_keys_lose_no_digit_where_one_is_missing(read):
    assert read('[{"k": 1234567890123456789}, {"k": null}]').data["k"].tolist()[0] == "1234567890123456789"


def test_only_so_many_cells_are_read(read):
    found = read("\n".join(json.dumps({"a": n, "b": n}) for n in range(20)))
    assert len(found.data) == 5
    assert any("first rows are no sample" in note for note in found.notes)


REFUSED = {
    "broken line": ('{"id": 0}\n{"id": 1\n{"id": 2}', "Line 2 of"),
    "broken first line": ('{"id": 0\n{"id": 1}', "Line 1 of"),
    "broken array": ('[{"id": 0},\n {"id": 1]', "in line 2"),
    "cut array": ('[{"id": 0}, {"id"', "broken JSON"),
    "one object": ('{"id": 0}', "is one JSON object"),
    "two arrays": ('{"a": [{"x": 1}], "b": [{"x": 1}]}', "2 arrays of objects"),
    "numbers": ("[1, 2]", "Entry 1 of the JSON is no object"),
    "no rows": ("[]", "no column"),
    "too deep": ('[{"a": ' * 100_000, "too deeply"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_in_one_line(read, case):
    text, reason = REFUSED[case]
    with pytest.raises(CourseError, match=reason) as refusal:
        read(text)
    assert "\n" not in str(refusal.value)
