"""Load as it comes in life: requests leave at a given rate, whether or not the answers before them are back.

A client that waits for each answer before it asks again slows down together with the server, and so hides the very
waits that it should measure: *coordinated omission*. Here the moments at which requests are due are drawn beforehand,
and a latency counts from the moment at which its request was due.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import aiohttp
import numpy as np
import pandas as pd

from course_lib.errors import CourseError

ANSWERED = "answered"
MOST = 200_000  # requests of one run: a slip in a rate must not fill the memory


def offer(
    url: str, bodies: Sequence[bytes], *, rate: float, seconds: float, seed: int, timeout: float = 10.0
) -> pd.DataFrame:
    """Send requests at a rate, and tell what became of each.

    Parameters
    ----------
    url : str
        On this machine; POST.
    bodies : sequence of bytes
        JSON, taken in turn.
    rate : float
        Requests a second on average; the gaps are exponential, as where many people ask without knowing of each other.
    seconds : float
        For so long; what is on the way then is waited for.
    seed : int
        Of the gaps.
    timeout : float
        Seconds after which a request is given up, from when it was sent.

    Returns
    -------
    pandas.DataFrame, shape (requests, 5)
        `due` and `sent` in seconds since the start; `latency`, seconds from `due` to the answer or to the failure;
        `outcome`: "answered", "status 503" and the like, "not connected" (nobody listens), "broken off" (the server
        was lost on the way) or "timed out"; `version`, that of the model in an answer, else 0.

    Raises
    ------
    CourseError
        If there is nothing to send, too much, or the address is another machine's.
    """
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CourseError(
            f"{url} is another machine's: load is offered to a server on this one, http://127.0.0.1:PORT."
        )
    if not bodies or rate <= 0 or seconds <= 0 or timeout <= 0:
        raise CourseError("Nothing to send: give bodies, and a rate, seconds and a timeout above 0.")
    if rate * seconds > MOST:
        raise CourseError(f"{rate * seconds:,.0f} requests are more than {MOST:,}: take a lower rate or fewer seconds.")
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 1.5) + 50)
    due = np.cumsum(gaps)
    due = due[due < seconds]
    with ThreadPoolExecutor(1) as thread:  # a notebook has a loop already
        return thread.submit(asyncio.run, _offer(url, bodies, due, timeout)).result()


async def _offer(url: str, bodies: Sequence[bytes], due: np.ndarray, timeout: float) -> pd.DataFrame:
    found = {"due": due, "sent": np.zeros(len(due)), "latency": np.zeros(len(due))}
    outcome, version = [""] * len(due), np.zeros(len(due), dtype=int)
    connector = aiohttp.TCPConnector(limit=0)
    whole = aiohttp.ClientTimeout(total=timeout)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, timeout=whole, headers=headers) as session:
        begun = time.perf_counter()

        async def ask(place: int) -> None:
            found["sent"][place] = time.perf_counter() - begun
            outcome[place], version[place] = await _ask(session, url, bodies[place % len(bodies)])
            found["latency"][place] = time.perf_counter() - begun - due[place]

        async with asyncio.TaskGroup() as asking:
            for place, moment in enumerate(due):
                if (left := moment - (time.perf_counter() - begun)) > 0:
                    await asyncio.sleep(left)
                asking.create_task(ask(place))
    return pd.DataFrame({**found, "outcome": outcome, "version": version})


async def _ask(session: aiohttp.ClientSession, url: str, body: bytes) -> tuple[str, int]:
    try:
        async with session.post(url, data=body) as answer:
            said = await answer.read()
        if answer.status != 200:
            return f"status {answer.status}", 0
        told = json.loads(said)
        return ANSWERED, int(told.get("version", 0))
    except aiohttp.ClientConnectorError:
        return "not connected", 0
    except TimeoutError:
        return "timed out", 0
    except (aiohttp.ClientError, OSError, ValueError):
        return "broken off", 0


def summary(found: pd.DataFrame) -> pd.Series:
    """Sum up what `offer` gave.

    Returns
    -------
    pandas.Series
        `requests`; `answered` and `failed`, counts; `answered_a_second`, over the time from the first request to the
        last answer; `p50`, `p95` and `p99` of the latency of what was answered, in milliseconds; `sent_late`, the 99th
        percentile of how late a request left, in milliseconds: where that is not small beside the latencies, the
        client was the bottleneck.
    """
    answered = found["outcome"] == ANSWERED
    latency = found.loc[answered, "latency"] * 1000
    took = (found["due"] + found["latency"]).max() - found["due"].min() if len(found) else np.nan
    return pd.Series(
        {
            "requests": len(found),
            "answered": int(answered.sum()),
            "failed": int((~answered).sum()),
            "answered_a_second": answered.sum() / took if took > 0 else np.nan,
            **{f"p{share}": latency.quantile(share / 100) for share in (50, 95, 99)},
            "sent_late": ((found["sent"] - found["due"]) * 1000).quantile(0.99),
        }
    )


def failures(found: pd.DataFrame) -> pd.Series:
    """Count what was not answered, by kind."""
    return found.loc[found["outcome"] != ANSWERED, "outcome"].value_counts()
