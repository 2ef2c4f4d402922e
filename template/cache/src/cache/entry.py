"""Tensors as a store keeps them: raw bytes behind a small header, never JSON and never pickle.

A value carries the key that it was kept under and a checksum, so that one which is damaged, foreign,
or the answer to another question is told from a good one, whoever sends it.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping

import lz4.block
import msgspec
import numpy as np

from src.ml.signature import Tensor

_PREFIX = struct.Struct("<4s16sdII")
"""Magic and version, key, when it was made, checksum of all that follows, the header's length."""

_MAGIC = b"IGC\x01"
_LEAST_PACKED = 512
_WORTHWHILE = 0.8
"""Compressed tensors are kept so if they take at most this share of the room."""

MADE = slice(0, _PREFIX.size)
"""The part of a value that ``made`` reads."""


class _Tensor(msgspec.Struct, array_like=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


class _Header(msgspec.Struct, array_like=True):
    size: int
    packed: bool
    tensors: list[_Tensor]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Header)
_TEXTS = msgspec.msgpack.Decoder(list[str])


class EntryError(Exception):
    """A value that is none of ours, or not whole, or of another key."""


def write_entry(key: bytes, tensors: Mapping[str, Tensor], made: float) -> bytes:
    """The value for a key of 16 bytes; ``made`` is in seconds since 1970."""
    parts = [_to_bytes(tensor) for tensor in tensors.values()]
    body = b"".join(parts)
    packed = body
    if len(body) >= _LEAST_PACKED:
        packed = lz4.block.compress(body, store_size=False)
    pays = len(packed) <= _WORTHWHILE * len(body)
    described = [
        _Tensor(name, str(tensor.dtype), tensor.shape, len(part))
        for (name, tensor), part in zip(tensors.items(), parts, strict=True)
    ]
    header = _ENCODER.encode(_Header(len(body), pays, described))
    rest = header + (packed if pays else body)
    return _PREFIX.pack(_MAGIC, key, made, zlib.crc32(rest), len(header)) + rest


def read_entry(key: bytes, value: bytes) -> tuple[dict[str, Tensor], float]:
    """The tensors by name, and when they were made. Raises EntryError."""
    try:
        magic, own_key, made, checksum, length = _PREFIX.unpack_from(value)
        rest = memoryview(value)[_PREFIX.size :]
        if magic != _MAGIC or own_key != key or zlib.crc32(rest) != checksum:
            raise EntryError
        header = _DECODER.decode(rest[:length])
        body = bytearray(
            lz4.block.decompress(rest[length:], uncompressed_size=header.size)
            if header.packed
            else rest[length:]
        )
        tensors: dict[str, Tensor] = {}
        unread = memoryview(body)
        for tensor in header.tensors:
            tensors[tensor.name] = _to_tensor(tensor, unread[: tensor.size])
            unread = unread[tensor.size :]
    except (struct.error, msgspec.MsgspecError, lz4.block.LZ4BlockError, ValueError, TypeError):
        raise EntryError from None
    if unread:
        raise EntryError
    return tensors, made


def made(value: bytes) -> float | None:
    """When a value was made, from the bytes at its beginning; None for a foreign one."""
    try:
        magic, _, moment, _, _ = _PREFIX.unpack_from(value)
    except struct.error:
        return None
    return float(moment) if magic == _MAGIC else None


def _to_bytes(tensor: Tensor) -> bytes:
    if tensor.dtype == object:
        return _ENCODER.encode([str(text) for text in tensor.ravel()])
    return tensor.tobytes()


def _to_tensor(tensor: _Tensor, part: memoryview) -> Tensor:
    if tensor.dtype == "object":
        texts = np.empty(math.prod(tensor.shape), dtype=object)
        texts[:] = _TEXTS.decode(part)
        return texts.reshape(tensor.shape)
    return np.frombuffer(part, dtype=tensor.dtype).reshape(tensor.shape)
