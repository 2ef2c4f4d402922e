"""The command line: the one place that prints and exits."""

from __future__ import annotations

import sys
from typing import NoReturn

from builder.cli import interrupts
from builder.errors import Interrupted


def main() -> NoReturn:
    """Run the command line and exit as DESIGN.md section 6 says; never a traceback.

    Signals are caught before anything else is imported, so that an early one is no traceback.
    """
    try:
        interrupts.catch_signals()
        from builder.cli.app import run  # noqa: PLC0415

        code = run(sys.argv[1:])
    except Interrupted as interrupted:
        sys.stderr.write(f"infergen: {interrupted}\n")
        code = Interrupted.exit_code
    sys.exit(code)
