"""A search finds what is there to find, within the rows that are learned from, and says when it is nothing."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis import columns, judge, search
from course_lib.analysis.analyse import analyse
from course_lib.analysis.models import NAMES, SEARCHED, UNTUNED
from course_lib.analysis.question import ask
from course_lib.analysis.split import Judging, by_lot
from course_lib.errors import CourseError

SECONDS = 0.7  # a dozen trials, or a few on a machine that has much to do
SEED = 1  # its first proposal after the untuned settings are leaves of five rows: two trials find what is planted


def prepared(data):
    question, rows, _ = ask(data, "y")
    features, _ = columns.plan(rows, {"y": "is the target"}, None)
    table, _ = columns.build(rows, features)
    return question, features, table, question.answers(rows)


def planted(rows: int = 300) -> pd.DataFrame:
    """One row of sixteen is rare and far off, to either side: leaves of 20 rows cannot hold them apart."""
    rng = np.random.default_rng(0)
    far = rng.uniform(5, 6, rows) * rng.choice([-1, 1], rows)
    data = pd.DataFrame({"rare": np.where(np.arange(rows) % 16 == 0, far, rng.uniform(-1, 1, rows))})
    return data.assign(other=rng.normal(size=rows), y=10.0 * (data["rare"].abs() > 4) + rng.normal(size=rows))


def noise(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "y"])


def judged(data, seconds=SECONDS):
    question, features, table, answers = prepared(data)
    unit = np.arange(len(table))
    fold = unit % 3
    pairs = [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in range(3)]
    judging = Judging(pairs, unit, None, by_lot(unit, 0))
    names = (*NAMES, SEARCHED)
    return judge.judge(question, features, table, answers, judging, SEED, lambda what, share: None, names, seconds)


def test_a_search_that_has_something_to_find_finds_it_and_is_chosen():
    scores = judged(planted())
    assert scores.gain("trees", SEARCHED)["low"] > 0.05
    assert scores.choose() == SEARCHED
    assert all(each.promised > 0.05 and each.settings != UNTUNED for each in scores.searches)


def test_in_noise_nothing_is_found_whatever_the_trials_promise():
    scores = judged(noise())
    assert scores.choose() == "baseline"
    assert all(each.promised >= 0 for each in scores.searches)
    assert scores.gain("baseline", SEARCHED)["low"] <= 0  # it may well lose less than untuned trees do


def test_settings_stay_in_their_ranges():
    for each in judged(planted()).searches:
        assert each.settings.keys() == search.RANGES.keys() == UNTUNED.keys()
        assert all(low <= each.settings[name] <= high for name, (low, high, _) in search.RANGES.items())


def test_no_time_tries_the_untuned_settings_alone():
    scores = judged(planted(), 1e-6)
    assert [(each.trials, each.settings, each.promised) for each in scores.searches] == [(1, UNTUNED, 0.0)] * 3
    assert (scores.losses[SEARCHED] == scores.losses["trees"]).all()


def test_rows_that_judge_take_no_part_in_the_search(monkeypatch):
    seen = []

    def watched(question, features, table, answers, *rest):
        seen.append(set(table.index))
        return search.search(question, features, table, answers, *rest)

    monkeypatch.setattr(judge, "search", watched)
    rows = set(range(len(planted())))
    judged(planted(), 1e-6)
    assert [rows - each for each in seen] == [{row for row in rows if row % 3 == fold} for fold in range(3)]


def test_later_rows_try_what_earlier_ones_have_taught():
    question, features, table, answers = prepared(planted())
    order = np.random.default_rng(0).permutation(len(table)) // 10  # ten rows to a day
    tries = search._tries(question, features, table.assign(rare=order), answers, order, None, 0)
    assert len(tries) == 3
    for _, learn, _, aside, _ in tries:
        assert learn[:, 0].max() < aside[:, 0].min()


def test_a_group_that_was_learned_from_tries_nothing():
    question, features, table, answers = prepared(planted())
    order, visitor = np.arange(len(table)), np.random.default_rng(0).integers(0, 150, len(table))
    tries = search._tries(question, features, table.assign(rare=visitor), answers, order, visitor, 0)
    assert len(tries) == 3
    for _, learn, _, aside, _ in tries:
        assert not set(learn[:, 0]) & set(aside[:, 0])


@pytest.mark.parametrize("kind", [lambda y: y > 5, lambda y: np.where(y > 5, "far", np.where(y > 0, "up", "down"))])
def test_classes_are_searched_too(kind):
    data = planted()
    scores = judged(data.assign(y=kind(data["y"])), 0.2)
    assert all(each.trials >= 1 for each in scores.searches)


def test_one_class_to_learn_from_leaves_nothing_to_search():
    question, features, table, answers = prepared(planted().assign(y=lambda data: data["y"] > 5))
    same = np.flatnonzero(answers == 0)
    found = search.search(question, features, table.iloc[same], answers[same], same, None, 1, 0, lambda n: None)
    assert (found.trials, found.settings) == (0, UNTUNED)


def test_durations():
    assert [search.seconds_of(each) for each in ("30s", "5m", "1h", "0.5m", "2 H")] == [30, 300, 3600, 30, 7200]


@pytest.mark.parametrize("wrong", ["5", "5x", "", "m", "-5m", "0s", "5m30s"])
def test_what_is_no_duration_is_one_line(wrong):
    with pytest.raises(CourseError, match=re.escape(f"--search '{wrong}' is no duration: write 30s, 5m or 1h.")):
        search.seconds_of(wrong)


def test_the_page_tells_of_the_search_and_the_searched_model_is_saved_with_its_settings(tmp_path):
    planted(600).assign(day=pd.date_range("2024-01-01", periods=600)).to_csv(tmp_path / "t.csv", index=False)
    words = {
        "time": "day",
        "keep": ("rare",),
        "search_seconds": 5,
        "seed": SEED,
        "output": tmp_path / "out",
    }  # it looks like a leak
    page, found = analyse(str(tmp_path / "t.csv"), "y", **words)
    assert found.suspects == [] and found.chosen == SEARCHED
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))
    assert "What the search gained" in text and found.search_says() in text
    assert "more than chance explains" in found.search_says()
    said = json.loads((tmp_path / "out" / "card.json").read_text())["search"]
    assert said["settings"].keys() == UNTUNED.keys() and said["trials"] >= 1
    assert "another run or machine" in said["note"]


def test_a_search_that_gains_nothing_says_so_and_its_model_is_not_saved(tmp_path):
    noise().to_csv(tmp_path / "t.csv", index=False)
    page, found = analyse(str(tmp_path / "t.csv"), "y", search_seconds=4, output=tmp_path / "out")
    assert found.chosen == "baseline"
    assert "inside the interval, so no gain" in found.search_says() or "it loses" in found.search_says()
    assert "is not saved: the rows that choose do not tell it apart" in page.read_text(encoding="utf-8")
    assert "search" not in json.loads((tmp_path / "out" / "card.json").read_text())
