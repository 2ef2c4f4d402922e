"""The record ``.infergen/`` inside a service: what it was generated from, and what was written.

``record.json`` is meant to be committed and read in diffs: one line for each file, sorted.
``base.json.bz2`` holds the text of every generated text file, the common ancestor of a later
three-way merge; binary and large files are known by their hash alone. The same input gives the same
bytes everywhere: no time, no absolute path, no machine's name. bz2 and not zlib or lzma: its format
is written by one algorithm, libbzip2's, unchanged since 2000 and translated line by line in the one
rewrite of it, while the builds of zlib that systems ship (stock, zlib-ng) and versions of xz
compress the same text to different bytes. Its content is one JSON object in two streams: first the
files that do not have the service's own words in them, which are the same in many services of a
fleet and compressed once for all of these, then the others.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from builder.errors import InfergenError, WriteError
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.paths import RECORD_FOLDER, check_relative

FORMAT = 1
RECORD_PATH = f"{RECORD_FOLDER}/record.json"
BASE_PATH = f"{RECORD_FOLDER}/base.json.bz2"
RECORD_PATHS = frozenset((RECORD_PATH, BASE_PATH))

MAX_MERGED_BYTES = 1024 * 1024
"""Larger files are not merged line by line, so that the base need not hold them."""
_MAX_RECORD_BYTES = 64 * 1024 * 1024
_MAX_BASE_BYTES = 256 * 1024 * 1024
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
class Base:
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
    bases: tuple[Base, ...] = ()


def make_record(
    set_name: str,
    set_version: int,
    set_digest: str,
    variant: str | None,
    variables: Mapping[str, Any],
    outputs: Iterable[Output],
    source: Source | None = None,
    bases: tuple[Base, ...] = (),
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


def record_files(record: Record, outputs: Iterable[Output]) -> tuple[OutputFile, ...]:
    """The record's own files, to be written with the outputs that it was made from.

    Raises WriteError if a file that is to be copied changed since.
    """
    base: dict[str, str] = {}
    for output in outputs:
        if isinstance(output, OutputFile):
            text = _mergeable_text(output, record.files[output.path].value)
            if text is not None:
                base[output.path] = text
    return (
        OutputFile(RECORD_PATH, FILE_MODE, format_record(record)),
        OutputFile(BASE_PATH, FILE_MODE, _format_base(base, _own_words(record.variables))),
    )


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
        "format": _to_json(FORMAT),
        "set": _to_json(made_from),
        **_source_part(record.source),
        "variant": _to_json(record.variant),
        "variables": _one_line_each(record.variables),
        "files": _one_line_each(files),
        "executables": _to_json(sorted(path for path, e in entries.items() if e.executable)),
        "links": _one_line_each(links),
        "folders": _to_json(sorted(path for path, e in entries.items() if e.kind == "folder")),
    }
    text = ",\n".join(f'  "{name}": {part}' for name, part in parts.items())
    return _encode(f"{{\n{text}\n}}\n")


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
                path: Entry("file", _text(digest), path in executables)
                for path, digest in document["files"].items()
            },
            **{path: Entry("link", _text(to)) for path, to in document["links"].items()},
            **{path: Entry("folder") for path in _texts(document["folders"])},
        }
        for path in entries:
            check_relative(path, what=where)
        made_from = document["set"]
        return Record(
            set_name=_text(made_from["name"]),
            set_version=int(made_from["version"]),
            set_digest=_text(made_from["digest"]),
            variant=None if document["variant"] is None else _text(document["variant"]),
            variables=dict(document["variables"]),
            files=entries,
            source=_parse_source(document.get("source")),
            bases=tuple(
                Base(_text(base["name"]), int(base["version"]))
                for base in made_from.get("extends", ())
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(where, error) from None


def _bases_part(bases: Sequence[Base]) -> dict[str, Any]:
    if not bases:
        return {}
    return {"extends": [{"name": base.name, "version": base.version} for base in bases]}


def _source_part(source: Source | None) -> dict[str, str]:
    if source is None:
        return {}
    said = {"templates": source.said}
    return {
        "source": _to_json(said if source.commit is None else {**said, "commit": source.commit})
    }


def _parse_source(part: Any) -> Source | None:
    if part is None:
        return None
    return Source(_text(part["templates"]), _text(part["commit"]) if "commit" in part else None)


def read_record(destination: Path) -> Record | None:
    """The record of a service, or None if it has none. Raises InfergenError if it is damaged."""
    raw = _read(destination / RECORD_PATH, _MAX_RECORD_BYTES)
    return None if raw is None else parse_record(raw, str(destination / RECORD_PATH))


def read_base(destination: Path) -> dict[str, str]:
    """The text of every text file as it was generated, by path. Empty if there is no base.

    Raises InfergenError if it is damaged.
    """
    where = destination / BASE_PATH
    raw = _read(where, _MAX_BASE_BYTES)
    if raw is None:
        return {}
    try:
        base = json.loads(_decompress(raw))
        return {check_relative(path, what=str(where)): _text(t) for path, t in base.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(str(where), error) from None


def _own_words(variables: Mapping[str, Any]) -> tuple[str, ...]:
    """What a service has to itself among others, as its files spell it."""
    words = [str(variables[key]) for key in ("name", "title", "port") if variables.get(key)]
    return tuple(dict.fromkeys([*words, *(word.replace("_", "-") for word in words[:1])]))


def _format_base(base: Mapping[str, str], own_words: Sequence[str]) -> bytes:
    shared: list[str] = []
    own: list[str] = []
    for path in sorted(base):
        text = base[path]
        entry = f"{_to_json(path)}: {_to_json(text)}"
        (own if any(word in text for word in own_words) else shared).append(entry)
    between = ",\n" if shared and own else ""
    first = _compress(_encode("{\n" + ",\n".join(shared) + between))
    return first + _compress(_encode(",\n".join(own) + "\n}\n"))


@lru_cache(maxsize=8)
def _compress(raw: bytes) -> bytes:
    import bz2  # noqa: PLC0415 - a dry run needs none

    return bz2.compress(raw, 9)


def _decompress(raw: bytes) -> bytes:
    """The content of all streams. Raises ValueError or OSError."""
    import bz2  # noqa: PLC0415 - not needed to decide whether a service is up to date

    content = b""
    while raw:
        reader = bz2.BZ2Decompressor()
        content += reader.decompress(raw, max_length=_MAX_BASE_BYTES - len(content))
        if not reader.eof:
            raise ValueError(f"cut short, or larger than {_MAX_BASE_BYTES} bytes")
        raw = reader.unused_data
    return content


def _one_line_each(values: Mapping[str, Any]) -> str:
    """A JSON object with a line for each of its values, however large they are."""
    if not values:
        return "{}"
    lines = (f"    {_to_json(key)}: {_to_json(values[key])}" for key in sorted(values))
    return "{\n" + ",\n".join(lines) + "\n  }"


def _to_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _encode(text: str) -> bytes:
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


def _mergeable_text(output: OutputFile, digest: str) -> str | None:
    raw = output.content
    if isinstance(raw, Path):
        source = raw
        try:
            if source.stat().st_size > MAX_MERGED_BYTES:
                return None
            raw = source.read_bytes()
        except OSError as error:
            raise WriteError(f"{source}: cannot be read: {error.strerror}") from None
        if hashlib.sha256(raw).hexdigest() != digest:
            raise WriteError(f"{source}: changed while infergen was at work; run again")
    return as_text(raw)


def as_text(raw: bytes) -> str | None:
    """The text that is merged line by line; None for what is none, or too large."""
    if len(raw) > MAX_MERGED_BYTES or b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _read(path: Path, limit: int) -> bytes | None:
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


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _texts(values: Sequence[object]) -> list[str]:
    return [_text(value) for value in values]


def _damaged(where: str, error: Exception) -> InfergenError:
    reason = f"no {error}" if isinstance(error, KeyError) else str(error)
    return InfergenError(
        f"{where}: the record is damaged ({reason}); restore the file from version control, or"
        " delete .infergen/ and generate the service anew beside it"
    )
