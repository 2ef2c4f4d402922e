"""Interrupts arrive only where a write can be abandoned."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from builder.errors import Interrupted

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalHold:
    """Within the ``with`` block SIGINT, SIGTERM and SIGHUP wait for the next ``check()``.

    ``check()`` runs the handlers that were in place before, so it raises what they raise; where the
    default would have ended the process it raises Interrupted, and the block's end lets the signal
    have its way once everything is cleaned up. A signal mask would not do: it is per thread, and
    the kernel would hand the signal to any other thread, of onnxruntime's pool for instance.
    Outside the main thread there is nothing to hold, since Python runs no handlers there.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int] = {}
        self._noted: list[int] = []
        self._fatal: int | None = None

    def __enter__(self) -> SignalHold:
        try:
            for number in _HELD:
                handler = signal.getsignal(number)
                if handler is not None and handler is not signal.SIG_IGN:
                    self._previous[number] = handler
                    signal.signal(number, self._note)
        except BaseException as error:
            self._restore()
            if not isinstance(error, ValueError):
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is not None:
                self.check()
        finally:
            self._restore()
            late = [n for n in self._noted if not callable(self._previous[n])]
            for number in [self._fatal, *late]:
                if number is not None:
                    signal.raise_signal(number)

    def check(self) -> None:
        """Let signals that came in the meantime have their effect now."""
        while self._noted:
            number = self._noted.pop(0)
            handler = self._previous[number]
            if callable(handler):
                handler(number, None)
            else:
                self._fatal = number
                raise Interrupted(f"ended by {signal.Signals(number).name}")

    @property
    def waiting(self) -> bool:
        """Whether a signal came since the last ``check()``."""
        return bool(self._noted)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted.append(number)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)
