"""An edge-device project answers as the service does, without a network, and converts with care."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.conftest import ROOT, Cli, tree
from tests.edge.projects import SILENT, UPDATES, ask, assert_clean, example, run_in
from tests.model.models import build, node, value, weight
from tests.shapes import draw_shapes
from tests.test_services import booted, post

IMAGE_CNN = ROOT / "vars" / "image_cnn.yaml"
TOLERANCE = 0.02
"""How far a score of a large JPEG may be off, which the device does not decode at its full size."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shapes, as the example's model was trained on them."""
    return draw_shapes(tmp_path_factory.mktemp("photos"), 120)


def test_a_project_is_clean_and_passes_its_own_tests(cli: Cli, tmp_path: Path) -> None:
    """Those of its updates take long: tests/heavy/edge runs them."""
    project = example(cli, tmp_path, "device", "image_cnn")
    assert_clean(project, tmp_path / "mypy")
    others = [f"--ignore={file}" for file in UPDATES]
    run_in(project, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *others)


def test_images_get_the_scores_that_the_service_gives(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    service = example(cli, tmp_path / "web", "shapes", "image_cnn", variant="web-single")
    device = example(cli, tmp_path / "edge", "shapes", "image_cnn")
    files = sorted(photos.iterdir())[:12]
    small = tmp_path / "small.jpg"
    Image.open(files[0]).save(small, quality=95)
    large = tmp_path / "large.jpg"
    Image.open(files[1]).resize((2400, 1800), Image.Resampling.BICUBIC).save(large, quality=90)
    lying = tmp_path / "lying.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(files[2]).resize((60, 40)).save(lying, exif=exif)
    answers = ask(device, "run", *files, small, lying, large)["answers"]
    with booted(service) as address:
        for answer in answers:
            content = Path(answer["source"]).read_bytes()
            status, theirs = post(f"{address}/predict", base64.b64encode(content).decode())
            assert status == 200
            allowed = TOLERANCE if answer["source"] == str(large) else 0
            ours = answer["items"][0]["prediction"]
            np.testing.assert_allclose(ours, theirs["prediction"], rtol=0, atol=allowed)
    assert len(answers) == len(files) + 3


def test_rows_get_the_scores_that_the_service_gives(cli: Cli, tmp_path: Path) -> None:
    service = example(cli, tmp_path / "web", "iris", "sample", variant="web-single")
    device = example(cli, tmp_path / "edge", "iris", "sample")
    rows = np.random.default_rng(1).uniform(0, 8, (100, 4)).astype(np.float32)
    table = "sepal length,sepal width,petal length,petal width\n"
    table += "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
    (tmp_path / "rows.csv").write_text(table)
    (answer,) = ask(device, "run", tmp_path / "rows.csv", "--top-k", "1")["answers"]
    with booted(service) as address:
        _, theirs = post(f"{address}/predict/batch", rows.tolist())
        _, labels = post(f"{address}/predict/batch/label", rows.tolist())
    assert [item["prediction"] for item in answer["items"]] == theirs["prediction"]
    assert [item["top"][0]["label"] for item in answer["items"]] == labels["prediction"]


def test_it_answers_in_a_namespace_without_any_route_and_opens_no_socket(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    device = example(cli, tmp_path, "shapes", "image_cnn")
    trace = tmp_path / "trace"
    command = [sys.executable, "-m", "src"]
    for arguments in (
        ["run", str(next(photos.iterdir()))],
        ["status"],
        ["doctor"],
        ["bench", "--runs", "2"],
        ["convert", "--samples", str(photos)],
    ):
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--net"]
            + ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)]
            + [*command, *arguments],
            cwd=device, env={**os.environ, **SILENT}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert trace.read_text() == "", arguments


