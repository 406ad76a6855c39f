"""A table small enough to learn from: read whole, or drawn by DuckDB from a file that is too large for memory."""

import hashlib
import tempfile
from pathlib import Path

from course_lib.data import catalogue, own_table
from course_lib.data.packed_text import start_of

MOST_CELLS = 8_000_000  # rows times columns: some 1.5 GB with the copies that learning makes
_DUCKDB_MEMORY = "1GB"


def read(table: str, most_cells: int = MOST_CELLS, seed: int = 0) -> own_table.Table:
    """Read a table, or a sample of its rows if it holds more cells than fit.

    Parameters
    ----------
    table : str
        A name of the catalogue, or a file as `course_lib.data.own_table.read_table` takes it.
    most_cells : int
        Rows times columns.
    seed : int
        For the rows that are drawn.

    Returns
    -------
    own_table.Table
        Its notes say what was drawn.
    """
    path = Path(table).expanduser()
    if table not in catalogue.names() and path.exists():
        found = _sampled(path, most_cells, seed)
        if found is not None:
            return found
    read_whole = own_table.read_table(table, most_cells)
    most_rows = max(1, most_cells // read_whole.data.shape[1])
    if len(read_whole.data) > most_rows:  # a table of the catalogue, which is always read whole
        rows = len(read_whole.data)
        read_whole.data = read_whole.data.sample(most_rows, random_state=seed).sort_index(ignore_index=True)
        read_whole.notes.append(f"{most_rows:,} of {rows:,} rows are used, drawn at random (seed {seed})")
    return read_whole


def digest(table: str) -> str:
    """SHA-256 of the bytes of a table's file, or of all files of its folder in order."""
    path = catalogue.fetch(table) if table in catalogue.names() else Path(table).expanduser()
    found = hashlib.sha256()
    for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while part := opened.read(1 << 20):
                found.update(part)
    return found.hexdigest()


def _sampled(path: Path, most_cells: int, seed: int) -> own_table.Table | None:
    """Draw rows by DuckDB, which reads the file piece by piece; None if the file is small, or in no form it knows."""
    import duckdb

    source = _source(path, most_cells)
    if source is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        engine = duckdb.connect(config={"memory_limit": _DUCKDB_MEMORY, "temp_directory": folder, "threads": 1})
        try:
            columns = len(engine.sql(f"DESCRIBE SELECT * FROM {source}").fetchall())
            [(rows,)] = engine.sql(f"SELECT count(*) FROM {source}").fetchall()
            wanted = max(1, most_cells // columns)
            if rows <= wanted:
                return None
            drawn = Path(folder) / "drawn.parquet"
            # Piece by piece and in the order of the file: the same seed draws the same rows.
            engine.sql(
                f"COPY (SELECT * FROM {source} USING SAMPLE reservoir({wanted} ROWS) REPEATABLE ({seed})) "
                f"TO {_quoted(drawn)} (FORMAT parquet)"
            )
        except duckdb.Error:  # a form that DuckDB does not know: then the first rows are read, and a note says so
            return None
        finally:
            engine.close()
        found = own_table.read_table(str(drawn), 2 * most_cells)
    found.name = path.name
    found.notes = [
        f"the file holds {rows:,} rows, too many for this analysis: {wanted:,} of them are used, drawn at random by "
        f"DuckDB (reservoir, seed {seed}). What is rare in the file may be missing here",
        *found.notes[1:],
    ]
    return found


def _source(path: Path, most_cells: int) -> str | None:
    """Say how DuckDB reads a file that may hold more cells than fit; None for the others."""
    if path.is_dir():
        return f"read_parquet({_quoted(path / '**' / '*.parquet')})" if any(path.rglob("*.parquet")) else None
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return f"read_parquet({_quoted(path)})"
    # A cell and its separator take two bytes at least, packed perhaps a tenth of that.
    packed = path.suffix in (".gz", ".zst")
    if path.stat().st_size * (10 if packed else 1) < 2 * most_cells:
        return None
    if path.suffix in (".zip", ".bz2", ".xz") or ".json" in path.suffixes or ".jsonl" in path.suffixes:
        return None  # its first rows are read, and a note says so
    if not packed:
        start = start_of(path)[:4]
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return None
    return f"read_csv({_quoted(path)}, sample_size=100000, null_padding=true)"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
