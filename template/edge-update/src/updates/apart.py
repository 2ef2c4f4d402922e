"""Runs what runs a model in a process of its own: some models crash theirs."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection


class CrashedError(Exception):
    """The process ended before it was done; the message says how."""


def run_apart(function: Callable[..., None], *arguments: object) -> None:
    """Call a function of a module with such arguments as can be pickled, and wait for its end.

    Raises what the function raises, and CrashedError if its process ends without a word.
    """
    context = get_context("spawn")
    outcome, reported = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(reported, function, arguments), daemon=True)
    try:
        with _interrupts_are_ours():
            process.start()
        reported.close()
        try:
            error = outcome.recv()
        except EOFError:
            process.join()
            raise CrashedError(_how(process.exitcode)) from None
    finally:
        outcome.close()
        if process.pid is not None:
            process.kill()
            process.join()
    if error is not None:
        raise error


def _report(
    reported: Connection, function: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    error: Exception | None = None
    try:
        function(*arguments)
    except Exception as caught:  # whatever it is, whoever called is to see it
        error = caught
    reported.send(error)


def _end_with_parent() -> None:
    """Nobody waits for what is reported then, and a model may run for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _interrupts_are_ours() -> Iterator[None]:
    """What is started meanwhile has them blocked: whoever started it ends it."""
    # Whatever starts this first unblocks them, which would be too early afterwards.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended with code {code}"
    try:
        return f"it crashed its process ({signal.Signals(-code).name})"
    except ValueError:
        return f"it crashed its process (signal {-code})"
