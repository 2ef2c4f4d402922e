"""The publisher's side: keys, releases, and their renewal. All of it works offline."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from ..about import COMMAND
from . import durable
from .apart import CrashedError, run_apart
from .candidate import prepare
from .compatibility import signature
from .errors import UpdateError
from .keys import key_file, make_keys, make_next_key, next_key_file, read_key, read_next_key
from .release import RELEASE_FILE, Budget, Release, facts_of, is_file_name, target_name, to_bytes
from .repository import Repository, first_root
from .self_test import Measured, self_test
from .slots import Slot


@dataclass(frozen=True, slots=True)
class Published:
    """The release that a folder offers now, and what its test measured on this machine."""

    release: Release
    measured: Measured


def init(keys: Path, root: Path) -> None:
    """Make keys, and the file by which devices will know them. Raises UpdateError."""
    with _telling():
        if root.exists():
            raise UpdateError(
                f"{root} exists, and devices may trust it; to begin anew, remove it first"
            )
        signers = make_keys(keys)
        durable.write_file(root, first_root(signers))


def publish(
    model: Path,
    to: Path,
    *,
    keys: Path,
    root: Path,
    version: str,
    days: int,
    budget: Budget,
    labels: Path | None = None,
    golden: Mapping[str, Any] | None = None,
) -> Published:
    """Add a release to a folder, once it has passed the test that devices will give it.

    ``model`` is an ONNX file, or a folder of models as this project's own; ``golden`` is data by
    the name of its file that it is to answer on devices as it does here, besides the sample. Raises UpdateError, and
    ModelError or InputError if the model cannot be run.
    """
    with _telling(), _publishing(to):
        signers = {role: read_key(keys, role) for role in _OF_RELEASES}
        repository = Repository(to, _read(root))
        with tempfile.TemporaryDirectory(prefix=f"{COMMAND}-") as made:
            folder = Path(made)
            _prepare(model, labels, version, golden or {}, folder)
            release = _describe(folder, _next_number(repository), version, budget)
            (folder / RELEASE_FILE).write_bytes(to_bytes(release))
            measured = self_test(Slot(folder, release))
            if measured.problem is not None:
                raise UpdateError(
                    f"{model}: failed its test, and is not published: {measured.problem}"
                )
            files = {target_name(name): folder / name for name in (*release.files, RELEASE_FILE)}
            if len(files) != len(release.files) + 1:
                raise UpdateError(f"{model}: some of its files have names that are too much alike")
            repository.publish(files, {"number": release.number}, signers, days)
    return Published(release, measured)


def renew(to: Path, *, keys: Path, root: Path, days: int) -> None:
    """Sign again what a folder offers, so that it does not expire. Raises UpdateError.

    The key that signs releases need not be among ``keys``, so that this can run by itself.
    """
    with _telling(), _publishing(to):
        roles = [role for role in _OF_RELEASES if role != Targets.type]
        if key_file(keys, Targets.type).exists():
            roles.append(Targets.type)
        signers: dict[str, CryptoSigner] = {role: read_key(keys, role) for role in roles}
        Repository(to, _read(root)).renew(signers, days)


def rotate(role: str, to: Path, *, keys: Path, root: Path, days: int) -> None:
    """Put a new key in place of a role's, as when it may have been seen by others.

    What is offered is signed again, so all keys must be there. Raises UpdateError.
    """
    with _telling(), _publishing(to):
        resuming = next_key_file(keys, role).exists()
        repository = Repository(to, _read(root), resuming=resuming)
        next_key = read_next_key(keys, role) if resuming else None
        if next_key is None or not repository.trusts(role, next_key.public_key):
            signer = read_key(keys, Root.type)
            if not repository.trusts(Root.type, signer.public_key):
                raise UpdateError(f"{key_file(keys, Root.type)}: not the key that devices trust")
            next_key = make_next_key(keys, role)
            repository.replace_key(role, next_key, signer)
        if role != Root.type and not repository.is_empty:
            others = {other: read_key(keys, other) for other in _OF_RELEASES if other != role}
            repository.renew({**others, role: next_key}, days)
        next_key_file(keys, role).replace(key_file(keys, role))
        durable.sync(keys)


_OF_RELEASES = (Targets.type, Snapshot.type, Timestamp.type)


def _prepare(
    model: Path, labels: Path | None, version: str, golden: Mapping[str, Any], folder: Path
) -> None:
    try:
        run_apart(prepare, model, labels, version, golden, folder)
    except CrashedError as error:
        raise UpdateError(f"{model}: not published, since {error}") from None


def _describe(folder: Path, number: int, version: str, budget: Budget) -> Release:
    files = {}
    for path in sorted(folder.iterdir()):
        if not is_file_name(path.name):
            raise UpdateError(f"{path.name!r}: a file of a release cannot be called so; rename it")
        files[path.name] = facts_of(path)
    return Release(COMMAND, number, version, signature(), budget, files)


def _next_number(repository: Repository) -> int:
    newest = repository.target(RELEASE_FILE)
    return 1 if newest is None else int(newest.custom["number"]) + 1


def _read(root: Path) -> bytes:
    try:
        return root.read_bytes()
    except OSError as error:
        raise UpdateError(
            f"{root}: cannot be read: {error.strerror}; {Root.type} keys and this file are made by"
            " publish init"
        ) from None


@contextlib.contextmanager
def _publishing(to: Path) -> Iterator[None]:
    to.mkdir(parents=True, exist_ok=True)
    try:
        with durable.locked(to / ".lock", wait=False):
            yield
    except BlockingIOError:
        raise UpdateError(f"{to}: another publication is at work; try again later") from None


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except shutil.SameFileError as error:
        raise UpdateError(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UpdateError(f"{where}{error.strerror}") from error
