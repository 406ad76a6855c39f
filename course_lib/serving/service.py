"""The scoring service as a process: ``course serve``."""

import contextlib
import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.serving import registry

TOKEN = "COURSE_SERVE_TOKEN"
_SHORTEST = 16  # characters of a token
GRACE_SECONDS = 30  # in which what was accepted is answered, once the end is asked for


def serve(
    name: str | None,
    *,
    store: Path | None,
    host: str,
    port: int,
    gather: bool,
    waiting: int,
    tell: Callable[[str], None],
) -> None:
    """Serve a model's champion until SIGTERM or Ctrl-C; what was accepted by then is answered.

    Parameters
    ----------
    name : str or None
        Of the model in the registry; None: the only one there.
    store : Path or None
        Folder of the registry, by default ``runs/models``.
    host : str
        Address to listen on. Any but this machine's own needs a token of 16 characters or more in COURSE_SERVE_TOKEN.
    port : int
        0: a free one.
    gather : bool
        Whether requests that wait at the same time share a call of the model.
    waiting : int
        How many requests may be accepted and not answered.
    tell : function
        Takes a line: where it answers, once it does, and what happens to the model.

    Raises
    ------
    CourseError
        If there is no such model or champion, it does not answer its example, the address cannot be listened on, or
        there is no token where one is needed.
    """
    token = os.environ.get(TOKEN) or None
    if waiting < 1:
        raise CourseError(f"waiting={waiting}: at least one request must be accepted.")
    if not own_machine(host) and token is None:
        raise CourseError(f"{host} can be reached by others: set {TOKEN} to a secret, or listen on 127.0.0.1.")
    if token is not None and (len(token) < _SHORTEST or not token.isascii() or not token.isprintable()):
        raise CourseError(f"The token in {TOKEN} must have {_SHORTEST} characters of ASCII or more.")
    # As Ctrl-C, from now on: the first process of a container has no default for SIGTERM, and would load on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises again what has ended it
        name = name or _only(registry.names(store=store))
        import uvicorn

        from course_lib.serving import answering, application

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                shown, port = f"[{host}]" if ":" in host else host, taken.getsockname()[1]
                tell(f"{name} version {served.version.version} answers at http://{shown}:{port}/predict")

        served = answering.load(name, store=store)  # before it listens: who connects is to be answered at once
        with _listen(host, port) as taken:
            app = application.make(served, store=store, token=token, gather=gather, waiting=waiting, tell=tell)
            settings = uvicorn.Config(
                app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
            )
            Server(settings).run(sockets=[taken])


def own_machine(host: str) -> bool:
    """Say whether an address is this machine's own, which nobody else reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _only(names: list[str]) -> str:
    if len(names) != 1:
        raise CourseError(
            f"Name the model to serve. Registered: {', '.join(names) or 'none, lesson 07 registers one'}."
        )
    return names[0]


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise CourseError(f"Cannot listen on {host}, port {port} ({error}): name another --port or --host.") from None
