"""A process that answers requests: uvicorn on the listening socket that all workers share."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, cast

import uvicorn

from src.app.app import create_app
from src.app.board import Slot
from src.app.connections import Connection, SlowClients
from src.app.gateway import Gateway
from src.configurations import Settings
from src.ml.errors import ModelError

HEARTBEAT_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep an idle connection: else they would send into one that we close."""


def work(listener: socket.socket, slot: Slot, settings: Settings) -> int:
    """Answer requests until told to end by SIGTERM; the exit code."""
    try:
        app = create_app(settings, slot)
    except (ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    # What was made so far stays, and requests leave no cycles: the collector has little to look for.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
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
    _Server(config, app, listener, slot, settings).run()
    return 0


class _Server(uvicorn.Server):
    """uvicorn's, which first drains when it is to end, and shows the supervisor that it is well."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Gateway,
        listener: socket.socket,
        slot: Slot,
        settings: Settings,
    ) -> None:
        super().__init__(config)
        self._service = app.service
        self._listener = listener
        self._slot = slot
        self._drain_seconds = settings.drain_seconds
        self._slow_clients = SlowClients(settings.body_timeout_seconds)
        self._supervisor = os.getppid()
        self._closes: float | None = None
        app.service.execution.more_come = lambda: len(self.server_state.tasks) > app.in_flight

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = {self._loop.create_task(self._keep_watch())}
        self._loop.add_reader(self._listener, self._accept)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await super().shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for SIGTERM, any number of times, and for the SIGINT of a terminal."""
        if sig == signal.SIGTERM and self._closes is None:
            self._drain(self._drain_seconds)

    async def on_tick(self, counter: int) -> bool:
        if self._closes is not None and time.monotonic() >= self._closes:
            self.should_exit = True
        return await super().on_tick(counter)

    def _accept(self) -> None:
        """Take one connection in a turn of the loop, so that the less busy worker takes more.

        uvloop's own server takes all that wait, and leaves the other workers without any.
        """
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return  # another worker was faster
        except OSError:  # no file is left to be opened
            self._loop.remove_reader(self._listener)
            self._loop.call_later(1, self._loop.add_reader, self._listener, self._accept)
            return
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._connection, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state, self._loop)

    def _drain(self, seconds: float) -> None:
        """Tell the readiness probe and the clients to go elsewhere, and serve on meanwhile."""
        self._service.draining = True
        self.config.encoded_headers.append((b"connection", b"close"))
        self._closes = time.monotonic() + seconds

    async def _keep_watch(self) -> None:
        while True:
            now = time.monotonic()
            # A run of the model that does not end is as bad as an event loop that stands still.
            self._slot.heartbeat = now - self._service.execution.oldest_run_seconds()
            connections = cast(set[Connection], self.server_state.connections)
            self._slow_clients.cut_off(list(connections), now)
            if self._closes is None and os.getppid() != self._supervisor:
                self._drain(0)
            await asyncio.sleep(HEARTBEAT_SECONDS)
