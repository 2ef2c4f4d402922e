"""What can be wrong with an update or a publication."""

from __future__ import annotations


class UpdateError(Exception):
    """It cannot be done; the message says why, and what to do. What the device runs is untouched."""
