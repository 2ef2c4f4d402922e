"""Tells when a file of a set changes, by looking again and again: that works on any disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from builder.set_files import CACHES
from builder.template_set import SKELETONS, TEMPLATES

SECONDS = 0.25
"""Between two looks; one takes about two milliseconds."""

_FOLDERS = (SKELETONS, TEMPLATES, "vars")

State = dict[str, tuple[int, int, int]]


def changes(root: Path) -> Iterator[None]:
    """Comes at once, and then whenever something changed and nothing has since the look before.

    Editors write in several steps, and version control many files.
    """
    known: State = {}
    before: State | None = None
    while True:
        now = _look(root)
        if now == before and now != known:
            known = now
            yield
            # What changed while the caller was at work is seen next.
            now = _look(root)
        elif before is None:
            known = now
            yield
        before = now
        time.sleep(SECONDS)


def _look(root: Path) -> State:
    found: State = {}
    _add(root, found, deep=False)
    for folder in _FOLDERS:
        _add(root / folder, found, deep=True)
    return found


def _add(folder: Path, found: State, *, deep: bool) -> None:
    try:
        with os.scandir(folder) as scan:
            items = list(scan)
    except OSError:
        return
    for item in items:
        try:
            if item.is_dir(follow_symlinks=False):
                if deep and item.name not in CACHES:
                    _add(Path(item.path), found, deep=True)
                continue
            status = item.stat(follow_symlinks=False)
        except OSError:
            continue
        found[item.path] = (status.st_mtime_ns, status.st_size, status.st_mode)
