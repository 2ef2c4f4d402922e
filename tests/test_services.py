"""Services of every kind: their own tests pass, their code is clean, their answers are right."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow
import pyarrow.parquet
import pytest

from tests.conftest import ROOT, Cli
from tests.kinds import CACHED_KINDS, KINDS

BIN = Path(sys.executable).parent
MODELS = ROOT / "vars" / "models"
SERVED = KINDS | CACHED_KINDS
FIRST_EXAMPLES = ["sample", "image_cnn", "mixed_pipeline"]


def new_service(cli: Cli, tmp_path: Path, kind: str) -> Path:
    made = SERVED[kind]
    model = tmp_path / "some model.onnx"
    model.write_bytes(made.make().SerializeToString())
    arguments: list[str | Path] = ["new", "--name", "service", "--model", model]
    if made.labels:
        (tmp_path / "labels.json").write_text(json.dumps(made.labels))
        arguments += ["--labels", tmp_path / "labels.json"]
    for setting in made.settings:
        arguments += ["--set", setting]
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    return tmp_path / "service"


def run_in(service: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=service, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the libraries is the same for every service."""
    return tmp_path_factory.mktemp("mypy")


def assert_good(service: Path, mypy_cache: Path) -> None:
    run_in(service, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    run_in(service, "ruff", "check", "--no-cache", ".")
    run_in(service, "ruff", "format", "--no-cache", "--check", ".")
    run_in(service, "mypy", "--cache-dir", str(mypy_cache))
    run_in(service, "shellcheck", "run.sh")
    run_in(service, "yamllint", "--strict", ".")
    run_in(service, "hadolint", "Dockerfile")
    for path in service.rglob("*"):
        if path.is_file() and path.suffix in (".py", ".yml", ".yaml", ".sh", ".md", ".toml", ""):
            text = path.read_text() if ".infergen" not in path.parts else ""
            assert "\n\n\n\n" not in text, path
            assert not re.search(r"[ \t]$", text, flags=re.MULTILINE), path


FIRST = [
    *("no batch", "open rank", "two inputs", "optional input", "zipmap of texts", "hostile texts"),
    *("image", "bfloat16 beside float32", "for callers with a key", "kept predictions"),
    "kept data of images",
]
"""Kinds that differ most; the others are heavy tests."""


@pytest.mark.parametrize("kind", FIRST)
def test_services_of_every_kind(cli: Cli, tmp_path: Path, mypy_cache: Path, kind: str) -> None:
    assert_good(new_service(cli, tmp_path, kind), mypy_cache)


@pytest.mark.parametrize("example", FIRST_EXAMPLES)
def test_services_of_the_examples(cli: Cli, tmp_path: Path, mypy_cache: Path, example: str) -> None:
    assert_good(service_of(cli, tmp_path, example), mypy_cache)


def service_of(cli: Cli, tmp_path: Path, example: str) -> Path:
    done = cli("new", "--name", "service", "--vars", ROOT / "vars" / f"{example}.yaml")
    assert done.returncode == 0, done.stderr
    return tmp_path / "service"


def test_a_service_whose_items_are_rows_of_a_parquet_table(
    cli: Cli, tmp_path: Path, mypy_cache: Path
) -> None:
    flowers = [{"id": f"{index:04}", **dict.fromkeys("abcd", 1.5)} for index in range(3)]
    (tmp_path / "data").mkdir()
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(flowers), tmp_path / "data" / "iris.parquet"
    )
    variables = tmp_path / "vars.yaml"
    variables.write_text("data_source: {url: file://data/, pattern: iris.parquet}\n")
    done = cli(
        *("new", "--name", "service", "--variant", "data-cache", "--vars", variables),
        *("--model", MODELS / "iris_svc.onnx", "--labels", MODELS / "iris.json"),
    )
    assert done.returncode == 0, done.stderr
    assert_good(tmp_path / "service", mypy_cache)
    with booted(tmp_path / "service") as address:
        assert post(f"{address}/predict", "0002") == post(f"{address}/predict", "0001")
        assert post(f"{address}/predict", "0003")[0] == 404


