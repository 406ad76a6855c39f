"""What was tried and which model decides now: trials and versions in MLflow, without a server.

All of it lies in one folder, ``runs/models`` unless another is named: MLflow's database ``mlflow.db`` (SQLite) and
beside it a folder for each saved model. ``course mlflow`` shows it.

The version that decides has the alias ``champion``. Another one takes the alias only through the gate: on the same
judged rows its costs, period by period, must not exceed the champion's by more than a margin that was named when the
first version was registered. `roll_back` gives the alias to the version that had it before.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from course_lib import evaluate, saved_model
from course_lib.data.catalogue import content_digest
from course_lib.data.wording import nearest
from course_lib.errors import CourseError
from course_lib.places import REPOSITORY, RUNS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
_MODEL = "model.skops"
_EXAMPLE = "example.json"
_PACKAGES = ("scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "numpy", "pandas", "skops")
_LONGEST = 500  # characters of a parameter that MLflow keeps


class Refused(CourseError):
    """The gate kept a version from becoming champion; the version is recorded all the same."""


@dataclass(frozen=True)
class Version:
    """A registered model.

    Attributes
    ----------
    name : str
    version : int
        1 for the first of its name.
    cost, low, high : float
        Mean cost of a judged row, with its 95 % interval.
    more, more_low, more_high : float
        By what share it costs more than the champion of then on the same rows, with the interval of the pairs; NaN
        for the first version.
    champion : bool
        Whether it became champion.
    """

    name: str
    version: int
    cost: float
    low: float
    high: float
    more: float
    more_low: float
    more_high: float
    champion: bool

    def __str__(self) -> str:
        beside = "" if np.isnan(self.more) else f", {_percent(self.more, self.more_low, self.more_high)} than before"
        return (
            f"{self.name} version {self.version}: costs {self.cost:.4g} [{self.low:.4g}, {self.high:.4g}] a row{beside}"
        )


@dataclass(frozen=True)
class Loaded:
    """A registered model in memory, with what tells whether it still is what was registered.

    Attributes
    ----------
    name : str
    version : int
    model : Estimator
    example : pandas.DataFrame, shape (rows, columns)
        Some rows as the model takes them, with the types that it learned from; categories are all that it knows.
    answers : numpy.ndarray, shape (rows,) or (rows, classes)
        What it said of them when it was registered.
    """

    name: str
    version: int
    model: BaseEstimator
    example: pd.DataFrame
    answers: np.ndarray


def log_trials(search: str, parameters: pd.DataFrame, metrics: pd.DataFrame, *, store: Path | None = None) -> None:
    """Record all trials of a search, each as a run of MLflow; afterwards, because a start in each trial costs time.

    Parameters
    ----------
    search : str
        Name of the search, which MLflow calls an experiment; later calls add to it.
    parameters : pandas.DataFrame, shape (trials, parameters)
        What was tried; missing values are left out.
    metrics : pandas.DataFrame, shape (trials, metrics)
        What came out, numbers, in the same order; missing values are left out.
    store : Path, optional
        Folder of the store, by default ``runs/models``.

    Raises
    ------
    CourseError
        If the two tables differ in length, or a metric is no number.
    """
    if len(parameters) != len(metrics):
        raise CourseError(
            f"{len(parameters)} rows of parameters and {len(metrics)} of metrics: give one of each a trial."
        )
    try:
        metrics = metrics.astype(float)
    except (TypeError, ValueError) as error:
        raise CourseError(f"metrics must be numbers: {error}.") from None
    with _writing(store) as client:
        from mlflow.entities import Metric, Param

        experiment = _experiment(client, search, _folder(store))
        for tried, found in zip(parameters.to_dict("records"), metrics.to_dict("records"), strict=True):
            run = client.create_run(experiment).info.run_id
            client.log_batch(
                run,
                metrics=[Metric(name, value, 0, 0) for name, value in found.items() if not np.isnan(value)],
                params=[Param(name, str(value)[:_LONGEST]) for name, value in tried.items() if not _missing(value)],
            )
            client.set_terminated(run)


def register(
    model: BaseEstimator,
    name: str,
    *,
    sample: pd.DataFrame,
    data: pd.DataFrame,
    costs: Callable[[BaseEstimator], ArrayLike],
    days: ArrayLike,
    margin: float,
    seed: int,
    trained_until: date | None = None,
    metrics: dict[str, float] | None = None,
    store: Path | None = None,
) -> Version:
    """Save a fitted model as the next version of a name; it becomes champion if it passes the gate.

    The gate compares pairs: `costs` is asked twice, for this model and for the champion, about the same rows, which
    neither has learned from or was chosen on. The new one passes if the upper end of the interval of
    ``sum(new - champion) / sum(champion)`` is at most `margin`: not worse by more than the margin, which is less than
    to be better. The first version of a name has nobody to beat. Two things a gate cannot see: a margin narrower than
    the judged days can tell refuses equals too, and many versions asked on the same days are a search on them; `asked`
    counts these.

    Parameters
    ----------
    model : Estimator
        Fitted; of scikit-learn, LightGBM or XGBoost, or a pipeline of these.
    name : str
        Letters, digits, blanks, ``-``, ``_`` and ``.``.
    sample : pandas.DataFrame, shape (rows, columns)
        Some rows as `model` takes them; names and types of its columns become the signature. The first five are kept
        with the model's answers and the categories of its words, so that who loads it can see that it answers the same.
    data : pandas.DataFrame
        The rows that it learned from; their digest and number are kept.
    costs : function
        Takes a fitted model, returns what each judged row costs with it, shape (judged,): money, or any loss from 0 on.
    days : array-like, shape (judged,)
        Period of each judged row; dates are left out in weeks, as in `course_lib.evaluate`.
    margin : float
        Share of the champion's cost by which a new version may be worse, such as 0.01. Named with the first version
        of a name; the same ever after.
    seed : int
        Seed of the model, for whoever repeats it.
    trained_until : date, optional
        Last day that it learned from; the judged days must then lie after it, and after the champion's.
    metrics : dict, optional
        What else MLflow should show.
    store : Path, optional
        Folder of the store, by default ``runs/models``.

    Returns
    -------
    Version

    Raises
    ------
    Refused
        If the gate refuses it, with the numbers. The version is recorded, and the champion stays.
    CourseError
        If the name is no name, the model cannot be saved without pickle, it or the champion has learned from judged
        days, the costs do not fit, or the margin is another than before. Nothing is written then.
    """
    if not re.fullmatch(r"\w[\w .-]*", name):
        raise CourseError(f"{name!r} is no name for a model: use letters, digits, blanks, '-', '_' and '.'.")
    _check_after(days, trained_until, "this model")
    own = _costs(costs, model, days)
    cost, low, high = evaluate.ratio(own, np.ones(len(own)), days)
    with _writing(store) as client:
        champion = _champion(client, name) if _known(client, name) else None
        _check_margin(client, name, margin)
        asked = 1 + _asked_before(client, name, days)
        more = more_low = more_high = np.nan
        if champion is not None:
            until = champion.tags["trained_until"]
            _check_after(
                days, date.fromisoformat(until) if until else None, f"version {champion.version}, the champion,"
            )
            now = _costs(costs, _read(_folder(store), champion), days)
            more, more_low, more_high = evaluate.ratio(own - now, now, days)
        passed = champion is None or bool(more_high <= margin)
        numbers = {"cost": cost, "cost_low": low, "cost_high": high}
        paired = {"more": more, "more_low": more_low, "more_high": more_high}
        tags = {
            "gate": "passed" if passed else "refused",
            "replaced": str(champion.version) if passed and champion is not None else "",
            "trained_until": trained_until.isoformat() if trained_until is not None else "",
            **dict(zip(("judged_from", "judged_to"), _ends(days), strict=True)),
            "asked": str(asked),
            "seed": str(seed),
            "data_sha256": _digest(data),
            "data_rows": str(len(data)),
            **{key: str(value) for key, value in saved_model.git_state(REPOSITORY).items()},
            "versions": json.dumps(saved_model.versions(*_PACKAGES)),
            **{key: str(float(value)) for key, value in {**numbers, **paired}.items()},
        }
        number = _write(client, _folder(store), model, name, margin, sample, {**numbers, **(metrics or {})}, tags)
        if passed:
            client.set_registered_model_alias(name, CHAMPION, str(number))
    done = Version(name, number, cost, low, high, more, more_low, more_high, passed)
    if not passed:
        raise Refused(
            f"{name} version {number} is refused: it costs {_percent(more, more_low, more_high)} than version "
            f"{champion.version} over {pd.Series(days).nunique()} days, and may cost at most {margin:.1%} more. "
            f"{_again(asked)}"
            f"It is recorded; the champion is still version {champion.version}."
        )
    return done


def load_model(name: str, version: int | str = CHAMPION, *, store: Path | None = None) -> BaseEstimator:
    """Load a registered model, in this process or any other, after its file was checked.

    Parameters
    ----------
    name : str
    version : int or "champion"
        A number, or the version that decides now.
    store : Path, optional
        Folder of the store, by default ``runs/models``.

    Returns
    -------
    Estimator
        As it was registered: its predictions are the same.

    Raises
    ------
    CourseError
        If there is no such store, name, version or champion, or the file is missing, was changed or holds a type that
        is not on the list.

    Warns
    -----
    UserWarning
        If a library has another version here than where the model was saved.
    """
    client = _reading(store)
    return _read(_folder(store), _find(client, name, version))


def load_version(name: str, version: int | str = CHAMPION, *, store: Path | None = None) -> Loaded:
    """Load a registered model with its example, as a service needs it.

    Parameters
    ----------
    name : str
    version : int or "champion"
        A number, or the version that decides now.
    store : Path, optional
        Folder of the store, by default ``runs/models``.

    Returns
    -------
    Loaded

    Raises
    ------
    CourseError
        As `load_model` does, and if the version was registered without an example or that was changed.
    """
    client, folder = _reading(store), _folder(store)
    found = _find(client, name, version)
    example, answers = _read_example(folder, found)
    return Loaded(name, int(found.version), _read(folder, found), example, answers)


def champion_of(name: str, *, store: Path | None = None) -> int:
    """Name the version that decides now: one look at the database, for who asks each second.

    Raises
    ------
    CourseError
        If there is no such store, name or champion.
    """
    return int(_find(_reading(store), name, CHAMPION).version)


def names(*, store: Path | None = None) -> list[str]:
    """Name the models of a store.

    Raises
    ------
    CourseError
        If there is no such store.
    """
    return sorted(model.name for model in _reading(store).search_registered_models())


def versions(name: str, *, store: Path | None = None) -> pd.DataFrame:
    """Tell what is recorded of each version of a name.

    Returns
    -------
    pandas.DataFrame
        Index `version`; columns `champion` (now), `gate` ("passed" or "refused"), `cost`, `cost_low`, `cost_high`,
        `more`, `more_low`, `more_high` (share beyond the champion of then), `judged_from`, `judged_to`, `asked` (how
        many versions had been asked on these days or some of them by then, itself among them), `trained_until`, `seed`,
        `data_rows`, `data_sha256`, `commit`, `changed` ("True" if files differed from the commit).

    Raises
    ------
    CourseError
        If there is no such store or name.
    """
    client = _reading(store)
    _check_known(client, name)
    numbers = ["cost", "cost_low", "cost_high", "more", "more_low", "more_high"]
    judged = ["judged_from", "judged_to", "asked"]
    columns = ["gate", *numbers, *judged, "trained_until", "seed", "data_rows", "data_sha256", "commit", "changed"]
    found = sorted(client.search_model_versions(f"name = '{name}'"), key=lambda each: int(each.version))
    table = pd.DataFrame([[each.tags.get(column, "") for column in columns] for each in found], columns=columns)
    table.index = pd.Index([int(each.version) for each in found], name="version")
    champion = _champion(client, name)
    table.insert(0, "champion", table.index == (int(champion.version) if champion is not None else 0))
    return table.astype(dict.fromkeys(numbers, float) | {"asked": int, "seed": int, "data_rows": int})


def roll_back(name: str, *, store: Path | None = None) -> int:
    """Give the alias back to the version that was champion before this one.

    Returns
    -------
    int
        The version that decides now.

    Raises
    ------
    CourseError
        If there is no such store, name or champion, or the champion is the first.
    """
    _reading(store)  # a store that is not there is no place to go back in
    with _writing(store) as client:
        now = _find(client, name, CHAMPION)
        if not now.tags["replaced"]:
            raise CourseError(f"Version {now.version} of {name} replaced no other: there is no champion before it.")
        before = _find(client, name, int(now.tags["replaced"]))
        client.set_registered_model_alias(name, CHAMPION, before.version)
    return int(before.version)


# ---- the store -------------------------------------------------------------------------------------------------------


def _folder(store: Path | None) -> Path:
    return (RUNS / "models" if store is None else Path(store)).expanduser().resolve()


def address(folder: Path) -> str:
    """Give the address by which MLflow finds the store in a folder."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def settle_mlflow() -> None:
    """Say before its first import that MLflow calls nobody, as it else would then, and keeps its steps to itself."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Its bars of progress do without the widgets of a notebook; a container has no bars at all.
    with warnings.catch_warnings(), contextlib.suppress(ModuleNotFoundError):
        warnings.filterwarnings("ignore", message="IProgress not found")
        import tqdm.auto  # noqa: F401


def _client(folder: Path) -> MlflowClient:
    settle_mlflow()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address(folder), registry_uri=address(folder))


def _reading(store: Path | None) -> MlflowClient:
    folder = _folder(store)
    if not (folder / "mlflow.db").is_file():
        raise CourseError(f"There is no store of models in {folder}: register a model first, or name its folder.")
    return _client(folder)


@contextlib.contextmanager
def _writing(store: Path | None) -> Iterator[MlflowClient]:
    """Write alone: two programs must not make the tables, or ask the gate, at once. A killed one lets go."""
    folder = _folder(store)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise CourseError(f"Cannot write to {folder} ({error.strerror}): name a folder that can be written.") from None
    with lock:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield _client(folder)


def _experiment(client: MlflowClient, name: str, folder: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    return client.create_experiment(name, artifact_location=(folder / "artifacts").as_uri())


def _write(
    client: MlflowClient,
    folder: Path,
    model: BaseEstimator,
    name: str,
    margin: float,
    sample: pd.DataFrame,
    metrics: dict[str, float],
    tags: dict[str, str],
) -> int:
    """Write a version, whole or not at all: the files first, its entry in the registry last."""
    from mlflow.entities import Metric, RunTag

    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
        saved = Path(part) / "model"
        tags = {**tags, "model_sha256": _save(model, saved, sample)}
        tags["example_sha256"] = _save_example(model, saved, sample.head())
        run = client.create_run(_experiment(client, name, folder), run_name=name).info.run_id
        try:
            client.log_batch(
                run,
                metrics=[Metric(key, float(value), 0, 0) for key, value in metrics.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )
            kept = _place(folder, run)
            kept.parent.mkdir(parents=True)
            saved.replace(kept)
            if not _known(client, name):
                client.create_registered_model(name, tags={"margin": str(margin)})
            number = client.create_model_version(name, source=kept.as_uri(), run_id=run, tags=tags).version
        except BaseException:
            client.set_terminated(run, "FAILED")
            shutil.rmtree(folder / "artifacts" / run, ignore_errors=True)
            raise
    client.set_terminated(run)
    return int(number)


def _save(model: BaseEstimator, folder: Path, sample: pd.DataFrame) -> str:
    """Write the model as MLflow's own tools expect it, by skops; return the digest of its file."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    with tempfile.TemporaryDirectory() as trial:
        saved_model.write(model, Path(trial) / _MODEL)  # says in one line what it cannot save
    answers = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    with warnings.catch_warnings():  # whole numbers with gaps are floats in pandas; it is the sample that counts
        warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer column")
        signature = infer_signature(sample.head(), getattr(model, answers)(sample.head()))
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=signature,
        serialization_format="skops",
        skops_trusted_types=list(saved_model.TRUSTED),
        pyfunc_predict_fn=answers,
        pip_requirements=[
            f"{key}=={value}" for key, value in saved_model.versions(*_PACKAGES).items() if key != "python"
        ],
    )
    return saved_model.sha256(folder / _MODEL)


