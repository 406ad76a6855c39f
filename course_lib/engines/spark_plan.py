"""What Spark means to do with a query, short enough to read beside its time; and settings that hold for a block."""

import contextlib
import io
import re
from collections.abc import Iterator, Mapping

_DETAILS = re.compile(r" \(\d+\)|, Statistics\(.*\)$")


def outline(frame) -> str:
    """Give the tree of a query's physical plan, without the details of each step.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Classic or Spark Connect. When an action has run on this very frame (classic only), it is the plan that ran,
        with what adaptive execution had changed; else the one that Spark would begin with.

    Returns
    -------
    str
        A step a line, the last to run at the top, as ``explain(mode="formatted")`` has them. ``*`` marks steps that are
        compiled together into one loop (whole-stage code generation).
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        frame.explain(mode="formatted")
    return _tree(said.getvalue())


def _tree(said: str) -> str:
    """Cut the tree out of what ``explain`` says; of an adaptive plan that ran, its final form."""
    lines = said.split("\n\n")[0].splitlines()[1:]
    begun_as = next((number for number, line in enumerate(lines) if "== Initial Plan ==" in line), None)
    headings = ("== Final Plan ==", "ResultQueryStage")
    lines = [_DETAILS.sub("", line).rstrip() for line in lines[:begun_as] if not any(word in line for word in headings)]
    return "\n".join(lines)


def steps(frame) -> list[str]:
    """Name the steps of a query's physical plan, the last to run first.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        As for `outline`.

    Returns
    -------
    list of str
        Such as ``["HashAggregate", "Exchange", "HashAggregate", "Scan parquet"]``.
    """
    names = (re.sub(r"^[\s:+\-*]*(?:\(\d+\) )?", "", line) for line in outline(frame).splitlines())
    return [name for name in names if name]


@contextlib.contextmanager
def changed(spark, settings: Mapping[str, str | int | float | bool]) -> Iterator[None]:
    """Let settings of Spark SQL hold inside a ``with``, and put back what was there before.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        Classic or Spark Connect.
    settings : mapping of str to str, int, float or bool
        Full names, ``spark.sql.…``, of settings that may change while the session runs.
    """
    before = {name: spark.conf.get(name, None) for name in settings}
    try:
        for name, value in settings.items():
            spark.conf.set(name, str(value).lower() if isinstance(value, bool) else str(value))
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)
