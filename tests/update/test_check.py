"""`infergen check`: outdated and drifted are told apart, and conflicts that are left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, tree
from tests.update.sets import make_service, make_set, update

FILES = {"a.txt": "a\nb\nc\n", "run.sh": "#!/bin/sh\n", "hello.txt": "{{ greeting | yaml }}\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_set(tmp_path, FILES, executables=["run.sh"], links={"link": "a.txt"}, folders=["e"])


@pytest.fixture
def service(place: Path, tmp_path: Path) -> Path:
    return make_service(place, tmp_path)


def report(cli: Cli, service: Path, place: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = cli("check", service, "--templates", place, "--json", *more)
    (document,) = json.loads(done.stdout)["services"]
    return done.returncode, document


def test_a_service_as_it_was_generated(cli: Cli, service: Path, place: Path) -> None:
    before = tree(service)
    done = cli("check", service, "--templates", place)
    assert (done.returncode, done.stdout) == (0, f"{service}: up to date\n")
    (service / "e").rmdir()
    (service / "mine.txt").write_text("mine")
    vars_file = service / ".infergen" / "vars.yaml"
    vars_file.write_text("# my own comment\n" + vars_file.read_text())
    assert report(cli, service, place) == (
        0,
        {
            "path": str(service),
            "set": {"name": "set", "version": 1, "digest": report_digest(service)},
            "variant": "usual",
            "outdated": [],
            "drifted": [],
            "conflicts": [],
        },
    )
    assert tree(service).keys() == (before.keys() - {"e"}) | {"mine.txt"}


def report_digest(service: Path) -> str:
    document = json.loads((service / ".infergen" / "record.json").read_text())
    return str(document["set"]["digest"])


def test_every_way_to_drift(cli: Cli, service: Path, place: Path) -> None:
    (service / "a.txt").write_text("edited\n")
    (service / "hello.txt").unlink()
    (service / "run.sh").chmod(0o644)
    (service / "link").unlink()
    (service / "link").write_text("a file\n")
    code, document = report(cli, service, place)
    assert code == 2
    assert document["outdated"] == []
    assert document["drifted"] == [
        {"path": "a.txt", "how": "edited"},
        {"path": "hello.txt", "how": "deleted"},
        {"path": "link", "how": "another kind"},
        {"path": "run.sh", "how": "not executable any more"},
    ]
    assert report(cli, service, place, "--allow-edits")[0] == 0
    said = cli("check", service, "--templates", place).stdout
    assert said.startswith(f"{service}: drifted\n  edited: a.txt\n  deleted: hello.txt\n")


def test_outdated_by_the_set_or_the_variables(cli: Cli, service: Path, tmp_path: Path) -> None:
    place = make_set(tmp_path, {**FILES, "a.txt": "new\n"})
    code, document = report(cli, service, place, "--allow-edits")
    assert (code, document["outdated"], document["drifted"]) == (2, ["the set set changed"], [])
    place = make_set(tmp_path, FILES, 2)
    vars_file = service / ".infergen" / "vars.yaml"
    vars_file.write_text(vars_file.read_text().replace("hello", "good day") + "more: [1]\n")
    code, document = report(cli, service, place)
    assert code == 2
    assert document["drifted"] == []
    assert document["outdated"] == [
        "made by version 1 of set, which is at 2 now",
        'greeting is "good day", was "hello"',
        "more is [1], was not given",
    ]
    update(service, place)
    assert report(cli, service, place)[0] == 0


def test_conflicts_that_are_left(cli: Cli, service: Path, tmp_path: Path) -> None:
    (service / "a.txt").write_text("mine\nb\nc\n")
    (service / "run.sh").write_bytes(b"\0")
    place = make_set(tmp_path, {**FILES, "a.txt": "theirs\nb\nc\n", "run.sh": "#!/bin/bash\n"}, 2)
    update(service, place)
    code, document = report(cli, service, place)
    assert (code, document["conflicts"]) == (3, ["a.txt", "run.sh"])
    assert report(cli, service, place, "--allow-edits")[0] == 3
    (service / "a.txt").write_text("settled\nb\nc\n")
    (service / "run.sh.infergen-new").unlink()
    assert report(cli, service, place)[0] == 2


def test_all_services_are_looked_at_and_all_errors_told(
    cli: Cli, service: Path, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    done = cli("check", "none", "nowhere", service, service, "--templates", place, "--json")
    services = json.loads(done.stdout)["services"]
    assert done.returncode == 1
    assert [document["path"] for document in services] == ["none", "nowhere", str(service)]
    assert "no service of infergen's" in services[0]["error"]
    assert "no such folder" in services[1]["error"]
    assert done.stderr.count("infergen: error: ") == 2


def test_the_set_that_a_service_is_made_from_is_to_be_named(cli: Cli, service: Path) -> None:
    done = cli("check", service)
    assert done.returncode == 1
    assert "made from the template set set; name it by --templates" in done.stderr


def test_an_update_that_was_cut_short_is_told(cli: Cli, service: Path, place: Path) -> None:
    (service / ".infergen" / "pending").mkdir()
    for arguments in (["check"], ["update", "--dry-run"]):
        done = cli(*arguments, service, "--templates", place)
        assert done.returncode == 1
        assert "an update was cut short; run `infergen update` on it" in done.stderr
    assert cli("update", service, "--templates", place).returncode == 0
    assert cli("check", service, "--templates", place).returncode == 0
