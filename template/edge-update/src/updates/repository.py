"""A folder of signed releases, as any web server or a USB stick can offer it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from securesystemslib.signer import CryptoSigner
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

    Raises UpdateError if what is there is not signed by the keys that count.
    """

    def __init__(self, folder: Path, root: bytes) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._root_bytes = root
        try:
            self._root = self._newest_root(Metadata[Root].from_bytes(root))
            self._timestamp, self._snapshot, self._targets = self._newest()
        except (RepositoryError, StorageError, KeyError) as error:
            raise UpdateError(f"{folder}: cannot be extended: {error}") from error

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

    def _offer(self, targets: Targets, signers: Signers, days: int) -> None:
        self._metadata.mkdir(parents=True, exist_ok=True)
        if not (self._metadata / "1.root.json").exists():
            write_file(self._metadata / "1.root.json", self._root_bytes)
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
            self._verify(Metadata.from_bytes(content))
        except RepositoryError as error:
            raise UpdateError(
                f"the {signed.type} key is not the one that devices trust: {error}"
            ) from error
        write_file(self._metadata / f"{name}.json", content)

    def _newest(self) -> tuple[Timestamp | None, Snapshot | None, Targets | None]:
        if not (self._metadata / "timestamp.json").exists():
            return None, None, None
        timestamp = self._read(Metadata[Timestamp], "timestamp")
        snapshot = self._read(Metadata[Snapshot], f"{timestamp.snapshot_meta.version}.snapshot")
        version = snapshot.meta["targets.json"].version
        return timestamp, snapshot, self._read(Metadata[Targets], f"{version}.targets")

    def _read(self, kind: type[Metadata[S]], name: str) -> S:
        metadata = kind.from_file(str(self._metadata / f"{name}.json"))
        self._verify(metadata)
        return metadata.signed

    def _verify(self, metadata: Metadata[S]) -> None:
        signed, signatures = metadata.signed_bytes, metadata.signatures
        self._root.verify_delegate(metadata.signed.type, signed, signatures)

    def _newest_root(self, metadata: Metadata[Root]) -> Root:
        root = metadata.signed
        root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
        while (path := self._metadata / f"{root.version + 1}.root.json").exists():
            newer = Metadata[Root].from_file(str(path))
            root.verify_delegate(Root.type, newer.signed_bytes, newer.signatures)
            newer.signed.verify_delegate(Root.type, newer.signed_bytes, newer.signatures)
            root = newer.signed
        return root

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


def _signed(signed: S, signer: CryptoSigner) -> bytes:
    metadata = Metadata(signed)
    metadata.sign(signer)
    return metadata.to_bytes()


def _version(signed: Timestamp | Snapshot | Targets | None) -> int:
    return signed.version if signed else 0


def _in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
