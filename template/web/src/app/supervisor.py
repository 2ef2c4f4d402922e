"""Starts the processes that answer, replaces those that die or hang, and ends them all.

The process that does this imports nothing that is heavy or starts threads: it stays small and may
fork at any time.
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
from src.configurations import Settings

TICK_SECONDS = 0.1
STABLE_SECONDS = 10.0  # who lives longer is not one of those that die again and again
LONGEST_DELAY_SECONDS = 5.0
PATIENCE_AT_START = 10  # a model may take that many times HANG_SECONDS to be loaded
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """The process that works in a slot; ``pid`` is 0 while there is none, until ``due``."""

    number: int
    slot: Slot
    pid: int = 0
    born: float = 0.0
    due: float = 0.0
    failures: int = 0
    ready: bool = False
    hung: bool = False


class Supervisor:
    """Keeps WORKERS workers on one listening socket, which outlives each of them."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._workers = [Worker(*each) for each in enumerate(Board(settings.workers).slots)]
        self._ready = False
        self._failed = False
        self._deadline: float | None = None
        self._awake_since = 0.0
        # Each signal puts its number into a pipe, so that waiting for one has a time limit.
        self._inbox, outbox = os.pipe()
        os.set_blocking(outbox, False)
        signal.set_wakeup_fd(outbox, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)

    def run(self) -> int:
        """Serve until told to end; the exit code: 1 if a worker failed in starting or ending."""
        before = time.monotonic()
        while True:
            now = time.monotonic()
            if now - before > 1:
                self._awake_since = now  # the workers stood still, too: a paused container
            before = now
            self._reap(now)
            if self._deadline is None:
                self._keep_up(now)
            elif not any(worker.pid for worker in self._workers):
                return int(self._failed)
            elif now > self._deadline:
                self._send(signal.SIGKILL)
            readable, _, _ = select.select([self._inbox], [], [], TICK_SECONDS)
            for number in os.read(self._inbox, 4096) if readable else b"":
                if number != signal.SIGCHLD:
                    self._end()

    def _keep_up(self, now: float) -> None:
        # The others wait for the first, so that what is wrong with the model is told once.
        for worker in self._workers if self._ready else self._workers[:1]:
            if not worker.pid:
                if now >= worker.due:
                    self._start(worker, now)
                continue
            heartbeat = worker.slot.heartbeat
            if not worker.ready and heartbeat:
                self._ready = worker.ready = True
                logger.info("worker %d, pid %d, is ready", worker.number, worker.pid)
            patience = self._settings.hang_seconds * (1 if worker.ready else PATIENCE_AT_START)
            if now - max(worker.born, heartbeat, self._awake_since) > patience and not worker.hung:
                worker.hung = True
                os.kill(worker.pid, signal.SIGKILL)

    def _start(self, worker: Worker, now: float) -> None:
        worker.slot.heartbeat = 0.0
        worker.born, worker.ready, worker.hung = now, False, False
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the child has its own handlers
        try:
            worker.pid = os.fork()
            if not worker.pid:
                self._work(worker.slot)
            worker.slot.pid = worker.pid
        except OSError as error:
            worker.due = now + LONGEST_DELAY_SECONDS
            logger.error("worker %d cannot be started: %s", worker.number, error.strerror)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _work(self, slot: Slot) -> NoReturn:
        """What the child does."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all of us
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            from src.app.worker import work

            code = work(self._listener, slot, self._settings)
        except SystemExit:
            pass  # uvicorn has logged why
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # a thread that never ends must not hold it up

    def _reap(self, now: float) -> None:
        """Take note of who ended; a container's first process inherits strangers, too."""
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
        pid, worker.pid, worker.slot.pid = worker.pid, 0, 0
        if self._deadline is not None:
            self._failed |= code not in (0, -signal.SIGTERM)
            return
        reason = f"died of {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        if worker.hung:
            reason = "was killed, having shown no sign of life"
        if not self._ready:
            if code < 0:
                print(f"error: the first worker {reason} while it started", file=sys.stderr)
            self._deadline, self._failed = now, True
            return
        worker.failures = 1 if now - worker.born > STABLE_SECONDS else worker.failures + 1
        delay = min(LONGEST_DELAY_SECONDS, (2.0 ** (worker.failures - 1) - 1) / 2)
        worker.due = now + delay
        worker.slot.restarts += 1
        logger.error("worker %d, pid %d, %s; next in %g seconds", worker.number, pid, reason, delay)

    def _end(self) -> None:
        """Have the workers finish what they have; a second time, have them end at once."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._settings.drain_seconds + self._settings.grace_seconds
            self._listener.close()
            self._send(signal.SIGTERM)
        else:
            self._deadline = now

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)
