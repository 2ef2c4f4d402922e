"""Changes on the disk that are there whole, or not at all, whenever the power goes."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def write_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file, or replace it, in one step. Raises OSError; what was there then still is."""
    made = path.with_name(f".{path.name}.new")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            made.unlink()
        raise
    sync(path.parent)


def point(link: Path, target: str) -> None:
    """Make a symbolic link, or point it elsewhere, in one step. Raises OSError."""
    made = link.with_name(f".{link.name}.new")
    made.unlink(missing_ok=True)
    made.symlink_to(target)
    made.replace(link)
    sync(link.parent)


def put_in_place(folder: Path, place: Path) -> None:
    """Move a whole folder to where another may be. Raises OSError.

    Killed in between, there is none at ``place``; never half of one.
    """
    sync_tree(folder)
    away = place.with_name(f".{place.name}.old")
    remove(away)
    if place.exists():
        place.rename(away)
        sync(place.parent)
    folder.rename(place)
    sync(place.parent)
    sync(folder.parent)
    remove(away)


def remove(folder: Path) -> None:
    """Remove a folder, if it is there. Raises OSError."""
    import shutil  # to answer takes none of it

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def sync_tree(folder: Path) -> None:
    """Wait until everything in a folder is on the disk. Raises OSError."""
    for where, _, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(where, name)
            if not path.is_symlink():
                sync(path)
        sync(Path(where))


def sync(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock, which the kernel lets go of should the holder be killed.

    Raises BlockingIOError if another process holds it, unless told to wait, and OSError.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)
