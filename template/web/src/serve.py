"""Serves the model: ``python -m src.serve`` listens and keeps WORKERS processes that answer."""

from __future__ import annotations

import os
import socket
import sys

from src.app.supervisor import Supervisor
from src.configurations import read_settings
from src.utils.logger import configure_logging


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, IPv4 or IPv6; ``::`` takes both. Raises ValueError if there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(
            (host, port), family=family, backlog=2048, dualstack_ipv6=both
        )
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise ValueError(f"cannot listen on HOST {host}, PORT {port}: {reason}") from error
    listener.setblocking(False)  # of two workers that accept at once, one gets nothing
    return listener


def main() -> int:
    try:
        settings = read_settings(os.environ)
        listener = listen(settings.host, settings.port)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    configure_logging(settings.log_level, settings.log_format)
    return Supervisor(settings, listener).run()


if __name__ == "__main__":
    sys.exit(main())
