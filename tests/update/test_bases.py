"""A service of a set that extends another follows the versions of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Cli, tree
from tests.older import extract
from tests.sets import write
from tests.update.sets import make_set

TEXT = "".join(f"line {number}\n" for number in range(9))
SHOWN = {"shown.txt": "{{ greeting | yaml }}\n", "old.txt": TEXT}
NEWER = {"shown.txt": "{{ salute | yaml }}!\n", "new.txt": TEXT.replace("line 7", "theirs")}
STEP = {"renamed": {"greeting": "salute"}, "files": {"old.txt": "new.txt"}}


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """An overlay of ``set``, which is at version 1."""
    make_set(tmp_path, SHOWN)
    write(tmp_path / "ours" / "template" / "base" / "ours.txt", "ours\n")
    return say(tmp_path / "ours", extends="../set", version=4)


@pytest.fixture
def service(cli: Cli, ours: Path) -> Path:
    return new(cli, ours)


def say(place: Path, **settings: object) -> Path:
    write(place / "infergen.yaml", yaml.safe_dump({"supports": 1, **settings}))
    return place


def new(cli: Cli, place: Path) -> Path:
    done = cli("new", "--name", "svc", "--templates", place)
    assert done.returncode == 0, done.stderr
    return place.parent / "svc"


def raise_base(root: Path, version: int = 2, **settings: object) -> None:
    """What ``set`` has at version 2; its default variables have the new name as well."""
    place = make_set(root, NEWER, version, **{"migrations": {"1": STEP}, **settings})  # type: ignore[arg-type]
    write(place / "vars.yaml", "salute: hello\n")


def record_of(service: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((service / ".infergen" / "record.json").read_text())
    return document


def test_the_base_has_steps_of_its_own(cli: Cli, service: Path, ours: Path, tmp_path: Path) -> None:
    assert record_of(service)["set"]["extends"] == [{"name": "set", "version": 1}]
    assert cli("check", "svc", "--templates", ours).stdout == "svc: up to date\n"
    (service / "old.txt").write_text(TEXT.replace("line 1", "mine"))
    raise_base(tmp_path)
    done = cli("check", "svc", "--templates", ours, "--allow-edits")
    assert done.returncode == 2
    assert "  outdated: made by version 1 of set, which is at 2 now\n" in done.stdout
    done = cli("update", "svc", "--templates", ours)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "svc: updated (ours 4, set 1 → ours 4, set 2)\n"
        "  greeting is called salute now\n"
        "  replace   .infergen/vars.yaml\n"
        "  merge     new.txt (from old.txt): your edit is kept, and the set's change added\n"
        "  replace   shown.txt\n"
    )
    assert (service / "shown.txt").read_text() == "hello!\n"
    assert (service / "new.txt").read_text() == NEWER["new.txt"].replace("line 1", "mine")
    assert not (service / "old.txt").exists()
    assert record_of(service)["set"]["extends"] == [{"name": "set", "version": 2}]
    assert cli("check", "svc", "--templates", ours, "--allow-edits").returncode == 0


def test_steps_of_what_is_extended_come_first(
    cli: Cli, service: Path, ours: Path, tmp_path: Path
) -> None:
    """The overlay's are written for the names that its base has today."""
    raise_base(tmp_path)
    values = {"4": {"values": {"salute": {"hello": "good day"}}}}
    say(ours, extends="../set", version=5, migrations=values)
    done = cli("update", "svc", "--templates", ours, "--json")
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)["services"]
    assert document["variables"] == [
        "greeting is called salute now",
        'salute: "hello" is "good day" now',
    ]
    assert (service / "shown.txt").read_text() == "good day!\n"


def test_every_level_has_its_own(cli: Cli, ours: Path, tmp_path: Path) -> None:
    """Also where two of them have the same name."""
    top = say(tmp_path / "top" / "set", extends="../../ours", version=1)
    assert ours.is_dir()
    new(cli, top)
    service = tmp_path / "svc"
    levels = [{"name": "ours", "version": 4}, {"name": "set", "version": 1}]
    assert record_of(service)["set"]["extends"] == levels
    raise_base(tmp_path)
    done = cli("check", "svc", "--templates", top)
    assert done.stdout == (
        "svc: outdated\n  outdated: made by version 1 of set, which is at 2 now\n"
    )
    assert cli("update", "svc", "--templates", top).returncode == 0
    assert (service / "shown.txt").read_text() == "hello!\n"
    assert (service / "new.txt").is_file()


