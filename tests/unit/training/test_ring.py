"""All-reduce over real sockets of this machine; each worker of a ring is a thread here."""

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from course_lib.errors import CourseError
from course_lib.training import ring

SECRET = b"a secret of the tests"


def together(size: int, work, secrets=None, seconds: float = 20) -> list:
    """Let so many workers join in a ring and do the same; give what each returned or raised, in their order."""
    listeners = [ring.listen("127.0.0.1") for _ in range(size)]
    addresses = [listener.getsockname() for listener in listeners]

    def one(rank: int):
        try:
            others = ring.Ring(rank, addresses, listeners[rank], secrets[rank] if secrets else SECRET, seconds)
        except CourseError as error:
            return error
        try:
            return work(others)
        except CourseError as error:
            return error
        finally:
            others.close()

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 7, 100_003])
def test_all_have_the_mean_with_the_same_bits(size, count):
    mine = np.random.default_rng(size).normal(size=(size, count)).astype("float32")
    means = together(size, lambda others: others.mean(mine[others.rank].copy()))
    assert len({mean.tobytes() for mean in means}) == 1
    np.testing.assert_allclose(means[0], mine.mean(axis=0, dtype="float64"), rtol=1e-4, atol=1e-6)


def test_a_message_longer_than_the_buffers_of_the_sockets_gets_through():
    means = together(2, lambda others: others.mean(np.full(8_000_000, others.rank, "float32"))[[0, -1]].tolist())
    assert means == [[0.5, 0.5], [0.5, 0.5]]


def test_a_worker_sends_twice_its_values_less_a_part():
    sent = together(4, lambda others: (others.mean(np.ones(1000, "float32")), others.sent_bytes)[1])
    assert sent == [2 * 3 * 250 * 4] * 4


def test_all_hear_what_each_says():
    assert together(3, lambda others: others.gather(f"I am {others.rank}")) == [["I am 0", "I am 1", "I am 2"]] * 3


def test_who_does_not_know_the_secret_is_not_let_in():
    said = together(2, lambda others: "joined", secrets=[SECRET, b"a guess"], seconds=1)
    assert "Worker 1 of 2 has hung up" in str(said[0]) and "Worker 0 of 2 has not come within 1 s" in str(said[1])


def test_who_counts_other_workers_is_not_let_in():
    listener = ring.listen("127.0.0.1")
    here, there = [listener.getsockname()] * 2, [listener.getsockname()] * 3
    with ThreadPoolExecutor(2) as pool:
        answers = pool.submit(ring.Ring, 1, here, listener, SECRET, 1)
        with pytest.raises(CourseError, match="has hung up"):
            ring.Ring(0, there, ring.listen("127.0.0.1"), SECRET, 1)
        with pytest.raises(CourseError, match="has not come"):
            answers.result()


def test_strangers_who_keep_calling_do_not_keep_a_worker_waiting():
    listener = ring.listen("127.0.0.1")
    address, done = listener.getsockname(), threading.Event()

    def call():
        while not done.is_set():
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=1) as stranger:
                stranger.sendall(100 * b".")
                stranger.recv(100)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(call)
        try:
            with pytest.raises(CourseError, match="Worker 0 of 2 has not come within"):
                ring.Ring(1, [address] * 2, listener, SECRET, 0.5)
        finally:
            done.set()


def test_a_stranger_who_calls_first_does_not_keep_the_neighbour_out():
    listeners = [ring.listen("127.0.0.1") for _ in range(2)]
    addresses = [listener.getsockname() for listener in listeners]
    with socket.create_connection(addresses[1]) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n" + 100 * b".")
        with ThreadPoolExecutor(2) as pool:
            rings = list(pool.map(lambda rank: ring.Ring(rank, addresses, listeners[rank], SECRET, 20), range(2)))
    assert [each.size for each in rings] == [2, 2]
    for each in rings:
        each.close()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_worker_that_never_comes_is_given_up_in_time(rank):
    listeners = [ring.listen("127.0.0.1") for _ in range(2)]  # the other one has a port, and nobody behind it
    begin = time.monotonic()
    words = "has hung up at .*, or fallen silent" if rank == 0 else "has not come within 0.5 s"
    with pytest.raises(CourseError, match=f"Worker {1 - rank} of 2 {words}, and worker {rank} goes"):
        ring.Ring(rank, [each.getsockname() for each in listeners], listeners[rank], SECRET, 0.5)
    assert time.monotonic() - begin < 10
    listeners[1 - rank].close()


def test_a_worker_that_falls_silent_is_given_up_in_time():
    done = threading.Event()

    def work(others):
        if others.rank == 1:
            done.wait(60)
            return None
        others._seconds = 0.5  # only now: to form the ring may take longer where others work, too
        try:
            return others.mean(np.ones(10, "float32"))
        finally:
            done.set()

    said, _ = together(2, work)
    assert "Worker 1 has not sent anything for 0.5 s" in str(said)


def test_a_worker_that_has_gone_is_noticed_at_once():
    def work(others):
        return None if others.rank == 1 else others.mean(np.ones(10, "float32"))

    said, _ = together(2, work, seconds=60)
    assert "lost a neighbour" in str(said)


def test_a_worker_that_nobody_listens_for_is_said_with_the_reason():
    listeners = [ring.listen("127.0.0.1") for _ in range(2)]
    addresses = [listener.getsockname() for listener in listeners]
    listeners[1].close()
    with pytest.raises(CourseError, match=r"Worker 1 of 2 does not answer at 127.0.0.1:\d+ \(Connection refused\)"):
        ring.Ring(0, addresses, listeners[0], SECRET, 20)


def test_a_message_that_is_too_long_is_not_cut():
    with pytest.raises(ValueError, match="A message of 4098 bytes; 4096 are allowed"):
        together(1, lambda others: others.gather(2049 * "é"))


@pytest.mark.parametrize("host", ["localhost", "127.0.1.1", "[::1]"])
def test_a_worker_listens_where_the_others_reach_it(host):
    if host == "[::1]" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    with ring.listen(ring.facing(host)) as listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        pass


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: ring.facing("no-such-machine.invalid"), "finds no way to no-such-machine.invalid"),
        (lambda: ring.listen("192.0.2.1"), "cannot listen at 192.0.2.1"),  # of no machine: RFC 5737
    ],
)
def test_an_address_that_is_none_is_said_in_a_line(act, words):
    with pytest.raises(CourseError, match=words) as caught:
        act()
    assert "\n" not in str(caught.value)
