"""Edge-device projects of every kind: their own tests pass, and their code is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.edge.projects import assert_clean, example, of_kind, run_in
from tests.kinds import KINDS

EXAMPLES = sorted(path.stem for path in (ROOT / "vars").glob("*.yaml"))


UPDATES = "tests/test_updates.py"


def run_tests(project: Path, *which: str) -> None:
    run_in(project, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *which)


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the libraries is the same for every project."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("kind", KINDS)
def test_projects_of_every_kind(cli: Cli, tmp_path: Path, mypy_cache: Path, kind: str) -> None:
    project = of_kind(cli, tmp_path, kind)
    assert_clean(project, mypy_cache)
    run_tests(project, f"--ignore={UPDATES}")
    # What is special to a kind is its golden data; that updates are safe, the examples show.
    run_tests(project, f"{UPDATES}::test_a_release_is_installed_once")


@pytest.mark.parametrize("name", EXAMPLES)
def test_projects_of_the_examples(cli: Cli, tmp_path: Path, mypy_cache: Path, name: str) -> None:
    project = example(cli, tmp_path, "device", name)
    assert_clean(project, mypy_cache)
    run_tests(project)
