"""Tries a release before it is installed, in a process of its own: some models crash theirs."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .slots import Slot

START_SECONDS = 60.0
"""How long the process may take besides answering: a slow card, a large model."""

_POLL_SECONDS = 0.05
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """What a test found: the problem if there is one, and what one answer took."""

    problem: str | None
    latency_ms: float | None = None
    memory_mb: float | None = None


def self_test(slot: Slot) -> Measured:
    """Let the release answer its golden inputs within its budget."""
    budget = slot.release.budget
    command = [sys.executable, "-P", "-m", f"{__package__}.trial", str(slot.folder)]
    # Imported from where this process imports: never from the folder that it happens to be in.
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True, text=True,
    )  # fmt: skip
    try:
        stopped = _watch(process, budget.memory_mb)
        output = process.communicate()[0]
    finally:
        _kill(process)
    if stopped is not None:
        return Measured(stopped)
    if process.returncode < 0:
        return Measured(f"the model crashed its process ({_signal(-process.returncode)})")
    try:
        said = json.loads(output)
        measured = Measured(said["problem"], said["latency_ms"], said["memory_mb"])
    except (ValueError, KeyError, TypeError):
        return Measured(f"the test ended with code {process.returncode} and no result")
    return _within(measured, slot)


def _within(measured: Measured, slot: Slot) -> Measured:
    budget = slot.release.budget
    problem = measured.problem
    if problem is not None:
        problem = problem[:_LONGEST_REASON]
    elif measured.latency_ms is not None and measured.latency_ms > budget.latency_ms:
        problem = f"an answer takes {measured.latency_ms:.1f} ms, more than {budget.latency_ms:g}"
    elif measured.memory_mb is not None and measured.memory_mb > budget.memory_mb:
        problem = _too_large(measured.memory_mb, budget.memory_mb)
    return Measured(problem, measured.latency_ms, measured.memory_mb)


def _watch(process: subprocess.Popen[str], most_mb: float) -> str | None:
    """Wait for the end. Why it must be stopped before, if it takes too long or too much."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            return f"no answer within {START_SECONDS:g} seconds"
        resident = _resident_mb(process.pid)
        if resident > most_mb:
            return _too_large(resident, most_mb)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
    return None


def _resident_mb(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 1e6


def _too_large(found: float, most: float) -> str:
    return f"the model takes {found:.0f} MB of memory, more than {most:g}"


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
