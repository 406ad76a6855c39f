"""Relational databases behind one face: the same SQL on SQLite, DuckDB and, by its address, PostgreSQL."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.errors import CourseError

if TYPE_CHECKING:
    import pandas as pd


class Databases:
    """SQLite, DuckDB and, where there is an address, PostgreSQL.

    In PostgreSQL all happens in a schema of its own, which `close` drops: nothing else in the database is touched.

    Attributes
    ----------
    names : list of str
        Those that are open.
    folder : pathlib.Path
        A new folder with the files of SQLite (``course.sqlite``) and DuckDB (``course.duckdb``).
    """

    def __init__(self, folder: Path, postgres_url: str):
        import duckdb
        import sqlalchemy

        # A frame that a query names may be a variable of the notebook, several calls away.
        settings = {"memory_limit": "200MB", "python_scan_all_frames": True}
        self.folder = Path(tempfile.mkdtemp(dir=folder, prefix="databases-"))
        self._duck = duckdb.connect(str(self.folder / "course.duckdb"), config=settings)
        # One connection for all calls: what a PRAGMA sets belongs to the connection, and stays.
        address, one = f"sqlite:///{self.folder / 'course.sqlite'}", sqlalchemy.pool.StaticPool
        self._engines = {"SQLite": sqlalchemy.create_engine(address, poolclass=one)}
        self._own_schema = f"course_{secrets.token_hex(4)}"
        if postgres_url:
            self._engines["PostgreSQL"] = self._postgres(postgres_url)
        self.names = [*self._engines, "DuckDB"]

    def _postgres(self, url: str):
        import sqlalchemy

        try:
            address = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
            engine = sqlalchemy.create_engine(address, connect_args={"options": f"-csearch_path={self._own_schema}"})
            with engine.begin() as connection:
                connection.execute(sqlalchemy.text(f"CREATE SCHEMA {self._own_schema}"))
        except sqlalchemy.exc.SQLAlchemyError as error:
            self._duck.close()
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise CourseError(
                f"PostgreSQL does not open: {reason}. Its address is postgresql://user:password@host:port/database; "
                "without one the databases are SQLite and DuckDB."
            ) from None
        return engine

    def run(self, statements: str, name: str | None = None) -> None:
        """Run SQL statements that give no rows.

        Parameters
        ----------
        statements : str
            One or more, each but the last ended by a semicolon and a new line.
        name : str, optional
            The database; by default every one.
        """
        import sqlalchemy

        for each in [name] if name else self.names:
            if each == "DuckDB":
                self._duck.execute(statements)
                continue
            with self._engines[each].begin() as connection:
                for statement in statements.strip().split(";\n"):
                    connection.execute(sqlalchemy.text(statement))

    def ask(self, name: str, query: str) -> pd.DataFrame:
        """Give the rows of a query.

        Parameters
        ----------
        name : str
            The database.
        query : str
            A SELECT. DuckDB's may also name DataFrames of the notebook.
        """
        import pandas as pd
        import sqlalchemy

        if name == "DuckDB":
            return self._duck.execute(query).df()
        with self._engines[name].connect() as connection:
            return pd.read_sql(sqlalchemy.text(query), connection)

    def fill(self, name: str, tables: dict[str, pd.DataFrame]) -> str:
        """Load rows into tables in one transaction: all of them, or none.

        Parameters
        ----------
        name : str
            The database.
        tables : dict of str to pandas.DataFrame
            Rows by table, in this order; columns as the table has them.

        Returns
        -------
        str
            ``"done"``, or ``"refused: "`` and what the database says.
        """
        import duckdb
        import sqlalchemy

        try:
            if name == "DuckDB":
                with self._duck.cursor() as cursor:
                    cursor.begin()
                    for table, frame in tables.items():
                        cursor.append(table, frame)
                    cursor.commit()
            else:
                method = _copy_in if name == "PostgreSQL" else None
                with self._engines[name].begin() as connection:  # commits at its end, rolls back on an error
                    for table, frame in tables.items():
                        frame.to_sql(
                            table, connection, if_exists="append", index=False, method=method, chunksize=20_000
                        )
        except (sqlalchemy.exc.DBAPIError, duckdb.Error) as error:
            return "refused: " + _first_line(error)
        except Exception as error:  # COPY raises PostgreSQL's own errors
            if type(error).__module__.split(".")[0] != "psycopg":
                raise
            return "refused: " + _first_line(error)
        return "done"

    def close(self) -> None:
        """Close them, and give back what they hold in memory; PostgreSQL's schema is dropped. Twice is once."""
        import sqlalchemy

        self._duck.close()
        for name, engine in self._engines.items():
            if name == "PostgreSQL":
                with engine.begin() as connection:
                    connection.execute(sqlalchemy.text(f"DROP SCHEMA IF EXISTS {self._own_schema} CASCADE"))
            engine.dispose()


def open_databases(folder: Path, postgres_url: str = "") -> Databases:
    """Open the databases of a lesson.

    Parameters
    ----------
    folder : pathlib.Path
        Where a new folder for the files of SQLite and DuckDB is made.
    postgres_url : str
        ``postgresql://user:password@host:port/database``; empty takes COURSE_POSTGRES_URL from the environment, and
        without either PostgreSQL is left out.

    Raises
    ------
    CourseError
        Where PostgreSQL does not answer at that address.
    """
    return Databases(folder, postgres_url or os.environ.get("COURSE_POSTGRES_URL", ""))


def _copy_in(table, connection, columns, rows) -> None:
    """Write rows by COPY, PostgreSQL's own way in: several times quicker than INSERT."""
    with connection.connection.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
