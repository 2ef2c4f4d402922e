"""What the tests of caches share: a service that keeps all it can, and a Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.redis import Redis, redis_server
from tests.cache.services import generated


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that keeps predictions and data."""
    folder = tmp_path_factory.mktemp("both")
    options = ("--variant", "data-cache", "--set", "cache=both")
    return generated(folder, "both", "image_cnn", *options)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A server of the test's own."""
    with redis_server(tmp_path) as server:
        yield server
