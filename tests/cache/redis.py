"""A real Redis that a test starts, kills, stops and fills."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.web.running import free_port, wait_until


class Redis:
    """A server on a port of its own, which stays the same when it is started anew.

    It keeps nothing on disk: what it had is gone with its process. ``arguments`` are those of
    redis-server, such as ``--maxmemory 16mb``.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "redis was not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None or self._process.poll() is not None, "redis runs already"
        self._process = subprocess.Popen(
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(self.port)),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
                *("--logfile", str(self._folder / f"redis-{self.port}.log")),
                *self._arguments,
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, "redis' first answer")

    def kill(self) -> None:
        """End it at once; nothing if it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Have it stand still: it is still connected to, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def command(self, *parts: str | bytes | int) -> Any:
        """What it answers, such as to ``command("CONFIG", "SET", "maxmemory", "16mb")``."""
        with redis.Redis(port=self.port, socket_timeout=10) as client:
            return client.execute_command(*parts)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "redis-server ended"
        try:
            return bool(self.command("PING"))
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server(folder: Path, *arguments: str) -> Iterator[Redis]:
    """A server that runs, and of which nothing is left behind."""
    server = Redis(folder, *arguments)
    server.start()
    try:
        yield server
    finally:
        server.kill()
