"""A good set and lint, with a cache of the test's own."""

from __future__ import annotations

import pytest

from tests.lint.linting import Lint, cache, good

__all__ = ["cache", "good", "lint"]


@pytest.fixture
def lint(capsys: pytest.CaptureFixture[str]) -> Lint:
    return Lint(capsys)
