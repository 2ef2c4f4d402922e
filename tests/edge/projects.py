"""Projects of the variant edge-device: made, checked, and asked as on a device."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Cli
from tests.kinds import KINDS

BIN = Path(sys.executable).parent
UPDATES = [f"tests/test_{name}.py" for name in ("updates", "after_updates", "publishing")]
"""The tests of a project that take long."""
SILENT = {"ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def example(
    cli: Cli, folder: Path, name: str, vars_file: str, variant: str = "edge-device"
) -> Path:
    """The project of an example, in this folder."""
    done = cli(
        *("new", "--name", name, "--variant", variant),
        *("--vars", ROOT / "vars" / f"{vars_file}.yaml", "--output", folder),
    )
    assert done.returncode == 0, done.stderr
    return folder / name


def of_kind(cli: Cli, folder: Path, kind: str) -> Path:
    """The project for a model of this kind."""
    made = KINDS[kind]
    model = folder / "some model.onnx"
    model.write_bytes(made.make().SerializeToString())
    arguments: list[str | Path] = ["new", "--name", "device", "--variant", "edge-device"]
    arguments += ["--model", model]
    if made.labels:
        (folder / "labels.json").write_text(json.dumps(made.labels))
        arguments += ["--labels", folder / "labels.json"]
    for setting in made.settings:
        arguments += ["--set", setting]
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    return folder / "device"


def assert_clean(project: Path, mypy_cache: Path) -> None:
    """Its code reads as if written by hand for this one model."""
    run_in(project, "ruff", "check", "--no-cache", ".")
    run_in(project, "ruff", "format", "--no-cache", "--check", ".")
    run_in(project, "mypy", "--cache-dir", str(mypy_cache))
    for path in project.rglob("*"):
        if path.suffix in (".py", ".md", ".toml", ".txt", "") and path.is_file():
            text = path.read_text() if ".infergen" not in path.parts else ""
            assert "\n\n\n\n" not in text, path
            assert not re.search(r"[ \t]$", text, flags=re.MULTILINE), path


def run_in(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=project, env={**os.environ, **SILENT}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def ask(project: Path, *arguments: str | Path, stdin: bytes | None = None) -> Any:
    """What the project's command answers, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "src", *map(str, arguments), "--json"],
        cwd=project, env={**os.environ, **SILENT}, input=stdin, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
