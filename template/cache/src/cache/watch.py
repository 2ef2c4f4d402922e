"""Forgets what is in memory when somebody clears the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from src.cache.guard import GuardedStore

SECONDS = 2.0


class Watch:
    """Looks now and then whether a space was cleared, and calls what forgets it in this process."""

    def __init__(self, store: GuardedStore, spaces: Mapping[str, Callable[[], None]]) -> None:
        self._store = store
        self._spaces = dict(spaces)
        self._epochs: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            for space, forget in self._spaces.items():
                epoch = await self._store.epoch(space)
                if epoch is None:
                    continue
                if epoch != self._epochs.setdefault(space, epoch):
                    self._epochs[space] = epoch
                    forget()
            await asyncio.sleep(SECONDS)
