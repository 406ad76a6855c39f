"""A sweep's report: one page that needs no network."""

import contextlib
import html
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import figures
from course_lib.sweeps import run_pages
from course_lib.sweeps.figures import choose_figures, differs, findings, say, what_varies
from course_lib.sweeps.records import ABOUT, DONE, read_record, write_safely

if TYPE_CHECKING:
    import pandas as pd

_STYLE = """
:root { --ink: #222; --soft: #555; --line: #e0e0e0; --blue: #005a8e; --red: #9c3d00; }
* { box-sizing: border-box; }
body { font: 16px/1.5 "Open Sans", Verdana, Arial, sans-serif; color: var(--ink); background: white; margin: 0; }
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.8rem; margin: 0; } h2 { margin: 2.5rem 0 0.5rem; font-size: 1.35rem; }
h3 { font-size: 1.15rem; margin: 0; font-weight: 600; }
header p { color: var(--soft); margin: 0.2rem 0 0; } a { color: var(--blue); }
dl { display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 1.2rem 0 0; }
dl div { flex: 1 1 9rem; border: 1px solid var(--line); border-radius: 6px; padding: 0.5rem 0.9rem; }
dt { color: var(--soft); font-size: 0.9rem; } dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
dd small { display: block; font-weight: normal; font-size: 0.85rem; color: var(--soft); }
.alert { border-left: 6px solid #d55e00; padding: 0.4rem 0.9rem; margin: 1rem 0 0; }
.found { border-left: 6px solid #0072b2; padding: 0.2rem 0.9rem; } .found p { margin: 0.5rem 0; max-width: 62rem; }
.figures { display: grid; margin-top: 2rem; }
.figures { grid-template-columns: repeat(auto-fit, minmax(min(32rem, 100%), 1fr)); gap: 2rem 1.5rem; }
figure { margin: 0; min-width: 0; } .scroll + figure { margin-top: 1.5rem; }
figure .drawing { overflow-x: auto; } figcaption { color: var(--soft); font-size: 0.95rem; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.95rem; width: 100%; }
th, td { text-align: left; padding: 0.35rem 0.7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { position: sticky; top: 0; background: #f4f6f8; } tbody tr:hover { background: #f4f8fb; }
.number { text-align: right; } td.error { white-space: normal; color: var(--red); min-width: 20rem; }
td.bad { color: var(--red); font-weight: 600; }
th button { all: unset; cursor: pointer; font-weight: 600; }
:is(button, a, input, .scroll):focus-visible { outline: 3px solid #0072b2; outline-offset: 1px; }
th[aria-sort="ascending"] button::after { content: " ▲"; } th[aria-sort="descending"] button::after { content: " ▼"; }
input { font: inherit; padding: 0.4rem 0.7rem; width: min(26rem, 100%); border: 1px solid #767676; border-radius: 6px; }
#shown { color: var(--soft); } .hint { color: var(--soft); font-size: 0.95rem; }
@media print { .scroll { max-height: none; overflow: visible; } }
"""

# A word of the filter must occur in a row; `auc>0.7` and `seed=1` ask one column.
_SCRIPT = """
for (const place of document.querySelectorAll("[data-figure]")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displayModeBar: false });
}
const table = document.getElementById("runs"), body = table.tBodies[0], rows = [...body.rows];
const heads = [...table.tHead.rows[0].cells], names = heads.map((head) => head.dataset.name);
const shown = document.getElementById("shown");
const compare = (a, b) => {
  const [p, q] = [Number(a), Number(b)];
  return a !== "" && b !== "" && !Number.isNaN(p) && !Number.isNaN(q) ? p - q : a.localeCompare(b);
};
const holds = (row, word) => {
  const asked = word.match(/^(.+?)(<=|>=|=|<|>)(.+)$/), column = asked ? names.indexOf(asked[1]) : -1;
  if (column < 0) return row.textContent.toLowerCase().includes(word);
  const value = row.cells[column].dataset.value.toLowerCase();
  const order = compare(value, asked[3].replace(/(?<=\\d)[,_](?=\\d{3})/g, ""));
  const true_of = { "<": order < 0, ">": order > 0, "=": order === 0, "<=": order <= 0, ">=": order >= 0 };
  return value !== "" && true_of[asked[2]];
};
document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    row.hidden = !words.every((word) => holds(row, word));
    count += !row.hidden;
  }
  shown.textContent = `${count} of ${rows.length} runs`;
});
heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const key = (row) => row.cells[column].dataset.value;
  rows.sort((a, b) => (key(a) === "") - (key(b) === "") || sign * compare(key(a), key(b)));
  body.append(...rows);
}));
"""


