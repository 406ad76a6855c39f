import json
import re

import nbformat
import plotly.graph_objects as go
import pytest
from bs4 import BeautifulSoup

from course_lib.errors import CourseError
from course_lib.figures import describe
from course_lib.pages import embed_figures, export_html


def drawn():
    return go.Figure(go.Bar(x=[5, 6], y=[0.1, 0.3]))


@pytest.fixture
def page(tmp_path, course_style):
    tricky = describe(drawn().update_layout(title="a </script> b"), 'Shares "rise" & fall.')
    outputs = [
        nbformat.v4.new_output("display_data", json.loads(json.dumps(fig._repr_mimebundle_(), default=str)))
        for fig in (tricky, describe(drawn(), "The same again."))
    ]
    cells = [nbformat.v4.new_code_cell(f"figure_{i}", outputs=[output]) for i, output in enumerate(outputs)]
    cells.append(nbformat.v4.new_code_cell("assert share_rises", metadata={"tags": ["hide-input"]}))
    source = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    return export_html(source, tmp_path / "deep" / "lesson.html").read_text()


def test_page_asks_nothing_of_the_network(page):
    assert not re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=", page.replace(plotly_js(), ""))
    assert "@import" not in page.replace(plotly_js(), "")


def test_page_holds_plotly_once_and_each_figure_as_data(page):
    assert page.count(plotly_js()) == 1
    assert page.count('<script type="application/json">') == 2
    assert "a <\\/script> b" in page


def test_page_keeps_the_text_alternative(page):
    found = BeautifulSoup(page.replace(plotly_js(), ""), "html.parser").find_all("figure")
    texts = ['Shares "rise" & fall.', "The same again."]
    assert [figure.find(role="img")["aria-label"] for figure in found] == texts
    assert [figure.figcaption.text for figure in found] == texts


def test_page_hides_the_code_of_hidden_cells(page):
    assert "share_rises" not in page and "figure_1" in page


def test_page_leads_to_the_pages_of_other_lessons(tmp_path):
    cell = nbformat.v4.new_markdown_cell("On to [the platform](01_data_platform.ipynb#storage).")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    page = export_html(tmp_path / "a.ipynb", tmp_path / "a.html").read_text()
    assert 'href="01_data_platform.html#storage"' in page


def test_outputs_without_content_are_taken_out():
    cell = {"cell_type": "code", "outputs": [{"output_type": "display_data", "data": {}}]}
    assert not embed_figures({"cells": [cell]})
    assert cell["outputs"] == []


def test_page_without_figures_is_small(tmp_path):
    source = tmp_path / "prose.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Prose.")]), source)
    assert export_html(source, tmp_path / "prose.html").stat().st_size < 1_000_000


def test_missing_notebook_is_one_line(tmp_path):
    with pytest.raises(CourseError, match="There is no notebook"):
        export_html(tmp_path / "none.ipynb", tmp_path / "none.html")


def plotly_js():
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
