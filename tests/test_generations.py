"""Services that older versions of the default set made, brought to today's version."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.base import read_base
from tests.conftest import ROOT, Cli, tree
from tests.older import VERSIONS, extract


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unedited_service_becomes_what_is_generated_today(
    cli: Cli, tmp_path: Path, version: str
) -> None:
    extract(version, "sample", tmp_path / "old")
    for folder, force in (("old", ["--force"]), ("new", [])):
        done = cli("new", "--name", "sample", "--output", tmp_path / folder, *force)
        assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "old") == tree(tmp_path / "new")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_is_measured_once_on_the_way(cli: Cli, tmp_path: Path, version: str) -> None:
    extract(version, "image-cnn", tmp_path)
    new = ("new", "--name", "image-cnn", "--vars", ROOT / "vars" / "image_cnn.yaml", "--force")
    assert cli(*new).returncode == 0
    done = cli(*new, "--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert cli(*new[:-1], "--output", tmp_path / "fresh").returncode == 0
    assert tree(tmp_path / "image-cnn").keys() == tree(tmp_path / "fresh" / "image-cnn").keys()


@pytest.mark.parametrize("service", ["sample", "image-cnn"])
def test_an_older_service_is_kept_whole(tmp_path: Path, service: str) -> None:
    """What the archives lack is put back as it was."""
    destination = extract("2", service, tmp_path)
    base = read_base(destination)
    texts = {path: (destination / path).read_text() for path in base}
    assert base == texts
    assert "src/app/app.py" in base
