"""What the tests of the service share: small models of real flights, registered, and a service in a process."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier

from course_lib import load, registry

WORDS, NUMBERS = ["carrier", "origin"], ["airport_delay", "nyc_delay", "temperature", "wind_speed"]
NAMES = [*WORDS, *NUMBERS]
NAME = "served flights"


def flights() -> pd.DataFrame:
    table = load("features").iloc[::25]
    table = table[table["arr_delay"].notna()].assign(late=lambda rows: rows["arr_delay"] >= 30)
    return table.astype(dict.fromkeys(NUMBERS, "float32") | dict.fromkeys(WORDS, "category"))


def trees(rows: pd.DataFrame, seed: int) -> LGBMClassifier:
    model = LGBMClassifier(n_estimators=20, num_leaves=8, random_state=seed, n_jobs=1, verbose=-1, subsample=0.8)
    return model.set_params(subsample_freq=1).fit(rows[NAMES], rows["late"])


def register(store: Path, rows: pd.DataFrame, seed: int, name: str = NAME) -> registry.Version:
    """Put a version forward; the margin is wide, so that it becomes champion."""
    learned, judged = rows[rows["day"] < "2013-08-01"], rows[rows["day"] >= "2013-08-01"]

    def costs(model) -> np.ndarray:
        return np.where(model.predict_proba(judged[NAMES])[:, 1] >= 1 / 6, 1.0, 6.0 * judged["late"])

    return registry.register(
        trees(learned, seed), name, sample=learned[NAMES], data=learned[NAMES], costs=costs, days=judged["day"],
        margin=0.5, seed=seed, store=store,
    )  # fmt: skip


COURSE = [sys.executable, "-c", "from course_lib.command.cli import main; main()"]


def start(store: Path, *options: str, name: str = NAME) -> tuple[subprocess.Popen, str]:
    """``course serve`` in a process of its own: the process and its address."""
    command = [*COURSE, "serve", name, "--store", str(store), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, re.search(r"(http://127.0.0.1:\d+)/predict", process.stdout.readline())[1]


def ask(address: str, body: bytes | None = None) -> tuple[int, dict]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with opener.open(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
