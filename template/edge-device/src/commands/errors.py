"""What ends a command with a message."""

from __future__ import annotations


class CommandError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""
