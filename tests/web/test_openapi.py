"""The OpenAPI document holds: asked by schemathesis, which knows nothing but the document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.web.running import serving

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 20
CONFIGURATION = """
# That there are as many values as the shape says is beyond JSON Schema.
[[operations]]
include-path-regex = "/infer$"
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.parametrize("variables", ["sample", "image_cnn", "text_classifier", "mixed_pipeline"])
def test_schemathesis_finds_nothing(cli: Cli, tmp_path: Path, variables: str) -> None:
    done = cli("new", "--name", "asked", "--vars", ROOT / "vars" / f"{variables}.yaml")
    assert done.returncode == 0, done.stderr
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    with serving(tmp_path / "asked") as service:
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", f"http://127.0.0.1:{service.port}/openapi.json"),
                *("--checks", "all", "--max-examples", str(EXAMPLES)),
                *("--seed", "3", "--generation-deterministic", "--no-color"),
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "No issues found" in done.stdout, done.stdout[-2000:]