def test_new_converts_the_model_if_it_is_given_samples(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    arguments = ["new", "--name", "shapes", "--variant", "edge-device", "--json"]
    done = cli(*arguments, "--vars", IMAGE_CNN, "--samples", photos)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["conversion"]
    by_form = {candidate["form"]: candidate for candidate in report["candidates"]}
    assert set(by_form) == {"original", "float32", "int8", "int8-weights"}
    compared = by_form["int8"]["comparison"]
    assert compared["samples"] == 60
    assert compared["confident_agreement"] >= 0.99
    assert by_form["int8"]["bytes"] < 0.7 * by_form["original"]["bytes"]
    project = tmp_path / "shapes"
    status = ask(project, "status")
    assert status["model"]["form"] == report["shipped"]
    # Generated again, the project keeps what the device made of the model.
    assert cli(*arguments, "--vars", IMAGE_CNN, "--force").returncode == 0
    assert ask(project, "status")["model"] == status["model"]


def test_new_refuses_samples_before_it_writes_anything(cli: Cli, tmp_path: Path) -> None:
    for arguments, code in (
        (["--samples", "missing", "--variant", "edge-device"], 1),
        (["--samples", ".", "--variant", "web-single"], 2),
        (["--samples", ".", "--variant", "edge-device", "--dry-run"], 2),
    ):
        done = cli("new", "--name", "sample", *arguments)
        assert done.returncode == code
        assert "--samples" in done.stderr
        assert not (tmp_path / "sample").exists()


def test_a_conversion_that_fails_leaves_the_project(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = cli("new", "--name", "sample", "--variant", "edge-device", "--samples", "none")
    assert done.returncode == 1
    assert "at least 40 samples" in done.stderr
    assert ask(tmp_path / "sample", "status")["healthy"]


def test_a_converted_model_that_is_wrong_is_not_shipped(cli: Cli, tmp_path: Path) -> None:
    """What decides lies between numbers a million times as large, so 8 bits cannot carry it."""
    project = _fragile(cli, tmp_path)
    random = np.random.default_rng(3)
    rows = random.normal(size=(200, 16))
    rows[:, 0] *= 1e6
    (tmp_path / "rows.json").write_text(json.dumps(rows.tolist()))
    report = ask(project, "convert", "--samples", tmp_path / "rows.json")
    (int8,) = (candidate for candidate in report["candidates"] if candidate["form"] == "int8")
    assert "same label" in int8["objection"] or "off" in int8["objection"]
    assert report["shipped"] != "int8"
    assert not list((project / "models").glob("*.int8.*"))
    assert ask(project, "status")["healthy"]


def test_converting_again_leaves_nothing_of_the_first_time(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    project = example(cli, tmp_path, "shapes", "image_cnn")
    ask(project, "convert", "--samples", photos)
    ask(project, "convert")
    document = json.loads((project / "models" / "conversion.json").read_text())
    expected = {"image_cnn.onnx", "shapes.json", "manifest.json", "conversion.json"}
    if document["shipped"] is not None:
        expected.add(document["shipped"]["file"])
    assert {path.name for path in (project / "models").iterdir()} == expected


def test_an_interrupted_conversion_leaves_the_models_as_they_were(
    cli: Cli, tmp_path: Path, photos: Path
) -> None:
    project = example(cli, tmp_path, "shapes", "image_cnn")
    before = tree(project / "models")
    process = subprocess.Popen(
        [sys.executable, "-m", "src", "convert", "--samples", str(photos)],
        cwd=project, env={**os.environ, **SILENT},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not list((project / "models").glob(".convert-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "")
    assert tree(project / "models") == before


INTERRUPTIBLE = """
import signal, sys
from src import __main__ as program
install = signal.signal
def installed(*arguments):
    install(*arguments)
    print(flush=True)
signal.signal = installed
sys.exit(program.main())
"""
"""Tells when the program is ready for interrupts; what comes before it is up to Python."""


@pytest.mark.parametrize("seconds", [0, 0.2, 2])
def test_an_interrupted_run_ends_without_a_word(cli: Cli, tmp_path: Path, seconds: float) -> None:
    """Whether it imports what it needs, loads the model, or reads already."""
    project = example(cli, tmp_path, "iris", "sample")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "run", "-"],
        cwd=project, env={**os.environ, **SILENT}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "")


def test_what_is_no_image_is_one_line_each(cli: Cli, tmp_path: Path) -> None:
    project = example(cli, tmp_path, "shapes", "image_cnn")
    contents = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" * 9, b"GIF89a", b"II*\0" * 9]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.jpg").write_bytes(content)
    files = [str(tmp_path / f"{number}.jpg") for number in range(len(contents))]
    done = subprocess.run(
        [sys.executable, "-m", "src", "run", *files],
        cwd=project, env={**os.environ, **SILENT}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == files


def _fragile(cli: Cli, folder: Path) -> Path:
    """A classifier of rows that ignores its first column, however large."""
    random = np.random.default_rng(5)
    weights = random.normal(size=(16, 32))
    weights[0] = 0
    model: onnx.ModelProto = build(
        [
            node("MatMul", ["x", "w"], ["h"]),
            node("Relu", ["h"], ["r"]),
            node("MatMul", ["r", "v"], ["y"]),
        ],
        [value("x", shape=["batch", 16])],
        [value("y", shape=["batch", 3])],
        [weight("w", weights), weight("v", random.normal(size=(32, 3)))],
    )
    (folder / "fragile.onnx").write_bytes(model.SerializeToString())
    (folder / "labels.json").write_text(json.dumps(["a", "b", "c"]))
    done = cli(
        *("new", "--name", "fragile", "--variant", "edge-device"),
        *("--model", folder / "fragile.onnx", "--labels", folder / "labels.json"),
        *("--set", "postprocess=softmax"),
    )
    assert done.returncode == 0, done.stderr
    return folder / "fragile"
