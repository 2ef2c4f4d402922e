"""A good set and lint, with a cache of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.linting import Lint, make_good_set


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "infergen"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return make_good_set(tmp_path / "set")


@pytest.fixture
def lint(capsys: pytest.CaptureFixture[str]) -> Lint:
    return Lint(capsys)
