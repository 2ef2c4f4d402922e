"""Plain sets: the classic builder's bytes, or an error that names the value to blame."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given, settings

from builder.errors import RenderError
from builder.render.renderer import Renderer
from tests.render.sources import hostile_text, plain

CLASSIC = {
    "name": "sample",
    "model_file_name": "iris_svc.onnx",
    "label_file_name": "label.json",
    "data_type": "float32",
    "data_structure": "(1,4)",
    "data_sample": [[5.1, 3.5, 1.4, 0.2]],
    "prediction_type": "float32",
    "prediction_structure": "(1,3)",
    "prediction_sample": [0.971, 0.015, 0.013],
}

APP = '''\
"""{{ name }}"""
# serves {{ title }}
shape = {{ data_structure }}
sample = {{ data_sample }}
title = "{{ title }}"
'''
POD = """\
# {{ title }}
name: {{ name }}
title: "{{ title }}"
plain: {{ title }}
list:
  - {{ title }}
shape: {{ data_structure }}
sample: {{ data_sample }}
"""
TEMPLATES = {
    "app.py": APP,
    "pod.yml": POD,
    "a.json": '{"title": "{{ title }}", "shape": "{{ data_structure }}"}',
    "a.toml": 'title = "{{ title }}"\nshape = "{{ data_structure }}"\n[table]\n',
    "Dockerfile": 'FROM scratch\n# {{ title }}\nLABEL title="{{ title }}"\nENV NAME={{ name }}\n',
    "run.sh": "#!/bin/sh\n# {{ title }}\necho \"{{ title }}\" '{{ data_sample }}'\n",
    "makefile": 'NAME := {{ name }}\n# {{ title }}\nall:\n\techo "{{ title }}"\n',
    "README.md": "# {{ title }}\n{{ data_sample }}\n",
}


def classic(folder: Path, name: str, variables: dict[str, Any]) -> bytes:
    """As the classic builder does it."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder / "template_files"))
    return environment.get_template(name).render(**variables).encode()


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    return plain(tmp_path, {f"{name}.j2": text for name, text in TEMPLATES.items()})


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    "title",
    ["", "Iris", "Iris, the 2nd (new) model: 50-50", "Größe ✓", "a/b@c+d=e", "50% *bold* ~x?!"],
)
def test_classic_bytes(renderer: Renderer, tmp_path: Path, name: str, title: str) -> None:
    if name == "pod.yml" and ": " in title:
        return
    variables = {**CLASSIC, "title": title}
    content = renderer.render(f"{name}.j2", variables, destination=f"sample/{name}")
    assert content == classic(tmp_path, f"{name}.j2", variables)


@pytest.mark.parametrize(
    "template",
    [
        "a\n{% if x %}\n  b\n{% endif %}\n",
        "no final newline",
        "one\n\n",
        "a\r\nb {{ x }}\r\n",
        "{% for i in y %}{{ i }},{% endfor %}{{ y }}{{ z }}{{ z.a }} {{ z['a'] }}",
        "{{ x | upper }} {{ x ~ 1 }} {{ '%s' % x }} {{ '{}'.format(x) }} {{ x | tojson }}",
        "{{ nothing | default('d') }}{% if nothing %}x{% endif %}",
        "{% for i in nothing %}x{% endfor %}{{ nothing | length }}",
        "{{ 'a' if nothing }}|{{ 'a' if not x }}|{{ nothing is defined }}|{{ nothing == 1 }}",
        "{{ none }} {{ true }} {{ 1.0 }} {{ 1e20 }} {{ [x, none] }} {{ x | e }}",
        "{{ y.append(4) or '' }}{{ y }}",
        "{% macro m(a) %}<{{ a }}>{{ caller() }}{% endmacro %}{% call m(x) %}c{% endcall %}",
        "{% filter upper %}{{ x }}{% endfilter %}{% set s | trim %} b {% endset %}{{ s }}",
        "{% autoescape true %}{{ x }}{{ '<' }}{{ x ~ '<' }}{% endautoescape %}",
        "{% raw %}{{ x }}{% endraw %}{# c #}-{{ range(3) | list }}",
        "{{ x | replace('a', '<') | indent(2) | center(20) }}{{ y | join(',') }}",
    ],
)
def test_classic_bytes_of_every_construct(tmp_path: Path, template: str) -> None:
    def variables() -> dict[str, Any]:
        return {"x": "a<b>&'\"\n", "y": [1, "b", 3.0], "z": {"a": "{{ x }}"}}

    folder = tmp_path / "template_files"
    folder.mkdir()
    (folder / "a.txt.j2").write_bytes(template.encode())
    renderer = plain(tmp_path, {})
    given_variables = variables()
    content = renderer.render("a.txt.j2", given_variables, destination="a.txt")
    assert content == classic(tmp_path, "a.txt.j2", variables())
    assert given_variables == variables()


