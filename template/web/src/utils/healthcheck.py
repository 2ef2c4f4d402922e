"""Exits with 0 if the service on this machine is ready: the image's HEALTHCHECK."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException


def is_ready(port: int, timeout: float = 2.0) -> bool:
    """Whether ``/health/ready`` answers 200 within ``timeout`` seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready(int(os.environ["PORT"])))
