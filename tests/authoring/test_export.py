"""``infergen templates export``: the default set, ready to be made one's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.set_files import CACHES
from builder.template_set import default_root
from tests.authoring.conftest import Templates
from tests.conftest import Cli, tree


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported once, and changed by none of the tests."""
    from builder.authoring.export import export  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("exported")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    export(folder / "ours")
    patch.undo()
    return folder / "ours"


def test_it_generates_what_the_default_set_does(cli: Cli, exported: Path, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample", "--output", "shipped").returncode == 0
    done = cli("new", "--name", "sample", "--output", "own", "--templates", exported)
    assert done.returncode == 0, done.stderr
    shipped, own = tree(tmp_path / "shipped" / "sample"), tree(tmp_path / "own" / "sample")
    records = [json.loads(files.pop(".infergen/record.json")[1]) for files in (shipped, own)]
    assert own == shipped
    assert records[1]["set"].pop("name") == exported.name
    assert records[0]["set"].pop("name") == "infergen"
    assert records[0] == records[1]


def test_it_has_every_file_of_the_set(exported: Path) -> None:
    for folder in ("template", "template_files", "vars"):
        ours = {
            name: kept for name, kept in tree(default_root() / folder).items()
            if CACHES.isdisjoint(name.split("/"))
        }  # fmt: skip
        assert tree(exported / folder) == ours


def test_its_lint_and_its_test_pass(
    exported: Path, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the models' facts are known from the export.
    monkeypatch.setenv("XDG_CACHE_HOME", str(exported.parent / "cache"))
    code, document = templates("lint", exported, "--strict")
    assert (code, document["findings"]) == (0, [])
    code, document = templates("test", exported)
    assert code == 0, document
    assert len(document["services"]) >= 6


def test_its_makefile_calls_them(exported: Path) -> None:
    """What `make test` and the CI workflow run exists, with these options."""
    listed = subprocess.run(
        ["make", "--dry-run", "watch", "lint", "test", "golden", "boot"],
        cwd=exported, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert listed.splitlines() == [
        "infergen templates lint . --watch",
        "infergen templates lint .",
        "infergen templates test .",
        "infergen templates test . --update",
        "infergen templates test . --boot",
    ]
    workflow = (exported / ".github" / "workflows" / "templates.yml").read_text()
    assert "infergen templates lint . --strict" in workflow


def test_a_service_of_it_boots(exported: Path, templates: Templates, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(exported, own)
    for path in (own / "vars").glob("*.yaml"):
        if path.name != "sample.yaml":
            path.unlink()
    templates("test", own, "--update")
    code, document = templates("test", own, "--boot")
    assert code == 0, document
    assert {one["boot"] for one in document["services"]} <= {
        "answers as ONNX Runtime does", "has no run.sh, so it is not started",
    }  # fmt: skip


def test_an_edit_shows_its_diff_at_once(
    cli: Cli, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(exported.parent / "cache"))
    path = exported / "template" / "web" / ".yamllint"
    before = path.read_text()
    try:
        path.write_text(f"{before}# notes\n")
        done = cli("templates", "test", exported)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    assert "    +# notes" in done.stdout


def test_nothing_is_overwritten(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    before = tree(tmp_path)
    for place in ("full", "file", "link"):
        done = cli("templates", "export", place)
        assert done.returncode == 1, place
        assert done.stderr.startswith("infergen: error:")
        assert tree(tmp_path) == before