def test_a_final_newline_of_a_value_does_no_harm(tmp_path: Path) -> None:
    template = "# {{ x }}\na: {{ x }}\nb: |\n  {{ x }}\n"
    renderer = plain(tmp_path, {"t.j2": template})
    content = renderer.render("t.j2", {"x": "two words\n"}, destination="a.yml")
    assert content == classic(tmp_path, "t.j2", {"x": "two words\n"})


@pytest.mark.parametrize(
    "template",
    [
        "{{ nothing }}",
        "{{ x.nothing }}",
        "{{ nothing.a }}",
        "{{ nothing ~ 'a' }}",
        "{{ nothing|e }}",
    ],
)
def test_printing_what_is_undefined_is_an_error(tmp_path: Path, template: str) -> None:
    renderer = plain(tmp_path, {"a.txt.j2": "first\n" + template})
    with pytest.raises(RenderError, match=r"template_files/a\.txt\.j2:2: .*`nothing`"):
        renderer.render("a.txt.j2", {"x": {}}, destination="a.txt")


QUOTE = 'a" + evil + "'
GUILTY = {
    "app.py": ["a\nevil()", QUOTE, 'a"\nevil("', "\\", '"', "a\r evil()", "+AAo-\n"],
    "pod.yml": ["a: b", "- a", "[a]", "{a: b}", "*a", "&a b", "!a b", "a #b", "a\nb: c", '"a', "|"],
    "a.json": ['", "b": "', '"', "\\", "a\nb", '"}'],
    "a.toml": ['"\nevil = "', '"', "\\", "a\nb"],
    "Dockerfile": ["a\nRUN evil", '" other="', "$(evil)", "$HOME", "`evil`", "a\\", "\r"],
    "run.sh": ["a\nevil", '"; evil; "', "$(evil)", "$HOME", "`evil`", "\\", "\r"],
    "makefile": ["a\nall: ; evil", "$(shell evil)", "$$", "`evil`", '"; evil; "', "a\\", "a #b"],
}


@pytest.mark.parametrize(
    ("name", "title"), [(name, title) for name, titles in GUILTY.items() for title in titles]
)
def test_a_value_that_would_change_the_structure(renderer: Renderer, name: str, title: str) -> None:
    variables = {**CLASSIC, "note": "it's innocent\n", "title": title}
    with pytest.raises(RenderError) as caught:
        renderer.render(f"{name}.j2", variables, destination=f"sample/{name}")
    message = str(caught.value)
    assert message.startswith(f"template_files/{name}.j2: the value of `title` would change")
    assert f"sample/{name}" in message


INNOCENT = {
    "app.py": ["it's", "a: b", "$(x) `y`", "{a} #b; c", "a & b | c > d"],
    "a.json": ["it's", "a: b", "$(x)", "[a] {b} #c"],
    "a.toml": ["it's", "a = b", "# c", "[a]"],
    "Dockerfile": ["it's", "a; b", "C# & co", "a | b > c", "(a)"],
    "run.sh": ["it's", "a; b", "C# & co", "a | b > c", "(a) {b} *"],
    "makefile": ["it's", "a; b", "a | b > c"],
    "README.md": ["a\nb", '"', "`x`", "$x", "# a"],
}


@pytest.mark.parametrize(
    ("name", "title"), [(name, title) for name, titles in INNOCENT.items() for title in titles]
)
def test_a_value_that_means_nothing_where_it_stands(
    renderer: Renderer, tmp_path: Path, name: str, title: str
) -> None:
    variables = {**CLASSIC, "title": title}
    content = renderer.render(f"{name}.j2", variables, destination=f"sample/{name}")
    assert content == classic(tmp_path, f"{name}.j2", variables)


