"""Tells without reading a file that it is as it was: what git's index does, and where it stops.

A stamp is a file's size, times, inode and mode. It is believed only if it was taken well after the
file's last change: a file that changes twice within one tick of its file system's clock, once
before the stamp and once after it, would otherwise look the same both times. git calls such an
entry racily clean, and reads the file; here no stamp is made of it, so that it is read, too. The
margin allows for the coarsest clock that is in use (FAT's two seconds), and the inode's own time
(ctime), which no program can set, for tools that put a file's time back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

_MARGIN = 2_000_000_000
"""Nanoseconds."""


def clock(folder: Path | None) -> int:
    """Now, by this machine's clock or the file system's, whichever is behind.

    ``folder`` can be written to; a file's time on a network file system is its server's.
    """
    now = time.time_ns()
    if folder is not None:
        probe = folder / f".clock-{os.getpid()}"
        with contextlib.suppress(OSError):
            probe.write_bytes(b"")
            now = min(now, probe.stat().st_mtime_ns)
        with contextlib.suppress(OSError):
            probe.unlink()
    return now


def stamp(path: Path, now: int) -> str:
    """A regular file's stamp, links followed; empty if none can be believed."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return _text(found) if _is_settled(found, now) else ""


def stamp_all(folder: Path, paths: Iterable[str], now: int) -> str:
    """One stamp for what stands at these paths, links unfollowed; empty if none can be believed."""
    total = hashlib.sha256()
    root = f"{folder}{os.sep}"
    for path in paths:
        try:
            found = os.lstat(root + path)
        except OSError:
            return ""
        if not _is_settled(found, now):
            return ""
        total.update(f"{path} {_text(found)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _text(found: os.stat_result) -> str:
    times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
    return f"{found.st_size} {times} {found.st_ino} {found.st_mode:o}"


def _is_settled(found: os.stat_result, now: int) -> bool:
    return max(found.st_mtime_ns, found.st_ctime_ns) < now - _MARGIN
