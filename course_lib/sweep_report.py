"""A sweep's progress while it runs, and its report: one page that needs no network."""

import contextlib
import functools
import html
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import figures
from course_lib.sweep_records import _ABOUT, DONE, write_safely

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from course_lib.sweeps import Progress

_MOST_FIGURES = 6
_REPLICATES = "seed"  # runs that differ in this alone are the same setting again
_PLOTLY_FILE = "plotly.min.js"


@contextlib.contextmanager
def show_progress(total: "Progress") -> Iterator[Callable[["Progress"], None]]:
    """Show a line that tells how far a sweep is, in a terminal or a notebook.

    Parameters
    ----------
    total : Progress
        Where it begins.

    Yields
    ------
    callable
        To be called with the `Progress` now and then.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr="ipykernel" not in sys.modules)
    if not (console.is_terminal or console.is_jupyter):
        yield lambda progress: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Bar(*columns, TimeRemainingColumn(), console=console, refresh_per_second=4) as bar:
        task = bar.add_task("starting", total=total.points, completed=total.done)

        def show(progress: "Progress") -> None:
            failed = f", {progress.failed} failed" if progress.failed else ""
            bar.update(
                task, completed=progress.done + progress.failed, description=f"{progress.running} running{failed}"
            )

        yield show


# ---- figures ---------------------------------------------------------------------------------------------------------


def choose_figures(table: "pd.DataFrame", parameters: list[str], values: list[str]) -> "list[go.Figure]":
    """Draw each recorded number against what varies, in the form that its kind and number ask for.

    Parameters
    ----------
    table : pandas.DataFrame
        As `results` gives it; runs that failed are left out.
    parameters, values : list of str
        Its columns of parameters and of recorded values.

    Returns
    -------
    list of plotly figures
        At most six, one a value: a line with the spread over seeds for one number that varies (a line for each value
        of one category beside it), a heat map for two, strips for categories, parallel coordinates for more.
    """
    import pandas as pd

    table = table[table["status"] == DONE]
    varied = [name for name in parameters if len(table[name].unique()) > 1 and name != _REPLICATES]
    numbers = [name for name in varied if pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool]
    categories = [name for name in varied if name not in numbers]
    drawn = []
    for value in values:
        column = pd.to_numeric(table[value], errors="coerce")
        if not column.notna().any() or len(drawn) == _MOST_FIGURES:
            continue
        data = table.assign(**{value: column.astype(float)}).dropna(subset=[value])
        drawn.append(_draw(data, value, numbers, categories))
    return drawn


def _draw(data: "pd.DataFrame", value: str, numbers: list[str], categories: list[str]) -> "go.Figure":
    if len(numbers) == 1 and len(categories) <= 1:
        return _lines(data, value, numbers[0], categories)
    if len(numbers) == 2 and not categories:
        return _heat_map(data, value, *numbers)
    if len(numbers) + len(categories) > 2 or (numbers and categories):
        return _parallel(data, value, numbers, categories)
    return _strips(data, value, categories)


def _lines(data: "pd.DataFrame", value: str, x: str, categories: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    fig = go.Figure()
    colours = list(figures.PALETTE.values())
    groups = data.groupby(categories[0]) if categories else [("", data)]
    for number, (name, group) in enumerate(groups):
        spread = group.groupby(x)[value].agg(["median", "min", "max", "size"]).reset_index()
        error = {
            "array": spread["max"] - spread["median"],
            "arrayminus": spread["median"] - spread["min"],
            "visible": bool((spread["size"] > 1).any()),
        }
        fig.add_scatter(
            x=spread[x],
            y=spread["median"],
            error_y=error,
            mode="lines+markers",
            name=str(name),
            line_color=colours[number % len(colours)],
            showlegend=bool(categories),
        )
    positive = data[x] > 0
    if positive.all() and data[x].max() >= 50 * data[x].min():
        fig.update_xaxes(type="log")
    fig.update_layout(xaxis_title=x, yaxis_title=value, title=f"{value} against {x}")
    each = f", one line for each {categories[0]}" if categories else ""
    return figures.describe(fig, f"{value} against {x}{each}: medians; bars from the least to the greatest run.")


def _heat_map(data: "pd.DataFrame", value: str, x: str, y: str) -> "go.Figure":
    import plotly.graph_objects as go

    grid = data.pivot_table(index=y, columns=x, values=value, aggfunc="median")
    fig = go.Figure(
        go.Heatmap(
            z=grid.to_numpy(),
            x=[str(name) for name in grid.columns],
            y=[str(name) for name in grid.index],
            colorbar_title=value,
            texttemplate="%{z:.4~g}",
            colorscale="Cividis",
        )
    )
    fig.update_layout(title=f"{value} for each {x} and {y}", xaxis_title=x, yaxis_title=y)
    fig.update_xaxes(type="category")
    fig.update_yaxes(type="category")
    return figures.describe(fig, f"A heat map of the median of {value}: {x} across, {y} upwards.")


def _strips(data: "pd.DataFrame", value: str, categories: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    fig = go.Figure()
    across = categories[0] if categories else _REPLICATES
    groups = data.groupby(categories[1]) if len(categories) > 1 else [("", data)]
    for (name, group), colour in zip(groups, [*figures.PALETTE.values()] * len(data), strict=False):
        labels = group[across].astype(str) if categories else ["all runs"] * len(group)
        fig.add_box(
            x=labels,
            y=group[value],
            name=str(name),
            boxpoints="all",
            pointpos=0,
            jitter=0.4,
            fillcolor="rgba(0,0,0,0)",
            line_color="rgba(0,0,0,0)",
            marker={"color": colour, "size": 10},
            showlegend=len(categories) > 1,
        )
    title = f"{value} for each {across}" if categories else f"{value}: its spread over seeds"
    fig.update_layout(title=title, yaxis_title=value, boxmode="group")
    return figures.describe(fig, f"Every run is a point: {value} for each {across if categories else 'run'}.")


def _parallel(data: "pd.DataFrame", value: str, numbers: list[str], categories: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    axes = [{"label": name, "values": data[name].astype(float)} for name in numbers]
    for name in categories:
        coded = data[name].astype(str).astype("category").cat
        labels = [str(label) for label in coded.categories]
        axes.append({"label": name, "values": coded.codes, "tickvals": list(range(len(labels))), "ticktext": labels})
    axes.append({"label": value, "values": data[value]})
    line = {"color": data[value], "colorscale": "Cividis", "showscale": True}
    fig = go.Figure(go.Parcoords(dimensions=axes, line=line))
    fig.update_layout(title=f"{value} and what varies", margin={"t": 120})
    names = ", ".join([*numbers, *categories])
    return figures.describe(fig, f"Parallel coordinates: each line is a run, through its {names} and its {value}.")


# ---- the page --------------------------------------------------------------------------------------------------------

_STYLE = """
body { font: 16px/1.5 "Open Sans", Verdana, Arial, sans-serif; color: #222; }
body { max-width: 80rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { margin: 2rem 0 0.5rem; font-size: 1.3rem; }
p.facts { color: #555; } figure { margin: 1rem 0; }
figcaption { color: #555; font-style: italic; font-size: 0.95rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: 0.3rem 0.7rem; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
td.number { text-align: right; } td.error { white-space: normal; color: #9c3d00; min-width: 20rem; }
th button { all: unset; cursor: pointer; font-weight: bold; } th button:focus-visible { outline: 2px solid #0072B2; }
th[aria-sort="ascending"] button::after { content: " ▲"; } th[aria-sort="descending"] button::after { content: " ▼"; }
input { font: inherit; padding: 0.3rem 0.6rem; min-width: 20rem; } a { color: #0072B2; }
"""

_SCRIPT = """
for (const place of document.querySelectorAll("figure > div[data-figure]")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
}
const body = document.querySelector("tbody"), rows = [...body.rows];
const shown = document.getElementById("shown");
document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    row.hidden = !words.every((word) => row.dataset.text.includes(word));
    count += !row.hidden;
  }
  shown.textContent = `${count} of ${rows.length} runs`;
});
document.querySelectorAll("th").forEach((head, column) => head.firstChild.addEventListener("click", () => {
  const up = head.getAttribute("aria-sort") !== "ascending";
  document.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  rows.sort((a, b) => {
    const [x, y] = [key(a), key(b)], [p, q] = [Number(x), Number(y)];
    const numeric = x !== "" && y !== "" && !Number.isNaN(p) && !Number.isNaN(q);
    return (numeric ? p - q : x.localeCompare(y)) * (up ? 1 : -1);
  });
  body.append(...rows);
}));
"""


def write_report(folder: Path, table: "pd.DataFrame") -> Path:
    """Write ``index.html`` and a page for each executed notebook.

    Parameters
    ----------
    folder : Path
        The sweep's folder.
    table : pandas.DataFrame
        As `results` gives it.

    Returns
    -------
    Path
        The report: plotly.js is in it, so that it can be sent on alone; the notebooks' pages share one beside them.
    """
    from plotly.offline import get_plotlyjs

    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    first = json.loads(next((folder / "records").glob(f"{table['id'].iloc[0]}.json")).read_text(encoding="utf-8"))
    parameters = [name for name in table.columns if name in _parameter_names(folder, table)]
    values = [name for name in table.columns if name not in {*parameters, *_ABOUT, "id"}]
    pages = {identity: _page(folder, identity) for identity in table["id"]}
    with _course_style():
        drawn = [fig.to_plotly_json() for fig in choose_figures(table, parameters, values)]
        figure_json = [_to_json(fig) for fig in drawn]
    blocks = []
    for number, (fig, text) in enumerate(zip(drawn, figure_json, strict=True)):
        about = html.escape(fig["layout"]["meta"]["description"])
        blocks.append(
            f'<figure><div role="img" aria-label="{about}" data-figure="figure-{number}"></div>'
            f'<figcaption>{about}</figcaption></figure><script type="application/json" id="figure-{number}">'
            f"{text}</script>"
        )
    name = html.escape(plan["name"])
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sweep {name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>{name}</h1><p class="facts">{_facts(plan, table, first)}</p>{"".join(blocks)}'
        f'<h2>Runs</h2><p><input id="filter" type="search" aria-label="Filter the runs" placeholder="Filter: words '
        f'that a row must have"> <span id="shown">{len(table)} of {len(table)} runs</span></p>'
        f'<div class="scroll">{_html_table(table, parameters, values, pages)}</div>'
        f"<script>{get_plotlyjs()}</script><script>{_SCRIPT}</script></body></html>"
    )
    path = folder / "index.html"
    write_safely(path, page)
    return path


@contextlib.contextmanager
def _course_style() -> Iterator[None]:
    """Use the course's template here, and leave the default of the caller's notebook as it was."""
    import plotly.io as pio

    template, renderer = pio.templates.default, pio.renderers.default
    figures.use_course_style()
    try:
        yield
    finally:
        pio.templates.default, pio.renderers.default = template, renderer


def _to_json(figure: dict) -> str:
    from plotly.io.json import to_json_plotly

    return to_json_plotly(figure).replace("</", "<\\/")


def _parameter_names(folder: Path, table: "pd.DataFrame") -> set[str]:
    names = set()
    for identity in table["id"]:
        found = json.loads((folder / "records" / f"{identity}.json").read_text(encoding="utf-8"))
        names |= set(found["parameters"])
    return names


def _facts(plan: dict, table: "pd.DataFrame", first: dict) -> str:
    done = int((table["status"] == DONE).sum())
    parts = [
        f"Notebook {html.escape(plan['notebook'])}",
        f"{done} of {len(plan['points'])} points done",
        f"{len(table) - done} failed" if done < len(table) else "",
        f"{table['seconds'].sum():,.0f} s of runs, {table['cpu_seconds'].sum():,.0f} s of CPU",
        f"at most {table['peak_bytes'].max() / 1e6:,.0f} MB a run" if table["peak_bytes"].notna().any() else "",
        f"{(table['ran'] == 'warm').sum()} warm, {(table['ran'] == 'kernel').sum()} in a kernel of their own",
        f"Python {html.escape(first['versions']['python'])}",
        f"commit {html.escape(first['git']['commit'][:9])}{' and changes' if first['git']['changed'] else ''}"
        if first["git"]
        else "",
    ]
    return " · ".join(part for part in parts if part)


def _html_table(table: "pd.DataFrame", parameters: list[str], values: list[str], pages: dict[str, bool]) -> str:
    import pandas as pd

    columns = [*parameters, *values, "status", "seconds", "cpu_seconds", "peak_bytes", "error"]
    shown = {"cpu_seconds": "CPU seconds", "peak_bytes": "MB"}
    heads = "".join(f"<th><button>{html.escape(shown.get(name, name))}</button></th>" for name in columns)
    lines = []
    for row in table.astype(object).to_dict("records"):
        cells = []
        for name in columns:
            value = row[name]
            missing = value is None or (isinstance(value, float) and pd.isna(value))
            text = "" if missing else _cell_text(name, value)
            kind = "error" if name == "error" else "number" if isinstance(value, (int, float)) else ""
            text = html.escape(text)
            if name == "status" and pages[row["id"]]:
                text = f'<a href="pages/{row["id"]}.html">{text}</a>'
            raw = "" if missing else html.escape(str(value))
            cells.append(f'<td class="{kind}" data-value="{raw}">{text}</td>')
        words = html.escape(" ".join(str(row[name]) for name in columns).lower())
        lines.append(f'<tr data-text="{words}">{"".join(cells)}</tr>')
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell_text(name: str, value: Any) -> str:
    if name == "peak_bytes":
        return f"{value / 1e6:,.0f}"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.4g}"
    return str(value)


# ---- the executed notebooks ------------------------------------------------------------------------------------------


@functools.cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="basic")


def _page(folder: Path, identity: str) -> bool:
    """Render an executed notebook unless that has been done; tell whether there is one."""
    import nbformat

    executed, page = folder / "notebooks" / f"{identity}.ipynb", folder / "pages" / f"{identity}.html"
    if not executed.is_file():
        return False
    if page.is_file() and page.stat().st_mtime >= executed.stat().st_mtime:
        return True
    notebook = nbformat.read(executed, as_version=4)
    drawn = [figures._embed(output) for cell in notebook.cells for output in cell.get("outputs", [])]
    body, _ = _exporter().from_notebook_node(notebook)
    script = ""
    if any(drawn):
        _share_plotly(folder / "pages")
        script = f'<script src="{_PLOTLY_FILE}"></script><script>{_DRAW}</script>'
    write_safely(
        page,
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{identity}</title>'
        f"<style>{_page_style()}</style></head><body>"
        f'<p><a href="../index.html">All runs</a></p>{body}{script}</body></html>',
    )
    return True


_DRAW = """
for (const place of document.querySelectorAll("figure.course > div")) {
  const figure = JSON.parse(place.nextElementSibling.textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
}
"""


@functools.cache
def _page_style() -> str:
    from pygments.formatters import HtmlFormatter

    return (
        "body { font: 16px/1.5 'Open Sans', Verdana, Arial, sans-serif; max-width: 64rem; margin: 0 auto; }"
        "body { padding: 1rem; } pre { font-size: 14px; overflow-x: auto; } .prompt { color: #777; font-size: 12px; }"
        ".input_area, .highlight { background: #f6f6f6; padding: 0.1rem 0.6rem; }"
        "table { border-collapse: collapse; } td, th { padding: 0.2rem 0.6rem; }"
        "figure.course { margin: 0; } .output_stderr pre { background: #fdeeee; } figcaption { font-style: italic; }"
        + HtmlFormatter().get_style_defs(".highlight")
    )


def _share_plotly(folder: Path) -> None:
    path = folder / _PLOTLY_FILE
    if not path.is_file():
        from plotly.offline import get_plotlyjs

        write_safely(path, get_plotlyjs())
