"""What became of each service of a fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["created", "changed", "unchanged", "conflict", "failed"]
"""Under --check, what would become of it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a catalogue tells of a service, from its record; None or empty where that is silent."""

    title: str
    description: str
    variant: str
    set_name: str
    set_version: int
    version: str
    model_file: str
    model_bytes: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    milliseconds: float | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One service: ``file`` is its variables file, relative to the fleet's folder.

    The numbers are of files that were, or under --check would be, written or removed. ``edited``
    are generated files that somebody edited or deleted; they stay so. ``message`` says what is
    wrong. ``facts`` are there if they were asked for and the service exists.
    """

    file: str
    name: str
    action: Action
    created: int = 0
    replaced: int = 0
    removed: int = 0
    edited: tuple[str, ...] = ()
    message: str | None = None
    facts: Facts | None = None

    @property
    def is_wrong(self) -> bool:
        return self.action in ("conflict", "failed")

    @property
    def is_change(self) -> bool:
        return self.action in ("created", "changed")
