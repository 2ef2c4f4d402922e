"""One generated project for all tests here; each has keys, releases and a state of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_updates.projects import Project, new_project


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(generated: Path, tmp_path: Path) -> Project:
    return Project(generated, tmp_path)
