"""Generated pages, made and served as their users do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

INFERGEN = Path(sys.executable).parent / "infergen"
IMAGE = ROOT / "vars" / "image_cnn.yaml"
IRIS = ROOT / "vars" / "sample.yaml"


def generate(
    folder: Path, *settings: str, variables: Path = IMAGE, variant: str = "edge-browser"
) -> Path:
    """A project in this folder."""
    command: list[str | Path] = [INFERGEN, "new", "--name", "shown", "--output", folder]
    command += ["--variant", variant, "--vars", variables]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "shown"


@dataclass(frozen=True)
class Project:
    """A generated project with its runtime."""

    folder: Path

    def make(self, *target: str) -> str:
        """What `make` says."""
        done = subprocess.run(
            ["make", *target], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def served(self, port: int = 0) -> Iterator[str]:
        """The site's address, while its own server runs."""
        process = subprocess.Popen(
            ["node", "tools/serve.js", str(port)],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            _, complaints = process.communicate(timeout=30)
            assert complaints == ""


def with_runtime(project: Path, vendored: Path) -> Project:
    """The project with the runtime of another one, which was brought already."""
    (project / "node_modules").symlink_to(vendored / "node_modules")
    os.utime(project / "package-lock.json", (0, 0))
    return Project(project)
