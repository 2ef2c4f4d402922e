"""Bringing one service to what was generated for it, or seeing what that would do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.generate import Generated
from builder.write import publish


@dataclass(frozen=True, slots=True)
class Brought:
    """Files that were written or removed, or would be; ``conflicts`` are left for a person."""

    created: int = 0
    replaced: int = 0
    removed: int = 0
    conflicts: tuple[str, ...] = ()
    interrupted: bool = False


def bring(output: Path, name: str, generated: Generated) -> Brought:
    """Write a new service, or bring the one that stands there forward. Raises as ``publish``."""
    published = publish(output, name, generated.outputs, force=True)
    return Brought(
        len(published.created),
        len(published.replaced),
        len(published.removed),
        interrupted=published.interrupted,
    )


def foresee(output: Path, name: str, generated: Generated) -> Brought:
    """What ``bring`` would do; nothing is written. Raises InfergenError."""
    from builder.write.existing import compare  # noqa: PLC0415 - only --check foresees

    found = compare(output, name, generated.outputs)
    return Brought(len(found.created), len(found.replaced), len(found.removed), found.edited)
