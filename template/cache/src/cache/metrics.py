"""What is counted of the caches, beside all that a service counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from src.app.board import Slot
from src.app.metrics import SECONDS, Metrics, buckets, head, sample
from src.cache.meter import CACHES, OPERATIONS, TIERS


class CacheMetrics(Metrics):
    """The service's metrics, with those of its caches."""

    def __init__(self, slot: Slot, model: Mapping[str, str]) -> None:
        super().__init__(slot, model)
        places = list(product(CACHES, TIERS))
        self._hits = {place: self._take(1) for place in places}
        self._misses = {place: self._take(1) for place in places}
        self._errors = {operation: self._take(1) for operation in OPERATIONS}
        self._written = self._take(1)
        self._unavailable = self._take(1)
        self._bytes = {cache: self._take(1) for cache in CACHES}
        self._entries = {cache: self._take(1) for cache in CACHES}
        self._seconds_of = {
            (tier, operation): self._histogram(SECONDS)
            for tier, operation in (("memory", "get"), ("store", "get"), ("store", "put"))
        }
        for index in (self._unavailable, *self._bytes.values(), *self._entries.values()):
            self._values[index] = 0  # those of a worker that died are gone with it

    def found(self, cache: str, tier: str, hits: int, misses: int) -> None:
        """So many values were looked for in a tier, and were there or not."""
        self._values[self._hits[cache, tier]] += hits
        self._values[self._misses[cache, tier]] += misses

    def took(self, tier: str, operation: str, seconds: float) -> None:
        """One operation's time."""
        self._seconds_of[tier, operation].observe(seconds)

    def failed(self, operation: str) -> None:
        """The store did not do what was asked of it."""
        self._values[self._errors[operation]] += 1

    def wrote(self, size: int) -> None:
        """So many bytes were put into the store."""
        self._values[self._written] += size

    def available(self, yes: bool) -> None:
        """Whether the store is used at present."""
        self._values[self._unavailable] = not yes

    def holds(self, cache: str, entries: int, size: int) -> None:
        """What a cache has in memory."""
        self._values[self._entries[cache]] = entries
        self._values[self._bytes[cache]] = size

    def _lines(self) -> Iterator[str]:
        yield from super()._lines()
        slots = self._slot.board.slots
        total = np.sum([np.asarray(slot.values)[: self._used] for slot in slots], axis=0)
        yield from self._cache_lines(total)

    def _cache_lines(self, total: NDArray[np.float64]) -> Iterator[str]:
        for name, text, places in (
            ("cache_hits_total", "Values found.", self._hits),
            ("cache_misses_total", "Values looked for in vain.", self._misses),
        ):
            yield from head(name, "counter", text)
            for (cache, tier), index in places.items():
                yield sample(name, {"cache": cache, "tier": tier}, total[index])
        yield from head("cache_errors_total", "counter", "Operations that the store failed to do.")
        for operation, index in self._errors.items():
            yield sample("cache_errors_total", {"operation": operation}, total[index])
        yield from head("cache_written_bytes_total", "counter", "Bytes put into the store.")
        yield sample("cache_written_bytes_total", {}, total[self._written])
        yield from head(
            "cache_store_unavailable", "gauge", "Workers that do without the store at present."
        )
        yield sample("cache_store_unavailable", {}, total[self._unavailable])
        for name, text, indexes in (
            ("cache_memory_bytes", "Bytes kept in memory.", self._bytes),
            ("cache_memory_entries", "Values kept in memory.", self._entries),
        ):
            yield from head(name, "gauge", text)
            for cache, index in indexes.items():
                yield sample(name, {"cache": cache}, total[index])
        name = "cache_operation_duration_seconds"
        yield from head(name, "histogram", "Time of an operation, by tier.")
        for (tier, operation), histogram in self._seconds_of.items():
            yield from buckets(name, {"tier": tier, "operation": operation}, histogram, total)
