"""What a release says of itself in its release.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import UpdateError

RELEASE_FILE = "release.json"
GOLDEN_FILE = "golden.json"
FORMAT = 1

_LONGEST_NAME = 150  # in bytes; beside it a digest must fit into a file system's 255
_NOT_IN_ADDRESSES = re.compile(r"[^A-Za-z0-9._-]")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one file of a release must be."""

    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What one answer may take on the device."""

    latency_ms: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Release:
    """One release: a folder of models for the service ``name``.

    ``number`` grows by one each time; ``version`` is what its publisher calls it. ``signature`` is
    what the model takes and answers, as ``compatibility.signature()`` tells it.
    """

    name: str
    number: int
    version: str
    signature: Mapping[str, Any]
    budget: Budget
    files: Mapping[str, FileFacts]

    def __str__(self) -> str:
        return f"release {self.number} (version {self.version})"


def to_bytes(release: Release) -> bytes:
    """The content of release.json."""
    return (json.dumps({"format": FORMAT, **asdict(release)}, indent=2) + "\n").encode()


def read_release(content: bytes) -> Release:
    """The release that release.json tells of. Raises UpdateError."""
    try:
        said = json.loads(content)
        if said["format"] != FORMAT:
            raise UpdateError(
                f"{RELEASE_FILE}: format {said['format']} is not known here; install a newer"
                " version of this package first"
            )
        release = Release(
            name=str(said["name"]),
            number=int(said["number"]),
            version=str(said["version"]),
            signature=dict(said["signature"]),
            budget=Budget(float(said["budget"]["latency_ms"]), float(said["budget"]["memory_mb"])),
            files={
                name: FileFacts(str(facts["sha256"]), int(facts["length"]))
                for name, facts in said["files"].items()
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UpdateError(f"{RELEASE_FILE} is damaged: {error!r}") from None
    if GOLDEN_FILE not in release.files:
        raise UpdateError(f"{RELEASE_FILE} is damaged: it lists no {GOLDEN_FILE}")
    for name in release.files:
        if not is_file_name(name):
            raise UpdateError(f"{RELEASE_FILE} is damaged: {name!r} is no name for a file")
    return release


def is_file_name(name: str) -> bool:
    """Whether a release may have a file of this name: in no other folder, and not its own."""
    plain = not name.startswith(".") and "/" not in name and name.isprintable()
    return plain and 0 < len(name.encode()) <= _LONGEST_NAME and name != RELEASE_FILE


def target_name(name: str) -> str:
    """What a file of this name is called where releases are offered, as part of an address."""
    return _NOT_IN_ADDRESSES.sub("_", name)


def facts_of(path: Path) -> FileFacts:
    """What a file is. Raises OSError."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            length += len(block)
    return FileFacts(digest.hexdigest(), length)
