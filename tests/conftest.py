"""What the tests share: the command line as its users call it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# `make test` runs these; a make that they run is nobody's submake.
for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(inherited, None)

# A busy machine is no failure: no test depends on how long an example takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent

Completed = subprocess.CompletedProcess[str]


class Cli(Protocol):
    """Runs infergen in a folder and returns what came of it."""

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        classic: bool = False,
        stdin: str | None = None,
        timeout: float = 180,
    ) -> Completed: ...


@pytest.fixture(autouse=True)
def signals() -> None:
    """As in a new process: commands that were run in this one ignore them once they are done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    def run(
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        classic: bool = False,
        stdin: str | None = None,
        timeout: float = 180,
    ) -> Completed:
        program = [sys.executable, "-m", "builder"] if classic else [infergen()]
        completed = subprocess.run(
            [*program, *map(str, arguments)],
            cwd=cwd or tmp_path,
            env={**os.environ, **(environment or {})},
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in completed.stderr, completed.stderr
        return completed

    return run


def infergen() -> str:
    return str(Path(sys.executable).parent / "infergen")


def tree(folder: Path) -> dict[str, tuple[str, bytes | str]]:
    """Everything in a folder: kind and content by path, to compare before and after."""
    found: dict[str, tuple[str, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", "")
        else:
            executable = "exec" if path.stat().st_mode & 0o100 else "file"
            found[name] = (executable, path.read_bytes())
    return found