def test_older_records_tell_of_the_set_alone(
    cli: Cli, service: Path, ours: Path, tmp_path: Path
) -> None:
    document = record_of(service)
    del document["set"]["extends"]
    write(service / ".infergen" / "record.json", json.dumps(document))
    assert cli("check", "svc", "--templates", ours).stdout == "svc: up to date\n"
    write(tmp_path / "set" / "template" / "base" / "more.txt", "more\n")
    say(ours, extends="../set", version=5, migrations={"4": {"renamed": {"name_": "none"}}})
    done = cli("check", "svc", "--templates", ours)
    assert done.returncode == 2
    assert "made by version 4 of ours, which is at 5 now" in done.stdout
    assert cli("update", "svc", "--templates", ours).returncode == 0
    assert (service / "more.txt").read_text() == "more\n"
    assert record_of(service)["set"]["extends"] == [{"name": "set", "version": 1}]
    raise_base(tmp_path)
    assert cli("update", "svc", "--templates", ours).returncode == 0
    assert (service / "shown.txt").read_text() == "hello!\n"


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (4, "made by version 1 of set, and this one (version 4) brings services forward from"),
        (None, "made by version 2 of set, which is newer than this one (version 1)"),
    ],
)
def test_how_far_versions_of_the_base_may_lie_apart(
    cli: Cli, ours: Path, tmp_path: Path, version: int | None, told: str
) -> None:
    if version is None:
        raise_base(tmp_path)
    service = new(cli, ours)
    make_set(tmp_path, SHOWN)
    if version is not None:
        raise_base(tmp_path, version)
    before = tree(service)
    for command in ("check", "update"):
        done = cli(command, "svc", "--templates", ours)
        assert done.returncode == 1
        assert told in done.stderr
    assert tree(service) == before


def test_a_service_of_the_base_goes_over_to_the_overlay(
    cli: Cli, ours: Path, tmp_path: Path
) -> None:
    service = new(cli, tmp_path / "set")
    raise_base(tmp_path)
    done = cli("update", "svc", "--templates", ours)
    assert done.stdout.startswith(
        "svc: updated (set 1 → ours 4, set 2)\n  greeting is called salute now\n"
    )
    assert (service / "shown.txt").read_text() == "hello!\n"
    assert (service / "ours.txt").read_text() == "ours\n"
    assert not (service / "old.txt").exists()
    # And back again.
    assert cli("update", "svc", "--templates", tmp_path / "set").returncode == 0
    assert not (service / "ours.txt").exists()


def test_a_service_that_version_1_of_the_shipped_set_made_goes_over_to_the_example(
    cli: Cli, tmp_path: Path
) -> None:
    service = extract("1", "sample", tmp_path)
    overlay = ROOT / "examples" / "overlay"
    arguments = ("--templates", overlay, "--set", "cost_centre=ml-42")
    deployment = service / "manifests" / "deployment.yaml"
    deployment.write_text("# mine\n" + deployment.read_text())
    assert cli("update", service, *arguments).returncode in (0, 3)
    moved = service / "manifests" / "base" / "deployment.yaml"
    assert moved.read_text().startswith("# mine\n")
    assert "example.com/cost-centre: ml-42" in moved.read_text()
    assert not deployment.exists()


@pytest.mark.parametrize("extends", [3, [3], [{"name": "set"}], [{"name": 1, "version": 1}]])
def test_a_damaged_record_is_told(cli: Cli, service: Path, ours: Path, extends: object) -> None:
    document = record_of(service)
    document["set"]["extends"] = extends
    write(service / ".infergen" / "record.json", json.dumps(document))
    done = cli("check", "svc", "--templates", ours)
    assert done.returncode == 1
    assert "the record is damaged" in done.stderr
