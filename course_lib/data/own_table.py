"""Read a table that a person brings, whatever wrote it, and say what was done to read it.

A CSV from a spreadsheet in another country differs from the one in a textbook in its encoding, its separator, its
decimal sign and its idea of a date. ``read_table`` settles these from the bytes, and lists each choice in ``notes``.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from course_lib.data.column_kinds import choose_column, choose_target, overview
from course_lib.data.column_types import COUNTER_LEFT_OUT, counts_the_rows, dates_in, plain, unique_names
from course_lib.data.json_files import JSON_ENDINGS, looks_like_json, read_json
from course_lib.data.packed_text import encoding_of, start_of
from course_lib.data.text_files import read_text
from course_lib.data.wording import named, nearest
from course_lib.errors import CourseError

__all__ = ["Table", "choose_column", "choose_target", "overview", "read_table"]  # a lesson says `own_table.overview`
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".psv", *JSON_ENDINGS)
PARQUET_ENDINGS = (".parquet", ".pq")
_NO_TEXT = ("PK\x03\x04", "%PDF", "\x89PNG", "\xd0\xcf\x11\xe0")


@dataclass
class Table:
    """A table as read: its rows, a short name for titles and files, and what was done to read it."""

    data: pd.DataFrame
    name: str
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.name}: {len(self.data):,} rows, {self.data.shape[1]:,} columns; {'; '.join(self.notes)}"

    def _repr_markdown_(self) -> str:
        # Names and lines of the file as they stand: two dollars would make a formula, "<" an element.
        notes = [re.sub(r"([$<*`])", r"\\\1", note) for note in self.notes]
        items = "".join(f"\n- {note}" for note in notes)
        return f"# {self.name}\n\n{len(self.data):,} rows, {self.data.shape[1]:,} columns\n{items}"


def read_table(table: str, max_cells: int = 20_000_000) -> Table:
    """Read a catalogue table or a person's own file of text, JSON or Parquet.

    Parameters
    ----------
    table : str
        A name of the catalogue, or the path of a CSV (also .tsv, .txt), of JSON Lines or a JSON array of objects (each
        also compressed: .gz, .zip, .bz2, .xz), of a Parquet file, or of a folder of Parquet files.
    max_cells : int
        Rows times columns that are read; of a larger file only the first rows, and a note says so.

    Returns
    -------
    Table
        The rows with dates and amounts in text turned to times and numbers, and one note a choice.

    Raises
    ------
    CourseError
        No such table or file (with the nearest), not a table, no row, no column.
    """
    from course_lib.data import catalogue

    names = catalogue.names()
    if table in names:
        return _tidy((catalogue.load(table), [f"'{table}' of the course's catalogue"]), table)
    if not str(table).strip():
        raise CourseError("No table is named: give the path of a CSV, JSON or Parquet file, or a catalogue name.")
    path = Path(table).expanduser()
    if not path.exists():
        raise CourseError(_not_there(table, path, names))
    try:
        found = _read_parquet(path, max_cells) if _is_parquet(path) else _read_text(path, max_cells)
    except PermissionError as error:
        raise CourseError(f"'{table}' may not be read by you: change its permissions.") from error
    return _tidy(found, table)


def _not_there(table: str, path: Path, names: list[str]) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder '{folder}' (looked from {Path.cwd()}), so no table '{table}': check the path."
    files = sorted(each.name for each in folder.iterdir() if _looks_like_table(each))
    stems = {each.partition(".")[0]: each for each in [*files, *(names if folder == Path() else [])]}
    near = [stems[stem] for stem in nearest(path.name.partition(".")[0], stems)]
    allowed = f"a catalogue name ({', '.join(names)}) or the path of a CSV, JSON or Parquet file"
    if near:
        return f"There is no table '{table}': the nearest is '{near[0] if near[0] in names else folder / near[0]}'."
    return f"There is no table '{table}' (looked from {Path.cwd()}): give {allowed}."


def _looks_like_table(path: Path) -> bool:
    return any(ending in TEXT_ENDINGS + PARQUET_ENDINGS for ending in path.suffixes)


def _is_parquet(path: Path) -> bool:
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return True
        tables = [each.name for each in sorted(path.iterdir()) if _looks_like_table(each)]
        inside = f"one of its files, such as '{tables[0]}'" if tables else "a file, or a folder of Parquet files"
        raise CourseError(f"'{path}' is a folder without Parquet files: give {inside}.")
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read_parquet(path: Path, max_cells: int) -> tuple[pd.DataFrame, list[str]]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        source = ds.dataset(path, format="parquet", partitioning="hive" if path.is_dir() else None)
        rows, max_rows = source.count_rows(), max(1, max_cells // max(1, len(source.schema)))
        data = source.head(max_rows).to_pandas() if rows > max_rows else source.to_table().to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise CourseError(f"'{path}' begins like Parquet but cannot be read: is the copy complete?") from error
    if not isinstance(data.index, pd.RangeIndex):
        data = data.reset_index()
    notes = [f"Parquet, {rows:,} rows"]
    if rows > max_rows:
        notes.append(f"only the first {max_rows:,} of {rows:,} rows are read (max_cells); the first rows are no sample")
    return data, notes


def _read_text(path: Path, max_cells: int) -> tuple[pd.DataFrame, list[str]]:
    start = start_of(path)
    encoding = encoding_of(path, start)
    text = start.decode(encoding, errors="ignore").lstrip("\ufeff")
    if not text.strip():
        raise CourseError(f"'{path}' is empty: give a file with a line of column names and rows below it.")
    if "\x00" in text or text.startswith(_NO_TEXT):
        raise CourseError(f"'{path}' is not a table of text: save it as CSV or Parquet (a workbook too).")
    if text.lstrip()[:9].lower().startswith(("<!doctype", "<html", "<table", "<?xml")):
        raise CourseError(f"'{path}' is a web page or XML, not a table of text: save it as CSV or Parquet.")
    if looks_like_json(path, text):
        return read_json(path, encoding, max_cells)
    return read_text(path, start, encoding, max_cells)


def _tidy(found: tuple[pd.DataFrame, list[str]], table: str) -> Table:
    data, notes = found
    if data.shape[1] == 0:
        raise CourseError(f"'{table}' has no column: give a table with named columns.")
    if data.empty:
        raise CourseError(f"'{table}' names {data.shape[1]} columns but holds no row: there is nothing to explore.")
    data = data.copy(deep=False)
    data.columns, repeated = unique_names(data.columns)
    if repeated:
        notes.append(f"column names that come twice are numbered: {named(repeated)}")
    if sum(re.fullmatch(r"-?\d+([.,]\d+)*", name) is not None for name in data.columns) > data.shape[1] / 2:
        notes.append("most column names are numbers: has the file a first line with names?")
    data = data.reset_index(drop=True)
    binary = [name for name in data.columns if isinstance(data[name].dropna().head(1).squeeze(), bytes)]
    if binary and len(binary) < data.shape[1]:
        data = data.drop(columns=binary)
        notes.append(f"left out, as it holds pictures or other bytes: {named(binary)}")
    if data.columns[0].startswith("Unnamed") and counts_the_rows(data.iloc[:, 0]) and data.shape[1] > 1:
        data = data.iloc[:, 1:].copy(deep=False)
        notes.append(COUNTER_LEFT_OUT)
    dates = []
    for column in data.columns:
        data[column] = plain(data[column])
        if data[column].dtype == object and (parsed := dates_in(data[column])) is not None:
            lost = int((parsed.isna() & data[column].notna()).sum())
            dates.append(f"{column} ({lost:,} that are no days before 2262 became missing)" if lost else column)
            data[column] = parsed
    if dates:
        notes.append(f"text read as time in {named(dates)}")
    return Table(data, Path(table).name, notes)
