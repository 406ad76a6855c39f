"""Figures that can be read from the back of a room, and without seeing them.

``use_course_style()`` once in a notebook; ``describe(fig, "…")`` as the last line of each cell that draws;
``bars``, ``line``, ``heat_map`` and ``histogram`` for the figures that lessons need most.
"""

import html
import itertools
import math
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

# Okabe and Ito's colours, safe for colour blindness (https://jfly.uni-koeln.de/color/), those that show on white.
PALETTE = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "orange": "#E69F00",
    "black": "#222222",
}
MOST_POINTS = 5_000  # more than a screen has columns of pixels
_CATEGORIES_NAMED = 31  # more names than days of a month do not fit below an axis


def use_course_style() -> None:
    """Make the course's Plotly template the default of this notebook."""
    import plotly.graph_objects as go
    import plotly.io as pio

    axis = {"gridcolor": "#E4E4E4", "linecolor": "#888888", "zeroline": False, "automargin": True, "ticks": "outside"}
    axis |= {"title": {"standoff": 12}}  # else a title stands where it stands, also on wide labels or at the caption
    pio.templates["course"] = go.layout.Template(
        layout={
            "font": {"family": "Open Sans, Verdana, Arial, sans-serif", "size": 16, "color": "#222222"},
            "title": {"x": 0.01, "xanchor": "left", "font": {"size": 22}},
            "colorway": list(PALETTE.values()),
            "colorscale": {"sequential": "Cividis", "diverging": "RdBu"},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "height": 440,
            "margin": {"l": 80, "r": 40, "t": 80, "b": 70},
            "xaxis": axis | {"showgrid": False, "showline": True},
            "yaxis": axis,
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "title": {"text": ""}},
            "hoverlabel": {"font": {"size": 15}},
            "bargap": 0.15,
        },
        # A width that the lines can be seen at from afar.
        data={"scatter": [{"line": {"width": 3}, "marker": {"size": 9}}]},
    )
    pio.templates.default = "course"
    # Some environments add a second renderer that puts the whole of plotly.js into the notebook.
    pio.renderers.default = "plotly_mimetype"


def describe(fig: "go.Figure", text: str) -> "go.Figure":
    """Give a figure its text alternative; the last line of a cell that draws.

    The text is kept in the notebook (``layout.meta``), is read by screen readers in the lab (text in the figure that
    is not visible), and becomes the caption in the exported page.

    Parameters
    ----------
    fig : plotly Figure
        Any figure.
    text : str
        What the figure shows, in one to three sentences: the form, the finding, the numbers that matter.

    Returns
    -------
    plotly Figure
        The same figure.

    Raises
    ------
    CourseError
        If the text is empty, or the figure holds more than 5,000 points.
    """
    text = " ".join(text.split())
    if not text:
        raise CourseError("A figure needs a text alternative: say in a sentence what it shows.")
    _refuse_crowds(sum(_points(trace) for trace in fig.data))
    fig.update_layout(meta={"description": text})
    hidden = {"text": html.escape(text), "opacity": 0, "font": {"size": 1}, "showarrow": False, "name": "description"}
    others = [note for note in fig.layout.annotations if note.name != "description"]
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "bottom"}
    fig.update_layout(annotations=[*others, hidden | place])
    return fig


def _points(trace: Any) -> int:
    values = [getattr(trace, name, None) for name in ("x", "y", "z", "values", "lat")]
    sizes = [math.prod(value.shape) if hasattr(value, "shape") else len(value) for value in values if value is not None]
    if sizes and trace.type in ("heatmap", "contour", "surface"):
        rows = trace.z if trace.z is not None else []
        return sum(len(row) for row in rows)
    return max(sizes, default=0)


def _refuse_crowds(points: int) -> None:
    if points > MOST_POINTS:
        raise CourseError(
            f"{points:,} points are more than a screen can show (at most {MOST_POINTS:,}): aggregate first, "
            "for instance with groupby, a histogram, or a sample."
        )


# --- aggregate, then draw ----------------------------------------------------------------------------------------


