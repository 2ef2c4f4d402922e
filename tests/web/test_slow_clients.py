"""Clients that do not get on are cut off, while others are served."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.web.running import PATIENCE, SAMPLE, Running, serving

INFERGEN = Path(sys.executable).parent / "infergen"
HEAD = b"POST /predict HTTP/1.1\r\nHost: it\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("slow")
    subprocess.run([INFERGEN, "new", "--name", "sample"], cwd=folder, check=True)
    with serving(folder / "sample", BODY_TIMEOUT_SECONDS=1) as running:
        yield running
        assert running.end() == 0


SLOW = {
    "says nothing": [],
    "stops in the first line": [b"GET /health HT"],
    "stops in the headers": [HEAD],
    "headers without end": chain([HEAD], repeat(b"X-More: 1\r\n")),
    "one header without end": chain([HEAD, b"X-Long: "], repeat(b"1")),
    "blank lines before a request": repeat(b"\r\n"),
    "stops before the body": [HEAD, LENGTH % len(SAMPLE)],
    "stops in the body": [HEAD, LENGTH % len(SAMPLE), SAMPLE[:9]],
    "body byte by byte": chain([HEAD, LENGTH % 10_000], repeat(b" ")),
    "chunks without end": chain([HEAD, CHUNKED], repeat(b"1\r\n \r\n")),
    "body of an unknown place": chain(
        [b"POST /nowhere HTTP/1.1\r\nHost: it\r\n", LENGTH % 10_000], repeat(b" ")
    ),
    "blank lines after a request": chain([HEAD, LENGTH % len(SAMPLE), SAMPLE], repeat(b"\r\n")),
    "second request is not finished": [HEAD, LENGTH % len(SAMPLE), SAMPLE, HEAD],
    "rest of a refused body": chain([HEAD, LENGTH % 10**9], repeat(b" ")),
}


def is_cut_off(connection: socket.socket) -> bool:
    """Whether the other side has closed or reset it; what it answers meanwhile is read."""
    try:
        return select.select([connection], [], [], 0.05)[0] != [] and not connection.recv(65536)
    except ConnectionError:
        return True


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_are_cut_off_while_others_are_answered(running: Running, kind: str) -> None:
    deadline = time.monotonic() + PATIENCE
    with running.connect() as connection:
        sending = iter(SLOW[kind])
        while not is_cut_off(connection):
            assert time.monotonic() < deadline, "it is still there"
            try:
                connection.sendall(next(sending, b""))
            except ConnectionError:
                break
            assert running.ask("/predict", SAMPLE)[0] == 200


def test_clients_that_never_read_are_cut_off(running: Running) -> None:
    rows = json.dumps({"data": [[5.1, 3.5, 1.4, 0.2]] * 200_000}).encode()
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect((running.host, running.port))
        connection.sendall(b"POST /predict/batch HTTP/1.1\r\nHost: it\r\n")
        connection.sendall(LENGTH % len(rows) + rows)
        hung_up = select.poll()
        hung_up.register(connection, select.POLLHUP)
        assert hung_up.poll(PATIENCE * 1000), "it is still there"
    assert running.ask("/predict", SAMPLE)[0] == 200


def test_clients_that_take_what_they_are_sent_slowly_are_served(running: Running) -> None:
    rows = json.dumps({"data": [[5.1, 3.5, 1.4, 0.2]] * 100_000}).encode()
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(PATIENCE)
        connection.connect((running.host, running.port))
        connection.sendall(b"POST /predict/batch HTTP/1.1\r\nHost: it\r\nConnection: close\r\n")
        connection.sendall(LENGTH % len(rows) + rows)
        received = bytearray()
        while part := connection.recv(500_000):
            received += part
            time.sleep(0.005)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert len(json.loads(body)["prediction"]) == 100_000


def test_idle_connections_are_kept(running: Running) -> None:
    with running.connect() as connection:
        for _ in range(2):
            connection.sendall(HEAD + LENGTH % len(SAMPLE) + SAMPLE)
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(65536)
            assert received.startswith(b"HTTP/1.1 200")
            time.sleep(3)


def test_heads_without_end_are_refused_however_fast_they_come(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(HEAD)
        for _ in range(1000):
            try:
                connection.sendall(b"X-More: " + b"1" * 8000 + b"\r\n")
            except ConnectionError:
                break
        else:
            pytest.fail("8 MB of headers were taken")
    assert running.ask("/predict", SAMPLE)[0] == 200
