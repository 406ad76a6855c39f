"""The HTTP interface of the service: what is asked, what is answered, who may ask, and how much at once."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from course_lib.data import catalogue
from course_lib.serving import schema
from course_lib.serving.answering import Answering, Served, Watch
from course_lib.serving.counts import Counts

LARGEST_BODY = 4_000_000  # bytes; a thousand decisions of 52 columns are 1.3 million
MOST_HELD = 16_000_000  # bytes of all requests that are not answered yet: of 52 columns, a few seconds' work
SLOWEST_BODY = 10  # seconds in which a request must have arrived
GONE = 499  # status in the counts where the client went before its answer came, as in nginx
LOOK_EACH = 1.0  # seconds between two looks at the registry
PATHS = ("/predict", "/health", "/metrics", "/docs", "/openapi.json")


class Unknown(BaseModel):
    """A word that the model never met; it was taken as missing."""

    decision: int = Field(description="Place in the request, from 0.")
    column: str
    value: str


class Answered(BaseModel):
    """The answer to a request."""

    model: str
    version: int = Field(description="Version of the model that made all of this answer.")
    probabilities: list[float] = Field(description="For each decision, in order: how probable a late arrival is.")
    unknown: list[Unknown]


class Refusal(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="One line: what was wrong, what is allowed.")


class Health(BaseModel):
    """Which version answers."""

    model: str
    version: int
    refused: bool = Field(description="Whether the registry's champion is another, which is not fit; the log says why.")


def make(
    served: Served,
    *,
    store: Path | None,
    token: str | None,
    gather: bool,
    waiting: int,
    tell: Callable[[str], None],
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    served : answering.Served
        What answers at first.
    store : Path or None
        Folder of the registry, which is looked at each second; by default ``runs/models``.
    token : str or None
        What a request must bring as ``Authorization: Bearer TOKEN``, but for ``/health``; None: nothing.
    gather : bool
        Whether requests that wait at the same time share a call of the model.
    waiting : int
        More requests than this are not accepted at once: they get 503 and may come back.
    tell : function
        Takes a line for the log.
    """
    counts = Counts()
    answering = Answering(served, gather=gather, called=counts.called)
    watch = Watch(answering, store, tell)
    tasks: list[asyncio.Task] = []

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        tasks.extend(asyncio.create_task(each) for each in (answering.work(), watch.each(LOOK_EACH)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    name = served.version.name
    application = FastAPIOffline(
        title=f"The scoring service of {name}",
        description="Three hours before departure: how probable is it that a flight arrives late?",
        version=str(served.version.version),
        lifespan=life,
        redoc_url=None,
    )
    application.add_exception_handler(RequestValidationError, _say_what_is_wrong)
    application.add_exception_handler(HTTPException, _say_plainly)
    application.add_exception_handler(Exception, _own_fault)
    about = {column: card["about"] for column, card in catalogue.describe("features").columns.items()}
    asked_for = schema.request_of(served.columns, served.version.example, about)
    refusals = {code: {"model": Refusal} for code in (401, 408, 413, 422, 500, 503)}

    @application.post("/predict", response_model=Answered, responses=refusals, summary="Ask for one or many decisions")
    async def predict(asked: asked_for, request: Request) -> Response:
        rows = [tuple(decision.__dict__.values()) for decision in asked.decisions]
        answer = await answering.answer(rows, asyncio.create_task(_gone(request.receive)))
        if answer is None:
            return Response(status_code=GONE)  # which nobody reads, but the counts
        counts.decisions.labels(answer.version).inc(len(rows))
        for _, column, _ in answer.unknown:
            counts.unknown.labels(column).inc()
        unknown = [{"decision": row, "column": column, "value": word} for row, column, word in answer.unknown]
        said = {"model": name, "version": answer.version, "probabilities": answer.probabilities, "unknown": unknown}
        return Response(json.dumps(said), media_type="application/json")

    @application.get("/health", response_model=Health, responses={503: {"model": Refusal}}, summary="Which model")
    async def health() -> Response:
        if any(task.done() for task in tasks):
            return refuse(503, "The service has lost a part of itself: start it again.")
        return JSONResponse(
            {"model": name, "version": answering.served.version.version, "refused": bool(watch.refused)}
        )

    @application.get("/metrics", summary="Counts, for Prometheus")
    async def metrics() -> Response:
        counts.version.set(answering.served.version.version)
        counts.refused.set(bool(watch.refused))
        return Response(counts.page(), media_type=CONTENT_TYPE_LATEST)

    application.add_middleware(Door, counts=counts, token=token, waiting=waiting)
    return application


class Door:
    """Stands before the application: who may come in, how large, how many at once; and counts them.

    It reads a request whole before anything is made of it, and none where no more may wait. So a request that is too
    large, too slow or too many costs next to nothing, and a client that goes slowly holds nobody up.
    """

    def __init__(self, application: Callable, *, counts: Counts, token: str | None, waiting: int):
        self._application, self._counts = application, counts
        self._token, self._most, self._now, self._held = token, waiting, 0, 0

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        begun, path, status = time.perf_counter(), scope["path"] if scope["path"] in PATHS else "other", GONE

        async def noted(message: dict) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._let_in(scope, receive, noted)
        except Exception:
            status = 500
            raise
        finally:
            self._counts.requests.labels(path, status).inc()
            if path == "/predict" and status == 200:
                self._counts.seconds.observe(time.perf_counter() - begun)

    async def _let_in(self, scope: dict, receive: Callable, send: Callable) -> None:
        headers = dict(scope["headers"])
        if self._token is not None and scope["path"] != "/health" and not self._is_known(headers):
            answer = refuse(401, "This service asks for a token: send 'Authorization: Bearer TOKEN'.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send)
            return
        predicts, held = scope["path"] == "/predict", 0

        def hold(size: int) -> bool:
            nonlocal held
            held += size
            self._held += size
            return self._held <= MOST_HELD

        try:
            body = _too_many() if predicts and self._now >= self._most else await _body(headers, receive, hold)
            if predicts and isinstance(body, bytes) and self._now >= self._most:  # others came while it was read
                body = _too_many()
            if isinstance(body, Response):
                await body(scope, receive, send)
            elif body is not None:
                self._now += predicts
                self._counts.waiting.set(self._now)
                try:
                    await self._application(scope, _replay(body, receive), send)
                finally:
                    self._now -= predicts
                    self._counts.waiting.set(self._now)
        finally:
            self._held -= held

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        return kind.lower() == b"bearer" and secrets.compare_digest(given.strip(), self._token.encode())


async def _body(headers: dict[bytes, bytes], receive: Callable, hold: Callable[[int], bool]) -> bytes | Response | None:
    """Read a request's body; give the refusal if there is one, and None if the client has gone."""
    announced = headers.get(b"content-length", b"0")
    size = int(announced) if announced.isdigit() else 0
    parts = []
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            while size <= LARGEST_BODY:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(part := message.get("body", b""))
                size = sum(map(len, parts))
                if part and not hold(len(part)):
                    return _too_many()
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        return _last(refuse(408, f"The request did not arrive within {SLOWEST_BODY} seconds: send it at once."))
    if size > LARGEST_BODY:
        return _last(refuse(413, f"The request is larger than {LARGEST_BODY:,} bytes: send fewer decisions at once."))
    return b"".join(parts)


def _too_many() -> Response:
    answer = refuse(503, "Too many requests are waiting already: come back in a second.")
    answer.headers["Retry-After"] = "1"
    return answer


def _last(answer: Response) -> Response:
    answer.headers["Connection"] = "close"  # what is left of the body would be taken for the next request
    return answer


def _replay(body: bytes, receive: Callable) -> Callable:
    """Give the application the body that was read, and after it what else comes: that the client has gone."""
    given = False

    async def again() -> dict:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _gone(receive: Callable) -> None:
    """Wait until the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass


def refuse(code: int, why: str) -> JSONResponse:
    """Answer with a code and one line."""
    return JSONResponse({"detail": why}, code)


async def _say_what_is_wrong(_: Request, error: RequestValidationError) -> JSONResponse:
    faults = error.errors()
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return refuse(422, f"{_place(first)}: {_what(first)}{more}.")


def _place(fault: dict[str, Any]) -> str:
    """Name the field as one would write it: ``decisions[0].temperature``."""
    if fault["type"] == "json_invalid":
        return f"character {fault['loc'][-1]} of the request"
    return _written(fault["loc"][1:]) or "the request"


def _written(place: Sequence[str | int]) -> str:
    parts = [f"[{each}]" if isinstance(each, int) else f".{each}" for each in place]
    return "".join(parts).removeprefix(".")[:300]


def _what(fault: dict[str, Any]) -> str:
    known = {
        "missing": "is missing; a value that is not known is null",
        "extra_forbidden": "is no column of this model; /docs lists them",
        "finite_number": "must be a finite number, or null",
        "json_invalid": "is no JSON",
    }
    return known.get(fault["type"]) or " ".join(str(fault["msg"]).split())[:300]


async def _say_plainly(_: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI says of a body that JSON's reader gave up on
        return refuse(422, 'The request is no JSON that can be read: send {"decisions": [...]} as UTF-8.')
    return JSONResponse({"detail": str(error.detail)}, error.status_code, headers=error.headers)


async def _own_fault(_: Request, error: Exception) -> JSONResponse:
    return refuse(500, f"The model failed on this request ({type(error).__name__}); the log says more.")
