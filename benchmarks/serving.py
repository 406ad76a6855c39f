"""Requests a second of ``course serve`` against MLflow's own scoring server, on the same model, at equal answers.

    python benchmarks/serving.py [--pairs N] [--seconds S] [--clients C]

The model is lesson 07's: XGBoost on 52 columns of 30,000 flights, with an OrdinalEncoder in front of its three words,
because MLflow's server hands over words as words and XGBoost alone does not take them; flights with a missing value are
left out, so that it does not matter how each server reads one. Three servers of one process run side by side and are
asked in turn, in another order each round: MLflow's (`mlflow models serve --env-manager local`), the course's, and the
course's without gathering. Each is asked for one flight a request, twice a round. First by C clients that ask again as
soon as they are answered: that says how much a server can do, and nothing about waits, because such a client asks less
where it waits longer. Then all are offered the same load, half of what MLflow's did in that round, as
`offered_load.offer` does: that says how long the slowest hundredth waits. All answers are compared first. Each round's
ratio is of neighbours in time; the figure is their median.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp
import numpy as np

from course_lib import features, load, registry
from course_lib.measure import ratio_of_pairs
from course_lib.serving import offered_load, schema

WORDS = ["carrier", "origin", "dest"]
NAME = "late flights"
OWN = {"start_new_session": True}  # so that it can be ended with what it has started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--seconds", type=float, default=8, help="for which each server is asked, twice a round")
    parser.add_argument("--clients", type=int, default=32, help="that ask at once")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = registered(Path(folder))
            servers = started(Path(folder), processes)
            bodies = {name: [asked(name, row) for row in rows] for name in servers}
            compare(servers, bodies)
            run(arguments, servers, bodies)
        finally:
            for process in processes:  # MLflow's has one below it
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            for process in processes:
                process.wait()


def registered(store: Path) -> list[dict]:
    """Register the model; return flights of the test months."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from xgboost import XGBClassifier

    names = features.names()
    numbers = [name for name in names if name not in WORDS]
    flights = load("features")
    flights = flights[flights["arr_delay"].notna() & flights["split"].ne("warm-up")].dropna(subset=names)
    flights = flights.astype(dict.fromkeys(numbers, "float32")).assign(late=lambda rows: rows["arr_delay"] >= 30)
    learned = flights[flights["split"].ne("test")].sample(30_000, random_state=0)
    judged = flights[flights["split"].eq("test")]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    encoded = ColumnTransformer([("words", encoder, WORDS), ("numbers", "passthrough", numbers)])
    trees = XGBClassifier(n_estimators=80, max_depth=4, learning_rate=0.1, min_child_weight=50, n_jobs=1)
    model = make_pipeline(encoded, trees).fit(learned[names], learned["late"])

    def costs(fitted):
        return np.where(fitted.predict_proba(judged[names])[:, 1] >= 1 / 6, 1.0, 6.0 * judged["late"])

    given = {"sample": learned[names], "data": learned[names], "days": judged["day"], "margin": 0.01, "seed": 0}
    registry.register(model, NAME, costs=costs, store=store, **given)
    return [schema.as_decision(row) for row in judged[names].head(500).to_dict("records")]


