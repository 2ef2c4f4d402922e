"""A service as it stands, looked at once: what is where, and what conflicts are left in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from builder.base import MAX_MERGED_BYTES, as_text, read_base
from builder.record import Entry, Record
from builder.update.files import BESIDE
from builder.update.merge import has_markers
from builder.write.journal import changed
from builder.write.tree import Tree

_MAX_MARKED_BYTES = 3 * MAX_MERGED_BYTES
"""A file with conflicts has what either side had, and markers."""


class Standing:
    """What stands in a service; each file is hashed once."""

    def __init__(self, tree: Tree, destination: Path, record: Record) -> None:
        self.tree = tree
        self.record = record
        self._destination = destination
        self._seen: dict[str, Entry | None] = {}
        self._base: Mapping[str, str] | None = None

    def observe(self, path: str) -> Entry | None:
        """What is at a path. Raises UnsafePathError if a link leads there."""
        if path not in self._seen:
            self._seen[path] = self.tree.observe(path)
        return self._seen[path]

    def content(self, path: str) -> bytes:
        """The content of a file that was observed. Raises WriteError if it changed since."""
        raw, seen = self.tree.read(path), self._seen[path]
        if raw is None or seen is None or hashlib.sha256(raw).hexdigest() != seen.value:
            raise changed(self.tree, path)
        return raw

    def text(self, path: str) -> str | None:
        """The text of a file that was observed; None if it is none that can be merged."""
        return None if self._is_larger(path, MAX_MERGED_BYTES) else as_text(self.content(path))

    def base_text(self, path: str) -> str | None:
        """A file's text as it was generated; None if the record has none, or not the right one."""
        if self._base is None:
            self._base = read_base(self._destination)
        text, entry = self._base.get(path), self.record.files.get(path)
        if text is None or entry is None:
            return None
        return text if hashlib.sha256(text.encode()).hexdigest() == entry.value else None

    def conflicts(self) -> tuple[str, ...]:
        """The generated files in which a former update's conflict is not settled yet."""
        return tuple(path for path in sorted(self.record.files) if self._is_open(path))

    def _is_open(self, path: str) -> bool:
        old, recorded = self.observe(path), self.record.files[path]
        edited = old is not None and old.kind == "file" and old.value != recorded.value
        readable = edited and not self._is_larger(path, _MAX_MARKED_BYTES)
        if readable and has_markers(self.content(path).decode("utf-8", "replace")):
            return True
        return recorded.kind != "folder" and self.observe(path + BESIDE) is not None

    def _is_larger(self, path: str, limit: int) -> bool:
        folder, name = self.tree.folder_of(path)
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size > limit
