"""The fleet under examples/, the workflow for it, and the hook for pre-commit."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, Cli
from tests.fleet.fleets import actions, stated, variables, write

BIN = Path(sys.executable).parent
WORKFLOW = ROOT / "examples" / "ci" / "fleet.yml"


def test_the_example_is_made_and_its_defaults_reach_each_service(cli: Cli, tmp_path: Path) -> None:
    example = (ROOT / "examples" / "fleet", "--models", ROOT / "vars" / "models")
    done = cli("fleet", *example, "--output", "services", "--json")
    assert done.returncode == 0, done.stderr
    names = {"iris", "churn", "diabetes", "shapes", "support-topics"}
    assert actions(done) == dict.fromkeys(names, "created")
    made = {name: variables(tmp_path / "services" / name) for name in names}
    assert {name: it["replicas"] for name, it in made.items()} == {
        **dict.fromkeys(names, 2),
        "churn": 4,
    }
    assert {it["namespace"] for it in made.values()} == {"models"}
    assert made["iris"]["resources"]["limits"]["memory"] == "512Mi"
    assert made["shapes"]["resources"]["limits"]["memory"] != "512Mi"


def test_the_workflow_is_one() -> None:
    schemas = ("vendor.github-workflows", "custom.github-workflows-require-timeout")
    for schema in schemas:
        _run([BIN / "check-jsonschema", "--builtin-schema", schema, WORKFLOW])
    _run([BIN / "yamllint", "--strict", "--config-data", _LINT, WORKFLOW])


def test_the_hook_is_one() -> None:
    file = ROOT / ".pre-commit-hooks.yaml"
    _run([BIN / "yamllint", "--strict", "--config-data", _LINT, file])
    (hook,) = yaml.safe_load(file.read_text())
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["entry"].split() == ["infergen", "check"]


_LINT = "{extends: default, rules: {line-length: {max: 100}, truthy: {check-keys: false}}}"


def test_the_workflows_scripts_are_sound(tmp_path: Path) -> None:
    for number, script in enumerate(_scripts().values()):
        file = tmp_path / f"{number}.sh"
        file.write_text(script)
        _run([BIN / "shellcheck", "--shell", "bash", file])


def test_the_workflow_opens_the_diff(tmp_path: Path) -> None:
    """Its steps, run one by one in a repository, with a stand-in for GitHub alone."""
    work = tmp_path / "work"
    work.mkdir()
    _run(["git", "init", "--quiet", "--bare", tmp_path / "origin.git"])
    _run(["git", "init", "--quiet", "--initial-branch", "main"], work)
    _run(["git", "remote", "add", "origin", tmp_path / "origin.git"], work)
    write(work / "fleet", a=stated(), b=stated())
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$2" = list ] || echo "$@" >> {tmp_path}/asked\n')
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path / 'bin'}:{BIN}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BRANCH": "infergen/fleet", "HOME": str(tmp_path)}
    scripts = _scripts()
    for step in ("Bring the fleet up to date", "Open the diff"):
        _run(["bash", "-e", "-c", scripts[step]], work, environment)
    assert "pr create --head infergen/fleet" in (tmp_path / "asked").read_text()
    assert (work / "changes.md").read_text() == "- a: created\n- b: created\n"
    listing: list[str | Path] = ["git", "ls-tree", "-r", "--name-only", "infergen/fleet"]
    pushed = _run(listing, tmp_path / "origin.git")
    assert "services/a/Dockerfile" in pushed.splitlines()
    assert ".infergen-fleet" not in pushed
    _run(["bash", "-e", "-c", scripts["Bring the fleet up to date"]], work, environment)
    said = _run(["bash", "-e", "-c", scripts["Open the diff"]], work, environment)
    assert said == "No service changed.\n"
    write(work / "fleet", a=stated("port: 9000"))
    _run(["bash", "-e", "-c", scripts["Check the fleet"]], work, environment)
    write(work / "fleet", b="title: [\n")
    done = subprocess.run(
        ["bash", "-e", "-c", scripts["Check the fleet"]], cwd=work, env=environment, check=False
    )
    assert done.returncode == 1
    summary = tmp_path / "summary"
    environment["GITHUB_STEP_SUMMARY"] = str(summary)
    _run(["bash", "-e", "-c", scripts["Summary"]], work, environment)
    first, second, *_ = summary.read_text().splitlines()
    assert first.startswith("- **a**: changed")
    assert second.startswith("- **b**: failed fleet/b.yaml:2: not valid YAML")


def _scripts() -> dict[str, str]:
    """The workflow's shell scripts by the names of their steps."""
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return {
        step.get("name", step["run"]): step["run"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    }


def _run(command: list[str | Path], folder: Path | None = None, environment: Any = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
