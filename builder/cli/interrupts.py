"""SIGINT and SIGTERM become Interrupted, wherever the program happens to be."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from builder.errors import Interrupted

_lost: list[Interrupted] = []


def catch_signals() -> None:
    """From now on both signals raise Interrupted in the main thread."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _note_lost


def raise_lost() -> None:
    """Raise the Interrupted that came where it could not be raised.

    To be called after imports, and before what cannot be undone.
    """
    if _lost:
        raise _lost.pop()


def too_late() -> None:
    """From now on both signals are ignored: all is done, and what is left is to say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    interrupted = Interrupted(
        f"interrupted by {signal.Signals(number).name}; nothing half-written is left"
    )
    # Native modules crash when an exception meets them half imported.
    if _is_importing(frame):
        _lost.append(interrupted)
    else:
        raise interrupted


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _note_lost(unraisable: sys.UnraisableHookArgs) -> None:
    """In a finalizer or a callback Python raises nothing, and only tells this hook."""
    if isinstance(unraisable.exc_value, Interrupted):
        _lost.append(unraisable.exc_value)
    else:
        sys.__unraisablehook__(unraisable)
