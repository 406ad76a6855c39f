"""The executed notebook of each run as a page; all pages of a sweep share one plotly.js."""

import functools
import html
import threading
from pathlib import Path
from typing import Any

from course_lib.pages import drawing, embed_figures
from course_lib.sweeps.figures import say
from course_lib.sweeps.records import write_safely

_PLOTLY_FILE = "plotly.min.js"


@functools.cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter
    from nbconvert.filters import clean_html

    exporter = HTMLExporter(template_name="basic")
    exporter.register_filter("clean_html", functools.lru_cache(1000)(clean_html))  # runs share most of their cells
    return exporter


def get_ready() -> None:
    """Import and build what pages need."""
    import nbformat

    _render(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("&nbsp;"), nbformat.v4.new_code_cell("1")]))
    _page_style()


_rendering = threading.Lock()  # runs end in several threads, and nbconvert's exporter keeps its notebook's settings


def _render(notebook: Any) -> str:
    with _rendering:
        return _exporter().from_notebook_node(notebook)[0]


def write_page(folder: Path, row: dict[str, Any], parameters: list[str], sweep: str) -> bool:
    """Render an executed notebook unless that has been done.

    Parameters
    ----------
    folder : Path
        The sweep's folder.
    row : dict
        The run's ``id``, ``status``, ``error`` and parameters.
    parameters : list of str
        Which of them to name at the top.
    sweep : str
        The sweep's name.

    Returns
    -------
    bool
        Whether there is a notebook.
    """
    import nbformat

    identity = row["id"]
    executed, page = folder / "notebooks" / f"{identity}.ipynb", folder / "pages" / f"{identity}.html"
    if not executed.is_file():
        return False
    if page.is_file() and page.stat().st_mtime >= executed.stat().st_mtime:
        return True
    notebook = nbformat.read(executed, as_version=4)
    script = ""
    if embed_figures(notebook):
        _share_plotly(folder / "pages")
        script = f'<script src="{_PLOTLY_FILE}"></script>{drawing("displayModeBar: false")}'
    body = _render(notebook)
    setting = html.escape(", ".join(f"{name} {say(row[name])}" for name in parameters)) or identity
    error = f'<p class="error">{html.escape(str(row["error"]))}</p>' if row["error"] else ""
    nav = f'<nav><a href="../index.html">{html.escape(sweep)}: all runs</a> · {setting} · {row["status"]}{error}</nav>'
    write_safely(page, document(setting, _page_style(), f"{nav}<main>{body}</main>{script}"))
    return True


_PAGE_STYLE = """
body { font: 16px/1.5 "Open Sans", Verdana, Arial, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem; }
body { color: #222; } a { color: #005a8e; } img { max-width: 100%; } pre { font-size: 14px; overflow-x: auto; }
nav { border-bottom: 1px solid #e0e0e0; padding-bottom: 0.5rem; } .error { color: #9c3d00; margin: 0.3rem 0 0; }
.prompt { color: #666; font-size: 12px; } .input_area, .highlight { background: #f6f6f6; padding: 0.1rem 0.6rem; }
.anchor-link { display: none; } .output_html { overflow-x: auto; } table { border-collapse: collapse; }
td, th { padding: 0.2rem 0.6rem; text-align: right; } figure.course { margin: 0; }
.output_stderr pre { background: #fdeeee; } figcaption { font-style: italic; }
"""


@functools.cache
def _page_style() -> str:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="xcode").get_style_defs(".highlight") + _PAGE_STYLE


def _share_plotly(folder: Path) -> None:
    from plotly.offline import get_plotlyjs

    path = folder / _PLOTLY_FILE
    if not path.is_file():
        write_safely(path, get_plotlyjs())


def document(title: str, style: str, body: str) -> str:
    """Put a page together from its title, its style sheet and what is in its body, all of them HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body>{body}</body></html>"
    )
