"""Read a table that a person brings, whatever wrote it, and say what was done to read it.

A CSV from a spreadsheet in another country differs from the one in a textbook in its encoding, its separator, its
decimal sign and its idea of a date. ``read_table`` settles these from the bytes, and lists each choice in ``notes``.
"""

import codecs
import csv
import difflib
import io
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.errors import CourseError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".psv")
PARQUET_ENDINGS = (".parquet", ".pq")
# What people write where there is no value, beyond what pandas knows ("NA", "n/a", "null", ...); in lower case.
LIKE_MISSING = {"?", "-", "--", ".", "*", "\\n", "n.a.", "n.a", "unknown", "missing", "not available", "tbd", "xxx"}
LIKE_MISSING |= {"k.a.", "k. a.", "n.v.", "unbekannt", "keine angabe"}

_MARKS = (  # the longer mark first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECIMAL_COMMA = re.compile(r"\s*[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s*")
_DATE = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|UTC|[-+]\d{2}:?\d{2})?\s*")
_DAY_AND_MONTH = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})[./-]\d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?\s*")
_MANY = 2_000  # values that are looked at to guess what a column of text holds


@dataclass
class Table:
    """A table as read: its rows, a short name for titles and files, and what was done to read it."""

    data: pd.DataFrame
    name: str
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.name}: {len(self.data):,} rows, {self.data.shape[1]:,} columns; {'; '.join(self.notes)}"

    def _repr_markdown_(self) -> str:
        items = "".join(f"\n- {note}" for note in self.notes)
        return f"# {self.name}\n\n{len(self.data):,} rows, {self.data.shape[1]:,} columns\n{items}"


