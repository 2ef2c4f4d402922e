"""The command line: the one place that prints and exits."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from builder.errors import Interrupted


def main() -> NoReturn:
    """Run the command line and exit as DESIGN.md section 6 says; never a traceback.

    Signals are caught before anything else is imported, so that an early one is no traceback.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from builder.cli.app import run  # noqa: PLC0415

        code = run(sys.argv[1:])
    except Interrupted as interrupted:
        sys.stderr.write(f"infergen: {interrupted}\n")
        code = Interrupted.exit_code
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's form
    raise Interrupted(f"interrupted by {signal.Signals(number).name}; nothing half-written is left")