def _answers(model: BaseEstimator, rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows))


def _save_example(model: BaseEstimator, folder: Path, sample: pd.DataFrame) -> str:
    """Write some rows, their types and the model's answers beside it; return the digest of the file."""
    types = {}
    for name, values in sample.items():
        types[name] = {"type": str(values.dtype)}
        if isinstance(values.dtype, pd.CategoricalDtype):
            types[name]["categories"] = values.cat.categories.tolist()
    rows = sample.astype(object).where(sample.notna(), None).to_numpy().tolist()
    written = {"columns": types, "rows": rows, "answers": _answers(model, sample).tolist()}
    (folder / _EXAMPLE).write_text(json.dumps(written, default=str), encoding="utf-8")
    return saved_model.sha256(folder / _EXAMPLE)


def _read_example(folder: Path, version: ModelVersion) -> tuple[pd.DataFrame, np.ndarray]:
    file = _place(folder, version.run_id) / _EXAMPLE
    what = f"{version.name} version {version.version}"
    if not file.is_file() or "example_sha256" not in version.tags:
        raise CourseError(f"{what} was registered without an example, or {file} is gone: register it again.")
    if saved_model.sha256(file) != version.tags["example_sha256"]:
        raise CourseError(f"The example of {what} was changed since it was registered (SHA-256 of {file} differs).")
    kept = json.loads(file.read_text(encoding="utf-8"))
    rows = pd.DataFrame(kept["rows"], columns=list(kept["columns"]), dtype=object)
    for name, about in kept["columns"].items():
        words = about.get("categories")
        rows[name] = rows[name].astype(about["type"] if words is None else pd.CategoricalDtype(words))
    return rows, np.asarray(kept["answers"])


