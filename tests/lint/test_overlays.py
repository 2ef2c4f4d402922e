"""Lint of sets that extend another: what is theirs is told, at its place, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lint.linting import Lint, sub
from tests.sets import write, write_map

APP = "template_files/base/app.py.j2"
OURS = """{% extends "base:base/app.py.j2" %}
{% block more %}
TEAM = {{ team | python }}
{% endblock %}
"""


@pytest.fixture
def overlay(good: Path) -> Path:
    """It fills a block of the good set's, and adds a variable."""
    write(good / APP, (good / APP).read_text() + "{% block more %}\nMORE = 1\n{% endblock %}\n")
    root = good.parent / "overlay"
    write(root / "infergen.yaml", "extends: ../set\nversion: 1\n")
    write(root / APP, OURS)
    team = {"team": {"type": "string", "default": "us"}}
    write(root / "vars" / "schema.json", json.dumps({"properties": team}, indent=2) + "\n")
    return root


def test_nothing_is_found_in_a_good_one(lint: Lint, overlay: Path) -> None:
    for _ in range(2):
        linted = lint(overlay, "--strict")
        assert linted.document["findings"] == []
        assert linted.code == 0
        assert (linted.document["templates"], linted.document["services"]) == (1, 4)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("X = {{ titel | python }}", "undefined", "Did you mean `title`?"),
        ("X = {{ layer | python }}", "undefined", "Did you mean `layers`?"),
        ("X = {{ team }}", "unquoted", "`team` is printed unquoted"),
        ("X = {{ team | yaml }}", "wrong-quoting", "app.py is python"),
        ("{% include 'base:base/_nams.j2' %}", "missing-template", "base:base/_names.j2"),
        ("x = = 1", "output", "not valid Python"),
        ("X  = 1", "format", "ruff format"),
        ("URL = 'https://ann:hunter22@db.example.com'", "secret", "URL with a password"),
        ("{{ token | python }}", "secret", "`token` is printed"),
    ],
)
def test_mistakes_in_its_own_template(
    lint: Lint, overlay: Path, line: str, code: str, said: str
) -> None:
    sub(overlay, APP, "TEAM", f"{line}\nTEAM")
    linted = lint(overlay)
    assert (APP, 3, code) in linted.places, linted.document
    assert {place[:2] for place in linted.places} == {(APP, 3)}
    assert said in linted.text


def test_what_is_wrong_with_the_other_set_is_not_told(
    lint: Lint, good: Path, overlay: Path
) -> None:
    sub(good, APP, "RATE =", "X = {{ titel | python }}\nimport os\nRATE =")
    sub(good, "vars/schema.json", '"title"', '"spare": {"type": "string"}, "title"')
    write(good / "vars" / "sample.yaml", "name: sample\nprt: 1\n")
    write(good / "template_files" / "more" / "_old.j2", "{{ port }}")
    assert len(lint(good).document["findings"]) > 3
    assert lint(overlay).document["findings"] == []
    sub(overlay, APP, "TEAM", "X = {{ tite | python }}\nTEAM")
    assert lint(overlay).places == {(APP, 3, "undefined")}


def test_what_it_breaks_in_the_other_set_is_told(lint: Lint, good: Path, overlay: Path) -> None:
    """Without a variable that the other's templates use, these cannot be rendered."""
    removed = {"title": None, "team": {"type": "string", "default": "us"}}
    write(overlay / "vars" / "schema.json", json.dumps({"properties": removed}))
    found = lint(overlay)
    assert (f"../set/{APP}", 1, "undefined") in found.places
    assert lint(good).document["findings"] == []


