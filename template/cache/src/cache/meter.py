"""What the caches tell of themselves, to whoever counts it."""

from __future__ import annotations

from typing import Protocol

CACHES = ("prediction", "data")
TIERS = ("memory", "store")
OPERATIONS = ("get", "put")


class Meter(Protocol):
    """Is told by ``cache`` (of CACHES), ``tier`` (of TIERS) and ``operation`` (of OPERATIONS)."""

    def found(self, cache: str, tier: str, hits: int, misses: int) -> None: ...

    def took(self, tier: str, operation: str, seconds: float) -> None: ...

    def failed(self, operation: str) -> None: ...

    def wrote(self, size: int) -> None: ...

    def available(self, yes: bool) -> None: ...

    def holds(self, cache: str, entries: int, size: int) -> None: ...