def _place(folder: Path, run: str) -> Path:
    return folder / "artifacts" / run / "artifacts" / "model"


def _read(folder: Path, version: ModelVersion) -> BaseEstimator:
    """Load a version's model, by our own list of types: MLflow would take the list that lies beside the model."""
    file = _place(folder, version.run_id) / _MODEL
    what = f"{version.name} version {version.version}"
    if not file.is_file():
        raise CourseError(f"The model of {what} is gone: {file} is missing. Register it again, or roll back.")
    if saved_model.sha256(file) != version.tags["model_sha256"]:
        raise CourseError(f"The model of {what} was changed since it was registered (SHA-256 of {file} differs).")
    here, there = saved_model.versions(*_PACKAGES), json.loads(version.tags["versions"])
    differ = [f"{key} {there[key]} (here {here.get(key)})" for key in there if there[key] != here.get(key)]
    if differ:
        warnings.warn(f"{what} was saved with {', '.join(differ)}: predictions may differ a little.", stacklevel=3)
    return saved_model.read(file)


# ---- looking things up, and refusing ---------------------------------------------------------------------------------


def _known(client: MlflowClient, name: str) -> bool:
    return any(model.name == name for model in client.search_registered_models(f"name = '{name}'"))


def _check_known(client: MlflowClient, name: str) -> None:
    if not _known(client, name):
        names = sorted(model.name for model in client.search_registered_models())
        meant = "".join(f" Did you mean {each!r}?" for each in nearest(name, names))
        raise CourseError(f"No model is registered as {name!r}.{meant} Registered: {', '.join(names) or 'none'}.")


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    number = client.get_registered_model(name).aliases.get(CHAMPION)
    return None if number is None else client.get_model_version(name, number)


