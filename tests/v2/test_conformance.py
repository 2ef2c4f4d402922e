"""The points of the protocol, one by one, as bytes over HTTP."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.v2.example import DOUBLED, NUMBERS, REQUEST, assert_refused, binary_request, changed
from tests.v2.served import INFER, Reply, Served


def outputs_of(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    return {output["name"]: output for output in reply.json["outputs"]}


def test_server_metadata(served: Served) -> None:
    reply = served.ask("GET", "/v2")
    assert reply.status == 200
    assert reply.json.keys() == {"name", "version", "extensions"}
    assert reply.json["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/service/ready", {"name": "service", "ready": True}),
        ("/v2/models/service/versions/1/ready", {"name": "service", "ready": True}),
    ],
)
def test_liveness_and_readiness(served: Served, path: str, answer: object) -> None:
    reply = served.ask("GET", path)
    assert (reply.status, reply.json) == (200, answer)


@pytest.mark.parametrize("path", ["/v2/models/service", "/v2/models/service/versions/1"])
def test_model_metadata(served: Served, path: str) -> None:
    reply = served.ask("GET", path)
    assert reply.status == 200
    assert reply.json == {
        "name": "service",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "numbers", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "texts", "datatype": "BYTES", "shape": [-1]},
            {"name": "ids", "datatype": "INT64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "doubled", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "same", "datatype": "BYTES", "shape": [-1]},
            {"name": "rows", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }


@pytest.mark.parametrize(
    "path", ["/v2/models/other", "/v2/models/service/versions/2", "/v2/models/other/versions/1"]
)
def test_unknown_models_and_versions(served: Served, path: str) -> None:
    for ask in (("GET", path), ("GET", f"{path}/ready"), ("POST", f"{path}/infer")):
        assert_refused(served.ask(*ask), 404, "other" if "other" in path else "version '1'")


@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/models", "/v2/models/", "/v2/nowhere", "/v2/models/service/versions"]
)
def test_unknown_paths(served: Served, path: str) -> None:
    assert_refused(served.ask("GET", path), 404)


def test_wrong_methods(served: Served) -> None:
    assert_refused(served.ask("GET", INFER), 405)
    assert_refused(served.ask("POST", "/v2/models/service", b""), 405)


@pytest.mark.parametrize("path", [INFER, "/v2/models/service/versions/1/infer"])
def test_inference(served: Served, path: str) -> None:
    reply = served.ask("POST", path, REQUEST)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json"
    assert "inference-header-content-length" not in reply.headers
    assert reply.json == {
        "model_name": "service",
        "model_version": "1",
        "outputs": [
            {"name": "doubled", "datatype": "FP32", "shape": [2, 2], "data": DOUBLED.tolist()},
            {"name": "same", "datatype": "BYTES", "shape": [2], "data": ["é", ""]},
            {"name": "rows", "datatype": "FP32", "shape": [2, 2], "data": [6, 7, 18, 19]},
        ],
    }


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("inputs.0.data", NUMBERS),
        ("inputs.0.parameters", {"content_type": "np"}),
        ("parameters", {"priority": 1, "timeout": 1_000_000}),
        ("parameters", {}),
        ("outputs", []),
        ("model_name", "service"),
        ("more", {"a": {"b": [10**4000, "a: b"]}}),
    ],
)
def test_what_changes_nothing(served: Served, place: str, value: object) -> None:
    assert outputs_of(served.infer(changed(place, value))) == outputs_of(served.infer(REQUEST))


def test_null_stands_for_what_is_left_out(served: Served) -> None:
    request = {**REQUEST, "id": None, "parameters": None, "outputs": None}
    request["inputs"] = [{**given, "parameters": None} for given in REQUEST["inputs"]]
    reply = served.infer(request)
    assert outputs_of(reply) == outputs_of(served.infer(REQUEST))
    assert "id" not in reply.json


@pytest.mark.parametrize("id_", ["", "42", "é𝄞\n", "x" * 5000])
def test_the_id_comes_back(served: Served, id_: str) -> None:
    assert served.infer({**REQUEST, "id": id_}).json["id"] == id_


@pytest.mark.parametrize("names", [["same"], ["rows", "doubled"], ["same", "rows", "doubled"]])
def test_only_the_outputs_that_are_asked_for_in_their_order(
    served: Served, names: list[str]
) -> None:
    request = {**REQUEST, "outputs": [{"name": name} for name in names]}
    assert list(outputs_of(served.infer(request))) == names


@pytest.mark.parametrize("names", [["numbers"], ["texts", "ids"], ["numbers", "texts", "ids"]])
@pytest.mark.parametrize("padding", range(4))
def test_inputs_in_binary(served: Served, names: list[str], padding: int) -> None:
    head, tensors = binary_request(*names)
    head += b" " * padding  # so that the tensors begin anywhere
    reply = served.infer(head + tensors, Inference_Header_Content_Length=str(len(head)))
    assert outputs_of(reply) == outputs_of(served.infer(REQUEST))


def read_mixed(reply: Reply) -> tuple[dict[str, Any], bytes]:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/octet-stream"
    assert int(reply.headers["content-length"]) == len(reply.body)
    length = int(reply.headers["inference-header-content-length"])
    outputs = json.loads(reply.body[:length])["outputs"]
    return {output["name"]: output for output in outputs}, reply.body[length:]


def test_one_output_in_binary(served: Served) -> None:
    asked = [{"name": "rows"}, {"name": "doubled", "parameters": {"binary_data": True}}]
    outputs, tensors = read_mixed(served.infer({**REQUEST, "outputs": asked}))
    assert outputs["doubled"]["parameters"] == {"binary_data_size": 16}
    assert "data" not in outputs["doubled"]
    assert outputs["rows"]["data"] == [6, 7, 18, 19]
    assert tensors == DOUBLED.tobytes()


def test_all_outputs_in_binary(served: Served) -> None:
    request = {**REQUEST, "parameters": {"binary_data_output": True}}
    outputs, tensors = read_mixed(served.infer(request))
    sizes = [output["parameters"]["binary_data_size"] for output in outputs.values()]
    assert sizes == [16, 10, 16]
    assert tensors[16:26] == struct.pack("<I2sI", 2, "é".encode(), 0)


def test_an_outputs_own_wish_counts_more(served: Served) -> None:
    asked = [{"name": "doubled", "parameters": {"binary_data": False}}, {"name": "rows"}]
    request = {**REQUEST, "outputs": asked, "parameters": {"binary_data_output": True}}
    outputs, tensors = read_mixed(served.infer(request))
    assert outputs["doubled"]["data"] == DOUBLED.tolist()
    assert len(tensors) == outputs["rows"]["parameters"]["binary_data_size"] == 16


def test_a_raw_binary_request(single: Served) -> None:
    rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.float32)
    outputs, tensors = read_mixed(single.infer(rows.tobytes(), Inference_Header_Content_Length="0"))
    (expected,) = single.session.run(None, {"x": rows})
    assert outputs["y"]["shape"] == [2, 3]
    assert tensors == expected.tobytes()
    for refused in (b"", rows.tobytes()[:-1]):
        assert_refused(single.infer(refused, Inference_Header_Content_Length="0"), 400)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_compressed_requests(served: Served, coding: str) -> None:
    head, tensors = binary_request("numbers", "texts")
    body = COMPRESSORS[coding](head + tensors)
    reply = served.infer(
        body, Content_Encoding=coding, Inference_Header_Content_Length=str(len(head))
    )
    assert outputs_of(reply) == outputs_of(served.infer(REQUEST))


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_bodies_that_are_not_what_their_coding_says(served: Served, coding: str) -> None:
    body = COMPRESSORS[coding](json.dumps(REQUEST).encode())
    for wrong in (b"", b"no", body[:-1], body[:20], body + b"x", json.dumps(REQUEST).encode()):
        assert_refused(served.infer(wrong, Content_Encoding=coding), 400, coding)


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_a_small_body_that_becomes_a_huge_one(served: Served, coding: str) -> None:
    bomb = COMPRESSORS[coding](bytes(1 << 26))
    assert len(bomb) < 1 << 20
    assert_refused(served.infer(bomb, Content_Encoding=coding), 413, "16777216")


def test_other_codings(served: Served) -> None:
    reply = served.infer(REQUEST, Content_Encoding="br")
    assert_refused(reply, 415, "gzip")
    assert reply.headers["accept-encoding"] == "gzip, deflate"
    assert served.infer(REQUEST, Content_Encoding="identity").status == 200


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, deflate;q=0.5", "deflate"),
        ("GZIP;q=1.0, deflate", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        ("identity", None),
        ("", None),
        ("gzip;q=0", None),
    ],
)
def test_compressed_responses(single: Served, accepted: str, coding: str | None) -> None:
    def request(items: int) -> dict[str, Any]:
        data = [1.0] * (4 * items)
        given = {"name": "x", "shape": [items, 4], "datatype": "FP32", "data": data}
        return {"inputs": [given]}

    reply = single.infer(request(1000), Accept_Encoding=accepted)
    assert reply.status == 200
    assert reply.headers.get("content-encoding") == coding
    plain = reply.body if coding is None else zlib.decompress(reply.body, 47)
    assert plain == single.infer(request(1000)).body
    assert "content-encoding" not in single.infer(request(1), Accept_Encoding=accepted).headers


def test_numbers_that_json_lacks(served: Served) -> None:
    words = ["NaN", "Infinity", "-Infinity", -0.0]
    outputs = outputs_of(served.infer(changed("inputs.0.data", words)))
    assert outputs["doubled"]["data"] == words
    for word in ("NaN", "Infinity", "-Infinity", "nan", "1e400", "inf"):
        body = json.dumps(REQUEST).replace("1.5", word).encode()
        assert_refused(served.infer(body), 400)


def test_the_openapi_document_describes_the_protocol(served: Served) -> None:
    paths = served.ask("GET", "/openapi.json").json["paths"]
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/service/ready"):
        assert paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for path in ("/v2/models/service", "/v2/models/service/versions/1"):
        example = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
        assert example == served.ask("GET", path).json
        operation = paths[f"{path}/infer"]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert served.infer(example).status == 200
        assert set(operation["responses"]) >= {"200", "400", "413"}
