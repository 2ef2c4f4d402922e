"""Whether a service is as it would be generated, found out without generating it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from builder.fleet.members import Fleet, Member
from builder.fleet.memory import Remembered, Source, digest_of
from builder.fleet.programs import programs
from builder.fleet.stamps import stamp, stamp_all
from builder.generate import Generated
from builder.model.files import beside
from builder.output import OutputFile
from builder.paths import RECORD_FOLDER
from builder.record import BASE_PATH, RECORD_PATH, Record, parse_record
from builder.write.journal import PENDING
from builder.write.tree import OPEN_ROOT, Tree, close

_FORMAT = 2


def record_digest(destination: Path) -> str:
    """The sha256 over a service's record; empty if it has none, or an update of it was cut short.

    The record tells all that was generated, so equal ones are of equal services.
    """
    if os.path.lexists(destination / RECORD_FOLDER / PENDING):
        return ""
    parts = [digest_of(destination / RECORD_PATH), digest_of(destination / BASE_PATH)]
    return " ".join(parts) if all(parts) else ""


def generated_digest(generated: Generated) -> str:
    """What ``record_digest`` will be of a service that is generated."""
    contents = {o.path: o.content for o in generated.outputs if isinstance(o, OutputFile)}
    records = (contents[path] for path in (RECORD_PATH, BASE_PATH))
    return " ".join(hashlib.sha256(raw).hexdigest() for raw in records if isinstance(raw, bytes))


def inputs_digest(
    made_by: Sequence[object], fleet: Fleet, member: Member, sources: Sequence[Source]
) -> str:
    """The sha256 over all that decides what is generated for a member; ``made_by`` is the set."""
    files = [*fleet.defaults(member), fleet.variables_file(member)]
    decides = {
        "format": _FORMAT,
        "programs": programs(),
        "set": made_by,
        "name": member.name,
        "variables": [digest_of(file) for file in files],
        "sources": [[Path(source.path).name, source.sha256] for source in sources],
    }
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def see_again(fleet: Fleet, member: Member, known: Sequence[Source], now: int) -> list[Source]:
    """The files that a service was made of, as they are now.

    One whose stamp is still the same is not read; one that another file would now be found instead
    of is told by its absence.
    """
    places = (*beside(fleet.variables_file(member).parent), *fleet.places(member))
    found = []
    for source in known:
        path = Path(source.path)
        if not _is_first(path, places):
            continue
        new = stamp(path, now)
        if new and new == source.stamp:
            found.append(source)
        else:
            found.append(Source(source.path, digest_of(path), new))
    return found


def see(paths: Sequence[Path], now: int) -> tuple[Source, ...] | None:
    """Files that a service was just made of; None if one may have changed since it was read."""
    found = []
    for path in map(Path.absolute, paths):
        # The stamp comes first: whatever changes after it is seen in it the next time.
        stamped = stamp(path, now)
        if not stamped:
            return None
        found.append(Source(str(path), digest_of(path), stamped))
    return tuple(found)


def edited_files(destination: Path, record: Record) -> tuple[str, ...]:
    """Generated files that are not as they were generated, by their content."""
    edited = []
    folder = os.open(destination, OPEN_ROOT)
    tree = Tree(folder, destination)
    try:
        for path, entry in record.files.items():
            found = tree.observe(path)
            if found is None or (found.kind, found.value) != (entry.kind, entry.value):
                edited.append(path)
    finally:
        tree.close()
        close(folder)
    return tuple(sorted(edited))


def stamps_of(destination: Path, record: Record, now: int) -> str:
    """One stamp for a service's files and its record."""
    return stamp_all(destination, (*record.files, RECORD_PATH, BASE_PATH), now)


def look(
    destination: Path, record: Record, remembered: Remembered, now: int
) -> tuple[str, tuple[str, ...]]:
    """A service's stamps, and which of its files are edited; they are read only if in doubt."""
    stamps = stamps_of(destination, record, now)
    if stamps and stamps == remembered.stamps:
        return stamps, ()
    edited = edited_files(destination, record)
    return ("" if edited else stamps), edited


def load_record(destination: Path) -> Record:
    """The record of a service that has one. Raises InfergenError if it is damaged."""
    path = destination / RECORD_PATH
    return parse_record(path.read_bytes(), str(path))


def _is_first(path: Path, places: Sequence[Path]) -> bool:
    """Whether this is the file that would be found, if it is one that is looked for by name."""
    absolute = [place.absolute() / path.name for place in places]
    return path not in absolute or next(filter(Path.is_file, absolute), None) == path
