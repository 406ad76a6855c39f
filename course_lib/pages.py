"""An executed notebook as a page: figures that draw themselves, their text alternatives, nothing from the network."""

import html
import json
import re
from pathlib import Path

from course_lib.errors import CourseError

_LESSON_LINK = re.compile(r"\]\((?:\.\./)*(\d\d\w+)\.ipynb")
_PLOTLY = "application/vnd.plotly.v1+json"

# The lab's look without what it would fetch from elsewhere; plotly.js once, and a script that draws every figure.
_PAGE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
  main { max-width: 64rem; margin: 0 auto; }
  figure.course { margin: 0; }
  figure.course figcaption { font: italic 0.95rem/1.4 sans-serif; color: #444444; padding: 0.75rem 1rem 0.5rem; }
</style>
{{ resources.get('plotly_js', '') }}
{%- endblock -%}
{%- block footer_js -%}{{ resources.get('drawing', '') }}{%- endblock -%}
"""


def export_html(notebook_path: str | Path, html_path: str | Path) -> Path:
    """Write an executed notebook as one page that needs no network: figures, text alternatives, styles.

    Parameters
    ----------
    notebook_path : path
        An executed notebook.
    html_path : path
        The page; about 5 MB if there is a figure (plotly.js, once), else 0.4 MB.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    CourseError
        If the notebook is missing or is not a notebook.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook_path, html_path = Path(notebook_path), Path(html_path)
    try:
        notebook = nbformat.read(notebook_path, as_version=4)
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {notebook_path}.") from None
    except Exception as error:
        raise CourseError(f"{notebook_path} is not a notebook: {error}") from None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":  # the pages of other lessons lie beside this one
            cell.source = _LESSON_LINK.sub(r"](\1.html", cell.source)
    resources = {"metadata": {"name": notebook_path.stem, "path": str(notebook_path.parent)}}
    if embed_figures(notebook):
        from plotly.offline import get_plotlyjs

        resources |= {"plotly_js": f"<script>{get_plotlyjs()}</script>", "drawing": drawing("displaylogo: false")}
    # Cells that only assert a claim are for the run, not for the reader of the page.
    hidden = {"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {"hide-input"}}}
    exporter = HTMLExporter(raw_template=_PAGE, config=Config(hidden))
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    html_path.parent.mkdir(parents=True, exist_ok=True)
    html_path.write_text(page, encoding="utf-8")
    return html_path


def embed_figures(notebook: dict) -> bool:
    """Put the figures of an executed notebook into it as HTML, with their data and their text alternatives.

    Outputs without content, which Spark's progress leaves behind, are taken out.

    Parameters
    ----------
    notebook : dict
        The notebook's JSON; its outputs are changed.

    Returns
    -------
    bool
        Whether there are figures, so that the page needs plotly.js and `drawing`.
    """
    embedded = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [output for output in cell.get("outputs", []) if output.get("data") != {}]
            embedded += map(_embed, cell["outputs"])
    return any(embedded)


def _embed(output: dict) -> bool:
    """Replace a Plotly output by HTML that holds its JSON and its text alternative; tell whether it was one."""
    figure = output.get("data", {}).get(_PLOTLY)
    if figure is None:
        return False
    figure = {"data": figure.get("data", []), "layout": figure.get("layout", {})}
    meta = figure["layout"].get("meta") or {}
    text = html.escape(meta.get("description", "") if isinstance(meta, dict) else "")
    content = json.dumps(figure).replace("</", "<\\/")  # nothing in it may end the script element
    output["data"] = {
        "text/html": (
            f'<figure class="course"><div role="img" aria-label="{text or "A figure without a description"}"></div>'
            f'<script type="application/json">{content}</script><figcaption>{text}</figcaption></figure>'
        )
    }
    return True


def drawing(options: str) -> str:
    """Give the script that draws what `embed_figures` has put into a page.

    Parameters
    ----------
    options : str
        More of Plotly's settings, as they stand in JavaScript: ``"displaylogo: false"``.

    Returns
    -------
    str
        A script element; it comes after the figures and plotly.js.
    """
    return f"""<script>
  for (const place of document.querySelectorAll("figure.course > div")) {{
    const figure = JSON.parse(place.nextElementSibling.textContent);
    Plotly.newPlot(place, figure.data, figure.layout, {{ responsive: true, {options} }});
  }}
</script>"""
