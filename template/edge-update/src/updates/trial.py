"""The process that a release is tried in: ``python -m … .trial FOLDER`` reports as JSON."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from pathlib import Path

MOST_CPU_SECONDS = 600
"""Ends a model that runs for ever, should whoever started this not live to do so."""


def main(folder: Path) -> None:
    """Report the problem, if there is one, and what an answer takes."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    with contextlib.suppress(OSError):
        # If memory runs out, let it end this process and not the one that answers.
        Path("/proc/self/oom_score_adj").write_text("1000")
    problem, latency = None, None
    try:
        latency = _latency_ms(folder)
    except Exception as error:  # whatever goes wrong is what is to be found out
        problem = str(error) or repr(error)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"problem": problem, "latency_ms": latency, "memory_mb": memory}))


def _latency_ms(folder: Path) -> float:
    from ..engine import Engine
    from .golden import check, measure_ms

    engine = Engine(folder)
    check(engine, folder)
    return measure_ms(engine, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
