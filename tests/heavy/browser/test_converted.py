"""The page's smaller model: shipped only if it proves right, and until something changes."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import Cli, infergen, tree
from tests.heavy.browser.conftest import Visitors
from tests.heavy.browser.sites import IMAGE, Project, generate, with_runtime
from tests.heavy.browser.test_same_numbers import PREDICTION, release, tensors_of_service
from tests.model.models import build, node, save, value, weight
from tests.shapes import draw_shapes
from tests.web.running import wait_until

SAMPLES = 60
COMPARED = {"samples", "agreement", "confident", "confident_agreement", "largest_difference"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shapes, as the example's model was trained on them."""
    return draw_shapes(tmp_path_factory.mktemp("photos"), SAMPLES)


@pytest.fixture(scope="module")
def converted(
    tmp_path_factory: pytest.TempPathFactory, iris: Project, photos: Path
) -> tuple[Project, dict[str, Any]]:
    """A page whose model is the smaller one, and the report."""
    project = with_runtime(generate(tmp_path_factory.mktemp("converted")), iris.folder)
    return project, convert(project, photos)


def convert(project: Project, samples: Path) -> dict[str, Any]:
    """The report. Where other work makes it seem slower, it is measured again."""
    for _ in range(5):
        said = project.make("convert", f"SAMPLES={samples}")
        report: dict[str, Any] = json.loads(report_of(project).read_text())
        assert report["verdict"] in said
        if "times as long" not in report["verdict"]:
            break
    return report


def report_of(project: Project) -> Path:
    return project.folder / "models" / "conversion.json"


def models_of_site(project: Project) -> Path:
    return project.folder / "site" / "releases" / release(project) / "models"


def fails(project: Project, *target: str) -> str:
    """The one line of complaint, beside what make says of it."""
    done = subprocess.run(
        ["make", *target], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("make"))
    return line


def probabilities(model: Path, tensor: NDArray[Any]) -> NDArray[Any]:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: tensor})
    powers = np.exp(logits[0].astype(np.float64) - logits[0].max())
    shares: NDArray[Any] = powers / powers.sum()
    return shares


def test_the_page_answers_with_the_smaller_model_and_tests_itself_with_it(
    converted: tuple[Project, dict[str, Any]], photos: Path, tmp_path: Path, visitors: Visitors
) -> None:
    project, report = converted
    original, small = report["candidates"]
    assert small["objection"] == ""
    assert small["comparison"].keys() == COMPARED
    assert small["comparison"]["samples"] == SAMPLES
    assert small["bytes"] < 0.3 * original["bytes"]
    project.make("test")
    shipped = project.folder / "models" / report["shipped"]["file"]
    (model,) = models_of_site(project).glob("*.onnx")
    assert model.read_bytes() == shipped.read_bytes()
    assert not (models_of_site(project) / "conversion.json").exists()

    service = generate(tmp_path, variant="web-single")
    tensors = tensors_of_service(service, photos, tmp_path / "tensors")
    apart = []
    with project.served() as address:
        page = visitors.new(address).open()
        for photo in sorted(photos.iterdir())[:12]:
            data = base64.b64encode(photo.read_bytes()).decode()
            given = {"release": release(project), "data": data, "image": True}
            answer = page.evaluate(PREDICTION, given)
            tensor = tensors[photo.name]
            assert answer == pytest.approx(probabilities(shipped, tensor), abs=1e-5)
            unconverted = probabilities(project.folder / "models" / "image_cnn.onnx", tensor)
            assert np.argmax(answer) == np.argmax(unconverted)
            apart.append(np.abs(answer - unconverted).max())
    assert 0 < max(apart) <= small["comparison"]["largest_difference"] + 1e-5


def test_twice_in_a_row_is_the_same(
    converted: tuple[Project, dict[str, Any]], photos: Path
) -> None:
    project, report = converted
    again = convert(project, photos)
    assert again["shipped"] == report["shipped"]
    names = {path.name for path in (project.folder / "models").iterdir()}
    assert names == {
        "conversion.json",
        "image_cnn.onnx",
        "shapes.json",
        report["shipped"]["file"],
    }


