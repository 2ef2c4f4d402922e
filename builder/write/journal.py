"""Changing an existing service in place, so that it is at every moment either repairable or done.

All new contents are first staged in ``.infergen/pending/`` with a journal of what is to happen.
Then, path by path, what stands there is set aside into the same folder and the new file takes its
place, both by rename. Which of these renames happened can be read from what lies in the folder, so
nothing needs to be noted on the way. While ``journal.json`` is there the update can only be undone;
renaming it to ``committed.json`` is what completes it. A run that is killed leaves the folder, and
the next one undoes the update or clears up after it. Staged contents are flushed to the disk, since
what they replace may hold somebody's edits.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.errors import UnsafePathError, WriteError
from builder.paths import RECORD_FOLDER, check_relative
from builder.record import Entry
from builder.write.tree import (
    FOLDER_MODE,
    Tree,
    close,
    entry_at,
    files_below,
    observe,
    open_folder,
    read_file,
    remove_tree,
)

PENDING = "pending"
JOURNAL = "journal.json"
COMMITTED = "committed.json"
KEPT_SUFFIX = ".infergen-old"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One path: what stands there (``old``) is set aside as old-N, and new-N takes its place.

    Either may be None: nothing stands there, or nothing is to.
    """

    path: str
    old: Entry | None
    new: Entry | None


@dataclass(frozen=True, slots=True)
class Journal:
    """What an update does: first the removals, then the folders, then everything else.

    ``made`` are folders that do not exist yet, outermost first. ``emptied`` ones are removed,
    innermost first, once the update is complete and if nothing is left in them.
    """

    steps: tuple[Step, ...]
    made: tuple[str, ...]
    emptied: tuple[str, ...]

    def removals(self) -> list[tuple[int, Step]]:
        return [(number, step) for number, step in enumerate(self.steps) if step.new is None]

    def placements(self) -> list[tuple[int, Step]]:
        return [(number, step) for number, step in enumerate(self.steps) if step.new is not None]


def carry_out(tree: Tree, pending: int, journal: Journal) -> None:
    """Bring a staged update into effect, up to its commit. Raises OSError or WriteError."""
    for number, step in journal.removals():
        _set_aside(tree, pending, number, step)
    for path in journal.made:
        folder, name = tree.folder_of(path)
        os.mkdir(name, FOLDER_MODE, dir_fd=folder)
    for number, step in journal.placements():
        if step.old is not None:
            _set_aside(tree, pending, number, step)
        folder, name = tree.folder_of(step.path)
        if entry_at(folder, name) is not None:
            raise changed(tree, step.path)
        os.rename(f"new-{number}", name, src_dir_fd=pending, dst_dir_fd=folder)


def commit(pending: int) -> None:
    """Complete an update that was carried out: from here on it is not undone any more."""
    os.rename(JOURNAL, COMMITTED, src_dir_fd=pending, dst_dir_fd=pending)


