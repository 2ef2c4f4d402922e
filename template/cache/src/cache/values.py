"""What caches have, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from src.ml.signature import Tensor

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Kind:
    """Which values a cache has: its name, where the store keeps them, and the dtypes that they may
    have, by name."""

    name: str
    space: str
    expected: Mapping[str, str]


@dataclass(slots=True)
class Found:
    """A value, until when it is fresh by ``time.time``, and whether it was kept rather than made."""

    tensors: Tensors
    fresh_until: float
    kept: bool


@dataclass(slots=True)
class Wanted:
    """A value that is asked for: its key of 16 bytes, and its name, if it has one, for the log."""

    key: bytes
    name: str | None = None
