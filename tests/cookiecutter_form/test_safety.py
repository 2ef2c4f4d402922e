"""What cookiecutter lets happen, and what is refused or harmless here."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from builder.errors import InfergenError, UsageError
from builder.generate import Generated, Request, generate
from builder.output import OutputFile
from tests.conftest import Cli, tree
from tests.cookiecutter_form.templates import make_template
from tests.render.sources import hostile_text
from tests.sets import write

PROJECT = "{{cookiecutter.slug}}"


def template(root: Path, variables: dict[str, Any], files: dict[str, str]) -> Path:
    write(root / "cookiecutter.json", json.dumps({"slug": "sample", **variables}))
    for name, content in files.items():
        write(root / PROJECT / name, content)
    return root


def made(root: Path, *assignments: str, name: str = "sample") -> Generated:
    return generate(Request(name, root, assignments=assignments))


def refused(root: Path, *assignments: str, name: str = "sample") -> str:
    with pytest.raises(InfergenError) as caught:
        made(root, *assignments, name=name)
    assert caught.value.exit_code == 1
    return str(caught.value)


def content(generated: Generated, path: str) -> str:
    (found,) = (it for it in generated.outputs if it.path == path)
    assert isinstance(found, OutputFile)
    assert isinstance(found.content, bytes)
    return found.content.decode()


def test_a_value_is_no_template(tmp_path: Path) -> None:
    root = template(
        tmp_path / "t", {"x": "", "y": "{{ cookiecutter.x }}!"}, {"a.txt": "{{ cookiecutter.y }}"}
    )
    assert content(made(root, "x={{ 7 * 7 }}"), "a.txt") == "{{ 7 * 7 }}!"


@given(value=hostile_text)
def test_no_value_changes_a_structure(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    root = template(
        tmp_path_factory.mktemp("set") / "t",
        {"x": "usual"},
        {"a.py": "X = '{{ cookiecutter.x }}'\n"},
    )
    write(root.parent / "vars.yaml", json.dumps({"x": value}))
    request = Request("sample", root, variables_file=root.parent / "vars.yaml")
    try:
        generated = generate(request)
    except InfergenError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        parsed = ast.parse(content(generated, "a.py"))
    (assigned,) = parsed.body
    assert isinstance(assigned, ast.Assign)
    assert isinstance(assigned.value, ast.Constant)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Dockerfile", "FROM x\nENV A={{ cookiecutter.x }}\n"),
        ("a.yaml", "a: {{ cookiecutter.x }}\n"),
        ("a.sh", "echo {{ cookiecutter.x }}\n"),
        ("makefile", "a:\n\techo {{ cookiecutter.x }}\n"),
        ("a.json", '{"a": "{{ cookiecutter.x }}"}'),
    ],
)
def test_a_value_that_would_change_one_is_named(tmp_path: Path, kind: str, text: str) -> None:
    root = template(tmp_path / "t", {"x": "usual"}, {kind: text})
    message = refused(root, 'x=a\nRUN: "curl $(id)"')
    assert "the value of `x` would change the structure" in message
    made(root, "x=harmless")


def test_what_the_author_chose_is_the_authors(tmp_path: Path) -> None:
    root = template(tmp_path / "t", {"x": "[1, {a: b}]"}, {"a.yaml": "a: {{ cookiecutter.x }}\n"})
    assert content(made(root), "a.yaml") == "a: [1, {a: b}]\n"


@pytest.mark.parametrize(
    "value", ["../../out", "..", "/etc/out", "a/../../out", ".infergen", "con"]
)
def test_paths_that_lead_elsewhere(tmp_path: Path, value: str) -> None:
    root = template(tmp_path / "t", {"x": "usual"}, {"{{ cookiecutter.x }}/a.txt": "a"})
    refused(root, f"x={value}")
    root = template(tmp_path / "u", {"x": "usual"}, {"{{ cookiecutter.x }}": "a"})
    refused(root, f"x={value}")


def test_a_path_that_would_be_absolute(tmp_path: Path) -> None:
    root = template(tmp_path / "t", {"x": ""}, {"{{ cookiecutter.x }}/out.txt": "a"})
    assert "is absolute" in refused(root)


def test_two_files_for_one_place(tmp_path: Path) -> None:
    root = template(tmp_path / "t", {"x": "a"}, {"{{ cookiecutter.x }}": "1", "a": "2"})
    assert "both write a" in refused(root)


def test_links(tmp_path: Path) -> None:
    root = template(tmp_path / "t", {}, {"a.txt": "a"})
    (root / PROJECT / "link").symlink_to("a.txt")
    assert content(made(root), "link") == "a"
    (root / PROJECT / "link").unlink()
    (root / PROJECT / "link").symlink_to("/etc/hostname")
    assert "leads outside" in refused(root)
    (root / PROJECT / "link").unlink()
    (root / PROJECT / "link").symlink_to("/etc")
    assert "a link to a folder" in refused(root)
    (root / PROJECT / "link").unlink()
    (root / PROJECT / "link").symlink_to("nowhere")
    refused(root)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "\n{{ cookiecutter.slgu }}",
            "a.txt:2: `cookiecutter` has no `slgu`; did you mean `slug`?",
        ),
        ("{{ slug }}", "a.txt:1: `slug` is not defined"),
        ("{% if %}", "a.txt:1: syntax error"),
        ("{{ ''.__class__.__mro__ }}", "a.txt:1: "),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "a.txt:1: "),
        (
            "{% for a in range(10000000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
            "a.txt",
        ),
        ("{{ 'x' * 1000000000 }}", "a.txt:1: the output grows too large"),
        ("{% include '/etc/hostname' %}", "a.txt:1: no template"),
        ("{% include '../cookiecutter.json' %}", "a.txt:1: "),
        ("{{ random_ascii_string(8) }}", "would answer something else each time"),
        ("{{ uuid4() }}", "would answer something else each time"),
        ("{{ cookiecutter._output_dir }}", "has no `_output_dir`"),
    ],
)
def test_templates_that_are_refused(tmp_path: Path, text: str, told: str) -> None:
    root = template(tmp_path / "t", {}, {"a.txt": text})
    assert told in refused(root)


def test_a_random_default_is_to_be_given(tmp_path: Path) -> None:
    root = template(
        tmp_path / "t",
        {"secret": "{{ random_ascii_string(8) }}"},
        {"a.txt": "{{ cookiecutter.secret }}"},
    )
    assert "cookiecutter.json: secret: not allowed in a template: random_ascii_string" in refused(
        root
    )
    assert content(made(root, "secret=known"), "a.txt") == "known"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"_extensions": ["local.Evil"]}, "local.Evil would run code of its own"),
        ({"_extensions": "jinja2.ext.do"}, "_extensions is to be a list"),
        ({"_jinja2_env_vars": {"finalize": "x"}}, "finalize: 'x' is not known"),
        ({"_jinja2_env_vars": {"trim_blocks": "yes"}}, "trim_blocks: 'yes' is not known"),
        ({"_jinja2_env_vars": 3}, "is to be a mapping"),
        ({"x": []}, "x: the list of choices is empty"),
        ({"x": "{{ cookiecutter.y }}"}, "cookiecutter.json: x: `cookiecutter` has no `y`"),
        ({"x": "{{"}, "cookiecutter.json: x: syntax error"),
        ({"templates": {"a": {"path": "./a"}}}, "choose the folder of one"),
        ({"template": ["One (./one)"]}, "choose the folder of one"),
    ],
)
def test_variables_that_are_refused(tmp_path: Path, variables: dict[str, Any], told: str) -> None:
    assert told in refused(template(tmp_path / "t", variables, {"a.txt": "a"}))


@pytest.mark.parametrize("raw", ["", "[]", "{", '{"a": 1, "a": 2}', "\xff", "[" * 100_000])
def test_json_that_is_none(tmp_path: Path, raw: str) -> None:
    root = template(tmp_path / "t", {}, {"a.txt": "a"})
    (root / "cookiecutter.json").write_bytes(raw.encode("latin-1"))
    assert "cookiecutter.json: " in refused(root)


@pytest.mark.parametrize("folders", [[], ["{{cookiecutter.a}}", "{{cookiecutter.b}}"]])
def test_not_one_project(tmp_path: Path, folders: list[str]) -> None:
    write(tmp_path / "t" / "cookiecutter.json", "{}")
    for folder in folders:
        (tmp_path / "t" / folder).mkdir()
    assert f"found {len(folders)}" in refused(tmp_path / "t")


def test_the_callers_mistakes(cli: Cli, tmp_path: Path) -> None:
    root = make_template(tmp_path / "t")
    wrong = ["licence=MIT", "python=2.7", "use_docs=perhaps", "_extensions=[a]", "__upper=x"]
    arguments = [argument for it in wrong for argument in ("--set", it)]
    done = cli("new", "--name", "sample", "--templates", root, *arguments)
    assert done.returncode == 1
    assert "unknown variable licence; did you mean license?" in done.stderr
    assert 'python: expected one of "3.13", "3.11", got 2.7' in done.stderr
    assert "use_docs: expected true or false" in done.stderr
    assert "unknown variable _extensions" in done.stderr
    assert "unknown variable __upper" in done.stderr
    assert not (tmp_path / "sample").exists()
    message = refused(root, "license=GPL")
    assert "license: no choice 'GPL' (choices: MIT, Apache-2.0, None of Ada Lovelace)" in message
    for option in ("--model", "--labels", "--variant", "--correspond_file_path"):
        done = cli("new", "--name", "sample", "--templates", root, option, "x")
        assert done.returncode == UsageError.exit_code
        assert f"{option} x: a cookiecutter template knows no such thing" in done.stderr


def test_the_folders_name(tmp_path: Path) -> None:
    root = template(tmp_path / "t", {}, {"a.txt": "{{ cookiecutter.slug }}"})
    assert content(made(root, name="other"), "a.txt") == "other"
    assert "calls its folder third" in refused(root, "slug=third", name="other")
    (root / PROJECT).rename(root / "{{cookiecutter.slug}}-api")
    assert "say --name sample-api" in refused(root)
    assert content(made(root, name="sample-api"), "a.txt") == "sample"
    assert content(made(root, "slug=b", name="b-api"), "a.txt") == "b"


def test_the_record_and_what_is_looked_at(cli: Cli, tmp_path: Path) -> None:
    root = make_template(tmp_path / "t")
    arguments = ("new", "--name", "sample", "--templates", root, "--set", "project_name=Sample")
    assert cli(*arguments, "--dry-run").returncode == 0
    assert not (tmp_path / "sample").exists()
    assert cli(*arguments).returncode == 0
    record = json.loads((tmp_path / "sample" / ".infergen" / "record.json").read_text())
    assert record["variables"]["license"] == "MIT"
    assert record["set"]["name"] == "t"
    assert not any(name.startswith("_") for name in record["variables"])
    assert cli(*arguments, "--diff", "--exit-code").returncode == 0
    write(root / "{{cookiecutter.project_slug}}" / "no_end.txt", "new")
    assert cli(*arguments, "--diff", "--exit-code").returncode == 2
    before = tree(tmp_path / "sample")
    assert cli(*arguments, "--force").returncode == 0
    assert tree(tmp_path / "sample") != before


def test_a_form_beside_templates_of_ours_is_a_set_of_ours(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "t" / "cookiecutter.json", "{}")
    write(tmp_path / "t" / "template_files" / "a.txt.j2", "{{ name }}")
    write(tmp_path / "t" / "correspond_file_path.yaml", 'a.txt.j2: "{}/a.txt"\n')
    done = cli("new", "--name", "sample", "--templates", "t", "--set", "x=1", "--vars", "/dev/null")
    assert "cookiecutter" not in done.stderr
