"""Whatever breaks, and whenever: a service is written whole or not at all, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.write.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_breaks_at_any_call(fault: str, tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "tests.write.faults", fault, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-6000:]
