"""Questions that come while another is under way are asked together when that is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from src.cache.store import StoreError

Q = TypeVar("Q")
A = TypeVar("A")


class Lane(Generic[Q, A]):
    """One conversation with a store, in which what one question costs hardly grows with their number.

    ``ask`` answers a list of at most ``most`` questions, or raises StoreError, which is then the
    answer to all that wait.
    """

    def __init__(self, ask: Callable[[list[Q]], Awaitable[Sequence[A]]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._work: asyncio.Task[None] | None = None

    async def answers(self, questions: Sequence[Q]) -> list[A]:
        """The answers. Raises StoreError."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[A]] = [loop.create_future() for _ in questions]
        self._waiting += zip(questions, futures, strict=True)
        if self._work is None:
            self._work = loop.create_task(self._answer_all())
        return [await future for future in futures]

    async def _answer_all(self) -> None:
        taken: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                answers = await self._ask([question for question, _ in taken])
                if len(answers) != len(taken):
                    raise StoreError("there are more or fewer answers than questions")
                for (_, future), answer in zip(taken, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        except BaseException as error:
            fault = error if isinstance(error, StoreError) else StoreError(repr(error))
            for _, future in (*taken, *self._waiting):
                if not future.done():
                    future.set_exception(fault)
                    future.exception()  # of several, only the first is raised
            self._waiting = []
            if not isinstance(error, Exception):
                raise
        finally:
            self._work = None
