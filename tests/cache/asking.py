"""Requests to a cached service, and what ONNX Runtime itself answers to them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from tests.web.running import PATIENCE, Running


@dataclass(frozen=True)
class Said:
    """An answer: its status, how the cache came into it, and its JSON."""

    status: int
    cache: str | None
    content: Any


def ask(running: Running, data: Any, path: str = "/predict", **headers: str) -> Said:
    """What is answered to ``data``."""
    connection = http.client.HTTPConnection(running.host, running.port, timeout=PATIENCE)
    try:
        connection.request("POST", path, json.dumps({"data": data}), headers)
        answer = connection.getresponse()
        return Said(answer.status, answer.getheader("x-cache"), json.load(answer))
    finally:
        connection.close()


def metric(running: Running, line: str) -> float:
    """The value of a metric, by its name with labels."""
    found = [text for text in running.text("/metrics").splitlines() if text.startswith(f"{line} ")]
    return float(found[0].rpartition(" ")[2])


def flowers(seed: int) -> Iterator[list[float]]:
    """Different ones without end, the same for the same seed."""
    numbers = np.random.default_rng(seed)
    while True:
        yield numbers.uniform(0, 8, 4).astype(np.float32).tolist()


@cache
def session(model: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(model), options)


def species(service: Path, flower: list[float]) -> bytes:
    """The bits of the prediction for a flower."""
    model = session(service / "models" / "iris_svc.onnx")
    (scores,) = model.run(["probabilities"], {"X": np.array([flower], dtype=np.float32)})
    bits: bytes = scores[0].tobytes()
    return bits


def bits(said: Said) -> bytes:
    """Those of a prediction that was answered."""
    assert said.status == 200, said.content
    return np.float32(said.content["prediction"]).tobytes()
