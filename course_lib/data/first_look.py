"""The first look at a table that nobody knows yet: figures that fit any column, the profile page, cells to skip."""

import os
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import figures
from course_lib.data.column_kinds import kind_of
from course_lib.data.groups import cut
from course_lib.places import RUNS


def skip_cells(marker: str, when: bool) -> None:
    """Skip every later cell whose first line is ``marker``, if ``when``; else run them again.

    So one notebook serves its own story and any other table. In an exported page the cells that carry the tag
    ``flights`` (prose and code of the story) are hidden as well.
    """
    from IPython import get_ipython
    from IPython.display import HTML, display

    def skip(lines: list[str]) -> list[str]:
        return ["pass\n"] if lines and lines[0].strip() == marker else lines

    skip.marker = marker
    transformers = get_ipython().input_transformers_cleanup
    transformers[:] = [each for each in transformers if getattr(each, "marker", None) != marker]
    if when:
        transformers.append(skip)
        display(HTML("<style>.celltag_flights {display: none}</style>"))


def write_profile(sample: pd.DataFrame, name: str, folder: str = "", most_columns: int = 50):
    """Write the profile report of a sample as a page of its own, and return a link to it.

    Parameters
    ----------
    sample : DataFrame
        A few thousand rows: the time grows with rows and columns.
    name : str
        The table's name, for the title and the file.
    folder : str
        Where the page goes, beside the executed notebook; empty means the course's folder ``runs``, which both
        ``notebooks/`` and ``runs/`` itself reach as ``../runs``.
    most_columns : int
        A wider table is profiled in its first columns only.

    Returns
    -------
    IPython Markdown
        The link, or what kept the profiler from reading this table.
    """
    from IPython.display import Markdown

    os.environ["YDATA_PROFILING_NO_ANALYTICS"] = "1"  # else it reports each run to its makers' server
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "table"
    page = (Path(folder).expanduser() if folder else RUNS).resolve() / f"02_profile_{plain}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    columns = sample.iloc[:, :most_columns].copy(deep=False)
    columns = columns.assign(**{c: columns[c].dt.tz_localize(None) for c in columns.select_dtypes("datetimetz")})
    try:
        _profile(columns, name, page)
    except Exception as error:  # a report more or less: the rest of the lesson does not need it
        reason = (str(error).strip().splitlines() or [""])[0][:150]
        return Markdown(f"The profiler could not read this table ({reason}). The lesson goes on.")
    link = page.name if folder else f"../runs/{page.name}"
    shown = f", the first {most_columns} of {sample.shape[1]:,} columns" if sample.shape[1] > most_columns else ""
    size = page.stat().st_size / 1e6
    return Markdown(f"[Profile report of {name}]({link}): {len(sample):,} sampled rows{shown}, {size:.1f} MB.")


