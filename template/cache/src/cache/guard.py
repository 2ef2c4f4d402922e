"""The store as requests meet it: it may fail in any way, and they are answered all the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from src.cache.breaker import Breaker
from src.cache.meter import Meter
from src.cache.store import BusyError, RefusedError, Store, StoreError


class GuardedStore:
    """A store whose failures are misses.

    After a few of them it is left alone, and tried again every now and then; reading and writing
    apart, because a store that is full can still be read.
    """

    def __init__(self, store: Store, meter: Meter) -> None:
        self.store = store
        self._meter = meter
        self._reads = Breaker(f"reading from the cache in {store.name}")
        self._writes = Breaker(f"writing to the cache in {store.name}")

    async def get(self, cache: str, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values; None for those that are not there, or cannot be had now."""
        if not self._reads.allows():
            return [None] * len(keys)
        began = time.perf_counter()
        try:
            values = await self.store.get(space, keys)
        except StoreError as error:
            self._failed(self._reads, "get", error)
            return [None] * len(keys)
        except BaseException:
            self._reads.gave_up()
            raise
        self._succeeded(self._reads)
        self._meter.took("store", "get", time.perf_counter() - began)
        misses = values.count(None)
        self._meter.found(cache, "store", len(keys) - misses, misses)
        return values

    async def put(self, space: str, values: Mapping[bytes, bytes], seconds: float) -> None:
        """Keep the values, if that can be done now."""
        if not (self._reads.closed and self._writes.allows()):
            return
        began = time.perf_counter()
        try:
            await self.store.put(space, values, seconds)
        except StoreError as error:
            self._failed(self._writes, "put", error)
            return
        except BaseException:
            self._writes.gave_up()
            raise
        self._succeeded(self._writes)
        self._meter.took("store", "put", time.perf_counter() - began)
        self._meter.wrote(sum(map(len, values.values())))

    async def claim(self, space: str, key: bytes, seconds: float) -> bool:
        """Whether the caller is to compute a value, rather than wait for who does."""
        if not (self._reads.closed and self._writes.closed):
            return True
        try:
            return await self.store.claim(space, key, seconds)
        except StoreError as error:
            self._failed(self._writes, "put", error)
            return True

    async def release(self, space: str, key: bytes) -> None:
        """Let others compute what this process claimed and did not keep."""
        if not (self._reads.closed and self._writes.closed):
            return
        try:
            await self.store.release(space, key)
        except StoreError as error:
            self._failed(self._writes, "put", error)

    async def epoch(self, space: str) -> int | None:
        """See Store; None if it cannot be told now."""
        if not self._reads.allows():
            return None
        try:
            epoch = await self.store.epoch(space)
        except StoreError as error:
            self._failed(self._reads, "get", error)
            return None
        except BaseException:
            self._reads.gave_up()
            raise
        self._succeeded(self._reads)
        return epoch

    def _succeeded(self, breaker: Breaker) -> None:
        was_open = not breaker.closed
        breaker.succeeded()
        if was_open:
            self._tell()

    def _failed(self, breaker: Breaker, operation: str, error: StoreError) -> None:
        self._meter.failed(operation)
        if isinstance(error, BusyError):
            breaker.gave_up()
            return
        if operation == "put" and not isinstance(error, RefusedError):
            breaker = self._reads  # it does not answer at all
        breaker.failed(error)
        self._tell()

    def _tell(self) -> None:
        self._meter.available(self._reads.closed and self._writes.closed)
