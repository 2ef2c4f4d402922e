"""The one place where paths are joined and checked: nothing leaves the folder that it belongs to.

Paths of a service or a template set are POSIX and relative. What some system that a service may
travel to (Windows, macOS, a container) would read differently is refused, so that a service means
the same everywhere. All functions raise UnsafePathError, naming the path and the reason.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from builder.errors import UnsafePathError

RECORD_FOLDER = ".infergen"
"""The record's folder inside a service; nothing else may go there."""

MAX_COMPONENT_BYTES = 255
MAX_NAME_BYTES = 240
"""Less than a component, since the staging folder's name is made from the service's."""
MAX_PATH_BYTES = 4095
MAX_DEPTH = 100
"""Bounds the open folders and the recursion of everything that walks a service."""
_MAX_LINKS = 40
_LONGEST_SHOWN = 120

_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [device + digit for device in ("com", "lpt") for digit in "0123456789¹²³"]
)


def check_name(name: str) -> str:
    """Return ``name`` if it can be the name of a service's folder."""
    what = f"the name {_shown(name)}"
    if not name:
        raise UnsafePathError("the name is empty; a service needs a name, such as `sample`")
    if "/" in name:
        raise UnsafePathError(f"{what} is a path; give a plain name, and its folder by --output")
    _check_component(name, what)
    if name[0] in "-.":
        raise UnsafePathError(f"{what} begins with {name[0]!r}; begin it with a letter")
    if _has_drive(name):
        raise UnsafePathError(f"{what} begins with a drive letter")
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        raise UnsafePathError(f"{what} is longer than {MAX_NAME_BYTES} bytes")
    return name


def check_relative(path: str, *, what: str) -> str:
    """Return ``path`` if it is a safe relative path; ``what`` says where it was given."""
    fault = _fault_of(path)
    if fault is not None:
        raise UnsafePathError(f"{what}: {fault}")
    return path


@lru_cache(maxsize=4096)
def _fault_of(path: str) -> str | None:
    """What is wrong with a path; services of a fleet have the same ones, each several times."""
    if not path:
        return "the path is empty"
    about = f"the path {_shown(path)}"
    if path.startswith("/"):
        return f"{about} is absolute; give it relative to the service's folder"
    parts = path.split("/")
    try:
        for part in parts:
            _check_component(part, about)
    except UnsafePathError as error:
        return str(error)
    if _has_drive(path):
        return f"{about} begins with a drive letter"
    if len(parts) > MAX_DEPTH:
        return f"{about} lies deeper than {MAX_DEPTH} folders"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"{about} is longer than {MAX_PATH_BYTES} bytes"
    return None


def check_target(path: str, target: str, *, what: str) -> str:
    """Return ``target`` if a link at ``path`` that spells it stays inside the service."""
    about = f"{what}: the link {path} -> {_shown(target)}"
    if not target or target.startswith("/") or _has_drive(target):
        raise UnsafePathError(f"{about} has no relative target")
    depth = path.count("/")
    for part in target.split("/"):
        if part == "..":
            depth -= 1
        elif part not in ("", "."):
            _check_component(part, about)
            depth += 1
        if depth < 0:
            raise UnsafePathError(f"{about} leads outside")
    return target


def resolve_inside(root: Path, relative: str) -> Path:
    """The real path of ``root / relative``, links followed, which must lie inside ``root``.

    It need not exist.
    """
    check_relative(relative, what=str(root))
    inside = root.resolve()
    try:
        found = (inside / relative).resolve()
        loops = found.is_symlink()
    except RuntimeError:
        loops = True
    if loops:
        raise UnsafePathError(f"{root / relative}: a loop of links; remove it")
    if not found.is_relative_to(inside):
        raise UnsafePathError(f"{root / relative}: a link leads outside {root}, to {found}")
    return found


