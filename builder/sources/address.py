"""What ``--templates`` says: where a set lies, at which tag, branch or commit, in which sub-folder.

``URL@REF#SUB/FOLDER``. Only an ``@`` in the path counts, so ``git@host:org/set`` and
``https://user@host/set`` have no REF; an ``@`` that belongs to the path itself is written ``%40``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.errors import SourceError
from builder.paths import check_relative

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_SCHEME = re.compile(r"(?:git\+)?(https?|ssh|git|file)://(?P<rest>[^\s-]\S*)")
_SCP = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:[^\s-]\S*")
_CREDENTIALS = re.compile(r"(?P<scheme>\w+://)(?P<user>[^/@\s:]*)(?P<password>:[^/@\s]*)?@")
_ZIP = ".zip"


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of the text; what was not said is None."""

    location: str
    ref: str | None
    folder: str | None


def parse(text: str) -> Address:
    """The parts of what ``--templates`` says. Raises SourceError or UnsafePathError."""
    shown = without_credentials(text)
    if not text.isprintable():
        raise SourceError(f"{shown!r}: a source has no control characters")
    location, hash_sign, folder = text.partition("#")
    if hash_sign:
        check_relative(folder, what=shown)
    if location.lower().endswith(_ZIP):
        return Address(location, None, folder or None)
    start = _path_start(location)
    path, at_sign, ref = location[start:].rpartition("@")
    if not at_sign:
        return Address(location, None, folder or None)
    if not _REF.fullmatch(ref) or ".." in ref:
        raise SourceError(
            f"{shown}: no tag, branch or commit can be called {ref!r}; an @ that belongs to the"
            " path is written %40"
        )
    return Address(location[:start] + path, ref, folder or None)


def git_url(location: str) -> str:
    """The URL as git takes it. Raises SourceError for one that git is not to be given."""
    if location.startswith("hg+"):
        raise SourceError(
            f"{without_credentials(location)}: Mercurial is not supported; give a git URL or a zip"
        )
    if _SCHEME.fullmatch(location) or _SCP.fullmatch(location):
        return location.removeprefix("git+")
    raise SourceError(
        f"{without_credentials(location)}: not a URL that sets are fetched from; expected https://,"
        " ssh://, git://, file:// or user@host:path"
    )


def is_local(url: str) -> bool:
    """Whether a URL is of this machine's own files."""
    return url.startswith("file:")


def without_credentials(text: str) -> str:
    """For messages and records: no password, and no user of http, which may be a token."""

    def public(found: re.Match[str]) -> str:
        keeps_user = not found["scheme"].startswith("http") and found["user"]
        return f"{found['scheme']}{found['user']}@" if keeps_user else found["scheme"]

    return _CREDENTIALS.sub(public, text)


def _path_start(location: str) -> int:
    scheme, separator, rest = location.partition("://")
    if separator:
        slash = rest.find("/")
        return len(location) if slash < 0 else len(scheme) + len(separator) + slash
    return location.find(":") + 1
