"""The service answers as the batch does, refuses in one line, and replaces its model while it works."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from flights_served import NAME, NAMES, ask, register, start
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib import CourseError, registry
from course_lib.places import REPOSITORY
from course_lib.serving import answering, application, offered_load, schema, service

MODEL = "model.skops"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
def first(served_store):
    return answering.load(NAME, 1, store=served_store)


@pytest.fixture(scope="session")
def second(served_store):
    return answering.load(NAME, 2, store=served_store)


@pytest.fixture(scope="session")
def decisions(served_flights) -> list[dict]:
    return [schema.as_decision(row) for row in served_flights[NAMES].head(300).to_dict("records")]


def make(served, store, **changed):
    given = {"token": None, "gather": True, "waiting": 50, "tell": lambda line: None}
    return application.make(served, store=store, **given | changed)


@pytest.fixture(scope="session")
def client(second, served_store):
    with TestClient(make(second, served_store), raise_server_exceptions=False) as client:
        yield client


def test_many_decisions_are_answered_as_the_batch_answers_them(client, second, served_flights, decisions):
    answer = client.post("/predict", json={"decisions": decisions}).json()
    of_batch = second.probabilities(schema.prepare(second.columns, served_flights.head(300)))
    assert answer["probabilities"] == of_batch.tolist()
    assert (answer["model"], answer["version"], answer["unknown"]) == (NAME, 2, [])
    assert len(set(answer["probabilities"])) > 10


def test_a_carrier_never_met_is_told_and_counted(client, decisions):
    asked = {"decisions": [decisions[0], decisions[0] | {"carrier": "ZZ"}, decisions[0] | {"carrier": None}]}
    answer = client.post("/predict", json=asked).json()
    assert answer["unknown"] == [{"decision": 1, "column": "carrier", "value": "ZZ"}]
    assert answer["probabilities"][1] == answer["probabilities"][2]
    assert 'course_unknown_words_total{column="carrier"} 1.0' in client.get("/metrics").text


def changed(decision: dict, **values) -> bytes:
    return json.dumps({"decisions": [decision | values]}).encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lambda one: changed(one, temperature="warm"), r"decisions\[0\]\.temperature: "),
        (lambda one: changed(one, temperature=float("nan")), r"decisions\[0\]\.temperature: .*finite"),
        (lambda one: changed(one, temperature=float("inf")), r"decisions\[0\]\.temperature: .*finite"),
        (lambda one: changed(one, arr_delay=3), r"decisions\[0\]\.arr_delay: is no column"),
        (lambda one: json.dumps({"decisions": [{"carrier": "UA"}]}).encode(), r"origin: is missing.*\(and 4 more\)"),
        (lambda one: b'{"decisions": []}', "decisions: "),
        (lambda one: b'{"decisions": 3}', "decisions: "),
        (lambda one: b'{"decisions": [', "no JSON"),
        (lambda one: b"[" * 100_000, ""),
        (lambda one: b"\xff\xfe", "no JSON"),
        (lambda one: b"", "the request: "),
        (lambda one: b'{"decisions": [' + b"9" * 10_000 + b"]}", ""),
    ],
    ids=["text", "nan", "infinite", "outcome", "missing", "none", "number", "cut", "deep", "bytes", "empty", "long"],
)
def test_nonsense_is_refused_in_one_line_that_names_the_field(client, decisions, body, says):
    answer = client.post("/predict", content=body(decisions[0]), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert re.search(says, answer.json()["detail"])
    assert "\n" not in answer.json()["detail"]


def test_a_request_that_is_too_large_is_not_read_to_its_end(client):
    parts = (b"0" * 1_000_000 for _ in range(6))
    assert client.post("/predict", content=parts).status_code == 413
    assert client.post("/predict", content=b"0" * (application.LARGEST_BODY + 1)).status_code == 413


def test_the_page_of_the_interface_names_each_column_and_needs_nothing_from_elsewhere(client):
    columns = client.get("/openapi.json").json()["components"]["schemas"]["Decision"]["properties"]
    assert list(columns) == NAMES
    assert "minutes before the decision" in columns["airport_delay"]["description"]
    page = client.get("/docs").text
    assert not re.search(r"(?:src|href)=\"https?://", page)
    script = re.search(r'src="(/[^"]+\.js)"', page)[1]
    assert client.get(script).status_code == 200


def test_who_has_no_token_gets_the_health_alone(second, served_store, decisions):
    token = "a secret of the tests"
    with TestClient(make(second, served_store, token=token)) as client:
        asked = {"url": "/predict", "json": {"decisions": decisions[:1]}}
        assert client.post(**asked).status_code == 401
        assert client.post(**asked, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.post(**asked, headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert client.get("/metrics").status_code == 401
        assert client.get("/health").json() == {"model": NAME, "version": 2, "refused": False}


async def answers_of(first, decisions: list[dict], gather: bool, between=lambda answering: None):
    """Let all wait before the work begins; give the answers, and how many requests shared each call."""
    shared = []
    rows = [tuple(each.values()) for each in decisions]
    working = answering.Answering(first, gather=gather, called=lambda requests, _: shared.append(requests))
    here = asyncio.get_running_loop().create_future
    asked = [asyncio.create_task(working.answer([row], here())) for row in rows]
    await asyncio.sleep(0)
    work = asyncio.create_task(working.work())
    await asked[0]
    between(working)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    work.cancel()
    return answers, shared


def test_requests_that_wait_share_a_call_and_their_answers_are_the_same(first, decisions):
    together, shared = asyncio.run(answers_of(first, decisions[:40], gather=True))
    alone, each = asyncio.run(answers_of(first, decisions[:40], gather=False))
    assert (shared, each) == ([40], [1] * 40)
    assert together == alone


def test_a_call_never_mixes_two_versions(first, second, decisions):
    answers, _ = asyncio.run(
        answers_of(first, decisions[:40], gather=False, between=lambda working: setattr(working, "served", second))
    )
    assert {answer.version for answer in answers} == {1, 2}
    by_version = {
        served.version.version: served.probabilities(schema.prepare(served.columns, pd.DataFrame(decisions[:40])))
        for served in (first, second)
    }
    assert not np.array_equal(by_version[1], by_version[2])
    assert [answer.probabilities[0] for answer in answers] == [
        by_version[answer.version][place] for place, answer in enumerate(answers)
    ]


def test_one_request_that_breaks_the_model_does_not_break_the_others(first, decisions):
    odd = dict.fromkeys(decisions[0], "no number")  # past the door no check would let it
    answers, shared = asyncio.run(answers_of(first, [decisions[0], odd, decisions[1]], gather=True))
    assert [isinstance(answer, answering.Answer) for answer in answers] == [True, False, True]
    assert shared == [3, 1, 1, 1]


async def until_wait(client: httpx.AsyncClient, number: int) -> None:
    while f"course_waiting_requests {number}.0" not in (await client.get("/metrics")).text:
        await asyncio.sleep(0)


async def not_to_be_read():
    raise AssertionError("This body should not be read.")
    yield


def test_more_than_may_wait_are_sent_away_and_the_others_answered(second, served_store, decisions):
    async def crowd():
        app = make(second, served_store, waiting=2)
        transport = httpx.ASGITransport(app)
        body = {"decisions": decisions[:1]}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            accepted = [asyncio.create_task(client.post("/predict", json=body)) for _ in range(2)]
            await until_wait(client, 2)
            sent_away = await client.post("/predict", content=not_to_be_read())
            async with app.router.lifespan_context(app):
                return sent_away, await asyncio.gather(*accepted)

    sent_away, accepted = asyncio.run(crowd())
    assert (sent_away.status_code, sent_away.headers["retry-after"]) == (503, "1")
    assert [answer.status_code for answer in accepted] == [200, 200]


def test_more_bytes_than_are_held_are_sent_away_until_there_is_room(second, served_store, decisions, monkeypatch):
    body = json.dumps({"decisions": decisions[:3]}).encode()
    monkeypatch.setattr(application, "MOST_HELD", len(body) + 10)

    async def crowd():
        app = make(second, served_store)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            accepted = asyncio.create_task(client.post("/predict", content=body, headers=JSON))
            await until_wait(client, 1)
            sent_away = await client.post("/predict", content=body, headers=JSON)
            async with app.router.lifespan_context(app):
                return [sent_away, await accepted, await client.post("/predict", content=body, headers=JSON)]

    assert [answer.status_code for answer in asyncio.run(crowd())] == [503, 200, 200]


async def asks_and_goes(app, body: bytes, whole: bool, goes: asyncio.Event) -> None:
    """A client that hangs up, after all of its request or after a part of it."""
    messages = [{"type": "http.request", "body": body, "more_body": not whole}]

    async def receive() -> dict:
        if messages:
            return messages.pop()
        await goes.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        pass

    about = {"type": "http", "http_version": "1.1", "scheme": "http", "method": "POST", "path": "/predict"}
    headers = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]
    await app(about | {"root_path": "", "query_string": b"", "headers": headers}, receive, send)


def test_who_has_gone_away_is_counted_so_and_the_model_is_not_called_for_it(second, served_store, decisions):
    async def three():
        app, goes = make(second, served_store), asyncio.Event()
        body = json.dumps({"decisions": decisions[:1]}).encode()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            stays = asyncio.create_task(client.post("/predict", content=body, headers=JSON))
            waits = asyncio.create_task(asks_and_goes(app, body, True, goes))
            sends = asyncio.create_task(asks_and_goes(app, body[:20], False, goes))
            await until_wait(client, 2)
            goes.set()
            await asyncio.gather(waits, sends)
            async with app.router.lifespan_context(app):
                return (await stays).status_code, (await client.get("/metrics")).text

    status, counts = asyncio.run(three())
    assert status == 200
    assert "course_call_requests_sum 1.0" in counts
    assert 'course_requests_total{path="/predict",status="499"} 2.0' in counts
    assert 'status="500"' not in counts


def test_a_broken_champion_is_refused_and_a_rolled_back_one_served(store, served_flights):
    name = "broken flights"
    for seed in (0, 1):
        register(store, served_flights, seed, name)
    told: list[str] = []
    working = answering.Answering(answering.load(name, 1, store=store), gather=True, called=lambda *_: None)
    watch = answering.Watch(working, store, told.append)
    file = max(store.glob(f"artifacts/*/artifacts/model/{MODEL}"), key=lambda path: path.stat().st_mtime_ns)
    whole = file.read_bytes()

    file.write_bytes(whole[:-100])
    asyncio.run(watch.look())
    asyncio.run(watch.look())
    assert working.served.version.version == 1
    assert len(told) == 1  # not each second
    assert told[0].startswith("Version 2 is refused, version 1 goes on: ")
    assert watch.refused == told[0]

    registry.roll_back(name, store=store)
    asyncio.run(watch.look())
    assert watch.refused == ""

    file.write_bytes(whole)
    register(store, served_flights, 2, name)
    asyncio.run(watch.look())
    assert working.served.version.version == 3
    assert told[1] == "Version 3 answers from now on, instead of version 1."


def test_a_refused_champion_is_tried_again_after_a_while(first, served_store, monkeypatch):
    told, tries = [], []
    working = answering.Answering(first, gather=True, called=lambda *_: None)
    watch = answering.Watch(working, served_store, told.append)

    def away(*_, **__):
        tries.append(1)
        raise OSError("The disk is away.")

    def look(times: int) -> None:
        for _ in range(times):
            asyncio.run(watch.look())

    monkeypatch.setattr(answering, "LOOKS_BETWEEN", 2)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "load_version", away)
        look(4)
    assert (len(tries), len(told)) == (2, 1)  # not at each look, and told once
    look(3)
    assert (working.served.version.version, watch.refused) == (2, "")


def test_a_model_that_answers_its_example_otherwise_is_refused(served_store, first, monkeypatch):
    other = replace(first.version, answers=first.version.answers[::-1])
    monkeypatch.setattr(registry, "load_version", lambda *_, **__: other)
    with pytest.raises(CourseError, match="otherwise than when it was registered"):
        answering.load(NAME, 1, store=served_store)


@pytest.fixture(scope="session")
def running(served_store):
    """``course serve`` in a process: the process and its address."""
    process, address = start(served_store)
    yield process, address
    process.kill()
    process.wait()


def test_the_champion_is_replaced_under_load_and_no_request_is_lost(running, served_store, decisions):
    _, address = running
    bodies = [json.dumps({"decisions": [each]}).encode() for each in decisions]
    assert ask(f"{address}/health")[1]["version"] == 2
    with ThreadPoolExecutor(1) as thread:
        back = thread.submit(registry.roll_back, NAME, store=served_store)
        rounds = []
        while not rounds or (rounds[-1]["version"].iloc[-1] != 1 and len(rounds) < 60):
            rounds.append(offered_load.offer(f"{address}/predict", bodies, rate=30, seconds=1, seed=0, timeout=60))
        assert back.result() == 1
    found = pd.concat(rounds, ignore_index=True)
    assert set(found["version"]) == {1, 2}
    assert offered_load.failures(found).sum() == 0


def test_asked_to_end_it_answers_what_it_has_accepted(running, decisions):
    process, address = running
    body = json.dumps({"decisions": decisions * 3}).encode()

    def accepted() -> int:
        opener = httpx.Client(trust_env=False)
        text = opener.get(f"{address}/metrics", timeout=60).text
        answered = re.search(r'requests_total\{path="/predict",status="200"\} (\d+)', text)
        return int(re.search(r"waiting_requests (\d+)", text)[1]), int(answered[1])

    before = accepted()[1]
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(_answered, address, body) for _ in range(20)]
        seen = accepted()
        while seen[0] < 3 and not all(each.done() for each in asked):
            seen = accepted()
        process.send_signal(signal.SIGTERM)
        answered = sum(each.result() for each in asked)
    assert answered >= sum(seen) - before
    assert process.wait(timeout=60) == 0
    assert process.stdout.read().endswith("Stopped.\n")


def _answered(address: str, body: bytes) -> bool:
    try:
        return ask(f"{address}/predict", body)[0] == 200
    except OSError:  # it came too late
        return False


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"host": "0.0.0.0"}, "can be reached by others: set COURSE_SERVE_TOKEN"),
        ({"host": "::"}, "can be reached by others"),
        ({"waiting": 0}, "at least one request"),
        ({"name": "no such flights"}, "No model is registered as"),
        ({"store": Path("no such folder")}, "There is no store of models"),
        ({"port": 70_000}, "Cannot listen"),
    ],
)
def test_what_cannot_be_served(served_store, changes, says):
    given = {"name": NAME, "store": served_store, "host": "127.0.0.1", "port": 0, "gather": True, "waiting": 10}
    with pytest.raises(CourseError, match=says):
        service.serve(**given | changes, tell=print)


def test_a_short_token_is_no_token(served_store, monkeypatch):
    monkeypatch.setenv(service.TOKEN, "short")
    with pytest.raises(CourseError, match="16 characters"):
        service.serve(NAME, store=served_store, host="0.0.0.0", port=0, gather=True, waiting=10, tell=print)


def test_sigterm_ends_it_while_it_loads_and_right_after_it_has_said_that_it_answers(served_store):
    program = """
