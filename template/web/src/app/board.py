"""Memory that the supervisor and its workers share: each worker's heartbeat and its metrics."""

from __future__ import annotations

import mmap

_SLOT_BYTES = 256 * 1024
_OWN = 3
"""Values at the start of a slot that are not metrics."""


class Slot:
    """One worker's part, which nobody else writes while it runs.

    ``values`` are its metrics, doubles that begin at 0 and outlive the worker: the one that takes
    its place counts on. ``board`` has the other workers' slots.
    """

    def __init__(self, board: Board, memory: memoryview[float]) -> None:
        self.board = board
        self._own = memory[:_OWN]
        self.values = memory[_OWN:]

    @property
    def heartbeat(self) -> float:
        """When the worker last showed that it is well, by ``time.monotonic``; 0 before."""
        return self._own[0]

    @heartbeat.setter
    def heartbeat(self, moment: float) -> None:
        self._own[0] = moment

    @property
    def restarts(self) -> int:
        """How often a worker of this slot was replaced."""
        return int(self._own[1])

    @restarts.setter
    def restarts(self, count: int) -> None:
        self._own[1] = count

    @property
    def pid(self) -> int:
        """The process that works here; 0 before there is one."""
        return int(self._own[2])

    @pid.setter
    def pid(self, pid: int) -> None:
        self._own[2] = pid


class Board:
    """The slots of all workers; processes that fork from this one share them."""

    def __init__(self, workers: int) -> None:
        memory = memoryview(mmap.mmap(-1, workers * _SLOT_BYTES)).cast("d")
        size = _SLOT_BYTES // memory.itemsize
        starts = range(0, len(memory), size)
        self.slots = tuple(Slot(self, memory[start : start + size]) for start in starts)
