"""``infergen templates show``, ``schema`` and ``docs``."""

from __future__ import annotations

import json
from pathlib import Path

from builder.template_set import default_root
from tests.authoring.conftest import Templates
from tests.conftest import Cli
from tests.lint.linting import SCHEMA
from tests.sets import make_plain_set, write


def test_show_tells_variants_layers_files_and_variables(cli: Cli, good: Path) -> None:
    done = cli("templates", "show", "set", cwd=good.parent)
    assert done.stdout.splitlines()[:14] == [
        "set, version 1: set",
        "",
        "Variants:",
        "  small  base",
        "  large  base, more",
        "",
        "Files of small:",
        "  app.py            template_files/base/app.py.j2",
        "  base/__init__.py  template/base/base/__init__.py",
        "  base/names.py     template/base/base/names.py",
        "  pyproject.toml    template/base/pyproject.toml",
        "",
        "Files of large:",
        "  app.py            template_files/base/app.py.j2",
    ]
    assert "  picture.colours  text" in done.stdout
    assert done.returncode == 0


def test_show_as_json_says_what_is_generated(
    cli: Cli, templates: Templates, good: Path, tmp_path: Path
) -> None:
    code, document = templates("show", good, "--variant", "large")
    assert code == 0
    assert list(document["files"]) == ["large"]
    new = ("new", "--name", "made", "--templates", good, "--variant", "large", "--output", tmp_path)
    assert cli(*new).returncode == 0
    made = {
        path.relative_to(tmp_path / "made").as_posix()
        for path in (tmp_path / "made").rglob("*")
        if path.is_file() and ".infergen" not in path.parts
    }
    assert {file["path"] for file in document["files"]["large"]} == made
    for file in document["files"]["large"]:
        assert (good / file["source"]).is_file()
        assert file["rendered"] == file["source"].endswith(".j2")
    variables = {variable["name"]: variable for variable in document["variables"]}
    assert variables["port"]["default"] == 8000
    assert "default" not in variables["name"]


def test_show_of_the_default_set_knows_every_variant(templates: Templates) -> None:
    code, document = templates("show")
    assert code == 0
    assert document["name"] == "infergen"
    assert set(document["files"]) == set(document["variants"])
    assert all(document["files"].values())


def test_show_of_an_unknown_variant(templates: Templates, good: Path, tmp_path: Path) -> None:
    code, said = templates("show", good, "--variant", "lage")
    assert code == 1
    assert "did you mean large?" in said
    plain = make_plain_set(tmp_path / "plain")
    assert templates("show", plain, "--variant", "x")[0] == 2
    assert templates("show", plain)[1]["files"] == {
        "": [
            {
                "path": "hello.txt",
                "source": "template_files/hello.txt.j2",
                "set": "plain",
                "rendered": True,
            },
            {
                "path": "notes.txt",
                "source": "template/notes.txt",
                "set": "plain",
                "rendered": False,
            },
        ]
    }


def test_schema_prints_the_file(cli: Cli, good: Path) -> None:
    assert json.loads(cli("templates", "schema", good).stdout) == SCHEMA
    shipped = (default_root() / "vars" / "schema.json").read_text()
    assert cli("templates", "schema").stdout == shipped


def test_docs_has_a_row_for_each_variable(cli: Cli, good: Path) -> None:
    text = (good / "vars" / "schema.json").read_text()
    hostile = '"title": {"description": "a | b\\n<c> `d`", "x-expected": "x|y",'
    write(good / "vars" / "schema.json", text.replace('"title": {', hostile))
    lines = cli("templates", "docs", good).stdout.splitlines()
    assert lines[:2] == ["| Variable | Meaning | Expected | Default |", "| --- | --- | --- | --- |"]
    rows = {line.split("`")[1]: line for line in lines[2:]}
    assert list(rows) == [
        *("name", "variant", "title", "port", "rate", "tags"),
        *("picture.width", "picture.colours", "people", "token"),
    ]
    assert rows["title"] == '| `title` | a \\| b \\<c\\> \\`d\\` | x\\|y | `"A title"` |'
    assert rows["name"] == "| `name` |  | text | to be given |"
    assert rows["port"].endswith("| a whole number | `8000` |")


def test_docs_of_the_default_set_tells_all_that_may_be_set(cli: Cli) -> None:
    lines = cli("templates", "docs").stdout.splitlines()
    assert any(line.startswith("| `resources.limits.cpu` |") for line in lines)
    assert not any("`model.sha256`" in line for line in lines)
    # Every bar that is no border of a cell is escaped.
    assert {line.replace("\\|", "").count("|") for line in lines} == {5}


def test_a_set_without_a_schema(cli: Cli, tmp_path: Path) -> None:
    plain = make_plain_set(tmp_path / "plain")
    for what in ("schema", "docs"):
        done = cli("templates", what, plain)
        assert done.returncode == 1
        assert "vars/schema.json" in done.stderr