def test_what_changed_since_is_shipped_as_it_is(
    tmp_path: Path, iris: Project, photos: Path
) -> None:
    project = with_runtime(generate(tmp_path), iris.folder)
    shipped = convert(project, photos)["shipped"]
    model = project.folder / "models" / "image_cnn.onnx"
    metadata = project.folder / "src" / "metadata.json"
    recorded = metadata.read_text()
    metadata.write_text(recorded.replace("}", " }"))
    done = subprocess.run(
        ["make", "site"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    assert (
        done.stderr
        == "The model or its sample changed since make convert; it is shipped as it is.\n"
    )
    assert (models_of_site(project) / model.name).read_bytes() == model.read_bytes()

    metadata.write_text(recorded)
    project.make("site")
    small = project.folder / "models" / shipped["file"]
    assert (models_of_site(project) / model.name).read_bytes() == small.read_bytes()
    before = tree(project.folder / "site")
    small.write_bytes(small.read_bytes()[:-1])
    assert fails(project, "site").endswith(
        f"models/{small.name} is damaged: run make convert again, or delete models/conversion.json"
    )
    small.unlink()
    assert f"models/{small.name} is missing" in fails(project, "site")
    assert tree(project.folder / "site") == before


def test_new_converts_with_images_that_only_browsers_read(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    for number, photo in enumerate(sorted(photos.iterdir())):
        kind = ("jpg", "webp", "bmp", "png")[number % 4]
        Image.open(photo).save(samples / f"{photo.stem}.{kind}", quality=95)
    arguments = ("new", "--name", "shapes", "--variant", "edge-browser", "--vars", IMAGE)
    done = cli(*arguments, "--samples", samples, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["conversion"]
    assert report["candidates"][1]["comparison"]["samples"] == SAMPLES
    assert (tmp_path / "shapes" / "node_modules").is_dir()
    assert cli("check", "shapes").returncode == 0

    (samples / "broken.jpg").write_bytes(b"no image")
    done = cli(*arguments, "--samples", samples, "--output", tmp_path / "other")
    assert done.returncode == 1
    assert re.search(r"its model was not converted|no image that Pillow reads", done.stderr)
    assert "broken.jpg" in done.stderr


def test_a_model_that_8_bits_change_is_not_shipped(cli: Cli, tmp_path: Path, iris: Project) -> None:
    """One weight is so large that the others of its channel are nothing beside it."""
    weights = np.random.default_rng(3).standard_normal((64, 4)).astype(np.float32)
    weights[0] = 1e6
    outlier = build(
        [node("MatMul", ["x", "w"], ["y"])],
        [value("x", shape=["n", 64])],
        [value("y", shape=["n", 4])],
        [weight("w", weights)],
    )
    save(tmp_path, outlier, "outlier.onnx")
    done = cli(
        *("new", "--name", "outlier", "--variant", "edge-browser"),
        *("--model", tmp_path / "outlier.onnx"),
    )
    assert done.returncode == 0, done.stderr
    project = with_runtime(tmp_path / "outlier", iris.folder)
    items = np.random.default_rng(4).standard_normal((50, 64)).astype(np.float32)
    items[:, 0] = 0
    samples = tmp_path / "samples.json"
    samples.write_text(json.dumps(items.tolist()))
    report = convert(project, samples)
    assert report["shipped"] is None
    _, small = report["candidates"]
    assert re.fullmatch(r"a number is \d+\.\d% off, more than 2\.0%", small["objection"])
    assert small["objection"] in report["verdict"]
    project.make("test")
    (model,) = models_of_site(project).glob("*.onnx")
    assert model.read_bytes() == (tmp_path / "outlier.onnx").read_bytes()


def test_all_outputs_of_all_items_are_compared(cli: Cli, tmp_path: Path, iris: Project) -> None:
    """Two inputs, two outputs, of which one is whole numbers; items in two files."""
    weights = np.random.default_rng(3).standard_normal((64, 40)).astype(np.float32)
    model = save(
        tmp_path,
        build(
            [
                node("MatMul", ["numbers", "w"], ["scores"]),
                node("Add", ["count", "one"], ["more"]),
            ],
            [value("numbers", shape=["n", 64]), value("count", "int64", ["n", 1])],
            [value("scores", shape=["n", 40]), value("more", "int64", ["n", 1])],
            [weight("w", weights), weight("one", [2**60 + 1], "int64")],
        ),
        "pair.onnx",
    )
    done = cli("new", "--name", "pair", "--variant", "edge-browser", "--model", model)
    assert done.returncode == 0, done.stderr
    project = with_runtime(tmp_path / "pair", iris.folder)
    samples = tmp_path / "samples"
    samples.mkdir()
    for number in range(2):
        rows = np.random.default_rng(number).standard_normal((25, 64))
        data = {"numbers": rows.tolist(), "count": [[2**61 + row] for row in range(25)]}
        (samples / f"{number}.json").write_text(json.dumps(data))
    report = convert(project, samples)
    _, small = report["candidates"]
    assert small["comparison"]["samples"] == 50
    # Beside numbers of 2**61 the scores would be as nothing.
    assert 1e-4 < small["comparison"]["largest_difference"] < 0.02
    assert report["shipped"]["prediction_sample"].keys() == {"scores", "more"}
    project.make("test")


def test_a_model_without_such_weights_stays_as_it_is(
    cli: Cli, tmp_path: Path, iris: Project
) -> None:
    assert cli("new", "--name", "iris", "--variant", "edge-browser").returncode == 0
    project = with_runtime(tmp_path / "iris", iris.folder)
    rows = np.random.default_rng(1).uniform(0, 8, (50, 4)).tolist()
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    verdict = convert(project, tmp_path / "rows.json")["verdict"]
    assert verdict.endswith("no layer has weights that could be stored in 8 bits")
    project.make("test")


def test_what_is_wrong_with_samples_is_told(
    converted: tuple[Project, dict[str, Any]], photos: Path, tmp_path: Path
) -> None:
    project, _ = converted
    before = tree(project.folder / "models")
    few, broken = tmp_path / "few", tmp_path / "broken"
    for folder in (few, broken):
        folder.mkdir()
    for number, photo in enumerate(sorted(photos.iterdir())):
        (broken / photo.name).write_bytes(photo.read_bytes()[: 100 if number == 50 else None])
        if number < 39:
            (few / photo.name).symlink_to(photo)
    assert fails(project, "convert").endswith("where the samples are: SAMPLES=photos/")
    assert fails(project, "convert", "SAMPLES=nowhere") == (
        "convert: nowhere: there is no such file or folder"
    )
    assert "expected at least 40 PNG files" in fails(project, "convert", f"SAMPLES={few}")
    cut = sorted(photos.iterdir())[50].name
    assert f"{broken / cut}: " in fails(project, "convert", f"SAMPLES={broken}")
    assert tree(project.folder / "models") == before


def test_an_interrupt_leaves_the_models_as_they_are(
    converted: tuple[Project, dict[str, Any]], photos: Path
) -> None:
    project, _ = converted
    before = tree(project.folder / "models")
    for seconds in (0.1, 0.4, 1.5):
        running = subprocess.Popen(
            ["node", "tools/convert.js", photos],
            cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(seconds)
        running.send_signal(signal.SIGINT)
        assert running.communicate() == ("", "")
        assert tree(project.folder / "models") == before


def test_an_interrupt_of_new_leaves_a_whole_project(cli: Cli, tmp_path: Path, photos: Path) -> None:
    command: list[str | Path] = [infergen(), "new", "--name", "shapes", "--vars", IMAGE]
    command += ["--variant", "edge-browser", "--samples", photos]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_until((tmp_path / "shapes").exists, "nothing is written")
    running.send_signal(signal.SIGINT)
    assert running.communicate()[1].strip() == (
        "infergen: interrupted; shapes is complete, but its model was not converted"
    )
    assert running.returncode == 130
    assert cli("check", "shapes").returncode == 0
