"""Every command in the README does what the README says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
BLOCKS = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
SESSION = next(block for block in BLOCKS if "./run.sh" in block)
COMMANDS = [
    line.removeprefix("$ ").partition("    #")[0]
    for block in BLOCKS
    if block is not SESSION
    for line in block.splitlines()
    if line.startswith("$ ")
]


def _steps(session: str) -> list[tuple[str, str]]:
    """Each command of a session with what it printed."""
    steps: list[tuple[str, str]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            steps.append((line.removeprefix("$ "), ""))
        else:
            command, printed = steps[-1]
            steps[-1] = (command, f"{printed}{line}\n")
    return steps


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


def test_the_session_is_what_really_happens(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = None
    try:
        for command, printed in _steps(SESSION):
            if command.endswith("&"):
                folder = tmp_path / "sample"
                environment = _environment(PORT=port, LOG_LEVEL="warning")
                server = subprocess.Popen(["./run.sh"], cwd=folder, env=environment)
                _wait_until_ready(port)
                continue
            done = subprocess.run(
                ["bash", "-c", command.replace("curl", "curl -s").replace("8000", port)],
                cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert done.stdout.rstrip("\n") == printed.rstrip("\n")
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _wait_until_ready(port: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the service did not become ready")


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with what the README's reader has at hand: models, a template set, a fleet."""
    models = ROOT / "vars" / "models"
    shutil.copy(models / "iris_svc.onnx", tmp_path / "model.onnx")
    shutil.copy(models / "iris.json", tmp_path / "labels.json")
    shutil.copytree(ROOT / "tests" / "classic_set", tmp_path / "my_set")
    shutil.copytree(ROOT / "examples" / "fleet", tmp_path / "examples" / "fleet")
    shutil.copytree(models, tmp_path / "vars" / "models")
    return tmp_path


def test_every_command_works(workplace: Path) -> None:
    """All but the session, in their order; what only sets up or tests is tried without doing it."""
    assert len(COMMANDS) > 8
    for command in COMMANDS:
        folder, told = workplace, command
        if command.startswith("make "):
            folder, told = ROOT, command.replace("make ", "make --dry-run ")
        elif command.startswith("pip install"):
            folder, told = ROOT, f"python -m {command} --dry-run --no-deps --quiet"
        elif "--templates my_set" in command:
            shutil.rmtree(workplace / "sample")
        done = subprocess.run(
            ["bash", "-c", told], cwd=folder, env=_environment(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_make_demo_shows_the_main_job() -> None:
    done = subprocess.run(
        [BIN / "python", "-m", "examples.demo"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (
        'POST /predict/label {"data": [[6.3, 3.3, 6.0, 2.5]]}\n  200 {"prediction":"virginica"}'
        in (done.stdout)
    )
    assert "Stopped" in done.stdout
