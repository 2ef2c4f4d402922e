"""The tier in memory: what was used last, bounded in bytes."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")

OVERHEAD = 704
"""Bytes that an entry takes beside its value: key, objects, its place in the order."""


@dataclass(slots=True)
class Kept(Generic[V]):
    """A value, its size in bytes, and until when it is fresh by ``time.time``."""

    value: V
    size: int
    fresh_until: float

    @property
    def fresh(self) -> bool:
        return time.time() < self.fresh_until


class Memory(Generic[V]):
    """Values by key, of at most ``most_bytes`` together; what was not used for longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, Kept[V]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Kept[V] | None:
        """What is kept for a key, whether it is still fresh or not."""
        kept = self._entries.get(key)
        if kept is not None:
            self._entries.move_to_end(key)
        return kept

    def put(self, key: bytes, value: V, size: int, fresh_until: float) -> None:
        """Keep a value of ``size`` bytes, unless it alone is too large."""
        self.drop(key)
        size += OVERHEAD
        if size > self._most_bytes:
            return
        self._entries[key] = Kept(value, size, fresh_until)
        self.bytes += size
        while self.bytes > self._most_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.bytes -= oldest.size

    def drop(self, key: bytes) -> None:
        """Forget a key, if it is known."""
        kept = self._entries.pop(key, None)
        if kept is not None:
            self.bytes -= kept.size

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.bytes = 0
