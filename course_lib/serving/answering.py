"""Answers from the version that decides now: requests that wait at the same time share one call of its model.

A call of boosted trees costs nearly the same for one row and for a hundred: most of it goes into making the table. So
while the model works, what comes in waits, and the next call takes all of it. Nobody waits for company: a request that
finds the model free is alone in its call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.places import first_line
from course_lib.serving import registry, schema

ROWS_OF_CALL = 2_000  # a call takes so many rows at most, or one request that has more
CLOSE = 1e-4  # another CPU may differ in the last digits of a probability
LOOKS_BETWEEN = 60  # looks after which a refused version is tried again: what was wrong may have passed


@dataclass(frozen=True)
class Served:
    """A version that has answered its example as it should.

    Attributes
    ----------
    version : registry.Loaded
    columns : tuple of schema.Column
    """

    version: registry.Loaded
    columns: tuple[schema.Column, ...]

    def probabilities(self, rows: pd.DataFrame) -> np.ndarray:
        """Give the probability of the second class, such as True, for each row."""
        return self.version.model.predict_proba(rows)[:, 1].astype(float)


def load(name: str, version: int | str = registry.CHAMPION, *, store: Path | None = None) -> Served:
    """Load a version and ask it about its example before anyone else does.

    Raises
    ------
    CourseError
        If it cannot be loaded, is no classifier of two classes, or does not answer its example as when it was
        registered.
    """
    loaded = registry.load_version(name, version, store=store)
    served = Served(loaded, schema.columns_of(loaded.example))
    what = f"{name} version {loaded.version}"
    try:
        answers = np.asarray(loaded.model.predict_proba(loaded.example), dtype=float)
    except Exception as error:  # whatever a broken model raises: it must not serve
        raise CourseError(f"{what} cannot answer its example: {type(error).__name__}: {_short(error)}") from None
    if answers.ndim != 2 or answers.shape[1] != 2:
        raise CourseError(
            f"{what} gives answers of shape {answers.shape}: the service takes classifiers of two classes."
        )
    if not (np.isfinite(answers).all() and (answers >= 0).all() and (answers <= 1).all()):
        raise CourseError(f"{what} answers its example with what is no probability.")
    if answers.shape != loaded.answers.shape or not np.allclose(answers, loaded.answers, rtol=0, atol=CLOSE):
        far = np.abs(answers - loaded.answers).max() if answers.shape == loaded.answers.shape else np.inf
        raise CourseError(f"{what} answers its example otherwise than when it was registered (by up to {far:.3g}).")
    return served


@dataclass(frozen=True)
class Answer:
    """What one request gets.

    Attributes
    ----------
    version : int
        Of the model that made all of it.
    probabilities : list of float
    unknown : list of (int, str, str)
        Row, column and word of each word that the model never met.
    """

    version: int
    probabilities: list[float]
    unknown: list[tuple[int, str, str]]


@dataclass(frozen=True)
class _Waiting:
    rows: list[tuple]
    answer: asyncio.Future = field(repr=False)


class Answering:
    """Requests in, answers out, by one thread that holds the model.

    Parameters
    ----------
    served : Served
        Set `served` anew to replace it: the next call uses the new one, and a call never uses two.
    gather : bool
        Whether requests that wait at the same time share a call.
    called : function
        Told the number of requests and of rows of each call.
    """

    def __init__(self, served: Served, *, gather: bool, called: Callable[[int, int], None]):
        self.served = served
        self._gather, self._called = gather, called
        self._waiting: deque[_Waiting] = deque()
        self._came = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def answer(self, rows: list[tuple], gone: asyncio.Future) -> Answer | None:
        """Answer one request: a checked value for each column, for each row; None once `gone` is done."""
        future = asyncio.get_running_loop().create_future()
        gone.add_done_callback(lambda _: future.done() or future.set_result(None))
        self._waiting.append(_Waiting(rows, future))
        self._came.set()
        try:
            return await future
        finally:
            gone.cancel()

    async def work(self) -> None:
        """Call the model whenever somebody waits, until cancelled."""
        try:
            while True:
                await self._came.wait()
                taken = self._take()
                if not self._waiting:
                    self._came.clear()
                if taken:
                    await self._call(taken)
        finally:
            self._thread.shutdown(wait=False)

    def _take(self) -> list[_Waiting]:
        """Take who waits, first come first; who has gone away since is left out."""
        taken, rows = [], 0
        while self._waiting:
            if taken and (not self._gather or rows + len(self._waiting[0].rows) > ROWS_OF_CALL):
                break
            one = self._waiting.popleft()
            if not one.answer.done():
                taken.append(one)
                rows += len(one.rows)
        return taken

    async def _call(self, taken: list[_Waiting]) -> None:
        served = self.served
        self._called(len(taken), sum(len(one.rows) for one in taken))
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, _answers, served, [one.rows for one in taken])
        except Exception as error:  # the model's; the others in the call must not pay for one
            if len(taken) > 1:
                for one in taken:
                    await self._call([one])
            elif not taken[0].answer.done():
                taken[0].answer.set_exception(error)
            return
        for one, answer in zip(taken, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)


def _answers(served: Served, asked: list[list[tuple]]) -> list[Answer]:
    table, unknown = schema.table(served.columns, [row for rows in asked for row in rows])
    probabilities = served.probabilities(table).tolist()
    answers, start = [], 0
    for rows in asked:
        end = start + len(rows)
        odd = [(row - start, column, word) for row, column, word in unknown if start <= row < end]
        answers.append(Answer(served.version.version, probabilities[start:end], odd))
        start = end
    return answers


class Watch:
    """Looks at the registry, and replaces what is served by the new champion once that has proved itself.

    Parameters
    ----------
    answering : Answering
    store : Path or None
        Folder of the store, by default ``runs/models``.
    tell : function
        Takes a line for the log.

    Attributes
    ----------
    refused : str
        Why the present champion is not served; empty if it is.
    """

    def __init__(self, answering: Answering, store: Path | None, tell: Callable[[str], None]):
        self._answering, self._store, self._tell = answering, store, tell
        self._refused_version = self._looks_left = 0
        self.refused = ""

    async def each(self, seconds: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.look()

    async def look(self) -> None:
        """Look once; whatever is wrong with the new one, the old one goes on."""
        now = self._answering.served
        name = now.version.name
        try:
            champion = await asyncio.to_thread(registry.champion_of, name, store=self._store)
            if champion == now.version.version:
                self._refused_version, self.refused = 0, ""
            elif champion == self._refused_version and self._looks_left:
                self._looks_left -= 1
            else:
                served = await asyncio.to_thread(_load_or_say, name, champion, self._store)
                if [(c.name, c.kind) for c in served.columns] != [(c.name, c.kind) for c in now.columns]:
                    raise _Unfit(champion, "it takes other columns: start a service of its own for it")
                self._answering.served = served
                self._refused_version, self.refused = 0, ""
                self._tell(f"Version {champion} answers from now on, instead of version {now.version.version}.")
        except _Unfit as error:
            self._refuse(
                error.version, f"Version {error.version} is refused, version {now.version.version} goes on: {error}."
            )
        except Exception as error:
            self._refuse(0, f"The registry cannot be read, version {now.version.version} goes on: {_short(error)}")

    def _refuse(self, version: int, line: str) -> None:
        if line != self.refused:
            self._tell(line)
        self._refused_version, self._looks_left, self.refused = version, LOOKS_BETWEEN, line


class _Unfit(Exception):
    def __init__(self, version: int, why: str):
        super().__init__(why)
        self.version = version


def _load_or_say(name: str, version: int, store: Path | None) -> Served:
    try:
        return load(name, version, store=store)
    except Exception as error:
        raise _Unfit(version, _short(error).rstrip(".")) from None


def _short(error: BaseException) -> str:
    return first_line(error)[:300]
