"""A request that every test of the protocol varies, for the model of numbers_and_texts."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from tests.v2.served import Reply

NUMBERS = [[1.5, -2.0], [0.1, 3.0]]
REQUEST: dict[str, Any] = {
    "inputs": [
        {"name": "numbers", "shape": [2, 2], "datatype": "FP32", "data": [1.5, -2.0, 0.1, 3.0]},
        {"name": "texts", "shape": [2], "datatype": "BYTES", "data": ["é", ""]},
        {"name": "ids", "shape": [2], "datatype": "INT64", "data": [3, 9]},
    ]
}
FLOATS = np.array(NUMBERS, dtype=np.float32)
DOUBLED = (FLOATS * 2).reshape(-1)


def changed(place: str, change: Any) -> dict[str, Any]:
    """The request with another value at a place such as ``inputs.0.shape``; None takes it away."""
    request: dict[str, Any] = json.loads(json.dumps(REQUEST))
    *way, last = (int(step) if step.isdecimal() else step for step in place.split("."))
    target: Any = request
    for step in way:
        target = target[step]
    if change is None:
        del target[last]
    else:
        target[last] = change
    return request


def binary_request(*binary: str) -> tuple[bytes, bytes]:
    """The request's JSON, where the named inputs are in binary, and their bytes."""
    tensors = {
        "numbers": FLOATS.tobytes(),
        "texts": struct.pack("<I2sI", 2, "é".encode(), 0),
        "ids": np.array([3, 9]).astype("<i8").tobytes(),
    }
    inputs = [
        {key: value for key, value in given.items() if key != "data"}
        | {"parameters": {"binary_data_size": len(tensors[given["name"]])}}
        if given["name"] in binary
        else given
        for given in REQUEST["inputs"]
    ]
    parts = [tensors[given["name"]] for given in REQUEST["inputs"] if given["name"] in binary]
    return json.dumps({"inputs": inputs}).encode(), b"".join(parts)


def assert_refused(reply: Reply, status: int, told: str = "") -> None:
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json) == ["error"]
    assert told in reply.json["error"]
