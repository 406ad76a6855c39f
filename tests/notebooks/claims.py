"""Run the sweep `claims` over the named lessons, and tell for each of their claims in which share of the runs it holds.

``python tests/notebooks/claims.py 01``; without a number, every lesson. It goes on where it was stopped, and leaves
the table as ``claims.csv`` in the sweep's folder, such as ``runs/claims_01_data_platform/``.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import yaml

from course_lib import sweep
from course_lib.command.lessons import find_lesson
from course_lib.places import NOTEBOOKS, RUNS

SHIPPED = NOTEBOOKS / "sweeps" / "claims.yaml"
ENOUGH = 0.95  # of the runs that reach it


def plan(names: list[str]) -> Path:
    """Write the sweep's file with these lessons alone, paths in full; the shipped one for none."""
    if not names:
        return SHIPPED
    description = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    grid = description["grid"]
    grid["lesson"] = [str(find_lesson(name)) for name in names]
    grid["second"] = [str((SHIPPED.parent / file).resolve()) if file else "" for file in grid["second"]]
    file = RUNS / f"claims_{'_'.join(Path(lesson).stem for lesson in grid['lesson'])}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    return file


def shares(runs: pd.DataFrame) -> pd.DataFrame:
    """Give for each claim of each lesson how many runs reached it, the share in which it held, and where it did not.

    Parameters
    ----------
    runs : pandas.DataFrame
        The sweep's table.

    Returns
    -------
    pandas.DataFrame
        A row for each claim, in the order of the lesson.
    """
    rows = []  # of each claim in each run
    for run in runs[runs["status"] == "done"].itertuples():
        about = {"lesson": Path(run.lesson).stem, "run": f"{'second' if run.second else 'default'} {run.seed}"}
        rows += [{**about, "claim": claim, "holds": holds} for claim, holds in json.loads(run.outcomes).items()]
    by_claim = pd.DataFrame(rows, columns=["lesson", "run", "claim", "holds"]).groupby(["lesson", "claim"], sort=False)
    return (
        by_claim[["holds", "run"]]
        .apply(
            lambda claim: pd.Series(
                {
                    "reached": claim["holds"].notna().sum(),
                    "share": claim["holds"].dropna().astype(float).mean(),
                    "fails in": ", ".join(claim.loc[claim["holds"].eq(False), "run"]),
                }
            )
        )
        .reset_index()
    )


if __name__ == "__main__":
    file = plan(sys.argv[1:])
    runs = sweep(file, jobs=1, resume=True)
    table = shares(runs)
    table.to_csv(RUNS / file.stem / "claims.csv", index=False)
    print(table.to_string(index=False, float_format="{:.2f}".format, max_colwidth=70))
    stopped = runs[runs["status"] != "done"]
    print(f"\n{len(runs) - len(stopped)} of {len(runs)} runs came to their end.")
    print(*stopped["lesson"] + ", seed " + stopped["seed"].astype(str) + ": " + stopped["error"], sep="\n")
    print(f"{(table['share'] < ENOUGH).sum()} of {len(table)} claims hold in less than {ENOUGH:.0%} of the runs.")
