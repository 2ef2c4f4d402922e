"""Reading and writing below an open folder: no link is ever followed, whoever swaps what meanwhile.

Every step of a path is opened relative to the folder before it, so that containment needs no check
that could be outdated when it counts.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from builder.errors import UnsafePathError, WriteError
from builder.paths import MAX_DEPTH
from builder.record import Entry

FOLDER_MODE = 0o755
_CHUNK = 1024 * 1024
OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""For the folder that a user names: there a link is followed."""
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The folders below one open folder. The ones on the way to the last path stay open."""

    def __init__(self, root: int, label: Path) -> None:
        self.root = root
        self.label = label
        self._open: list[tuple[str, int]] = []

    def folder_of(self, path: str, *, create: bool = False) -> tuple[int, str]:
        """The open folder that holds ``path``, and its name there. The folder is the tree's own.

        Raises FileNotFoundError or NotADirectoryError, and UnsafePathError for a link on the way.
        """
        *parts, name = path.split("/")
        same = 0
        while same < min(len(parts), len(self._open)) and parts[same] == self._open[same][0]:
            same += 1
        self._close(keep=same)
        for part in parts[same:]:
            folder = self._open[-1][1] if self._open else self.root
            try:
                try:
                    opened = open_folder(folder, part)
                except FileNotFoundError:
                    if not create:
                        raise
                    make_folder(folder, part)
                    opened = open_folder(folder, part)
                self._open.append((part, opened))
            except NotADirectoryError:
                if entry_at(folder, part) == "link":
                    at = self.label.joinpath(*parts[: len(self._open) + 1])
                    raise UnsafePathError(
                        f"{at} is a link, and infergen writes through none; replace it by a folder"
                    ) from None
                raise
        return (self._open[-1][1] if self._open else self.root), name

    def observe(self, path: str) -> Entry | None:
        """What stands at a path; None if nothing does. Raises UnsafePathError as folder_of does."""
        try:
            folder, name = self.folder_of(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return observe(folder, name)

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none at this path."""
        try:
            return read_file(*self.folder_of(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def close(self) -> None:
        self._close(keep=0)

    def _close(self, keep: int) -> None:
        while len(self._open) > keep:
            close(self._open.pop()[1])


def open_folder(folder: int, name: str) -> int:
    """Open the folder ``name`` in an open folder. NotADirectoryError if it is a link or a file."""
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
        raise


def close(folder: int) -> None:
    """Close what was only read: an error has nothing to say about what was written."""
    with contextlib.suppress(OSError):
        os.close(folder)


def names(folder: int) -> list[str]:
    """What lies in an open folder."""
    return os.listdir(folder)


def make_folder(folder: int, name: str) -> None:
    """Make a folder where there is none."""
    try:
        os.mkdir(name, FOLDER_MODE, dir_fd=folder)
    except FileExistsError:
        if entry_at(folder, name) != "folder":
            raise


def entry_at(folder: int, name: str) -> str | None:
    """The kind of Entry that a name in an open folder is; None if it does not exist."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    return _kind(mode)


def observe(folder: int, name: str) -> Entry | None:
    """What a name in an open folder is; None if it does not exist."""
    kind = entry_at(folder, name)
    if kind is None:
        return None
    if kind == "link":
        return Entry("link", os.readlink(name, dir_fd=folder))
    if kind == "folder":
        return Entry("folder")
    if kind == "other":
        return Entry("other")
    file = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            return Entry("other")
        total = hashlib.sha256()
        while chunk := os.read(file, _CHUNK):
            total.update(chunk)
        return Entry("file", total.hexdigest(), bool(mode & stat.S_IXUSR))
    finally:
        close(file)


def read_file(folder: int, name: str) -> bytes:
    """The content of a file in an open folder. FileNotFoundError if it is anything but a file."""
    file = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
        return b"".join(iter(lambda: os.read(file, _CHUNK), b""))
    finally:
        close(file)


def files_below(folder: int, name: str, depth: int = 0) -> list[str]:
    """Everything in the folder ``name`` that is no folder itself, relative to it, links unfollowed.

    Raises WriteError if folders are nested more deeply than infergen writes them.
    """
    if depth > MAX_DEPTH:
        raise WriteError(f"{name}: folders nested deeper than {MAX_DEPTH}; move them elsewhere")
    found: list[str] = []
    opened = open_folder(folder, name)
    try:
        for item in sorted(names(opened)):
            if entry_at(opened, item) == "folder":
                found += [f"{item}/{path}" for path in files_below(opened, item, depth + 1)]
            else:
                found.append(item)
    finally:
        close(opened)
    return found


def create_file(
    folder: int, name: str, content: bytes | Path, mode: int, pause: Callable[[], None]
) -> str | None:
    """Write a new file; the sha256 of what was copied is returned if ``content`` is a Path.

    The umask applies to ``mode``. ``pause`` is called between chunks and may raise.
    """
    file = os.open(name, _CREATE_FILE, mode, dir_fd=folder)
    try:
        digest = None
        if isinstance(content, bytes):
            _write_all(file, content)
        else:
            digest = _copy(content, file, pause)
    finally:
        os.close(file)
    return digest


def flush(folder: int, files: Iterable[str]) -> None:
    """Return when these files of an open folder, and their names, are on the disk."""
    for name in files:
        file = os.open(name, _OPEN_FILE, dir_fd=folder)
        try:
            os.fsync(file)
        finally:
            close(file)
    os.fsync(folder)


def remove_tree(folder: int, name: str) -> None:
    """Remove the folder ``name`` with all that lies in it, links unfollowed."""
    opened = open_folder(folder, name)
    try:
        for item in names(opened):
            if entry_at(opened, item) == "folder":
                remove_tree(opened, item)
            else:
                os.unlink(item, dir_fd=opened)
    finally:
        close(opened)
    os.rmdir(name, dir_fd=folder)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _copy(source: Path, file: int, pause: Callable[[], None]) -> str:
    total = hashlib.sha256()
    try:
        opened = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise WriteError(f"{source}: cannot be read: {error.strerror}") from None
    try:
        while True:
            pause()
            try:
                chunk = os.read(opened, _CHUNK)
            except OSError as error:
                raise WriteError(f"{source}: cannot be read: {error.strerror}") from None
            if not chunk:
                return total.hexdigest()
            total.update(chunk)
            _write_all(file, chunk)
    finally:
        close(opened)
