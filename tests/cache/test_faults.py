"""Whatever happens to Redis, requests are answered in time, and as ONNX Runtime answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cache.asking import ask, bits, flowers, metric, species
from tests.cache.redis import Redis, redis_server
from tests.web.running import Running, free_port, serving, wait_until

READING_FAILS = "reading from the cache in redis does not work"
READING_WORKS = "reading from the cache in redis works again"
WRITING_FAILS = "writing to the cache in redis does not work"
WRITING_WORKS = "writing to the cache in redis works again"

IN_TIME = "1"
"""Seconds that a request has: many times what it takes, and less than any waiting for Redis."""


def ask_right(running: Running, service: Path, seed: int, count: int = 12) -> list[str | None]:
    """Ask for flowers, each in time and answered rightly; how the cache came into it."""
    some = flowers(seed)
    said = []
    for flower in (next(some) for _ in range(count)):
        answer = ask(running, [flower], **{"x-request-timeout": IN_TIME})
        assert bits(answer) == species(service, flower)
        said.append(answer.cache)
    return said


def ask_until(running: Running, service: Path, holds: Callable[[], bool], what: str) -> None:
    """Ask for more and more flowers, each answered rightly, until something holds."""
    some = flowers(99)

    def asked() -> bool:
        flower = next(some)
        assert bits(ask(running, [flower])) == species(service, flower)
        return holds()

    wait_until(asked, what)


def kept(redis: Redis) -> int:
    """How many values it has."""
    return int(redis.command("DBSIZE"))


@contextmanager
def cached(service: Path, url: str, **settings: object) -> Iterator[Running]:
    with serving(service, CACHE_URL=url, CACHE_MEMORY_BYTES=0, **settings) as running:
        yield running


def test_what_was_answered_is_in_redis(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        wait_until(lambda: kept(redis) == 12, "12 values")
        assert set(ask_right(running, iris, seed=1)) == {"hit"}
    with cached(iris, redis.url) as another:
        assert set(ask_right(another, iris, seed=1)) == {"hit"}


def test_redis_that_is_absent_at_the_start_is_used_when_it_comes(
    iris: Path, tmp_path: Path
) -> None:
    redis = Redis(tmp_path)
    with cached(iris, redis.url) as running:
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        assert metric(running, "cache_store_unavailable") == 1
        redis.start()
        try:
            ask_until(running, iris, lambda: kept(redis) > 0, "values in redis")
        finally:
            redis.kill()
        assert running.log.count(READING_FAILS) == 1
        assert running.log.count(READING_WORKS) == 1


def test_redis_may_die_and_come_back(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1)
        redis.kill()
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        assert metric(running, 'cache_errors_total{operation="get"}') >= 1
        redis.start()
        ask_until(running, iris, lambda: kept(redis) > 0, "values in redis")
        assert metric(running, "cache_store_unavailable") == 0
        assert running.log.count(READING_FAILS) == running.log.count(READING_WORKS) == 1


def test_redis_may_hang(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1)
        redis.pause()
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        assert running.log.count(READING_FAILS) == 1
        redis.resume()
        ask_until(running, iris, lambda: running.says(READING_WORKS), "redis to be used again")
        assert set(ask_right(running, iris, seed=1)) == {"hit"}


def test_redis_may_be_slow(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1)
        for seed in (2, 3, 4):
            redis.command("CLIENT", "PAUSE", 300)
            ask_right(running, iris, seed)
        ask_until(running, iris, lambda: metric(running, "cache_store_unavailable") == 0, "its use")


def test_redis_may_be_full(iris: Path, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path, "--maxmemory", "900kb") as redis,
        cached(iris, redis.url) as running,
    ):
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        wait_until(lambda: running.says(WRITING_FAILS), "the word that redis is full")
        assert metric(running, 'cache_errors_total{operation="put"}') >= 1
        assert kept(redis) == 0
        redis.command("CONFIG", "SET", "maxmemory", "0")
        ask_until(running, iris, lambda: running.says(WRITING_WORKS), "values to be kept again")
        assert running.log.count(WRITING_FAILS) == 1
        assert not running.says(READING_FAILS)


def test_redis_may_take_nothing_and_still_be_read(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1)
        wait_until(lambda: kept(redis) == 12, "12 values")
        redis.command("REPLICAOF", "127.0.0.1", 1)  # a replica may only be read
        assert set(ask_right(running, iris, seed=2)) == {"miss"}
        assert set(ask_right(running, iris, seed=1)) == {"hit"}
        wait_until(lambda: running.says(WRITING_FAILS), "the word that nothing is kept")
        redis.command("REPLICAOF", "NO", "ONE")
        ask_until(running, iris, lambda: running.says(WRITING_WORKS), "values to be kept again")


def test_foreign_values_are_replaced(iris: Path, redis: Redis) -> None:
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1)
        wait_until(lambda: kept(redis) == 12, "12 values")
        places = redis.command("KEYS", "infergen:*")
        values = [redis.command("GET", place) for place in places]
        for index, place in enumerate(places):
            spoiled = (
                b"text", values[index][:-1], values[index - 1], b"", bytes(len(values[index]))
            )[index % 5]  # fmt: skip
            redis.command("SET", place, spoiled)
        redis.command("DEL", places[0])
        redis.command("LPUSH", places[0], "a list")
        assert set(ask_right(running, iris, seed=1)) == {"miss"}
        wait_until(
            lambda: (
                [redis.command("GET", place) for place in places[1:]] != values[1:]
                and set(ask_right(running, iris, seed=1)) == {"hit"}
            ),
            "values of its own again",
        )


WRITE_FOREIGN = """
import sys
import numpy as np
from src.cache.entry import write_entry
tensors = {"something else": np.zeros((1, 3))}
sys.stdout.buffer.write(write_entry(bytes.fromhex(sys.argv[1]), tensors, made=float(sys.argv[2])))
"""


def test_tensors_of_another_name_are_not_taken_for_the_answer(iris: Path, redis: Redis) -> None:
    """Not even in a whole value under the right key."""
    with cached(iris, redis.url) as running:
        ask_right(running, iris, seed=1, count=1)
        wait_until(lambda: kept(redis) == 1, "the value")
        (place,) = redis.command("KEYS", "*")
        own = redis.command("GET", place)
        key = place[-16:]
        command = [sys.executable, "-c", WRITE_FOREIGN, key.hex(), str(time.time())]
        foreign = subprocess.run(command, cwd=iris, stdout=subprocess.PIPE, check=True).stdout
        assert foreign[:20] == own[:20]  # magic and key
        redis.command("SET", place, foreign)
        assert ask_right(running, iris, seed=1, count=1) == ["miss"]


def test_who_waits_for_another_process_waits_as_long_as_it_may(iris: Path, redis: Redis) -> None:
    """Each request has its own time, also where one waits for what another brings."""
    flower = next(flowers(1))
    with cached(iris, redis.url, CACHE_CLAIM_SECONDS=60) as running:
        ask_right(running, iris, seed=1, count=1)
        wait_until(lambda: kept(redis) == 1, "the value")
        (place,) = redis.command("KEYS", "*")
        redis.command("DEL", place)
        redis.command("SET", place + b":claim", "another process")
        with ThreadPoolExecutor() as pool:
            patient = pool.submit(ask, running, [flower])
            hasty = {"x-request-timeout": "0.3"}
            for _ in range(3):
                assert ask(running, [flower], **hasty).status == 504
            assert not patient.done()
            redis.command("DEL", place + b":claim")
            assert bits(patient.result()) == species(iris, flower)
        wait_until(lambda: kept(redis) == 1, "the value again")
        assert ask_right(running, iris, seed=1, count=1) == ["hit"]


GARBAGE = {
    "noise": b"\x00\xff\r\n" * 8,
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "another answer": b"+OK\r\n" * 8,
    "a text for each key": b"*1\r\n$5\r\nhello\r\n" * 8,
    "too many values": b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n" * 8,
    "an error": b"-WRONGPASS no\r\n" * 8,
    "nothing": b"",
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_redis_may_be_something_else(iris: Path, answer: bytes) -> None:
    with answering(answer) as port, cached(iris, f"redis://127.0.0.1:{port}/0") as running:
        assert set(ask_right(running, iris, seed=1)) == {"miss"}


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that says the same to whatever it is sent; its port."""
    port = free_port()
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not ended.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(5)
                try:
                    while client.recv(65536) and answer:
                        client.sendall(answer)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(0.2)
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        try:
            yield port
        finally:
            ended.set()
            thread.join()
