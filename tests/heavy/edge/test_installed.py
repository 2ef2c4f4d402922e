"""A project installed as on a device: by its own makefile, and as a wheel with its model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.edge.projects import BIN, example

VIDEO = """
import cv2, numpy as np, sys
writer = cv2.VideoWriter(sys.argv[1], cv2.VideoWriter_fourcc(*"MJPG"), 5, (64, 48))
for number in range(4):
    frame = np.full((48, 64, 3), 200, np.uint8)
    cv2.circle(frame, (24 + number, 24), 14, (20, 20, 220), -1)
    writer.write(frame)
writer.release()
"""


def said(*command: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd, env={**os.environ, **(environment or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_make_install_gives_a_command_and_a_package(cli: Cli, tmp_path: Path) -> None:
    project = example(cli, tmp_path, "iris_svc", "sample")
    said("make", "install", cwd=project)
    programs = project / ".venv" / "bin"
    elsewhere = tmp_path / "elsewhere"  # where no folder is called like the package
    elsewhere.mkdir()
    assert json.loads(said(programs / "iris-svc", "status", "--json", cwd=elsewhere))["healthy"]
    code = (
        "from iris_svc import Engine; print(Engine().predict([[5.1, 3.5, 1.4, 0.2]]).predictions)"
    )
    assert "0.95" in said(programs / "python", "-c", code, cwd=elsewhere)
    figures = json.loads(said("make", "--silent", "footprint", cwd=project))
    assert figures["resident_megabytes"]["first answer"] > 0


def test_a_wheel_carries_the_model(cli: Cli, tmp_path: Path) -> None:
    project = example(cli, tmp_path, "iris_svc", "sample")
    said(BIN / "uv", "build", "--wheel", "--quiet", "--out-dir", tmp_path / "dist", cwd=project)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    site = tmp_path / "site"
    said(BIN / "uv", "pip", "install", "--no-deps", "--target", site, wheel, cwd=tmp_path)
    document = said(
        *(sys.executable, "-m", "iris_svc", "status", "--json"),
        cwd=tmp_path, environment={"PYTHONPATH": str(site)},
    )  # fmt: skip
    model = json.loads(document)["model"]
    assert model["path"] == str(site / "iris_svc" / "models" / "iris_svc.onnx")


def test_a_camera_is_read_by_opencv(cli: Cli, tmp_path: Path) -> None:
    """Of a video, since there is no camera here."""
    project = example(cli, tmp_path, "shapes", "image_cnn")
    extra = tmp_path / "extra"
    said(
        *(BIN / "uv", "pip", "install", "--quiet", "--no-deps", "--target", extra),
        "opencv-python-headless",
        cwd=tmp_path,
    )
    environment = {"PYTHONPATH": str(extra)}
    video = tmp_path / "video.avi"
    said(sys.executable, "-c", VIDEO, video, cwd=tmp_path, environment=environment)
    run = (sys.executable, "-m", "src", "run", f"camera:{video}", "--json")
    told = said(*run, cwd=project, environment=environment).splitlines()
    answers = list(map(json.loads, told))
    assert [answer["source"] for answer in answers] == [f"camera:{video}#{n}" for n in range(1, 5)]
    assert all(answer["items"][0]["top"][0]["label"] == "circle" for answer in answers)
    assert len(said(*run, "--frames", "2", cwd=project, environment=environment).splitlines()) == 2


@pytest.mark.parametrize("source", ["camera:7", "camera:missing.avi"])
def test_a_missing_camera_is_one_line(cli: Cli, tmp_path: Path, source: str) -> None:
    project = example(cli, tmp_path, "shapes", "image_cnn")
    done = subprocess.run(
        [sys.executable, "-m", "src", "run", source],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert source in done.stderr
    assert len(done.stderr.splitlines()) == 1
