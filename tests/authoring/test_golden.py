"""``infergen templates test``: what is generated, against what somebody said is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.authoring.conftest import Templates
from tests.conftest import Cli, tree
from tests.lint.linting import sub
from tests.sets import make_plain_set, write

APP = "template_files/base/app.py.j2"
RECORDS = ["large/crowd.json", "large/sample.json", "small/crowd.json", "small/sample.json"]


def records(root: Path) -> list[str]:
    folder = root / "tests" / "golden"
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_without_records_nothing_is_right_yet(templates: Templates, good: Path) -> None:
    code, document = templates("test", good)
    assert code == 1
    assert [service["recorded"] for service in document["services"]] == [False] * 4
    assert records(good) == []


def test_records_are_made_and_then_met(templates: Templates, good: Path) -> None:
    code, document = templates("test", good, "--update")
    assert (code, document["written"]) == (0, 4)
    assert records(good) == RECORDS
    before = tree(good)
    assert templates("test", good)[0] == 0
    assert templates("test", good, "--update")[1]["written"] == 0
    assert tree(good) == before


def test_a_change_is_shown_as_a_diff_from_the_last_that_was_right(
    cli: Cli, templates: Templates, good: Path
) -> None:
    templates("test", good, "--update")
    sub(good, APP, "PORT = {{ port }}", "PORTS = [{{ port }}]")
    code, document = templates("test", good)
    assert code == 1
    for service in document["services"]:
        (change,) = service["changes"]
        assert (change["path"], change["action"]) == ("app.py", "changed")
        assert "-PORT = 8000\n+PORTS = [8000]" in change["diff"]
    done = cli("templates", "test", good)
    assert "small, crowd.yaml: 1 file not as recorded" in done.stdout
    assert "    +PORTS = [8000]" in done.stdout
    assert done.stdout.endswith("infergen templates test --update\n")
    assert templates("test", good, "--update")[1]["written"] == 4
    assert templates("test", good)[0] == 0


def test_with_snapshots_the_diff_needs_no_cache(
    templates: Templates, good: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    templates("test", good, "--update", "--snapshots")
    assert records(good) == sorted(RECORDS + [name.replace(".json", ".txt") for name in RECORDS])
    text = (good / "tests" / "golden" / "small" / "sample.txt").read_text()
    assert "\nPORT = 8000\n" in text
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    sub(good, APP, "PORT =", "PORTS =")
    _, document = templates("test", good)
    assert "-PORT = 8000\n+PORTS = 8000" in document["services"][0]["changes"][0]["diff"]
    # Texts that are kept are renewed with the records.
    templates("test", good, "--update")
    assert "\nPORTS = 8000\n" in (good / "tests/golden/small/sample.txt").read_text()


def test_without_either_the_files_are_named(
    templates: Templates, good: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    templates("test", good, "--update")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    sub(good, APP, "PORT =", "PORTS =")
    write(good / "template" / "base" / "new.txt", "new")
    (good / "template" / "base" / "base" / "names.py").chmod(0o755)
    (good / "template" / "base" / "base" / "__init__.py").unlink()
    changes = templates("test", good)[1]["services"][0]["changes"]
    assert [(each["path"], each["action"], each["diff"]) for each in changes] == [
        ("app.py", "changed", ""),
        ("base/__init__.py", "gone", ""),
        ("base/names.py", "changed", ""),
        ("new.txt", "new", ""),
    ]


def test_a_service_that_cannot_be_made(templates: Templates, good: Path) -> None:
    templates("test", good, "--update")
    before = tree(good)
    sub(good, "template_files/more/more.yml.j2", "name:", "a: b: c")
    code, document = templates("test", good, "--update")
    assert code == 1
    errors = {service["service"]: service["error"] for service in document["services"]}
    assert "not valid YAML" in errors["large, sample.yaml"]
    assert errors["small, sample.yaml"] is None
    sub(good, "template_files/more/more.yml.j2", "a: b: c", "name:")
    assert tree(good) == before


def test_a_record_of_a_service_that_is_gone(templates: Templates, good: Path) -> None:
    templates("test", good, "--update", "--snapshots")
    (good / "vars" / "crowd.yaml").unlink()
    code, document = templates("test", good)
    assert code == 1
    assert [Path(path).name for path in document["stale"]] == ["crowd.json", "crowd.json"]
    assert templates("test", good, "--update")[0] == 0
    assert records(good) == [
        "large/sample.json", "large/sample.txt", "small/sample.json", "small/sample.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": {}}', '{"files": {"a": 1}, "model": {}}']
)
def test_a_damaged_record(templates: Templates, good: Path, text: str) -> None:
    templates("test", good, "--update")
    write(good / "tests" / "golden" / "small" / "sample.json", text)
    code, said = templates("test", good)
    assert code == 1
    assert "small/sample.json: no golden record" in said


def test_a_plain_set(templates: Templates, tmp_path: Path) -> None:
    plain = make_plain_set(tmp_path / "plain")
    assert templates("test", plain, "--update")[0] == 0
    assert records(plain) == ["vars.json"]
    document = json.loads((plain / "tests" / "golden" / "vars.json").read_text())
    assert sorted(document["files"]) == ["hello.txt", "notes.txt"]
    write(plain / "template_files" / "hello.txt.j2", "bye {{ name }}\n")
    code, tested = templates("test", plain)
    assert code == 1
    assert "-hello sample\n+bye sample" in tested["services"][0]["changes"][0]["diff"]


def test_a_set_without_samples(templates: Templates, good: Path) -> None:
    for name in ("sample", "crowd"):
        (good / "vars" / f"{name}.yaml").unlink()
    code, said = templates("test", good)
    assert code == 1
    assert "no variables file in vars/" in said


def test_snapshots_are_for_update(templates: Templates, good: Path) -> None:
    code, said = templates("test", good, "--snapshots")
    assert code == 2
    assert "--update" in said
