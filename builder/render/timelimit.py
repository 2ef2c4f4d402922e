"""Stops a block of Python code that runs for too long.

Only Python code can be stopped, between two of its instructions; one long call into C ends first.
The alarm is the process's own, so this is for its main thread: whoever renders in parallel does it
in processes.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN_SECONDS = 0.1
"""How long after the first TimeUp another follows, should one have been swallowed."""


class TimeUp(BaseException):
    """The time limit is reached."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block once it has run for so many seconds.

    Raises ValueError outside the main thread.
    """
    armed = True

    def ring(_signal: int, _frame: object) -> None:
        if armed:
            raise TimeUp

    started = time.monotonic()
    former_handler = signal.signal(signal.SIGALRM, ring)
    former_delay, former_interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        # Reached even if the alarm rang on the line above.
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former_handler or signal.SIG_DFL)
        if former_delay:
            left = former_delay - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), former_interval)
