import json
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from course_lib import figures
from course_lib.errors import CourseError

BY_HOUR = pd.DataFrame({"hour": range(5, 24), "share": np.linspace(0.05, 0.35, 19)})
BY_HOUR["low"], BY_HOUR["high"] = BY_HOUR["share"] - 0.02, BY_HOUR["share"] + 0.03


pytestmark = pytest.mark.usefixtures("course_style")


def drawn():
    return figures.bars(BY_HOUR, "hour", "share", "Late after noon", error=("low", "high"), label=".0%")


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_style_is_the_default_of_new_figures():
    assert go.Figure().layout.template.layout.colorway[0] == figures.PALETTE["blue"]
    assert go.Figure().layout.template.layout.font.size >= 16


def test_palette_shows_on_white():
    # WCAG asks 3:1 of graphics; the two lightest of Okabe and Ito's are kept last, for areas.
    contrast = {name: 1.05 / (luminance(colour) + 0.05) for name, colour in figures.PALETTE.items()}
    assert all(contrast[name] >= 2.8 for name in ("blue", "vermilion", "green", "purple", "black"))


def test_saved_figure_is_small_and_carries_its_text():
    bundle = figures.describe(drawn(), "Shares rise.")._repr_mimebundle_()
    assert list(bundle) == ["application/vnd.plotly.v1+json"]
    assert len(json.dumps(bundle, default=str)) < 20_000
    assert bundle["application/vnd.plotly.v1+json"]["layout"]["meta"] == {"description": "Shares rise."}


def test_description_can_be_given_anew():
    fig = figures.describe(figures.describe(drawn(), "one"), "two")
    assert [note.text for note in fig.layout.annotations] == ["two"]


def test_empty_description_is_refused():
    with pytest.raises(CourseError, match="needs a text alternative"):
        figures.describe(drawn(), " ")


@pytest.mark.parametrize(
    "trace", [go.Scatter(y=list(range(5_001))), go.Heatmap(z=np.zeros((80, 80))), go.Histogram(x=np.zeros(6_000))]
)
def test_crowd_is_refused(trace):
    with pytest.raises(CourseError, match="aggregate first"):
        figures.describe(go.Figure(trace), "many points")


def test_bars_take_an_index_as_column():
    fig = figures.bars(BY_HOUR.set_index("hour")["share"], "hour", "share", "Late after noon")
    assert list(fig.data[0].x) == list(BY_HOUR["hour"])


def test_bars_draw_the_interval():
    error = drawn().data[0].error_y
    assert np.allclose(error.array, 0.03) and np.allclose(error.arrayminus, 0.02)


def test_texts_that_look_like_dates_stay_categories():
    # Plotly's own guess makes October 2001 of the second, and drops the first.
    years = pd.DataFrame({"years": ["1991-00", "2001-10"], "ratio": [0.7, -1.2]})
    assert figures.bars(years, "years", "ratio", "It lost").layout.xaxis.type == "category"
    assert figures.bars(years, "years", "ratio", "It lost", horizontal=True).layout.yaxis.type == "category"
    assert drawn().layout.xaxis.type is None


def test_highlight_leaves_the_others_grey():
    fig = figures.bars(BY_HOUR, "hour", "share", "Late after noon", highlight=[17, 18])
    assert list(fig.data[0].marker.color).count(figures.PALETTE["vermilion"]) == 2


def test_missing_column_is_named():
    with pytest.raises(CourseError, match="no column rate; there are hour, share"):
        figures.bars(BY_HOUR, "hour", "rate", "Late after noon")


def test_long_table_is_refused():
    with pytest.raises(CourseError, match="6,000 points"):
        figures.line(pd.DataFrame({"x": range(6_000), "y": 0}), "x", "y", "A line")


def test_lines_are_in_order_and_named_at_their_end():
    table = pd.concat([BY_HOUR.assign(origin="JFK"), (BY_HOUR / 2).assign(hour=BY_HOUR["hour"], origin="EWR")])
    table = table.sample(frac=1, random_state=0)
    fig = figures.line(table, "hour", "share", "Late after noon", group="origin")
    lines = [trace for trace in fig.data if trace.mode == "lines"]
    assert all(list(trace.x) == list(BY_HOUR["hour"]) for trace in lines)
    assert {trace.text[0].strip() for trace in fig.data if trace.mode == "text"} == {"JFK", "EWR"}


def test_lines_that_end_together_get_a_legend():
    table = pd.concat([BY_HOUR.assign(origin="JFK"), BY_HOUR.assign(origin="EWR")])
    fig = figures.line(table, "hour", "share", "Late after noon", group="origin")
    assert [(trace.mode, trace.showlegend) for trace in fig.data] == [("lines", True)] * 2


def test_interval_of_a_line_is_a_band():
    fig = figures.line(BY_HOUR, "hour", "share", "Late after noon", interval=("low", "high"))
    assert [trace.fill for trace in fig.data] == [None, "tonexty", None]


def test_heat_map_is_the_table():
    table = pd.DataFrame({"hour": [5, 5, 6], "origin": ["JFK", "EWR", "JFK"], "share": [0.1, 0.2, 0.3]})
    fig = figures.heat_map(table, "hour", "origin", "share", "Late after noon")
    assert np.array_equal(fig.data[0].z, [[0.2, np.nan], [0.1, 0.3]], equal_nan=True)


def test_heat_map_of_raw_rows_is_refused():
    with pytest.raises(CourseError, match="groupby"):
        figures.heat_map(pd.concat([BY_HOUR, BY_HOUR]), "hour", "low", "share", "Late after noon")


VALUES = pd.DataFrame({"delay": [0.0, 1, 1, 2, 9, 10, 700, np.nan]})


def test_histogram_counts_and_tells_what_it_leaves_out():
    fig = figures.histogram(VALUES, "delay", "Most are on time", bins=5, limits=(0, 10), x_title="minutes")
    assert list(fig.data[0].y) == [3, 1, 0, 0, 2]
    assert fig.layout.xaxis.title.text == "minutes (1 missing and 1 outside not drawn)"


def test_histogram_on_spark_counts_the_same(spark):
    frame = spark.createDataFrame(VALUES)
    for limits in ((0, 10), None):
        ours = figures.histogram(VALUES, "delay", "t", bins=5, limits=limits)
        sparks = figures.histogram(frame, "delay", "t", bins=5, limits=limits)
        assert list(ours.data[0].y) == list(sparks.data[0].y)
        assert ours.layout.xaxis.title.text == sparks.layout.xaxis.title.text


@pytest.mark.parametrize(
    ("values", "line"), [(["a"], "needs numbers"), ([np.nan], "no values to draw"), ([True], "needs numbers")]
)
def test_histogram_of_what_has_none(values, line):
    with pytest.raises(CourseError, match=line):
        figures.histogram(pd.DataFrame({"x": values}), "x", "A histogram")


@pytest.mark.parametrize("constant", [3, 10**18, 1.7e308])
def test_histogram_of_a_constant_column(constant):
    assert sum(figures.histogram(pd.DataFrame({"x": [constant] * 2}), "x", "Always one value").data[0].y) == 2


@pytest.mark.parametrize(("low", "high"), [(1e18, 1e18 + 300), (-1.7e308, 1.7e308), (1, np.nextafter(1, 2))])
def test_bins_have_a_width_and_a_finite_edge_however_far_the_numbers(low, high):
    edges = figures.bin_edges(low, high, 40)
    assert np.isfinite(edges).all()
    assert (edges[0], edges[-1]) == (low, high)
    assert all(following > edge for edge, following in pairwise(edges))
