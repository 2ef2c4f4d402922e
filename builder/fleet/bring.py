"""Bringing one service to what was generated for it, or seeing what that would do.

A service that stands is updated as `infergen update` does it, so what somebody edited survives.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from builder.generate import Generated
from builder.output import OutputFolder
from builder.paths import RECORD_FOLDER
from builder.record import RECORD_PATH
from builder.update import UpdatePlan, apply_update, plan_update
from builder.update.plan import recorded
from builder.update.standing import Standing
from builder.write import publish
from builder.write.existing import compare, look, record_in, recover
from builder.write.journal import PENDING

_EDITED = frozenset({"edited", "deleted", "merge"})


@dataclass(frozen=True, slots=True)
class Brought:
    """How many files were written or removed, or would be. ``edited`` are those that somebody
    edited, ``conflicts`` those in which a person is to settle something."""

    created: int = 0
    replaced: int = 0
    removed: int = 0
    edited: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    interrupted: bool = False


def bring(output: Path, name: str, generated: Generated) -> Brought:
    """Write a new service, or bring the one that stands there forward.

    Raises as ``publish`` and ``plan_update``.
    """
    destination = output / name
    if not _is_service(destination):
        published = publish(output, name, generated.outputs, force=True)
        return Brought(
            len(published.created),
            len(published.replaced),
            len(published.removed),
            interrupted=published.interrupted,
        )
    recover(destination)
    plan = plan_update(destination, generated)
    return _brought(plan, interrupted=apply_update(plan).interrupted)


def foresee(output: Path, name: str, generated: Generated) -> Brought:
    """What ``bring`` would do; nothing is written. Raises InfergenError."""
    destination = output / name
    if not _is_service(destination):
        found = compare(output, name, generated.outputs)
        counts = (len(found.created), len(found.replaced), len(found.removed))
        return Brought(*counts, found.edited, found.edited)
    return _brought(plan_update(destination, generated))


def unsettled(destination: Path) -> tuple[str, ...]:
    """Files of a service in which a former update's conflict is left. Raises InfergenError."""
    with look(destination) as tree:
        record = recorded(record_in(tree), destination)
        return Standing(tree, destination, record).conflicts()


def _is_service(destination: Path) -> bool:
    """A link to one is none: whatever it leads to is not the fleet's."""
    if destination.is_symlink():
        return False
    cut_short = os.path.lexists(destination / RECORD_FOLDER / PENDING)
    return cut_short or (destination / RECORD_PATH).is_file()


def _brought(plan: UpdatePlan, *, interrupted: bool = False) -> Brought:
    files = [change for change in plan.changes if not isinstance(change.new, OutputFolder)]
    return Brought(
        created=sum(change.old is None for change in files),
        replaced=sum(change.old is not None and change.new is not None for change in files),
        removed=sum(change.new is None for change in files),
        edited=tuple(file.path for file in plan.files if file.action in _EDITED),
        conflicts=tuple(file.path for file in plan.conflicts),
        interrupted=interrupted,
    )
