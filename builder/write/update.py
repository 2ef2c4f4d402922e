"""From a list of changes to a journalled update of an existing service."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

from builder.errors import InfergenError, UnsafePathError, WriteError
from builder.output import OutputFile, OutputFolder, OutputLink
from builder.paths import RECORD_FOLDER
from builder.record import Entry, entry_of
from builder.write.comparison import Change, ancestors
from builder.write.contract import Recorded, check_copied
from builder.write.failure import cannot_write
from builder.write.journal import (
    JOURNAL,
    PENDING,
    Journal,
    Step,
    carry_out,
    changed,
    commit,
    repair,
    to_json,
)
from builder.write.signals import SignalHold
from builder.write.tree import Tree, close, create_file, flush, make_folder, open_folder


def update(tree: Tree, changes: Sequence[Change], recorded: Recorded, hold: SignalHold) -> None:
    """Apply changes to a locked and repaired destination: all of them, or none.

    ``recorded`` says what copied files must turn out to be. Raises WriteError or UnsafePathError,
    and what ``hold.check()`` raises; the destination is then as it was.
    """
    made, emptied = _made(tree, changes), _emptied(changes)
    steps = [change for change in changes if _is_step(change)]
    if not (steps or made or emptied):
        return
    try:
        pending = _open_pending(tree)
        try:
            journal = Journal(
                tuple(_stage(tree, pending, *item, recorded, hold) for item in enumerate(steps)),
                made,
                emptied,
            )
            _write_journal(pending, journal, hold)
            carry_out(tree, pending, journal)
            hold.check()
            commit(pending)
        finally:
            close(pending)
    except BaseException as error:
        _undo(tree, error)
        if isinstance(error, OSError):
            raise cannot_write(tree.label, error) from error
        raise
    # The update is complete; what cannot be cleared up now is left to the next run.
    with contextlib.suppress(OSError):
        repair(tree)


def _undo(tree: Tree, error: BaseException) -> None:
    try:
        repair(tree)
    except (OSError, InfergenError) as second:
        first = error if isinstance(error, InfergenError) else repr(error)
        raise WriteError(
            f"{tree.label}: the update failed ({first}), and so did undoing it ({second}); nothing"
            " is lost: the next run of infergen on this service finishes undoing it"
        ) from error


def _is_step(change: Change) -> bool:
    """Folders are no steps: they are made before the steps, and removed after them."""
    if isinstance(change.new, OutputFolder) or change.new is None:
        return change.old is not None and change.old.kind != "folder"
    return True


def _made(tree: Tree, changes: Sequence[Change]) -> tuple[str, ...]:
    leaving = {change.path for change in changes if _is_step(change) and _leaves_no_file(change)}
    needed: dict[str, None] = {}
    for change in changes:
        if change.new is not None:
            needed.update(dict.fromkeys(ancestors(change.path)))
            if isinstance(change.new, OutputFolder):
                needed[change.path] = None
    needed.pop(RECORD_FOLDER, None)
    made: list[str] = []
    gone: set[str] = set()
    for path in sorted(needed):
        if path in leaving or not gone.isdisjoint(ancestors(path)) or tree.observe(path) is None:
            made.append(path)
            gone.add(path)
    return tuple(made)


def _leaves_no_file(change: Change) -> bool:
    return change.new is None or isinstance(change.new, OutputFolder)


def _emptied(changes: Sequence[Change]) -> tuple[str, ...]:
    emptied: set[str] = set()
    for change in changes:
        if change.new is None and change.old is not None:
            emptied.update(ancestors(change.path))
            if change.old.kind == "folder":
                emptied.add(change.path)
    kept = {change.path for change in changes if isinstance(change.new, OutputFolder)}
    return tuple(sorted(emptied - kept - {RECORD_FOLDER}, reverse=True))


def _open_pending(tree: Tree) -> int:
    try:
        make_folder(tree.root, RECORD_FOLDER)
        record_folder = open_folder(tree.root, RECORD_FOLDER)
    except (FileExistsError, NotADirectoryError):
        raise UnsafePathError(
            f"{tree.label / RECORD_FOLDER} is not a folder; infergen keeps its record there:"
            " remove what is in its place"
        ) from None
    try:
        os.mkdir(PENDING, 0o700, dir_fd=record_folder)
        return open_folder(record_folder, PENDING)
    finally:
        close(record_folder)


def _stage(
    tree: Tree,
    pending: int,
    number: int,
    change: Change,
    recorded: Recorded,
    hold: SignalHold,
) -> Step:
    hold.check()
    name, new = f"new-{number}", change.new
    if new is None or isinstance(new, OutputFolder):
        return Step(change.path, change.old, None)
    try:
        if isinstance(new, OutputLink):
            os.symlink(new.target, name, dir_fd=pending)
            return Step(change.path, change.old, entry_of(new))
        digest = create_file(pending, name, new.content, new.mode, hold.check)
        check_copied(new, digest, recorded)
        if change.old is not None and change.old.kind == "file":
            _keep_permissions(tree, pending, name, new)
        executable = bool(new.mode & stat.S_IXUSR)
        entry = Entry("file", digest, executable) if digest else entry_of(new)
        return Step(change.path, change.old, entry)
    except OSError as error:
        raise cannot_write(tree.label / change.path, error) from error


def _keep_permissions(tree: Tree, pending: int, name: str, new: OutputFile) -> None:
    """Who may read a file is its owner's choice; only whether it is executable is ours."""
    folder, old = tree.folder_of(new.path)
    try:
        mode = stat.S_IMODE(os.stat(old, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        raise changed(tree, new.path) from None
    if new.mode & stat.S_IXUSR:
        mode |= (mode & 0o444) >> 2
    else:
        mode &= ~0o111
    os.chmod(name, mode, dir_fd=pending)


def _write_journal(pending: int, journal: Journal, hold: SignalHold) -> None:
    unfinished = f"{JOURNAL}.part"
    create_file(pending, unfinished, to_json(journal), 0o600, hold.check)
    staged = [
        f"new-{n}" for n, step in journal.placements() if step.new and step.new.kind == "file"
    ]
    flush(pending, [*staged, unfinished])
    hold.check()
    os.rename(unfinished, JOURNAL, src_dir_fd=pending, dst_dir_fd=pending)