def read_table(table: str, max_cells: int = 20_000_000) -> Table:
    """Read a catalogue table or a person's own CSV or Parquet file.

    Parameters
    ----------
    table : str
        A name of the catalogue, or the path of a CSV (also .tsv, .txt, and compressed .gz, .zip, .bz2, .xz), of a
        Parquet file, or of a folder of Parquet files.
    max_cells : int
        Rows times columns that are read; of a larger file only the first rows, and a note says so.

    Returns
    -------
    Table
        The rows with text dates parsed and decimal commas turned to numbers, and one note a choice.

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
        raise CourseError("No table is named: give the path of a CSV or Parquet file, or a catalogue name.")
    path = Path(table).expanduser()
    if not path.exists():
        raise CourseError(_not_there(table, path, names))
    try:
        found = _read_parquet(path, max_cells) if _is_parquet(path) else _read_text(path, max_cells)
    except PermissionError as error:
        raise CourseError(f"'{table}' may not be read by you: change its permissions.") from error
    return _tidy(found, table)


def choose_target(data: pd.DataFrame, target: str) -> str | None:
    """Check that the target is a column worth studying; an empty name means that there is none.

    Returns
    -------
    str or None
        The column's name as the table spells it.

    Raises
    ------
    CourseError
        The column is not there (with the nearest), has no value, or only one.
    """
    if not target:
        return None
    if target not in data.columns:
        same = [column for column in data.columns if column.strip().lower() == target.strip().lower()]
        near = same or nearest(target, data.columns)
        hint = f"the nearest is '{near[0]}'" if near else f"there are {', '.join(map(repr, data.columns[:8]))}"
        raise CourseError(f"target='{target}' is not a column of this table: {hint}. Empty means no target.")
    distinct = data[target].dropna().nunique()
    if distinct < 2:
        what = (
            "has no value at all" if distinct == 0 else f"has the one value '{_short(data[target].dropna().iloc[0])}'"
        )
        raise CourseError(f"target='{target}' {what}, so nothing can explain it: choose a column that varies.")
    return target


def kind_of(values: pd.Series) -> str:
    """Say what a column holds: empty, constant, yes/no, time, number, category or text.

    Text with many distinct values (more than 50 and more than a twentieth of the known ones) is ``text``: names,
    keys and remarks, which a bar chart cannot show.
    """
    known = values.dropna()
    if known.empty:
        return "empty"
    distinct = known.nunique()
    if distinct == 1:
        return "constant"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "time"
    if distinct == 2:
        return "yes/no"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    return "text" if distinct > max(50, len(known) / 20) else "category"


def overview(data: pd.DataFrame) -> pd.DataFrame:
    """One row a column: what it holds, how much of it is missing, its range or its most frequent value.

    Returns
    -------
    DataFrame
        Index: the columns of ``data``; columns ``kind``, ``missing`` (share), ``distinct``, ``lowest``, ``middle``
        (median), ``highest``, ``most frequent`` and ``its share`` (of the known values).
    """
    return pd.DataFrame({column: _describe(data[column]) for column in data.columns}).T.rename_axis("column")


def nearest(name: str, known, count: int = 1) -> list[str]:
    """Known names that look like ``name``, the nearest first."""
    lower = {str(each).lower(): str(each) for each in known}
    return [lower[match] for match in difflib.get_close_matches(str(name).lower(), lower, n=count, cutoff=0.6)]


def _describe(values: pd.Series) -> dict:
    kind, known = kind_of(values), values.dropna()
    row = {"kind": kind, "missing": round(values.isna().mean(), 4), "distinct": known.nunique()}
    if kind in ("number", "time") or (kind == "yes/no" and pd.api.types.is_numeric_dtype(known)):
        ordered = known.astype(int) if known.dtype == bool else known
        row |= {"lowest": ordered.min(), "middle": ordered.median(), "highest": ordered.max()}
    if len(known):
        counts = known.value_counts()
        row |= {"most frequent": counts.index[0], "its share": round(counts.iloc[0] / len(known), 4)}
    empty = {"lowest": "", "middle": "", "highest": "", "most frequent": "", "its share": ""}
    return {**row, **{key: row.get(key, value) for key, value in empty.items()}}


def _not_there(table: str, path: Path, names: list[str]) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder '{folder}' (looked from {Path.cwd()}), so no table '{table}': check the path."
    files = sorted(each.name for each in folder.iterdir() if _looks_like_table(each))
    stems = {each.partition(".")[0]: each for each in [*files, *(names if folder == Path() else [])]}
    near = [stems[stem] for stem in nearest(path.name.partition(".")[0], stems)]
    allowed = f"a catalogue name ({', '.join(names)}) or the path of a CSV or Parquet file"
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
    start = _start_of(path)
    encoding = _encoding(path, start)
    text = start.decode(encoding, errors="ignore")
    if not text.strip():
        raise CourseError(f"'{path}' is empty: give a file with a line of column names and rows below it.")
    if "\x00" in text or text.startswith(("PK\x03\x04", "%PDF", "\x89PNG")):
        raise CourseError(f"'{path}' is not a table of text: save it as CSV or Parquet (a workbook too).")
    remarks, text = _remarks(text)
    separator = _separator(text)
    notes = [f"text, encoding {encoding}, separated by {SEPARATORS.get(separator, 'nothing: one column')}"]
    first, *others = _first_lines(text, separator)
    max_rows = max(1, max_cells // max(1, len(first)))
    options = {"sep": separator or ",", "encoding": encoding, "low_memory": False, "nrows": max_rows + 1}
    if remarks:
        options["skiprows"] = remarks
        notes.append(f"remarks above the names are skipped: {remarks} {'line' if remarks == 1 else 'lines'} with #")
    if codes := _codes(first, others):
        options["dtype"] = dict.fromkeys(codes, str)
        notes.append(f"kept as text for their leading zeros: {_named(codes)}")
    if repeated := [name for name, times in Counter(first).items() if times > 1 and name.strip()]:
        notes.append(f"column names that come twice are numbered: {_named(repeated)}")
    usual = Counter(map(len, others)).most_common(1)[0][0] if others else len(first)
    try:
        if usual == len(first) and max(map(len, others), default=0) > usual:  # else pandas makes an index of them
            raise pd.errors.ParserError("lines with more fields than names")
        data = pd.read_csv(path, on_bad_lines="error", **options)
    except pd.errors.EmptyDataError as error:
        raise CourseError(f"'{path}' has no column: its first line should name the columns.") from error
    except pd.errors.ParserError as error:
        data, dropped = _read_ragged(path, options, error)
        notes.append(f"{dropped:,} lines with more fields than the first line are left out")
    except (UnicodeError, ValueError, OSError, EOFError) as error:
        raise CourseError(f"'{path}' cannot be read as a table ({str(error).splitlines()[0][:120]}).") from error
    if len(data) > max_rows:
        data = data.head(max_rows)
        notes.append(f"only the first {max_rows:,} rows are read (max_cells); the first rows are no sample")
    data, changes = _numbers(data, decimal_comma=separator != ",")
    return data, notes + changes


def _read_ragged(path: Path, options: dict, error: Exception) -> tuple[pd.DataFrame, int]:
    """Read without the lines that have more fields than the first one, and count them."""
    fitting, kept, dropped = io.StringIO(), 0, 0
    try:
        with _opened(path) as file:
            lines = csv.reader(
                io.TextIOWrapper(file, encoding=options["encoding"], newline=""), delimiter=options["sep"]
            )
            width, writer = 0, csv.writer(fitting)
            for fields in itertools.islice(lines, options.get("skiprows", 0), None):
                width = width or len(fields)
                fits = len(fields) <= width
                dropped += not fits
                if fits and fields:
                    writer.writerow(fields)
                    kept += 1
                if kept > options["nrows"]:
                    break
    except (csv.Error, UnicodeError) as again:
        raise CourseError(f"'{path}' cannot be read as a table ({str(error).splitlines()[0][:120]}).") from again
    if dropped >= kept:
        raise CourseError(f"'{path}' is not a table: {dropped:,} of its lines do not fit the first line.")
    fitting.seek(0)
    rest = {key: value for key, value in options.items() if key not in ("sep", "encoding", "skiprows")}
    return pd.read_csv(fitting, index_col=False, **rest), dropped


def _opened(path: Path):
    import bz2
    import gzip
    import lzma
    import zipfile

    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        files = [name for name in archive.namelist() if not name.endswith("/")]
        if len(files) != 1:
            raise CourseError(f"'{path}' holds {len(files)} files: unzip it and give one of them.")
        return archive.open(files[0])
    return {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix, open)(path, "rb")


def _start_of(path: Path, size: int = 1 << 18) -> bytes:
    import zipfile
    import zlib
    from lzma import LZMAError

    try:
        with _opened(path) as file:
            start = file.read(size)
    except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError) as error:
        raise CourseError(f"'{path}' cannot be unpacked: is the copy complete?") from error
    except OSError as error:
        raise CourseError(f"'{path}' cannot be read ({error.strerror or error}).") from error
    return start if len(start) < size else start[: size - size % 4]


def _encoding(path: Path, start: bytes) -> str:
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if start and start.count(0) > len(start) / 5:  # text of Western letters in two bytes each, without a mark
        return "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _opened(path) as file:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        undefined = any(byte in start for byte in b"\x81\x8d\x8f\x90\x9d")  # bytes that Windows' code page lacks
        return "latin-1" if undefined else "cp1252"
    return "utf-8"


def _remarks(text: str) -> tuple[int, str]:
    """Count the lines with # above the names, and give the text from the names on."""
    lines = text.splitlines(keepends=True)
    count = next((place for place, line in enumerate(lines) if not line.startswith("#")), 0)
    if count:
        separator = _separator("".join(lines[count:]))
        if separator and lines[count - 1].count(separator) == lines[count].count(separator):  # the names: "#id,name"
            count -= 1
    return count, "".join(lines[count:])


