"""What can be wrong with a request."""

from __future__ import annotations


class InputError(ValueError):
    """The data is not what the model takes; the message says what was expected and what came."""
