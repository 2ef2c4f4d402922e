"""IDs are checked before they touch a path or a URL."""

from __future__ import annotations

import re

from src.ml.errors import InputError

_ID = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._-]{0,127}", flags=re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text can be an ID: letters, digits, ``_``, and behind the first also ``.`` and ``-``."""
    return _ID.fullmatch(text) is not None and ".." not in text


def checked_id(text: str) -> str:
    """The same text. Raises InputError."""
    if not is_id(text):
        raise InputError(
            "expected an ID of at most 128 letters, digits, _, . and -, beginning with one of the"
            f" first three, got {text[:200]!r}"
        )
    return text
