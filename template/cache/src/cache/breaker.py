"""Stops asking what does not answer, and asks now and then whether it is back."""

from __future__ import annotations

import logging
import time

PATIENCE = 3
"""Failures in a row after which nobody asks any more."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Breaker:
    """Closed: everybody may ask. Open: nobody may, but for one now and then who tries.

    Says each change in one line of the log, in which ``what`` is what can no longer be done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._again = 0.0
        self._trying = False

    @property
    def closed(self) -> bool:
        return self._failures < PATIENCE

    def allows(self) -> bool:
        """Whether the caller may ask; whoever may must tell how it went."""
        if self._failures < PATIENCE:
            return True
        if self._trying or time.monotonic() < self._again:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        if not self.closed:
            logger.warning("%s works again", self._what)
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._trying = False

    def gave_up(self) -> None:
        """The caller was stopped before it could know."""
        self._trying = False

    def failed(self, reason: object) -> None:
        was_closed = self.closed
        self._failures += 1
        if self.closed:
            return
        self._again = time.monotonic() + self._pause
        if was_closed:
            logger.warning(
                "%s does not work: %s; trying again every now and then", self._what, reason
            )
        elif self._trying:
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._again = time.monotonic() + self._pause
        self._trying = False
