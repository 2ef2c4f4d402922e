"""Nothing leaves the machine: neither infergen nor a booted service opens a socket of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

INFERGEN = Path(sys.executable).parent / "infergen"
MODELS = ROOT / "vars" / "models"


def _trace(arguments: list[str | Path], folder: Path) -> str:
    trace = folder / "trace.txt"
    command: list[str | Path] = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=socket,connect,execve",
        "-o",
        trace,
        INFERGEN,
    ]
    subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)
    return trace.read_text()


def test_new_opens_no_socket_and_starts_no_process(tmp_path: Path) -> None:
    calls = _trace(["new", "--name", "sample"], tmp_path)
    assert re.findall(r"socket\(|connect\(", calls) == []
    assert len([line for line in calls.splitlines() if "execve(" in line and "= 0" in line]) == 1


def test_running_a_model_opens_no_socket(tmp_path: Path) -> None:
    model, labels = MODELS / "iris_svc.onnx", MODELS / "iris.json"
    calls = _trace(["new", "--name", "x", "--model", model, "--labels", labels], tmp_path)
    assert re.findall(r"socket\(|connect\(", calls) == []


def test_inspect_opens_no_socket(tmp_path: Path) -> None:
    calls = _trace(["inspect", MODELS / "iris_svc_zipmap.onnx"], tmp_path)
    assert re.findall(r"socket\(|connect\(", calls) == []
