"""A service of a bfloat16 model rounds as ml_dtypes does, and answers the exact values."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import ml_dtypes
import numpy as np

from tests.conftest import Cli
from tests.test_services import booted, new_service, post


def test_a_raw_binary_request_carries_the_same_bits(cli: Cli, tmp_path: Path) -> None:
    tensor = np.array([[1.5, -2.0], [np.inf, 3.0]], ml_dtypes.bfloat16)
    with booted(new_service(cli, tmp_path, "bfloat16")) as address:
        request = urllib.request.Request(
            f"{address}/v2/models/service/infer",
            tensor.tobytes(),
            {"Inference-Header-Content-Length": "0"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            head = int(answer.headers["Inference-Header-Content-Length"])
            body = answer.read()
    assert json.loads(body[:head])["outputs"][0]["shape"] == [2, 2]
    assert body[head:] == tensor.tobytes()


def test_a_booted_service_rounds_half_to_even_and_refuses_what_is_too_large(
    cli: Cli, tmp_path: Path
) -> None:
    halves = np.random.default_rng(3).integers(0, 2**16, 50, dtype=np.uint32) << 16 | 0x8000
    numbers = [
        *(0.1, 1.00390625, 1.01171875, -0.0, 1e-40, 1e-45, 3.39e38, -3.39e38, 2**-133, 16777217),
        *halves.view(np.float32)[np.isfinite(halves.view(np.float32))].tolist(),
    ]
    rounded = np.array(numbers, np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)
    with booted(new_service(cli, tmp_path, "bfloat16")) as address:
        items = [[number, "NaN"] for number in numbers]
        status, answer = post(f"{address}/predict/batch", items)
        assert status == 200, answer
        firsts = np.array([row[0] for row in answer["prediction"]], np.float32)
        assert firsts.tobytes() == rounded.tobytes()
        assert {row[1] for row in answer["prediction"]} == {"NaN"}
        status, answer = post(f"{address}/predict", [["Infinity", "-Infinity"]])
        assert (status, answer) == (200, {"prediction": ["Infinity", "-Infinity"]})
        for too_large in (3.4e38, -3.3962e38, 1e39):
            status, refusal = post(f"{address}/predict", [[too_large, 0]])
            assert status == 400
            assert "data" in refusal["detail"]
