"""The base in a service's record: the text of every text file as it was generated.

``base.json.bz2`` is the common ancestor of a later three-way merge; binary and large files are
known by their hash in ``record.json`` alone. bz2 and not zlib or lzma: its format is written by one
algorithm, libbzip2's, unchanged since 2000 and translated line by line in the one rewrite of it,
while the builds of zlib that systems ship (stock, zlib-ng) and versions of xz compress the same
text to different bytes.

Its content is one JSON array in three streams: the texts that do not have the service's own words
in them, those that do, with a mark for each word, and the words. So the first two, which take most
of the time, are the same in many services of a fleet, and are compressed once for all of these.
Records of format 1 have one object of all texts as they are instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from builder.errors import WriteError
from builder.output import FILE_MODE, Output, OutputFile
from builder.paths import check_relative
from builder.record import (
    BASE_PATH,
    RECORD_PATH,
    Record,
    damaged,
    encode,
    format_record,
    read_own,
    text_in,
    to_json,
)

MAX_MERGED_BYTES = 1024 * 1024
"""Larger files are not merged line by line, so that the base need not hold them."""
_MAX_BASE_BYTES = 256 * 1024 * 1024
_SHORTEST_WORD = 3
"""Shorter ones are in most words of most texts, which would become long and odd."""
_MARKS = ("\0\1", "\0\2", "\0\3", "\0\4")
"""No text of the base has NUL, and no word has any of these characters: whatever the words are,
marking them is undone by putting them back one after the other."""

_Texts = tuple[tuple[str, bytes], ...]


def record_files(record: Record, outputs: Iterable[Output]) -> tuple[OutputFile, ...]:
    """The record's own files, to be written with the outputs that it was made from.

    Raises WriteError if a file that is to be copied changed since.
    """
    texts: dict[str, bytes] = {}
    for output in outputs:
        if isinstance(output, OutputFile):
            raw = _mergeable(output, record.files[output.path].value)
            if raw is not None:
                texts[output.path] = raw
    return (
        OutputFile(RECORD_PATH, FILE_MODE, format_record(record)),
        OutputFile(BASE_PATH, FILE_MODE, _format_base(texts, _own_words(record.variables))),
    )


def read_base(destination: Path) -> dict[str, str]:
    """The text of every text file as it was generated, by path. Empty if there is no base.

    Raises InfergenError if it is damaged.
    """
    where = destination / BASE_PATH
    raw = read_own(where, _MAX_BASE_BYTES)
    if raw is None:
        return {}
    try:
        content = json.loads(_decompress(raw))
        base = _with_words(*content) if isinstance(content, list) else content
        return {check_relative(path, what=str(where)): text_in(t) for path, t in base.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(str(where), error) from None


def as_text(raw: bytes) -> str | None:
    """The text that is merged line by line; None for what is none, or too large."""
    if len(raw) > MAX_MERGED_BYTES or b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _mergeable(output: OutputFile, digest: str) -> bytes | None:
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
    return None if as_text(raw) is None else raw


def _own_words(variables: Mapping[str, Any]) -> tuple[str, ...]:
    """What a service has to itself among others, as its files spell it; "" for what is no word.

    Each has the same place in all services, and one that may hold others comes before them.
    """
    title, name, port = (str(variables.get(key, "")) for key in ("title", "name", "port"))
    hyphenated = name.replace("_", "-")
    words = (title, name, hyphenated if hyphenated != name else "", port)
    return tuple(w if len(w) >= _SHORTEST_WORD and w.isprintable() else "" for w in words)


def _format_base(texts: Mapping[str, bytes], words: Sequence[str]) -> bytes:
    marks = [(w.encode(), mark.encode()) for w, mark in zip(words, _MARKS, strict=True) if w]

    def marked(raw: bytes) -> bytes:
        for word, mark in marks:
            raw = _with_mark(raw, word, mark)
        return raw

    shared: list[tuple[str, bytes]] = []
    own: list[tuple[str, bytes]] = []
    for path, raw in texts.items():
        entry = (marked(path.encode()).decode(), marked(raw))
        (shared if entry == (path, raw) else own).append(entry)
    return (
        _compress_texts("[", tuple(sorted(shared)))
        + _compress_texts("", tuple(sorted(own)))
        + _compress(f"{to_json(words)}]\n")
    )


def _with_mark(raw: bytes, word: bytes, mark: bytes) -> bytes:
    """Marks the word where it stands alone: a port, but not the same digits inside a hash."""
    first, *rest = raw.split(word)
    marked = [first]
    for part in rest:
        alone = not (marked[-1][-1:].isalnum() or part[:1].isalnum())
        marked += (mark if alone else word, part)
    return b"".join(marked) if rest else raw


@lru_cache(maxsize=8)
def _compress_texts(before: str, texts: _Texts) -> bytes:
    lines = ",\n".join(f"{to_json(path)}: {to_json(raw.decode())}" for path, raw in texts)
    return _compress(f"{before}{{\n{lines}\n}},\n")


def _compress(text: str) -> bytes:
    import bz2  # noqa: PLC0415 - a dry run needs none

    return bz2.compress(encode(text), 9)


def _decompress(raw: bytes) -> bytes:
    """The content of all streams. Raises ValueError or OSError."""
    import bz2  # noqa: PLC0415 - not needed to decide whether a service is up to date

    content = b""
    while raw:
        reader = bz2.BZ2Decompressor()
        content += reader.decompress(raw, max_length=_MAX_BASE_BYTES - len(content))
        if not reader.eof:
            raise _too_large("cut short, or larger")
        raw = reader.unused_data
    return content


def _with_words(
    shared: Mapping[str, object], own: Mapping[str, object], words: Sequence[object]
) -> dict[str, object]:
    """All texts as they were. Raises ValueError or TypeError."""
    marks = [(mark, text_in(word)) for mark, word in zip(_MARKS, words, strict=False)]
    left = _MAX_BASE_BYTES

    def unmarked(text: str) -> str:
        nonlocal left
        left -= len(text) + sum(text.count(mark) * len(word) for mark, word in marks)
        if left < 0:
            raise _too_large("larger")
        for mark, word in marks:
            text = text.replace(mark, word)
        return text

    return {**shared, **{unmarked(path): unmarked(text_in(text)) for path, text in own.items()}}


def _too_large(how: str) -> ValueError:
    return ValueError(f"{how} than {_MAX_BASE_BYTES} bytes")
