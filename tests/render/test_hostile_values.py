"""Whole templates of each language: no value changes a file's structure; some are refused."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from builder.errors import RenderError
from builder.render.renderer import Renderer
from builder.render.verify import verify
from tests.render.sources import (
    HOSTILE,
    data,
    hostile_text,
    layered,
    one_line_text,
    plain,
    shell_text,
)

thorough = settings(max_examples=200, deadline=None)
with_processes = settings(max_examples=25, deadline=None)

TEMPLATES = {
    "app.py": '''\
"""{{ text | docstring }}"""
# {{ text | comment }}
NAME = {{ text | python }}
DATA = {
    {{ text | python }}: {{ data | python }},
}


def label() -> str:
    """{{ text | docstring }} and more."""
    return f"{NAME}"
''',
    "pod.yml": """\
# {{ text | comment }}
name: {{ text | yaml }}
{{ text | yaml }}: [{{ text | yaml }}, {a: {{ text | yaml }}}]
data: {{ data | yaml }}
list:
  - {{ text | yaml }}
  - last
""",
    "labels.json": '{"name": {{ text | json }}, "data": {{ data | json(indent=2) | indent(2) }}}\n',
    "conf.toml": """\
# {{ text | comment }}
name = {{ text | toml }}
[table]
list = [{{ text | toml }}, {{ data | toml }}]
""",
    "Dockerfile": """\
# {{ text | comment }}
FROM scratch
LABEL title={{ text | dockerfile }} other="x"
ENV NAME={{ text | dockerfile }}
""",
    "run.sh": """\
#!/bin/sh
# {{ text | comment }}
name={{ text | shell }}
printf '%s\\0' "$name" {{ text | shell }} end
""",
    "makefile": """\
# {{ text | comment }}
NAME := {{ text | make }}
export NAME
all:
\t@env -0
other:
\t@printf '%s' {{ 'x' }}
""",
}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("set")
    return layered(folder, {f"{name}.j2": text for name, text in TEMPLATES.items()})


Written = Callable[..., str]


@pytest.fixture(scope="module")
def written(renderer: Renderer) -> Written:
    def write(name: str, **variables: Any) -> str:
        content = renderer.render(f"{name}.j2", variables, destination=f"sample/{name}")
        verify(name, content, template=f"{name}.j2")
        return content.decode()

    return write


@thorough
@given(text=hostile_text, value=data())
def test_python(written: Written, text: str, value: Any) -> None:
    source = written("app.py", text=text, data=value)
    tree = ast.parse(source)
    kinds = [type(node).__name__ for node in tree.body]
    assert kinds == ["Expr", "Assign", "Assign", "FunctionDef"]
    namespace: dict[str, Any] = {}
    exec(compile(tree, "<test>", "exec"), namespace)
    assert namespace["NAME"] == text
    assert namespace["DATA"] == {text: value}
    assert namespace["label"]() == text


@thorough
@given(text=hostile_text, value=data())
def test_yaml(written: Written, text: str, value: Any) -> None:
    if text in ("name", "data", "list"):
        return
    assert yaml.safe_load(written("pod.yml", text=text, data=value)) == {
        "name": text,
        text: [text, {"a": text}],
        "data": value,
        "list": [text, "last"],
    }


@thorough
@given(text=hostile_text, value=data())
def test_json(written: Written, text: str, value: Any) -> None:
    assert json.loads(written("labels.json", text=text, data=value)) == {
        "name": text,
        "data": value,
    }


@thorough
@given(text=hostile_text, value=data(null=False))
def test_toml(written: Written, text: str, value: Any) -> None:
    assert tomllib.loads(written("conf.toml", text=text, data=value)) == {
        "name": text,
        "table": {"list": [text, value]},
    }


@thorough
@given(text=hostile_text)
def test_dockerfile(written: Written, text: str) -> None:
    try:
        lines = written("Dockerfile", text=text).split("\n")
    except RenderError as error:
        assert re.search(r"[\x00-\x1f\x7f]", text)
        assert "template_files/Dockerfile.j2:3: a Dockerfile cannot carry" in str(error)
        return
    assert len(lines) == 5
    assert not re.match(r"#\s*\w+\s*=", lines[0])
    assert re.fullmatch(r'LABEL title="(\\["$\\]|[^"$\\])*" other="x"', lines[2])
    assert re.fullmatch(r'ENV NAME="(\\["$\\]|[^"$\\])*"', lines[3])


@with_processes
@given(text=shell_text)
def test_shell(written: Written, text: str) -> None:
    assert run_script(written("run.sh", text=text)) == [text, text, "end", ""]


def test_shell_with_all_that_is_hostile(written: Written) -> None:
    for text in HOSTILE:
        assert run_script(written("run.sh", text=text)) == [text, text, "end", ""]


def run_script(script: str) -> list[str]:
    completed = subprocess.run(
        ["sh", "-s"], input=script.encode(), capture_output=True, check=True, timeout=60
    )
    assert completed.stderr == b""
    return completed.stdout.decode().split("\0")


@with_processes
@given(text=one_line_text.filter(lambda text: not text.endswith("\\")))
def test_make(written: Written, tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("make")
    (folder / "makefile").write_bytes(written("makefile", text=text).encode())
    completed = subprocess.run(
        ["make", "-s"], cwd=folder, capture_output=True, check=True, timeout=60
    )
    assert f"NAME={text}" in completed.stdout.decode().split("\0")
    assert completed.stderr == b""


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" in text or "\r" in text])
def test_a_makefile_takes_one_line(written: Written, text: str) -> None:
    with pytest.raises(RenderError, match=r"template_files/makefile\.j2:2: a make variable cannot"):
        written("makefile", text=text)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{% include 'app.py.j2' %}", "{# a #}", "{{ text }}"]
)
def test_a_value_is_never_a_template(written: Written, name: str, text: str) -> None:
    source = written(name, text=text, data=[text])
    for part in text.split("'"):
        assert part in source
    assert "49" not in source


def test_values_in_a_plain_set_are_no_templates_either(tmp_path: Path) -> None:
    renderer = plain(tmp_path, {"a.txt.j2": "{{ x }}\n{{ y }}"})
    content = renderer.render(
        "a.txt.j2", {"x": "{{ 7*7 }}", "y": ["{% raw %}"]}, destination="a.txt"
    )
    assert content == b"{{ 7*7 }}\n['{% raw %}']"
