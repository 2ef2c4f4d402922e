"""Template sets from elsewhere: a git repository or a zip becomes a folder on this machine.

Through cookiecutter's own resolver and its abbreviations, fenced in, since that asks, leaves things
behind and bounds nothing. All of it is imported only for what is no local folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.record import Source


@dataclass(frozen=True, slots=True)
class Fetched:
    """A set's folder. ``source`` and ``confined_to``, all that was fetched, are None for a folder
    that was here already."""

    folder: Path
    source: Source | None = None
    confined_to: Path | None = None


def fetch(text: str, *, local: bool = True) -> Fetched:
    """The folder that ``text`` means; fetched if it is none already.

    ``local`` says whether it may be of this machine: what a set from elsewhere says may not. Raises
    SourceError or UnsafePathError.
    """
    if local and Path(text).is_dir():
        return Fetched(Path(text))
    from builder.sources import elsewhere  # noqa: PLC0415 - most sets are at hand

    folder, source, root = elsewhere.fetch(text, local=local)
    return Fetched(folder, source, root)