def test_samples_of_the_other_set_that_it_can_no_longer_take(lint: Lint, overlay: Path) -> None:
    schema = {"required": ["team"], "properties": {"team": {"type": "string"}}}
    write(overlay / "vars" / "schema.json", json.dumps(schema))
    assert lint(overlay).places == {
        ("../set/vars/crowd.yaml", 1, "variables"), ("../set/vars/sample.yaml", 1, "variables"),
    }  # fmt: skip
    write(overlay / "vars" / "ours.yaml", "name: ours\nteam: us\n")
    linted = lint(overlay)
    assert linted.document["findings"] == []
    assert linted.document["services"] == 2


def test_a_variable_of_its_own_that_nothing_uses(lint: Lint, overlay: Path) -> None:
    """Of a variable that it says more of, it is enough that the other set's templates use it."""
    changes = {
        "team": {"type": "string", "default": "us"},
        "port": {"default": 81},
        "spare": {"type": "string", "default": "x"},
        "picture": {"properties": {"depth": {"type": "integer", "default": 1}}},
    }
    write(overlay / "vars" / "schema.json", json.dumps({"properties": changes}, indent=2))
    lines = (overlay / "vars" / "schema.json").read_text().splitlines()
    linted = lint(overlay)
    assert linted.places == {
        ("vars/schema.json", lines.index(f'{" " * indent}"{name}": {{') + 1, "unused-variable")
        for name, indent in (("spare", 4), ("depth", 8))
    }
    write(overlay / "template_files" / "base" / "_spare.j2", "# {{ spare | comment }}\n")
    sub(overlay, APP, "TEAM", "{% include 'base/_spare.j2' %}\n# {{ picture.depth }}\nTEAM")
    assert lint(overlay).document["findings"] == []


def test_a_partial_is_found_by_the_other_sets_templates(
    lint: Lint, good: Path, overlay: Path
) -> None:
    names = "template_files/base/_names.j2"
    write(overlay / names, "{% include 'base:base/_names.j2' %}\n" + (good / names).read_text())
    assert lint(overlay).document["findings"] == []
    write(overlay / "template_files" / "base" / "_old.j2", "{{ port }}")
    sub(overlay, names, "port | string", "prt | string")
    assert lint(overlay).places == {
        ("template_files/base/_old.j2", 0, "unused-template"), (names, 2, "undefined"),
    }  # fmt: skip


def test_skeletons_and_layers_of_its_own(lint: Lint, overlay: Path) -> None:
    write(overlay / "template" / "base" / "base" / "names.py", "import os\n")
    write(overlay / "template" / "base" / "a.yml", "a:   1\n")
    write(overlay / "template" / "spare" / "b.yml", "---\nb: 1\n")
    assert lint(overlay).places == {
        ("template/base/base/names.py", 1, "python"),
        ("template/base/a.yml", 1, "yaml"),
        ("template/spare", 0, "unused-layer"),
    }


def test_two_of_its_own_for_one_place(lint: Lint, overlay: Path) -> None:
    """What takes the place of something of the other set is meant."""
    write(
        overlay / "template_files" / "base" / "names.py.j2",
        '"""Names of {{ title | docstring }}."""\n',
    )
    write_map(overlay, {"base/names.py.j2": "{}/base/names.py"})
    assert lint(overlay).document["findings"] == []
    write(overlay / "template" / "base" / "base" / "names.py", '"""Names."""\n')
    assert ("correspond_file_path.yaml", 1, "duplicate-destination") in lint(overlay).places


def test_three_sets_on_top_of_each_other(lint: Lint, overlay: Path) -> None:
    top = overlay.parent / "top"
    write(top / "infergen.yaml", "extends: ../overlay\nversion: 1\n")
    write(
        top / APP,
        '{% extends "base:base/app.py.j2" %}\n{% block more %}\n{{ super() }}'
        "TOP = {{ tema | python }}\n{% endblock %}\n",
    )
    assert lint(top).places == {(APP, 3, "undefined")}
    sub(top, APP, "tema", "team")
    assert lint(top).document["findings"] == []
    sub(overlay, APP, "team", "tema")
    assert (APP, 3, "undefined") in lint(overlay).places
    assert lint(top).document["findings"] == []
