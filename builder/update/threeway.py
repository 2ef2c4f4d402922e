"""Joins a file's edits with the set's changes to it, as far as its kind allows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from builder import yamlfile
from builder.errors import WriteError, YamlError
from builder.migration import same
from builder.output import OutputFile
from builder.record import MAX_MERGED_BYTES, as_text
from builder.update.merge import merge


@dataclass(frozen=True, slots=True)
class Joined:
    """``text`` is None where yours says all that the new one does."""

    text: str | None
    why: str = ""
    conflict: bool = False


def join(
    output: OutputFile, base: str | None, yours: str | None, read_as: str | None
) -> Joined | None:
    """What a file that both sides changed becomes; None if it cannot be merged.

    ``read_as`` is what yours was read as to make the new one, which therefore has all that it says.
    """
    new = _text(output)
    if new is None or yours is None:
        return None
    if output.path.endswith(".json") and _same_json(yours, new):
        return Joined(None)
    if read_as is not None:
        return _join_read(base, yours, new, read_as)
    if base is None:
        return None
    merged = merge(base, yours, new)
    if merged.text == yours:
        return Joined(None)
    if merged.conflicts:
        places = "1 place" if merged.conflicts == 1 else f"{merged.conflicts} places"
        return Joined(merged.text, f"{places} marked to be settled", conflict=True)
    return Joined(merged.text, "your edit is kept, and the set's change added")


def _join_read(base: str | None, yours: str, new: str, read_as: str) -> Joined:
    """The new one, with the comments of yours if they can be kept."""
    if _same_yaml(yours, new):
        return Joined(None)
    if base is not None:
        merged = merge(base, yours, new)
        if merged.conflicts == 0 and _same_yaml(merged.text, new):
            return Joined(merged.text, read_as)
    return Joined(new, f"{read_as}, written anew")


def _text(output: OutputFile) -> str | None:
    if isinstance(output.content, bytes):
        return as_text(output.content)
    return _read(output.content)


def _read(path: Path) -> str | None:
    try:
        if path.stat().st_size > MAX_MERGED_BYTES:
            return None
        return as_text(path.read_bytes())
    except OSError as error:
        raise WriteError(f"{path}: cannot be read: {error.strerror}") from None


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
