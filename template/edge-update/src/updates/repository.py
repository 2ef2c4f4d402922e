"""A folder of signed releases, as any web server or a USB stick can offer it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import RepositoryError, StorageError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from .durable import write_file
from .errors import UpdateError
from .keys import ROLES

ROOT_DAYS = 3650
"""Devices that were not updated in so long cannot be any more."""

S = TypeVar("S", Timestamp, Snapshot, Targets, Root)
Signers = Mapping[str, CryptoSigner]


def first_root(signers: Signers) -> bytes:
    """What devices are shipped with: which keys count."""
    root = Root(version=1, expires=_in_days(ROOT_DAYS), consistent_snapshot=True)
    for role in ROLES:
        root.add_key(signers[role].public_key, role)
    return _signed(root, signers[Root.type])


class Repository:
    """What was published in a folder so far, verified by the ``root`` that devices trust.

    ``resuming`` says that the replacement of a key was broken off, so that what the former one
    signed still counts. Raises UpdateError if what is there is not signed by the keys that count.
    """

    def __init__(self, folder: Path, root: bytes, *, resuming: bool = False) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._first_root = root
        try:
            roots = self._read_roots(root)
            self._root = roots[-1]
            counting = roots[-2:] if resuming else roots[-1:]
            self._timestamp, self._snapshot, self._targets = self._newest(counting)
        except (RepositoryError, StorageError, KeyError) as error:
            raise UpdateError(
                f"{folder}: what was published here is not signed by the keys that devices trust:"
                f" {error}"
            ) from error

    @property
    def is_empty(self) -> bool:
        return self._targets is None

    def target(self, name: str) -> TargetFile | None:
        """A file of the newest release."""
        return self._targets.targets.get(name) if self._targets else None

    def publish(
        self, files: Mapping[str, Path], custom: object, signers: Signers, days: int
    ) -> None:
        """Put files in place of those published last. Raises OSError.

        Nothing of it is offered before the last step, which replaces timestamp.json.
        """
        targets = Targets(expires=_in_days(days), version=_version(self._targets) + 1)
        for name, path in files.items():
            target = TargetFile.from_file(name, str(path))
            target.unrecognized_fields["custom"] = custom
            targets.targets[name] = target
            place = self._folder / "targets" / target.get_prefixed_paths()[0]
            place.parent.mkdir(parents=True, exist_ok=True)
            write_file(place, path.read_bytes())
        kept = self._targets
        self._offer(targets, signers, days)
        self._prune(targets, kept)

    def renew(self, signers: Signers, days: int) -> None:
        """Sign again what was published last. Raises UpdateError if nothing was, and OSError.

        The releases' own signature is renewed too, if its key is among ``signers``.
        """
        if self._targets is None:
            raise UpdateError(f"{self._folder}: nothing is published here; publish a release first")
        targets = self._targets
        if Targets.type in signers:
            targets.version += 1
            targets.expires = _in_days(days)
        self._offer(targets, signers, days)

    def trusts(self, role: str, key: Key) -> bool:
        """Whether a role's metadata counts when this key signed it."""
        return key.keyid in self._root.roles[role].keyids

    def replace_key(self, role: str, key: CryptoSigner, root: CryptoSigner) -> None:
        """Let another key count for a role, signed by the ``root`` key so far. Raises OSError.

        Devices learn of it at their next update. What the old key signed does not count any more.
        """
        for keyid in list(self._root.roles[role].keyids):
            self._root.revoke_key(keyid, role)
        self._root.add_key(key.public_key, role)
        self._root.version += 1
        self._root.expires = _in_days(ROOT_DAYS)
        metadata = Metadata(self._root)
        metadata.sign(root)
        if role == Root.type:
            metadata.sign(key, append=True)
        self._put_first_root()
        write_file(self._metadata / f"{self._root.version}.root.json", metadata.to_bytes())

    def _put_first_root(self) -> None:
        self._metadata.mkdir(parents=True, exist_ok=True)
        if not (self._metadata / "1.root.json").exists():
            write_file(self._metadata / "1.root.json", self._first_root)

    def _offer(self, targets: Targets, signers: Signers, days: int) -> None:
        self._put_first_root()
        if targets is not self._targets or Targets.type in signers:
            self._write(f"{targets.version}.targets", targets, signers[Targets.type])
        snapshot = Snapshot(
            version=_version(self._snapshot) + 1,
            expires=_in_days(days),
            meta={"targets.json": MetaFile(targets.version)},
        )
        self._write(f"{snapshot.version}.snapshot", snapshot, signers[Snapshot.type])
        timestamp = Timestamp(
            version=_version(self._timestamp) + 1,
            expires=_in_days(days),
            snapshot_meta=MetaFile(snapshot.version),
        )
        self._write("timestamp", timestamp, signers[Timestamp.type])

    def _write(self, name: str, signed: S, signer: CryptoSigner) -> None:
        content = _signed(signed, signer)
        try:
            _verify(Metadata.from_bytes(content), [self._root])
        except RepositoryError as error:
            raise UpdateError(
                f"the {signed.type} key is not the one that devices trust: {error}"
            ) from error
        write_file(self._metadata / f"{name}.json", content)

    def _newest(
        self, roots: Sequence[Root]
    ) -> tuple[Timestamp | None, Snapshot | None, Targets | None]:
        if not (self._metadata / "timestamp.json").exists():
            return None, None, None
        timestamp = self._read(Metadata[Timestamp], "timestamp", roots)
        version = timestamp.snapshot_meta.version
        snapshot = self._read(Metadata[Snapshot], f"{version}.snapshot", roots)
        version = snapshot.meta["targets.json"].version
        return timestamp, snapshot, self._read(Metadata[Targets], f"{version}.targets", roots)

    def _read(self, kind: type[Metadata[S]], name: str, roots: Sequence[Root]) -> S:
        metadata = kind.from_file(str(self._metadata / f"{name}.json"))
        _verify(metadata, roots)
        return metadata.signed

    def _read_roots(self, first: bytes) -> list[Root]:
        """The first root and those that followed it, each signed by the one before and itself."""
        metadata = Metadata[Root].from_bytes(first)
        _verify(metadata, [metadata.signed])
        roots = [metadata.signed]
        while (path := self._metadata / f"{roots[-1].version + 1}.root.json").exists():
            metadata = Metadata[Root].from_file(str(path))
            _verify(metadata, roots[-1:])
            _verify(metadata, [metadata.signed])
            roots.append(metadata.signed)
        return roots

    def _prune(self, *kept: Targets | None) -> None:
        """Remove files of releases before the last two: a device may still be fetching one."""
        names = {
            name
            for targets in kept
            if targets is not None
            for target in targets.targets.values()
            for name in target.get_prefixed_paths()
        }
        for path in (self._folder / "targets").iterdir():
            if path.name not in names:
                path.unlink()


def _verify(metadata: Metadata[S], roots: Sequence[Root]) -> None:
    """Raises RepositoryError unless the keys of one of these roots signed it."""
    for root in roots[:-1]:
        with contextlib.suppress(RepositoryError):
            _verify(metadata, [root])
            return
    signed, signatures = metadata.signed_bytes, metadata.signatures
    roots[-1].verify_delegate(metadata.signed.type, signed, signatures)


def _signed(signed: S, signer: CryptoSigner) -> bytes:
    metadata = Metadata(signed)
    metadata.sign(signer)
    return metadata.to_bytes()


def _version(signed: Timestamp | Snapshot | Targets | None) -> int:
    return signed.version if signed else 0


def _in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
