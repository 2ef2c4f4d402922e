"""How long values are kept, and when."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """For how long values are fresh (0: for ever) and may be served stale while they are made anew;
    for how long others wait for the one process that makes one; whether requests register what they
    make; whether the log tells of named values."""

    fresh_seconds: float
    stale_seconds: float
    claim_seconds: float
    registers: bool
    logs: bool

    def fresh_until(self, made: float) -> float:
        """Values made together do not end together: up to a tenth earlier."""
        if not self.fresh_seconds:
            return float("inf")
        return made + self.fresh_seconds * (1 - _JITTER * random.random())

    @property
    def kept_seconds(self) -> float:
        """How long the store keeps a value; 0: for as long as it has room."""
        if not self.fresh_seconds:
            return 0.0
        return self.fresh_seconds * (1 - _JITTER * random.random()) + self.stale_seconds

    def usable(self, fresh_until: float) -> bool:
        """Whether a value may still be served, fresh or stale."""
        return time.time() < fresh_until + self.stale_seconds
