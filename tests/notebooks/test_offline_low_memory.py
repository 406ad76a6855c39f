"""Every lesson as on Binder: without a network, at the low-memory profile, measured; then as a page."""

import re

from lesson_runs import run_lesson

from course_lib.pages import export_html

LIMIT_BYTES = 1.7e9
PLOTLY = "application/vnd.plotly.v1+json"


def test_lesson_runs_offline_in_little_memory_and_becomes_a_page(lesson, without_network, tmp_path, record_property):
    offline = {"COURSE_PROFILE": "low-memory", "COURSE_POSTGRES_URL": ""}
    # A sweep that has run is kept, and no two run in one folder: here is one that nobody has used.
    own = [("folder", tmp_path / "sweeps")] if lesson.stem == "reading_a_sweep" else []
    run = run_lesson(lesson, tmp_path / lesson.name, own, without_network, with_memory=True, **offline)
    record_property("peak memory", f"{lesson.stem}: {run.peak_bytes / 1e9:.2f} GB at the low-memory profile")
    assert run.peak_bytes <= LIMIT_BYTES

    outputs = [output for cell in run.notebook.cells for output in cell.get("outputs", [])]
    drawn = [output.data[PLOTLY] for output in outputs if PLOTLY in output.get("data", {})]
    assert drawn, "a lesson shows its findings in figures"
    silent = [figure["layout"]["title"] for figure in drawn if not figure["layout"].get("meta", {}).get("description")]
    assert not silent, f"figures without a text alternative: {silent}"
    noisy = [output.text[:300] for output in outputs if output.get("name") == "stderr"]
    assert not noisy, f"a lesson's saved outputs hold no log lines: {noisy}"

    page = tmp_path / "lesson.html"
    export_html(run.path, page)
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//", html)
    assert html.count("Plotly.newPlot") >= 1
    assert page.stat().st_size < 12e6