def _find(client: MlflowClient, name: str, version: int | str) -> ModelVersion:
    _check_known(client, name)
    if version == CHAMPION:
        if (found := _champion(client, name)) is None:
            raise CourseError(f"{name} has no champion: register a version, or load one by its number.")
        return found
    numbers = sorted(int(each.version) for each in client.search_model_versions(f"name = '{name}'"))
    if version not in numbers:
        raise CourseError(f"{name} has no version {version!r}: it has {', '.join(map(str, numbers))}, or 'champion'.")
    return client.get_model_version(name, str(version))


def _check_margin(client: MlflowClient, name: str, margin: float) -> None:
    if not 0 <= margin < 1:
        raise CourseError(f"margin={margin}: give the share by which a new version may cost more, from 0 to below 1.")
    if _known(client, name) and (named := float(client.get_registered_model(name).tags["margin"])) != margin:
        raise CourseError(
            f"margin={margin}: the margin of {name} was named as {named} with its first version, and no later one "
            "chooses its own."
        )


def _asked_before(client: MlflowClient, name: str, days: ArrayLike) -> int:
    """Count the versions that were judged on some of these days: each further one is a look more."""
    if not _known(client, name):
        return 0
    first, last = _ends(days)
    before = client.search_model_versions(f"name = '{name}'")
    return sum(each.tags["judged_from"] <= last and first <= each.tags["judged_to"] for each in before)


