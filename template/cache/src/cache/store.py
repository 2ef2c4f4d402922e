"""What a store behind the memory is, whichever it is: bytes by key, in spaces of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

ROOT = "infergen:1"
"""All that these services keep is found below this name; the number is the format's."""


class StoreError(Exception):
    """The store did not do what was asked of it, in the time that it had."""


class RefusedError(StoreError):
    """The store answers, but takes nothing: it is full, or may only be read."""


class BusyError(StoreError):
    """This process itself was too busy to hear the answer in time."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value as a job sees it: its place in the store, its size, and when it was made.

    ``made`` is None for what this service did not write.
    """

    place: bytes
    size: int
    made: float | None


class Store(Protocol):
    """Values by space and key. Every method raises StoreError."""

    name: str

    async def get(self, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values, None for those that are not there."""

    async def put(self, space: str, values: Mapping[bytes, bytes], seconds: float) -> None:
        """Keep values for so many seconds; 0: for as long as there is room."""

    async def claim(self, space: str, key: bytes, seconds: float) -> bool:
        """Whether it is this process that is to compute a value that everybody misses."""

    async def release(self, space: str, key: bytes) -> None:
        """It was computed, or will not be."""

    async def epoch(self, space: str) -> int:
        """A number that grows whenever a space is cleared."""

    async def advance(self, space: str) -> None:
        """Have every process forget what it has of a space in memory."""

    async def spaces(self) -> list[str]:
        """The spaces that hold anything."""

    def items(self, space: str) -> AsyncIterator[list[Item]]:
        """All values of a space, some at a time."""

    async def remove(self, places: Sequence[bytes]) -> int:
        """Remove values; how many there were."""

    async def close(self) -> None:
        """Let go of files and connections."""