def bars(
    frame: Any,
    x: str,
    y: str,
    title: str,
    *,
    x_title: str | None = None,
    y_title: str | None = None,
    error: tuple[str, str] | None = None,
    label: str | None = None,
    highlight: Any = None,
    horizontal: bool = False,
) -> "go.Figure":
    """Draw one bar for each row of an aggregated table, with its interval and its number where asked.

    Parameters
    ----------
    frame : pandas DataFrame or Series, or Spark DataFrame
        At most 5,000 rows; named levels of an index count as columns.
    x, y : str
        Columns of the categories and of the lengths.
    title : str
        The finding.
    x_title, y_title : str, optional
        Axis titles with units; the column names by default.
    error : (str, str), optional
        Columns of the lower and upper end of an interval.
    label : str, optional
        Format of the number on each bar, in d3's notation: ``".1%"``, ``",.0f"``.
    highlight : object, optional
        The category, or list of categories, that the title speaks of: drawn in colour, the others in grey.
    horizontal : bool
        Whether bars lie, for long names.

    Returns
    -------
    plotly Figure
        Give it to `describe`.

    Raises
    ------
    CourseError
        If a column is missing or there are too many rows.
    """
    import plotly.graph_objects as go

    table = _table(frame, [x, y, *(error or ())])
    chosen = highlight if isinstance(highlight, (list, tuple, set)) else [highlight]
    colours = [PALETTE["vermilion"] if value in chosen else "#9A9A9A" for value in table[x]]
    along, across = ("x", "y") if horizontal else ("y", "x")
    bar = {
        across: table[x],
        along: table[y],
        "marker": {"color": PALETTE["blue"] if highlight is None else colours},
        "orientation": "h" if horizontal else "v",
    }
    if label:
        # beyond the bar's end, unless an interval is drawn there
        place = {"textposition": "inside", "insidetextanchor": "start"} if error else {"textposition": "outside"}
        font = {"textfont": {"size": 15 if len(table) <= 12 else 13}, "textangle": 0, "constraintext": "none"}
        bar |= {"texttemplate": f"%{{{along}:{label}}}", "cliponaxis": False} | place | font
    if error:
        low, high = error
        bar[f"error_{along}"] = {
            "array": table[high] - table[y],
            "arrayminus": table[y] - table[low],
            "thickness": 2,
            "color": PALETTE["black"],
        }
    fig = go.Figure(go.Bar(**bar))
    titles = {"xaxis_title": x_title or x, "yaxis_title": y_title or y}
    if horizontal:
        titles = {"xaxis_title": y_title or y, "yaxis_title": x_title or x, "yaxis_autorange": "reversed"}
    fig.update_layout(title=title, **titles)
    if all(isinstance(value, str) for value in table[x]):
        fig.update_layout({f"{across}axis": {"type": "category"}})  # or Plotly takes "2001-10" for a month
    if len(table) <= _CATEGORIES_NAMED:
        fig.update_layout({f"{across}axis": {"tickmode": "array", "tickvals": table[x]}})
    if horizontal:
        fig.update_layout(height=max(fig.layout.template.layout.height or 440, 26 * len(table) + 170))
    if label and "%" in label:
        fig.update_layout({f"{along}axis": {"tickformat": "~%"}})
    return fig


