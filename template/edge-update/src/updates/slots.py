"""A slot: a folder that holds one whole release, and is only ever replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import UpdateError
from .release import RELEASE_FILE, Release, facts_of, read_release


@dataclass(frozen=True, slots=True)
class Slot:
    """The release in a folder. Its name among the slots is that of the folder."""

    folder: Path
    release: Release

    def check_files(self) -> None:
        """Raises UpdateError unless each file is what the release says."""
        for name, facts in self.release.files.items():
            path = self.folder / name
            try:
                found = facts_of(path)
            except OSError as error:
                raise UpdateError(f"{path}: cannot be read: {error.strerror}") from None
            if found != facts:
                raise UpdateError(f"{path}: damaged: its SHA-256 is not the signed one")


def read_slot(folder: Path) -> Slot | None:
    """The release in this folder, or None where there is none that can be read."""
    try:
        return Slot(folder, read_release((folder / RELEASE_FILE).read_bytes()))
    except (OSError, UpdateError):
        return None
