"""Where fetched sets are kept: the user's cache folder, each set filled once, whole or not at all.

Everything in there can be deleted at any time; it is fetched again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from builder.errors import SourceError
from builder.write.lock import try_lock

_PART = ".part"
_WAIT_SECONDS = 0.05


def cache_folder() -> Path:
    """Where sets are kept. Raises SourceError where the user has no place for such things."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = os.environ.get("HOME", "")
    if Path(given).is_absolute():
        return Path(given, "infergen", "sources")
    if Path(home).is_absolute():
        return Path(home, ".cache", "infergen", "sources")
    raise SourceError(
        "there is no HOME to keep fetched template sets in; set XDG_CACHE_HOME to a folder"
    )


def names(key: str) -> list[str]:
    """The names of what is kept under this key, the newest first."""
    folder = cache_folder() / key
    found = folder.glob("[!.]*") if folder.is_dir() else ()
    return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)]


def keep(key: str, name: str, fill: Callable[[Path], Path]) -> Path:
    """The folder that is kept under this key and name; made by ``fill`` if there is none yet.

    ``fill`` is given an empty folder and returns the one inside it that is to be kept, which keeps
    its name. Of several runs one fills, and the others wait for it. Whatever ``fill`` raises,
    nothing is kept then.
    """
    folder = cache_folder() / key
    final = folder / name
    if not final.is_dir():
        _keep(folder, final, fill)
    (kept,) = final.iterdir()
    return kept


def _keep(folder: Path, final: Path, fill: Callable[[Path], Path]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise cannot_keep(folder, error) from None
    try:
        while try_lock(lock) is False:
            time.sleep(_WAIT_SECONDS)
        if not final.is_dir():
            _fill(folder / _PART, final, fill)
    finally:
        os.close(lock)


def cannot_keep(path: Path, error: OSError) -> SourceError:
    """The error for a cache that cannot be written."""
    return SourceError(
        f"{path}: cannot be written: {error.strerror}; free some space there, or set XDG_CACHE_HOME"
        " to another folder"
    )


def _fill(part: Path, final: Path, fill: Callable[[Path], Path]) -> None:
    try:
        # What a killed run left.
        _remove(part)
        work, done = part / "work", part / "done"
        for new in (part, work, done):
            new.mkdir(mode=0o700)
        filled = fill(work)
        filled.rename(done / filled.name)
        done.rename(final)
    except OSError as error:
        raise cannot_keep(Path(error.filename or part), error) from None
    finally:
        _remove(part)


def _remove(folder: Path) -> None:
    """A program that was stopped with us may write for a moment still, so it is tried twice."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_WAIT_SECONDS)