def _first_lines(text: str, separator: str | None, most: int = 500) -> list[list[str]]:
    """Cut the first lines into fields; the last one of the piece that was read may be half a line."""
    lines = text.splitlines()
    lines = lines[:-1] if len(text) > 1 << 17 and len(lines) > 2 else lines
    try:
        return [fields for fields in csv.reader(lines[:most], delimiter=separator or ",") if fields]
    except csv.Error:
        return [[]]


def _codes(names: list[str], rows: list[list[str]]) -> list[str]:
    """Columns of digits with leading zeros: postal codes and keys, which lose them when read as numbers."""
    columns = dict.fromkeys(names)
    for place, name in enumerate(names):
        values = [fields[place].strip() for fields in rows if len(fields) > place and fields[place].strip()]
        columns[name] = all(value.isdigit() for value in values) and any(re.fullmatch(r"0\d+", v) for v in values)
    return [name for name, is_code in columns.items() if is_code]


def _separator(text: str) -> str | None:
    """Find what cuts the first lines into equally many fields, more than one; None if nothing does."""
    lines = text.splitlines()
    lines = (lines[:-1] if len(text) > 1 << 17 and len(lines) > 2 else lines)[:200]
    best, best_score = None, 0.0
    for separator in SEPARATORS:
        try:
            widths = [len(fields) for fields in csv.reader(lines, delimiter=separator) if fields]
        except csv.Error:
            continue
        width, times = Counter(widths).most_common(1)[0] if widths else (0, 0)
        named = len(next(csv.reader(lines[:1], delimiter=separator), []))
        # A separator inside a value (a decimal comma) does not split the line of names the same way.
        score = times / max(len(widths), 1) + (0.5 if named in (width, width - 1) else 0) + min(named, 100) / 1000
        if width > 1 and named > 1 and score > best_score:
            best, best_score = separator, score
    return best


