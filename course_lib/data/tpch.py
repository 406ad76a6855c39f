"""TPC-H: eight tables of a trade in parts, made at any size, and the 22 questions that the benchmark asks of them.

The tables come from ``tpchgen-cli``, which makes what the TPC's own generator makes; the questions stand in
``notebooks/tpch/``. Both follow the specification, https://www.tpc.org/tpch/. What is measured with them is no TPC
result.
"""

from __future__ import annotations

import datetime
import glob
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from course_lib.data import same_answer
from course_lib.engines import paths
from course_lib.errors import CourseError
from course_lib.machine import describe_machine
from course_lib.places import NOTEBOOKS, cache_folder, writing_to

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyspark.sql

QUERIES = range(1, 23)
FILES = 4  # of a table, so that several tasks read it; nation and region have one
BYTES_AT_SCALE_1 = 350e6  # as Parquet
ROWS_AT_SCALE_1 = {  # specification, clause 4.2.5; the first two tables do not grow
    "region": 5,
    "nation": 25,
    "supplier": 10_000,
    "customer": 150_000,
    "part": 200_000,
    "partsupp": 800_000,
    "orders": 1_500_000,
    "lineitem": 6_001_215,
}

# What a question computes, and by how much it may differ; what is not here must be as published.
_RULES: dict[int, dict[str, Callable[[object, object], bool]]] = {
    1: dict.fromkeys(["sum_base_price", "sum_disc_price", "sum_charge"], same_answer.near_sum)
    | dict.fromkeys(["avg_qty", "avg_price", "avg_disc"], same_answer.near_mean),
    3: {"revenue": same_answer.near_sum},
    5: {"revenue": same_answer.near_sum},
    6: {"revenue": same_answer.near_sum},
    7: {"revenue": same_answer.near_sum},
    8: {"mkt_share": same_answer.near_ratio_of_sums},
    9: {"sum_profit": same_answer.near_sum},
    10: {"revenue": same_answer.near_sum},
    11: {"value": same_answer.near_sum},
    14: {"promo_revenue": same_answer.near_ratio_of_sums},
    15: {"total_revenue": same_answer.near_sum},
    17: {"avg_yearly": same_answer.near_ratio_of_sums},
    19: {"revenue": same_answer.near_sum},
    22: {"totacctbal": same_answer.near_sum},
}


def tables(scale: float = 0.1) -> dict[str, Path]:
    """Make the eight tables of TPC-H where they are not in the cache, and say where they lie.

    They are made without a network, the same values each time and everywhere. Whatever goes wrong, the cache holds
    either all of them or none; several processes may ask at once.

    Parameters
    ----------
    scale : float
        The scale factor: 1 is 8.7 million rows (350 MB as Parquet), 0.1 a tenth; from 0.01. Keys are whole numbers,
        amounts decimal(15, 2), days dates.

    Returns
    -------
    dict of str to pathlib.Path
        For each table the folder of its Parquet files.

    Raises
    ------
    CourseError
        If the scale factor is below 0.01, the disk too full, or the generator missing; or if the cache holds something
        else than the specification says.
    """
    if not 0.01 <= scale < float("inf"):
        raise CourseError(f"`scale` is {scale}; TPC-H is made here at scale factors from 0.01 on, such as 0.1 or 1.")
    folder = cache_folder() / "tpch" / f"scale-{scale:g}"
    if not folder.is_dir():
        _make(scale, folder)
    if problem := _problem(scale, folder):
        raise CourseError(f"{folder} is damaged ({problem}): delete it and run this again.")
    return {table: folder / table for table in ROWS_AT_SCALE_1}


def register(engine: pyspark.sql.SparkSession | duckdb.DuckDBPyConnection, folders: dict[str, Path]) -> None:
    """Let an engine know the tables by their names, as views of their files.

    Parameters
    ----------
    engine : pyspark.sql.SparkSession or duckdb.DuckDBPyConnection
        Spark, classic or Connect, or DuckDB.
    folders : dict of str to pathlib.Path
        What `tables` gives.
    """
    for table, folder in folders.items():
        if _is_duckdb(engine):
            engine.read_parquet(f"{glob.escape(folder.as_posix())}/*.parquet").create_view(table)
        else:
            engine.read.parquet(paths.to_read(folder)).createOrReplaceTempView(table)


def query(number: int) -> str:
    """Give the SQL of a question, with the parameters that the specification validates it with.

    Parameters
    ----------
    number : int
        1 to 22.

    Returns
    -------
    str
        A SELECT that Spark and DuckDB both understand; its first line, a comment, says what is asked.
    """
    if number not in QUERIES:
        raise CourseError(f"There is no question {number!r}: TPC-H has 22, numbered from 1.")
    return (NOTEBOOKS / "tpch" / f"q{number:02}.sql").read_text(encoding="utf-8")


