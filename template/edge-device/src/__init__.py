"""The model on a device: ``Engine`` reads data, runs the model on it, and tells what it answers.

ONNX Runtime's telemetry is turned off before any module of this package can import it, and nothing
of it is imported before ``Engine`` is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Answer, Engine

__all__ = ["Answer", "Engine"]

os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import engine

    return getattr(engine, name)
