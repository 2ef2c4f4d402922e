"""What a service checks before it is ready."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import Cli
from tests.web.running import SAMPLE, serving, started


def test_a_changed_transformation_is_recorded_first(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    service = tmp_path / "sample"
    transformers = service / "src" / "ml" / "transformers.py"
    code = transformers.read_text()
    assert "    return prediction\n" in code
    transformers.write_text(code.replace("    return prediction\n", "    return prediction * 2\n"))
    with started(service) as running:
        assert running.process.wait(60) == 1
        (line,) = running.log.splitlines()
        assert line.startswith("error: the model answers [1.9")
        assert "python -m src.jobs.record_sample" in line
    recorded = subprocess.run(
        [sys.executable, "-m", "src.jobs.record_sample"],
        cwd=service, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stderr
    with serving(service) as running:
        status, answer = running.ask("/predict", SAMPLE)
        assert status == 200
        assert 1.9 < answer["prediction"][0] < 2
        assert running.ask("/metadata")[1]["prediction_sample"] == answer["prediction"]


def test_another_model_is_not_served(cli: Cli, tmp_path: Path) -> None:
    """Not even one that takes and answers the same."""
    assert cli("new", "--name", "sample").returncode == 0
    model = tmp_path / "sample" / "models" / "iris_svc.onnx"
    model.write_bytes(model.read_bytes() + b"\x7a\x00")
    with started(tmp_path / "sample") as running:
        assert running.process.wait(60) == 1
        (line,) = running.log.splitlines()
        assert line.startswith("error: ")
        assert "iris_svc.onnx" in line
        assert "SHA-256" in line
