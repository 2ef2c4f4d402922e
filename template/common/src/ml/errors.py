"""What can be wrong with a request, and with the model."""

from __future__ import annotations


class InputError(ValueError):
    """The data is not what the model takes; the message says what was expected and what came."""


class ModelError(Exception):
    """The model or its labels cannot be served; the message says which file and what to do."""
