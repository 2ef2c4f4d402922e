"""A service as it runs for real: a supervisor, its workers, and raw connections to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
PATIENCE = 60.0
"""Seconds after which a test gives up on what should happen soon."""


def wait_until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    host: str
    port: int
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def says(self, text: str) -> bool:
        """Whether its log has this."""
        return text in self.log

    def workers(self) -> set[int]:
        """The processes that the supervisor has."""
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of the answer, by a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request("GET" if body is None else "POST", path, body)
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def text(self, path: str) -> str:
        """What is answered to GET, as text."""
        with urllib.request.urlopen(f"http://{self.host}:{self.port}{path}", timeout=60) as answer:
            text: str = answer.read().decode()
        return text

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    def refuses(self) -> bool:
        """Whether nobody listens."""
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    def wait_for_workers(self, count: int, without: frozenset[int] = frozenset()) -> None:
        """Until so many workers are ready, none of which is in ``without``."""

        def complete() -> bool:
            workers = self.workers()
            ready = all(f", pid {pid}, is ready" in self.log for pid in workers)
            return len(workers) == count and not workers & without and ready

        wait_until(complete, f"{count} workers, not {without}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def started(service: Path, **settings: object) -> Iterator[Running]:
    """The service's process, whether or not it is ready; nothing of it is left behind."""
    port = int(str(settings.setdefault("PORT", free_port())))
    host = str(settings.setdefault("HOST", "127.0.0.1"))
    given = {name: str(value) for name, value in settings.items()}
    log_file = service.parent / f"{service.name}-{port}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "src.serve"],
            cwd=service,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **given},
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield Running(process, host, port, log_file)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "Traceback" not in log_file.read_text(), log_file.read_text()


@contextmanager
def serving(service: Path, **settings: object) -> Iterator[Running]:
    """The service, all of whose workers are ready."""
    with started(service, **settings) as running:
        wait_until(lambda: answers(running), "the first answer")
        running.wait_for_workers(int(str(settings.get("WORKERS", 1))))
        yield running


def answers(running: Running) -> bool:
    assert running.process.poll() is None, running.log
    try:
        return running.ask("/health/ready")[0] == 200
    except OSError:
        return False
