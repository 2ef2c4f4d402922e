"""What a run of the model takes, in time and in memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from builder.model.batching import Verified
from builder.model.facts import Measured
from builder.model.session import Feeds, Session

INLINE_MILLISECONDS = 1.0
"""From here on a run would keep an event loop from its other work for too long."""

MOST_RUNS = 200
SECONDS = 0.2
LEAST_MEBIBYTES = 0.1
"""Less cannot be told from what the process itself takes and gives back."""


def measure(open_session: Callable[[], Session], sample: Feeds, verified: Verified) -> Measured:
    """Open the model anew, as a service does, and run it on the sample and on the largest batch.

    No other session may hold the model, or its memory would be counted short.
    """
    before = _resident_mebibytes()
    session = open_session()
    one = _median_milliseconds(session, sample)
    many = None
    if verified.batching == "rows":
        batch = {
            name: np.repeat(array, verified.max_batch, axis=0) for name, array in sample.items()
        }
        many = _two_digits(_median_milliseconds(session, batch))
        del batch
    loaded = _resident_mebibytes() - before
    session.close()
    return Measured(
        execution="inline" if one < INLINE_MILLISECONDS else "threads",
        milliseconds=_two_digits(one),
        batch_milliseconds=many,
        max_batch=verified.max_batch,
        loaded_mebibytes=_two_digits(max(loaded, LEAST_MEBIBYTES)),
    )


def _median_milliseconds(session: Session, feeds: Feeds) -> float:
    """Of as many runs as fit, after a first one that only warms up.

    It is the thread's own time that counts, not what others on this machine made it wait.
    """
    session.run(feeds)
    times: list[float] = []
    while not times or (len(times) < MOST_RUNS and sum(times) < SECONDS):
        started = time.thread_time()
        session.run_again(feeds)
        times.append(time.thread_time() - started)
    return statistics.median(times) * 1e3


def _resident_mebibytes() -> float:
    """Of this process, after it gave back what it no longer uses."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc keeps memory, and can be told
        ctypes.CDLL(None).malloc_trim(0)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        shown = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True
        )
        return int(shown.stdout) / 1024
    return pages * resource.getpagesize() / (1 << 20)


def _two_digits(figure: float) -> float:
    return float(f"{figure:.2g}")
