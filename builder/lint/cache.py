"""What earlier runs found out about a set, so that only what changed is looked at again.

One JSON file for each set, in the user's cache folder. Its keys are digests of all that an answer
depends on, so nothing in it can be out of date; it may be deleted at any time. A run keeps what it
used and forgets the rest. Without a folder to write to, everything is looked at each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from builder.write.single import write_file

_LARGEST = 64 * 1024 * 1024


class Cache:
    """Answers by section and key; ``save`` writes those that this run asked for or put in."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._before: dict[str, Any] = {} if path is None else _read(path)
        self._now: dict[str, dict[str, Any]] = {}

    def get(self, section: str, key: str) -> Any:
        """The answer as JSON has it, or None; it comes from a file that anybody may have edited."""
        found = self._now.get(section, {}).get(key)
        if found is None:
            found = self._before.get(section, {}).get(key)
            if found is not None:
                self.put(section, key, found)
        return found

    def put(self, section: str, key: str, answer: Any) -> None:
        self._now.setdefault(section, {})[key] = answer

    def save(self) -> None:
        """Write the file anew, if it would change and can be written."""
        if self._path is None or self._now == self._before:
            return
        with contextlib.suppress(OSError):
            raw = json.dumps(self._now, separators=(",", ":"))
            write_file(self._path, raw.encode())
        self._before = self._now

    def next_run(self) -> Cache:
        """A cache for the next run of the same process, which reads no file again."""
        following = Cache(None)
        following._path = self._path
        following._before = self._now
        return following


def open_cache(root: Path) -> Cache:
    """The cache of the set in this folder."""
    folder = cache_folder()
    if folder is None:
        return Cache(None)
    name = hashlib.sha256(f"{made_by()} {root.resolve()}".encode("utf-8", "surrogateescape"))
    return Cache(folder / "lint" / f"{name.hexdigest()[:32]}.json")


def cache_folder() -> Path | None:
    """infergen's folder under ``$XDG_CACHE_HOME`` or ``~/.cache``; None without either."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "infergen"
    with contextlib.suppress(RuntimeError):
        return Path("~/.cache").expanduser() / "infergen"
    return None


def digest(*parts: str | bytes) -> str:
    """A key that two different lists of parts never share."""
    total = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        total.update(b"%d " % len(raw) + raw)
    return total.hexdigest()[:32]


@cache
def made_by(part: str = "") -> str:
    """Changes with infergen's code, or one package of it, and with the libraries behind it."""
    package = Path(__file__).resolve().parent.parent / part
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.parent.name != "precompiled":
            status = path.stat()
            total.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    for library in ("jinja2", "onnxruntime", "pyyaml"):
        total.update(f"{library} {metadata.version(library)}\n".encode())
    return total.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(part, dict) for part in found.values()):
        return {}
    return found
