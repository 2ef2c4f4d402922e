"""Edge-device projects of every kind: their own tests pass, and their code is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.edge.projects import UPDATES, assert_clean, example, of_kind, run_in
from tests.kinds import KINDS


def run_tests(project: Path, *which: str) -> None:
    run_in(project, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *which)


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the libraries is the same for every project."""
    return tmp_path_factory.mktemp("mypy")


RUN = ("no batch", "two inputs", "optional input", "zipmap", "bfloat16 beside float32", "string")
"""Kinds whose projects differ most; their own tests take long."""


@pytest.mark.parametrize("kind", KINDS)
def test_projects_of_every_kind_are_clean(
    cli: Cli, tmp_path: Path, mypy_cache: Path, kind: str
) -> None:
    assert_clean(of_kind(cli, tmp_path, kind), mypy_cache)


@pytest.mark.parametrize("kind", RUN)
def test_projects_of_a_kind_pass_their_own_tests(cli: Cli, tmp_path: Path, kind: str) -> None:
    project = of_kind(cli, tmp_path, kind)
    run_tests(project, *(f"--ignore={file}" for file in UPDATES))
    # What is special to a kind is its golden data; that updates are safe, the examples show.
    run_tests(project, f"{UPDATES[0]}::test_a_release_is_installed_once")


@pytest.mark.parametrize("name", ["image_cnn", "mixed_pipeline", "sample", "text_classifier"])
def test_projects_of_the_examples_pass_their_own_tests(cli: Cli, tmp_path: Path, name: str) -> None:
    project = example(cli, tmp_path, "device", name)
    run_tests(project)
