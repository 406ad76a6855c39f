"""The report of a sweep: what it says, what it draws, and the page in a browser."""

import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from small_notebooks import needs_fork, write_notebook

from course_lib import results, sweep
from course_lib.sweeps.figures import choose_figures, findings, say, what_varies
from course_lib.sweeps.progress import Progress, _line
from course_lib.sweeps.report import write_report


def grid(value, **parameters) -> pd.DataFrame:
    """Return the runs of a complete grid, `value` computed from the parameters of each."""
    table = pd.MultiIndex.from_product(parameters.values(), names=parameters).to_frame(index=False)
    return table.assign(auc=value(table), status="done", cpu_seconds=0.5)


def varied(table: pd.DataFrame):
    return what_varies(table, [name for name in table if name not in ("auc", "status", "cpu_seconds")])


def said(table: pd.DataFrame) -> str:
    return findings(varied(table), ["auc"])["auc"]


def drawn(table: pd.DataFrame):
    [figure] = choose_figures(varied(table), ["auc"])
    return figure


SEEDS = [0, 1, 2]
ROWS = [1_000, 4_000, 16_000]


def rising(table):
    return np.log(table["rows"]) + 0.1 * table["seed"]


# ---- which figure ----------------------------------------------------------------------------------------------------

FORMS = {
    "one number": ({"rows": ROWS, "seed": SEEDS}, {"scatter"}),
    "one number, one category": ({"rows": ROWS, "engine": ["pandas", "spark"], "seed": SEEDS}, {"scatter"}),
    "two numbers": ({"rows": ROWS, "share": [0, 0.1], "seed": SEEDS}, {"heatmap"}),
    "one category": ({"rows": [1], "engine": ["pandas", "spark"], "seed": SEEDS}, {"box"}),
    "two categories": ({"rows": [1], "engine": ["a", "b"], "clean": [True, False], "seed": SEEDS}, {"box"}),
    "three numbers": ({"rows": ROWS, "share": [0, 0.1], "depth": [1, 2], "seed": SEEDS}, {"parcoords"}),
    "two numbers, one category": (
        {"rows": ROWS, "share": [0, 0.1], "engine": ["a", "b"], "seed": SEEDS},
        {"parcoords"},
    ),
    "only seeds": ({"rows": [1], "seed": SEEDS}, {"box"}),
}


@pytest.mark.parametrize(("parameters", "kinds"), FORMS.values(), ids=FORMS)
def test_the_grid_chooses_the_figure(parameters, kinds):
    figure = drawn(grid(rising, **parameters))
    assert {trace.type for trace in figure.data} == kinds
    assert len(figure.layout.meta["description"]) > 40


def test_two_numbers_that_are_no_grid_are_dots():
    generator = np.random.default_rng(0)
    table = grid(rising, rows=[1], seed=range(60))
    table[["rate", "depth"]] = generator.random((60, 2))
    [trace] = drawn(table.assign(rows=range(1, 61)).drop(columns="rows")).data
    assert (trace.type, trace.mode) == ("scatter", "markers")


def test_seeds_are_averaged_and_show_as_a_band():
    figure = drawn(grid(rising, rows=ROWS, seed=SEEDS))
    low, high, mean = (np.array(trace.y) for trace in figure.data)
    np.testing.assert_allclose(mean, np.log(ROWS) + 0.1)
    np.testing.assert_allclose(high - low, 0.2)
    assert figure.layout.xaxis.title.text == "rows"


def test_sizes_that_lie_far_apart_are_drawn_on_logarithmic_axes():
    seconds = drawn(grid(lambda table: table["rows"] / 1e6, rows=[100_000, 2_500_000, 64_000_000], seed=[0]))
    assert (seconds.layout.xaxis.type, seconds.layout.yaxis.type) == ("log", "log")
    assert list(seconds.layout.xaxis.ticktext) == ["100k", "2.5M", "64M"]
    assert drawn(grid(lambda table: 5 + table["rows"] / 1e3, rows=[1, 2, 3], seed=[0])).layout.yaxis.type is None


def test_runs_that_failed_are_not_drawn():
    table = grid(rising, rows=ROWS, seed=SEEDS)
    table.loc[table["rows"] == 16_000, ["status", "auc"]] = ["time", np.nan]
    assert list(drawn(table).data[-1].x) == [1_000, 4_000]


def test_a_parameter_that_is_missing_somewhere_is_a_category():
    table = grid(rising, rows=ROWS, seed=SEEDS).astype({"rows": object})
    table.loc[table["rows"] == 1_000, "rows"] = None
    assert set(drawn(table).data[0].x) == {"not set", "4,000", "16,000"}


def test_files_go_by_their_names_unless_two_have_the_same():
    table = grid(lambda table: table["seed"] + 1.0, rows=[1], table=["/a/sales.csv", "/b/stock.csv"], seed=SEEDS)
    assert set(drawn(table).data[0].x) == {"sales.csv", "stock.csv"}
    same = table.replace("/b/stock.csv", "/b/sales.csv")
    assert set(drawn(same).data[0].x) == {"/a/sales.csv", "/b/sales.csv"}


