"""The load test of a generated service: it counts right, sees stalls, and finds the limit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.test_services import booted

ANSWER, REFUSE, CLOSE = 200, 503, 0


@pytest.fixture
def service(cli: Cli, tmp_path: Path) -> Path:
    assert cli("new", "--name", "sample").returncode == 0
    return tmp_path / "sample"


def load(service: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and load.json."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.load", *arguments],
        cwd=service,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    file = service / "load.json"
    return done.returncode, done.stdout, json.loads(file.read_text()) if file.is_file() else {}


@contextmanager
def server(behave: Callable[[int], int]) -> Iterator[tuple[str, list[int]]]:
    """A server that does with the nth prediction as told; gives its address and what it did."""
    numbers, did = count(), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, b'{"data_sample": [1.0]}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = behave(next(numbers))
            did.append(status)
            if status == CLOSE:
                self.close_connection = True
            else:
                self._answer(status, b'{"prediction": 1}')

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    served = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}", did
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def test_it_counts_what_the_service_counts(service: Path) -> None:
    with booted(service) as address:
        code, printed, report = load(
            service, address, "--seconds", "1", "--first-rate", "30", "--p99-ms", "0.001"
        )
        with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
    counted = re.findall(
        r'^http_requests_total\{[^}]*route="/predict"[^}]*\} (\S+)$', metrics, re.M
    )
    assert sum(map(float, counted)) == report["requests"]
    assert code == 1
    assert "no rate meets" in printed
    assert report["best_rate"] is None
    for step in report["steps"]:
        assert step["rate"] == 30
        assert step["sent"] == 30
        assert step["errors"] == {}
        assert step["p50"] <= step["p95"] <= step["p99"]
    assert len(re.findall(r"^ +30 .* -$", printed, re.M)) == len(report["steps"])


def test_it_starts_the_service_itself_and_draws(service: Path) -> None:
    code, printed, report = load(service, "--seconds", "1", "--first-rate", "5", "--p99-ms", "0.01")
    assert code == 1
    assert "offered/s" in printed
    assert report["steps"][0]["sent"] == 5
    drawing = ET.parse(service / "load.svg").getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    lines = drawing.findall("{http://www.w3.org/2000/svg}polyline")
    assert [line.get("class") for line in lines] == ["p50", "p95", "p99"]
    assert "objective" in "".join(drawing.itertext())


def test_refusals_and_lost_connections_are_counted_as_errors(service: Path) -> None:
    def behave(number: int) -> int:
        return REFUSE if number % 10 == 3 else CLOSE if number % 10 == 7 else ANSWER

    with server(behave) as (address, did):
        code, _, report = load(
            service, address, "--seconds", "2", "--first-rate", "40", "--p99-ms", "60000"
        )
    errors = [step["errors"] for step in report["steps"]]
    # The first second, by which it finds its way, is in no step; it has ten requests.
    assert sum(it["status 503"] for it in errors) == did.count(REFUSE) - 1
    assert sum(it["connection closed"] for it in errors) == did.count(CLOSE) - 1
    assert len(did) == report["requests"]
    assert code == 1


def test_a_stall_is_seen_by_all_who_would_have_come_meanwhile(service: Path) -> None:
    """A closed loop would see it once, in 1 % of its requests."""
    lock, stalled = threading.Lock(), threading.Event()

    def behave(number: int) -> int:
        with lock:
            if number == 30 and not stalled.is_set():
                stalled.set()
                time.sleep(1)
            return ANSWER

    with server(behave) as (address, _):
        _, _, report = load(
            service, address, "--seconds", "2", "--first-rate", "50", "--p99-ms", "0.001"
        )
    assert report["steps"][0]["p95"] > 500
    assert report["steps"][0]["sent"] == 100


def test_the_rate_that_it_finds_is_one_that_the_service_can_answer(service: Path) -> None:
    lock = threading.Lock()

    def behave(_: int) -> int:
        with lock:
            time.sleep(0.01)
            return ANSWER

    with server(behave) as (address, did):
        code, printed, report = load(
            service, address, "--seconds", "2", "--first-rate", "60", "--p99-ms", "400"
        )
    assert len(did) == report["requests"]
    good = [it["rate"] for it in report["steps"] if it["p99"] <= 400 and not it["errors"]]
    assert code == 0
    assert report["best_rate"] == max(good)
    assert report["best_rate"] < 130
    assert "up to" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("127.0.0.1:8000",), "expected a URL"),
        (("http://127.0.0.1:9",), "does not say what to ask"),
        (("--header", "secret", "http://127.0.0.1:9"), "NAME: VALUE"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    service: Path, arguments: tuple[str, ...], expected: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.load", *arguments],
        cwd=service, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
