"""Wrong requests: each is told what was expected and what came, with 400."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from tests.v2.example import REQUEST, assert_refused, binary_request, changed
from tests.v2.served import INFER, Served

TEXTS = REQUEST["inputs"][1]
TEXTS_IN_BINARY = {**TEXTS, "data": None, "parameters": {"binary_data_size": 10}}


def asked(**parameters: Any) -> dict[str, Any]:
    return {"name": "same", "parameters": parameters}


WRONG: dict[str, tuple[str, Any, str]] = {
    "no inputs": ("inputs", None, "inputs"),
    "inputs by name": ("inputs", {}, "inputs"),
    "an input missing": ("inputs", REQUEST["inputs"][:2], "ids"),
    "an unknown input": ("inputs.0.name", "other", "numbers"),
    "an input twice": ("inputs.1", REQUEST["inputs"][0], "several times"),
    "a name that is none": ("inputs.0.name", 5, "name"),
    "no shape": ("inputs.0.shape", None, "shape"),
    "no data": ("inputs.0.data", None, "data"),
    "no datatype": ("inputs.0.datatype", None, "datatype"),
    "another datatype": ("inputs.0.datatype", "FP64", "FP32"),
    "a datatype of nobody": ("inputs.0.datatype", "float", "FP32"),
    "a rank too high": ("inputs.0.shape", [1, 2, 2], "[-1, 2]"),
    "a rank too low": ("inputs.0.shape", [4], "[-1, 2]"),
    "another size": ("inputs.0.shape", [1, 4], "[-1, 2]"),
    "a negative size": ("inputs.0.shape", [-1, 2], "shape"),
    "a fraction as size": ("inputs.0.shape", [2.0, 2], "shape"),
    "a huge size": ("inputs.0.shape", [2**63, 2], "values"),
    "a giant size": ("inputs.0.shape", [10**30, 2], "values"),
    "a size of many digits": ("inputs.0.shape", [10**4000, 2], ""),
    "a great many axes": ("inputs.0.shape", [1] * 100_000, "[-1, 2]"),
    "no items": ("inputs.0.shape", [0, 2], "at least one item"),
    "fewer items than others": ("inputs.1", {**TEXTS, "shape": [1], "data": [""]}, "items"),
    "too few values": ("inputs.0.data", [1.5], "1 values"),
    "too many values": ("inputs.0.data", [1.5] * 5, "5 values"),
    "nested otherwise": ("inputs.0.data", [[1.5, 1.5, 1.5, 1.5]], "lists"),
    "nested unevenly": ("inputs.0.data", [[1.5], [1.5, 1.5, 1.5]], "lists"),
    "nested too deep": ("inputs.0.data", [[[1.5, 1.5], [1.5, 1.5]]], "array"),
    "flat and nested": ("inputs.0.data", [1.5, 1.5, [1.5, 1.5]], "array"),
    "a number alone": ("inputs.0.data", 1.5, "array"),
    "texts for numbers": ("inputs.0.data", ["1.5"] * 4, "1.5"),
    "true for numbers": ("inputs.0.data", [True] * 4, "bool"),
    "null for numbers": ("inputs.0.data", [None] * 4, "null"),
    "a number too large": ("inputs.0.data", [1e39] * 4, "3.40"),
    "numbers for texts": ("inputs.1.data", [1, 2], "int"),
    "a fraction for integers": ("inputs.2.data", [1.0, 2.0], "float"),
    "an integer too large": ("inputs.2.data", [2**63, 1], "range"),
    "an integer that ONNX Runtime refuses": ("inputs.2.data", [10, 1], "indices"),
    "an id that is a number": ("id", 5, "id"),
    "an unknown output": ("outputs", [{"name": "other"}], "doubled"),
    "an output twice": ("outputs", [{"name": "same"}] * 2, "several times"),
    "outputs that are names": ("outputs", ["same"], "outputs"),
    "binary_data that is no flag": ("outputs", [asked(binary_data=1)], "bool"),
    "a classification": ("outputs", [asked(classification=1)], "classification"),
    "shared memory": ("inputs.0.parameters", {"shared_memory_region": "a"}, "shared memory"),
    "binary data that is not there": ("inputs.1", TEXTS_IN_BINARY, "0 values"),
    "data and binary data": ("inputs.0.parameters", {"binary_data_size": 16}, "either"),
    "a negative binary size": ("inputs.0.parameters", {"binary_data_size": -1}, "binary_data_size"),
}  # fmt: skip


@pytest.mark.parametrize(("place", "value", "told"), WRONG.values(), ids=WRONG)
def test_wrong_requests(served: Served, place: str, value: object, told: str) -> None:
    reply = served.infer(changed(place, value))
    assert_refused(reply, 400, told)


VALID = json.dumps(REQUEST).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        VALID[:-1],
        VALID + b"{}",
        b"\xef\xbb\xbf" + VALID,
        b'{"inputs": ' + b"[" * 100_000,
        VALID.replace(b'"data"', b'"data": [0, 0, 0, 0], "data"', 1),
        VALID.replace(b'"inputs"', b'"inputs": [], "inputs"', 1),
        VALID.replace(b'""', b'"\\ud800"'),
        VALID.replace(b'""', b'"\xff"'),
        VALID[:-1] + b', "more": "\xff"}',
        VALID[:-1] + b', "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_request(served: Served, body: bytes) -> None:
    assert_refused(served.infer(body), 400)


@pytest.mark.parametrize("length", ["-1", "x", "", "1.0", "1e2", "9" * 30, "+5", "²", "0"])
def test_wrong_lengths_of_the_json(served: Served, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length.encode().decode("latin-1")}
    assert_refused(served.ask("POST", INFER, VALID, headers), 400)


@pytest.mark.parametrize("change", [b"", b"\0", bytes(1000)])
@pytest.mark.parametrize("cut", [0, 1, 8, 42])
def test_binary_tensors_that_are_too_short_or_too_long(
    served: Served, cut: int, change: bytes
) -> None:
    head, tensors = binary_request("numbers", "texts", "ids")
    tensors = tensors[: len(tensors) - cut] + change
    reply = served.infer(head + tensors, Inference_Header_Content_Length=str(len(head)))
    if cut == len(change):
        assert reply.status == 200
    else:
        assert_refused(reply, 400, "bytes")


@pytest.mark.parametrize(
    "texts",
    [
        struct.pack("<I2sI", 3, "é".encode(), 0),
        struct.pack("<I2sI", 2, b"\xff\xfe", 0),
        struct.pack("<I2sI", 2**32 - 1, "é".encode(), 0),
        struct.pack("<I6s", 6, b"123456"),
        struct.pack("<IIH", 0, 0, 0),
    ],
)
def test_binary_texts_that_are_none(served: Served, texts: bytes) -> None:
    head, _ = binary_request("texts")
    body = head + texts
    assert_refused(served.infer(body, Inference_Header_Content_Length=str(len(head))), 400, "texts")
