"""The command line: the one place that prints and exits."""

from __future__ import annotations

import sys
from typing import NoReturn

from builder import __version__
from builder.cli import interrupts
from builder.errors import Interrupted


def main() -> NoReturn:
    """Run the command line and exit as DESIGN.md section 6 says; never a traceback.

    Signals are caught before anything else is imported, so that an early one is no traceback.
    """
    try:
        interrupts.catch_signals()
        code = 0 if sys.argv[1:] == ["--version"] and _print_version() else _run()
    except Interrupted as interrupted:
        sys.stderr.write(f"infergen: {interrupted}\n")
        code = Interrupted.exit_code
    sys.exit(code)


def _run() -> int:
    from builder.cli.app import run  # noqa: PLC0415

    return run(sys.argv[1:])


def _print_version() -> bool:
    """Without click, which takes longer to import than all else; False if nobody can read it."""
    try:
        print(f"infergen, version {__version__}", flush=True)
    except OSError:
        return False
    return True
