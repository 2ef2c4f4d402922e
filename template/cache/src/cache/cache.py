"""Values by key: from memory, from the store behind it, or computed and kept for the next time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from src.cache.entry import EntryError, read_entry
from src.cache.flight import Flight
from src.cache.guard import GuardedStore
from src.cache.keeper import Keeper
from src.cache.memory import Memory
from src.cache.meter import Meter
from src.cache.policy import Policy
from src.cache.values import Found, Kind, Tensors, Wanted

Compute = Callable[[Sequence[int]], Awaitable[Sequence[Tensors]]]
"""Makes the values that are missing, by their place among those that are wanted."""

_FIRST_LOOK_SECONDS = 0.01
_LONGEST_LOOK_SECONDS = 0.1

logger = logging.getLogger(__name__)


class Cache:
    """Values of one ``kind``, each of them tensors by name.

    Concurrent misses of one key are made once; with a store that several processes share, nearly
    once by all of them. Errors of the ``shared`` classes are those of everybody who asks the same.
    """

    def __init__(
        self,
        kind: Kind,
        memory: Memory[Tensors] | None,
        store: GuardedStore,
        policy: Policy,
        meter: Meter,
        shared: tuple[type[Exception], ...],
    ) -> None:
        self.space = kind.space
        self._name = kind.name
        self._expected = {name: np.dtype(dtype) for name, dtype in kind.expected.items()}
        self._shared = shared
        self._store = store
        self._policy = policy
        self._keeper = Keeper(kind, memory, store, policy, meter)
        self._flights: dict[bytes, Flight] = {}
        self._refreshing: set[bytes] = set()

    async def find(self, wanted: Sequence[Wanted], compute: Compute, *, renew: bool) -> list[Found]:
        """The values; with ``renew`` made anew. Raises what ``compute`` raises."""
        if renew:
            return await self._renew(wanted, compute)
        values = [self._keeper.find(item.key) for item in wanted]
        while missing := [index for index, value in enumerate(values) if value is None]:
            own, joined = self._take_off(wanted, missing)
            if own:
                await self._fly(wanted, own, values, compute)
            for index, flight in joined.items():
                values[index] = await flight.value()
        found = [value for value in values if value is not None]
        for index, value in enumerate(found):
            if value.kept:
                self._hit(wanted[index], index, value, compute)
        return found

    async def _renew(self, wanted: Sequence[Wanted], compute: Compute) -> list[Found]:
        """The values made anew, whatever is kept, and kept instead of it."""
        made = await compute(range(len(wanted)))
        return [self._keeper.register(*each) for each in zip(wanted, made, strict=True)]

    def _take_off(
        self, wanted: Sequence[Wanted], missing: Sequence[int]
    ) -> tuple[dict[int, Flight], dict[int, Flight]]:
        """Which of the missing this request brings, and which another is bringing already."""
        own: dict[int, Flight] = {}
        joined: dict[int, Flight] = {}
        for index in missing:
            key = wanted[index].key
            flight = self._flights.get(key)
            if flight is None:
                own[index] = self._flights[key] = Flight()
            else:
                joined[index] = flight
        return own, joined

    async def _fly(
        self,
        wanted: Sequence[Wanted],
        own: Mapping[int, Flight],
        values: list[Found | None],
        compute: Compute,
    ) -> None:
        """Bring the values that nobody else is about to bring."""
        fault: Exception | None = None
        try:
            missing = await self._look_in_store(wanted, list(own), values)
            if len(missing) == 1 and self._policy.claim_seconds:
                missing = await self._claim_or_wait(wanted, missing, values)
            if missing:
                made = await compute(missing)
                for index, tensors in zip(missing, made, strict=True):
                    values[index] = self._keeper.register(wanted[index], tensors)
        except BaseException as error:
            # Of several values, nobody knows which one the error is about.
            if isinstance(error, self._shared) and len(own) == 1:
                fault = error
            if self._policy.claim_seconds and len(own) == 1:
                (index,) = own
                self._keeper.start(self._store.release(self.space, wanted[index].key))
            raise
        finally:
            for index, flight in own.items():
                del self._flights[wanted[index].key]
                flight.land(values[index], fault)

    async def _look_in_store(
        self,
        wanted: Sequence[Wanted],
        indexes: Sequence[int],
        values: list[Found | None],
    ) -> list[int]:
        """Fill in what the store has; returns what it has not."""
        keys = [wanted[index].key for index in indexes]
        found = await self._store.get(self._name, self.space, keys)
        missing = []
        for index, value in zip(indexes, found, strict=True):
            item = wanted[index]
            kept = None if value is None else self._read(item.key, value)
            if kept is None:
                missing.append(index)
                continue
            values[index] = kept
            self._keeper.keep_in_memory(item.key, kept.tensors, kept.fresh_until)
        return missing

    def _hit(self, item: Wanted, index: int, found: Found, compute: Compute) -> None:
        """Tell of a value that was kept, and have it made anew if it is stale."""
        if self._policy.logs and item.name is not None:
            logger.info("cache hit: %s", item.name)
        if time.time() >= found.fresh_until:
            self._refresh(item, index, compute)

    def _read(self, key: bytes, value: bytes) -> Found | None:
        """The value, unless it is damaged, foreign or too old."""
        try:
            tensors, made = read_entry(key, value)
        except EntryError:
            return None
        for name, tensor in tensors.items():
            if name not in self._expected or tensor.dtype != self._expected[name]:
                return None  # to numpy, None is a dtype as well: float64
        fresh_until = self._policy.fresh_until(made)
        return Found(tensors, fresh_until, True) if self._policy.usable(fresh_until) else None

    async def _claim_or_wait(
        self,
        wanted: Sequence[Wanted],
        missing: list[int],
        values: list[Found | None],
    ) -> list[int]:
        """Claim the value, or wait for the process that has; what is still missing then."""
        (index,) = missing
        key, seconds = wanted[index].key, self._policy.claim_seconds
        if await self._store.claim(self.space, key, seconds):
            return missing
        until, pause = time.monotonic() + seconds, _FIRST_LOOK_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
            if not (missing := await self._look_in_store(wanted, missing, values)):
                return missing
            if await self._store.claim(self.space, key, seconds):
                break
        return missing

    def _refresh(self, item: Wanted, index: int, compute: Compute) -> None:
        """Make a stale value anew, while it is still served."""
        if item.key in self._refreshing or not self._policy.registers:
            return
        self._refreshing.add(item.key)

        async def refresh() -> None:
            try:
                (tensors,) = await compute([index])
                self._keeper.register(item, tensors)
            except Exception as error:
                logger.warning("%s stays stale: %s", item.name or "a value", error)
            finally:
                self._refreshing.remove(item.key)

        self._keeper.start(refresh())

    def forget(self) -> None:
        """Forget what is in memory: the store was cleared."""
        self._keeper.forget()

    async def settle(self, seconds: float) -> None:
        """Wait for what is being kept, but not for ever."""
        await self._keeper.settle(seconds)
