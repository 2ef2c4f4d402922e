"""Cached services that the tests share; each test has a store of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.redis import Redis, redis_server
from tests.conftest import ROOT

INFERGEN = Path(sys.executable).parent / "infergen"


def generate(folder: Path, name: str, *arguments: str | Path) -> Path:
    """A new service in ``folder``."""
    done = subprocess.run(
        [INFERGEN, "new", "--name", name, "--output", folder, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded example with a cache of its predictions."""
    return generate(tmp_path_factory.mktemp("iris"), "iris", "--variant", "prediction-cache")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with images, which keeps them as the model takes them."""
    variables = ROOT / "vars" / "image_cnn.yaml"
    folder = tmp_path_factory.mktemp("shapes")
    return generate(folder, "shapes", "--variant", "data-cache", "--vars", variables)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, which keeps predictions as well."""
    variables = ROOT / "vars" / "image_cnn.yaml"
    arguments = ("--variant", "data-cache", "--vars", variables, "--set", "cache=both")
    return generate(tmp_path_factory.mktemp("both"), "both", *arguments)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with redis_server(tmp_path) as server:
        yield server
