"""What an update does to one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal[
    "unchanged", "create", "replace", "remove", "rename", "merge", "restore", "heal",
    "edited", "deleted", "kept", "beside",
]  # fmt: skip
"""In the last four, what the user did to the file stands; all but ``beside`` write nothing."""

BESIDE = ".infergen-new"
"""Ends the name of what is generated now, where it cannot be joined with what stands there."""


@dataclass(frozen=True, slots=True)
class FileUpdate:
    """One file of an update; ``origin`` is where a renamed one lay.

    A ``conflict`` is left for a person to settle: marked lines in the file, or another file beside.
    """

    path: str
    action: Action
    why: str = ""
    conflict: bool = False
    origin: str | None = None
