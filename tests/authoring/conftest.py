"""A small set to look at and test, with a cache of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import pytest

from builder.cli.app import run
from tests.lint.linting import cache, good

__all__ = ["cache", "good", "templates"]


class Templates(Protocol):
    """Runs ``infergen templates … --json`` in this process; returns its exit code and document."""

    def __call__(self, *arguments: str | Path) -> tuple[int, Any]: ...


@pytest.fixture
def templates(capsys: pytest.CaptureFixture[str]) -> Templates:
    def call(*arguments: str | Path) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(["templates", *map(str, arguments), "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else said.err

    return call
