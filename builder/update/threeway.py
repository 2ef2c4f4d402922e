"""Joins a file's edits with the set's changes to it, as far as its kind allows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from builder import yamlfile
from builder.base import MAX_MERGED_BYTES, as_text
from builder.errors import RenderError, WriteError, YamlError
from builder.migration import same
from builder.output import OutputFile
from builder.render.verify import verify
from builder.update.merge import merge


@dataclass(frozen=True, slots=True)
class Joined:
    """What a file that both sides changed becomes; ``why`` says how, to whoever asks."""

    text: str
    why: str = ""
    conflict: bool = False


def join(path: str, base: str | None, yours: str, new: str, read_as: str | None) -> Joined | None:
    """``yours`` with the set's changes; None if only a person can tell what that is.

    ``read_as`` is what yours was read as to make the new one, which therefore has all that it says.
    """
    if path.endswith(".json") and _same_json(yours, new):
        return Joined(yours)
    if read_as is not None:
        return _join_read(base, yours, new, read_as)
    if base is None:
        return None
    merged = merge(base, yours, new)
    if merged.conflicts:
        places = "1 place" if merged.conflicts == 1 else f"{merged.conflicts} places"
        return Joined(merged.text, f"{places} marked to be settled", conflict=True)
    if _parses(path, yours) and not _parses(path, merged.text):
        return None
    return Joined(merged.text, "your edit is kept, and the set's change added")


def new_text(output: OutputFile) -> str | None:
    """The text of what is generated now; None if it is none that can be merged.

    Raises WriteError if what is to be copied cannot be read.
    """
    source = output.content
    if isinstance(source, bytes):
        return as_text(source)
    try:
        if source.stat().st_size > MAX_MERGED_BYTES:
            return None
        return as_text(source.read_bytes())
    except OSError as error:
        raise WriteError(f"{source}: cannot be read: {error.strerror}") from None


def _join_read(base: str | None, yours: str, new: str, read_as: str) -> Joined:
    """The new one, with the comments of yours if they can be kept."""
    if _same_yaml(yours, new):
        return Joined(yours)
    if base is not None:
        merged = merge(base, yours, new)
        if merged.conflicts == 0 and _same_yaml(merged.text, new):
            return Joined(merged.text, read_as)
    return Joined(new, f"{read_as}, written anew")


def _parses(path: str, text: str) -> bool:
    """Two edits that do not touch each other may still make no sense together."""
    try:
        verify(path, text.encode(), template="")
    except RenderError:
        return False
    return True


def _same_json(one: str, other: str) -> bool:
    try:
        return same(json.loads(one), json.loads(other))
    except (ValueError, RecursionError):
        return False


def _same_yaml(one: str, other: str) -> bool:
    try:
        return same(yamlfile.parse(one, "").value, yamlfile.parse(other, "").value)
    except YamlError:
        return False
