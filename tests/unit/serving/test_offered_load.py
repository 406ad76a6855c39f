"""Load is offered at its rate, whatever the server does; a latency counts from when a request was due."""

import asyncio
import contextlib
import socket
import threading

import numpy as np
import pandas as pd
import pytest
from aiohttp import web

from course_lib import CourseError
from course_lib.serving import offered_load

BODY = [b"{}"]


@contextlib.contextmanager
def server(answer):
    """Serve a coroutine that answers, in a thread; give its address."""
    loop, ready, end = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    taken = socket.create_server(("127.0.0.1", 0))

    async def life():
        application = web.Application()
        application.router.add_post("/predict", answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, taken).start()
        ready.set()
        await end.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(life(),))
    thread.start()
    ready.wait(30)
    try:
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/predict"
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


async def version_seven(request):
    return web.json_response({"version": 7})


def test_all_are_sent_and_answered():
    with server(version_seven) as url:
        found = offered_load.offer(url, BODY, rate=100, seconds=1, seed=0)
    told = offered_load.summary(found)
    assert told["requests"] == told["answered"] == len(found)
    assert abs(len(found) - 100) < 5 * np.sqrt(100)
    assert (found["version"] == 7).all()
    assert (found["sent"] >= found["due"]).all()


def test_a_server_that_stands_still_does_not_hold_the_load_back():
    """A client that waited for answers would send one request here, and say that it took long."""
    still = asyncio.Event()
    count = 0

    async def stands_still(request):
        nonlocal count
        count += 1
        if count == 40:  # nobody is answered until so many wait together
            still.set()
        await still.wait()
        return web.json_response({"version": 1})

    with server(stands_still) as url:
        found = offered_load.offer(url, BODY, rate=60, seconds=1, seed=1, timeout=60)
    assert (found["outcome"] == "answered").all()
    until = found["due"].iloc[39]
    waited = found["latency"].iloc[:39]
    assert (waited >= until - found["due"].iloc[:39]).all()


def test_failures_are_told_by_kind():
    count = 0

    async def failing(request):
        nonlocal count
        count += 1
        if count % 3 == 0:
            return web.json_response({}, status=503)
        if count % 3 == 1:
            request.transport.abort()
        return web.json_response({"version": 1})

    with server(failing) as url:
        found = offered_load.offer(url, BODY, rate=60, seconds=1, seed=2)
    assert set(offered_load.failures(found).index) == {"status 503", "broken off"}
    assert offered_load.summary(found)["failed"] == offered_load.failures(found).sum()


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = offered_load.offer(f"http://127.0.0.1:{port}/", BODY, rate=20, seconds=0.5, seed=3)
    assert set(found["outcome"]) == {"not connected"}


def test_who_never_answers_is_given_up():
    async def never(request):
        await asyncio.Event().wait()

    with server(never) as url:
        found = offered_load.offer(url, BODY, rate=20, seconds=0.3, seed=4, timeout=0.2)
    assert set(found["outcome"]) == {"timed out"}
    assert np.isnan(offered_load.summary(found)["p99"])


def test_the_same_seed_draws_the_same_moments():
    due = [offered_load.offer("http://127.0.0.1:9/", BODY, rate=30, seconds=0.3, seed=5)["due"] for _ in range(2)]
    pd.testing.assert_series_equal(*due)


@pytest.mark.parametrize(
    ("url", "changed", "says"),
    [
        ("http://example.org/", {}, "another machine's"),
        ("http://127.0.0.1:9/", {"rate": 0}, "Nothing to send"),
        ("http://127.0.0.1:9/", {"rate": 1e6}, "are more than"),
    ],
)
def test_what_is_refused(url, changed, says):
    with pytest.raises(CourseError, match=says):
        offered_load.offer(url, BODY, **{"rate": 10, "seconds": 1, "seed": 0} | changed)