import os, signal, sys
from pathlib import Path
from course_lib.serving import answering, service


def end(*_, **__):
    os.kill(os.getpid(), signal.SIGTERM)


given = {"store": Path(sys.argv[1]), "host": "127.0.0.1", "port": 0, "gather": True, "waiting": 1}
load, answering.load = answering.load, end
service.serve(sys.argv[2], **given, tell=print)
answering.load = load
service.serve(sys.argv[2], **given, tell=end)
print("ended twice")
"""
    words = [sys.executable, "-c", program, served_store, NAME]
    told = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert (told.returncode, told.stdout) == (0, "ended twice\n"), told.stderr


def test_a_port_that_is_taken(served_store):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CourseError, match="Cannot listen on"):
        service.serve(
            NAME, store=served_store, host="127.0.0.1", port=taken.getsockname()[1], gather=True, waiting=9, tell=print
        )


def in_the_container() -> set[str]:
    """Name the distributions that deploy/packages.txt brings, with all that they need."""
    lines = (REPOSITORY / "deploy" / "packages.txt").read_text().splitlines()
    found, ahead = set(), [Requirement(line) for line in lines if not line.startswith("#")]
    while ahead:
        one = ahead.pop()
        if (name := canonicalize_name(one.name), *sorted(one.extras)) not in found:
            found.add((name, *sorted(one.extras)))
            needed = [Requirement(each) for each in metadata.requires(name) or []]
            wanted = [{"extra": extra} for extra in (one.extras or [""])]
            ahead += [each for each in needed if each.marker is None or any(map(each.marker.evaluate, wanted))]
    return {name for name, *_ in found}


def test_the_service_needs_nothing_that_the_container_lacks(served_store):
    """What packages.txt does not bring cannot be imported: it answers without."""
    there = in_the_container()
    packages = metadata.packages_distributions().items()
    lacks = [name for name, of in packages if name != "course_lib" and not there & {canonicalize_name(o) for o in of}]
    assert {"pyspark", "tensorflow", "plotly", "jupyterlab"} <= set(lacks)
    program = """
import sys
from pathlib import Path

sys.modules.update(dict.fromkeys(sys.stdin.read().split()))
from course_lib.command import cli
from course_lib.serving import answering, application, service

served = answering.load(sys.argv[2], store=Path(sys.argv[1]))
application.make(served, store=None, token=None, gather=True, waiting=1, tell=print)
print(served.version.version)
"""
    words = [sys.executable, "-c", program, served_store, NAME]
    told = subprocess.run(words, input=" ".join(lacks), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) == registry.champion_of(NAME, store=served_store)