def _numbers(data: pd.DataFrame, decimal_comma: bool) -> tuple[pd.DataFrame, list[str]]:
    """Turn text that holds numbers into numbers: with a decimal comma, a per cent sign, or holes that are words."""
    commas, percents, holes = [], [], []
    for column in data.select_dtypes(object).columns:
        known = data[column].dropna()
        if known.empty or not known.map(lambda value: isinstance(value, str)).all():
            continue
        if known.str.fullmatch(r"\s*0\d+\s*").any():  # a key: a number would lose its zeros
            continue
        text = data[column].str.strip()
        stands_for_missing = text.str.casefold().isin(LIKE_MISSING)
        text = text.mask(stands_for_missing)
        plain = text.str.removesuffix("%").str.rstrip()
        with_comma = decimal_comma and plain.str.contains(",", na=False).any()
        with_comma = with_comma and plain.dropna().head(_MANY).map(_DECIMAL_COMMA.fullmatch).notna().mean() > 0.95
        if with_comma:
            plain = plain.str.replace(".", "").str.replace(",", ".")
        numbers = pd.to_numeric(plain, errors="coerce")
        lost = int((text.notna() & numbers.isna()).sum())
        has_percent = text.str.endswith("%", na=False).any()
        changed = with_comma or has_percent or stands_for_missing.any()
        if not changed or numbers.isna().all() or lost > (0.05 * len(known) if with_comma else 0):
            continue
        data[column] = numbers
        if with_comma:
            commas.append(f"{column} ({lost:,} values that are no numbers became missing)" if lost else str(column))
        if has_percent:
            percents.append(str(column))
        if stands_for_missing.any():
            holes.append(f"{int(stands_for_missing.sum()):,} in {column}")
    notes = [f"decimal comma read as a number in {_named(commas)}"] if commas else []
    notes += [f"per cent sign taken off in {_named(percents)}"] if percents else []
    notes += [f"words that stand for a missing value read as missing: {_named(holes)}"] if holes else []
    return data, notes


def _tidy(found: tuple[pd.DataFrame, list[str]], table: str) -> Table:
    data, notes = found
    if data.shape[1] == 0:
        raise CourseError(f"'{table}' has no column: give a table with named columns.")
    if data.empty:
        raise CourseError(f"'{table}' names {data.shape[1]} columns but holds no row: there is nothing to explore.")
    data = data.copy(deep=False)
    data.columns = _names(data.columns, notes)
    data = data.reset_index(drop=True)
    binary = [name for name in data.columns if isinstance(data[name].dropna().head(1).squeeze(), bytes)]
    if binary and len(binary) < data.shape[1]:
        data = data.drop(columns=binary)
        notes.append(f"left out, as it holds pictures or other bytes: {_named(binary)}")
    first = data.columns[0]
    if first.startswith("Unnamed") and pd.api.types.is_integer_dtype(data[first]):
        steps = data[first].diff().dropna()
        if (steps == 1).all() and data.shape[1] > 1:
            data = data.drop(columns=first)
            notes.append("a first column without a name that only counts the rows is left out")
    dates = []
    for column in data.columns:
        data[column] = _plain(data[column])
        if data[column].dtype == object and (parsed := _dates(data[column])) is not None:
            data[column] = parsed
            dates.append(column)
    if dates:
        notes.append(f"text read as time in {_named(dates)}")
    return Table(data, Path(table).name, notes)


