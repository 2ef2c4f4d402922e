"""The publisher's keys: one file for each role, made and kept offline, readable by their owner only.

``root`` says which keys count and is needed once in years; ``targets`` signs releases; ``snapshot``
and ``timestamp`` say that these are still the newest, and may lie where renewing runs by itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from .errors import UpdateError

ROLES = (Root.type, Targets.type, Snapshot.type, Timestamp.type)


def make_keys(folder: Path) -> dict[str, CryptoSigner]:
    """New keys for all roles, in a folder that has none. Raises UpdateError, and OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for role in ROLES:
        if key_file(folder, role).exists():
            raise UpdateError(
                f"{key_file(folder, role)} exists; new keys would lock out every device that trusts"
                " the old ones: choose another --keys, or move them away"
            )
    return {role: _make(key_file(folder, role)) for role in ROLES}


def make_next_key(folder: Path, role: str) -> CryptoSigner:
    """The key that is to replace that of a role; it lies beside it. Raises OSError."""
    path = next_key_file(folder, role)
    path.unlink(missing_ok=True)
    return _make(path)


def read_key(folder: Path, role: str) -> CryptoSigner:
    """The key of a role. Raises UpdateError."""
    return _read(key_file(folder, role))


def read_next_key(folder: Path, role: str) -> CryptoSigner:
    """The key that is about to replace that of a role. Raises UpdateError."""
    return _read(next_key_file(folder, role))


def _read(path: Path) -> CryptoSigner:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
        mode = path.stat().st_mode
    except OSError as error:
        raise UpdateError(
            f"{path}: cannot be read: {error.strerror}; publish init makes the keys"
        ) from None
    except (ValueError, TypeError):
        raise UpdateError(f"{path}: no private key without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UpdateError(f"{path}: no ed25519 key")
    if mode & 0o077:
        raise UpdateError(f"{path}: others can read this key; chmod 600 {path}")
    return CryptoSigner(key)


def _make(path: Path) -> CryptoSigner:
    signer = CryptoSigner.generate_ed25519()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(signer.private_bytes)
        file.flush()
        os.fsync(file.fileno())
    return signer


def key_file(folder: Path, role: str) -> Path:
    """Where the key of a role lies."""
    return folder / f"{role}.pem"


def next_key_file(folder: Path, role: str) -> Path:
    """Where the key lies that is about to replace that of a role."""
    return folder / f"{role}.next.pem"
