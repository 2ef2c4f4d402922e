"""The record ``.infergen/`` inside a service: what it was generated from, and what was written.

``record.json`` is meant to be committed and read in diffs: one line for each file, sorted. The same
input gives the same bytes everywhere: no time, no absolute path, no machine's name. The other file
of the record is the base of a later merge; see ``builder.base``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from builder.errors import InfergenError, WriteError
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.paths import RECORD_FOLDER, check_relative

FORMAT = 2
"""2: the base has marks for the service's own words. Older ones are read as well."""
RECORD_PATH = f"{RECORD_FOLDER}/record.json"
BASE_PATH = f"{RECORD_FOLDER}/base.json.bz2"
RECORD_PATHS = frozenset((RECORD_PATH, BASE_PATH))

_MAX_RECORD_BYTES = 64 * 1024 * 1024
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands, or should stand, at a path.

    ``value`` is a file's sha256 or a link's target, and empty for a folder. Of a file's mode only
    whether its owner may execute it counts, as in git: the rest is the umask's and the user's.
    "other" is what infergen never writes: a device, a socket, a pipe.
    """

    kind: Literal["file", "link", "folder", "other"]
    value: str = ""
    executable: bool = False

    @property
    def mode(self) -> int:
        """The mode that a file of this kind is written with."""
        return EXECUTABLE_MODE if self.executable else FILE_MODE


@dataclass(frozen=True, slots=True)
class Source:
    """Where a set was fetched from, as it was said, and the commit if that is a git repository."""

    said: str
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class BaseSet:
    """A set that the set of a service extends."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Record:
    """What a service was generated from; a plain set has no variant.

    ``files`` has its links and folders too, but not the record's own files. ``source`` is None for
    a set that was at hand. ``bases`` are the sets that the set extends, the nearest first; older
    records do not tell them.
    """

    set_name: str
    set_version: int
    set_digest: str
    variant: str | None
    variables: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Entry] = field(default_factory=dict)
    source: Source | None = None
    bases: tuple[BaseSet, ...] = ()


def make_record(
    set_name: str,
    set_version: int,
    set_digest: str,
    variant: str | None,
    variables: Mapping[str, Any],
    outputs: Iterable[Output],
    source: Source | None = None,
    bases: tuple[BaseSet, ...] = (),
) -> Record:
    """The record of these outputs. ``variables`` must be plain JSON values, without secrets.

    Raises WriteError if a file that is to be copied cannot be read.
    """
    entries = {output.path: entry_of(output) for output in outputs}
    return Record(set_name, set_version, set_digest, variant, variables, entries, source, bases)


def entry_of(output: Output) -> Entry:
    """What an output is once it is written. Raises WriteError if its source cannot be read."""
    if isinstance(output, OutputLink):
        return Entry("link", output.target)
    if isinstance(output, OutputFolder):
        return Entry("folder")
    return Entry("file", _digest(output), bool(output.mode & 0o100))


def format_record(record: Record) -> bytes:
    """``record.json``: every file and every variable on a line of its own, sorted."""
    entries = record.files
    files = {path: e.value for path, e in entries.items() if e.kind == "file"}
    links = {path: e.value for path, e in entries.items() if e.kind == "link"}
    made_from = {
        "name": record.set_name,
        "version": record.set_version,
        "digest": record.set_digest,
        **_bases_part(record.bases),
    }
    parts = {
        "format": to_json(FORMAT),
        "set": to_json(made_from),
        **_source_part(record.source),
        "variant": to_json(record.variant),
        "variables": _one_line_each(record.variables),
        "files": _one_line_each(files),
        "executables": to_json(sorted(path for path, e in entries.items() if e.executable)),
        "links": _one_line_each(links),
        "folders": to_json(sorted(path for path, e in entries.items() if e.kind == "folder")),
    }
    text = ",\n".join(f'  "{name}": {part}' for name, part in parts.items())
    return encode(f"{{\n{text}\n}}\n")