def get_ready() -> None:
    """Import and build what pages and figures need: two seconds that need not come at the end."""
    import pandas as pd

    run_pages.get_ready()
    with _course_style():
        figures.line(pd.DataFrame({"x": [0, 1], "y": [0, 1]}), "x", "y", "").to_plotly_json()


def write_report(folder: Path, table: "pd.DataFrame") -> Path:
    """Write ``index.html``, and a page for each executed notebook that has none yet.

    Parameters
    ----------
    folder : Path
        The sweep's folder.
    table : pandas.DataFrame
        As `results` gives it, with one run at least.

    Returns
    -------
    Path
        The report: plotly.js is in it, so that it can be sent on alone; the notebooks' pages share one beside them.
    """
    from plotly.offline import get_plotlyjs

    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    records = {identity: read_record(folder, identity) for identity in table["id"]}
    given = {name for record in records.values() if record for name in record["parameters"]}
    parameters = [name for name in table.columns if name in given]
    values = [name for name in table.columns if name not in {*parameters, *ABOUT, "id"}]
    varied = what_varies(table, parameters)
    shown = [name for name in parameters if differs(table[name])]
    fixed = ", ".join(f"{name} {say(table[name].iloc[0])}" for name in parameters if name not in shown)
    with _course_style():
        found = [_figure(number, fig) for number, fig in enumerate(choose_figures(varied, values))]
        varied.data = varied.data.rename(columns={"cpu_seconds": "CPU seconds"})
        cost = [_figure("cost", fig) for fig in choose_figures(varied, ["CPU seconds"])]
    about = {**plan, "fixed": fixed, **next(record for record in records.values() if record)}
    pages = {row["id"]: run_pages.write_page(folder, row, shown, plan["name"]) for row in table.to_dict("records")}
    failed = table[table["status"] != DONE]
    alert = f'<p class="alert"><a href="#failed">{_runs(len(failed))} failed</a>.'
    alert += " <code>--resume</code> runs again what failed.</p>"
    name = html.escape(plan["name"])
    parts = [
        f"<header><h1>{name}</h1><p>{_origin(about)}</p>{_tiles(plan, table)}{alert if len(failed) else ''}</header>",
        f"<main>{_section('What it found', _sentences(findings(varied, values)))}",
        f'<div class="figures">{"".join(found)}</div>',
        _section("What failed", _failures(failed, shown, pages), "failed") if len(failed) else "",
        _section("What it cost", _cost(table) + "".join(cost)),
        _section("All runs", _filter(table) + _html_table(table, shown, values, pages)),
        f"</main><script>{get_plotlyjs()}</script><script>{_SCRIPT}</script>",
    ]
    path = folder / "index.html"
    write_safely(path, run_pages.document(f"Sweep {name}", _STYLE, "\n".join(part for part in parts if part)))
    return path


def _section(title: str, content: str, anchor: str = "") -> str:
    return f"<section{f' id={anchor!r}' if anchor else ''}><h2>{title}</h2>{content}</section>"


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


def _figure(number: Any, fig: Any) -> str:
    """Put a figure's title above it, where it can wrap on a phone, and its description below it."""
    from plotly.io.json import to_json_plotly

    title, about = html.escape(fig.layout.title.text), html.escape(fig.layout.meta["description"])
    caption = about.replace(f" {title}.", "")  # the title stands above
    margin = {"t": fig.layout.margin.t or 40, "r": fig.layout.margin.r or 20, "b": 60, "l": fig.layout.margin.l or 60}
    fig.update_layout(title=None, height=400, font_size=14, margin=margin)
    axes = len(getattr(fig.data[0], "dimensions", ()))
    wide = f' style="min-width: {7 * axes}rem"' if axes else ""  # their names need that, also on a phone
    content = to_json_plotly(fig.to_plotly_json()).replace("</", "<\\/")
    drawing = f'<div role="img" aria-label="{about}" data-figure="figure-{number}"{wide}></div>'
    data = f'<script type="application/json" id="figure-{number}">{content}</script>'
    return (
        f'<figure><h3>{title}</h3><div class="drawing">{drawing}</div><figcaption>{caption}</figcaption>{data}</figure>'
    )


def _origin(about: dict) -> str:
    parts = [
        html.escape(about["notebook"]),
        html.escape(about["fixed"]),
        html.escape(about["started"][:16].replace("T", " ")) + " UTC",
        f"Python {html.escape(about['versions']['python'])}",
    ]
    if about["git"]:
        parts.append(
            f"commit {html.escape(about['git']['commit'][:9])}{' and changes' if about['git']['changed'] else ''}"
        )
    return " · ".join(part for part in parts if part)


