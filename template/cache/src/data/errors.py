"""What may be wrong with an item that a request names."""

from __future__ import annotations


class UnknownIdError(Exception):
    """There is no item of this ID."""


class TooLargeError(Exception):
    """The item is larger than this service reads."""


class SourceError(Exception):
    """The source did not give the item; it may later."""
