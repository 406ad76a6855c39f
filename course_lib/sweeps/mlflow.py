"""The runs of a sweep as MLflow runs: ``course mlflow runs/NAME`` shows them.

A program of its own, because what MLflow imports and sets is none of the sweep's business.
"""

import json
import os
import sys
from pathlib import Path

from course_lib.sweeps.records import DONE

_LONGEST = 500  # characters of a parameter


def log_runs(folder: Path) -> None:
    """Log each record of a sweep that is not logged yet; no server, no network.

    Parameters
    ----------
    folder : Path
        The sweep's folder. MLflow's database, ``mlflow.db``, and its ``artifacts`` come to lie there.
    """
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    client = MlflowClient(tracking_uri=f"sqlite:///{folder.resolve() / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(plan["name"])
    number = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(plan["name"], artifact_location=(folder / "artifacts").resolve().as_uri())
    )
    logged = {run.data.tags.get("record") for run in client.search_runs([number], max_results=50_000)}
    for file in sorted((folder / "records").glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        name = f"{found['id']} {found['started']}"  # a repeated point is another run
        if name in logged:
            continue
        run = client.create_run(number, run_name=found["id"]).info.run_id
        parameters = {**found["parameters"], **{k: v for k, v in found["values"].items() if not _is_number(v)}}
        measured = {name: found[name] for name in ("seconds", "cpu_seconds", "peak_bytes")}
        metrics = {name: value for name, value in {**found["values"], **measured}.items() if _is_number(value)}
        tags = {"record": name, "status": found["status"], "error": found["error"], **found["versions"]}
        client.log_batch(
            run,
            metrics=[Metric(name, value, 0, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)[:_LONGEST]) for name, value in parameters.items()],
            tags=[RunTag(name, str(value)) for name, value in tags.items()],
        )
        client.set_terminated(run, "FINISHED" if found["status"] == DONE else "FAILED")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


if __name__ == "__main__":
    log_runs(Path(sys.argv[1]))
