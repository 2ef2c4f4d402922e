"""Services that older versions of the default set made, brought to today's version."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli, tree

GENERATIONS = ROOT / "tests" / "generations"
VARIABLES = {"sample": "sample.yaml", "image-cnn": "image_cnn.yaml"}
ARCHIVES = sorted(GENERATIONS.glob("*/*.tar.xz"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_unedited_service_becomes_what_is_generated_today(
    cli: Cli, tmp_path: Path, archive: Path
) -> None:
    name = archive.name.removesuffix(".tar.xz")
    with tarfile.open(archive) as old:
        old.extractall(tmp_path / "old", filter="data")
    variables = ROOT / "vars" / VARIABLES[name]
    for folder, force in (("old", ["--force"]), ("new", [])):
        output = tmp_path / folder
        done = cli("new", "--name", name, "--vars", variables, "--output", output, *force)
        assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "old") == tree(tmp_path / "new")
