"""A path map that was given in place of the set's own stays the service's, through the CLI."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli, tree
from tests.sets import make_layered_set, make_plain_set, write, write_map

KEPT = ".infergen/correspond_file_path.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_layered_set(tmp_path / "set")


@pytest.fixture
def service(cli: Cli, tmp_path: Path, place: Path) -> Path:
    """Of a map that puts what the set's own has at app.py elsewhere; the user's file is gone."""
    given = tmp_path / "maps" / "correspond_file_path.yaml"
    write(given, '# ours\nbase/app.py.j2: "{}/ours.py"\nmore/more.yml.j2: "{}/more.yml"\n')
    done = cli("new", "--name", "svc", "--templates", place, "--correspond_file_path", given)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(given.parent)
    return tmp_path / "svc"


def test_check_and_update_go_by_the_map_that_was_given(
    cli: Cli, service: Path, place: Path
) -> None:
    assert (service / KEPT).read_text().startswith("# ours\n")
    before = tree(service)
    assert cli("check", "svc", "--templates", place).stdout == "svc: up to date\n"
    assert cli("update", "svc", "--templates", place).stdout == "svc: up to date\n"
    assert tree(service) == before
    write(place / "template_files" / "base" / "app.py.j2", "NAMED = {{ name | python }}\n")
    done = cli("check", "svc", "--templates", place)
    assert (done.returncode, done.stdout) == (2, "svc: outdated\n  outdated: the set set changed\n")
    done = cli("update", "svc", "--templates", place)
    assert done.stdout == "svc: updated (set 1)\n  replace   ours.py\n"
    assert (service / "ours.py").read_text() == 'NAMED = "svc"\n'
    assert not (service / "app.py").exists()


def test_it_is_edited_where_it_stands(cli: Cli, service: Path, place: Path) -> None:
    (service / KEPT).write_text((service / KEPT).read_text().replace("ours.py", "src/mine.py"))
    done = cli("check", "svc", "--templates", place)
    told = f"svc: outdated\n  outdated: {KEPT} was replaced\n"
    assert (done.returncode, done.stdout) == (2, told)
    done = cli("update", "svc", "--templates", place)
    assert done.returncode == 0, done.stderr
    assert (service / "src" / "mine.py").is_file()
    assert not (service / "ours.py").exists()
    assert (service / KEPT).read_text().startswith("# ours\n")
    assert cli("check", "svc", "--templates", place).returncode == 0


def test_mistakes_in_it_are_told_with_its_place(cli: Cli, service: Path, place: Path) -> None:
    (service / KEPT).write_text('# ours\nbase/ap.py.j2: "{}/ours.py"\n')
    before = tree(service)
    for command in ("check", "update"):
        done = cli(command, "svc", "--templates", place)
        assert done.returncode == 1
        assert f"svc/{KEPT}:2: no template template_files/base/ap.py.j2" in done.stderr
    assert tree(service) == before


@pytest.mark.parametrize("gone", ["deleted", "link"])
def test_nothing_is_guessed_where_it_is_gone(
    cli: Cli, service: Path, place: Path, gone: str
) -> None:
    (service / KEPT).unlink()
    if gone == "link":
        (service / KEPT).symlink_to(place / "correspond_file_path.yaml")
    before = tree(service)
    told = "--correspond_file_path FILE" if gone == "deleted" else "a link, and infergen follows"
    for command in ("check", "update"):
        done = cli(command, "svc", "--templates", place)
        assert done.returncode == 1
        assert f"svc/{KEPT}: " in done.stderr
        assert told in done.stderr
    assert tree(service) == before


def test_another_is_given_from_now_on(cli: Cli, service: Path, place: Path, tmp_path: Path) -> None:
    (service / KEPT).write_text((service / KEPT).read_text() + "# and edited\n")
    write(tmp_path / "other.yaml", 'base/app.py.j2: "{}/other.py"\nmore/more.yml.j2: "{}/m.yml"\n')
    give = ("--templates", place, "--correspond_file_path")
    before = tree(service)
    done = cli("update", "svc", *give, tmp_path / "other.yaml", "--dry-run", "--exit-code")
    assert done.returncode == 2
    assert tree(service) == before
    done = cli("update", "svc", *give, tmp_path / "other.yaml")
    assert done.stdout == (
        "svc: updated (set 1)\n"
        f"  replace   {KEPT}\n"
        "  create    other.py: new in the set\n"
        "  remove    ours.py: the set has it no more\n"
    )
    assert (service / KEPT).read_bytes() == (tmp_path / "other.yaml").read_bytes()
    assert cli("update", "svc", "--templates", place).stdout == "svc: up to date\n"
    # The set's own is none that is given, however its path is spelled.
    own = place / ".." / "set" / "correspond_file_path.yaml"
    assert cli("update", "svc", *give, own).returncode == 0
    assert not (service / KEPT).exists()
    assert (service / "app.py").is_file()
    assert cli("check", "svc", "--templates", place).stdout == "svc: up to date\n"
    assert cli("update", "svc", *give, tmp_path / "none.yaml").returncode == 1


def test_each_of_several_services_has_its_own(
    cli: Cli, service: Path, place: Path, tmp_path: Path
) -> None:
    assert cli("new", "--name", "plain", "--templates", place).returncode == 0
    write(place / "template" / "base" / "notes.txt", "changed\n")
    done = cli("update", "svc", "plain", "--templates", place)
    assert done.returncode == 0, done.stderr
    for each, made in ((service, "ours.py"), (tmp_path / "plain", "app.py")):
        assert [path.name for path in each.glob("*.py")] == [made]


def test_the_set_that_a_map_was_given_for_may_be_plain(cli: Cli, tmp_path: Path) -> None:
    place = make_plain_set(tmp_path / "set")
    write(tmp_path / "map.yaml", 'hello.txt.j2: "{}/there/hello.txt"\n')
    classic = ("--name", "svc", "--variable_file", "vars.yaml", "--correspond_file_path")
    done = cli(*classic, tmp_path / "map.yaml", cwd=place, classic=True)
    assert done.returncode == 0, done.stderr
    service = place / "svc"
    assert cli("check", service, "--templates", place).returncode == 0
    write(place / "template_files" / "hello.txt.j2", "good day {{ name }}\n")
    assert cli("update", service, "--templates", place).returncode == 0
    assert (service / "there" / "hello.txt").read_text() == "good day sample"
    assert not (service / "hello.txt").exists()


def test_a_service_of_the_sets_own_map_has_none_of_it(cli: Cli, place: Path) -> None:
    """So what the classic call names has no copy, and the service follows the set's own."""
    given = ("--correspond_file_path", place / "correspond_file_path.yaml")
    done = cli("new", "--name", "svc", "--templates", place, *given)
    assert done.returncode == 0, done.stderr
    service = place.parent / "svc"
    assert not (service / KEPT).exists()
    write_map(place, {"base/app.py.j2": "{}/moved.py", "more/more.yml.j2": "{}/more.yml"})
    assert cli("update", "svc", "--templates", place).returncode == 0
    assert (service / "moved.py").is_file()
