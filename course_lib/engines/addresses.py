"""Where a master's address leads: its hosts and ports, whether they answer, and what of it may be shown."""

import socket
from urllib.parse import urlsplit

from course_lib.errors import CourseError

LOOPBACK = ("127.0.0.1", "localhost")


def stays_here(master: str) -> bool:
    """Whether nothing outside this machine takes part."""
    found = hosts(master)
    return all(host in LOOPBACK for host, _ in found) if found else master.startswith("local")


def shown(master: str) -> str:
    """Leave out what follows the address of Spark Connect: a token may be in it."""
    return master.split("/;")[0]


def _host_and_port(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname:
            return parts.hostname, parts.port or default_port
    except ValueError:
        pass
    raise CourseError(f"{text!r} is no address: write host:port, such as 127.0.0.1:{default_port}.")


def hosts(master: str) -> list[tuple[str, int]]:
    """List the hosts and ports in a master's address; none where there are none to be asked, as with YARN."""
    if master.startswith("sc://"):
        return [_host_and_port(master.removeprefix("sc://").split("/")[0], 15002)]
    if master.startswith("spark://"):  # several, where one stands by for another
        return [_host_and_port(part, 7077) for part in master.removeprefix("spark://").split(",")]
    return []


def must_answer(master: str) -> None:
    """Raise within seconds when nothing listens there; Spark itself would try for minutes."""
    places = hosts(master)
    for host, port in places:
        try:
            socket.create_connection((host, port), timeout=max(1, 8 / len(places))).close()
            return
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
    if places:
        where = ", ".join(f"{host}:{port}" for host, port in places)
        raise CourseError(
            f"Nothing answers at {where} ({reason}): is the address right and Spark running there? "
            "To work on this machine alone, unset SPARK_MASTER and SPARK_REMOTE."
        )