@pytest.mark.parametrize(
    ("destination", "template"),
    [
        ("a.py", "{% if x == 'it\\'s; a\\nb' %}a = 1{% else %}def f(): pass{% endif %}"),
        ("a.py", "{% if x.startswith('it\\'') and ';' in x and x in [x] %}a = 1\n{% endif %}b = 2"),
        ("a.py", "{% if x | upper == 'IT\\'S; A\\nB' %}a = 1\n{% endif %}b = 2"),
        ("a.py", "{% for line in x.splitlines() %}# {{ line }}\n{% endfor %}b = 2"),
        ("a.py", "a = {{ x | tojson }}"),
        ("a.py", "a = {{ [x] }}"),
        ("a.py", "a = {{ {x: 1}[x] }}"),
        ("a.py", "a = {{ x | length }}"),
        ("a.yml", "a: {{ x | tojson }}"),
        ("a.yml", "a: |\n  {{ x | indent }}"),
        ("a.json", '{"a": {{ x | tojson }}, {{ x | tojson }}: 1}'),
        ("a.sh", "{% if '\\n' in x %}echo a{% else %}echo b; echo c{% endif %}"),
    ],
)
def test_turns_that_a_template_takes_are_the_same(
    tmp_path: Path, destination: str, template: str
) -> None:
    renderer = plain(tmp_path, {"t.j2": template})
    variables = {"x": "it's; a\nb"}
    content = renderer.render("t.j2", variables, destination=destination)
    assert content == classic(tmp_path, "t.j2", variables)


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os')",
        "exit()",
        "1); f(",
        "lambda: 0",
        "[x for x in y]",
        "a if b else c",
        "not a",
        "'a'",
    ],
)
def test_a_bare_value_is_no_expression(tmp_path: Path, value: str) -> None:
    renderer = plain(tmp_path, {"a.py.j2": "x = f({{ value }})\n"})
    with pytest.raises(RenderError, match="the value of `value` would change the structure"):
        renderer.render("a.py.j2", {"value": value}, destination="a.py")


@pytest.mark.parametrize("value", ["(1,4)", "[[5.1, 3.5]]", "-1", "1e-3", "(None, 3)", "()"])
def test_literals_of_numbers_may_stand_bare(tmp_path: Path, value: str) -> None:
    renderer = plain(tmp_path, {"a.py.j2": "x = {{ value }}", "a.sh.j2": "x={{ value }}"})
    content = renderer.render("a.py.j2", {"value": value}, destination="a.py")
    assert content == f"x = {value}".encode()
    renderer.render("a.sh.j2", {"value": value}, destination="a.sh")


def test_a_parser_directive_is_structure(tmp_path: Path) -> None:
    renderer = plain(tmp_path, {"t.j2": "# {{ x }}\nFROM scratch\n"})
    with pytest.raises(RenderError, match="`x` would change"):
        renderer.render("t.j2", {"x": "syntax=evil/frontend"}, destination="Dockerfile")


def test_a_coding_cookie_is_structure(tmp_path: Path) -> None:
    renderer = plain(tmp_path, {"t.j2": "# {{ x }}\n# {{ y }}\na = 1\n"})
    with pytest.raises(RenderError, match="would change the structure"):
        renderer.render("t.j2", {"x": "coding: utf-7", "y": "+AAo-b = 2"}, destination="a.py")


thorough = settings(max_examples=300, deadline=None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("set")
    return plain(folder, {f"{name}.j2": text for name, text in TEMPLATES.items()})


def written(renderer: Renderer, name: str, variables: dict[str, Any]) -> str | None:
    try:
        return renderer.render(f"{name}.j2", variables, destination=name).decode()
    except RenderError as error:
        assert "would change the structure" in str(error)
        return None


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@thorough
@given(title=hostile_text)
def test_python_keeps_its_shape(shared: Renderer, title: str) -> None:
    source = written(shared, "app.py", {**CLASSIC, "title": title})
    if source is not None:
        kinds = [ast.dump(node.value) for node in ast.parse(source).body if hasattr(node, "value")]
        assert len(kinds) == len(ast.parse(source).body) == 4
        assert kinds[-1].startswith("Constant(")


@thorough
@given(title=hostile_text)
def test_yaml_keeps_its_shape(shared: Renderer, title: str) -> None:
    source = written(shared, "pod.yml", {**CLASSIC, "title": title})
    if source is None:
        return
    try:
        value = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError):
        return
    assert list(value) == ["name", "title", "plain", "list", "shape", "sample"]
    assert not isinstance(value["title"], (list, dict))
    assert not isinstance(value["list"][0], (list, dict))
    assert len(value["list"]) == 1


@thorough
@given(title=hostile_text)
def test_dockerfile_keeps_its_lines(shared: Renderer, title: str) -> None:
    source = written(shared, "Dockerfile", {**CLASSIC, "title": title})
    if source is not None:
        assert [line.split(" ")[0] for line in source.split("\n")] == ["FROM", "#", "LABEL", "ENV"]


@thorough
@given(title=hostile_text)
def test_shell_keeps_its_words(shared: Renderer, title: str) -> None:
    source = written(shared, "run.sh", {**CLASSIC, "title": title})
    if source is not None:
        last = source.rstrip("\n").split("\n")[2]
        assert shlex.split(last) == ["echo", title, "[[5.1, 3.5, 1.4, 0.2]]"]
