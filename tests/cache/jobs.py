"""The jobs of services that cache, and what they leave in the store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cache.redis import Redis
from tests.conftest import ROOT
from tests.web.running import wait_until

VARS = ROOT / "vars"
Completed = subprocess.CompletedProcess[str]


def job(service: Path, name: str, *arguments: str | Path, **settings: object) -> Completed:
    """A job of a service, run to its end."""
    done = subprocess.run(
        _command(name, *arguments), cwd=service, env=_environment(settings),
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def started_job(
    service: Path, name: str, *arguments: str | Path, **settings: object
) -> subprocess.Popen[str]:
    """A job of a service, in a session of its own."""
    return subprocess.Popen(
        _command(name, *arguments), cwd=service, env=_environment(settings),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def _command(name: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", f"src.jobs.{name}", *map(str, arguments)]


def _environment(settings: dict[str, object]) -> dict[str, str]:
    given = {name: str(value) for name, value in settings.items()}
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **given}


def spaces(service: Path, **settings: object) -> dict[str, dict[str, Any]]:
    """What the store of a service holds, by kind: predictions, data, or another's space."""
    done = job(service, "cache_stats", "--json", **settings)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["spaces"]
    return {space["name"].split(":")[2] if space["own"] else space["name"]: space for space in told}


def values(service: Path, **settings: object) -> dict[str, int]:
    """How many values the store of a service has of each kind."""
    return {kind: space["values"] for kind, space in spaces(service, **settings).items()}


@contextmanager
def slow_source(item: bytes, seconds: float) -> Iterator[str]:
    """The URL of a server that takes its time to answer with the same item to whatever ID."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            time.sleep(seconds)
            self._answer(item)

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(item)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def being_filled(service: Path, redis: Redis, ids: Path) -> Iterator[subprocess.Popen[str]]:
    """A job that has begun to fill the cache from a slow source, and has much to do yet."""
    ids.write_text("".join(f"{number}\n" for number in range(600)))
    settings = {"CACHE_URL": redis.url, "FETCH_THREADS": 4}
    with slow_source((VARS / "data/shapes/0002.png").read_bytes(), 0.1) as url:
        arguments = ("--ids", ids, "--concurrency", "2")
        process = started_job(service, "warm_cache", *arguments, DATA_URL=url, **settings)
        try:
            wait_until(lambda: redis.command("DBSIZE") > 0, "the first values")
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