def _profile(columns: pd.DataFrame, name: str, page: Path) -> None:
    """Run the profiler in a process of its own: the 300 MB that it loads go with it."""
    import subprocess
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "sample.pickle"  # ours, from here to there: Parquet refuses columns of mixed types
        columns.to_pickle(rows)
        command = [sys.executable, "-c", _PROFILER, str(rows), f"{name}: {len(columns):,} rows", str(page)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it stopped without a word"])[-1])


_PROFILER = """
import sys
import pandas as pd
from data_profiling import ProfileReport
rows, title, page = sys.argv[1:]
ProfileReport(pd.read_pickle(rows), minimal=True, title=title, progress_bar=False).to_file(page, silent=True)
"""


def draw_distributions(data: pd.DataFrame, most: int = 12):
    """Draw one small chart a column: a histogram between the 0.5 % and 99.5 % quantiles, or the most frequent values.

    Columns that hold one value, none, or free text have nothing to draw; of the others the first ``most`` are drawn.
    """
    from plotly.subplots import make_subplots

    kinds = {column: kind_of(data[column]) for column in data.columns}
    drawn = [column for column, kind in kinds.items() if kind in ("number", "time", "category", "yes/no")][:most]
    if not drawn:
        return _nothing("No column has a distribution to draw.")
    lines = -(-len(drawn) // 4)
    names = short_names(drawn, 22)
    grid = make_subplots(rows=lines, cols=4, subplot_titles=names, vertical_spacing=0.36 / max(lines, 2))
    for place, column in enumerate(drawn):
        x, y = _counts(data[column].dropna(), kinds[column])
        cell = {"row": place // 4 + 1, "col": place % 4 + 1}
        apart = {"width": 0.8} if x and isinstance(x[0], str) else {}  # values without an order are no histogram
        grid.add_bar(x=x, y=y, marker_color=figures.PALETTE["blue"], **apart, **cell)
        if x and isinstance(x[0], str):
            grid.update_xaxes(type="category", **cell)
    grid.update_layout(showlegend=False, bargap=0, height=110 + 220 * lines)
    grid.update_yaxes(showticklabels=False).update_xaxes(tickfont_size=11, nticks=5)
    return grid.update_annotations(font_size=14)


def _counts(known: pd.Series, kind: str) -> tuple[list, list]:
    if kind in ("category", "yes/no") or known.nunique() <= 12:
        counts = known.value_counts().head(12)
        counts = counts.sort_index() if pd.api.types.is_numeric_dtype(known) else counts
        return [str(value)[:12] for value in counts.index], counts.tolist()
    if kind == "time":
        known = known.dt.tz_convert(None) if known.dt.tz is not None else known
        moments, unit = known.astype("int64"), known.dt.unit
        counts, edges = np.histogram(moments, bins=figures.bin_edges(moments.min(), moments.max(), 40))
        return pd.DatetimeIndex(edges[:-1].astype("int64").view(f"M8[{unit}]")).tolist(), counts.tolist()
    known = known[np.isfinite(known.astype(float))].astype(float)
    low, high = known.quantile([0.005, 0.995])
    if (known % 1 == 0).all() and high - low <= 60:  # a bin for each whole number, or some would hold two
        counts = known[known.between(low, high)].value_counts().sort_index()
        return counts.index.tolist(), counts.tolist()
    low, high = (low, high) if low < high else (known.min(), known.max())
    counts, edges = np.histogram(known, bins=figures.bin_edges(low, high, 40))
    return (edges[:-1] / 2 + edges[1:] / 2).tolist(), counts.tolist()


def draw_missing(data: pd.DataFrame, most: int = 20):
    """Draw the missing share of the columns that have holes, the most first."""
    share = data.isna().mean()
    share = share[share > 0].sort_values(ascending=False)
    if share.empty:
        return _nothing("No value is missing.")
    table = share.head(most).rename_axis("column").rename("missing").reset_index()
    table["column"] = short_names(table["column"])
    title = f"{len(share)} of {data.shape[1]} columns have holes; {table['column'][0]} most: {share.iloc[0]:.1%}"
    label = ".1%" if share.max() > 0.001 else ".3%"
    drawn = figures.bars(
        table, "column", "missing", title, y_title="share of rows missing", label=label, horizontal=True
    )
    return drawn.update_layout(height=150 + 32 * len(table), yaxis_title="")


def draw_target(data: pd.DataFrame, target: str | None):
    """Draw the distribution of the target: a histogram for a number, bars for classes."""
    if target is None:
        return _nothing("No target is named, so nothing is explained here.")
    values, kind, name = data[target], kind_of(data[target]), short_names([target])[0]
    known = values.dropna()
    known = known[np.isfinite(known)] if pd.api.types.is_float_dtype(known) else known
    holes = f", missing in {values.isna().mean():.1%}" if values.isna().any() else ""
    if kind == "number" and known.nunique() > 12:
        low, high = known.quantile([0.005, 0.995])
        title = f"{name}: mean {known.mean():,.4g}, median {known.median():,.4g}{holes}"
        return figures.histogram(data, target, title, bins=60, limits=(low, high) if low < high else None)
    counts = known.astype(str).str[:40].value_counts()
    table = (counts / len(known)).head(20).rename_axis("value").rename("share").reset_index()
    title = f"{name}: {len(counts):,} values, the most frequent in {counts.iloc[0] / len(known):.0%}{holes}"
    drawn = figures.bars(table, "value", "share", title, y_title="share of known rows", label=".1%")
    return drawn.update_xaxes(type="category", title=target)


def draw_shares(shares: pd.Series, title: str, x_title: str, most: int = 15):
    """Draw a Series of shares between 0 and 1 as lying bars, in its order."""
    table = shares.head(most).rename_axis("column").rename("share").reset_index()
    if table.empty:
        return _nothing("There is nothing to compare.")
    table["column"] = short_names(table["column"])
    drawn = figures.bars(table, "column", "share", title, y_title=x_title, label=".1%", horizontal=True)
    return drawn.update_layout(height=170 + 30 * len(table), yaxis_title="")


def draw_drift(distances: pd.DataFrame, by: str, most: int = 20):
    """Draw the table that `believe.drift` returns as a heat map, the columns that move most on top."""
    table = distances.loc[distances.max(axis=1).sort_values(ascending=False).index].head(most)
    import plotly.graph_objects as go

    names = [str(name).partition("/")[0] for name in table.columns]  # a week by its first day
    rows = short_names(table.index)
    heat = go.Heatmap(z=table.to_numpy(), x=names, y=rows, zmin=0, zmax=1, texttemplate="%{z:.2f}")
    drawn = go.Figure(
        heat.update(colorscale="Cividis", textfont={"size": 12}, colorbar={"title": {"text": "distance"}})
    )
    drawn.update_layout(title=f"Distance of each period's distribution from the whole, by {by}", xaxis_title=by)
    drawn.update_xaxes(type="category").update_yaxes(type="category", autorange="reversed")
    return drawn.update_layout(height=190 + 28 * len(table))


def periods(data: pd.DataFrame, most: int = 13) -> pd.Series:
    """Cut the rows into periods: calendar units of the first column of times, else years, else fifths of the rows.

    The finest unit that gives at most ``most`` periods is taken; a period with fewer than one row in 200 is left out.
    """
    for column in data.select_dtypes(["datetime", "datetimetz"]).columns:
        times = data[column].dt.tz_localize(None) if data[column].dt.tz is not None else data[column]
        for unit, name in (("D", "day"), ("W", "week"), ("M", "month"), ("Q", "quarter"), ("Y", "year")):
            period = times.dt.to_period(unit)
            if 1 < period.nunique() <= most:
                rare = period.value_counts(normalize=True).loc[lambda share: share < 0.005].index
                return period.where(~period.isin(rare)).rename(f"{name} of {column}")
    for column in data.select_dtypes("number").columns:
        values = data[column]
        if "year" in column.lower() and values.between(1800, 2200).mean() > 0.95 and values.min() < values.max():
            return values if values.nunique() <= most else cut(values, most - 1).rename(column)
    fifth = np.arange(len(data)) * 5 // max(len(data), 1) + 1
    return pd.Series(fifth, index=data.index, name="fifth of the rows")


def short_names(names, most: int = 32) -> list[str]:
    """Names that fit beside an axis; of what long ones all begin and end with, some gives way to "…"."""
    names = [str(name) for name in names]
    long = [name for name in names if len(name) > most]
    begin = _shared(long)
    end = min(_shared([name[::-1] for name in long]), min(map(len, long), default=0) - begin)
    if long:  # whole words and numbers give way, no parts of them
        begin -= len(re.search(r"[^\W_]*$", long[0][:begin])[0])
        end -= len(re.match(r"[^\W_]*", long[0][len(long[0]) - end :])[0])
    short = []
    for name in names:
        own = name[begin : len(name) - end]
        room = most - len(own) - 2
        if len(name) <= most:
            short.append(name)
        elif len(long) > 1 and own and room >= 0:
            short.append(f"{name[: min(begin, room)]}…{own}" + "…" * (end > 0))
        else:
            short.append(f"{name[: most - 1]}…")
    times = Counter(short)
    return [f"{name} #{place}" if times[name] > 1 else name for place, name in enumerate(short, start=1)]


def _shared(names: list[str]) -> int:
    """How many letters all names begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def _nothing(text: str):
    import plotly.graph_objects as go

    fig = go.Figure().update_layout(height=140, xaxis_visible=False, yaxis_visible=False)
    return fig.add_annotation(text=text, showarrow=False, font_size=18, x=0.5, y=0.5, xref="paper", yref="paper")
