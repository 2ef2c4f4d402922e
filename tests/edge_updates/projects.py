"""A generated device project, and its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROW = [[5.1, 3.5, 1.4, 0.2]]


@dataclass(frozen=True)
class Project:
    """A project of the iris model in a folder; its state, keys and releases are beside it."""

    folder: Path
    beside: Path

    @property
    def model(self) -> Path:
        return next((self.folder / "models").glob("*.onnx"))

    @property
    def state(self) -> Path:
        return self.beside / "state"

    @property
    def releases(self) -> Path:
        return self.beside / "releases"

    @property
    def root(self) -> Path:
        return self.beside / "root.json"

    def __call__(
        self, *arguments: str | Path, code: int = 0, before: Sequence[str | Path] = ()
    ) -> str:
        """What the command prints, on both streams, once it has ended with this code."""
        done = subprocess.run(
            [*before, sys.executable, "-m", "src", *arguments],
            cwd=self.folder, env=environment(), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        assert "Traceback" not in output, output
        return output

    def python(self, code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def make_keys(self) -> None:
        self("publish", "init", "--keys", self.beside / "keys", "--root", self.root)

    def publish(self, version: str, *options: str | Path, code: int = 0) -> str:
        return self(
            *("publish", "release", "--version", version, "--to", self.releases),
            *("--keys", self.beside / "keys", "--root", self.root, *options),
            *(() if options and str(options[-1]).endswith(".onnx") else (self.model,)),
            code=code,
        )

    def update(self, *options: str | Path, code: int = 0, before: Sequence[str | Path] = ()) -> str:
        return self(
            *("update", "--state", self.state, "--root", self.root),
            *(options or ("--from", self.releases)),
            code=code,
            before=before,
        )

    def status(self) -> dict[str, Any]:
        """The state of the updates."""
        said = json.loads(self("status", "--json", "--state", self.state))
        assert said["healthy"]
        return dict(said["updates"])

    def active(self) -> int | None:
        """The active release, which must answer."""
        row = self.beside / "row.json"
        row.write_text(json.dumps(ROW))
        assert "setosa" in self("run", "--state", self.state, row)
        number: int | None = self.status()["active"]
        return number


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def new_project(folder: Path) -> Path:
    """Generate the iris project. Where it is."""
    done = subprocess.run(
        [Path(sys.executable).with_name("infergen"), "new", "--name", "iris", "--output", folder,
         "--variant", "edge-device"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "iris"
