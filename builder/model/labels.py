"""Reads a labels file: what the scores of a classifier are called, in order."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

from builder.errors import ModelError

MOST_BYTES = 16 << 20


def read_labels(path: Path) -> tuple[str, ...]:
    """Labels in the order of their index.

    A JSON list, a JSON map index → label covering 0 to N-1, or text with one label a line. A file
    is JSON if it is called ``.json`` or begins with ``[`` or ``{``. Raises ModelError.
    """
    text = _read(path)
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
        labels = _from_json(path, text)
    else:
        labels = _from_lines(path, text)
    if not labels:
        raise ModelError(f"{path}: holds no label.")
    return labels


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise ModelError(f"{path}: the labels file {what}.")
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{path}: larger than {MOST_BYTES >> 20} MB; is it a labels file?")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ModelError(f"{path}, line {line}: not UTF-8; save the file as UTF-8.") from None


def _from_lines(path: Path, text: str) -> tuple[str, ...]:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, 1):
        _check(path, f"line {number}", line.strip())
    return tuple(line.strip() for line in lines)


def _from_json(path: Path, text: str) -> tuple[str, ...]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise ModelError(f"{path}: key {key!r} occurs twice.")
            found[key] = value
        return found

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise ModelError(f"{path}, line {error.lineno}: not JSON: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise ModelError(f"{path}: not JSON that infergen can read.") from None
    if isinstance(value, dict):
        return _from_map(path, value)
    if not isinstance(value, list):
        raise ModelError(f"{path}: expected a list of labels or a map from index to label.")
    for index, label in enumerate(value):
        _check(path, f"index {index}", label)
    return tuple(value)


def _from_map(path: Path, value: dict[str, Any]) -> tuple[str, ...]:
    wanted = [str(index) for index in range(len(value))]
    if value and all(type(label) is int for label in value.values()):
        raise ModelError(f"{path}: maps labels to numbers; turn it round: index to label.")
    for key, label in value.items():
        _check(path, f"key {key!r}", label)
    if missing := [key for key in wanted if key not in value]:
        known = set(wanted)
        strange = next(key for key in value if key not in known)
        raise ModelError(
            f"{path}: {len(value)} labels need the keys 0 to {len(value) - 1}, "
            f"but {missing[0]!r} is missing and {strange!r} is there."
        )
    return tuple(value[key] for key in wanted)


def _check(path: Path, where: str, label: object) -> None:
    if not isinstance(label, str):
        raise ModelError(f"{path}, {where}: {label!r:.80} is not a string; quote it.")
    if not label.strip():
        raise ModelError(f"{path}, {where}: the label is empty.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in label):
        raise ModelError(f"{path}, {where}: the label holds a control character.")
