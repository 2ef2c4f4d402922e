"""Logging of the service itself; uvicorn logs the requests."""

from __future__ import annotations

import logging


def configure_logging(level: str) -> None:
    """Log to standard error: what the service says from ``level`` upwards, others' warnings."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("src").setLevel(level.upper())