def check_link(root: Path, link: Path) -> str:
    """The target of a link below ``root`` as it is spelled, if every step to its end is inside.

    A chain is followed to something that exists. The way may not leave ``root`` even to come back,
    since the copy of it will stand elsewhere.
    """
    hops = 0
    position: list[str] = []
    pending = list(reversed(link.relative_to(root).parts))
    while pending:
        part = pending.pop()
        if part == "..":
            if not position:
                raise UnsafePathError(f"{link}: the link leads outside {root}")
            position.pop()
            continue
        here = root.joinpath(*position, part)
        if here.is_symlink():
            hops += 1
            if hops > _MAX_LINKS:
                raise UnsafePathError(f"{link}: a loop of links; remove it")
            # Path.readlink would change the spelling.
            target = os.readlink(here)
            within = "/".join([*position, part])
            check_target(within, target, what=str(link))
            pending.extend(reversed([p for p in target.split("/") if p not in ("", ".")]))
        else:
            position.append(part)
    if not link.exists():
        raise UnsafePathError(f"{link}: the link's target does not exist; remove the link")
    return os.readlink(link)


class Claims:
    """Who writes which path of a service: at most one source for each.

    Paths that differ only in case or Unicode normalisation count as the same, because they are on
    macOS and Windows.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, str, bool]] = {}

    def copy(self) -> Claims:
        """The same claims, to which others can be added apart."""
        other = Claims()
        other._taken = dict(self._taken)
        return other

    def claim(self, path: str, source: str, *, folder: bool = False) -> None:
        """Note that ``source`` writes ``path``; a folder may be claimed more than once."""
        check_relative(path, what=source)
        parts = path.split("/")
        if folded(parts[0]) == RECORD_FOLDER:
            raise UnsafePathError(
                f"{source}: {path}: {RECORD_FOLDER}/ is kept for infergen's record; choose another"
            )
        for depth in range(1, len(parts)):
            self._take("/".join(parts[:depth]), source, folder=True)
        self._take(path, source, folder=folder)

    def _take(self, path: str, source: str, *, folder: bool) -> None:
        key = folded(path)
        if key not in self._taken:
            self._taken[key] = (path, source, folder)
            return
        other_path, other, other_is_folder = self._taken[key]
        if other_path != path:
            raise UnsafePathError(
                f"{source} writes {path} and {other} writes {other_path}: these are one and the"
                " same where case or Unicode form is not told apart; rename one"
            )
        if folder != other_is_folder:
            file_for, folder_for = (other, source) if folder else (source, other)
            raise UnsafePathError(
                f"{path} is a file for {file_for}, but a folder for {folder_for}; rename one"
            )
        if not folder:
            raise UnsafePathError(f"{source} and {other} both write {path}; keep one")


def _check_component(part: str, about: str) -> None:
    if not part:
        raise UnsafePathError(f"{about} has an empty part")
    if part in (".", ".."):
        raise UnsafePathError(f"{about} has the part {part!r}, which may lead elsewhere")
    if "\\" in part:
        raise UnsafePathError(f"{about} has a backslash; folders are separated by /")
    if part.isascii():
        unclean = not part.isprintable()
    else:
        import unicodedata  # noqa: PLC0415 - most paths are ASCII and need none of it

        categories = {unicodedata.category(character) for character in part}
        if "Cs" in categories:
            raise UnsafePathError(f"{about} is not valid Unicode")
        unclean = not categories.isdisjoint(("Cc", "Zl", "Zp"))
    if unclean:
        raise UnsafePathError(f"{about} has a control character")
    if part[-1] in ". ":
        raise UnsafePathError(f"{about} has a part that ends in a dot or a space")
    if part.partition(".")[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
        raise UnsafePathError(f"{about} has the part {part!r}, a device's name on Windows")
    if len(part.encode()) > MAX_COMPONENT_BYTES:
        raise UnsafePathError(f"{about} has a part longer than {MAX_COMPONENT_BYTES} bytes")


def _has_drive(path: str) -> bool:
    return path[1:2] == ":" and path[0].isascii() and path[0].isalpha()


def folded(path: str) -> str:
    """What paths have in common that differ only in case or Unicode normalisation."""
    if path.isascii():
        return path.lower()
    import unicodedata  # noqa: PLC0415 - most paths are ASCII and need none of it

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _shown(text: str) -> str:
    shown = repr(text)
    return (
        shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}… ({len(text)} long)"
    )
