"""A new service: written whole into a folder beside its place, then put there by one rename.

The staging folder is ``.NAME.infergen``, private and locked. Its name is fixed, so that a run finds
what a killed one left without listing the output folder, which may hold thousands of services; and
since leading dots are refused in names, it is nobody else's. The service grows in a folder inside
it, which gets its mode from the umask as any folder would.

Nothing is flushed to the disk: a power cut in the seconds after may leave empty files, the record's
hashes show them, and running again replaces them. Flushing forty small files costs more than all
the rest of a run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.errors import UnsafePathError, WriteError
from builder.output import Output, OutputFile, OutputFolder
from builder.write.contract import Recorded, check_copied
from builder.write.failure import busy, cannot_write
from builder.write.lock import try_lock
from builder.write.signals import SignalHold
from builder.write.tree import (
    FOLDER_MODE,
    Tree,
    close,
    create_file,
    entry_at,
    make_folder,
    names,
    open_folder,
    remove_tree,
)

_SERVICE = "service"


def write_new(
    output: int,
    destination: Path,
    outputs: Sequence[Output],
    recorded: Recorded,
    hold: SignalHold,
) -> None:
    """Write a service where there is nothing, or an empty folder.

    ``output`` is the open folder that ``destination`` lies in; ``recorded`` says what copied files
    must turn out to be. Raises WriteError or UnsafePathError, and what ``hold.check()`` raises; the
    destination is then as it was.
    """
    with _staging_folder(output, destination) as staging:
        os.mkdir(_SERVICE, FOLDER_MODE, dir_fd=staging)
        service = open_folder(staging, _SERVICE)
        tree = Tree(service, destination)
        try:
            for item in sorted(outputs, key=lambda item: item.path):
                hold.check()
                try:
                    _write_output(tree, item, recorded, hold)
                except OSError as error:
                    raise cannot_write(destination / item.path, error) from error
        finally:
            tree.close()
            close(service)
        hold.check()
        try:
            os.rename(_SERVICE, destination.name, src_dir_fd=staging, dst_dir_fd=output)
        except OSError as error:
            if is_occupied(output, destination):
                raise WriteError(f"{destination}: somebody else made it meanwhile") from error
            raise


def is_occupied(output: int, destination: Path) -> bool:
    """Whether the destination is a folder with something in it.

    Raises UnsafePathError if it is a link, and WriteError if it is no folder.
    """
    kind = entry_at(output, destination.name)
    if kind is None:
        return False
    if kind == "link":
        raise UnsafePathError(
            f"{destination} is a link, and infergen writes through none; remove it, or choose"
            " another --name or --output"
        )
    if kind != "folder":
        raise WriteError(
            f"{destination} is no folder; remove it, or choose another --name or --output"
        )
    folder = open_folder(output, destination.name)
    try:
        return bool(names(folder))
    finally:
        close(folder)


def discard_abandoned(output: int, destination: Path) -> None:
    """Remove what a killed run left beside ``destination``. WriteError if that run is alive."""
    name = staging_name(destination.name)
    try:
        abandoned = open_folder(output, name)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise WriteError(
            f"{destination.parent / name}: infergen's own folder is to be here; remove what is"
        ) from None
    try:
        if not try_lock(abandoned) or not _is_still(output, name, abandoned):
            raise busy(destination)
        remove_tree(output, name)
    finally:
        close(abandoned)


def staging_name(name: str) -> str:
    """The folder beside a service of this name that a run writes to first."""
    return f".{name}.infergen"


@contextlib.contextmanager
def _staging_folder(output: int, destination: Path) -> Iterator[int]:
    staging = _make_staging_folder(output, destination)
    try:
        yield staging
    finally:
        # What cannot be removed now is left to the next run; it must not hide why this one ended.
        with contextlib.suppress(OSError):
            remove_tree(output, staging_name(destination.name))
        close(staging)


def _make_staging_folder(output: int, destination: Path) -> int:
    name = staging_name(destination.name)
    try:
        os.mkdir(name, 0o700, dir_fd=output)
    except FileExistsError:
        raise busy(destination) from None
    staging = -1
    try:
        staging = open_folder(output, name)
        locked = try_lock(staging)
        # Between mkdir and the lock, another run may take the folder for an abandoned one.
        if locked is False or not _is_still(output, name, staging):
            raise busy(destination)
    except BaseException as error:
        if staging >= 0:
            close(staging)
        if isinstance(error, FileNotFoundError):
            raise busy(destination) from None
        if not isinstance(error, WriteError):
            os.rmdir(name, dir_fd=output)
        raise
    return staging


def _is_still(output: int, name: str, folder: int) -> bool:
    try:
        found = os.stat(name, dir_fd=output, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(folder))


def _write_output(tree: Tree, item: Output, recorded: Recorded, hold: SignalHold) -> None:
    folder, name = tree.folder_of(item.path, create=True)
    if isinstance(item, OutputFolder):
        make_folder(folder, name)
    elif isinstance(item, OutputFile):
        digest = create_file(folder, name, item.content, item.mode, hold.check)
        check_copied(item, digest, recorded)
    else:
        os.symlink(item.target, name, dir_fd=folder)
