"""A plain template set, the classic form of the pattern, works unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from tests.conftest import ROOT, Cli, tree

CLASSIC = ROOT / "tests" / "classic_set"


@pytest.fixture
def classic(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CLASSIC, tmp_path / "classic"))


def classic_builder(root: Path, name: str) -> dict[str, bytes]:
    """What the pattern's own builder script writes: copy the tree, render, write."""
    variables = yaml.safe_load((root / "vars.yaml").read_text())
    path_map = yaml.safe_load((root / "correspond_file_path.yaml").read_text())
    made = root.parent / "expected" / name
    shutil.copytree(root / "template", made)
    environment = Environment(loader=FileSystemLoader(root / "template_files"))
    for template, destination in path_map.items():
        target = made.parent / destination.format(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(environment.get_template(template).render(**variables).encode())
    return {
        path.relative_to(made).as_posix(): path.read_bytes()
        for path in made.rglob("*")
        if path.is_file()
    }


def generated_files(service: Path) -> dict[str, bytes]:
    return {
        path.relative_to(service).as_posix(): path.read_bytes()
        for path in service.rglob("*")
        if path.is_file() and ".infergen" not in path.parts
    }


def test_classic_call_writes_the_bytes_of_the_classic_builder(cli: Cli, classic: Path) -> None:
    done = cli(
        "--name", "sample",
        "--variable_file", "vars.yaml",
        "--correspond_file_path", "correspond_file_path.yaml",
        cwd=classic, classic=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert generated_files(classic / "sample") == classic_builder(classic, "sample")


def test_new_with_templates_does_the_same(cli: Cli, classic: Path, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample", "--templates", classic, "--vars", classic / "vars.yaml")
    assert done.returncode == 0, done.stderr
    assert generated_files(tmp_path / "sample") == classic_builder(classic, "sample")


def test_executable_skeletons_stay_executable(cli: Cli, classic: Path, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample", "--templates", classic).returncode == 0
    assert (tmp_path / "sample" / "tool.sh").stat().st_mode & 0o111
    assert not (tmp_path / "sample" / "notes.txt").stat().st_mode & 0o111


def test_the_folder_takes_the_name_and_variables_of_their_own_win(
    cli: Cli, classic: Path, tmp_path: Path
) -> None:
    assert cli("new", "--name", "Other", "--templates", classic).returncode == 0
    assert "ENV PROJECT_DIR=sample" in (tmp_path / "Other" / "Dockerfile").read_text()


def test_name_fills_the_variable_where_the_file_has_none(
    cli: Cli, classic: Path, tmp_path: Path
) -> None:
    text = (classic / "vars.yaml").read_text().replace("name: sample\n", "")
    (classic / "vars.yaml").write_text(text)
    assert cli("new", "--name", "mine", "--templates", classic).returncode == 0
    assert "ENV PROJECT_DIR=mine" in (tmp_path / "mine" / "Dockerfile").read_text()


def test_printing_an_undefined_variable_names_template_line_and_neighbour(
    cli: Cli, classic: Path, tmp_path: Path
) -> None:
    (classic / "template_files" / "makefile.j2").write_text("build:\n\techo {{ model_filename }}\n")
    done = cli("new", "--name", "sample", "--templates", classic)
    assert done.returncode == 1
    assert "makefile.j2" in done.stderr
    assert "line 2" in done.stderr or "makefile.j2:2" in done.stderr
    assert "model_filename" in done.stderr
    assert "model_file_name" in done.stderr
    assert not (tmp_path / "sample").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("name", "x\nRUN curl example.com"),
        ("name", "x\n    privileged: true"),
        ("data_type", '"; import os; x = "'),
        ("name", "$(touch stolen)"),
    ],
)
def test_a_value_never_changes_the_structure(
    cli: Cli, classic: Path, tmp_path: Path, variable: str, value: str
) -> None:
    variables = yaml.safe_load((classic / "vars.yaml").read_text())
    (classic / "vars.yaml").write_text(yaml.safe_dump({**variables, variable: value}))
    done = cli("new", "--name", "sample", "--templates", classic)
    assert done.returncode == 1
    assert "template_files/" in done.stderr
    assert not (tmp_path / "sample").exists()


def test_values_are_never_evaluated(cli: Cli, classic: Path, tmp_path: Path) -> None:
    (classic / "template_files" / "makefile.j2").unlink()
    (classic / "template_files" / "readme.md.j2").write_text("{{ name }}")
    path_map = (classic / "correspond_file_path.yaml").read_text()
    path_map = path_map.replace('makefile.j2: "{}/makefile"', 'readme.md.j2: "{}/README.md"')
    (classic / "correspond_file_path.yaml").write_text(path_map)
    variables = yaml.safe_load((classic / "vars.yaml").read_text())
    for template in (classic / "template_files").iterdir():
        if template.name != "readme.md.j2":
            template.write_text("# nothing\n")
    (classic / "vars.yaml").write_text(yaml.safe_dump({**variables, "name": "{{ 7 * 7 }}"}))
    assert cli("new", "--name", "sample", "--templates", classic).returncode == 0
    assert (tmp_path / "sample" / "README.md").read_text() == "{{ 7 * 7 }}"


def test_the_set_itself_is_left_alone(cli: Cli, classic: Path) -> None:
    before = tree(classic)
    assert cli("new", "--name", "sample", "--templates", classic).returncode == 0
    assert tree(classic) == before