def parse_record(raw: bytes, where: str) -> Record:
    """Read ``record.json``; ``where`` names it in errors. Raises InfergenError."""
    try:
        document = json.loads(raw)
        if document["format"] > FORMAT:
            raise InfergenError(
                f"{where}: written by a newer infergen (record format {document['format']}, this"
                f" one reads {FORMAT}); upgrade infergen"
            )
        executables = set(_texts(document["executables"]))
        entries = {
            **{
                path: Entry("file", text_in(digest), path in executables)
                for path, digest in document["files"].items()
            },
            **{path: Entry("link", text_in(to)) for path, to in document["links"].items()},
            **{path: Entry("folder") for path in _texts(document["folders"])},
        }
        for path in entries:
            check_relative(path, what=where)
        made_from = document["set"]
        return Record(
            set_name=text_in(made_from["name"]),
            set_version=int(made_from["version"]),
            set_digest=text_in(made_from["digest"]),
            variant=None if document["variant"] is None else text_in(document["variant"]),
            variables=dict(document["variables"]),
            files=entries,
            source=_parse_source(document.get("source")),
            bases=tuple(
                BaseSet(text_in(base["name"]), int(base["version"]))
                for base in made_from.get("extends", ())
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise damaged(where, error) from None


def _bases_part(bases: Sequence[BaseSet]) -> dict[str, Any]:
    if not bases:
        return {}
    return {"extends": [{"name": base.name, "version": base.version} for base in bases]}


def _source_part(source: Source | None) -> dict[str, str]:
    if source is None:
        return {}
    said = {"templates": source.said}
    return {"source": to_json(said if source.commit is None else {**said, "commit": source.commit})}


def _parse_source(part: Any) -> Source | None:
    if part is None:
        return None
    return Source(text_in(part["templates"]), text_in(part["commit"]) if "commit" in part else None)


def read_record(destination: Path) -> Record | None:
    """The record of a service, or None if it has none. Raises InfergenError if it is damaged."""
    raw = read_own(destination / RECORD_PATH, _MAX_RECORD_BYTES)
    return None if raw is None else parse_record(raw, str(destination / RECORD_PATH))


def _one_line_each(values: Mapping[str, Any]) -> str:
    """A JSON object with a line for each of its values, however large they are."""
    if not values:
        return "{}"
    lines = (f"    {to_json(key)}: {to_json(values[key])}" for key in sorted(values))
    return "{\n" + ",\n".join(lines) + "\n  }"


def to_json(value: Any) -> str:
    """On one line, keys sorted."""
    return _JSON.encode(value)


def encode(text: str) -> bytes:
    """JSON as the record's files have it."""
    # A lone surrogate has no UTF-8; Python's spelling of it is JSON's as well.
    return text.encode("utf-8", "backslashreplace")


def _digest(output: OutputFile) -> str:
    if isinstance(output.content, bytes):
        return hashlib.sha256(output.content).hexdigest()
    total = hashlib.sha256()
    try:
        with output.content.open("rb", buffering=0) as source:
            while chunk := source.read(_CHUNK):
                total.update(chunk)
    except OSError as error:
        raise WriteError(f"{output.content}: cannot be read: {error.strerror}") from None
    return total.hexdigest()


def read_own(path: Path, limit: int) -> bytes | None:
    """One of the record's files; None if there is none. Raises InfergenError."""
    try:
        with open(path, "rb", opener=_open_itself) as file:
            raw = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InfergenError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > limit:
        raise InfergenError(f"{path}: larger than {limit} bytes; that is no record of infergen's")
    return raw


def _open_itself(path: str, flags: int) -> int:
    """Neither follow a link nor wait for a pipe's other end."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def text_in(value: object) -> str:
    """The text that a value of a record is. Raises TypeError if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _texts(values: Sequence[object]) -> list[str]:
    return [text_in(value) for value in values]


def damaged(where: str, error: Exception) -> InfergenError:
    """What to raise for a file of the record that cannot be understood."""
    reason = f"no {error}" if isinstance(error, KeyError) else str(error)
    return InfergenError(
        f"{where}: the record is damaged ({reason}); restore the file from version control, or"
        " delete .infergen/ and generate the service anew beside it"
    )
