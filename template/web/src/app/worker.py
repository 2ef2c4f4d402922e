"""A process that answers requests: uvicorn on the listening socket that all workers share."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import cast

import uvicorn

from src.app.app import create_app
from src.app.board import Slot
from src.app.connections import Connection, SlowClients
from src.app.gateway import Gateway
from src.configurations import Settings

HEARTBEAT_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep an idle connection: else they would send into one that we close."""


def work(listener: socket.socket, slot: Slot, settings: Settings) -> int:
    """Answer requests until told to end by SIGTERM; the exit code."""
    try:
        app = create_app(settings, slot)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    _Server(config, app, slot, settings).run([listener])
    return 0


class _Server(uvicorn.Server):
    """uvicorn's, which first drains when it is to end, and shows the supervisor that it is well."""

    def __init__(
        self, config: uvicorn.Config, app: Gateway, slot: Slot, settings: Settings
    ) -> None:
        super().__init__(config)
        self._app = app
        self._slot = slot
        self._drain_seconds = settings.drain_seconds
        self._slow_clients = SlowClients(settings.body_timeout_seconds)
        self._supervisor = os.getppid()
        self._closes: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watch = asyncio.create_task(self._keep_watch())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for SIGTERM, any number of times, and for the SIGINT of a terminal."""
        if sig == signal.SIGTERM and self._closes is None:
            self._drain(self._drain_seconds)

    async def on_tick(self, counter: int) -> bool:
        if self._closes is not None and time.monotonic() >= self._closes:
            self.should_exit = True
        return await super().on_tick(counter)

    def _drain(self, seconds: float) -> None:
        """Tell the readiness probe and the clients to go elsewhere, and serve on meanwhile."""
        self._app.service.draining = True
        self.config.encoded_headers.append((b"connection", b"close"))
        self._closes = time.monotonic() + seconds

    async def _keep_watch(self) -> None:
        while True:
            now = time.monotonic()
            # A run of the model that does not end is as bad as an event loop that stands still.
            self._slot.heartbeat = now - self._app.service.execution.oldest_run_seconds()
            connections = cast(set[Connection], self.server_state.connections)
            self._slow_clients.cut_off(list(connections), now)
            if self._closes is None and os.getppid() != self._supervisor:
                self._drain(0)
            await asyncio.sleep(HEARTBEAT_SECONDS)
