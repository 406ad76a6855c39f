"""The first look draws any column, and skips the story for another table."""

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib import figures, load
from course_lib.data import first_look

ODD = pd.DataFrame(
    {
        "empty": np.nan,
        "same": 1,
        "truth": [True, False] * 30,
        "number": np.r_[np.inf, np.arange(59.0)],
        "when": pd.date_range("2024-01-01", periods=60, tz="UTC"),
        "mixed": [1, "a", None] * 20,
        "name": [f"n{i}" for i in range(60)],
    }
)


@pytest.mark.parametrize("draw", [first_look.draw_distributions, first_look.draw_missing], ids=["values", "holes"])
@pytest.mark.parametrize("data", [ODD, ODD[["empty"]], ODD[["same", "name"]]], ids=["odd", "empty", "nothing to draw"])
def test_any_table_can_be_drawn(draw, data):
    assert figures.describe(draw(data), "A figure.").layout.meta["description"]


@pytest.mark.parametrize("target", ["truth", "number", "when", "mixed", "name", None])
def test_any_target_can_be_drawn(target):
    assert figures.describe(first_look.draw_target(ODD, target), "A figure.").layout.meta["description"]


FAR = {
    "powers of ten, some infinite": np.r_[10.0 ** np.arange(300), np.inf, -np.inf],
    "near 10^18": 10**18 + np.arange(300),
    "neighbours": np.r_[np.ones(200), np.linspace(1, 1 + 1e-14, 30)],
    "from the lowest to the highest number": np.linspace(-0.5, 0.5, 301) * 1.7e308 * 2,
    "beyond the years of nanoseconds": np.arange(300).astype("M8[Y]").astype("M8[us]"),
}


@pytest.mark.parametrize("values", FAR.values(), ids=FAR)
def test_numbers_too_far_or_too_near_for_equal_bins_are_counted(values):
    data = pd.DataFrame({"value": values})
    counts = first_look.draw_distributions(data).data[0].y
    assert 0.97 * len(values) <= sum(counts) <= len(values)
    assert figures.describe(first_look.draw_target(data, "value"), "A figure.").to_json()


@pytest.mark.parametrize(
    ("data", "name", "count"),
    [
        (ODD, "week of when", 9),
        (ODD.drop(columns="when"), "fifth of the rows", 5),
        (ODD[["number"]].assign(year=np.repeat([1990, 1995, 2000], 20)), "year", 3),
    ],
    ids=["times", "none", "years"],
)
def test_periods_follow_the_calendar_where_there_is_one(data, name, count):
    period = first_look.periods(data)
    assert (period.name, period.nunique()) == (name, count)


def test_months_of_the_flights_are_twelve():
    assert first_look.periods(load("flights")).nunique() == 12


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(("when", "expected"), [(True, None), (False, 1)], ids=["another table", "the story"])
def test_marked_cells_are_skipped_only_for_another_table(shell, when, expected):
    first_look.skip_cells("# story only", when)
    shell.run_cell("# story only\nmarked = 1")
    shell.run_cell("unmarked = 2")
    assert (shell.user_ns.get("marked"), shell.user_ns["unmarked"]) == (expected, 2)
    shell.user_ns.clear()


def test_cells_run_again_after_the_table_is_the_storys(shell):
    first_look.skip_cells("# story only", True)
    first_look.skip_cells("# story only", False)
    shell.run_cell("# story only\nmarked = 1")
    assert shell.user_ns["marked"] == 1


def test_long_names_keep_what_tells_them_apart():
    long = [f"{'the_same_beginning_' * 2}{number:03}_and_the_same_end_of_all" for number in (7, 12)]
    short = first_look.short_names(["when", *long])
    assert short[0] == "when"
    assert all(len(name) <= 32 for name in short)
    assert ["07" in short[1], "12" in short[2]] == [True, True]


@pytest.mark.parametrize("names", [["x" * 40, "x" * 41], ["x" * 50, "y" * 50], ["x" * 50], []])
def test_short_names_stay_different(names):
    assert len(set(first_look.short_names(names))) == len(names)
