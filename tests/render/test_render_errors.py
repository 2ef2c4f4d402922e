"""Whatever is wrong in a template, the message names its file and line, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builder.errors import RenderError
from tests.render.sources import layered, plain

VARIABLES: dict[str, Any] = {
    "python_version": "3.13",
    "name": "iris",
    "image": {"width": 3, "height": 4},
    "model": {"inputs": [{"name": "x", "shape": [1, 4]}]},
}


def message(folder: Path, source: str, *, others: dict[str, str] | None = None) -> str:
    renderer = layered(folder, {"web/t.j2": source, **(others or {})})
    with pytest.raises(RenderError) as caught:
        renderer.render("web/t.j2", VARIABLES, destination="a.yml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "\n\n{{ pyton_version | yaml }}",
            "template_files/web/t.j2:3: `pyton_version` is not defined;"
            " did you mean `python_version`?",
        ),
        ("{{ zzz | yaml }}", "template_files/web/t.j2:1: `zzz` is not defined"),
        ("{{ zzz }}", "template_files/web/t.j2:1: `zzz` is not defined"),
        ("\n{% if zzz %}{% endif %}", "template_files/web/t.j2:2: `zzz` is not defined"),
        ("\n{% for x in zzz %}{% endfor %}", "template_files/web/t.j2:2: `zzz` is not defined"),
        ("{{ 'a' if zzz == 1 }}", "template_files/web/t.j2:1: `zzz` is not defined"),
        ("{{ zzz.a.b | yaml }}", "template_files/web/t.j2:1: `zzz` is not defined"),
        (
            "{{ image.widht | yaml }}",
            "template_files/web/t.j2:1: `image` has no `widht`; did you mean `width`?",
        ),
        (
            "{{ model.inputs[0].nam | yaml }}",
            "template_files/web/t.j2:1: this value has no `nam`; did you mean `name`?",
        ),
        (
            "{{ model.inputs[1] | yaml }}",
            "template_files/web/t.j2:1: `model.inputs` (list) has no `1`",
        ),
        ("{{ name.nope() }}", "template_files/web/t.j2:1: `name` (str) has no `nope`"),
        (
            "a\n{{ name | yam }}",
            "template_files/web/t.j2:2: no filter is called yam; did you mean `yaml`?",
        ),
        ("a\n{{ name is yam }}", "template_files/web/t.j2:2: syntax error: No test named 'yam'."),
        ("a\n{{ name", "template_files/web/t.j2:2: syntax error: "),
        ("a\n{% if name %}\nb", "template_files/web/t.j2:3: syntax error: "),
        ("a\n{% elif %}", "template_files/web/t.j2:2: syntax error: "),
        ("\n{{ 1 / 0 }}", "template_files/web/t.j2:2: division by zero\n    {{ 1 / 0 }}"),
        ("{{ 1 + name }}", "template_files/web/t.j2:1: unsupported operand type(s) for +"),
        ("{{ name.__class__ }}", "template_files/web/t.j2:1: not allowed in a template: access"),
        ("{{ ''.__class__.__mro__ }}", "template_files/web/t.j2:1: not allowed in a template"),
        ("{{ name.format.__globals__ }}", "template_files/web/t.j2:1: "),
        ("{{ '{0.__class__}'.format(name) | yaml }}", "template_files/web/t.j2:1: not allowed"),
        ("\n{{ 'a\\nb' | dockerfile }}", "template_files/web/t.j2:2: a Dockerfile cannot carry"),
        ("\n{{ name | json(1, 2) }}", "template_files/web/t.j2:2: json() takes"),
        ("\n{{ name() }}", "template_files/web/t.j2:2: 'str' object is not callable"),
        ("\n{% include 'web/u.j2' %}", "template_files/web/u.j2:2: `zzz` is not defined"),
        ("{% from 'm.j2' import m %}\n\n{{ m() }}", "template_files/m.j2:2: `zzz` is not defined"),
        (
            "{% extends 'base.j2' %}\n{% block a %}\n{{ zzz }}{% endblock %}",
            "template_files/web/t.j2:3:",
        ),
        (
            "{% import 'n.j2' as n %}{{ n.m() }}",
            "template_files/n.j2:1: `name` is not known to an imported template;"
            " import it `with context`",
        ),
        (
            "\n{% include 'web/w.j2' %}",
            "template_files/web/t.j2:2: no template web/w.j2 in template_files/;"
            " did you mean `web/u.j2`?",
        ),
        ("\n{% include '../secret' %}", "template_files/web/t.j2:2: ../secret leads out of"),
        ("\n{% include '/etc/passwd' %}", "template_files/web/t.j2:2: no template /etc/passwd in"),
        (
            "\n{% include 'link.j2' %}",
            "template_files/web/t.j2:2: link.j2 is a link that leads out",
        ),
        (
            "\n{% include 'links/secret' %}",
            "template_files/web/t.j2:2: links/secret is a link that",
        ),
        ("\n{% include 'latin.j2' %}", "template_files/web/t.j2:2: not UTF-8"),
        ("{% include 'broken.j2' %}", "template_files/broken.j2:2: syntax error: "),
    ],
)
def test_messages(tmp_path: Path, source: str, expected: str) -> None:
    others = {
        "web/u.j2": "\n{{ zzz }}",
        "m.j2": "{% macro m() %}\n{{ zzz }}{% endmacro %}",
        "n.j2": "{% macro m() %}{{ name | yaml }}{% endmacro %}",
        "base.j2": "{% block a %}{% endblock %}",
        "broken.j2": "\n{% if %}",
    }
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "secret").write_text("secret")
    templates = tmp_path / "template_files"
    templates.mkdir()
    (templates / "link.j2").symlink_to(tmp_path / "secret")
    (templates / "links").symlink_to(tmp_path / "outside")
    (templates / "latin.j2").write_bytes("é".encode("latin-1"))
    assert message(tmp_path, source, others=others).startswith(expected)


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    renderer = layered(tmp_path, {"web/app.py.j2": ""})
    with pytest.raises(RenderError) as caught:
        renderer.render("web/ap.py.j2", {}, destination="a.py")
    assert str(caught.value) == (
        "template_files/web/ap.py.j2: no template web/ap.py.j2 in template_files/;"
        " did you mean `web/app.py.j2`?"
    )


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    renderer = layered(tmp_path, {"a.j2": "{% include 'b.j2' %}", "c.j2": "text"})
    (tmp_path / "template_files" / "b.j2").symlink_to("c.j2")
    assert renderer.render("a.j2", {}, destination="a.txt") == b"text"


def test_undefined_may_be_asked_for(tmp_path: Path) -> None:
    source = "{{ 'no' if zzz is undefined }} {{ zzz | default('none') }}"
    renderer = layered(tmp_path, {"a.j2": source})
    assert renderer.render("a.j2", {}, destination="a.txt") == b"no none"


def test_layout_settings_of_layered_sets(tmp_path: Path) -> None:
    source = "a\n  {% if true %}\n  b\n  {% endif %}\n{# gone #}\nc\n"
    renderer = layered(tmp_path, {"a.j2": source})
    assert renderer.render("a.j2", {}, destination="a.txt") == b"a\n  b\nc\n"


def test_half_a_surrogate_pair_cannot_be_written(tmp_path: Path) -> None:
    renderer = plain(tmp_path, {"a.j2": "x\n{{ value }}"})
    with pytest.raises(RenderError, match=r"template_files/a\.j2: line 2 of the output holds half"):
        renderer.render("a.j2", {"value": "\ud800"}, destination="a.txt")


def test_one_renderer_renders_many(tmp_path: Path) -> None:
    renderer = layered(tmp_path, {"a.j2": "{{ name | yaml }}"})
    names = [f"name{index}" for index in range(5)]
    rendered = [renderer.render("a.j2", {"name": name}, destination="a.yml") for name in names]
    assert rendered == [name.encode() for name in names]


def test_a_template_can_refuse(tmp_path: Path) -> None:
    """What its author says is for people: it needs no place in a template."""
    source = (
        "{% if python_version == '3.13' %}{{ refuse('no ' ~ name ~ '; take {{ x }}') }}{% endif %}"
    )
    assert message(tmp_path, source) == "no iris; take {{ x }}"
