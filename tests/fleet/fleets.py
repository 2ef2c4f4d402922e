"""Folders of variables files, made for a test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from builder.generate import Request, generate
from builder.template_set import default_root
from tests.conftest import ROOT, Cli, Completed

MODELS = ROOT / "vars" / "models"
FILES = len(generate(Request("sample", default_root())).outputs)
"""Of a service of the default set, made of such variables."""
STATED = (ROOT / "vars" / "sample.yaml").read_text().replace("name: sample\n", "")
"""Variables that say all of the model, so that it is not run."""


def write(folder: Path, **files: str) -> Path:
    """Variables files by their stems, with ``__`` for a slash; models lie beside."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/').replace('DEFAULTS', '_defaults')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if not (folder / "models").exists():
        shutil.copytree(MODELS, folder / "models")
    return folder


def stated(*lines: str) -> str:
    """A variables file of the iris model with some lines of its own."""
    keys = {line.partition(":")[0] for line in lines}
    kept = [line for line in STATED.splitlines() if line.partition(":")[0] not in keys]
    return "\n".join([*lines, *kept]) + "\n"


def document(done: Completed) -> dict[str, Any]:
    """What ``--json`` printed."""
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def actions(done: Completed) -> dict[str, str]:
    """What became of each service, by its name."""
    return {service["service"]: service["action"] for service in document(done)["services"]}


def fleet(cli: Cli, *arguments: str | Path, folder: str = "vars", output: str = "out") -> Completed:
    return cli("fleet", folder, "--output", output, *arguments)


def variables(service: Path) -> dict[str, Any]:
    record = json.loads((service / ".infergen" / "record.json").read_text())
    found: dict[str, Any] = record["variables"]
    return found
