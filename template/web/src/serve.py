"""Serves the model: ``python -m src.serve`` listens and keeps WORKERS processes that answer.

This process imports nothing that is heavy or starts threads: it stays small, and can fork safely.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

from src.app.board import Board, Slot
from src.configurations import Settings, read_settings
from src.utils.logger import configure_logging

TICK_SECONDS = 0.1
STABLE_SECONDS = 10.0
MAX_DELAY_SECONDS = 5.0
BACKLOG = 2048
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """A slot's process; ``pid`` is 0 while there is none."""

    number: int
    slot: Slot
    pid: int = 0
    born: float = 0.0
    due: float = 0.0
    failures: int = 0
    hung: bool = False


class Supervisor:
    """Starts the workers, replaces those that die or hang, and ends them all."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        board = Board(settings.workers)
        self._workers = [Worker(number, slot) for number, slot in enumerate(board.slots)]
        self._settings = settings
        self._listener = listener
        self._ready = False
        self._awake_since = 0.0
        self._deadline: float | None = None
        self._failed = False
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._mouth, False)
        signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)  # seen by way of the pipe

    def run(self) -> int:
        """Serve until told to end; the exit code: 1 if a request had to be cut off."""
        ticked = time.monotonic()
        while True:
            now = time.monotonic()
            if now - ticked > 10 * TICK_SECONDS:
                self._awake_since = now  # all of us stood still, as in a container that is paused
            ticked = now
            self._reap(now)
            if self._deadline is None:
                self._look_after(now)
            elif not any(worker.pid for worker in self._workers):
                return int(self._failed)
            elif now > self._deadline:
                self._kill(signal.SIGKILL)
            for number in self._heard():
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._end()

    def _heard(self) -> bytes:
        """The signals of this tick, one in each byte."""
        readable, _, _ = select.select([self._ear], [], [], TICK_SECONDS)
        return os.read(self._ear, 4096) if readable else b""

    def _look_after(self, now: float) -> None:
        first = self._workers[0]
        if not self._ready and first.slot.heartbeat:
            self._ready = True
            logger.info("%d workers on port %d", len(self._workers), self._settings.port)
        # The others wait for the first one: what is wrong with the model is told once.
        for worker in self._workers if self._ready else [first]:
            if not worker.pid:
                if now >= worker.due:
                    self._start(worker, now)
            elif worker.slot.heartbeat and not worker.hung:
                # How long a start may take is for the startup probe to decide.
                well = max(worker.slot.heartbeat, self._awake_since)
                if now - well > self._settings.hang_seconds:
                    worker.hung = True
                    os.kill(worker.pid, signal.SIGKILL)

    def _start(self, worker: Worker, now: float) -> None:
        worker.born, worker.hung = now, False
        worker.slot.heartbeat = 0.0
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a new process must not miss its end
        worker.pid = worker.slot.pid = os.fork()
        if not worker.pid:
            worker.slot.pid = os.getpid()
            self._work(worker.slot)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _work(self, slot: Slot) -> NoReturn:
        """What the new process does."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            os.close(self._ear)
            os.close(self._mouth)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; we decide
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            from src.app.worker import work

            code = work(self._listener, slot, self._settings)
        except SystemExit:
            pass  # uvicorn's, which has logged why
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self, now: float) -> None:
        """Take note of the processes that ended; the first of a container inherits others, too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for worker in self._workers:
                if worker.pid == pid:
                    self._ended(worker, os.waitstatus_to_exitcode(status), now)

    def _ended(self, worker: Worker, code: int, now: float) -> None:
        pid, worker.pid = worker.pid, 0
        if self._deadline is not None:
            self._failed |= code not in (0, -signal.SIGTERM)
            return
        if worker.hung:
            reason = f"was killed: no sign of life for {self._settings.hang_seconds:g} seconds"
        else:
            reason = f"died of {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        if not self._ready:
            if code < 0:
                logger.error("the first worker %s while it started", reason)
            self._deadline, self._failed = now, True
            return
        worker.failures = 0 if now - worker.born > STABLE_SECONDS else worker.failures + 1
        delay = min(MAX_DELAY_SECONDS, 2.0**worker.failures / 4) if worker.failures > 1 else 0.0
        worker.due = now + delay
        worker.slot.restarts += 1
        logger.error(
            "worker %d (pid %d) %s; the next one starts in %g seconds",
            worker.number, pid, reason, delay,
        )  # fmt: skip

    def _end(self) -> None:
        """The first time, the workers finish what they have; the second time, at once."""
        now = time.monotonic()
        if self._deadline is not None:
            self._deadline = now
            return
        self._deadline = now + self._settings.drain_seconds + self._settings.grace_seconds
        self._listener.close()
        self._kill(signal.SIGTERM)

    def _kill(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, IPv4 or IPv6; ``::`` takes both. Raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)


def main() -> int:
    try:
        settings = read_settings(os.environ)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    configure_logging(settings.log_level, settings.log_format)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        reason = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
        print(f"error: {reason}", file=sys.stderr)
        return 1
    return Supervisor(settings, listener).run()


if __name__ == "__main__":
    sys.exit(main())