def line(
    frame: Any,
    x: str,
    y: str,
    title: str,
    *,
    x_title: str | None = None,
    y_title: str | None = None,
    interval: tuple[str, str] | None = None,
    group: str | None = None,
    markers: bool = False,
) -> "go.Figure":
    """Draw a line, or one for each group, with a band for the interval.

    The name of a group stands at the end of its line; where ends meet, a legend has to do.

    Parameters
    ----------
    frame : pandas DataFrame or Series, or Spark DataFrame
        At most 5,000 rows; named levels of an index count as columns. Rows are put in the order of `x`.
    x, y : str
        Columns of the two axes.
    title : str
        The finding.
    x_title, y_title : str, optional
        Axis titles with units; the column names by default.
    interval : (str, str), optional
        Columns of the lower and upper end of an interval.
    group : str, optional
        Column that tells the lines apart.
    markers : bool
        Whether each measured point is marked.

    Returns
    -------
    plotly Figure
        Give it to `describe`.

    Raises
    ------
    CourseError
        If a column is missing or there are too many rows.
    """
    import plotly.graph_objects as go

    table = _table(frame, [x, y, *(interval or ()), *([group] if group else [])]).sort_values(x, kind="stable")
    parts = table.groupby(group, sort=False, observed=True) if group else [("", table)]
    apart = bool(group) and _ends_apart(table, y, group)
    fig = go.Figure()
    for number, (name, part) in enumerate(parts):
        colour = list(PALETTE.values())[number % len(PALETTE)]
        if interval:
            low, high = interval
            band = {"x": part[x], "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            fig.add_scatter(y=part[low], **band)
            fig.add_scatter(y=part[high], fill="tonexty", fillcolor=_transparent(colour), **band)
        mode = "lines+markers" if markers else "lines"
        style = {"name": str(name), "mode": mode, "line": {"color": colour}, "showlegend": not apart and bool(group)}
        fig.add_scatter(x=part[x], y=part[y], **style)
        if apart:
            # On a logarithmic axis an annotation would be put in powers of ten; a point with a text is not.
            end = part.iloc[[-1]]
            text = {"text": [f" {name}"], "textposition": "middle right", "textfont": {"color": colour, "size": 16}}
            text |= {"hoverinfo": "skip", "showlegend": False, "cliponaxis": False}
            fig.add_scatter(x=end[x], y=end[y], mode="text", **text)
    fig.update_layout(title=title, xaxis_title=x_title or x, yaxis_title=y_title or y)
    if apart:
        fig.update_layout(margin_r=30 + 10 * max(len(str(name)) for name in table[group].unique()))
    return fig


def _ends_apart(table: "pd.DataFrame", y: str, group: str) -> bool:
    """Tell whether the last points of the lines leave room for a name each; else a legend has to do."""
    ends = table.groupby(group, observed=True)[y].last().sort_values()
    return bool((ends.diff().dropna() > 0.06 * (table[y].max() - table[y].min())).all())


def heat_map(
    frame: Any,
    x: str,
    y: str,
    value: str,
    title: str,
    *,
    x_title: str | None = None,
    y_title: str | None = None,
    value_title: str | None = None,
    label: str | None = None,
) -> "go.Figure":
    """Draw a table of (x, y, value) rows as a grid of colours; light is high.

    Parameters
    ----------
    frame : pandas DataFrame or Series, or Spark DataFrame
        One row for each cell, at most 5,000; named levels of an index count as columns.
    x, y, value : str
        Columns of the two axes and of the colour.
    title : str
        The finding.
    x_title, y_title, value_title : str, optional
        Titles with units; the column names by default.
    label : str, optional
        Format of the numbers in the cells and of the scale, in d3's notation: ``".0%"``.

    Returns
    -------
    plotly Figure
        Give it to `describe`.

    Raises
    ------
    CourseError
        If a column is missing, a cell occurs twice, or there are too many cells.
    """
    import plotly.graph_objects as go

    table = _table(frame, [x, y, value])
    if table.duplicated([x, y]).any():
        raise CourseError(f"heat_map needs one row for each pair of {x} and {y}: aggregate with groupby first.")
    grid = table.set_index([y, x])[value].unstack(x).sort_index().sort_index(axis=1)  # noqa: PD010 (no pair occurs twice)
    _refuse_crowds(grid.size)
    cells = {"texttemplate": f"%{{z:{label}}}", "textfont": {"size": 13}} if label and grid.size <= 200 else {}
    scale = {"title": {"text": value_title or value}, "tickformat": label or ""}
    names = {"x": grid.columns.astype(str), "y": grid.index.astype(str)}
    fig = go.Figure(go.Heatmap(z=grid.to_numpy(dtype=float), colorscale="Cividis", colorbar=scale, **names, **cells))
    fig.update_layout(title=title, xaxis_title=x_title or x, yaxis_title=y_title or y)
    return fig.update_xaxes(type="category").update_yaxes(type="category")


def histogram(
    frame: Any,
    column: str,
    title: str,
    *,
    bins: int = 40,
    limits: tuple[float, float] | None = None,
    x_title: str | None = None,
) -> "go.Figure":
    """Count the values of a column in equal bins on the engine that holds it, and draw the counts.

    Parameters
    ----------
    frame : pandas or Spark DataFrame
        Any number of rows: only the counts leave the engine.
    column : str
        A numeric column; missing values are left out and counted in the axis title.
    title : str
        The finding.
    bins : int
        Number of bins.
    limits : (float, float), optional
        Lowest and highest value drawn; the share of values outside is told in the axis title. All by default.
    x_title : str, optional
        Axis title with the unit; the column name by default.

    Returns
    -------
    plotly Figure
        Give it to `describe`.

    Raises
    ------
    CourseError
        If the column is missing, not numeric, or has no values.
    """
    import plotly.graph_objects as go

    _refuse_crowds(bins)
    if column not in frame.columns:
        raise CourseError(f"There is no column {column}; there are {', '.join(map(str, frame.columns[:20]))}.")
    count = _count_on_spark if hasattr(frame, "sparkSession") else _count_in_pandas
    edges, counts, missing, outside = count(frame, column, bins, limits)
    bins = len(edges) - 1
    width = edges[-1] / bins - edges[0] / bins
    left_out = [f"{n:,} {what}" for n, what in ((missing, "missing"), (outside, "outside")) if n]
    note = f" ({' and '.join(left_out)} not drawn)" if left_out else ""
    bar = go.Bar(
        x=[edge / 2 + following / 2 for edge, following in itertools.pairwise(edges)],
        y=counts,
        width=width,
        marker_line_width=0,
    )
    bar.customdata = list(itertools.pairwise(edges))
    bar.hovertemplate = "%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y:,} rows<extra></extra>"
    fig = go.Figure(bar)
    return fig.update_layout(title=title, xaxis_title=(x_title or column) + note, yaxis_title="rows", bargap=0)


def _count_in_pandas(frame: "pd.DataFrame", column: str, bins: int, limits: tuple | None) -> tuple:
    import numpy as np
    import pandas as pd

    kind = frame[column].dtype
    if pd.api.types.is_bool_dtype(kind) or not pd.api.types.is_numeric_dtype(kind):
        raise CourseError(f"A histogram needs numbers; {column} is {kind}. Count its values instead.")
    values = frame[column].to_numpy(dtype=float, na_value=np.nan)
    known = values[np.isfinite(values)]
    edges = _edges(known.min() if known.size else None, known.max() if known.size else None, bins, limits, column)
    counts, _ = np.histogram(known, bins=edges)
    return edges, counts.tolist(), values.size - known.size, known.size - int(counts.sum())


def _count_on_spark(frame: Any, column: str, bins: int, limits: tuple | None) -> tuple:
    from pyspark.sql import functions as sf
    from pyspark.sql.types import NumericType

    if not isinstance(frame.schema[column].dataType, NumericType):
        kind = frame.schema[column].dataType.simpleString()
        raise CourseError(f"A histogram needs numbers; {column} is {kind}. Count its values instead.")
    value = sf.col(f"`{column}`").cast("double")
    finite = value.isNotNull() & ~sf.isnan(value) & (sf.abs(value) < float("inf"))
    known = frame.where(finite).select(value.alias("value"))
    total, count, low, high = frame.agg(
        sf.count(sf.lit(1)), sf.count_if(finite), sf.min(sf.when(finite, value)), sf.max(sf.when(finite, value))
    ).first()
    edges = _edges(low, high, bins, limits, column)
    low, high, bins = edges[0], edges[-1], len(edges) - 1
    share = (sf.col("value") / 2 - low / 2) / (high / 2 - low / 2)  # halves: the span may exceed the largest number
    position = sf.least(sf.floor(share * bins), sf.lit(bins - 1))
    rows = known.where(sf.col("value").between(low, high)).groupBy(position.cast("int").alias("bin")).count().collect()
    counts = [0] * bins
    for row in rows:
        counts[row["bin"]] = row["count"]
    return edges, counts, total - count, count - sum(counts)


def _edges(low: float | None, high: float | None, bins: int, limits: tuple | None, column: str) -> list[float]:
    if low is None:
        raise CourseError(f"The column {column} has no values to draw.")
    low, high = limits or (low, high)
    return bin_edges(low, high, bins).tolist()


def bin_edges(low: float, high: float, bins: int) -> "np.ndarray":
    """Cut the span between two finite numbers into equal bins, or into as many as floating-point numbers allow.

    Near 10^18 neighbours are 128 apart, so that some bins have no width; between -1e308 and 1e308 lies more than the
    largest number.

    Returns
    -------
    ndarray
        Growing edges, at most ``bins + 1`` and at least 2.
    """
    import numpy as np

    low, high = float(low), float(high)
    if low == high:
        apart = max(0.5, 2 * np.spacing(abs(low)))
        low, high = max(low - apart, -np.finfo(float).max), min(high + apart, np.finfo(float).max)
    scale = 4.0 if max(abs(low), abs(high)) > 1e300 else 1.0
    return np.unique(np.linspace(low / scale, high / scale, bins + 1) * scale)


def _table(frame: Any, columns: list[str]) -> "pd.DataFrame":
    """Bring an aggregated table into memory, with named index levels as columns; refuse one that is not small."""
    import pandas as pd

    if hasattr(frame, "toPandas"):
        frame = frame.limit(MOST_POINTS + 1).toPandas()
    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else columns[1])
    if any(name is not None for name in frame.index.names) and not set(columns) <= set(frame.columns):
        frame = frame.reset_index()
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns[:20]))
        raise CourseError(f"There is no column {', '.join(missing)}; there are {there}.")
    _refuse_crowds(len(frame))
    return frame


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
