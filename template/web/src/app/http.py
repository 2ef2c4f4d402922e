"""What passes between the gateway and the endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Headers = tuple[tuple[bytes, bytes], ...]

JSON: Headers = ((b"content-type", b"application/json"),)


@dataclass(slots=True)
class Call:
    """One request: headers by name in lower case; ``deadline`` in seconds of ``time.monotonic``."""

    headers: dict[bytes, bytes]
    body: bytes
    deadline: float


@dataclass(slots=True)
class Answer:
    """What is sent back; the gateway adds the headers that every answer has."""

    body: bytes
    status: int = 200
    headers: Headers = JSON


class HttpError(Exception):
    """An answer other than 200, with the reason for the client."""

    def __init__(self, status: int, detail: str, headers: Headers = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint's place, and the operation that the OpenAPI document has for it."""

    method: str
    path: str
    endpoint: Endpoint
    description: dict[str, Any]
