"""Programs that break what they test at each of its system calls, and check what is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def assert_survives(module: str, fault: str, folder: Path, *, seconds: float) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", module, fault, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-6000:]
