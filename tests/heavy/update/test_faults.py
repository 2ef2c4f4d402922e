"""Whatever breaks an update, and whenever: the next run repairs it, and no edit is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.write.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_an_update_that_breaks_at_any_call(fault: str, tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "tests.heavy.update.faults", fault, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-6000:]
