"""Services of the further kinds: their own tests pass, and their code is clean."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.kinds import KINDS
from tests.test_services import (
    FIRST,
    FIRST_EXAMPLES,
    assert_good,
    mypy_cache,
    new_service,
    service_of,
)

__all__ = ["mypy_cache"]

EXAMPLES = sorted(path.stem for path in (ROOT / "vars").glob("*.yaml"))
LATER_EXAMPLES = [example for example in EXAMPLES if example not in FIRST_EXAMPLES]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FIRST])
def test_services_of_every_kind(cli: Cli, tmp_path: Path, mypy_cache: Path, kind: str) -> None:
    assert_good(new_service(cli, tmp_path, kind), mypy_cache)


@pytest.mark.parametrize("example", LATER_EXAMPLES)
def test_services_of_the_examples(cli: Cli, tmp_path: Path, mypy_cache: Path, example: str) -> None:
    assert_good(service_of(cli, tmp_path, example), mypy_cache)


def test_make_test_works_on_a_fresh_machine(cli: Cli, tmp_path: Path) -> None:
    """As its first user runs it: the service makes its own environment."""
    assert cli("new", "--name", "sample").returncode == 0
    done = subprocess.run(
        ["make", "test"], cwd=tmp_path / "sample", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
