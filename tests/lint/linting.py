"""A small set in which nothing is wrong, and lint as its users call it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.cli.app import run
from tests.sets import write, write_map

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "variant": {"type": "string", "default": "small"},
        "title": {"type": "string", "default": "A title"},
        "port": {"type": "integer", "default": 8000},
        "rate": {"type": "number", "default": 0.5},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        "picture": {
            "type": "object",
            "additionalProperties": False,
            "default": {},
            "properties": {
                "width": {"type": "integer", "default": 28},
                "colours": {"type": "string", "default": "grey"},
            },
        },
        "people": {
            "type": "array",
            "default": [],
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            },
        },
        "token": {"type": "string", "default": "", "writeOnly": True},
    },
}

APP = '''"""{{ title | docstring }}"""

NAME = {{ name | python }}
PORT = {{ port }}
RATE = {{ rate | python }}
COLOURS = {{ picture.colours | python }}
PEOPLE = {{ people | map(attribute="name") | map("python") | join(", ") }}{{ "None" if not people }}
AGES = {{ people | sum(attribute="age") }}
KNOWN = {{ "True" if token else "False" }}
'''

MORE = """---
{% import "base/_names.j2" as names with context %}
{% from "base/_names.j2" import listed with context %}
name: {{ names.full | yaml }}
width: {{ picture.width }}
{{ listed("tags", tags) -}}
"""

NAMES = """{% set full = name ~ "-" ~ (port | string) %}
{% macro listed(key, values) %}
{{ key | yaml }}:
{% for value in values %}
  - {{ value | yaml }}
{% endfor %}
{%- endmacro %}
"""


def make_good_set(root: Path) -> Path:
    """Two layers, two variants, a schema, a partial and a sample; lint finds nothing."""
    write(root / "template" / "base" / "base" / "__init__.py", "")
    write(root / "template" / "base" / "pyproject.toml", "[tool.ruff]\nline-length = 88\n")
    write(root / "template" / "base" / "base" / "names.py", '"""Names."""\n')
    write(
        root / "template_files" / "base" / "app.py.j2",
        APP,
    )
    write(root / "template_files" / "base" / "_names.j2", NAMES)
    write(root / "template_files" / "more" / "more.yml.j2", MORE)
    write_map(root, {"base/app.py.j2": "{}/app.py", "more/more.yml.j2": "{}/more.yml"})
    write(
        root / "infergen.yaml",
        "version: 1\nsupports: 0\nvariants:\n  small: [base]\n  large: [base, more]\n",
    )
    write(root / "vars" / "schema.json", json.dumps(SCHEMA, indent=2) + "\n")
    write(root / "vars" / "sample.yaml", "name: sample\n")
    write(
        root / "vars" / "crowd.yaml",
        "name: crowd\ntags: [x]\npeople:\n  - {name: Ann, age: 3}\n  - {name: Bo, age: 4}\n",
    )
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "infergen"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return make_good_set(tmp_path / "set")


def sub(root: Path, path: str, old: str, new: str) -> None:
    """Change a file of a set."""
    text = (root / path).read_text("utf-8")
    assert old in text
    write(root / path, text.replace(old, new))


@dataclass(frozen=True)
class Linted:
    """What lint said: its exit code, its document, and what it wrote to stderr."""

    code: int
    document: dict[str, Any]
    errors: str

    @property
    def places(self) -> set[tuple[str, int, str]]:
        """File (relative to the set), line and code of each finding."""
        root = self.document["set"]
        return {
            (os.path.relpath(one["file"], root), one["line"], one["code"])
            for one in self.document["findings"]
        }

    @property
    def text(self) -> str:
        return "\n".join(f"{one['message']} {one['hint']}" for one in self.document["findings"])


class Lint:
    """Runs ``infergen templates lint --json`` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, root: Path, *options: str) -> Linted:
        self._capsys.readouterr()
        code = run(["templates", "lint", str(root), "--json", *options])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return Linted(code, json.loads(said.out), said.err)
