"""Services of the further kinds: their own tests pass, and their code is clean."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.kinds import KINDS
from tests.test_services import FIRST, assert_good, mypy_cache, new_service

__all__ = ["mypy_cache"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FIRST])
def test_services_of_every_kind(cli: Cli, tmp_path: Path, mypy_cache: Path, kind: str) -> None:
    assert_good(new_service(cli, tmp_path, kind), mypy_cache)


def test_make_test_works_on_a_fresh_machine(cli: Cli, tmp_path: Path) -> None:
    """As its first user runs it: the service makes its own environment."""
    assert cli("new", "--name", "sample").returncode == 0
    done = subprocess.run(
        ["make", "test"], cwd=tmp_path / "sample", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
