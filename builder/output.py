"""What a service consists of before it is written: values only, every path already checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o755


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A regular file.

    ``path`` is POSIX and relative to the service's folder; ``mode`` is FILE_MODE or
    EXECUTABLE_MODE; ``content`` is the bytes themselves or, for what may be large (a model), the
    file to copy as it stands.
    """

    path: str
    mode: int
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class OutputLink:
    """A symbolic link that stays inside the service; ``target`` is as the link spells it."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """A folder that would otherwise not exist, since nothing lies in it."""

    path: str


Output = OutputFile | OutputLink | OutputFolder
