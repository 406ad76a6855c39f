"""All-reduce over a ring of sockets: every worker ends with the mean of what all of them had, bit for bit the same.

Each of n workers sends to the next and hears from the previous. The values are cut into n parts. In n - 1 rounds each
part travels once round the ring and every worker adds its own to it; in n - 1 more rounds the sums travel round. A
worker sends 2 (n - 1) / n of its values, however many workers there are (Patarasuk, Yuan, Bandwidth Optimal All-reduce
Algorithms for Clusters of Workstations, 2009). A part is added up in one order and then only copied, so that all have
equal bits.

On the wire are raw numbers, nothing that is executed or unpickled. Who calls must prove, once, that it knows a common
secret; what follows is neither encrypted nor signed. Against those who read along, or stand between two machines, only
a private network helps.
"""

import hmac
import secrets
import select
import socket
import time
from collections.abc import Sequence

import numpy as np

from course_lib.errors import CourseError

_NONCE_BYTES = 32
_STRANGER_SECONDS = 5  # a caller who has not proved itself by then is hung up on
_TEXT_BYTES = 4096  # of a message to all


def facing(host: str) -> str:
    """Give the address of this machine from which the way leads to another one, by the table of routes.

    A machine's own name will not do: Debian and Ubuntu give it 127.0.1.1, where no other machine calls.

    Parameters
    ----------
    host : str
        Name or address of the other machine, as Spark has it: an address of IPv6 may stand in brackets.

    Returns
    -------
    str
        An address of IPv4 or IPv6.

    Raises
    ------
    CourseError
        No machine of this name is known, or no way leads there.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # sends nothing
            return probe.getsockname()[0]
    except OSError as error:
        raise CourseError(f"This machine finds no way to {host}, where another worker is: {error.strerror}.") from None


def listen(host: str) -> socket.socket:
    """Open a port for the previous worker to call; the system chooses one that is free.

    Parameters
    ----------
    host : str
        The address of this machine to listen on and no other.

    Returns
    -------
    socket.socket
        Give its ``getsockname()`` to the previous worker, and itself to `Ring`.

    Raises
    ------
    CourseError
        This machine has no such address, or no free port.
    """
    try:
        return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CourseError(f"A worker cannot listen at {host} for the others: {error.strerror}.") from None


class Ring:
    """The place of one worker in the ring.

    Attributes
    ----------
    rank, size : int
        This worker's number, from 0, and how many there are.
    sent_bytes : int
        What it has sent so far.
    waited_seconds : float
        How long it has waited for the other workers, and for the wire, so far.
    """

    def __init__(
        self, rank: int, addresses: Sequence[tuple[str, int]], listener: socket.socket, secret: bytes, seconds: float
    ):
        """Call the next worker and let the previous one in; returns when both have proved themselves.

        Parameters
        ----------
        rank : int
            This worker's number.
        addresses : sequence of (str, int), one a worker
            Host and port on which each listens, in the order of their numbers.
        listener : socket.socket
            What `listen` gave; closed here.
        secret : bytes
            Known to all workers and to nobody else; another one each time that they are started.
        seconds : float
            How long to wait for a worker, here and in each exchange.

        Raises
        ------
        CourseError
            A neighbour did not come in time.
        """
        self.rank, self.size, self._seconds = rank, len(addresses), seconds
        self.sent_bytes, self.waited_seconds = 0, 0.0
        self._next = self._previous = None
        try:
            # The first one calls before it answers, the others answer first: one call after the other, round the ring.
            for act in (self._call, self._answer) if rank == 0 else (self._answer, self._call):
                if self.size > 1:
                    act(addresses, listener, secret, time.monotonic() + seconds)
        except BaseException:
            self.close()
            raise
        finally:
            listener.close()

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Replace values by their mean over all workers.

        Parameters
        ----------
        values : numpy.ndarray of float32, shape (n,), contiguous
            As many on each worker; changed in place.

        Returns
        -------
        numpy.ndarray
            The same array.

        Raises
        ------
        CourseError
            A neighbour has gone, or sent nothing for `seconds`.
        """
        parts = np.array_split(values, self.size)  # views
        heard = np.empty_like(parts[0])  # the first part is the longest
        for turn in range(self.size - 1):
            mine, theirs = parts[(self.rank - turn) % self.size], parts[(self.rank - turn - 1) % self.size]
            self._exchange(mine, heard[: len(theirs)])
            theirs += heard[: len(theirs)]
        for turn in range(self.size - 1):
            self._exchange(parts[(self.rank + 1 - turn) % self.size], parts[(self.rank - turn) % self.size])
        values /= self.size
        return values

    def gather(self, text: str) -> list[str]:
        """Give what each worker says, in the order of their numbers; at most 4,096 bytes each, or a ValueError."""
        if len(own := text.encode()) > _TEXT_BYTES:
            raise ValueError(f"A message of {len(own)} bytes; {_TEXT_BYTES} are allowed.")
        said = [b""] * self.size
        said[self.rank] = own.ljust(_TEXT_BYTES)
        for turn in range(self.size - 1):
            heard = bytearray(_TEXT_BYTES)
            self._exchange(said[(self.rank - turn) % self.size], heard)
            said[(self.rank - turn - 1) % self.size] = bytes(heard)
        return [message.decode().rstrip() for message in said]

    def close(self) -> None:
        """Hang up."""
        for line in (self._next, self._previous):
            if line is not None:
                line.close()

    def _exchange(self, out, into) -> None:
        """Send to the next worker while hearing from the previous one, or two long messages would block each other."""
        begin = time.monotonic()
        out, into = memoryview(out).cast("B"), memoryview(into).cast("B")
        self.sent_bytes += len(out)
        try:
            while out or into:
                readable, writable, _ = select.select(
                    [self._previous] if into else [], [self._next] if out else [], [], self._seconds
                )
                if not readable and not writable:
                    raise self._silent(into)
                if readable:
                    count = self._previous.recv_into(into)
                    if not count:
                        raise ConnectionError
                    into = into[count:]
                if writable:
                    out = out[self._next.send(out) :]
        except OSError:  # also that its machine cannot be reached any more
            raise CourseError(
                f"Worker {self.rank} of {self.size} has lost a neighbour: the process has ended or its machine has "
                "gone. Training goes on from the last checkpoint when all workers are there again."
            ) from None
        finally:
            self.waited_seconds += time.monotonic() - begin

    def _silent(self, into) -> CourseError:
        neighbour = (self.rank - 1 if into else self.rank + 1) % self.size
        return CourseError(
            f"Worker {neighbour} has not {'sent' if into else 'taken'} anything for {self._seconds:g} s, so worker "
            f"{self.rank} of {self.size} gives up: is it stuck, or on a machine that has gone? If it only needs "
            "longer, allow more `seconds`."
        )

    def _call(self, addresses, listener, secret, deadline) -> None:
        other = (self.rank + 1) % self.size
        where = "{}:{}".format(*addresses[other])
        try:
            self._next = socket.create_connection(addresses[other], timeout=_left(deadline))
        except OSError as error:
            raise self._absent(other, f"does not answer at {where} ({error.strerror or 'no answer'})") from None
        try:
            self._next.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            challenge, own = _receive(self._next, _NONCE_BYTES), secrets.token_bytes(_NONCE_BYTES)
            self._next.sendall(own + self._proof(secret, b"calls", challenge, self.rank))
            answer = _receive(self._next, _NONCE_BYTES)
        except (OSError, EOFError):
            raise self._absent(other, f"has hung up at {where}, or fallen silent") from None
        if not hmac.compare_digest(answer, self._proof(secret, b"answers", own, other)):
            raise self._absent(other, f"has not proved itself at {where}")
        self._next.setblocking(False)

    def _answer(self, addresses, listener, secret, deadline) -> None:
        other = (self.rank - 1) % self.size
        while self._previous is None:
            if time.monotonic() > deadline:  # also if strangers keep calling
                raise self._absent(other, f"has not come within {self._seconds:g} s")
            try:
                listener.settimeout(_left(deadline))
                line, _ = listener.accept()
            except TimeoutError:
                continue
            try:  # whoever else calls, a scanner of ports perhaps, is hung up on, and the neighbour waited for
                line.settimeout(min(_STRANGER_SECONDS, _left(deadline)))
                challenge = secrets.token_bytes(_NONCE_BYTES)
                line.sendall(challenge)
                theirs, proof = _receive(line, _NONCE_BYTES), _receive(line, _NONCE_BYTES)
                if not hmac.compare_digest(proof, self._proof(secret, b"calls", challenge, other)):
                    raise EOFError
                line.sendall(self._proof(secret, b"answers", theirs, self.rank))
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.setblocking(False)
                self._previous = line
            except (OSError, EOFError):
                line.close()

    def _absent(self, other: int, what: str) -> CourseError:
        return CourseError(
            f"Worker {other} of {self.size} {what}, and worker {self.rank} goes without it no further: look for it in "
            "the Spark UI's stage, or allow more `seconds`."
        )

    def _proof(self, secret: bytes, role: bytes, challenge: bytes, rank: int) -> bytes:
        return hmac.digest(secret, role + challenge + rank.to_bytes(4, "big") + self.size.to_bytes(4, "big"), "sha256")


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _receive(line: socket.socket, count: int) -> bytes:
    """Give exactly so many bytes."""
    received = b""
    while len(received) < count:
        more = line.recv(count - len(received))
        if not more:
            raise EOFError
        received += more
    return received
