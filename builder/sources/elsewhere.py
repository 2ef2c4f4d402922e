"""From what ``--templates`` says to a folder here, and to what a record is to say of it."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from pathlib import Path

from builder.errors import SourceError
from builder.paths import resolve_inside
from builder.record import Source
from builder.sources import archive, cache, git
from builder.sources.address import Address, git_url, is_local, parse, without_credentials

TAKES = (
    "--templates takes a template set's folder, a zip, or a git URL such as"
    " https://host/org/set.git@v1#sub/folder"
)


def fetch(text: str, *, local: bool) -> tuple[Path, Source | None, Path]:
    """The set's folder, what a record says of it, and the root of all that was fetched.

    Raises SourceError or UnsafePathError.
    """
    address = parse(text)
    location = _expand(address.location)
    if location.lower().endswith(".zip"):
        root, source = _from_zip(location, text, local=local)
    else:
        root, source = _from_git(location, address, text, local=local)
    folder = root if address.folder is None else resolve_inside(root, address.folder)
    if not folder.is_dir():
        raise SourceError(f"{without_credentials(text)}: no folder {address.folder} in it")
    return folder, source, root


def _expand(location: str) -> str:
    """With cookiecutter's abbreviations replaced, and the user's own. Raises SourceError."""
    from cookiecutter import config, exceptions, repository  # noqa: PLC0415 - slow; few need it

    # It logs what it raises as well, with a traceback.
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())
    try:
        abbreviations = config.get_user_config()["abbreviations"]
        expanded: str = repository.expand_abbreviations(location, abbreviations)
    except (exceptions.CookiecutterException, OSError) as error:
        raise SourceError(f"cookiecutter's settings: {error}") from None
    except (LookupError, ValueError, TypeError, AttributeError):
        raise SourceError(
            f"{location}: cookiecutter's settings have no such abbreviation"
        ) from None
    return expanded


def _from_git(
    location: str, address: Address, text: str, *, local: bool
) -> tuple[Path, Source | None]:
    from cookiecutter.repository import is_repo_url  # noqa: PLC0415 - as above

    shown = without_credentials(text)
    if not is_repo_url(location):
        raise SourceError(f"{shown}: no such folder; {TAKES}{_hint(address)}")
    url = git_url(location)
    git.check_name(url)
    if is_local(url) and not local:
        raise SourceError(f"{shown}: a set from elsewhere cannot lead to this machine's files")
    key = hashlib.sha256(url.encode()).hexdigest()[:32]
    if address.ref is not None and git.is_commit(address.ref):
        commit = address.ref
    else:
        commit = _commit_of(url, address.ref, key)
    root = cache.keep(key, commit, lambda into: git.clone(url, commit, into))
    return root, Source(shown, commit)


def _commit_of(url: str, ref: str | None, key: str) -> str:
    """A tag or a branch may move, so only a commit does without asking where it is."""
    try:
        return git.commit_of(url, ref)
    except SourceError as error:
        known = cache.names(key)
        if not known:
            raise
        raise SourceError(
            f"{error}\nWhat was fetched last is still here, by its commit: @{known[0]}"
        ) from None


def _hint(address: Address) -> str:
    """For a tag or sub-folder of a repository that lies here."""
    folder = Path(address.location)
    if address.ref is None or not folder.is_dir():
        return ""
    return f"; for a tag of the repository here: {folder.resolve().as_uri()}@{address.ref}"


def _from_zip(location: str, text: str, *, local: bool) -> tuple[Path, Source | None]:
    from cookiecutter.repository import is_repo_url  # noqa: PLC0415 - as above

    shown = without_credentials(text)
    if not is_repo_url(location):
        path = Path(location)
        if not local:
            raise SourceError(f"{shown}: a set from elsewhere cannot lead to this machine's files")
        if not path.is_file():
            raise SourceError(f"{shown}: no such file; {TAKES}")
        digest = archive.digest_of(path, shown)
        root = cache.keep("zip", digest, lambda into: archive.unpack(path, into, shown))
        return root, None
    with tempfile.TemporaryDirectory(prefix="infergen-") as folder:
        downloaded = archive.download(location, Path(folder))
        digest = archive.digest_of(downloaded, shown)
        root = cache.keep("zip", digest, lambda into: archive.unpack(downloaded, into, shown))
    return root, Source(shown)
