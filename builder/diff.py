"""A unified diff from what stands in a destination to what would be written there."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.output import Output, OutputFile, OutputFolder, OutputLink
from builder.record import RECORD_PATHS
from builder.write.comparison import Change, Comparison


def unified_diff(
    destination: Path, outputs: Sequence[Output], comparison: Comparison
) -> Iterator[str]:
    """The diff's lines, in order of the paths; binary files are told by name alone."""
    new = {output.path: output for output in outputs}
    changed = {
        **dict.fromkeys(comparison.created, "create"),
        **dict.fromkeys(comparison.replaced, "replace"),
        **dict.fromkeys(comparison.removed, "remove"),
    }
    for path in sorted(changed):
        yield from _file_diff(destination / path, path, changed[path], new.get(path))


def changes_diff(destination: Path, changes: Sequence[Change]) -> Iterator[str]:
    """The lines of the diff that changes make to a service, but for its record."""
    for change in sorted(changes, key=lambda change: change.path):
        if change.path in RECORD_PATHS or _is_folder(change):
            continue
        action = "create" if change.old is None else "remove" if change.new is None else "replace"
        yield from _file_diff(destination / change.path, change.path, action, change.new)


def _is_folder(change: Change) -> bool:
    gone = change.new is None and change.old is not None and change.old.kind == "folder"
    return gone or isinstance(change.new, OutputFolder)


def _file_diff(standing: Path, path: str, action: str, output: Output | None) -> Iterator[str]:
    before = "" if action == "create" else _standing_text(standing)
    after = "" if action == "remove" or output is None else _new_text(output)
    if before is None or after is None:
        yield f"{path}: {action} (binary)\n"
        return
    old_name = "/dev/null" if action == "create" else f"a/{path}"
    new_name = "/dev/null" if action == "remove" else f"b/{path}"
    old_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines = list(difflib.unified_diff(old_lines, new_lines, old_name, new_name))
    if not lines:
        yield f"{path}: {action} (empty, or only its mode or kind)\n"
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _new_text(output: Output) -> str | None:
    if isinstance(output, OutputFile):
        return None if isinstance(output.content, Path) else _decode(output.content)
    return f"link to {output.target}\n" if isinstance(output, OutputLink) else ""


def _standing_text(path: Path) -> str | None:
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