def _tiles(plan: dict, table: "pd.DataFrame") -> str:
    done = int((table["status"] == DONE).sum())
    ran = ", ".join(f"{count} {way}" for way, count in _ways(table).value_counts().items())
    tiles = [
        ("runs done", f"{done} of {len(plan['points'])}", ran),
        ("CPU a run", _seconds(table["cpu_seconds"].median()), "the median"),
        ("CPU in all", _seconds(table["cpu_seconds"].sum()), f"{_seconds(table['seconds'].sum())} of runs"),
        ("memory of a run", _megabytes(table["peak_bytes"].max()), "at most"),
    ]
    return f"<dl>{''.join(f'<div><dt>{a}</dt><dd>{b}<small>{c}</small></dd></div>' for a, b, c in tiles)}</dl>"


def _ways(table: "pd.DataFrame") -> "pd.Series":
    """Say how each run ran: in which process, on which Spark."""
    spark = {"connect": ", on the sweep's Spark Connect", "own": ", with a Spark of its own"}
    ran = table["ran"].map({"kernel": "in a kernel of its own"}).fillna(table["ran"])
    return ran + table["spark"].map(spark).fillna("")


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _seconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB" if math.isfinite(size) else "unknown"


def _sentences(found: dict[str, str]) -> str:
    said = [f"<p><strong>{html.escape(name)}</strong> {html.escape(text)}</p>" for name, text in found.items()]
    nothing = "<p>No run recorded a number; <code>record(name=value)</code> in the notebook does it.</p>"
    return f'<div class="found">{"".join(said) or nothing}</div>'


def _failures(failed: "pd.DataFrame", parameters: list[str], pages: dict[str, bool]) -> str:
    return _html_table(failed, parameters, [], pages, ["status", "attempts", "error"], "failures")


def _cost(table: "pd.DataFrame") -> str:
    lines = []
    for way, runs in table.groupby(_ways(table)):
        cells = [runs["cpu_seconds"].median(), runs["cpu_seconds"].max(), runs["seconds"].median()]
        cells = [html.escape(way), str(len(runs)), *map(_seconds, cells), _megabytes(runs["peak_bytes"].max())]
        lines.append("".join(f'<td class="{"number" if n else ""}">{cell}</td>' for n, cell in enumerate(cells)))
    heads = ["how they ran", "runs", "CPU, median", "CPU, most", "wall time, median", "memory, most"]
    head = "".join(f'<th scope="col" class="{"number" if n else ""}">{name}</th>' for n, name in enumerate(heads))
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _filter(table: "pd.DataFrame") -> str:
    return (
        '<p><label for="filter">Show the runs with</label> <input id="filter" type="search" autocomplete="off"> '
        f'<span id="shown" role="status">{len(table)} of {len(table)} runs</span><br><span class="hint">Words, or '
        "conditions such as <code>seed=1</code> and <code>seconds&gt;2</code>. A column's name sorts by it; a run's "
        "number opens its notebook.</span></p>"
    )


def _html_table(
    table: "pd.DataFrame",
    parameters: list[str],
    values: list[str],
    pages: dict[str, bool],
    about: list[str] | None = None,
    name: str = "runs",
) -> str:
    about = about or ["status", "cpu_seconds", "seconds", "peak_bytes", "ran", "spark", "error"]
    columns = [*parameters, *values, *about]
    columns = [name for name in columns if name not in ("error", "spark") or table[name].any()]
    titles = {"cpu_seconds": "CPU seconds", "peak_bytes": "MB", "seconds": "wall seconds"}
    right = {column for column in columns if _is_number(table[column])}
    heads = ""
    for column in ["run", *columns]:
        kind = ' class="number"' if column in right else ""
        label = html.escape(titles.get(column, column))
        label = f"<button>{label}</button>" if name == "runs" else label
        heads += f'<th scope="col" data-name="{html.escape(column.lower())}"{kind}>{label}</th>'
    lines = []
    for position, row in zip(table.index, table.astype(object).to_dict("records"), strict=True):
        number = position + 1
        link = f'<a href="pages/{row["id"]}.html">{number}</a>' if pages[row["id"]] else str(number)
        cells = [f'<td data-value="{number}">{link}</td>']
        for column in columns:
            value = row[column]
            missing = value is None or value != value
            kind = "number" if column in right else "error" if column == "error" else ""
            kind = "bad" if column == "status" and value != DONE else kind
            raw, text = ("", "") if missing else (html.escape(str(value)), html.escape(_cell_text(column, value)))
            cells.append(f'<td{f" class={kind!r}" if kind else ""} data-value="{raw}">{text}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table of {name}"><table id="{name}"><thead>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _is_number(column: "pd.Series") -> bool:
    kinds = {type(value) for value in column.astype(object) if value is not None and value == value}
    return bool(kinds) and kinds <= {int, float}


def _cell_text(name: str, value: Any) -> str:
    if name == "peak_bytes":
        return f"{value / 1e6:,.0f}"
    return f"{value:.2f}" if name in ("seconds", "cpu_seconds") else say(value)
