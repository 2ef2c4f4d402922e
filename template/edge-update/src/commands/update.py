"""``update``: brings the model to the newest release."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path

from ..about import COMMAND
from ..updates import trusted_root
from ..updates.active import device_state
from ..updates.errors import UpdateError
from .errors import CommandError, UsageError


def execute(options: Namespace) -> int:
    """0 if the newest release is active then, or was before."""
    source = options.source or os.environ.get("UPDATE_FROM")
    if not source:
        raise UsageError("say where from: --from URL|DIR, or UPDATE_FROM in the environment")
    try:
        from ..updates.install import update
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{error.name} is missing: install this package with [updates]"
        ) from None
    state = device_state(Path(options.state) if options.state else None)
    try:
        done = update(state, source, trusted_root(options.root), again=options.again, tell=_tell)
    except UpdateError as error:
        raise CommandError(str(error)) from error
    if options.json:
        report = {
            "installed": done.measured is not None,
            "release": done.release.number,
            "version": done.release.version,
            "before": done.before and done.before.number,
            "latency_ms": done.measured and done.measured.latency_ms,
            "memory_mb": done.measured and done.measured.memory_mb,
        }
        print(json.dumps(report))
    elif done.measured is None:
        print(f"{done.release} is active already")
    else:
        print(
            f"{done.release} is active: {done.measured.latency_ms:.1f} ms an answer,"
            f" {done.measured.memory_mb:.0f} MB; it stays if it answers at its first start"
        )
    return 0


def _tell(progress: str) -> None:
    print(f"{COMMAND}: {progress}", file=sys.stderr)
