"""Whatever breaks an update, and whenever: the next run repairs it, and no edit is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.heavy.broken import assert_survives
from tests.write.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_an_update_that_breaks_at_any_call(fault: str, tmp_path: Path) -> None:
    assert_survives("tests.heavy.update.faults", fault, tmp_path, seconds=900)