def _ends(days: ArrayLike) -> tuple[str, str]:
    in_order = pd.Series(days).agg(["min", "max"])
    return tuple(str(day).removesuffix(" 00:00:00") for day in in_order)


def _again(asked: int) -> str:
    if asked <= 2:  # the champion and this one
        return ""
    return f"{asked} versions were asked on these days: the more, the more luck is in who passes. "


def _check_after(days: ArrayLike, until: date | None, who: str) -> None:
    first = pd.Series(days).min()
    if until is not None and first <= pd.Timestamp(until):
        raise CourseError(
            f"{who} learned from days up to {until:%Y-%m-%d}, and the judged ones begin on {first:%Y-%m-%d}: "
            "judge days that neither has seen."
        )


def _costs(costs: Callable[[BaseEstimator], ArrayLike], model: BaseEstimator, days: ArrayLike) -> np.ndarray:
    found = np.asarray(costs(model), dtype=float)
    if found.shape != (len(days),):
        raise CourseError(
            f"costs(model) has shape {found.shape}: give one number for each of the {len(days)} judged rows."
        )
    if not (found >= 0).all() or not np.isfinite(found).all():
        raise CourseError("costs(model) holds missing, infinite or negative values: a cost is a number from 0 on.")
    return found


def _digest(data: pd.DataFrame) -> str:
    words = data.select_dtypes("category").columns
    return content_digest(pa.Table.from_pandas(data.astype(dict.fromkeys(words, "str")), preserve_index=False))


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _percent(more: float, low: float, high: float) -> str:
    return f"{more:.1%} [{low:.1%}, {high:.1%}] more"
