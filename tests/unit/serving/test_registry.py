"""Versions, the gate, the way back: on the flights, in a store of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_lib import CourseError, evaluate, load, registry
from course_lib.places import REPOSITORY

NAMES = ["airport_delay", "nyc_delay", "temperature", "wind_speed"]
CREW, LATE = 1.0, 6.0


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    table = load("departures").iloc[::8]
    return table.assign(late=table["arr_delay"] >= 30).dropna(subset=NAMES)


@pytest.fixture(scope="session")
def learned(flights) -> pd.DataFrame:
    return flights[flights["day"] < "2013-08-01"]


@pytest.fixture(scope="session")
def judged(flights) -> pd.DataFrame:
    return flights[flights["day"].between("2013-08-01", "2013-10-31")]


def costs_on(rows: pd.DataFrame):
    def costs(model) -> np.ndarray:
        crew = model.predict_proba(rows[NAMES])[:, 1] >= CREW / LATE
        return np.where(crew, CREW, LATE * rows["late"])

    return costs


@pytest.fixture(scope="session")
def regression(learned):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(learned[NAMES], learned["late"])


@pytest.fixture(scope="session")
def trees(learned):
    model = LGBMClassifier(n_estimators=60, num_leaves=15, min_child_samples=100, n_jobs=1, verbose=-1)
    return model.fit(learned[NAMES], learned["late"])


@pytest.fixture(scope="session")
def worse(learned):
    """It has learned from labels that were drawn anew: it knows the rate and nothing else."""
    drawn = np.random.default_rng(0).permutation(learned["late"])
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(learned[NAMES], drawn)


@pytest.fixture(scope="session")
def put(learned, judged):
    """Register as the tests mostly do."""

    def register(model, name: str, store: Path, **other):
        given = {"data": learned, "costs": costs_on(judged), "days": judged["day"], "margin": 0.05, "seed": 0}
        given |= {"sample": learned[NAMES], "trained_until": learned["day"].max().date(), "store": store}
        return registry.register(model, name, **given | other)

    return register


@pytest.fixture(scope="session")
def decided(store, put, worse, trees):
    """A name with a champion that was replaced by a better one, and a worse one that was refused."""
    first, second = put(worse, "late", store), put(trees, "late", store)
    with pytest.raises(registry.Refused) as refused:
        put(worse, "late", store)
    return first, second, str(refused.value)


def test_the_first_of_a_name_is_champion(decided):
    first, *_ = decided
    assert (first.version, first.champion) == (1, True)
    assert np.isnan(first.more)


def test_a_better_one_passes(decided):
    _, second, _ = decided
    assert (second.version, second.champion) == (2, True)
    assert second.more_high < 0


def test_a_worse_one_is_refused_in_one_line_with_the_numbers(decided, judged, trees, worse):
    *_, said = decided
    now, own = costs_on(judged)(trees), costs_on(judged)(worse)
    more, low, high = evaluate.ratio(own - now, now, judged["day"])
    assert f"late version 3 is refused: it costs {more:.1%} [{low:.1%}, {high:.1%}] more than version 2" in said
    assert "\n" not in said


def test_a_refused_one_is_recorded_and_the_champion_stays(decided, store):
    table = registry.versions("late", store=store)
    assert table["gate"].tolist() == ["passed", "passed", "refused"]
    assert table.index[table["champion"]].tolist() == [2]


def test_who_was_asked_on_the_same_days_is_counted(decided, store, judged):
    table = registry.versions("late", store=store)
    assert table["asked"].tolist() == [1, 2, 3]
    assert table["judged_from"].eq("2013-08-01").all() and table["judged_to"].eq("2013-10-31").all()
    assert "3 versions were asked on these days" in decided[-1]


def test_what_is_recorded_is_what_was_measured(decided, store, judged, learned, trees):
    cost, low, high = evaluate.ratio(costs_on(judged)(trees), np.ones(len(judged)), judged["day"])
    row = registry.versions("late", store=store).loc[2]
    assert row[["cost", "cost_low", "cost_high"]].tolist() == pytest.approx([cost, low, high])
    assert (row["seed"], row["data_rows"], row["trained_until"]) == (0, len(learned), "2013-07-31")


def test_equal_costs_are_within_the_margin(store, put, regression):
    put(regression, "twins", store)
    assert put(regression, "twins", store, seed=1).more == 0
    assert registry.versions("twins", store=store)["champion"].tolist() == [False, True]


def test_a_little_worse_passes_within_the_margin_and_only_there(store, put, regression, trees, judged):
    now, own = costs_on(judged)(trees), costs_on(judged)(regression)
    _, _, high = evaluate.ratio(own - now, now, judged["day"])
    assert 0 < high < 0.9
    for name, margin, passes in [("wide", high + 0.001, True), ("narrow", high - 0.001, False)]:
        put(trees, name, store, margin=margin)
        if passes:
            assert put(regression, name, store, margin=margin).champion
        else:
            with pytest.raises(registry.Refused, match=r"is refused: it costs"):
                put(regression, name, store, margin=margin)


def test_another_margin_than_the_first_is_no_margin(decided, store, put, worse):
    with pytest.raises(CourseError, match=r"the margin of late was named as 0.05"):
        put(worse, "late", store, margin=0.9)


def test_another_process_predicts_the_same(decided, store, judged, trees, tmp_path):
    judged[NAMES].to_parquet(tmp_path / "judged.parquet")
    program = (
        "import json, sys; import pandas as pd; from pathlib import Path; from course_lib import registry\n"
        "rows = pd.read_parquet(sys.argv[2])\n"
        "print(json.dumps(registry.load_model('late', store=Path(sys.argv[1])).predict_proba(rows)[:, 1].tolist()))"
    )
    words = [sys.executable, "-W", "error::UserWarning", "-c", program, store, tmp_path / "judged.parquet"]
    answers = json.loads(subprocess.run(words, cwd=REPOSITORY, capture_output=True, check=True).stdout)
    assert answers == trees.predict_proba(judged[NAMES])[:, 1].tolist()


def test_an_older_version_loads_by_its_number(decided, store, judged, worse):
    loaded = registry.load_model("late", 1, store=store)
    assert (loaded.predict_proba(judged[NAMES]) == worse.predict_proba(judged[NAMES])).all()


def test_mlflows_own_tools_know_its_columns_and_predict_the_same(decided, store, judged, trees):
    import mlflow

    run = registry._client(store).get_model_version_by_alias("late", "champion").run_id
    model = mlflow.pyfunc.load_model(str(registry._place(store, run)))
    assert model.metadata.signature.inputs.input_names() == NAMES
    assert (model.predict(judged[NAMES]) == trees.predict_proba(judged[NAMES])).all()


def test_back_to_the_one_before_and_no_further(store, put, worse, regression, trees):
    for model in (worse, regression, trees):
        put(model, "back", store)
    assert [registry.roll_back("back", store=store) for _ in range(2)] == [2, 1]
    with pytest.raises(CourseError, match="replaced no other"):
        registry.roll_back("back", store=store)
    assert put(trees, "back", store).champion
    assert registry.roll_back("back", store=store) == 1


def test_what_was_learned_from_cannot_judge(store, put, trees, learned, judged):
    with pytest.raises(CourseError, match="this model learned from days up to 2013-09-01"):
        put(trees, "seen", store, trained_until=pd.Timestamp("2013-09-01").date())
    later = judged[judged["day"] >= "2013-10-01"]
    put(trees, "seen", store, costs=costs_on(later), days=later["day"], trained_until=pd.Timestamp("2013-09-15").date())
    with pytest.raises(CourseError, match="version 1, the champion, learned from days up to 2013-09-15"):
        put(trees, "seen", store)


def test_a_changed_file_is_not_loaded(store, put, worse, trees):
    put(worse, "changed", store)
    put(trees, "changed", store)
    files = [registry._place(store, registry._find(registry._client(store), "changed", n).run_id) for n in (1, 2)]
    (files[1] / "model.skops").write_bytes((files[0] / "model.skops").read_bytes())
    with pytest.raises(CourseError, match="changed version 2 was changed since it was registered"):
        registry.load_model("changed", store=store)
    (files[1] / "model.skops").unlink()
    with pytest.raises(CourseError, match="is gone"):
        registry.load_model("changed", store=store)
    assert registry.roll_back("changed", store=store) == 1
    registry.load_model("changed", store=store)


def test_names_that_are_not_there(decided, store, tmp_path):
    with pytest.raises(CourseError, match=r"No model is registered as 'lte'. Did you mean 'late'\?"):
        registry.load_model("lte", store=store)
    with pytest.raises(CourseError, match="late has no version 9: it has 1, 2, 3"):
        registry.load_model("late", 9, store=store)
    with pytest.raises(CourseError, match="There is no store of models"):
        registry.load_model("late", store=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_name_without_a_champion(store, put, worse):
    put(worse, "headless", store)
    registry._client(store).delete_registered_model_alias("headless", "champion")
    with pytest.raises(CourseError, match="headless has no champion"):
        registry.load_model("headless", store=store)
    with pytest.raises(CourseError, match="headless has no champion"):
        registry.roll_back("headless", store=store)


class Own(LogisticRegression):
    """A class of somebody's notebook, which nobody who loads it has."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "a/b"}, "is no name for a model"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"costs": lambda model: np.zeros(3)}, r"costs\(model\) has shape \(3,\)"),
        ({"costs": lambda model: None}, r"costs\(model\) has shape"),
    ],
)
def test_what_does_not_fit_leaves_nothing(store, put, regression, given, said):
    given = {"name": "unfit", **given}
    before = left(store)
    with pytest.raises(CourseError, match=said):
        put(regression, given.pop("name"), store, **given)
    assert left(store) == before


