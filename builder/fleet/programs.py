"""What decides how a service turns out, besides what it is made from."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from builder import __version__


@cache
def programs() -> list[str]:
    """The versions of infergen, and of those that render templates and run models for it."""
    return [__version__, *map(version, ("jinja2", "onnx", "onnxruntime"))]
