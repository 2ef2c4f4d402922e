"""Items that are files: one for each ID, wherever fsspec reaches."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec

from src.data.errors import SourceError, TooLargeError, UnknownIdError
from src.data.ids import is_id

_PLACE = "{id}"


class Files:
    """The files below a URL whose names are ``pattern``, such as ``{id}.jpg``.

    A relative ``file://`` URL begins in ``root``. Items of more than ``most_bytes`` are refused.
    Methods block.
    """

    def __init__(self, url: str, pattern: str, most_bytes: int, root: Path) -> None:
        self._before, _, self._behind = pattern.partition(_PLACE)
        self._most_bytes = most_bytes
        self._files, self._folder = fsspec.core.url_to_fs(absolute(url, root))
        self._local = Path(self._folder).resolve() if url.startswith("file://") else None

    def read(self, name: str) -> bytes:
        """The item of a checked ID. Raises UnknownIdError, TooLargeError, SourceError."""
        path = posixpath.join(self._folder, f"{self._before}{name}{self._behind}")
        try:
            if self._local is not None and not self._is_inside(Path(path), self._local):
                raise UnknownIdError(name)
            with self._files.open(path, "rb") as file:
                item: bytes = file.read(self._most_bytes + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if _is_a_failure(error.__cause__):
                raise SourceError(str(error.__cause__)) from error
            raise UnknownIdError(name) from None
        except UnknownIdError:
            raise
        except Exception as error:  # each file system has errors of its own
            raise SourceError(str(error) or type(error).__name__) from error
        if len(item) > self._most_bytes:
            raise TooLargeError(name)
        return item

    def ids(self) -> Iterator[str]:
        """Every ID that there is an item of. Raises SourceError."""
        try:
            found = self._files.glob(posixpath.join(self._folder, f"{self._before}*{self._behind}"))
        except Exception as error:
            raise SourceError(str(error) or type(error).__name__) from error
        for path in sorted(found):
            name = posixpath.basename(str(path))
            name = name[len(self._before) : len(name) - len(self._behind) or None]
            if is_id(name):
                yield name

    @staticmethod
    def _is_inside(path: Path, folder: Path) -> bool:
        """Whether a local file lies in the folder when all links are followed."""
        try:
            return path.resolve(strict=True).is_relative_to(folder)
        except (FileNotFoundError, NotADirectoryError, RuntimeError):
            return False


def _is_a_failure(cause: BaseException | None) -> bool:
    """Whether a file is only said to be missing: so fsspec tells any failure of a web server."""
    return isinstance(cause, OSError) or getattr(cause, "status", 404) not in (404, 410)


def absolute(url: str, root: Path) -> str:
    """The URL, which is taken from ``root`` if it is a relative ``file://`` one."""
    path = url.removeprefix("file://")
    return url if path == url or path.startswith("/") else f"file://{(root / path).as_posix()}"


def open_file(url: str, root: Path) -> Any:
    """A file to be read, from any URL."""
    return fsspec.open(absolute(url, root), "rb")