def started(store: Path, processes: list) -> dict[str, str]:
    """Start the servers; return where each is asked."""
    [model] = store.glob("artifacts/*/artifacts/model")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    python = [sys.executable, "-m"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it looks for uvicorn there
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PATH": path}
    log = (store / "mlflow.log").open("w")
    words = ["serve", "-m", str(model), "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port), "-w", "1"]
    processes.append(
        subprocess.Popen([*python, "mlflow", "models", *words], env=environment, stdout=log, stderr=log, **OWN)
    )
    servers = {"MLflow": f"http://127.0.0.1:{port}/invocations"}
    for name, options in [("course", []), ("course, not gathered", ["--no-gather"])]:
        words = ["course_lib.command.cli", "serve", NAME, "--store", str(store), "--port", "0", *options]
        processes.append(subprocess.Popen([*python, *words], stdout=subprocess.PIPE, text=True, **OWN))
        servers[name] = re.search(r"http://\S+", processes[-1].stdout.readline())[0]
    asyncio.run(up(f"http://127.0.0.1:{port}/ping", processes[0], store / "mlflow.log"))
    return servers


async def up(address: str, process: subprocess.Popen, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit(f"MLflow's server has ended: {log.read_text()[-500:]}")
            try:
                async with session.get(address) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise SystemExit("MLflow's server did not come up within five minutes.")


def asked(server: str, row: dict) -> bytes:
    if server == "MLflow":
        return json.dumps({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}).encode()
    return json.dumps({"decisions": [row]}).encode()


def probability(server: str, answer: bytes) -> float:
    told = json.loads(answer)
    return told["predictions"][0][1] if server == "MLflow" else told["probabilities"][0]


def compare(servers: dict[str, str], bodies: dict[str, list[bytes]]) -> None:
    async def answers(server: str) -> list[float]:
        found = []
        async with aiohttp.ClientSession() as session:
            for body in bodies[server][:100]:
                async with session.post(servers[server], data=body, headers=JSON) as answer:
                    said = await answer.read()
                    if answer.status != 200:
                        raise SystemExit(f"{server} answers {answer.status}: {said[:300].decode()}")
                    found.append(probability(server, said))
        return found

    said = {server: np.array(asyncio.run(answers(server))) for server in servers}
    for server, values in said.items():
        if not np.allclose(values, said["MLflow"], rtol=0, atol=1e-6):
            raise SystemExit(f"{server} answers otherwise than MLflow: {np.abs(values - said['MLflow']).max():.3g}")
    print(f"100 answers of each server are equal; {len(set(said['MLflow']))} of them are different")


JSON = {"Content-Type": "application/json"}


async def ask_on_and_on(url: str, bodies: list[bytes], clients: int, seconds: float) -> float:
    """Give answers a second."""
    asked, failed, begun = 0, 0, time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def client(first: int) -> None:
            nonlocal asked, failed
            place = first
            while time.perf_counter() - begun < seconds:
                async with session.post(url, data=bodies[place % len(bodies)], headers=JSON) as answer:
                    await answer.read()
                    failed += answer.status != 200
                asked += 1
                place += clients

        await asyncio.gather(*(client(number) for number in range(clients)))
    if failed:
        raise SystemExit(f"{url}: {failed} requests of {asked} failed")
    return asked / (time.perf_counter() - begun)


def slowest_hundredth(url: str, bodies: list[bytes], rate: float, seconds: float, seed: int) -> float:
    """Offer a load; give the 99th percentile of the latency in milliseconds."""
    told = offered_load.summary(offered_load.offer(url, bodies, rate=rate, seconds=seconds, seed=seed, timeout=60))
    if told["failed"]:
        raise SystemExit(f"{url}: {told['failed']:.0f} requests of {told['requests']:.0f} failed")
    if told["sent_late"] > told["p99"] / 2:
        print(f"{url}: the client was late by {told['sent_late']:.0f} ms, {told['p99']:.0f} ms say little")
    return told["p99"]


def run(arguments: argparse.Namespace, servers: dict[str, str], bodies: dict[str, list[bytes]]) -> None:
    found = {server: [] for server in servers}
    order = random.Random(0)
    for number in range(arguments.pairs):
        in_turn = order.sample(list(servers), len(servers))
        can = {
            server: asyncio.run(ask_on_and_on(servers[server], bodies[server], arguments.clients, arguments.seconds))
            for server in in_turn
        }
        for server in in_turn:
            offered = can["MLflow"] / 2, arguments.seconds, number
            found[server].append((can[server], slowest_hundredth(servers[server], bodies[server], *offered)))
    for server, rounds in found.items():
        rates, slowest = np.median(rounds, axis=0)
        print(f"{server:<22} {rates:7.0f} answers a second   p99 at half of MLflow's load {slowest:7.1f} ms")
    for server in list(servers)[1:]:
        pairs = list(zip(found[server], found["MLflow"], strict=True))
        print(f"{server}, answers a second: {ratio_of_pairs([(a[0], b[0]) for a, b in pairs])}")
        print(f"{server}, p99: {ratio_of_pairs([(a[1], b[1]) for a, b in pairs])}")


if __name__ == "__main__":
    main()
