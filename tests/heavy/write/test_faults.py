"""Whatever breaks, and whenever: a service is written whole or not at all, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.heavy.broken import assert_survives
from tests.write.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_breaks_at_any_call(fault: str, tmp_path: Path) -> None:
    assert_survives("tests.write.faults", fault, tmp_path, seconds=300)
