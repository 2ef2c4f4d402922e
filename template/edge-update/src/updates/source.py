"""Where releases come from: an https address, or a folder such as a USB stick."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from .errors import UpdateError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Source:
    """A place with releases: how it was given, its address, and what fetches from it."""

    given: str
    address: str
    fetcher: FetcherInterface


def source(given: str, scratch: Path) -> Source:
    """The source that was given; what is fetched lies in ``scratch`` until it is verified.

    Raises UpdateError if it is neither an https address nor a folder.
    """
    try:
        parts = urlsplit(given)
    except ValueError as error:
        raise UpdateError(f"{given}: no address: {error}") from None
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            raise UpdateError(f"{given}: no host in this address")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UpdateError(f"{given}: only https is used, except for this device itself")
        return Source(given, given.rstrip("/"), _Web(scratch))
    folder = Path(given)
    if not folder.is_dir():
        raise UpdateError(f"{given}: no such folder; is the stick plugged in and mounted?")
    return Source(given, folder.resolve().as_uri(), _Folder(scratch))


class _Scratch(FetcherInterface):
    """Keeps what is fetched on the disk of the state folder: /tmp may be in memory."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch

    @contextlib.contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """What is at this address. Raises DownloadError, and OSError if it cannot be kept."""
        length = 0
        with tempfile.TemporaryFile(dir=self._scratch) as file:
            for block in self.fetch(url):
                length += len(block)
                if length > max_length:
                    raise DownloadLengthMismatchError(f"{url}: longer than {max_length} bytes")
                file.write(block)
            file.seek(0)
            yield file


class _Web(_Scratch, Urllib3Fetcher):
    def __init__(self, scratch: Path) -> None:
        Urllib3Fetcher.__init__(self)
        _Scratch.__init__(self, scratch)

    def _fetch(self, url: str) -> Iterator[bytes]:
        blocks = super()._fetch(url)
        try:
            yield from blocks
        except DownloadError:
            raise
        except Exception as error:  # urllib3's errors are not named in the interface
            raise DownloadError(f"{url}: {error}") from error


class _Folder(_Scratch):
    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path))
        try:
            # Not blocking: what lies on a stick may be a pipe that nobody writes to.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise DownloadError(f"{path}: no file")
                while block := self._read(file):
                    yield block
        except FileNotFoundError:
            raise DownloadHTTPError(f"{path}: no such file", 404) from None
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error

    def _read(self, file: IO[bytes]) -> bytes:
        return file.read(_BLOCK)
