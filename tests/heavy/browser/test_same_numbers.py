"""The page computes what the service computes: the same tensors, and so the same answers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from tests.conftest import Cli
from tests.heavy.browser import pictures
from tests.heavy.browser.conftest import Visitors
from tests.heavy.browser.sites import IRIS, Project, generate, with_runtime
from tests.kinds import KINDS
from tests.test_services import ask, booted, post

Tensors = dict[str, NDArray[Any]]

LEVEL = 1 / 255 / 0.5
"""One of 255 levels, as vars/image_cnn.yaml scales them."""

TENSOR = """async ({ release, bytes }) => {
  const { readImage } = await import(`/releases/${release}/images.js`);
  const { preprocess } = await import(`/releases/${release}/transformers.js`);
  const image = await readImage(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
  const { data, dims } = preprocess(image);
  const view = new Uint8Array(data.buffer);
  let text = "";
  for (let at = 0; at < view.length; at += 4096)
    text += String.fromCharCode(...view.subarray(at, at + 4096));
  return { dims, data: btoa(text) };
}"""

PREDICTION = """async ({ release, data, image }) => {
  const { Engine } = await import(`/releases/${release}/engine.js`);
  self.engine ??= new Engine(new URL(`/releases/${release}/worker.js`, location));
  const bytes = image && Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  return (await self.engine.predict(image ? new Blob([bytes]) : data)).prediction;
}"""

FEEDS = """
import sys, pathlib, numpy
from src.ml.prediction import to_feeds
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    (tensor,) = to_feeds(path.read_bytes()).values()
    numpy.save(pathlib.Path(sys.argv[2]) / f"{path.name}.npy", tensor)
"""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    pictures.draw(folder)
    return folder


def release(project: Project) -> str:
    text: str = json.loads((project.folder / "site" / "release.json").read_text())["id"]
    return text


def tensor_of_page(page: Page, project: Project, picture: Path) -> NDArray[Any]:
    bytes_ = base64.b64encode(picture.read_bytes()).decode()
    made = page.evaluate(TENSOR, {"release": release(project), "bytes": bytes_})
    return np.frombuffer(base64.b64decode(made["data"]), np.float32).reshape(made["dims"])


def tensors_of_service(service: Path, drawn: Path, folder: Path) -> Tensors:
    """What the service's own code makes of each picture."""
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-c", FEEDS, drawn, folder],
        cwd=service, env={**os.environ, "PYTHONPATH": str(service)}, check=True,
    )  # fmt: skip
    return {path.stem: np.load(path) for path in folder.iterdir()}


def levels_apart(ours: NDArray[Any], theirs: NDArray[Any], level: float) -> float:
    """The largest difference, in levels; more than there are if the shapes differ."""
    if ours.shape != theirs.shape:
        return 1000
    return round(float(np.abs(ours.astype(np.float64) - theirs).max()) / level, 3)


def assert_same(page: Page, project: Project, drawn: Path, expected: Tensors, level: float) -> None:
    """PNG, GIF and BMP to the bit; of JPEG and lossy WebP each decoder may round otherwise."""
    assert expected.keys() == {path.name for path in drawn.iterdir()}
    apart = {
        name: levels_apart(tensor_of_page(page, project, drawn / name), tensor, level)
        for name, tensor in expected.items()
    }
    lossy = {name for name in apart if name.endswith((".jpg", "lossy.webp"))}
    assert {name: by for name, by in apart.items() if by > (name in lossy)} == {}


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_pictures_become_the_same_tensors(
    tmp_path: Path, iris: Project, drawn: Path, visitors: Visitors, resample: str
) -> None:
    setting = f"image.resample={resample}"
    project = with_runtime(generate(tmp_path / "page", setting), iris.folder)
    project.make("site")
    service = generate(tmp_path / "service", setting, variant="web-single")
    expected = tensors_of_service(service, drawn, tmp_path / "tensors")
    with project.served() as address:
        page = visitors.new(address).open()
        assert_same(page, project, drawn, expected, LEVEL)


def test_pictures_become_the_same_grey_tensors(
    tmp_path: Path, cli: Cli, iris: Project, drawn: Path, visitors: Visitors
) -> None:
    model = tmp_path / "grey.onnx"
    model.write_bytes(KINDS["grey image"].make().SerializeToString())
    for variant in ("edge-browser", "web-single"):
        done = cli(
            *("new", "--name", variant, "--variant", variant, "--model", model),
            *("--set", "preprocess=image", "--set", "image.mean=[0.485]"),
            *("--set", "image.std=[0.229]"),
        )
        assert done.returncode == 0, done.stderr
    project = with_runtime(tmp_path / "edge-browser", iris.folder)
    project.make("site")
    expected = tensors_of_service(tmp_path / "web-single", drawn, tmp_path / "tensors")
    with project.served() as address:
        page = visitors.new(address).open()
        assert_same(page, project, drawn, expected, 1 / 255 / 0.229)


def test_pictures_are_answered_alike(
    tmp_path: Path, shapes: Project, drawn: Path, visitors: Visitors
) -> None:
    service = generate(tmp_path, variant="web-single")
    with booted(service) as other, shapes.served() as address:
        page = visitors.new(address).open()
        for picture in sorted(drawn.glob("*.png")):
            data = base64.b64encode(picture.read_bytes()).decode()
            given = {"release": release(shapes), "data": data, "image": True}
            status, answer = post(f"{other}/predict", data)
            assert status == 200
            assert page.evaluate(PREDICTION, given) == pytest.approx(answer["prediction"], abs=1e-5)


def test_numbers_are_answered_alike(tmp_path: Path, iris: Project, visitors: Visitors) -> None:
    service = generate(tmp_path, variables=IRIS, variant="web-single")
    rows = np.random.default_rng(1).uniform(0, 8, (40, 4)).astype(np.float32)
    with booted(service) as other, iris.served() as address:
        page = visitors.new(address).open()
        for row in rows:
            data = json.dumps([row.tolist()])
            given = {"release": release(iris), "data": data, "image": False}
            answer = ask(f"{other}/predict", json.dumps({"data": [row.tolist()]}).encode())[1]
            assert page.evaluate(PREDICTION, given) == pytest.approx(answer["prediction"], abs=1e-5)
