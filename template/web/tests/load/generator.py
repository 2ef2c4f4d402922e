"""Requests at a constant rate, however the service fares: an open loop.

Whoever waits for an answer before asking again asks less the slower the service is, and does not
see what users see. Here every request has a time at which it is due, and its latency counts from
then, whether it waited for a connection, for the service or for this process.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

DRAIN_SECONDS = 5.0
"""How long a step waits for the last answers; those that are still missing count as errors."""


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one rate; times in ms, ``late`` is how late this process itself was (p99)."""

    rate: float
    answered: float
    p50: float
    p95: float
    p99: float
    late: float
    sent: int
    errors: dict[str, int]

    def meets(self, p99: float) -> bool:
        """Whether all requests but one in a thousand were answered, and fast enough."""
        return self.p99 <= p99 and sum(self.errors.values()) <= self.sent / 1000


class Clients:
    """Keep-alive connections, opened when none is idle, that all send the same request."""

    def __init__(self, host: str, port: int, request: bytes, limit: int) -> None:
        self.request = request
        self._place = (host, port)
        self._limit = limit
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._now = asyncio.get_running_loop().time
        self.sent = 0
        self._reset()

    def _reset(self) -> None:
        self._last = 0.0
        self._latencies: list[float] = []
        self._lateness: list[float] = []
        self._errors: Counter[str] = Counter()

    async def step(self, rate: float, seconds: float) -> Step:
        """Send at ``rate`` requests a second for so many seconds."""
        self._reset()
        count = max(1, round(rate * seconds))
        start = self._now()
        for number in range(count):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - self._now()))
            self._lateness.append(self._now() - due)
            self._send(due)
        await self._drain(count)
        self.sent += count
        latencies = sorted(self._latencies)
        return Step(
            rate=rate,
            answered=len(latencies) / max(count / rate, self._last - start),
            p50=percentile(latencies, 50) * 1e3,
            p95=percentile(latencies, 95) * 1e3,
            p99=percentile(latencies, 99) * 1e3,
            late=percentile(sorted(self._lateness), 99) * 1e3,
            sent=count,
            errors=dict(self._errors),
        )

    def close(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    def _send(self, due: float) -> None:
        if self._idle:
            self._idle.pop().send(due)
            return
        self._waiting.append(due)
        if len(self._connections) + len(self._opening) < self._limit:
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), *self._place)
        except OSError:
            if self._waiting:
                self.failed(self._waiting.popleft(), "no connection")

    async def _drain(self, count: int) -> None:
        """Wait for the last answers, and give up those that do not come."""
        end = self._now() + DRAIN_SECONDS
        while len(self._latencies) + self._errors.total() < count and self._now() < end:
            await asyncio.sleep(0.01)
        while self._waiting:
            self.failed(self._waiting.popleft(), "no answer in time")
        for connection in [it for it in self._connections if it.due is not None]:
            connection.abort("no answer in time")

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        self.free(connection)

    def free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def answered(self, due: float, status: int) -> None:
        if status == 200:
            self._last = self._now()
            self._latencies.append(self._last - due)
        else:
            self._errors[f"status {status}"] += 1

    def failed(self, due: float, reason: str) -> None:
        self._errors[reason] += 1


class Connection(asyncio.Protocol):
    """One connection of HTTP/1.1; ``due`` is of the request under way, if there is one."""

    due: float | None = None

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._clients.opened(self)

    def send(self, due: float) -> None:
        self.due = due
        self._transport.write(self._clients.request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head) or self.due is None:
            return
        due, self.due, self._received = self.due, None, b""
        self._clients.answered(due, int(head[9:12]))
        self._clients.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort("connection closed")

    def abort(self, reason: str = "closed") -> None:
        self._clients.lost(self)
        if self.due is not None:
            self._clients.failed(self.due, reason)
            self.due = None
        self._transport.abort()


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed; infinity if there is none."""
    if not ordered:
        return math.inf
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