def test_a_model_that_only_a_pickle_could_hold_leaves_nothing(store, put, learned):
    before = left(store)
    with pytest.raises(CourseError, match=r"holds types that no model of the course has: .*Own"):
        put(Own().fit(learned[NAMES], learned["late"]), "own", store)
    assert left(store) == before


def left(store: Path) -> tuple:
    client = registry._client(store)
    names = sorted(model.name for model in client.search_registered_models())
    return names, sorted(store.glob("artifacts/*")), sorted(store.glob(".part*")), sorted(store.glob("*"))


def test_a_write_that_breaks_off_leaves_no_version(store, put, regression, monkeypatch):
    import mlflow

    put(regression, "broken", store)
    before = left(store)
    monkeypatch.setattr(mlflow.MlflowClient, "create_model_version", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        put(regression, "broken", store)
    assert left(store) == before
    assert len(registry.versions("broken", store=store)) == 1


def test_trials_are_runs_with_what_was_tried_and_found(store):
    tried = pd.DataFrame({"leaves": [15, 31], "kind": ["trees", None]})
    registry.log_trials("a search", tried, pd.DataFrame({"cost": [1.5, np.nan], "fits": [2, 3]}), store=store)
    client = registry._client(store)
    runs = client.search_runs([client.get_experiment_by_name("a search").experiment_id])
    found = sorted((run.data.params["leaves"], run.data.params.get("kind"), run.data.metrics) for run in runs)
    assert found == [("15", "trees", {"cost": 1.5, "fits": 2.0}), ("31", None, {"fits": 3.0})]
    with pytest.raises(CourseError, match="2 rows of parameters and 1 of metrics"):
        registry.log_trials("a search", tried, pd.DataFrame({"cost": [1.0]}), store=store)
    with pytest.raises(CourseError, match="metrics must be numbers"):
        registry.log_trials("a search", tried, pd.DataFrame({"cost": ["a", "b"]}), store=store)


def test_two_programs_that_begin_at_once_do_not_disturb_each_other(tmp_path):
    program = (
        "import sys; import pandas as pd; from pathlib import Path; from course_lib import registry\n"
        "one = pd.DataFrame({'leaves': range(5)})\n"
        "registry.log_trials('together', one, one, store=Path(sys.argv[1]))"
    )
    words = [sys.executable, "-c", program, tmp_path / "new"]
    started = [subprocess.Popen(words, cwd=REPOSITORY) for _ in range(2)]
    assert [each.wait() for each in started] == [0] * 2
    client = registry._client(tmp_path / "new")
    assert len(client.search_runs([client.get_experiment_by_name("together").experiment_id])) == 10
