"""What an update does to a service, decided before anything is written.

Three states of each file decide: as it was generated last (``base``, from the record), as it stands
(``yours``), and as it is generated now (``new``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import ConflictsError, InfergenError, UsageError
from builder.generate import Generated
from builder.nearest import did_you_mean
from builder.output import OutputFolder
from builder.record import RECORD_PATH, RECORD_PATHS, Record
from builder.update.files import FileUpdate
from builder.update.planner import Planner
from builder.update.standing import Standing
from builder.update.versions import renamed_files, steps_between
from builder.write.comparison import Change
from builder.write.existing import look, record_in


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What ``apply_update`` will do. ``files`` are in order of their paths, unchanged ones too."""

    destination: Path
    record: Record
    generated: Generated
    files: tuple[FileUpdate, ...]
    changes: tuple[Change, ...]

    @property
    def conflicts(self) -> tuple[FileUpdate, ...]:
        return tuple(file for file in self.files if file.conflict)


def plan_update(
    destination: Path,
    generated: Generated,
    *,
    heal: Sequence[str] = (),
    own_inputs: bool = False,
) -> UpdatePlan:
    """Bring a service to what was generated for it, keeping what somebody edited.

    ``heal`` are files to be as generated, whatever was done to them. ``own_inputs``: it was
    generated from the service's own variables file and labels, so what these say is not lost if
    they are written anew.

    Raises InfergenError, with a message for the user: no record or a damaged one; a version that
    cannot be brought forward; a file where a folder is needed; ConflictsError where conflicts of a
    former update are left. Nothing is written.
    """
    with look(destination) as tree:
        record = recorded(record_in(tree), destination)
        steps = steps_between(record, generated.template_set, str(destination))
        standing = Standing(tree, destination, record)
        healed = _healed(heal, generated, destination)
        unsettled = [path for path in standing.conflicts() if path not in healed]
        if unsettled:
            raise ConflictsError(str(destination), unsettled)
        planner = Planner(standing, generated, renamed_files(steps), healed, own_inputs)
        planner.plan()
    return UpdatePlan(
        destination,
        record,
        generated,
        tuple(sorted(planner.files, key=lambda file: file.path)),
        tuple(planner.changes),
    )


def recorded(record: Record | None, destination: Path) -> Record:
    """The record of a service. Raises InfergenError if it has none."""
    if record is None:
        raise InfergenError(
            f"{destination / RECORD_PATH}: no such file, so this is no service of infergen's;"
            " restore it from version control, or generate the service anew"
        )
    return record


def _healed(heal: Sequence[str], generated: Generated, destination: Path) -> frozenset[str]:
    known = {o.path for o in generated.outputs if not isinstance(o, OutputFolder)} - RECORD_PATHS
    for path in heal:
        if path not in known:
            hint = did_you_mean(path, known)
            raise UsageError(f"--heal {path}: no generated file of {destination}{hint}")
    return frozenset(heal)
