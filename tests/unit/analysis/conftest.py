"""Small real tables, and planted ones whose truth is known."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def cancers() -> pd.DataFrame:
    """569 tumours, benign or not; the mean of ten measurements."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True).frame
    named = data["target"].map({0: "malignant", 1: "benign"})
    return data[[name for name in data if name.startswith("mean ")]].assign(diagnosis=named)


@pytest.fixture(scope="session")
def visits() -> pd.DataFrame:
    """600 visits of 60 patients on 300 days: a number that depends on dose and ward, missing values, a remark."""
    rng = np.random.default_rng(3)
    rows = 600
    patient = rng.integers(0, 60, rows)
    data = pd.DataFrame(
        {
            "visit": np.arange(rows) + 1000,
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(rows) // 2, unit="D"),
            "patient": [f"p{number}" for number in patient],
            "dose": rng.gamma(2, 10, rows).round(1),
            "ward": rng.choice(["north", "south", "west"], rows),
        }
    )
    level = rng.normal(0, 3, 60)[patient] + data["ward"].map({"north": 0, "south": 6, "west": 2})
    data["pressure"] = (120 + 0.4 * data["dose"] + level + rng.normal(0, 4, rows)).round(1)
    data.loc[rng.choice(rows, 40, replace=False), "dose"] = np.nan
    return data
