"""Template sets that are whole, and every way in which one can be broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli, tree
from tests.sets import make_layered_set, make_plain_set, write, write_map


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return make_plain_set(tmp_path / "set")


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    return make_layered_set(tmp_path / "set")


def refused(cli: Cli, templates: Path, *more: str) -> str:
    """Generation fails with exit code 1, and leaves nothing; returns the message."""
    before = tree(templates.parent)
    done = cli("new", "--name", "sample", "--templates", templates, "--output", "made", *more)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("infergen: error:")
    assert tree(templates.parent) == before
    return done.stderr


@pytest.mark.parametrize(
    "destination",
    ["{}/../out", "/etc/out", "out", "{}", "{}/", "{}/{}/x", "{0}/x", "{0.__class__}/x", "{}/a//b"]
    + ["{}/./x", "{}/C:\\x", "{}/a\nb", "{}/con", "{}/x.", "{}x/y", "{}/{name}"]
    + ["{}/" + "n" * 300],
)
def test_destinations_that_escape_or_trick(cli: Cli, plain: Path, destination: str) -> None:
    write_map(plain, {"hello.txt.j2": destination})
    assert "correspond_file_path.yaml:1" in refused(cli, plain)


@pytest.mark.parametrize("destination", [3, None, ["{}/x"], {"a": "{}/x"}, True])
def test_destinations_that_are_no_text(cli: Cli, plain: Path, destination: object) -> None:
    write_map(plain, {"hello.txt.j2": destination})
    assert "correspond_file_path.yaml:1" in refused(cli, plain)


@pytest.mark.parametrize("destination", ["{}/.infergen/record.json", "{}/.INFERGEN/x"])
def test_the_records_folder_is_reserved(cli: Cli, plain: Path, destination: str) -> None:
    write_map(plain, {"hello.txt.j2": destination})
    assert "record" in refused(cli, plain)


def test_an_entry_without_a_template_names_the_nearest(cli: Cli, plain: Path) -> None:
    write_map(plain, {"hello.txt.j2": "{}/a", "helo.txt.j2": "{}/b"})
    message = refused(cli, plain)
    assert "no template template_files/helo.txt.j2; did you mean hello.txt.j2?" in message
    assert "correspond_file_path.yaml:2" in message


def test_a_template_without_an_entry(cli: Cli, plain: Path) -> None:
    write(plain / "template_files" / "other.j2", "x")
    assert "template_files/other.j2" in refused(cli, plain)


def test_a_partial_needs_no_entry(cli: Cli, plain: Path, tmp_path: Path) -> None:
    write(plain / "template_files" / "_greeting.j2", "hi {{ name }}")
    write(plain / "template_files" / "hello.txt.j2", "{% include '_greeting.j2' %}")
    assert cli("new", "--name", "sample", "--templates", plain).returncode == 0
    assert (tmp_path / "sample" / "hello.txt").read_text() == "hi sample"


@pytest.mark.parametrize(
    ("first", "second"),
    [("x.txt", "x.txt"), ("x.txt", "X.TXT"), ("é", "e\u0301"), ("x", "x/y"), ("x/y", "x")],
)
def test_two_entries_for_one_destination(cli: Cli, plain: Path, first: str, second: str) -> None:
    write(plain / "template_files" / "other.txt.j2", "x")
    write_map(plain, {"hello.txt.j2": f"{{}}/{first}", "other.txt.j2": f"{{}}/{second}"})
    message = refused(cli, plain)
    assert "hello.txt.j2" in message
    assert "other.txt.j2" in message


def test_a_template_for_a_skeletons_place(cli: Cli, layered: Path) -> None:
    write_map(layered, {"base/app.py.j2": "{}/notes.txt", "more/more.yml.j2": "{}/more.yml"})
    message = refused(cli, layered)
    assert "notes.txt" in message


def test_two_layers_for_one_place(cli: Cli, layered: Path) -> None:
    write(layered / "template" / "more" / "Notes.txt", "the same, but for its case")
    assert "otes.txt" in refused(cli, layered, "--variant", "large")
    assert cli("new", "--name", "sample", "--templates", layered).returncode == 0


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("out", "../../secret.txt"),
        ("absolute", "/etc/hostname"),
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("chain", "hop"),
    ],
)
def test_skeleton_links_that_lead_nowhere_good(
    cli: Cli, plain: Path, tmp_path: Path, link: str, target: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    if link == "chain":
        os.symlink("../../secret.txt", plain / "template" / "hop")
    os.symlink(target, plain / "template" / link)
    assert "secret" not in refused(cli, plain).replace("secret.txt", "")


def test_skeleton_links_that_stay_inside_stay_links(cli: Cli, plain: Path, tmp_path: Path) -> None:
    os.symlink("notes.txt", plain / "template" / "link")
    os.symlink("link", plain / "template" / "chain")
    assert cli("new", "--name", "sample", "--templates", plain).returncode == 0
    made = tmp_path / "sample"
    assert (os.readlink(made / "link"), os.readlink(made / "chain")) == ("notes.txt", "link")
    assert (made / "chain").read_text() == "as it stands\n"


def test_a_template_that_is_a_link_leading_out(cli: Cli, plain: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret {{ name }}")
    (plain / "template_files" / "hello.txt.j2").unlink()
    os.symlink("../../secret.txt", plain / "template_files" / "hello.txt.j2")
    refused(cli, plain)


def test_a_named_pipe_in_the_skeleton(cli: Cli, plain: Path) -> None:
    os.mkfifo(plain / "template" / "pipe")
    done = cli("new", "--name", "sample", "--templates", plain)
    assert done.returncode == 1
    assert "neither a file, a folder nor a link" in done.stderr


def test_empty_folders_binaries_modes_and_line_ends_survive(
    cli: Cli, plain: Path, tmp_path: Path
) -> None:
    (plain / "template" / "empty" / "inner").mkdir(parents=True)
    (plain / "template" / "raw.bin").write_bytes(bytes(range(256)) * 9000)
    (plain / "template" / "crlf.txt").write_bytes(b"a\r\nb")
    (plain / "template" / "run").write_text("#!/bin/sh\n")
    (plain / "template" / "run").chmod(0o700)
    assert cli("new", "--name", "sample", "--templates", plain).returncode == 0
    made = tree(tmp_path / "sample")
    for name, entry in tree(plain / "template").items():
        assert made[name] == entry


def test_a_huge_skeleton(cli: Cli, plain: Path, tmp_path: Path) -> None:
    for number in range(2000):
        write(plain / "template" / f"folder{number % 50}" / f"{number}.txt", f"{number}\n")
    with (plain / "template" / "large.bin").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.truncate(64 << 20)
    assert cli("new", "--name", "sample", "--templates", plain).returncode == 0
    made = tree(tmp_path / "sample")
    assert {name: made[name] for name in tree(plain / "template")} == tree(plain / "template")


Break = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: write(s / "infergen.yaml", "version: 1\n"), "expected variants"),
        (lambda s: write(s / "infergen.yaml", "variants: {a: [base]}\n"), "version"),
        (lambda s: write(s / "infergen.yaml", "version: x\nvariants: {a: [base]}\n"), "version"),
        (lambda s: write(s / "infergen.yaml", "version: 1\nvariant: {}\n"), "mean variants?"),
        (lambda s: write(s / "infergen.yaml", "version: 1\nvariants: {a: base}\n"), "list of"),
        (lambda s: write(s / "infergen.yaml", "version: 1\nvariants: {a: [bsae]}\n"), "bsae"),
        (lambda s: write(s / "infergen.yaml", "version: 1\nvariants: {a: [..]}\n"), "infergen.y"),
        (lambda s: write(s / "infergen.yaml", "version: 1\nvariants: {a: [base, base]}"), "twice"),
        (lambda s: write(s / "infergen.yaml", "- x\n"), "list"),
        (lambda s: write(s / "vars" / "schema.json", "{"), "schema.json"),
        (lambda s: write(s / "vars" / "schema.json", "[]"), "schema.json"),
        (
            lambda s: write(s / "vars" / "schema.json", '{"properties": {"name": {"type": 3}}}'),
            "schema.json",
        ),
        (lambda s: write(s / "template_files" / "top.j2", ""), "top.j2"),
    ],
)
def test_broken_settings(cli: Cli, layered: Path, damage: Break, message: str) -> None:
    damage(layered)
    assert message in refused(cli, layered)


def test_an_unknown_variant_names_the_known(cli: Cli, layered: Path) -> None:
    message = refused(cli, layered, "--variant", "lagre")
    assert "small, large" in message
    assert "did you mean large?" in message


def test_variants_choose_layers(cli: Cli, layered: Path, tmp_path: Path) -> None:
    assert cli("new", "--name", "a", "--templates", layered).returncode == 0
    assert cli("new", "--name", "b", "--templates", layered, "--variant", "large").returncode == 0
    assert not (tmp_path / "a" / "more.yml").exists()
    assert (tmp_path / "b" / "more.yml").read_text() == "name: b\n"


def test_what_tools_leave_is_no_part_of_a_set(cli: Cli, layered: Path, tmp_path: Path) -> None:
    new = ("new", "--templates", layered, "--name", "x", "--output")
    assert cli(*new, tmp_path / "clean").returncode == 0
    for cache in ("__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"):
        write(layered / "template" / "base" / cache / "left", "over")
    assert cli(*new, tmp_path / "worked_on").returncode == 0
    assert tree(tmp_path / "worked_on") == tree(tmp_path / "clean")


def test_a_folder_that_is_no_set(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert "no template set" in refused(cli, tmp_path / "set")
    assert "no such folder" in refused(cli, tmp_path / "set" / "none")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("NAME = {{ nmae | python }}\n", "did you mean `name`"),
        ("NAME = {{ name.first | python }}\n", "first"),
        ("NAME = {{ name | python \n", "app.py.j2"),
        ("{% for x in range(10**9) %}{% for y in range(10**9) %}{% endfor %}{% endfor %}", "app"),
        ("{% include '../../secret.txt' %}", "app.py.j2"),
        ("{% include '/etc/hostname' %}", "app.py.j2"),
        ("{% include 'base/app.py.j2' %}", "app.py.j2"),
        ("NAME = {{ ('x' * 10**11) | python }}\n", "app.py.j2"),
        ("NAME = {{ name }}\n", "app.py.j2"),
        ("NAME = = {{ name | python }}\n", "app.py"),
        ("{{ name.__class__.__mro__ | python }}\n", "app.py.j2"),
    ],
)
def test_templates_that_cannot_be_rendered(
    cli: Cli, layered: Path, tmp_path: Path, template: str, message: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    write(layered / "template_files" / "base" / "app.py.j2", template)
    found = refused(cli, layered)
    assert "template_files/base/app.py.j2" in found
    assert message in found
