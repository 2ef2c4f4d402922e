"""What is done to a service that exists: look at it, repair it, replace it, change it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.errors import EditedFilesError, WriteError
from builder.output import Output, OutputFolder
from builder.paths import check_relative
from builder.record import RECORD_PATH, Record, parse_record
from builder.write.comparison import Change, Comparison, compare_tree
from builder.write.contract import Published, Recorded, check_outputs, check_place
from builder.write.failure import busy, written_to
from builder.write.journal import is_cut_short, repair
from builder.write.lock import try_lock
from builder.write.signals import SignalHold
from builder.write.staging import is_occupied
from builder.write.tree import OPEN_ROOT, Tree, close, open_folder
from builder.write.update import update


def compare(output_dir: Path, name: str, outputs: Sequence[Output]) -> Comparison:
    """What ``publish`` with force would do; nothing is written. Raises as it does."""
    destination = check_place(output_dir, name)
    recorded = check_outputs(outputs, destination)
    with written_to(destination):
        folder = _open_if_occupied(output_dir, destination)
        if folder is None:
            files = sorted(o.path for o in outputs if not isinstance(o, OutputFolder))
            return Comparison(created=tuple(files))
        with _locked(folder, destination) as tree:
            if is_cut_short(tree):
                raise WriteError(
                    f"{destination}: an update was cut short; run with --force, which undoes it"
                )
            return compare_tree(tree, outputs, record_in(tree), recorded)


@contextlib.contextmanager
def look(destination: Path) -> Iterator[Tree]:
    """An existing service, to look at; nothing is written, and nobody else writes meanwhile.

    Raises WriteError if another run is at work, or if an update was cut short.
    """
    with written_to(destination), _locked_service(destination) as tree:
        if is_cut_short(tree):
            raise WriteError(
                f"{destination}: an update was cut short; run `infergen update` on it, which undoes"
                " or finishes it"
            )
        yield tree


def apply_changes(destination: Path, changes: Sequence[Change]) -> Published:
    """Change an existing service in place: all changes, or none. Raises as ``publish`` does.

    Also raises WriteError if a path is not as its change says that it was. Call ``recover`` before
    looking at the service in order to plan changes.
    """
    for change in changes:
        check_relative(change.path, what=str(destination))
    outputs = [change.new for change in changes if change.new is not None]
    recorded = check_outputs(outputs, destination)
    with SignalHold() as hold, written_to(destination), _locked_service(destination) as tree:
        repair(tree)
        update(tree, changes, recorded, hold)
    files = [change for change in changes if not isinstance(change.new, OutputFolder)]
    return Published(
        destination,
        created=tuple(c.path for c in files if c.old is None and c.new is not None),
        replaced=tuple(c.path for c in files if c.old is not None and c.new is not None),
        removed=tuple(c.path for c in files if c.old is not None and c.new is None),
        interrupted=hold.waiting,
    )


def recover(destination: Path) -> tuple[str, ...]:
    """Undo or finish an update that was killed; cheap when there is none.

    Returns the files that hold the state before the update of what somebody edited since: both are
    kept, side by side. Raises WriteError.
    """
    with SignalHold(), written_to(destination), _locked_service(destination) as tree:
        return repair(tree)


def repair_service(output: int, destination: Path) -> None:
    """``recover`` for a service in an open output folder. Raises OSError or WriteError."""
    with _locked(open_folder(output, destination.name), destination) as tree:
        repair(tree)


def replace_service(
    output: int,
    destination: Path,
    outputs: Sequence[Output],
    recorded: Recorded,
    hold: SignalHold,
) -> Published:
    """Bring an existing service to ``outputs``; see ``publish`` with force."""
    with _locked(open_folder(output, destination.name), destination) as tree:
        repair(tree)
        found = compare_tree(tree, outputs, record_in(tree), recorded)
        if found.edited:
            raise EditedFilesError(str(destination), found.edited)
        update(tree, found.changes, recorded, hold)
    return Published(
        destination,
        created=found.created,
        replaced=found.replaced,
        removed=found.removed,
        unchanged=found.unchanged,
    )


@contextlib.contextmanager
def _locked(folder: int, destination: Path) -> Iterator[Tree]:
    """The tree of a service's open folder, locked; the folder is closed at the end."""
    tree = Tree(folder, destination)
    try:
        if try_lock(folder) is False:
            raise busy(destination)
        yield tree
    finally:
        tree.close()
        close(folder)


def _locked_service(destination: Path) -> contextlib.AbstractContextManager[Tree]:
    """An existing service's tree. A link to it is followed: it is the user who names it."""
    return _locked(os.open(destination, OPEN_ROOT), destination)


def _open_if_occupied(output_dir: Path, destination: Path) -> int | None:
    try:
        output = os.open(output_dir, OPEN_ROOT)
    except FileNotFoundError:
        return None
    try:
        if is_occupied(output, destination):
            return open_folder(output, destination.name)
        return None
    finally:
        close(output)


def record_in(tree: Tree) -> Record | None:
    """The record of the service that a tree is; None if it has none. Raises InfergenError."""
    raw = tree.read(RECORD_PATH)
    return None if raw is None else parse_record(raw, str(tree.label / RECORD_PATH))
