"""How much may come from elsewhere, and what may not be among it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from builder.errors import SourceError, UnsafePathError
from builder.render.timelimit import TimeUp, time_limit
from builder.set_files import walk_files

MAX_BYTES = 512 * 1024 * 1024
MAX_FILES = 50_000
MAX_SECONDS = 300


def too_slow(shown: str) -> SourceError:
    """The error for what did not come in time."""
    return SourceError(f"{shown}: took longer than {MAX_SECONDS} s and was stopped")


@contextlib.contextmanager
def in_time(shown: str) -> Iterator[None]:
    """Raises SourceError within the block once the time is up."""
    try:
        with time_limit(MAX_SECONDS):
            yield
    except TimeUp:
        raise too_slow(shown) from None


def check_tree(root: Path, shown: str) -> None:
    """Raise SourceError for too much, UnsafePathError for a link that leads out of ``root``."""
    inside = root.resolve()
    total = 0
    for count, name in enumerate(walk_files(root), start=1):
        path = root / name
        status = path.lstat()
        total += status.st_size if stat.S_ISREG(status.st_mode) else 0
        check_amount(count, total, shown)
        # realpath, since Path.resolve takes a loop for an error.
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(inside):
            raise UnsafePathError(f"{shown}: the link {name} leads outside")


def check_amount(files: int, size: int, shown: str) -> None:
    """Raise SourceError for too many files or too many bytes."""
    if files > MAX_FILES:
        raise SourceError(f"{shown}: more than {MAX_FILES:,} files, which is no template set")
    if size > MAX_BYTES:
        raise SourceError(f"{shown}: more than {MAX_BYTES >> 20} MiB, which is no template set")
