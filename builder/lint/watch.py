"""Tells when a file of a set changes, or of one that it extends.

By looking again and again: that works on any disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder import yamlfile
from builder.errors import InfergenError
from builder.extends import folder_of
from builder.set_files import CACHES
from builder.template_set import SETTINGS, SKELETONS, TEMPLATES, default_root

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
    sets = [root]
    while True:
        now = _look(sets)
        if now != before:
            # What a set extends may be another one now.
            sets = _with_bases(root)
            now = _look(sets)
        if now == before and now != known:
            known = now
            yield
            # What changed while the caller was at work is seen next.
            now = _look(sets)
        elif before is None:
            known = now
            yield
        before = now
        time.sleep(SECONDS)


def _with_bases(root: Path) -> list[Path]:
    """The folders of the set, of the one that it extends, and so on, as far as they lie here.

    Also of one that is broken or missing, since that is what somebody is about to mend.
    """
    sets = [root.resolve()]
    while (base := _base_of(sets[-1])) is not None and base not in sets:
        sets.append(base)
    return sets


def _base_of(root: Path) -> Path | None:
    try:
        extends = yamlfile.read_mapping(root / SETTINGS).value.get("extends")
    except InfergenError:
        return None
    return folder_of(extends, root, default_root()) if isinstance(extends, str) else None


def _look(sets: Sequence[Path]) -> State:
    found: State = {}
    for root in sets:
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
