"""Sets that extend another: they hold only what they add or change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest

from builder.opened_set import with_schema
from builder.prepare import Request, prepare
from builder.render.compiled import compile_templates
from builder.render.renderer import Renderer
from builder.render.sandbox import layered_environment
from builder.template_set import default_root, open_template_set
from tests.conftest import ROOT, Cli, tree
from tests.sets import make_layered_set, write, write_map

EXAMPLE = ROOT / "examples" / "overlay"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    root = make_layered_set(tmp_path / "base")
    write(root / "vars.yaml", "variant: small\nport: 1\n")
    return root


@pytest.fixture
def overlay(tmp_path: Path, base: Path) -> Path:
    assert base.is_dir()
    root = tmp_path / "overlay"
    write(root / "infergen.yaml", "extends: ../base\nversion: 5\n")
    return root


def made(cli: Cli, templates: Path, *more: str) -> Path:
    done = cli("new", "--name", "sample", "--templates", templates, *more)
    assert done.returncode == 0, done.stderr
    return templates.parent / "sample"


def refused(cli: Cli, templates: Path) -> str:
    before = tree(templates.parent)
    done = cli("new", "--name", "sample", "--templates", templates)
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("infergen: error: ")
    assert tree(templates.parent) == before
    return done.stderr


def test_one_that_changes_nothing_makes_the_same(cli: Cli, base: Path, overlay: Path) -> None:
    generated = tree(made(cli, overlay, "--variant", "large"))
    done = cli("new", "--name", "again", "--templates", base, "--variant", "large", "--json")
    again = tree(overlay.parent / "again")
    for files in (generated, again):
        del files[".infergen/record.json"]
    generated["app.py"] = again["app.py"]
    generated["more.yml"] = again["more.yml"]
    for path in (".infergen/base.json.bz2", ".infergen/vars.yaml"):  # they have the name
        generated[path] = again[path]
    assert generated == again
    assert json.loads(done.stdout)["set"]["name"] == "base"


def test_the_same_path_replaces(cli: Cli, overlay: Path) -> None:
    write(overlay / "template" / "base" / "notes.txt", "ours\n")
    write(overlay / "template_files" / "base" / "app.py.j2", "OURS = {{ name | python }}\n")
    service = made(cli, overlay)
    assert (service / "notes.txt").read_text() == "ours\n"
    assert (service / "app.py").read_text() == 'OURS = "sample"\n'


def test_what_is_nearer_wins_a_place_by_whatever_means(cli: Cli, overlay: Path) -> None:
    write(overlay / "template_files" / "base" / "notes.txt.j2", "of {{ name | shell }}\n")
    write(overlay / "template" / "base" / "app.py", "STATIC = True\n")
    write_map(overlay, {"base/notes.txt.j2": "{}/notes.txt"})
    service = made(cli, overlay)
    assert (service / "notes.txt").read_text() == "of sample\n"
    assert (service / "app.py").read_text() == "STATIC = True\n"


def test_two_of_one_set_for_one_place_are_refused_still(cli: Cli, overlay: Path) -> None:
    write(overlay / "template" / "base" / "app.py", "STATIC = True\n")
    write(overlay / "template_files" / "base" / "ours.py.j2", "OURS = 1\n")
    write_map(overlay, {"base/ours.py.j2": "{}/app.py"})
    assert "both write app.py" in refused(cli, overlay)


def test_an_output_is_moved_or_left_out(cli: Cli, overlay: Path) -> None:
    write_map(overlay, {"base/app.py.j2": "{}/src/app.py", "more/more.yml.j2": None})
    service = made(cli, overlay, "--variant", "large")
    assert (service / "src" / "app.py").is_file()
    assert not (service / "app.py").exists()
    assert not (service / "more.yml").exists()


def test_layers_and_variants_are_added(cli: Cli, overlay: Path) -> None:
    write(
        overlay / "infergen.yaml",
        "extends: ../base\nversion: 5\nvariants:\n  ours: [base, team]\n  small: [base, more]\n",
    )
    write(overlay / "template" / "team" / "owners.txt", "us\n")
    service = made(cli, overlay, "--variant", "ours")
    assert (service / "owners.txt").is_file()
    assert not (service / "more.yml").exists()
    for variant in ("small", "large"):
        done = cli("new", "--name", variant, "--templates", overlay, "--variant", variant)
        assert done.returncode == 0
        assert (overlay.parent / variant / "more.yml").is_file()


def test_a_template_extends_the_one_that_it_replaces(
    cli: Cli, tmp_path: Path, base: Path, overlay: Path
) -> None:
    write(
        base / "template_files" / "base" / "app.py.j2",
        "{% include 'base/_head.j2' %}\n{% block body %}\nBASE = 1\n{% endblock %}\n",
    )
    write(base / "template_files" / "base" / "_head.j2", "HEAD = 'base'\n")
    write(
        overlay / "template_files" / "base" / "app.py.j2",
        "{% extends 'base:base/app.py.j2' %}\n"
        "{% block body %}\n{{ super() }}\nMIDDLE = {{ name | python }}\n{% endblock %}\n",
    )
    top = tmp_path / "top"
    write(top / "infergen.yaml", "extends: ../overlay\nversion: 1\n")
    write(
        top / "template_files" / "base" / "app.py.j2",
        "{% extends 'base:base/app.py.j2' %}\n"
        "{% block body %}\n{{ super() }}\nTOP = 1\n{% endblock %}\n",
    )
    # A template of the base that says no `base:` includes the nearest, too.
    write(
        top / "template_files" / "base" / "_head.j2",
        "{% include 'base:base/_head.j2' %}\nHEAD_TOO = 'top'\n",
    )
    lines = (made(cli, top) / "app.py").read_text().split()
    assert [line for line in lines if line.isupper()] == [
        "HEAD", "HEAD_TOO", "BASE", "MIDDLE", "TOP",
    ]  # fmt: skip


def test_errors_name_the_set_that_they_are_in(cli: Cli, base: Path, overlay: Path) -> None:
    write(base / "template_files" / "base" / "app.py.j2", "\nX = {{ name }}\n")
    message = refused(cli, overlay)
    assert "error: base/template_files/base/app.py.j2:2: " in message
    assert message.endswith("\n    X = {{ name }}\n")
    write(overlay / "template_files" / "base" / "app.py.j2", "\n\nY = {{ name }}\n")
    message = refused(cli, overlay)
    assert "error: template_files/base/app.py.j2:3: " in message
    assert message.endswith("\n    Y = {{ name }}\n")


def test_base_in_a_set_that_extends_none(cli: Cli, base: Path) -> None:
    write(base / "template_files" / "base" / "app.py.j2", "{% include 'base:base/app.py.j2' %}")
    assert "template_files/base/app.py.j2:1: no template base:base/app.py.j2" in refused(cli, base)


def test_variables_are_added_changed_and_removed(cli: Cli, base: Path, overlay: Path) -> None:
    definitions = {
        "name": {"type": "string"},
        "variant": {"type": "string", "default": "small"},
        "port": {"type": "integer", "default": 80, "maximum": 99},
        "old": {"type": "string", "default": "x"},
        "nested": {
            "type": "object",
            "default": {},
            "properties": {"a": {"type": "integer", "default": 1}},
        },
    }
    write(
        base / "vars" / "schema.json",
        json.dumps(
            {"required": ["name"], "properties": definitions, "additionalProperties": False}
        ),
    )
    changes = {
        "port": {"default": 81},
        "old": None,
        "maybe": {"type": ["string", "null"], "default": None},
        "nested": {"properties": {"b": {"type": "integer", "default": 2}}},
        "team": {"type": "string"},
    }
    write(
        overlay / "vars" / "schema.json", json.dumps({"required": ["team"], "properties": changes})
    )
    write(
        overlay / "template_files" / "base" / "app.py.j2",
        "A = {{ [port, maybe, nested, team] | python }}\n",
    )
    write(base / "vars.yaml", "{}\n")
    assert "team is missing" in refused(cli, overlay)
    service = made(cli, overlay, "--set", "team=us")
    assert (service / "app.py").read_text() == 'A = [81, None, {"a": 1, "b": 2}, "us"]\n'
    done = cli("new", "--name", "x", "--templates", overlay, "--set", "port=100", "--set", "old=1")
    assert done.returncode == 1
    assert "port: expected a whole number, got 100" in done.stderr
    assert "unknown variable old" in done.stderr


def test_its_own_sample_is_used(cli: Cli, overlay: Path) -> None:
    write(overlay / "vars.yaml", "variant: large\n")
    assert (made(cli, overlay) / "more.yml").is_file()


@pytest.mark.parametrize(
    ("extends", "told"),
    [
        ("infergen@2", "extends: infergen@2, but this infergen ships infergen@"),
        ("infergen", "is to say the version that it was made for: infergen@"),
        ("infergen@x", "is to say the version that it was made for: infergen@"),
        ("../nowhere", "extends: no folder"),
        ("../plain", "is a plain set, which has no layers"),
        (".", "leads back to a set that extends it"),
        ("../circle", "leads back to a set that extends it"),
        ("[a]", "extends is to be text, such as infergen@3"),
        ("3", "extends is to be text, such as infergen@3"),
    ],
)
def test_what_cannot_be_extended(cli: Cli, overlay: Path, extends: str, told: str) -> None:
    parent = overlay.parent
    write(parent / "plain" / "template_files" / "a.txt.j2", "a")
    write_map(parent / "plain", {"a.txt.j2": "{}/a.txt"})
    write(parent / "circle" / "infergen.yaml", "extends: ../overlay\nversion: 1\n")
    write(overlay / "infergen.yaml", f"version: 1\nextends: {extends}\n")
    message = refused(cli, overlay)
    assert told in message
    assert "infergen.yaml:" in message


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (
            lambda o: write(o / "template_files" / "base" / "new.j2", "x"),
            "no entry for\n  template_files/base/new.j2",
        ),
        (
            lambda o: write_map(o, {"base/ap.py.j2": "{}/x"}),
            "no template template_files/base/ap.py.j2; did you mean base/app.py.j2?",
        ),
        (lambda o: write_map(o, {"base/gone.j2": None}), "expected where its output goes"),
        (
            lambda o: write(
                o / "infergen.yaml", "extends: ../base\nversion: 1\nvariants: {a: [nolayer]}\n"
            ),
            "no folder template/nolayer or template_files/nolayer",
        ),
        (
            lambda o: write(o / "infergen.yaml", "extends: ../base\nversion: 1\nvariants: 3\n"),
            "expected variants",
        ),
        (lambda o: write(o / "infergen.yaml", "extends: ../base\n"), "version is to be"),
        (lambda o: (o / "infergen.yaml").unlink(), "so this is no template set"),
    ],
)
def test_overlays_that_are_broken(
    cli: Cli, overlay: Path, break_it: Callable[[Path], None], told: str
) -> None:
    break_it(overlay)
    assert told in refused(cli, overlay)


def test_links_of_an_overlay_stay_inside(cli: Cli, overlay: Path) -> None:
    (overlay / "template_files" / "base").mkdir(parents=True)
    (overlay / "template_files" / "base" / "app.py.j2").symlink_to("/etc/hostname")
    assert "leads outside" in refused(cli, overlay)


def test_the_digest_covers_both(base: Path, overlay: Path) -> None:
    seen = {open_template_set(overlay).digest, open_template_set(base).digest}
    write(base / "template" / "base" / "notes.txt", "changed\n")
    seen.add(open_template_set(overlay).digest)
    write(overlay / "template" / "base" / "ours.txt", "new\n")
    seen.add(open_template_set(overlay).digest)
    assert len(seen) == 4
    assert open_template_set(overlay).version == 5


def test_the_shipped_sets_templates_are_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template_set = open_template_set(EXAMPLE)
    for name, code in compile_templates(
        layered_environment(*template_set.template_folders[1:])
    ).items():
        write(tmp_path / name, code)
    compiled: list[str | None] = []
    compile_ = jinja2.Environment.compile

    def noted(
        self: jinja2.Environment, source: str, name: str | None, *more: object, **named: object
    ) -> object:
        compiled.append(name)
        return compile_(self, source, name, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(jinja2.Environment, "compile", noted)
    variables = prepare(Request("sample", EXAMPLE), with_schema(template_set)).seen
    compiled.clear()
    renderer = Renderer(layered_environment(*template_set.template_folders, compiled=tmp_path))
    for entry in template_set.entries:
        if entry.template.partition("/")[0] in variables["layers"]:
            renderer.render(entry.template, variables, destination=entry.destination)
    replaced = ["web/Dockerfile.j2", "web/manifests/base/deployment.yaml.j2"]
    assert compiled == [name for it in replaced for name in (it, f"base:{it}")]


def test_the_example_differs_from_the_shipped_set_where_it_says(cli: Cli, tmp_path: Path) -> None:
    arguments = ("new", "--name", "sample", "--set", "cost_centre=ml-42")
    done = cli(*arguments, "--templates", EXAMPLE, "--output", "ours")
    assert done.returncode == 0, done.stderr
    assert cli("new", "--name", "sample", "--output", "theirs").returncode == 0
    ours, theirs = tree(tmp_path / "ours" / "sample"), tree(tmp_path / "theirs" / "sample")
    assert ours.keys() == theirs.keys()
    changed = {path for path in ours if ours[path] != theirs[path]}
    assert {path for path in changed if not path.startswith(".infergen/")} == {
        "Dockerfile",
        "manifests/base/deployment.yaml",
    }
    service = tmp_path / "ours" / "sample"
    dockerfile = (service / "Dockerfile").read_text()
    assert dockerfile.startswith("ARG BASE_IMAGE=registry.example.com/platform/python:3.13-slim\n")
    assert '\nLABEL com.example.cost-centre="ml-42"\n' in dockerfile
    deployment = (service / "manifests" / "base" / "deployment.yaml").read_text()
    assert deployment.count("  example.com/cost-centre: ml-42\n") == 2
    record = json.loads((service / ".infergen" / "record.json").read_text())
    assert record["variables"]["cost_centre"] == "ml-42"
    assert record["set"]["name"] == "overlay"


def test_the_example_is_for_the_set_that_ships() -> None:
    template_set = open_template_set(EXAMPLE)
    assert template_set.roots == (EXAMPLE, default_root())


def test_a_service_of_the_example_passes_its_own_tests(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample", "--templates", EXAMPLE, "--set", "cost_centre=42")
    assert done.returncode == 0, done.stderr
    for command in (
        ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        ("hadolint", "Dockerfile"),
        ("yamllint", "--strict", "."),
    ):
        checked = subprocess.run(
            [Path(sys.executable).parent / command[0], *command[1:]],
            cwd=tmp_path / "sample", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout + checked.stderr
