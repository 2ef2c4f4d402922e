"""How much may come from elsewhere, and what may not be among it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from builder.errors import SourceError, UnsafePathError
from builder.set_files import walk_files

MAX_BYTES = 512 * 1024 * 1024
MAX_FILES = 50_000
MAX_SECONDS = 300


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
