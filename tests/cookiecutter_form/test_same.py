"""A template of cookiecutter's form makes what cookiecutter makes of it, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from builder.generate import Request, generate
from builder.write import publish
from tests.conftest import Cli, tree
from tests.cookiecutter_form.templates import made_by_cookiecutter, make_template
from tests.sets import write

RECORD = ".infergen"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return make_template(tmp_path / "template")


def made_by_us(root: Path, output: Path, name: str, *assignments: str) -> Path:
    generated = generate(Request(name, root, assignments=assignments))
    return publish(output, name, generated.outputs).path


def assert_same(ours: Path, theirs: Path) -> None:
    made = {path: it for path, it in tree(ours).items() if path.split("/")[0] != RECORD}
    assert made == tree(theirs)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"full_name": "Grace O'Hopper", "use_docs": "no", "license": "Apache-2.0"},
        {"project_name": "Other Thing", "project_slug": "other", "module": "deep_er"},
        {"python": "3.11", "port": "9000", "version": "1.2.3", "empty": "full"},
    ],
)
def test_every_feature(tmp_path: Path, template: Path, said: dict[str, Any]) -> None:
    theirs = made_by_cookiecutter(template, tmp_path / "theirs", said)
    assignments = [f"{name}={value}" for name, value in said.items()]
    ours = made_by_us(template, tmp_path / "ours", theirs.name, *assignments)
    assert_same(ours, theirs)


def test_a_mapping_is_laid_over_the_defaults(tmp_path: Path, template: Path) -> None:
    said = {"services": {"db": {"ports": [5432]}, "cache": {"image": "redis", "ports": []}}}
    theirs = made_by_cookiecutter(template, tmp_path / "theirs", said)
    write(tmp_path / "vars.yaml", json.dumps(said))
    request = Request(theirs.name, template, variables_file=tmp_path / "vars.yaml")
    ours = publish(tmp_path / "ours", theirs.name, generate(request).outputs).path
    assert_same(ours, theirs)


def test_links_to_what_lies_beside_the_project(tmp_path: Path, template: Path) -> None:
    write(template / "NOTICE", "of {{ cookiecutter.module }}\n")
    (template / "{{cookiecutter.project_slug}}" / "NOTICE").symlink_to("../NOTICE")
    theirs = made_by_cookiecutter(template, tmp_path / "theirs", {})
    assert_same(made_by_us(template, tmp_path / "ours", theirs.name), theirs)


def test_other_delimiters_and_line_ends(tmp_path: Path) -> None:
    variables = {
        "name": "sample",
        "_new_lines": "\r\n",
        "_jinja2_env_vars": {
            "variable_start_string": "[[", "variable_end_string": "]]", "trim_blocks": True,
        },
    }  # fmt: skip
    root = tmp_path / "template"
    write(root / "cookiecutter.json", json.dumps(variables))
    write(
        root / "[[cookiecutter.name]]" / "a.txt", "{% if 1 %}\n[[ cookiecutter.name ]]\n{% endif %}"
    )
    write(root / "[[cookiecutter.name]]" / "chart.yaml", "x: {{ .Values.x }}\n")
    theirs = made_by_cookiecutter(root, tmp_path / "theirs", {})
    assert_same(made_by_us(root, tmp_path / "ours", "sample"), theirs)


def test_hooks_of_both_kinds(cli: Cli, tmp_path: Path, template: Path) -> None:
    write(
        template / "hooks" / "pre_gen_project.py",
        "import pathlib\npathlib.Path('seen.txt').write_text('{{ cookiecutter.module }}')\n"
        "pathlib.Path('run.sh').write_text('from the hook')\n",
    )
    write(
        template / "hooks" / "post_gen_project.sh",
        "#!/bin/sh\nrm README.md\nmv setup.py renamed.py\necho told\n"
        "{% if not cookiecutter.use_docs %}rm docs/raw.md{% endif %}\nchmod +x no_end.txt\n",
    )
    (template / "hooks" / "post_gen_project.sh").chmod(0o755)
    theirs = made_by_cookiecutter(template, tmp_path / "theirs", {}, hooks=True)
    done = cli("new", "--name", theirs.name, "--templates", template, "--trust", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "told\n"
    assert json.loads(done.stdout)["service"] == theirs.name
    (theirs / "run.sh").chmod(0o755)
    assert_same(tmp_path / theirs.name, theirs)
    again = cli("new", "--name", theirs.name, "--templates", template, "--trust", "--force")
    assert again.returncode == 0, again.stderr
