"""Fetching a release that the publisher signed, by The Update Framework (python-tuf).

Its checks are what keeps a device from a release that was tampered with, put together from two, or
withheld and replayed later; they hold for a folder as for an address.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.ngclient import Updater

from .durable import sync_tree
from .errors import UpdateError
from .release import RELEASE_FILE, FileFacts, Release, read_release, target_name
from .source import Source


class Client:
    """Reads what a source offers.

    Args:
        root: the publisher's keys that this device was shipped with
        metadata: a folder for what is known of newer keys, and of what was signed last
        incoming: a folder for the files of a release

    Raises UpdateError if the keys cannot be read.
    """

    def __init__(self, source: Source, root: bytes, metadata: Path, incoming: Path) -> None:
        self._source = source
        self._metadata = metadata
        self._incoming = incoming
        with self._told():
            self._updater = Updater(
                str(metadata),
                f"{source.address}/metadata/",
                str(incoming),
                f"{source.address}/targets/",
                source.fetcher,
                bootstrap=root,
            )

    def offered(self) -> Release:
        """The newest release there. Raises UpdateError, and OSError if it cannot be kept."""
        with self._told():
            try:
                self._updater.refresh()
            except DownloadHTTPError as error:
                raise UpdateError(f"{self._source.given}: no releases here: {error}") from None
        # What was signed last is known from here on, whenever the power goes.
        sync_tree(self._metadata)
        return read_release(self._fetch(RELEASE_FILE).read_bytes())

    def fetch(self, release: Release) -> None:
        """Fetch all files of the release that are not there yet. Raises as ``offered()`` does."""
        expected = {RELEASE_FILE, *release.files}
        for path in self._incoming.iterdir():
            if path.name not in expected:
                path.unlink()
        for name, facts in release.files.items():
            self._fetch(name, facts)

    def _fetch(self, name: str, facts: FileFacts | None = None) -> Path:
        with self._told():
            info = self._updater.get_targetinfo(target_name(name))
            if info is None:
                raise UpdateError(f"{self._source.given}: {name} is missing from what was signed")
            signed = FileFacts(info.hashes.get("sha256", ""), info.length)
            if facts is not None and facts != signed:
                raise UpdateError(f"{self._source.given}: {name} belongs to another release")
            path = self._incoming / name
            if self._updater.find_cached_target(info, str(path)) is None:
                self._updater.download_target(info, str(path))
            return path

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the library raises into what a person can act on."""
        try:
            yield
        except ExpiredMetadataError as error:
            raise self._refused(
                f"expired ({error}): it may be held back on purpose, or its publisher must renew it"
                f" (publish renew), or this device's clock is wrong: it says"
                f" {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            ) from error
        except BadVersionNumberError as error:
            raise self._refused(f"older than what this device has seen ({error})") from error
        except UnsignedMetadataError as error:
            raise self._refused(
                f"not signed by the keys that this device trusts ({error})"
            ) from error
        except LengthOrHashMismatchError as error:
            raise self._refused(
                f"tampered with or damaged: not what was signed ({error})"
            ) from error
        except RepositoryError as error:
            raise self._refused(f"tampered with or damaged: {error}") from error
        except DownloadError as error:
            raise UpdateError(f"{self._source.given}: cannot be read: {_reason(error)}") from error

    def _refused(self, why: str) -> UpdateError:
        return UpdateError(f"{self._source.given}: refused: {why}")


def _reason(error: DownloadError) -> str:
    """What lies behind it, without the names of the library's parts."""
    cause = error.__cause__
    reason = getattr(cause, "reason", None) or cause or error
    return str(reason).rpartition(": ")[2] or repr(reason)
