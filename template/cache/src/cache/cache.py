"""Values by key: from memory, from the store behind it, or computed and kept for the next time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.cache.entry import EntryError, read_entry, write_entry
from src.cache.guard import GuardedStore
from src.cache.memory import Kept, Memory
from src.cache.meter import Meter
from src.ml.signature import Tensor

Tensors = dict[str, Tensor]
Compute = Callable[[Sequence[int]], Awaitable[Sequence[Tensors]]]
"""Makes the values that are missing, by their place among those that are wanted."""

_JITTER = 0.1
_MOST_PENDING_BYTES = 64 * 1024 * 1024
_LARGE = 64 * 1024
"""Values of more bytes are written in a thread, for the loop not to wait."""

_FIRST_LOOK_SECONDS = 0.01
_LONGEST_LOOK_SECONDS = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """For how long values are fresh (0: for ever) and may be served stale while they are made anew;
    for how long others wait for the one process that makes one; whether requests register what they
    make; whether the log tells of named values."""

    fresh_seconds: float
    stale_seconds: float
    claim_seconds: float
    registers: bool
    logs: bool

    def fresh_until(self, made: float) -> float:
        """Values made together do not end together: up to a tenth earlier."""
        if not self.fresh_seconds:
            return float("inf")
        return made + self.fresh_seconds * (1 - _JITTER * random.random())

    @property
    def kept_seconds(self) -> float:
        """How long the store keeps a value; 0: for as long as it has room."""
        if not self.fresh_seconds:
            return 0.0
        return self.fresh_seconds * (1 - _JITTER * random.random()) + self.stale_seconds


@dataclass(frozen=True, slots=True)
class Kind:
    """Which values a cache has: its name, where the store keeps them, and the dtypes that they may
    have, by name."""

    name: str
    space: str
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A value, until when it is fresh by ``time.time``, and whether it was kept rather than made."""

    tensors: Tensors
    fresh_until: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value that is asked for: its key of 16 bytes, and its name, if it has one, for the log."""

    key: bytes
    name: str | None = None


class AbandonedError(Exception):
    """Whoever was about to make the value did not; the next in the row has to."""


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
        self.name = kind.name
        self.space = kind.space
        self._expected = {name: np.dtype(dtype) for name, dtype in kind.expected.items()}
        self._shared = shared
        self._memory = memory
        self._store = store
        self._policy = policy
        self._meter = meter
        self._flights: dict[bytes, asyncio.Future[Found]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: dict[bytes, Kept[Tensors]] = {}
        self._pending_bytes = 0

    async def find(self, wanted: Sequence[Wanted], compute: Compute, *, renew: bool) -> list[Found]:
        """The values; with ``renew`` made anew. Raises what ``compute`` raises."""
        if renew:
            return await self._renew(wanted, compute)
        values = [self._about_to_be_kept(item.key) for item in wanted]
        if self._memory is not None:
            self._look_in_memory(self._memory, wanted, values, compute)
        while missing := [index for index, value in enumerate(values) if value is None]:
            own, joined = self._take_off(wanted, missing)
            if own:
                await self._fly(wanted, own, values, compute)
            for index, flight in joined.items():
                with contextlib.suppress(AbandonedError):
                    values[index] = await asyncio.shield(flight)
        return [value for value in values if value is not None]

    async def _renew(self, wanted: Sequence[Wanted], compute: Compute) -> list[Found]:
        """The values made anew, whatever is kept, and kept instead of it."""
        made = await compute(range(len(wanted)))
        return [self._register(*each) for each in zip(wanted, made, strict=True)]

    def _take_off(
        self, wanted: Sequence[Wanted], missing: Sequence[int]
    ) -> tuple[list[int], dict[int, asyncio.Future[Found]]]:
        """Which of the missing this request brings, and which another is bringing already."""
        own: list[int] = []
        joined: dict[int, asyncio.Future[Found]] = {}
        for index in missing:
            key = wanted[index].key
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = asyncio.get_running_loop().create_future()
                own.append(index)
            else:
                joined[index] = flight
        return own, joined

    def _about_to_be_kept(self, key: bytes) -> Found | None:
        """What was made a moment ago, and is not in the store yet."""
        kept = self._pending.get(key)
        if kept is None or not kept.fresh:
            return None
        return Found(kept.value, kept.fresh_until, True)

    def _look_in_memory(
        self,
        memory: Memory[Tensors],
        wanted: Sequence[Wanted],
        values: list[Found | None],
        compute: Compute,
    ) -> None:
        began = time.perf_counter()
        hits = 0
        for index, item in enumerate(wanted):
            if values[index] is not None:
                continue
            kept = memory.get(item.key)
            if kept is None or not self._usable(kept.fresh_until):
                continue
            values[index] = Found(kept.value, kept.fresh_until, True)
            hits += 1
            self._say_hit(item)
            if not kept.fresh:
                self._refresh(item, index, compute)
        self._meter.found(self.name, "memory", hits, len(wanted) - hits)
        self._meter.took("memory", "get", time.perf_counter() - began)

    async def _fly(
        self,
        wanted: Sequence[Wanted],
        own: Sequence[int],
        values: list[Found | None],
        compute: Compute,
    ) -> None:
        """Bring the values that nobody else is about to bring."""
        flights = {index: self._flights[wanted[index].key] for index in own}
        try:
            missing = await self._look_in_store(wanted, own, values, compute)
            if len(missing) == 1 and self._policy.claim_seconds:
                missing = await self._claim_or_wait(wanted, missing, values, compute)
            if missing:
                made = await compute(missing)
                for index, tensors in zip(missing, made, strict=True):
                    values[index] = self._register(wanted[index], tensors)
        except BaseException as error:
            # Of several values, nobody knows which one the error is about.
            shared = isinstance(error, self._shared) and len(own) == 1
            for flight in flights.values():
                flight.set_exception(error if shared else AbandonedError())
                flight.exception()  # nobody else may be waiting for it
            if self._policy.claim_seconds and len(own) == 1:
                self._start(self._store.release(self.space, wanted[own[0]].key))
            raise
        finally:
            for index, flight in flights.items():
                if self._flights.get(wanted[index].key) is flight:
                    del self._flights[wanted[index].key]
        for index, flight in flights.items():
            value = values[index]
            if value is not None:
                flight.set_result(value)

    async def _look_in_store(
        self,
        wanted: Sequence[Wanted],
        indexes: Sequence[int],
        values: list[Found | None],
        compute: Compute,
    ) -> list[int]:
        """Fill in what the store has; returns what it has not."""
        keys = [wanted[index].key for index in indexes]
        found = await self._store.get(self.name, self.space, keys)
        missing = []
        for index, value in zip(indexes, found, strict=True):
            item = wanted[index]
            kept = None if value is None else self._read(item.key, value)
            if kept is None:
                missing.append(index)
                continue
            values[index] = kept
            self._keep_in_memory(item.key, kept.tensors, kept.fresh_until)
            self._say_hit(item)
            if time.time() >= kept.fresh_until:
                self._refresh(item, index, compute)
        return missing

    def _read(self, key: bytes, value: bytes) -> Found | None:
        """The value, unless it is damaged, foreign or too old."""
        try:
            tensors, made = read_entry(key, value)
        except EntryError:
            return None
        if any(self._expected.get(name) != tensor.dtype for name, tensor in tensors.items()):
            return None
        fresh_until = self._policy.fresh_until(made)
        return Found(tensors, fresh_until, True) if self._usable(fresh_until) else None

    def _usable(self, fresh_until: float) -> bool:
        return time.time() < fresh_until + self._policy.stale_seconds

    async def _claim_or_wait(
        self,
        wanted: Sequence[Wanted],
        missing: list[int],
        values: list[Found | None],
        compute: Compute,
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
            if not (missing := await self._look_in_store(wanted, missing, values, compute)):
                return missing
            if await self._store.claim(self.space, key, seconds):
                break
        return missing

    def _refresh(self, item: Wanted, index: int, compute: Compute) -> None:
        """Make a stale value anew, while it is still served."""
        if item.key in self._flights or not self._policy.registers:
            return
        flight: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._flights[item.key] = flight

        async def refresh() -> None:
            try:
                (tensors,) = await compute([index])
            except Exception as error:
                flight.set_exception(AbandonedError())
                flight.exception()
                logger.warning("%s stays stale: %s", item.name or "a value", error)
            else:
                flight.set_result(self._register(item, tensors))
            finally:
                self._flights.pop(item.key, None)

        self._start(refresh())

    def _register(self, item: Wanted, tensors: Tensors) -> Found:
        """Keep a value in memory now, and in the store when the answer has been sent."""
        made = time.time()
        found = Found(tensors, self._policy.fresh_until(made), False)
        if not self._policy.registers:
            return found
        self._keep_in_memory(item.key, tensors, found.fresh_until)
        if self._pending_bytes > _MOST_PENDING_BYTES:
            # The store is slower than the requests: nothing is to pile up.
            if self._policy.claim_seconds:
                self._start(self._store.release(self.space, item.key))
            return found
        size = sum(tensor.nbytes for tensor in tensors.values())
        self._pending[item.key] = Kept(tensors, size, found.fresh_until)
        self._pending_bytes += size
        self._start(self._put(item, tensors, made, size))
        return found

    async def _put(self, item: Wanted, tensors: Tensors, made: float, size: int) -> None:
        try:
            await asyncio.sleep(0)  # the answer first
            if self._policy.logs and item.name is not None:
                logger.info("registering cache: %s", item.name)
            if size > _LARGE:
                value = await asyncio.to_thread(write_entry, item.key, tensors, made)
            else:
                value = write_entry(item.key, tensors, made)
            await self._store.put(self.space, {item.key: value}, self._policy.kept_seconds)
            if self._policy.claim_seconds:
                await self._store.release(self.space, item.key)
        finally:
            self._pending.pop(item.key, None)
            self._pending_bytes -= size

    def _keep_in_memory(self, key: bytes, tensors: Tensors, fresh_until: float) -> None:
        if self._memory is None:
            return
        for tensor in tensors.values():
            tensor.flags.writeable = False  # requests share it
        size = sum(tensor.nbytes for tensor in tensors.values())
        self._memory.put(key, tensors, size, fresh_until)
        self._meter.holds(self.name, len(self._memory), self._memory.bytes)

    def _say_hit(self, item: Wanted) -> None:
        if self._policy.logs and item.name is not None:
            logger.info("cache hit: %s", item.name)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Forget what is in memory: the store was cleared."""
        if self._memory is not None:
            self._memory.clear()
            self._meter.holds(self.name, 0, 0)

    async def settle(self, seconds: float) -> None:
        """Wait for what is being kept, but not for ever."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