def ask(engine: pyspark.sql.SparkSession | duckdb.DuckDBPyConnection, number: int) -> pd.DataFrame:
    """Have an engine answer a question.

    Parameters
    ----------
    engine : pyspark.sql.SparkSession or duckdb.DuckDBPyConnection
        One that knows the tables (`register`).
    number : int
        1 to 22.

    Returns
    -------
    pandas.DataFrame
        The answer's rows in its order. Decimals stay `decimal.Decimal`, days `datetime.date`.
    """
    if _is_duckdb(engine):
        return engine.sql(query(number)).to_arrow_table().to_pandas()  # its .df() would make floats of decimals
    return engine.sql(query(number)).toPandas()


def difference(number: int, first: pd.DataFrame, second: pd.DataFrame) -> str:
    """Say in what two engines' answers to a question differ, or nothing; see `same_answer.difference`.

    Parameters
    ----------
    number : int
        1 to 22.
    first, second : pandas.DataFrame
        What `ask` gave.

    Returns
    -------
    str
        ``""`` where they are equal.
    """
    return same_answer.difference(first, second, ordered_by(number))


def difference_from_published(number: int, answer: pd.DataFrame, published: str) -> str:
    """Say in what an engine's answer differs from a published one by more than the specification allows, or nothing.

    Clause 2.1.3.5: values and counts as published, sums within 100, means and ratios within 1 % at two digits; blanks
    around text do not matter.

    Parameters
    ----------
    number : int
        1 to 22.
    answer : pandas.DataFrame
        What `ask` gave.
    published : str
        A line of names, then a line a row, values parted by ``|``.

    Returns
    -------
    str
        ``""`` where the specification accepts it.
    """
    import pandas as pd

    lines = [line.split("|") for line in published.removesuffix("\n").split("\n")[1:]]
    expected = pd.DataFrame(lines, columns=answer.columns, dtype=object)
    for column in answer:
        like = next((value for value in answer[column] if not pd.isna(value)), "")
        expected[column] = [_read(text.strip(), like) for text in expected[column]]
    stripped = answer.map(lambda value: value.strip() if isinstance(value, str) else value)
    return same_answer.difference(stripped, expected, ordered_by(number), _RULES.get(number))


def ordered_by(number: int) -> list[str]:
    """Name the columns by which a question wants its answer sorted; none where it has one row."""
    found = re.search(r"^order by (.+)$", query(number), re.MULTILINE)
    return [column.split()[0] for column in found[1].split(", ")] if found else []


def clean() -> int:
    """Delete the tables at every scale factor, and what killed processes left of them.

    Returns
    -------
    int
        Bytes that are free again.
    """
    folder = cache_folder() / "tpch"
    freed = sum(file.stat().st_size for file in folder.glob("**/*") if file.is_file())
    if folder.is_dir():
        with writing_to(folder):
            shutil.rmtree(folder)
    return freed


def _read(text: str, like: object) -> object:
    """Give a published value the kind of another one."""
    if text in ("", "NULL"):
        return None
    if isinstance(like, str):
        return text
    return datetime.date.fromisoformat(text) if isinstance(like, datetime.date) else Decimal(text)


def _is_duckdb(engine: object) -> bool:
    return type(engine).__module__.split(".")[0] in ("duckdb", "_duckdb")


def _make(scale: float, folder: Path) -> None:
    """Generate beside, then rename: whoever looks meanwhile sees all tables or none."""
    generator = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    if generator is None:
        raise CourseError("The generator `tpchgen-cli` is not in this environment: `make lab` installs it.")
    print(f"TPC-H at scale factor {scale:g} is not in the cache: it is made.", flush=True)
    part = folder.with_name(f".{folder.name}.{uuid4().hex}.part")
    with writing_to(cache_folder()):
        part.mkdir(parents=True)
        try:
            if (free := shutil.disk_usage(part).free) < (needed := BYTES_AT_SCALE_1 * scale):
                raise CourseError(
                    f"TPC-H at scale factor {scale:g} takes {needed / 1e9:.2g} GB and {cache_folder()} has "
                    f"{free / 1e9:.2g} GB free: make room, take a smaller one, or set COURSE_DATA to another folder."
                )
            command = [generator, "parquet", f"--scale-factor={scale:f}", f"--output-dir={part}", f"--parts={FILES}"]
            command += [f"--num-threads={describe_machine().cores}", "--quiet"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
                raise CourseError(f"TPC-H at scale factor {scale:g} could not be made: {last}")
            if problem := _problem(scale, part):
                raise CourseError(f"The generator made other tables than the specification says: {problem}.")
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was quicker, and its tables are as good
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _problem(scale: float, folder: Path) -> str:
    """Say in what the number of rows, which the files' footers tell, is not that of the specification, or nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for table, at_scale_1 in ROWS_AT_SCALE_1.items():
        try:
            rows = sum(pq.read_metadata(file).num_rows for file in (folder / table).glob("*.parquet"))
        except (OSError, pa.ArrowException):
            return f"a file of {table} cannot be read"
        wanted = at_scale_1 if at_scale_1 < 100 else at_scale_1 * scale
        # An order has 1 to 7 lines by chance, so that lineitem is not quite proportional; six standard deviations.
        allowed = 12 * (1_500_000 * scale) ** 0.5 if table == "lineitem" and scale != 1 else 0.999
        if abs(rows - wanted) > allowed:
            return f"{table} has {rows:,} rows where {wanted:,.0f} are due"
    return ""
