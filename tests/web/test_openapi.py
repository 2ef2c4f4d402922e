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
BEYOND_JSON_SCHEMA = {
    "sample": "/infer$|/label$",  # as many values as the shape says; scores none of which is NaN
    "text_classifier": "/infer$|/label$",
    "image_cnn": "/infer$|/predict",  # bytes that are an image
    "mixed_pipeline": "/infer$|/predict",  # whole numbers without a fraction, not even .0
}


@pytest.mark.parametrize("variant", ["web-single", "data-cache"])
def test_schemathesis_finds_nothing(cli: Cli, tmp_path: Path, variant: str) -> None:
    assert_nothing_is_found(cli, tmp_path, "sample", variant)


def assert_nothing_is_found(cli: Cli, tmp_path: Path, variables: str, variant: str) -> None:
    file = ROOT / "vars" / f"{variables}.yaml"
    done = cli("new", "--name", "asked", "--vars", file, "--variant", variant)
    assert done.returncode == 0, done.stderr
    free = BEYOND_JSON_SCHEMA[variables]
    with serving(tmp_path / "asked") as service:
        for choice in (
            ("--exclude-path-regex", free),
            ("--include-path-regex", free, "--exclude-checks", "positive_data_acceptance"),
        ):
            done = subprocess.run(
                [
                    *(SCHEMATHESIS, "run", f"http://127.0.0.1:{service.port}/openapi.json"),
                    *("--checks", "all", "--max-examples", str(EXAMPLES), *choice),
                    *("--generation-deterministic", "--no-color"),
                ],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-6000:] + done.stderr
