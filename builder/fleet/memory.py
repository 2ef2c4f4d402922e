"""What a fleet remembers from run to run, so that what did not change need not be made again.

Only a cache, in ``.infergen-fleet/`` of the output folder: with it deleted, damaged or read-only,
each service is generated and compared with what stands there, with the same outcome. It has a file
for each service, so that neither memory nor time grows with the fleet, and workers share nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.fleet.stamps import clock

FOLDER = ".infergen-fleet"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a service was made of; ``stamp`` is empty if it is to be read each time."""

    path: str
    sha256: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """A service as it was last seen.

    ``text`` is the sha256 of its variables file, ``inputs`` of all that it is made from, and
    ``record`` of the record that generating it from that gives. ``stamps`` is that of its files
    when they were last found to be as generated, empty if they were not, or changed only just now.
    """

    text: str
    name: str
    inputs: str
    record: str
    sources: tuple[Source, ...]
    stamps: str


class Memory:
    """The memory of the fleet in one output folder, to be read, and after ``begin`` to be written.

    ``now`` is when this run began.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / FOLDER
        self._readable = self._folder.is_dir() and not self._folder.is_symlink()
        self._writable = False
        self.now = clock(None)

    def begin(self) -> None:
        """Make the folder if need be. Where that cannot be, nothing is remembered."""
        self._writable = not self._folder.is_symlink() and _make(self._folder)
        self._readable |= self._writable
        if self._writable:
            self.now = clock(self._folder)

    def name_in(self, file: str, path: Path) -> str | None:
        """The name of the service of a variables file that did not change since; None otherwise."""
        remembered = self.recall(file)
        if remembered is None or remembered.text != digest_of(path):
            return None
        return remembered.name

    def recall(self, file: str) -> Remembered | None:
        """What is known of the service of a variables file."""
        if not self._readable:
            return None
        try:
            return _from_json(json.loads(self._file(file).read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def keep(self, file: str, remembered: Remembered) -> None:
        """Remember a service. What cannot be written is not remembered."""
        if self._writable and self.recall(file) != remembered:
            self._write(self._file(file).name, asdict(remembered))

    def forget(self, file: str) -> None:
        if self._writable:
            with contextlib.suppress(OSError):
                self._file(file).unlink(missing_ok=True)

    def recall_facts(self, key: str) -> Any:
        """What was kept as the facts of a model; None if nothing is."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if self._readable:
                return json.loads((self._folder / f"model-{key}").read_bytes())
        return None

    def keep_facts(self, key: str, facts: Any) -> None:
        self._write(f"model-{key}", facts)

    def _write(self, name: str, document: Any) -> None:
        if self._writable:
            part = self._folder / f"part-{os.getpid()}"
            with contextlib.suppress(OSError):
                part.write_bytes(json.dumps(document).encode())
                part.replace(self._folder / name)

    def _file(self, file: str) -> Path:
        return self._folder / f"service-{hashlib.sha256(os.fsencode(file)).hexdigest()[:40]}"


def digest_of(path: Path) -> str:
    """The sha256 of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _make(folder: Path) -> bool:
    """Make the folder, if need be, so that version control passes it over."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignored = folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("# What `infergen fleet` remembers; it can be deleted.\n*\n")
    except OSError:
        return False
    return True


def _from_json(document: Mapping[str, Any]) -> Remembered:
    sources = tuple(Source(**source) for source in document["sources"])
    return Remembered(**{**document, "sources": sources})