def repair(tree: Tree) -> tuple[str, ...]:
    """Undo what was not committed, clear up after what was. The destination must be locked.

    Files that somebody edited since the update stopped are left as they are, and what the update
    had set aside is put beside them; these files are returned. Raises OSError or WriteError.
    """
    try:
        record_folder = open_folder(tree.root, RECORD_FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    kept: list[str] = []
    try:
        try:
            pending = open_folder(record_folder, PENDING)
        except FileNotFoundError:
            return ()
        try:
            if entry_at(pending, COMMITTED):
                _remove_emptied(tree, _read(tree, pending, COMMITTED))
            elif entry_at(pending, JOURNAL):
                kept = _undo(tree, pending, _read(tree, pending, JOURNAL))
                os.unlink(JOURNAL, dir_fd=pending)
        finally:
            close(pending)
        remove_tree(record_folder, PENDING)
    finally:
        close(record_folder)
    # A record's folder that only the update had made.
    with contextlib.suppress(OSError):
        os.rmdir(RECORD_FOLDER, dir_fd=tree.root)
    return tuple(kept)


def is_cut_short(tree: Tree) -> bool:
    """Whether there is something to repair."""
    try:
        folder, name = tree.folder_of(f"{RECORD_FOLDER}/{PENDING}")
    except (FileNotFoundError, NotADirectoryError):
        return False
    return entry_at(folder, name) is not None


def to_json(journal: Journal) -> bytes:
    """The journal as it is kept in the pending folder."""
    return json.dumps({"format": _FORMAT, **asdict(journal)}).encode("utf-8", "backslashreplace")


def _read(tree: Tree, pending: int, name: str) -> Journal:
    where = tree.label / RECORD_FOLDER / PENDING / name
    raw = read_file(pending, name)
    try:
        document = json.loads(raw)
        if document["format"] != _FORMAT:
            raise ValueError(f"unknown format {document['format']}")
        steps = [
            Step(
                check_relative(step["path"], what=str(where)),
                _entry(step["old"]),
                _entry(step["new"]),
            )
            for step in document["steps"]
        ]
        made, emptied = (
            tuple(check_relative(path, what=str(where)) for path in document[key])
            for key in ("made", "emptied")
        )
        return Journal(tuple(steps), made, emptied)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WriteError(
            f"{where}: an update was cut short, and its journal is damaged ({error}); the files"
            " that it had set aside lie in the same folder: move them back, then delete it"
        ) from None


def _entry(value: dict[str, Any] | None) -> Entry | None:
    return None if value is None else Entry(**value)


def _set_aside(tree: Tree, pending: int, number: int, step: Step) -> None:
    folder, name = tree.folder_of(step.path)
    aside = f"old-{number}"
    try:
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=pending)
    except FileNotFoundError:
        raise changed(tree, step.path) from None
    found = observe(pending, aside)
    if found != step.old or (step.old == Entry("folder") and files_below(pending, aside)):
        raise changed(tree, step.path)


def changed(tree: Tree, path: str) -> WriteError:
    """The error for a path that is not as whoever planned the update saw it."""
    return WriteError(f"{tree.label / path}: changed while infergen was at work; run again")


def _undo(tree: Tree, pending: int, journal: Journal) -> list[str]:
    kept: list[str] = []
    for number, step in reversed(journal.placements()):
        if entry_at(pending, f"new-{number}") is None and tree.observe(step.path) == step.new:
            folder, name = tree.folder_of(step.path)
            os.rename(name, f"new-{number}", src_dir_fd=folder, dst_dir_fd=pending)
        kept += _put_back(tree, pending, number, step)
    for path in reversed(journal.made):
        _remove_if_empty(tree, path)
    for number, step in reversed(journal.removals()):
        kept += _put_back(tree, pending, number, step)
    return kept


def _put_back(tree: Tree, pending: int, number: int, step: Step) -> list[str]:
    aside = f"old-{number}"
    if entry_at(pending, aside) is None:
        return []
    folder, name = tree.folder_of(step.path, create=True)
    found = observe(folder, name)
    if found is None:
        os.rename(aside, name, src_dir_fd=pending, dst_dir_fd=folder)
        return []
    if found == observe(pending, aside):
        return []
    beside = _free_name(folder, name + KEPT_SUFFIX)
    os.rename(aside, beside, src_dir_fd=pending, dst_dir_fd=folder)
    return [str(Path(step.path).with_name(beside))]


def _free_name(folder: int, name: str) -> str:
    count, free = 1, name
    while entry_at(folder, free) is not None:
        count, free = count + 1, f"{name}-{count + 1}"
    return free


def _remove_emptied(tree: Tree, journal: Journal) -> None:
    for path in journal.emptied:
        _remove_if_empty(tree, path)


def _remove_if_empty(tree: Tree, path: str) -> None:
    try:
        folder, name = tree.folder_of(path)
        os.rmdir(name, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError, UnsafePathError):
        pass
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