def test_values_that_are_no_numbers_or_never_differ_are_not_drawn():
    table = grid(rising, rows=ROWS, seed=SEEDS).assign(auc="good", flat=1.5)
    assert choose_figures(varied(table.drop(columns="flat")), ["auc"]) == []
    assert findings(varied(table.drop(columns="flat").assign(auc=1.5)), ["auc"]) == {"auc": "is 1.5 in every run."}


@pytest.mark.parametrize(
    "parameters", [{"rows": [1], "engine": ["a", "b"]}, {"rows": ROWS, "share": [0, 1], "depth": [1, 2]}]
)
def test_thousands_of_runs_are_thinned_out(parameters):
    assert drawn(grid(rising, **parameters, seed=range(4_000)))


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (rising, "rises with rows, from 7.01 to 9.78"),
        (lambda table: -rising(table), "falls with rows"),
        (lambda table: table["seed"] + 0.0, "depends on rows less than on the seed"),
        (lambda table: -((table["rows"] - 4_000) ** 2) + 0.1 * table["seed"], "highest at rows 4,000"),
    ],
)
def test_the_title_says_the_finding(value, title):
    assert title in drawn(grid(value, rows=ROWS, seed=SEEDS)).layout.title.text


# ---- which sentence --------------------------------------------------------------------------------------------------


def test_the_finding_names_the_extremes_and_where_variance_comes_from():
    text = said(grid(lambda t: (t["rows"] > 1_000) + 0.0 * t["share"], rows=[1_000, 4_000], share=[0, 1], seed=SEEDS))
    assert "between 0 (rows 1,000, share 0) and 1 (rows 4,000, share 0)" in text
    assert "rows 100%, share 0%, how they act together 0%, chance (runs of one setting) 0%" in text


def test_shares_of_the_variance_are_those_of_the_construction():
    text = said(grid(lambda t: 3 * (t["rows"] > 1) + 4 * t["share"], rows=[1, 2], share=[0, 1], seed=SEEDS))
    assert "rows 36%, share 64%" in text  # 9 and 16 of 25


def test_differences_smaller_than_those_of_the_seeds_may_be_chance():
    assert "may be chance" in said(grid(lambda t: t["seed"] + 1e-3 * t["rows"], rows=[1, 2], seed=SEEDS))


def test_one_run_a_setting_says_nothing_about_chance():
    assert "only more seeds can tell" in said(grid(rising, rows=ROWS, seed=[0]))


def test_an_incomplete_grid_gets_no_shares_of_the_variance():
    assert "variance" not in said(grid(rising, rows=ROWS, seed=SEEDS).iloc[1:])


@pytest.mark.parametrize(
    ("value", "text"),
    [(64_000, "64,000"), (0.746712, "0.7467"), (-0.5, "−0.5"), (123456.7, "123,457"), (1e-5, "1e−05"), (True, "True")],
)
def test_numbers_are_written_for_people(value, text):
    assert say(value) == text


# ---- progress --------------------------------------------------------------------------------------------------------


def test_the_line_in_a_notebook_says_how_far_and_how_long():
    bundle = _line(Progress(points=50, done=19, failed=1, running=2, seconds=10.0), there=10, at_work=True)
    assert bundle["text/plain"] == "19 of 50 runs done, 1 failed, 2 running, 10 s, some 30 s to go"
    assert '<progress value="20" max="50"' in bundle["text/html"]


def test_what_stays_of_the_line_is_the_same_when_the_sweep_is_run_again():
    first = _line(Progress(points=5, done=4, failed=1, seconds=12.0), there=0, at_work=False)
    again = _line(Progress(points=5, done=4, failed=1, seconds=0.1), there=4, at_work=False)
    assert first["text/plain"] == again["text/plain"] == "4 of 5 runs done, 1 failed"


# ---- the page --------------------------------------------------------------------------------------------------------

