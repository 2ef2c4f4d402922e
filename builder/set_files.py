"""The files of a template set: which there are, and the digest over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from builder.errors import TemplateSetError

BASE = "base:"
"""Before a template's name: the one that this set replaces."""
CACHES = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that tools leave where a set is worked on; no part of a set with layers."""


def walk_files(folder: Path, below: str = "") -> Iterator[str]:
    """POSIX paths of all in a folder that is no folder itself, links unfollowed, in order."""
    with os.scandir(folder) as scan:
        items = sorted(scan, key=lambda item: item.name)
    for item in items:
        if item.is_dir(follow_symlinks=False):
            yield from walk_files(Path(item.path), f"{below}{item.name}/")
        else:
            yield below + item.name


def files_below(root: Path, folder: str) -> list[tuple[str, Path]]:
    """All files in a folder of a set, by their names from its root, without what tools leave."""
    return [
        (f"{folder}/{name}", root / folder / name)
        for name in (walk_files(root / folder) if (root / folder).is_dir() else ())
        if CACHES.isdisjoint(PurePosixPath(name).parts)
    ]


def digest_of(files: Iterable[tuple[str, Path]], start: bytes = b"") -> str:
    """Depends on names, exec bits and bytes alone: the same set has the same digest everywhere."""
    total = hashlib.sha256(start)
    for name, path in files:
        if path.is_symlink():
            kind, content = "link", os.fsencode(path.readlink())
        elif not path.is_file():
            raise TemplateSetError(f"{path}: neither a file, a folder nor a link; remove it")
        else:
            kind = "exec" if path.stat().st_mode & 0o111 else "file"
            content = path.read_bytes()
        total.update(f"{kind} {name} {len(content)}\n".encode() + content)
    return total.hexdigest()
