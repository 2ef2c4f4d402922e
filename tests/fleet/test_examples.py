"""The fleet under examples/, the workflow for it, and the hook for pre-commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, Cli
from tests.fleet.fleets import actions, variables

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
        run([BIN / "check-jsonschema", "--builtin-schema", schema, WORKFLOW])
    run([BIN / "yamllint", "--strict", "--config-data", _LINT, WORKFLOW])


def test_the_hook_is_one() -> None:
    file = ROOT / ".pre-commit-hooks.yaml"
    run([BIN / "yamllint", "--strict", "--config-data", _LINT, file])
    (hook,) = yaml.safe_load(file.read_text())
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["entry"].split() == ["infergen", "check"]


_LINT = "{extends: default, rules: {line-length: {max: 100}, truthy: {check-keys: false}}}"


def test_the_workflows_scripts_are_sound(tmp_path: Path) -> None:
    for number, script in enumerate(scripts().values()):
        file = tmp_path / f"{number}.sh"
        file.write_text(script)
        run([BIN / "shellcheck", "--shell", "bash", file])


def scripts() -> dict[str, str]:
    """The workflow's shell scripts by the names of their steps."""
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return {
        step.get("name", step["run"]): step["run"]
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    }


def run(command: list[str | Path], folder: Path | None = None, environment: Any = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
