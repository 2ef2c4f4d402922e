"""Services that the tests of one run share; those that are changed are copied first."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.deploy.variants import Generate, generate


@pytest.fixture(scope="session")
def service_of(tmp_path_factory: pytest.TempPathFactory) -> Generate:
    @cache
    def made(name: str) -> Path:
        return generate(name, tmp_path_factory.mktemp("services"))

    return made
