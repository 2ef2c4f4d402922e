"""Bodies in gzip or deflate, both ways."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace

from src.app.http import Answer, HttpError
from src.ml.errors import InputError

_FORMATS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
"""What zlib calls the codings; deflate is in zlib's format, as HTTP has it."""

_WORTHWHILE = 1024
_LEVEL = 1  # tensors hardly shrink any further, and time matters more


def decompressed(headers: Mapping[bytes, bytes], body: bytes, limit: int) -> bytes:
    """The body as it was before its Content-Encoding.

    Raises HttpError 413 if it is longer than ``limit`` bytes, 415 if the encoding is another one,
    and InputError if the body is not in that encoding.
    """
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding == b"identity":
        return body
    if coding not in _FORMATS:
        raise HttpError(
            415,
            f"expected Content-Encoding gzip or deflate, got {coding[:200].decode('latin-1')!r}",
            ((b"accept-encoding", b"gzip, deflate"),),
        )
    decoder = zlib.decompressobj(_FORMATS[coding])
    try:
        plain = decoder.decompress(body, limit + 1)
    except zlib.error as error:
        raise InputError(f"expected a body in {coding.decode()}, got: {error}") from None
    if len(plain) > limit:
        raise HttpError(413, f"expected a body of at most {limit} bytes, got a longer one")
    if not decoder.eof or decoder.unused_data:
        raise InputError(f"expected one whole stream of {coding.decode()}, got less or more")
    return plain


def compressed(answer: Answer, headers: Mapping[bytes, bytes]) -> Answer:
    """The same answer in a coding that the request accepts, if that makes it shorter."""
    coding = _accepted(headers.get(b"accept-encoding", b""))
    if coding is None or len(answer.body) < _WORTHWHILE:
        return answer
    encoder = zlib.compressobj(_LEVEL, wbits=_FORMATS[coding])
    body = encoder.compress(answer.body) + encoder.flush()
    if len(body) >= len(answer.body):
        return answer
    added = ((b"content-encoding", coding), (b"vary", b"accept-encoding"))
    return replace(answer, body=body, headers=(*answer.headers, *added))


def _accepted(accept: bytes) -> bytes | None:
    """The coding to answer in, of a header such as ``gzip;q=0.5, deflate``."""
    weights: dict[bytes, bytes] = {}
    for choice in accept.lower().split(b","):
        coding, _, weight = choice.partition(b";")
        weights[coding.strip()] = weight.strip()
    for coding in _FORMATS:
        if weights.get(coding, b"q=0") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            return coding
    return None
