"""Reads the bodies of requests, within their bound."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.requests import ClientDisconnect, Request


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises HTTPException 413 once it is known to be longer than ``limit`` bytes."""
    if int(request.headers.get("content-length", 0)) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise HTTPException(400, "the client left before its request was complete") from None
    return bytes(body)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"expected a body of at most {limit} bytes, got a longer one")
