"""Services that older versions of the default set made, brought to today's version."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tests.conftest import ROOT, Cli, tree

GENERATIONS = ROOT / "tests" / "generations"


def extract(archive: str, folder: Path) -> None:
    with tarfile.open(GENERATIONS / archive) as old:
        old.extractall(folder, filter="data")


def test_an_unedited_service_becomes_what_is_generated_today(cli: Cli, tmp_path: Path) -> None:
    extract("1/sample.tar.xz", tmp_path / "old")
    for folder, force in (("old", ["--force"]), ("new", [])):
        done = cli("new", "--name", "sample", "--output", tmp_path / folder, *force)
        assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "old") == tree(tmp_path / "new")


def test_a_model_is_measured_once_on_the_way(cli: Cli, tmp_path: Path) -> None:
    extract("1/image-cnn.tar.xz", tmp_path)
    new = ("new", "--name", "image-cnn", "--vars", ROOT / "vars" / "image_cnn.yaml", "--force")
    assert cli(*new).returncode == 0
    done = cli(*new, "--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert cli(*new[:-1], "--output", tmp_path / "fresh").returncode == 0
    assert tree(tmp_path / "image-cnn").keys() == tree(tmp_path / "fresh" / "image-cnn").keys()
