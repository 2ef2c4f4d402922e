"""Stops a block of Python code that runs for too long, in whichever thread it runs.

Only Python code can be stopped, between two of its instructions; one long call into C ends first.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

_AGAIN_SECONDS = 0.1
"""How long after the first TimeUp another follows, should one have been swallowed."""


class TimeUp(BaseException):
    """The time limit is reached; no Exception, so that nothing on the way swallows it."""


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Raise TimeUp inside the block once it has run for so many seconds."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and hasattr(signal, "setitimer"):
        return _by_alarm(seconds)
    return _by_watchdog(seconds)


@contextmanager
def _by_alarm(seconds: float) -> Iterator[None]:
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


@contextmanager
def _by_watchdog(seconds: float) -> Iterator[None]:
    import ctypes  # noqa: PLC0415 - rare: rendering is done in the main thread

    raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc
    watched = ctypes.c_ulong(threading.get_ident())
    finished = threading.Event()
    lock = threading.Lock()

    def watch() -> None:
        delay = seconds
        while not finished.wait(delay):
            delay = _AGAIN_SECONDS
            with lock:
                if not finished.is_set():
                    raise_in_thread(watched, ctypes.py_object(TimeUp))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            finished.set()
    finally:
        with lock:
            finished.set()
            raise_in_thread(watched, None)
        watcher.join()
