"""Signed updates of the model: two slots, one switch, and a way back."""

from __future__ import annotations

from pathlib import Path


def trusted_root(given: str | None = None) -> Path:
    """The file by which the publisher's keys are known: what was given, else the package's own."""
    return Path(given) if given else Path(__file__).with_name("root.json")