def _names(columns: pd.Index, notes: list[str]) -> list[str]:
    plain = [" ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name).strip() for name in columns]
    plain = [name or f"column {position}" for position, name in enumerate(plain, start=1)]
    seen: Counter = Counter()
    unique = []
    for name in plain:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    if repeated := [name for name, times in seen.items() if times > 1]:
        notes.append(f"column names that come twice are numbered: {_named(repeated)}")
    numbers = sum(re.fullmatch(r"-?\d+([.,]\d+)*", name) is not None for name in unique)
    if numbers > len(unique) / 2:
        notes.append("most column names are numbers: has the file a first line with names?")
    return unique


def _plain(values: pd.Series) -> pd.Series:
    """NumPy's own types in place of nullable, decimal, period and nested ones, so that every later step fits."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _plain(values.astype(dtype.categories.dtype if not values.isna().any() else object))
    if isinstance(dtype, pd.PeriodDtype):
        return values.dt.to_timestamp()
    if pd.api.types.is_timedelta64_dtype(dtype):
        return values.dt.total_seconds()
    if pd.api.types.is_complex_dtype(dtype):
        return values.astype(str)
    if pd.api.types.is_bool_dtype(dtype):
        return values.astype(object).where(values.notna(), np.nan) if values.isna().any() else values.astype(bool)
    if pd.api.types.is_extension_array_dtype(dtype) and not isinstance(dtype, pd.DatetimeTZDtype):
        if pd.api.types.is_numeric_dtype(dtype):
            return values.astype("float64") if values.isna().any() else values.astype(dtype.numpy_dtype)
        values = values.astype(object).where(values.notna(), np.nan)
    if values.dtype != object:
        return values
    return _plain_objects(values)


def _plain_objects(values: pd.Series) -> pd.Series:
    import datetime
    import decimal

    known = values.dropna()
    if known.empty:
        return values.astype("float64")
    kinds = set(known.head(_MANY).map(type))
    if kinds <= {decimal.Decimal}:
        return values.astype("float64")
    if kinds <= {datetime.date, datetime.datetime}:
        return pd.to_datetime(values, errors="coerce", utc=any(getattr(v, "tzinfo", None) for v in known.head(_MANY)))
    if any(kind in kinds for kind in (list, dict, set, tuple, np.ndarray, bytes)):  # cannot be compared or counted
        return values.map(str, na_action="ignore")
    return values


def _dates(values: pd.Series) -> pd.Series | None:
    known = values.dropna()
    sample = known.head(_MANY)
    if known.empty or not sample.map(lambda value: isinstance(value, str)).all():
        return None
    if sample.map(_DATE.fullmatch).notna().all():
        zoned = sample.str.contains(r"(?:Z|UTC|[-+]\d{2}:?\d{2})\s*$").any() and sample.str.contains(":").any()
        parsed = pd.to_datetime(values.str.strip(), errors="coerce", utc=bool(zoned), format="ISO8601")
    elif sample.map(_DAY_AND_MONTH.fullmatch).notna().all():
        parts = sample.str.extract(_DAY_AND_MONTH).astype({0: int, 2: int})
        day_first = parts[1].iloc[0] == "." or parts[0].max() > 12
        if not day_first and parts[2].max() <= 12:  # 03/04 may be either: guessing would be silent nonsense
            return None
        parsed = pd.to_datetime(values.str.strip(), errors="coerce", dayfirst=bool(day_first), format="mixed")
    else:
        return None
    return parsed if parsed.notna().sum() > 0.95 * len(known) else None


def _short(value) -> str:
    return " ".join(str(value).split())[:40]


def _named(columns: list[str], most: int = 5) -> str:
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(columns[:most]) + more
