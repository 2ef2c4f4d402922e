"""Services that older versions of the default set made, updated to today's by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builder.record import RECORD_PATHS
from tests.conftest import Cli, tree
from tests.older import VERSIONS, extract

SERVICES = ("sample", "image-cnn")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SERVICES)
def test_unedited_it_becomes_a_fresh_one(cli: Cli, tmp_path: Path, version: str, name: str) -> None:
    service = extract(version, name, tmp_path)
    assert cli("check", service).returncode == 2
    assert cli("update", service).returncode == 0
    assert cli("check", service).returncode == 0
    assert cli("update", service, "--dry-run", "--exit-code").returncode == 0

    # A fresh one has figures of its own, unless there is a record that has some already.
    fresh = tmp_path / "fresh" / name
    (fresh / ".infergen").mkdir(parents=True)
    shutil.copyfile(service / ".infergen" / "record.json", fresh / ".infergen" / "record.json")
    shutil.copytree(service / "models", tmp_path / "given" / "models")
    variables = shutil.copyfile(service / ".infergen" / "vars.yaml", tmp_path / "given" / "v.yaml")
    done = cli(
        "new", "--name", name, "--vars", variables, "--output", tmp_path / "fresh", "--force"
    )
    assert done.returncode == 0, done.stderr
    assert tree(service) == tree(fresh)


@pytest.mark.parametrize("version", VERSIONS)
def test_edits_survive(cli: Cli, tmp_path: Path, version: str) -> None:
    service = extract(version, "sample", tmp_path)
    old = "manifests/deployment.yaml" if version == "1" else "manifests/base/deployment.yaml"
    mine = {
        ".gitignore": "my-notes/\n",
        "src/ml/transformers.py": "# my own\n",
        old: "# my own deployment\n",
    }
    for path, text in mine.items():
        (service / path).write_text(text + (service / path).read_text())
    (service / "tests" / "test_api.py").unlink()
    (service / "src" / "ml" / "labels.py").unlink()
    (service / "src" / "mine.py").write_text("MINE = 1\n")
    done = cli("update", service, "--json")
    assert done.returncode == 0, done.stdout
    (document,) = json.loads(done.stdout)["services"]
    actions = {file["path"]: file["action"] for file in document["files"]}
    assert actions["tests/test_api.py"] == "deleted"
    assert actions["src/ml/labels.py"] == "restore"
    assert (service / "src" / "mine.py").read_text() == "MINE = 1\n"
    assert not (service / "tests" / "test_api.py").exists()
    for path, text in mine.items():
        now = "manifests/base/deployment.yaml" if path == old else path
        assert text.strip() in (service / now).read_text()
    checked = cli("check", service, "--json")
    (document,) = json.loads(checked.stdout)["services"]
    assert document["outdated"] == document["conflicts"] == []
    assert {drift["path"] for drift in document["drifted"]} == {
        ".gitignore",
        "manifests/base/deployment.yaml",
        "src/ml/transformers.py",
        "tests/test_api.py",
    }


def test_a_default_that_changed_is_followed_where_nothing_was_said(
    cli: Cli, tmp_path: Path
) -> None:
    """Version 1 had fixed resources; today's are derived from the model, unless some are given."""
    service = extract("1", "sample", tmp_path)
    record = service / ".infergen" / "record.json"
    document = json.loads(record.read_text())
    document["variables"]["resources"]["limits"]["memory"] = "3Gi"
    record.write_text(json.dumps(document))
    assert cli("update", service).returncode == 0
    resources = json.loads(record.read_text())["variables"]["resources"]
    assert resources == {
        "limits": {"cpu": None, "memory": "3Gi"},
        "requests": {"cpu": None, "memory": None},
    }
    assert 'resources:\n  limits:\n    memory: "3Gi"\n' in (
        (service / ".infergen" / "vars.yaml").read_text()
    )


def test_the_record_is_all_that_changes_for_nothing(cli: Cli, tmp_path: Path) -> None:
    """Version 3 of the set began with the files of version 2."""
    service = extract("2", "sample", tmp_path)
    before = tree(service)
    assert cli("update", service).returncode == 0
    now = tree(service)
    changed = {path for path in before if now[path] != before[path]}
    assert changed >= RECORD_PATHS
