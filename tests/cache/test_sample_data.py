"""What comes with the example services, and which of it is their sample."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Cli
from tests.web.running import Running, serving

VARS = ROOT / "vars"


def said_of(service: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((service / "src/ml/metadata.json").read_text())
    return found


def label_of(running: Running, name: str) -> Any:
    status, answer = running.ask("/predict/label", json.dumps({"data": name}).encode())
    assert status == 200, answer
    return answer["prediction"]


@pytest.mark.parametrize("variant", ["data-cache", "prediction-cache"])
def test_flowers_are_rows_of_a_table(cli: Cli, tmp_path: Path, variant: str) -> None:
    done = cli("new", "--name", "service", "--variant", variant)
    assert done.returncode == 0, done.stderr
    with serving(tmp_path / "service") as running:
        assert label_of(running, "0000") == "setosa"
        assert label_of(running, "0006") == "versicolor"
        assert label_of(running, "0012") == "virginica"
        assert running.ask("/predict/label", b'{"data": "0013"}')[0] == 404
        _, answer = running.ask("/predict/test")
        _, metadata = running.ask("/metadata")
        assert answer["prediction"] == metadata["prediction_sample"]


def test_shapes_are_files_of_which_the_first_is_the_sample(cli: Cli, tmp_path: Path) -> None:
    variables = VARS / "image_cnn.yaml"
    done = cli("new", "--name", "service", "--vars", variables, "--variant", "data-cache")
    assert done.returncode == 0, done.stderr
    sample = said_of(tmp_path / "service")["data_sample"]
    assert base64.b64decode(sample) == (VARS / "data/shapes/0000.png").read_bytes()
    with serving(tmp_path / "service") as running:
        labels = [label_of(running, f"{index:04}") for index in range(6)]
        assert labels == ["circle", "square", "triangle"] * 2
        assert running.ask("/predict/label", b'{"data": "0008"}')[0] == 404
        _, answer = running.ask("/predict/test")
        _, metadata = running.ask("/metadata")
        assert answer["prediction"] == metadata["prediction_sample"]


def test_a_file_of_json_is_the_sample(cli: Cli, tmp_path: Path) -> None:
    """Wrapped as in a request, or not."""
    (tmp_path / "data").mkdir()
    (tmp_path / "models").mkdir()
    shutil.copy(VARS / "models/regressor.onnx", tmp_path / "models")
    (tmp_path / "vars.yaml").write_text(
        "model_file_name: regressor.onnx\ndata_source: {url: file://data/}\n"
    )
    row = [[0.5] * 10]
    arguments = ("--vars", "vars.yaml", "--variant", "data-cache")
    for name, item in (("a", {"data": row}), ("b", row)):
        (tmp_path / "data/0000.json").write_text(json.dumps(item))
        done = cli("new", "--name", name, *arguments)
        assert done.returncode == 0, done.stderr
        assert said_of(tmp_path / name)["data_sample"] == row
    (tmp_path / "data/0000.json").write_text("{")
    done = cli("new", "--name", "c", *arguments)
    assert done.returncode == 1
    assert "0000.json: expected an item as JSON" in done.stderr
    assert not (tmp_path / "c").exists()


def test_sources_that_no_package_reaches_are_refused(cli: Cli, tmp_path: Path) -> None:
    source = "data_source.url=ftp://host/items/"
    done = cli("new", "--name", "service", "--variant", "data-cache", "--set", source)
    assert done.returncode == 1
    assert "no package for ftp://" in done.stderr
    assert not (tmp_path / "service").exists()
