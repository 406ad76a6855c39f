"""A decision depends on its own flight alone, and a word that the model has never seen does not stop it."""

import pandas as pd
import pytest
from xgboost import XGBClassifier

from course_lib import CourseError, features, load
from course_lib.serving import schema
from course_lib.streams import batch, decisions, stream

RULES = {"threshold": 0.2, "version": 3, "wait": "2 hours", "files_per_batch": 1, "until_empty": True}


@pytest.fixture(scope="module")
def flights():
    table = load("features")
    table = table[table["fate"].eq("landed") & table["split"].eq("train")].iloc[::60].reset_index(drop=True)
    words = ["carrier", "origin", "dest"]
    numbers = [name for name in features.names() if name not in words]
    return table.astype(dict.fromkeys(numbers, "float32") | dict.fromkeys(words, "category"))


@pytest.fixture(scope="module")
def columns(flights):
    return schema.columns_of(flights[features.names()])


@pytest.fixture(scope="module")
def model(flights):
    fitted = XGBClassifier(n_estimators=20, max_depth=4, enable_categorical=True, n_jobs=1, random_state=0)
    return fitted.fit(flights[features.names()], flights["arr_delay"] >= 30)


def test_a_flight_alone_gets_the_answer_that_it_gets_among_many(model, columns, flights):
    few = flights.head(60)
    together = decisions.decide(model, columns, few, 0.2, 3)
    alone = pd.concat([decisions.decide(model, columns, few.iloc[[row]], 0.2, 3) for row in range(len(few))])
    alone = alone.sort_values(decisions.KEY, ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
    assert together["probability"].nunique() > 20


def test_the_answers_are_those_of_the_model(model, columns, flights):
    decided = decisions.decide(model, columns, flights, 0.2, 3)
    in_order = flights.sort_values(decisions.KEY)
    straight = model.predict_proba(in_order[features.names()])[:, 1].astype(float)
    assert decided["probability"].to_list() == straight.tolist()
    assert decided["crew"].to_list() == (straight >= 0.2).tolist()
    assert 0 < decided["crew"].mean() < 1
    assert list(decided) == decisions.COLUMNS
    assert decided["version"].eq(3).all()


def test_a_new_destination_counts_as_missing(model, columns, flights):
    new = flights.head(5).assign(dest="XYZ")
    assert schema.prepare(columns, new)["dest"].isna().all()
    assert decisions.decide(model, columns, new, 0.2, 3)["probability"].between(0, 1).all()


def test_a_missing_column_is_named(model, columns, flights):
    with pytest.raises(CourseError, match=r"lacks overdue, pressure: the model takes"):
        decisions.decide(model, columns, flights.drop(columns=["overdue", "pressure"]), 0.2, 3)


def test_decisions_that_are_not_there_are_asked_for_in_one_line(tmp_path):
    with pytest.raises(CourseError, match=r"There are no decisions in .* yet"):
        batch.read_decisions(tmp_path)
    with pytest.raises(CourseError, match=r"There is nothing in .* yet"):
        stream.read_decisions(tmp_path)


def test_a_stream_without_a_feed_or_without_books_does_not_start(tmp_path, model, columns):
    with pytest.raises(CourseError, match=r"There is no feed in"):
        stream.decide_stream(None, tmp_path / "nothing", tmp_path, model, columns, **RULES)
    with pytest.raises(CourseError, match=r"call stream\.prepare first"):
        stream.decide_stream(None, tmp_path, tmp_path, model, columns, **RULES)


def test_a_stream_whose_checkpoint_is_gone_does_not_write_over_its_decisions(tmp_path, model, columns):
    for file in ("before/books.parquet", "decisions/00000000.parquet"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    with pytest.raises(CourseError, match="without its checkpoint"):
        stream.decide_stream(None, tmp_path, tmp_path, model, columns, **RULES)
