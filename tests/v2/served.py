"""Services to send requests to, each beside ONNX Runtime with the same model."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from tests.kinds import Kind
from tests.model.models import build, node, value, weight
from tests.test_services import booted

DTYPES = (
    *("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("string", "uint8", "uint16", "uint32", "uint64"),
)
INFER = "/v2/models/service/infer"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running service (``host``: its address and port) and a session of its model."""

    host: str
    session: ort.InferenceSession

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            fields = {name.lower(): field for name, field in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()

    def infer(self, body: bytes | dict[str, Any], **headers: str) -> Reply:
        named = {name.replace("_", "-"): field for name, field in headers.items()}
        return self.ask("POST", INFER, body, named)


def generate(folder: Path, kind: Kind) -> Path:
    """A service of this kind, made in the folder."""
    model = folder / "model.onnx"
    model.write_bytes(kind.make().SerializeToString())
    command: list[str | Path] = [
        Path(sys.executable).parent / "infergen",
        "new",
        "--name",
        "service",
    ]
    command += ["--model", model, "--output", folder]
    if kind.labels:
        (folder / "labels.json").write_text(json.dumps(kind.labels))
        command += ["--labels", folder / "labels.json"]
    for setting in kind.settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "service"


@contextmanager
def serving(folder: Path, kind: Kind) -> Iterator[Served]:
    service = generate(folder, kind)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(folder / "model.onnx", options)
    with booted(service) as address:
        yield Served(address.removeprefix("http://"), session)


def every_dtype() -> onnx.ModelProto:
    """Gives back a tensor of each dtype, under the name of that dtype and ``_back``."""
    return build(
        [node("Identity", [dtype], [f"{dtype}_back"]) for dtype in DTYPES],
        [value(dtype, dtype, ["batch", None]) for dtype in DTYPES],
        [value(f"{dtype}_back", dtype, ["batch", None]) for dtype in DTYPES],
    )


def numbers_and_texts() -> onnx.ModelProto:
    """Doubles numbers, gives back texts, and looks up rows of a table of ten."""
    return build(
        [
            node("Add", ["numbers", "numbers"], ["doubled"]),
            node("Identity", ["texts"], ["same"]),
            node("Gather", ["table", "ids"], ["rows"]),
        ],
        [
            value("numbers", shape=["batch", 2]),
            value("texts", "string", ["batch"]),
            value("ids", "int64", ["batch"]),
        ],
        [
            value("doubled", shape=["batch", 2]),
            value("same", "string", ["batch"]),
            value("rows", shape=["batch", 2]),
        ],
        [weight("table", np.arange(20).reshape(10, 2))],
    )
