"""What a request says of the cache, and what its answer says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from src.app.http import Answer, Call
from src.ml.execution import INLINE_BYTES

T = TypeVar("T")

HIT = (b"x-cache", b"hit")
MISS = (b"x-cache", b"miss")
BYPASS = (b"x-cache", b"bypass")


def asks_anew(call: Call) -> bool:
    """Whether the client wants an answer that is made for it: ``Cache-Control: no-cache``."""
    directives = call.headers.get(b"cache-control")
    return directives is not None and b"no-cache" in directives.lower()


def marked(answer: Answer, *, renewed: bool, hit: bool) -> Answer:
    """The answer, with how the cache came into it."""
    mark = BYPASS if renewed else HIT if hit else MISS
    return Answer(answer.body, answer.status, (*answer.headers, mark))


async def beside(size: int, work: Callable[[], T]) -> T:
    """What the work comes to: at once if it is on few bytes, else in a thread, beside the loop."""
    return work() if size <= INLINE_BYTES else await asyncio.to_thread(work)