@contextmanager
def booted(service: Path) -> Iterator[str]:
    """The service, started by its own run.sh; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(port),
        "HOST": "127.0.0.1",
    }
    process = subprocess.Popen(
        ["./run.sh"], cwd=service, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/health/ready", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            output, _ = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in output, output


def ask(address: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(address, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def post(address: str, data: Any) -> tuple[int, Any]:
    return ask(address, json.dumps({"data": data}).encode())


def test_a_booted_service_answers_as_onnx_runtime_does(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    session = ort.InferenceSession(MODELS / "iris_svc.onnx")
    rows = np.random.default_rng(1).uniform(0, 8, (40, 4)).astype(np.float32)
    labels = json.loads((MODELS / "iris.json").read_text())
    with booted(tmp_path / "sample") as address:
        for row in rows:
            (expected,) = session.run(["probabilities"], {"X": row[None]})
            _, answer = post(f"{address}/predict", [row.tolist()])
            assert np.float32(answer["prediction"]).tobytes() == expected[0].tobytes()
            _, answer = post(f"{address}/predict/label", [row.tolist()])
            assert answer["prediction"] == labels[str(expected[0].argmax())]
        _, answer = post(f"{address}/predict/batch", rows.tolist())
        singly = np.concatenate([session.run(["probabilities"], {"X": r[None]})[0] for r in rows])
        assert np.float32(answer["prediction"]).tobytes() == singly.tobytes()
        assert ask(f"{address}/health") == (200, {"health": "ok"})
        assert ask(f"{address}/label") == (200, labels)


def test_a_booted_image_service_takes_base64_and_uploads(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "shapes", "--vars", ROOT / "vars" / "image_cnn.yaml")
    assert done.returncode == 0, done.stderr
    with booted(tmp_path / "shapes") as address:
        sample = ask(f"{address}/metadata")[1]["data_sample"]
        status, answer = post(f"{address}/predict", sample)
        assert status == 200
        assert sum(answer["prediction"]) == pytest.approx(1)
        form = (
            b"--edge\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n"
            b"Content-Type: image/png\r\n\r\n" + base64.b64decode(sample) + b"\r\n--edge--\r\n"
        )
        upload = {"Content-Type": "multipart/form-data; boundary=edge"}
        assert ask(f"{address}/predict/image", form, **upload) == (200, answer)
        assert ask(f"{address}/predict/test")[1] == answer
        status, refusal = post(f"{address}/predict", base64.b64encode(b"no image").decode())
        assert status == 400
        assert "image" in refusal["detail"]


def test_a_booted_service_opens_no_socket_but_its_listener(cli: Cli, tmp_path: Path) -> None:
    """What it does on the network, seen by the kernel: it listens, and answers who came."""
    assert cli("new", "--name", "sample").returncode == 0
    run = tmp_path / "sample" / "run.sh"
    trace = tmp_path / "trace.txt"
    run.write_text(
        run.read_text().replace(
            'exec "$python"',
            f'exec strace -D -f -qq -e trace=connect,bind,sendto -o {trace} "$python"',
        )
    )
    with booted(tmp_path / "sample") as address:
        assert post(f"{address}/predict", [[5.1, 3.5, 1.4, 0.2]])[0] == 200
        time.sleep(2)
    calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    assert [line for line in calls if "connect(" in line or "sendto(" in line] == []
    assert len([line for line in calls if "bind(" in line]) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_LEVEL", "loud"), ("MAX_BODY_BYTES", "much"), ("PORT", "http")]
)
def test_settings_that_make_no_sense_end_the_start(
    cli: Cli, tmp_path: Path, name: str, value: str
) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    done = subprocess.run(
        ["./run.sh"],
        cwd=tmp_path / "sample",
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", name: value},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert value in done.stderr
    assert "Traceback" not in done.stderr
