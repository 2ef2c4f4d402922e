"""A zip as a folder: looked through first, then unpacked by cookiecutter into a place of our own.

cookiecutter takes what a zip's first entry says for a path, bounds neither download nor size, takes
an error page for the zip, drops exec bits, and leaves a temporary folder behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import stat
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from builder.errors import SourceError
from builder.paths import Claims, check_relative
from builder.sources.address import without_credentials
from builder.sources.limits import check_amount, in_time

_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1


def download(url: str, into: Path) -> Path:
    """A zip from http or https, as a file below ``into``. Raises SourceError."""
    shown = without_credentials(url)
    if url != shown:
        raise SourceError(f"{shown}: a zip is fetched without user and password; download it first")
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise SourceError(f"{shown}: a zip is fetched by http or https, or given as a file")
    path = into / "download.zip"
    try:
        with in_time(shown), _opener().open(url) as answer, path.open("wb") as file:
            size = 0
            while chunk := answer.read(_CHUNK):
                size += len(chunk)
                check_amount(0, size, shown)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        raise SourceError(f"{shown}: the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise SourceError(f"{shown}: cannot be fetched: {error.reason}") from None
    except (TimeoutError, ConnectionError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SourceError(f"{shown}: cannot be fetched: {reason}") from None
    return path


def digest_of(path: Path, shown: str) -> str:
    """The sha256 of a zip. Raises SourceError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{shown}: cannot be read: {error.strerror}") from None


def unpack(path: Path, into: Path, shown: str) -> Path:
    """The folder that a zip holds, below ``into``. Raises SourceError or UnsafePathError."""
    from cookiecutter import exceptions  # noqa: PLC0415 - slow, and few runs need it
    from cookiecutter.zipfile import unzip  # noqa: PLC0415

    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        _check_entries(entries, shown)
        with _temporary_files_in(into):
            unpacked = Path(unzip(str(path), is_url=False, clone_to_dir=into, no_input=True))
    except (exceptions.CookiecutterException, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{shown}: not a whole zip: {error}") from None
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise SourceError(f"{shown}: cannot be unpacked: {error}") from None
    for entry in entries:
        if not entry.is_dir() and (entry.external_attr >> 16) & 0o111:
            (unpacked.parent / entry.filename).chmod(0o755)
    return unpacked


def _check_entries(entries: list[zipfile.ZipInfo], shown: str) -> None:
    check_amount(len(entries), sum(entry.file_size for entry in entries), shown)
    claims = Claims()
    for entry in entries:
        # What precedes a NUL is all that the zipfile module shows of a name.
        name = check_relative(entry.orig_filename.removesuffix("/"), what=shown)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise SourceError(f"{shown}: {name} is a link, which a zip is not to hold")
        if entry.flag_bits & _ENCRYPTED:
            raise SourceError(f"{shown}: {name} is encrypted; give a zip without a password")
        claims.claim(name, f"{shown}: {name}", folder=entry.is_dir())
    if not entries or not entries[0].is_dir() or "/" in entries[0].filename[:-1]:
        raise SourceError(
            f"{shown}: expected one folder with everything in it, and its entry first; make the zip"
            " of the set's folder, as in `zip -r set.zip set/`"
        )


def _opener() -> urllib.request.OpenerDirector:
    """http and https alone, also where a server redirects to."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "infergen")]
    return opener


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """cookiecutter unpacks into a new temporary folder, and takes no word on where."""
    former = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = former
