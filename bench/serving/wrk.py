"""Load by wrk, and /health asked meanwhile."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("wrk.lua")
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered; p50 and p99 in ms."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    failed: int


class Running:
    """wrk at work, posting the content of a file to a URL; or its lines in turns."""

    def __init__(
        self,
        url: str,
        body: Path,
        headers: Mapping[str, str],
        connections: int,
        seconds: float,
        *,
        lines: bool = False,
    ) -> None:
        self._url = url
        self._process = subprocess.Popen(
            [
                *("wrk", "--threads", "1", "--connections", str(connections)),
                *("--duration", f"{round(seconds)}s", "--timeout", "60s"),
                *("--script", str(_SCRIPT), url),
                *("--", "lines" if lines else "whole", str(body)),
                *(part for header in headers.items() for part in header),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> Load:
        """Raises RuntimeError if a request was not answered with 200."""
        said, _ = self._process.communicate()
        lines = [line for line in said.splitlines() if line.startswith("{")]
        if self._process.returncode != 0 or len(lines) != 1:
            raise RuntimeError(f"wrk failed:\n{said}")
        load = Load(**json.loads(lines[0]))
        if load.refused or load.failed or not load.requests:
            raise RuntimeError(f"{self._url} under load: {load}")
        return load

    def health(self, port: int, path: str) -> float:
        """The median time in ms that ``path`` takes while wrk is at work, asked now and then."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        taken = []
        while self._process.poll() is None:
            started = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            taken.append(time.perf_counter() - started)
            if answer.status != 200:
                raise RuntimeError(f"{path} under load: {answer.status}")
            time.sleep(_PAUSE)
        connection.close()
        return statistics.median(taken) * 1e3
