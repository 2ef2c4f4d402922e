"""What would change if these outputs were written over what stands at a destination."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builder.output import Output, OutputFile, OutputFolder, OutputLink

Action = Literal["create", "replace", "keep", "remove"]


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a service, and what writing would do to it."""

    path: str
    action: Action


def compare(
    destination: Path, outputs: Sequence[Output], formerly: Sequence[str] = ()
) -> tuple[Change, ...]:
    """Every output, in order of its path, and what ``formerly`` was generated and is no more."""
    changes = {output.path: _action(destination / output.path, output) for output in outputs}
    for path in formerly:
        if path not in changes and os.path.lexists(destination / path):
            changes[path] = "remove"
    return tuple(Change(path, changes[path]) for path in sorted(changes))


def _action(path: Path, output: Output) -> Action:
    if not os.path.lexists(path):
        return "create"
    if isinstance(output, OutputFolder):
        return "keep" if path.is_dir() and not path.is_symlink() else "replace"
    if isinstance(output, OutputLink):
        return "keep" if path.is_symlink() and os.readlink(path) == output.target else "replace"
    if path.is_symlink() or not path.is_file():
        return "replace"
    same_mode = bool(path.stat().st_mode & 0o100) == bool(output.mode & 0o100)
    return "keep" if same_mode and _same_bytes(path, output.content) else "replace"


def _same_bytes(path: Path, content: bytes | Path) -> bool:
    if isinstance(content, bytes):
        return path.stat().st_size == len(content) and path.read_bytes() == content
    import filecmp  # noqa: PLC0415 - only for files that are copied rather than rendered

    return filecmp.cmp(path, content, shallow=False)


def unified_diff(
    destination: Path, outputs: Sequence[Output], changes: Sequence[Change]
) -> Iterator[str]:
    """Lines of a unified diff from what stands there to the outputs; binary files by name alone."""
    by_path = {output.path: output for output in outputs}
    for change in changes:
        if change.action != "keep":
            yield from _file_diff(destination, change, by_path.get(change.path))


def _file_diff(destination: Path, change: Change, output: Output | None) -> Iterator[str]:
    before = _text(destination / change.path) if change.action != "create" else ""
    after = "" if output is None else _new_text(output)
    if before is None or after is None:
        yield f"Binary file {change.path}: {change.action}\n"
        return
    old = "/dev/null" if change.action == "create" else f"a/{change.path}"
    new = "/dev/null" if change.action == "remove" else f"b/{change.path}"
    lines = list(
        difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), old, new
        )
    )
    if not lines:
        yield f"{change.path}: {change.action} (empty, or only its mode or kind changes)\n"
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _new_text(output: Output) -> str | None:
    if isinstance(output, OutputFile):
        return None if isinstance(output.content, Path) else _decode(output.content)
    return f"link to {output.target}\n" if isinstance(output, OutputLink) else ""


def _text(path: Path) -> str | None:
    if path.is_symlink():
        return f"link to {os.readlink(path)}\n"
    return _decode(path.read_bytes()) if path.is_file() else ""


def _decode(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
