"""New files in a folder, each once and only when it is whole."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path

from .ml.errors import InputError

SECONDS = 0.2
"""Between two looks. A file that did not change in between is taken for whole."""
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload")
"""Names that programs give to files which they are still writing; so are hidden ones."""

State = tuple[int, int, int]
"""What changes with a file's content: its inode, size and time."""


class NewFiles:
    """What is written to a folder once this is made, one after the other and without end.

    None comes after each look, so that whoever waits can do something else. A file that is replaced
    or written anew is new again. What is remembered is what lies there. Raises InputError if the
    folder cannot be read, now or later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = _states(folder)

    def __iter__(self) -> Iterator[Path | None]:
        before = dict(self._told)
        while True:
            time.sleep(SECONDS)
            now = _states(self._folder)
            self._told = {path: state for path, state in self._told.items() if path in now}
            for path in sorted(now):
                if self._told.get(path) != now[path] and before.get(path) == now[path]:
                    self._told[path] = now[path]
                    yield path
            before = now
            yield None


def _states(folder: Path) -> dict[Path, State]:
    """Of the ordinary files that may be whole. Raises InputError if the folder cannot be read."""
    states = {}
    try:
        for path in folder.iterdir():
            if path.name.startswith(".") or path.name.endswith(UNFINISHED):
                continue
            try:
                about = path.stat()
            except OSError:  # gone again, or a link to nowhere
                continue
            if stat.S_ISREG(about.st_mode) and about.st_size:
                states[path] = (about.st_ino, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from None
    return states
