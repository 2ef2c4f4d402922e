"""Ends what takes longer than its request may."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from src.ml.runs import DeadlineError

T = TypeVar("T")


class Deadlines:
    """Those of all requests that wait, by one timer for the first that ends.

    Setting one for each request, which hardly ever rings, would take longer than all else that a
    hit takes.
    """

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf

    async def keep(self, work: Awaitable[T], deadline: float) -> T:
        """What the work comes to. Raises DeadlineError when its time, by ``time.monotonic``, is over."""
        task = asyncio.current_task()
        assert task is not None
        self._deadlines[task] = deadline
        if deadline < self._rings:
            self._ring_at(deadline)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._deadlines or task.uncancel():  # somebody else wants it to end
                raise
            raise DeadlineError from None
        finally:
            self._deadlines.pop(task, None)

    def _ring_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = moment
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(moment - time.monotonic(), self._end)

    def _end(self) -> None:
        """Stop those whose time is over, and wait for the next."""
        now = time.monotonic()
        for task in [task for task, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[task]
            task.cancel()
        self._rings = math.inf
        if self._deadlines:
            self._ring_at(min(self._deadlines.values()))
