"""Cuts off clients that hold a connection without getting on with their request."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Of the first line and the headers of a request that does not arrive in one piece."""

_LONG_PAUSE = 2.0


class Connection(HttpToolsProtocol):
    """uvicorn's own, with a bound for the head of a request, which it lacks."""

    head_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.scope is not self.scope:
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"expected headers of at most {MAX_HEAD_BYTES} bytes")
        elif self.head_bytes:
            self.head_bytes = 0


class SlowClients:
    """Knows what each connection waits for its client to do, and since when.

    The client has ``seconds`` to send a whole head, then a whole body, and to take some part of
    what it is sent. Looking at all connections now and then costs the requests nothing, which a
    timer for each would.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Connection, tuple[object, float]] = {}
        self._swept = 0.0

    def cut_off(self, connections: Iterable[Connection], now: float) -> None:
        """To be called about every second with all connections; ``now`` is in seconds."""
        if now - self._swept > _LONG_PAUSE:
            self._seen = {}  # this process stood still: what they sent meanwhile is not read yet
        self._swept = now
        seen: dict[Connection, tuple[object, float]] = {}
        for connection in connections:
            awaited = _awaited(connection)
            if awaited is None:
                continue
            before, since = self._seen.get(connection, (None, now))
            if awaited != before:
                since = now
            elif now - since > self._seconds:
                _reset(connection)
            seen[connection] = (awaited, since)
        self._seen = seen


def _reset(connection: Connection) -> None:
    """Close it with nothing left in the kernel, which would go on sending to who never reads."""
    peer = connection.transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


def _awaited(connection: Connection) -> object:
    """What the client is to do next, equal as long as it does not; None if it is our turn."""
    cycle = connection.cycle
    unsent = connection.transport.get_write_buffer_size()
    if unsent:
        return cycle, unsent
    if cycle is None:
        return "first request"
    if not cycle.response_complete:
        return (cycle, "body") if cycle.more_body else None
    if cycle.scope is not connection.scope:
        return cycle, "next head"
    # The rest of a body that was refused, or blank lines, which stop uvicorn's own timer.
    if cycle.more_body or connection.timeout_keep_alive_task is None:
        return cycle, "rest"
    return None
