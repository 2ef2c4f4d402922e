"""What ends a command with a message."""

from __future__ import annotations


class CommandError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""

    exit_code = 1


class UsageError(CommandError):
    """The options make no sense together."""

    exit_code = 2
