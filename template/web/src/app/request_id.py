"""The id by which a request is found in the logs of all that it passed through."""

from __future__ import annotations

import itertools
import os
import re
from binascii import hexlify
from collections.abc import Mapping

_GIVEN = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
# W3C Trace Context: version, trace id, parent id, flags; later versions than 00 may append more.
_TRACEPARENT = re.compile(
    rb"(?!ff|00.{53}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch


def request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """The id that X-Request-ID gives, else the trace id in traceparent, else a new one.

    What is given is taken only if it is safe to be logged and sent back: at most 128 letters,
    digits and ``._:/+=-``. ``headers`` have lower case names.
    """
    given = headers.get(b"x-request-id")
    if given is not None and _GIVEN(given):
        return given
    parent = headers.get(b"traceparent")
    if parent is not None and (trace := _TRACEPARENT(parent)):
        return trace[1]
    return hexlify(next(_count).to_bytes(16))


def _renew() -> None:
    """Let this process count from a number that no other one comes to."""
    global _count
    _count = itertools.count(int.from_bytes(os.urandom(16)) >> 1)


_count: itertools.count[int]
_renew()
os.register_at_fork(after_in_child=_renew)