NOTEBOOK = """
from course_lib import check_parameters, record
import plotly.graph_objects as go
check_parameters(rows=(1, 100), engine=..., seed=(0, None))
assert rows < 50, f"{rows} <b>rows</b> are too many"
record(auc=rows / 10 + seed / 100, note="</script><b>")
go.Figure(go.Scatter(x=[1, 2], y=[rows, seed]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep of 13 runs, one of which fails."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    place = tmp_path_factory.mktemp("sweep")
    declared = "rows: int = 1  # rows\nengine: str = 'a'  # library\nseed: int = 0  # seed"
    write_notebook(place / "n.ipynb", NOTEBOOK, parameters=declared)
    yaml = "notebook: n.ipynb\ngrid: {rows: [2, 10, 30], engine: [a, '<i>'], seed: [0, 1]}\npoints: [{rows: 60}]\n"
    (place / "s.yaml").write_text(yaml)
    sweep(place / "s.yaml", jobs=2, output=place / "out", watch=lambda progress: None)
    return place / "out"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium without a network."""
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        assert not os.environ.get("CI"), "CI must have chromium and chromedriver"
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = [f"--disable-{what}" for what in ("quic", "background-networking", "component-update", "sync", "gpu")]
    for flag in ("--headless=new", "--no-sandbox", "--window-size=1400,900", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(flag)
    for flag in (*quiet, "--no-first-run", f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser, folder):
    """Open the report from its file."""
    browser.set_window_size(1400, 900)
    browser.get((folder / "index.html").as_uri())
    return browser


def column(page, name: str) -> list[str]:
    """Return what a column shows, row by row as they stand, hidden ones left out."""
    return page.execute_script(
        "const heads = [...document.querySelectorAll('#runs thead th')];"
        "const i = heads.findIndex((head) => head.dataset.name === arguments[0]);"
        "return [...document.querySelectorAll('#runs tbody tr')].filter((r) => !r.hidden)"
        ".map((r) => r.cells[i].textContent)",
        name,
    )


def press(page, name: str) -> None:
    page.find_element("css selector", f'#runs th[data-name="{name}"] button').click()


@needs_fork
def test_the_page_opens_from_a_file_draws_and_complains_of_nothing(page):
    assert page.find_element("tag name", "h1").text == "s"
    assert len(page.find_elements("css selector", "figure .main-svg")) >= 2
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert not re.search(r"<(?:script|link|img)\b[^>]*\b(?:src|href)=", page.page_source.split("<h1>")[0])


@needs_fork
def test_the_finding_comes_before_figures_failures_costs_and_the_table(page):
    heads = [head.text for head in page.find_elements("css selector", "h2")]
    assert heads == ["What it found", "What failed", "What it cost", "All runs"]
    assert "rows 30" in page.find_element("css selector", ".found").text
    assert "60 <b>rows</b> are too many" in page.find_element("id", "failures").text
    assert "12 of 13" in page.find_element("tag name", "dl").text


@needs_fork
def test_every_figure_has_its_text(page):
    for place in page.find_elements("css selector", "[data-figure]"):
        assert len(place.get_attribute("aria-label")) > 40


@needs_fork
def test_a_click_sorts_by_number_and_back(page):
    press(page, "rows")
    assert column(page, "rows") == ["2"] * 4 + ["10"] * 4 + ["30"] * 4 + ["60"]
    press(page, "rows")
    assert column(page, "rows")[0] == "60"
    assert page.find_element("css selector", '#runs th[data-name="rows"]').get_attribute("aria-sort") == "descending"


@needs_fork
@pytest.mark.parametrize("clicks", [1, 2])
def test_runs_without_a_value_stand_last(page, clicks):
    for _ in range(clicks):
        press(page, "auc")
    assert column(page, "auc")[-1] == ""
    assert "" not in column(page, "auc")[:-1]


@needs_fork
def test_the_keyboard_sorts_too(page):
    page.find_element("css selector", '#runs th[data-name="seed"] button').send_keys("\ue007")
    assert column(page, "seed")[:6] == ["0"] * 6


@needs_fork
@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("failed", 1),
        ("rows=10", 4),
        ("rows=1", 0),
        ("auc>=1 seed=0", 4),
        ("engine=<i>", 6),
        ("rows>=1_000", 0),
        ("rows>2 DONE", 8),
        ("zz", 0),
    ],
)
def test_words_and_conditions_filter(page, words, count):
    page.find_element("id", "filter").send_keys(words)
    assert len(column(page, "rows")) == count
    assert page.find_element("id", "shown").text == f"{count} of 13 runs"


@needs_fork
def test_each_run_opens_its_notebook_and_leads_back(page, folder):
    page.find_element("css selector", "#runs tbody a").click()
    assert "rows 2, engine a, seed 0" in page.find_element("tag name", "nav").text
    assert page.find_elements("css selector", "figure.course .main-svg")
    assert "recorded: auc = 0.2" in page.find_element("tag name", "main").text
    page.find_element("css selector", "nav a").click()
    assert page.current_url == (folder / "index.html").as_uri()


@needs_fork
def test_a_phone_sees_all_of_it_without_scrolling_sideways(page):
    device = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    try:
        page.get(page.current_url)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        widths = [figure.size["width"] for figure in page.find_elements("css selector", "figure .main-svg")]
        assert max(widths) <= 390
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@needs_fork
def test_a_sweep_in_which_all_failed_has_a_report(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "out")
    for path in (tmp_path / "out" / "records").glob("*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"status": "time", "values": {}, "error": "it took too long"}))
    page = write_report(tmp_path / "out", results(tmp_path / "out")).read_text()
    assert "13 runs failed" in page
    assert "No run recorded a number" in page
