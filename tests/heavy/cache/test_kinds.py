"""Cached services of further kinds: their own tests pass, and their code is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.kinds import CACHED_KINDS
from tests.test_services import assert_good, new_service

LATER = [kind for kind in CACHED_KINDS if kind not in ("kept predictions", "kept data of images")]


@pytest.mark.parametrize("kind", LATER)
def test_cached_services_of_every_kind(cli: Cli, tmp_path: Path, kind: str) -> None:
    assert_good(new_service(cli, tmp_path, kind), tmp_path / "mypy")
