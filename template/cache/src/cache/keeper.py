"""Keeping values: in memory at once, and in the store when the answers have been sent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from src.cache.entry import write_entry
from src.cache.guard import GuardedStore
from src.cache.memory import Kept, Memory
from src.cache.meter import Meter
from src.cache.policy import Policy
from src.cache.values import Found, Kind, Tensors, Wanted

_MOST_PENDING_BYTES = 64 * 1024 * 1024
_LARGE = 64 * 1024
"""Values of more bytes are written in a thread, for the loop not to wait."""

logger = logging.getLogger(__name__)


class Keeper:
    """What a cache has in this process, and what is on its way into the store."""

    def __init__(
        self,
        kind: Kind,
        memory: Memory[Tensors] | None,
        store: GuardedStore,
        policy: Policy,
        meter: Meter,
    ) -> None:
        self._name = kind.name
        self._space = kind.space
        self._memory = memory
        self._store = store
        self._policy = policy
        self._meter = meter
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: dict[bytes, Kept[Tensors]] = {}
        self._pending_bytes = 0

    def find(self, key: bytes) -> Found | None:
        """What this process has, be it stale."""
        pending = self._pending.get(key)
        if pending is not None and pending.fresh:
            return Found(pending.value, pending.fresh_until, True)
        if self._memory is None:
            return None
        began = time.perf_counter()
        kept = self._memory.get(key)
        found = None
        if kept is not None and self._policy.usable(kept.fresh_until):
            found = Found(kept.value, kept.fresh_until, True)
        self._meter.found(self._name, "memory", int(found is not None), int(found is None))
        self._meter.took("memory", "get", time.perf_counter() - began)
        return found

    def register(self, item: Wanted, tensors: Tensors) -> Found:
        """Keep a value in memory now, and in the store when the answer has been sent."""
        made = time.time()
        found = Found(tensors, self._policy.fresh_until(made), False)
        if not self._policy.registers:
            return found
        self.keep_in_memory(item.key, tensors, found.fresh_until)
        if self._pending_bytes > _MOST_PENDING_BYTES:
            # The store is slower than the requests: nothing is to pile up.
            if self._policy.claim_seconds:
                self.start(self._store.release(self._space, item.key))
            return found
        size = sum(tensor.nbytes for tensor in tensors.values())
        self._pending[item.key] = Kept(tensors, size, found.fresh_until)
        self._pending_bytes += size
        self.start(self._put(item, tensors, made, size))
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
            await self._store.put(self._space, {item.key: value}, self._policy.kept_seconds)
            if self._policy.claim_seconds:
                await self._store.release(self._space, item.key)
        finally:
            self._pending.pop(item.key, None)
            self._pending_bytes -= size

    def keep_in_memory(self, key: bytes, tensors: Tensors, fresh_until: float) -> None:
        """Keep a value in this process alone."""
        if self._memory is None:
            return
        for tensor in tensors.values():
            tensor.flags.writeable = False  # requests share it
        size = sum(tensor.nbytes for tensor in tensors.values())
        self._memory.put(key, tensors, size, fresh_until)
        self._meter.holds(self._name, len(self._memory), self._memory.bytes)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that no request waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Forget what is in memory: the store was cleared."""
        if self._memory is not None:
            self._memory.clear()
            self._meter.holds(self._name, 0, 0)

    async def settle(self, seconds: float) -> None:
        """Wait for what is being kept, but not for ever."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
