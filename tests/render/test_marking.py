"""In a layered set nothing of a variable is printed that no quoting filter made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builder.errors import RenderError
from tests.render.sources import layered

MACRO = "{% macro quoted(x) %}<{{ x | yaml }}>{{ caller() if caller is defined }}{% endmacro %}"
HOSTILE = "a: b"


def rendered(folder: Path, template: str, destination: str = "a.yml", **variables: Any) -> str:
    variables = {"v": HOSTILE, "n": 3, "yes": True, "items": ["a", "b c"], **variables}
    renderer = layered(folder, {"t.j2": template, "base.j2": BASE, "part.j2": "[{{ v | yaml }}]\n"})
    return renderer.render("t.j2", variables, destination=destination).decode()


BASE = "<{% block body %}base {{ v | yaml }}{% endblock %}>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ v | yaml }}", '"a: b"'),
        ("{{ n }} {{ n + 1 }} {{ -n }} {{ 7 }}", "3 4 -3 7"),
        ("{{ 'x: y' if yes else 'z' }}", "x: y"),
        ("{{ 'x' }}{{ '<&\"' }}", 'x<&"'),
        ("{{ 'x' if not yes }}|", "|"),
        (
            "{% for item in items %}{{ item | yaml }}{{ ', ' if not loop.last }}{% endfor %}",
            "a, b c",
        ),
        ("{% for item in ['a', 'b'] %}{{ item }}{{ loop.index }}{% endfor %}", "a1b2"),
        (MACRO + "{{ quoted(v) }}", '<"a: b">'),
        (MACRO + "{% call quoted(v) %}in {{ v | yaml }}{% endcall %}", '<"a: b">in "a: b"'),
        ("{% set x %}{{ v | yaml }}!{% endset %}{{ x }}", '"a: b"!'),
        ("{% include 'part.j2' %}", '["a: b"]\n'),
        (
            "{% extends 'base.j2' %}{% block body %}{{ super() }} own{% endblock %}",
            '<base "a: b" own>',
        ),
        ("{% block a %}{{ v | yaml }}{% endblock %}{{ self.a() }}", '"a: b""a: b"'),
        ("{% for x in [[1]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}", "1"),
        ("{{ items | map('yaml') | join(', ') }}", "a, b c"),
        ("{{ [n, n] | join(', ') }}", "3, 3"),
        (
            "a:\n  {{ {'k': [v]} | json(indent=1) | indent(2) }}",
            'a:\n  {\n   "k": [\n    "a: b"\n   ]\n  }',
        ),
        ("{{ name | dns_label | yaml }}", "iris-svc"),
        ("{{ (name | dns_label ~ '-web') | yaml }}", "iris-svc-web"),
        ("{{ missing | default('x') }}{{ 'y' if missing is not defined }}", "xy"),
        ("{{ v.replace(': ', '_') | yaml }}", "a_b"),
        ("{{ 'v{}'.format(n) | yaml }}", "v3"),
    ],
)
def test_what_may_be_printed(tmp_path: Path, template: str, expected: str) -> None:
    assert rendered(tmp_path, template, name="iris_svc") == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ v }}",
        "{{ v if yes else 'x' }}",
        "{{ v or 'x' }}",
        "{{ v | default('x') }}",
        "{{ v | upper }}",
        "{{ v | e }}",
        "{{ v | escape }}",
        "{{ v | forceescape }}",
        "{{ v | tojson }}",
        "{{ v | string }}",
        "{{ v | urlize }}",
        "{{ v | trim }}",
        "{{ {'a': v} | xmlattr }}",
        "{{ v | dns_label }}",
        "{{ v | yaml | upper }}",
        "{{ v | yaml | trim }}",
        "{{ v | yaml | replace('a', 'b') }}",
        "{{ (v | yaml)[1:] }}",
        "{{ (v | yaml).strip('\"') }}",
        "{{ v | yaml ~ v }}",
        "{{ 'x' ~ v }}",
        "{{ 'x' + v }}",
        "{{ 'x' * n + v }}",
        "{{ '%s' % v }}",
        "{{ '%s' | format(v) }}",
        "{{ '{}'.format(v) }}",
        "{{ '{x}'.format_map({'x': v}) }}",
        "{{ '{0[v]}'.format({'v': v}) }}",
        "{{ 'x'.replace('x', v) }}",
        "{{ 'x' | replace('x', v) }}",
        "{{ ''.join([v]) }}",
        "{{ items | join(', ') }}",
        "{{ items | map('yaml') | join(v) }}",
        "{{ items | first }}",
        "{{ items | sort | last }}",
        "{{ v | list | first }}",
        "{{ v | indent }}",
        "{{ [v | yaml, v] | join }}",
        "{{ items }}",
        "{{ {'a': v} }}",
        "{{ yes }}",
        "{{ none }}",
        "{{ 1.5 }}",
        "{{ n / 2 }}",
        "{{ n == 3 }}",
        MACRO + "{{ quoted(v) ~ v }}",
        MACRO + "{{ quoted(v) + v }}",
        MACRO + "{{ quoted(v)[2:] }}",
        MACRO + "{{ quoted(v) | replace('a', v) }}",
        MACRO + "{{ quoted }}",
        MACRO + "{% call quoted(v) %}{{ v }}{% endcall %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(v) }}",
        "{% macro m(x=v) %}{{ x }}{% endmacro %}{{ m() }}",
        "{% call '{}'.format(v) %}{% endcall %}",
        "{% set x = v %}{{ x }}",
        "{% set x %}{{ v }}{% endset %}{{ x }}",
        "{% set x | upper %}{{ v | yaml }}{% endset %}{{ x }}",
        "{% set ns = namespace(x=v) %}{{ ns.x }}",
        "{% with x = v %}{{ x }}{% endwith %}",
        "{% for x in items %}{{ x }}{% endfor %}",
        "{% for x in items recursive %}{{ x }}{% endfor %}",
        "{% filter upper %}{{ v | yaml }}{% endfilter %}",
        "{% filter replace('x', v) %}x{% endfilter %}",
        "{% autoescape true %}{{ v }}{% endautoescape %}",
        "{% autoescape true %}{{ 'x' ~ v }}{% endautoescape %}",
        "{% autoescape false %}{{ v }}{% endautoescape %}",
        "{% autoescape yes %}{{ v }}{% endautoescape %}",
        "{% autoescape true %}{% set x | string %}x{% endset %}{{ x ~ v }}{% endautoescape %}",
        "{% import 'part.j2' as part with context %}{{ part }}",
        "{% set j = joiner(v) %}{{ j() }}{{ j() }}",
        "{% set c = cycler(v, v) %}{{ c.next() }}",
        "{{ v | safe }}",
        "{{ items | random }}",
        "{{ lipsum() }}",
        "{{ dict(a=v) }}",
        "{{ range(2) }}",
        "{{ v.__class__ }}",
    ],
)
def test_what_may_not_be_printed(tmp_path: Path, template: str) -> None:
    with pytest.raises(RenderError, match=r"^template_files/t\.j2"):
        rendered(tmp_path, template)


def test_the_message_shows_line_value_and_the_filter_that_fits(tmp_path: Path) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(tmp_path, "name: x\ntitle: {{ v }}\n", destination="sample/pod.yml")
    first, second = str(caught.value).splitlines()
    assert first.startswith("template_files/t.j2:2: str 'a: b' is printed unquoted")
    assert "{{ … | yaml }}" in first
    assert second.strip() == "title: {{ v }}"


@pytest.mark.parametrize(
    ("destination", "fitting"),
    [
        ("a/app.py", "python"),
        ("compose.yaml", "yaml"),
        ("labels.json", "json"),
        ("a.toml", "toml"),
        ("run.sh", "shell"),
        ("makefile", "make"),
        ("rules.mk", "make"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.gpu", "dockerfile"),
        ("README.md", "markdown"),
        ("unknown", "python"),
    ],
)
def test_the_filter_that_fits(tmp_path: Path, destination: str, fitting: str) -> None:
    with pytest.raises(RenderError, match=rf"\| {fitting} \}}\}}"):
        rendered(tmp_path, "{{ v }}", destination=destination)


def test_variables_cannot_be_changed(tmp_path: Path) -> None:
    items = ["a"]
    with pytest.raises(RenderError, match="not allowed in a template"):
        rendered(tmp_path, "{% set x = items.append('b') %}", items=items)
    assert items == ["a"]
