"""Older versions: what a set says of their variables and files, and how far back it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from builder.errors import InfergenError, TemplateSetError
from builder.record import read_record
from builder.template_set import open_template_set
from builder.update.again import generate_again
from builder.update.files import BESIDE
from tests.conftest import tree
from tests.sets import write
from tests.update.sets import actions, make_service, make_set, plan, update

TEXT = "".join(f"line {number}\n" for number in range(9))
MORE = TEXT.replace("line 7", "theirs")
SHOWN = {"a.txt": "{{ greeting | python }}\n"}


def given(service: Path) -> dict[str, object]:
    values = yaml.safe_load((service / ".infergen" / "vars.yaml").read_text())
    assert isinstance(values, dict)
    return values


def test_variables_are_carried_over_step_by_step(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, SHOWN), tmp_path)
    file = service / ".infergen" / "vars.yaml"
    file.write_text(file.read_text() + "level: warn\nold: 1\nouter:\n  inner: true\n  other: 2\n")
    update(service, tmp_path / "set")
    migrations = {
        "1": {
            "renamed": {"greeting": "salute", "outer.inner": "flag"},
            "values": {"level": {"warn": "warning"}, "outer.inner": {"true": "yes it is"}},
        },
        "2": {"renamed": {"salute": "hail.text"}, "removed": ["old"], "added": {"fresh": [1]}},
    }
    files = {"a.txt": "{{ hail.text | python }} {{ flag | python }} {{ level | python }}\n"}
    place = make_set(tmp_path, files, 3, migrations=migrations)
    again = generate_again(service, open_template_set(place))
    assert again.carried == (
        'level: "warn" is "warning" now',
        'outer.inner: true is "yes it is" now',
        "greeting is called salute now",
        "outer.inner is called flag now",
        "old (was 1) is no variable any more",
        "salute is called hail.text now",
        "fresh is new, and [1] here as it was before",
    )
    update(service, place)
    assert (service / "a.txt").read_text() == '"hello" "yes it is" "warning"\n'
    assert given(service) == {
        "name": "svc",
        "variant": "usual",
        "hail": {"text": "hello"},
        "flag": "yes it is",
        "level": "warning",
        "outer": {"other": 2},
        "fresh": [1],
    }
    assert plan(service, place).changes == ()


def test_what_already_has_the_new_name_wins(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, SHOWN), tmp_path)
    migrations = {"1": {"renamed": {"greeting": "salute"}}}
    files = {"a.txt": "{{ salute | python }}\n"}
    place = make_set(tmp_path, files, 2, migrations=migrations)
    update(service, place, "salute=good day")
    assert (service / "a.txt").read_text() == '"good day"\n'


def test_edits_follow_a_renamed_file(tmp_path: Path) -> None:
    files = {f"old/{name}": TEXT for name in "abcdefg"}
    service = make_service(make_set(tmp_path, files), tmp_path)
    mine = TEXT.replace("line 1", "my line")
    for name in "bde":
        (service / "old" / name).write_text(mine)
    (service / "old" / "c").unlink()
    (service / "old" / "e").write_bytes(b"\0mine")
    (service / "new").mkdir()
    (service / "new" / "f").write_text("my own\n")
    (service / "old" / "g").rename(service / "new" / "g")
    new = {f"new/{name}": MORE for name in "abcefg"} | {"new/d": TEXT}
    steps = {
        "1": {"files": {f"old/{name}": f"between/{name}" for name in "abcdefg"}},
        "2": {"files": {f"between/{name}": f"new/{name}" for name in "abcdefg"}},
    }
    place = make_set(tmp_path, new, 3, migrations=steps)
    planned = update(service, place)
    assert actions(planned) == {
        "new/a": "rename",
        "new/b": "merge",
        "new/c": "deleted",
        "new/d": "rename",
        "new/e": "conflict",
        "new/f": "conflict",
        "new/g": "replace",
        "old/f": "remove",
    }
    assert not (service / "old").exists()
    assert (service / "new" / "a").read_text() == MORE
    assert (service / "new" / "b").read_text() == MORE.replace("line 1", "my line")
    assert (service / "new" / "d").read_text() == mine
    assert (service / "new" / "e").read_bytes() == b"\0mine"
    assert (service / "new" / f"e{BESIDE}").read_text() == MORE
    assert (service / "new" / "f").read_text() == "my own\n"


def test_a_renamed_file_is_healed_at_its_new_place(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"old": TEXT}), tmp_path)
    (service / "old").write_text("mine\n")
    place = make_set(tmp_path, {"new": MORE}, 2, migrations={"1": {"files": {"old": "new"}}})
    assert actions(update(service, place, heal=["new"])) == {"new": "heal"}
    assert (service / "new").read_text() == MORE
    assert not (service / "old").exists()


def test_a_rename_that_nobody_edited_gives_a_fresh_service(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"old/a": TEXT}), tmp_path / "old")
    steps = {"1": {"files": {"old/a": "b"}}}
    place = make_set(tmp_path, {"b": MORE}, 2, migrations=steps)
    update(service, place)
    assert tree(service) == tree(make_service(place, tmp_path / "new"))


@pytest.mark.parametrize(
    ("made", "version", "message"),
    [
        (1, 4, "update it first with a version from 2 to 3"),
        (3, 2, "is newer than this one .version 2.; use a newer one"),
    ],
)
def test_how_far_versions_may_lie_apart(
    tmp_path: Path, made: int, version: int, message: str
) -> None:
    service = make_service(make_set(tmp_path, SHOWN, made), tmp_path)
    before = tree(service)
    with pytest.raises(InfergenError, match=message):
        update(service, make_set(tmp_path, SHOWN, version, supports=1))
    assert tree(service) == before
    update(service, make_set(tmp_path, SHOWN, made + 1, supports=1))


def test_a_service_may_go_over_to_another_set(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, SHOWN, 5), tmp_path)
    (tmp_path / "other").mkdir()
    other = make_set(tmp_path / "other", {"a.txt": "{{ greeting | python }}!\n"})
    other = other.rename(tmp_path / "acme")
    update(service, other)
    record = read_record(service)
    assert record is not None
    assert (record.set_name, record.set_version) == ("acme", 1)
    assert (service / "a.txt").read_text() == '"hello"!\n'


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "title": {"type": "string", "default": ""},
        "variant": {"type": "string", "default": "usual"},
        "workers": {"type": "integer", "default": 4},
        "level": {"type": "string", "default": "info"},
        "limits": {
            "type": "object",
            "default": {},
            "properties": {
                "cpu": {"type": "string", "default": "2"},
                "memory": {"type": "string", "default": "1Gi"},
            },
        },
    },
}
VARIABLES = {
    "name": "svc",
    "title": "Svc",
    "variant": "usual",
    "workers": 1,
    "level": "debug",
    "limits": {"cpu": "1", "memory": "1Gi"},
}


def test_an_older_record_that_does_not_tell_what_was_given(tmp_path: Path) -> None:
    """A value that was the default of its time follows the default of today."""
    files = {"a.txt": "{{ workers }} {{ level | yaml }} {{ limits | json }} {{ title | yaml }}\n"}
    place = make_set(tmp_path, files)
    write(place / "vars" / "schema.json", json.dumps(SCHEMA))
    (place / "vars.yaml").unlink()
    write(place / "vars" / "sample.yaml", "level: debug\n")
    service = make_service(place, tmp_path)
    record = service / ".infergen" / "record.json"
    document = json.loads(record.read_text())
    document["variables"] = VARIABLES
    del document["files"][".infergen/vars.yaml"]
    record.write_text(json.dumps(document))
    (service / ".infergen" / "vars.yaml").unlink()
    (service / ".infergen" / "base.json.bz2").unlink()
    step = {"defaults": {"workers": 1, "limits": {"cpu": "1"}}}
    place = make_set(tmp_path, files, 2, migrations={"1": step})
    write(place / "vars" / "schema.json", json.dumps(SCHEMA))
    update(service, place)
    assert (service / "a.txt").read_text() == '4 debug {"cpu": "2", "memory": "1Gi"} Svc\n'
    assert given(service) == {"name": "svc", "variant": "usual", "level": "debug"}


def test_a_default_that_changes_is_followed_where_nothing_was_said(tmp_path: Path) -> None:
    files = {"a.txt": "{{ workers }} {{ level | yaml }}\n"}

    def place(version: int, workers: int) -> Path:
        made = make_set(tmp_path, files, version)
        schema = json.loads(json.dumps(SCHEMA))
        schema["properties"]["workers"]["default"] = workers
        schema["properties"]["level"]["default"] = f"level {workers}"
        write(made / "vars" / "schema.json", json.dumps(schema))
        write(made / "vars" / "sample.yaml", "level: level 4\n")
        return made

    service = make_service(place(1, 4), tmp_path)
    update(service, place(2, 8))
    assert (service / "a.txt").read_text() == "8 level 4\n"


@pytest.mark.parametrize(
    ("migrations", "message"),
    [
        ([1], "expected a mapping from version"),
        ({"3": {}}, "3 is no version before this one"),
        ({"0": {}}, "0 is no version"),
        ({"one": {}}, "one is no version"),
        ({"1": []}, "expected a mapping with renamed"),
        ({"1": {"rename": {}}}, "unknown part rename; did you mean renamed"),
        ({"1": {"renamed": {"a": 1}}}, "a: expected the new name, got 1"),
        ({"1": {"removed": "a"}}, "removed is to be a list"),
        ({"1": {"values": {"a": 1}}}, "a is to be a mapping"),
        ({"1": {"files": {"../a": "b"}}}, "may lead elsewhere"),
        ({"1": {"files": {"a": "/b"}}}, "absolute"),
    ],
)
def test_mistakes_in_migrations_are_told_with_their_place(
    tmp_path: Path, migrations: object, message: str
) -> None:
    place = make_set(tmp_path, SHOWN, 3, migrations=migrations)
    with pytest.raises(InfergenError, match=message) as caught:
        open_template_set(place)
    assert f"{place / 'infergen.yaml'}:" in str(caught.value)


@pytest.mark.parametrize("essential", ["run.sh", [1], [""]])
def test_mistakes_in_essential_files(tmp_path: Path, essential: object) -> None:
    place = make_set(tmp_path, SHOWN, 3, essential=essential)
    with pytest.raises(TemplateSetError, match="expected patterns"):
        open_template_set(place)
