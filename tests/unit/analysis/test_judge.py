"""Models are judged on rows they have not seen, by losses worked out by hand, and nothing is found where nothing is."""

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis import columns, judge
from course_lib.analysis.models import NAMES, model, predict
from course_lib.analysis.question import ask
from course_lib.analysis.split import Judging, split

LOT = np.random.default_rng(0).permutation(1_000)


def prepared(data, target):
    question, rows, _ = ask(data, target)
    features, _ = columns.plan(rows, {target: "is the target"}, None)
    table, _ = columns.build(rows, features)
    return question, features, table, question.answers(rows)


def judged(data, target):
    question, features, table, answers = prepared(data, target)
    who = split(table, answers, None, None, None, question.kind != "number", 0)
    seen = []
    scores = judge.judge(question, features, table, answers, who.judging, 0, lambda what, share: seen.append(share))
    assert seen == sorted(seen) and 0 <= seen[0] < seen[-1] < 1
    return question, features, table, answers, scores


@pytest.fixture(scope="module")
def pressures(visits):
    return judged(visits.drop(columns=["patient", "day"]), "pressure")


def test_losses_by_hand(visits, cancers):
    number, *_ = prepared(visits, "pressure")
    assert judge.losses(number, np.array([3.0]), np.array([1.0])).tolist() == [4.0]
    classes, *_ = prepared(cancers, "diagnosis")
    found = judge.losses(classes, np.array([0, 1]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    assert found == pytest.approx([np.log(2), -np.log(1e-4)], abs=1e-3)  # what was held impossible costs no infinity


@pytest.mark.parametrize("name", NAMES)
def test_a_model_predicts_what_it_has_never_met(visits, name):
    question, features, table, answers = prepared(visits.drop(columns=["patient", "day"]), "pressure")
    fitted = judge.fit(name, question, features, table, answers, LOT[: len(answers)], 0)
    strange = table.head(2).assign(ward=["east", "(missing)"], dose=np.nan)
    assert np.isfinite(predict(fitted, question, strange)).all()


def test_one_class_to_learn_from_is_no_reason_to_stop(cancers):
    question, features, table, answers = prepared(cancers, "diagnosis")
    same = answers == 1
    fitted = judge.fit("linear", question, features, table[same], answers[same], LOT[: same.sum()], 0)
    assert predict(fitted, question, table.head(1)).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_was_not_measured_yet_is_no_reason_to_stop(visits, name):
    question, features, table, answers = prepared(
        visits[["dose", "ward", "pressure"]].assign(x=visits["dose"]), "pressure"
    )
    early = table.assign(x=np.nan)
    fitted = judge.fit(name, question, features, early, answers, LOT[: len(answers)], 0)
    assert predict(fitted, question, table).tolist() == predict(fitted, question, early).tolist()


def test_trees_boost_as_long_as_it_pays_on_rows_set_aside():
    rng = np.random.default_rng(0)
    rounds = {}
    for what, weight in (("noise", 0.0), ("signal", 5.0)):
        data = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "c"])
        data["y"] = weight * data["a"] * data["b"] + rng.normal(size=400)
        question, features, table, answers = prepared(data, "y")
        rounds[what] = judge.fit("trees", question, features, table, answers, LOT[:400], 0)[-1].n_iter_
    assert rounds["noise"] < 20 < rounds["signal"]


def test_nothing_is_learned_outside_a_fold(visits):
    """A value that only judged rows hold has no column of its own in what was fitted."""
    data = visits.drop(columns=["patient", "day"])
    data.loc[: len(data) // 5, "ward"] = "only here"
    question, features, table, answers = prepared(data, "pressure")
    here = (table["ward"] == "only here").to_numpy()
    pairs = [(np.flatnonzero(~here), np.flatnonzero(here))]
    scores = judge.judge(
        question,
        features,
        table,
        answers,
        Judging(pairs, np.arange(len(table)), None, LOT[: len(table)]),
        0,
        lambda what, share: None,
    )
    [(models, _)] = scores.fitted
    [met] = models["linear"][0].named_transformers_["category"].categories_
    assert "only here" not in met


def test_skill_of_a_number_is_the_share_of_squared_error_saved(pressures):
    *_, scores = pressures
    expected = 1 - scores.losses["linear"].sum() / scores.losses["baseline"].sum()
    found = scores.skill("linear")
    assert found["value"] == pytest.approx(expected)
    assert found["low"] < expected < found["high"]
    assert scores.choose() == "linear"  # the planted relation is a line


def test_what_the_model_uses_is_what_was_planted(pressures):
    question, features, table, answers, scores = pressures
    uses = judge.used(question, features, table, answers, scores, "linear", 0, lambda what, share: None)
    assert uses.index.tolist() == ["dose", "ward"]
    assert (uses["low"] > 0).all()


def test_noise_is_not_told_apart_from_the_baseline():
    """Of forty tables without any relation at most a few find a model; the interval promises one in twenty a model."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"]).assign(y=rng.normal(size=120))
        question, features, table, answers = prepared(data, "y")
        pairs = split(table, answers, None, None, None, False, 0).judging.pairs[:5]
        judging = Judging(pairs, np.arange(120), None, LOT[: len(answers)])
        quick = judge.judge(question, features, table, answers, judging, 0, lambda *_: None, ("baseline", "linear"))
        found.append(quick.choose())
    assert found.count("baseline") >= 36


def test_measures_are_those_that_people_know(pressures, cancers):
    question, *_, scores = pressures
    table = judge.measures(question, scores)
    assert table.attrs["measure"] == "mean absolute error"
    assert table.loc["linear", "known value"] == pytest.approx(np.abs(scores.truth - scores.predicted["linear"]).mean())
    question, *_, scores = judged(cancers.iloc[::3], "diagnosis")
    table = judge.measures(question, scores)
    assert table.attrs["measure"] == "AUC"
    assert table.loc["linear", "known low"] > 0.9 > table.loc["baseline", "known high"]


def test_of_many_columns_the_one_that_matters_is_found():
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(150, 60)), columns=[f"x{n}" for n in range(60)])
    data["y"] = 3 * data["x41"] + rng.normal(size=150)
    question, features, table, answers = prepared(data, "y")
    pairs = split(table, answers, None, None, None, False, 0).judging.pairs[:5]
    scores = judge.judge(
        question,
        features,
        table,
        answers,
        Judging(pairs, np.arange(150), None, LOT[: len(answers)]),
        0,
        lambda *_: None,
        NAMES[:2],
    )
    uses = judge.used(question, features, table, answers, scores, "linear", 0, lambda *_: None)
    assert uses.index[0] == "x41"
    assert len(uses) == 25


def test_text_is_learned_from(visits):
    rng = np.random.default_rng(0)
    filler = np.array([f"word{n}" for n in range(300)])
    good = rng.random(300) < 0.5
    remark = [" ".join([*rng.choice(filler, 6), "thanks" if one else "late"]) for one in good]
    question, features, table, answers = prepared(pd.DataFrame({"remark": remark, "good": good}), "good")
    assert [each.kind for each in features] == ["text"]
    for name in ("linear", "trees"):
        fitted = model(name, question, features, 20, 0).fit(table.iloc[:240], answers[:240])
        assert np.isfinite(predict(fitted, question, table.iloc[240:])).all()
    said = predict(
        judge.fit("linear", question, features, table.iloc[:240], answers[:240], LOT[:240], 0),
        question,
        table.iloc[240:],
    )
    assert (said.argmax(axis=1) == answers[240:]).mean() > 0.8
