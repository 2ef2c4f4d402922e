"""Services of many kinds, driven by a client that no one here wrote: Triton's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnxruntime as ort
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.kinds import KINDS, Kind
from tests.v2.served import DTYPES, Served, every_dtype, serving

DATATYPES = {
    "bool": "BOOL",
    "double": "FP64",
    "float": "FP32",
    "float16": "FP16",
    "string": "BYTES",
    **{
        f"{kind}{size}": f"{kind.upper()}{size}"
        for kind in ("int", "uint")
        for size in (8, 16, 32, 64)
    },
}
NUMPY = {"double": "float64", "float": "float32", "string": "object"}
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "scalar": [()],
    "open rank": [(3,), (2, 0, 1), (1, 2, 3, 4)],
    "no batch": [(2, 3), (2, 0)],
    "zero length": [(3, 0)],
    "fixed batch": [(3, 4)],
    "one at a time": [(1, 4)],
    "image": [(1, 3, 9, 11), (2, 3, 8, 8)],
    "embedding": [(2, 3), (3, 0)],
}
"""Of the inputs, where not 5 items of the declared shape with 2 for what varies."""
FIRST = ["rows", "zipmap of texts", "two inputs", "names of numbers", *SHAPES]
LATER = ["softmax", "label and scores", "zipmap", "not finite", "names that break code"]
"""Heavy tests."""


def tensor(dtype: str, shape: Sequence[int], seed: int) -> Any:
    """Values of the whole range of the type, its ends first."""
    random = np.random.default_rng(seed)
    count = int(np.prod(shape))
    if dtype == "object":
        texts = ["", "é𝄞\0\n", "null", 'a"b\\c', "x" * 300]
        return np.resize(np.array(texts, dtype=object), shape)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        ends = [np.inf, -np.inf, np.nan, -0.0, np.finfo(dtype).max, np.finfo(dtype).tiny]
        drawn = random.normal(size=count).astype(dtype)
        return np.array([*ends, *drawn], dtype=dtype)[:count].reshape(shape)
    limits = np.iinfo(dtype)
    drawn = random.integers(limits.min, limits.max, count, dtype=dtype, endpoint=True)
    return np.array([limits.max, limits.min, *drawn.tolist()], dtype=dtype)[:count].reshape(shape)


def feeds_of(kind: str, session: ort.InferenceSession) -> Iterator[dict[str, Any]]:
    inputs = session.get_inputs()
    for shape in SHAPES.get(kind, [()]):
        feeds = {}
        for seed, port in enumerate(inputs):
            sizes = shape
            if kind not in SHAPES:
                declared = enumerate(port.shape)
                sizes = tuple(
                    size if isinstance(size, int) else 2 if axis else 5 for axis, size in declared
                )
            dtype = port.type.removeprefix("tensor(").removesuffix(")")
            feeds[port.name] = tensor(NUMPY.get(dtype, dtype), sizes, seed)
            if kind == "embedding":
                feeds[port.name] %= 10
        yield feeds


def given(name: str, array: Any, *, binary: bool) -> triton.InferInput:
    datatype = next(
        datatype
        for dtype, datatype in DATATYPES.items()
        if NUMPY.get(dtype, dtype) == str(array.dtype)
    )
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def answered(answer: Any) -> Any:
    """What ONNX Runtime answered, with its maps as rows x classes."""
    if isinstance(answer, list):
        return np.array([list(row.values()) for row in answer], dtype=np.float32)
    return answer


def assert_same(got: Any, expected: Any) -> None:
    assert got.shape == expected.shape
    if expected.dtype == object:
        texts = [text.decode() if isinstance(text, bytes) else text for text in got.reshape(-1)]
        assert texts == expected.reshape(-1).tolist()
    else:
        np.testing.assert_array_equal(got, expected, strict=True)
        finite = ~np.isnan(expected) if expected.dtype.kind == "f" else ...
        assert got[finite].tobytes() == expected[finite].tobytes()


def client_of(served: Served) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(served.host, network_timeout=30)


def finite(array: Any) -> Any:
    """With 1 for what JSON lacks: this client writes a bare NaN, which is none."""
    return np.where(np.isfinite(array), array, 1) if array.dtype.kind == "f" else array


def check_inference(served: Served, kind: str) -> None:
    session = served.session
    names = [port.name for port in session.get_outputs()]
    with client_of(served) as client:
        for feeds, binary in itertools.product(feeds_of(kind, session), (True, False)):
            sent = feeds if binary else {name: finite(array) for name, array in feeds.items()}
            inputs = [given(name, array, binary=binary) for name, array in sent.items()]
            expected = dict(zip(names, map(answered, session.run(None, sent)), strict=True))
            for binary_out in (True, False, None):
                asked = None
                if binary_out is not None:
                    asked = [triton.InferRequestedOutput(name, binary_out) for name in names]
                result = client.infer("service", inputs, outputs=asked, request_id="one")
                assert result.get_response()["id"] == "one"
                assert [output["name"] for output in result.get_response()["outputs"]] == names
                for name in names:
                    assert_same(result.as_numpy(name), expected[name])
            for name in names:
                one = [triton.InferRequestedOutput(name)]
                result = client.infer("service", inputs, model_version="1", outputs=one)
                assert [output["name"] for output in result.get_response()["outputs"]] == [name]
                assert_same(result.as_numpy(name), expected[name])


@pytest.mark.parametrize("kind", FIRST)
def test_tritonclient_gets_what_onnx_runtime_answers(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path, KINDS[kind]) as served:
        check_inference(served, kind)


def test_an_optional_input_may_be_left_out(tmp_path: Path) -> None:
    with serving(tmp_path, KINDS["optional input"]) as served, client_of(served) as client:
        x = np.array([[1, 2], [3, 4]], dtype=np.float32)
        assert client.get_model_metadata("service")["inputs"][1]["parameters"] == {"optional": True}
        for feeds in ({"x": x}, {"x": x, "maybe": x}):
            result = client.infer("service", [given(n, a, binary=True) for n, a in feeds.items()])
            assert_same(result.as_numpy("same"), x)
            assert result.as_numpy("given") == np.array("maybe" in feeds)


@pytest.fixture(scope="module")
def of_every_dtype(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("dtypes"), Kind(every_dtype)) as served:
        yield served


def test_every_dtype_passes_unchanged(of_every_dtype: Served) -> None:
    check_inference(of_every_dtype, "every dtype")


def test_bfloat16(tmp_path: Path) -> None:
    narrow = np.array([[1.1, np.inf], [np.nan, -0.0], [3.38e38, 1e-40]], dtype=ml_dtypes.bfloat16)
    wide = np.array([[1.001, 1], [2, 0], [1, 0]], dtype=np.float32)
    total = narrow.astype(np.float32) + wide
    inputs = [
        triton.InferInput("narrow", [3, 2], "BF16"),
        triton.InferInput("wide", [3, 2], "FP32"),
    ]
    inputs[0].set_data_from_numpy(narrow)
    inputs[1].set_data_from_numpy(wide)
    with serving(tmp_path, KINDS["bfloat16 beside float32"]) as served, client_of(served) as client:
        result = client.infer("service", inputs)
        assert_same(result.as_numpy("sum"), total)
        rounded = result.as_numpy("rounded")
        assert rounded.dtype == ml_dtypes.bfloat16
        assert rounded.tobytes() == total.astype(ml_dtypes.bfloat16).tobytes()
        asked = [triton.InferRequestedOutput("rounded", binary_data=False)]
        output = client.infer("service", inputs, outputs=asked).get_output("rounded")
    # The client itself cannot read "NaN" as this type.
    spelled = np.array(output["data"], dtype=np.float32).reshape(output["shape"])
    assert_same(spelled, rounded.astype(np.float32))


def test_metadata_tells_every_input_and_output(of_every_dtype: Served) -> None:
    with client_of(of_every_dtype) as client:
        metadata = client.get_model_metadata("service")
    names = {NUMPY.get(dtype, dtype): datatype for dtype, datatype in DATATYPES.items()}
    names["string"] = names["object"]
    for ports, suffix in (("inputs", ""), ("outputs", "_back")):
        assert metadata[ports] == [
            {"name": f"{dtype}{suffix}", "datatype": names[dtype], "shape": [-1, -1]}
            for dtype in DTYPES
        ]


def test_health_metadata_and_versions(served: Served) -> None:
    with client_of(served) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        assert client.get_model_metadata("service")["versions"] == ["1"]
        assert client.get_model_metadata("service", "1")["platform"]
        for version in ("", "1"):
            assert client.is_model_ready("service", version)
        assert not client.is_model_ready("other")
        assert not client.is_model_ready("service", "2")
        for name, version in (("other", ""), ("service", "2")):
            with pytest.raises(InferenceServerException) as caught:
                client.get_model_metadata(name, version)
            assert caught.value.status() == "404"


def mixed_feeds(items: int) -> dict[str, Any]:
    return {
        "numbers": np.arange(2 * items, dtype=np.float32).reshape(items, 2) / 7,
        "texts": np.array([f"text {index}" for index in range(items)], dtype=object),
        "ids": np.arange(items, dtype=np.int64) % 10,
    }


@pytest.mark.parametrize("ways_in", list(itertools.product((True, False), repeat=3)))
def test_json_and_binary_mix(served: Served, ways_in: tuple[bool, ...]) -> None:
    feeds = mixed_feeds(5)
    expected = dict(zip(("doubled", "same", "rows"), served.session.run(None, feeds), strict=True))
    inputs = [
        given(name, array, binary=binary)
        for (name, array), binary in zip(feeds.items(), ways_in, strict=True)
    ]
    with client_of(served) as client:
        for ways_out in itertools.product((True, False), repeat=3):
            outputs = [
                triton.InferRequestedOutput(name, binary)
                for name, binary in zip(reversed(expected), ways_out, strict=True)
            ]
            result = client.infer("service", inputs, outputs=outputs)
            for name, array in expected.items():
                assert_same(result.as_numpy(name), array)


@pytest.mark.parametrize("request_algorithm", [None, "gzip", "deflate"])
@pytest.mark.parametrize("response_algorithm", [None, "gzip", "deflate"])
@pytest.mark.parametrize("items", [1, 3000])
def test_compression_both_ways(
    served: Served, request_algorithm: str | None, response_algorithm: str | None, items: int
) -> None:
    feeds = mixed_feeds(items)
    expected = dict(zip(("doubled", "same", "rows"), served.session.run(None, feeds), strict=True))
    with client_of(served) as client:
        for binary in (True, False):
            result = client.infer(
                "service",
                [given(name, array, binary=binary) for name, array in feeds.items()],
                outputs=[triton.InferRequestedOutput(name, binary) for name in expected],
                request_compression_algorithm=request_algorithm,
                response_compression_algorithm=response_algorithm,
            )
            for name, array in expected.items():
                assert_same(result.as_numpy(name), array)


def test_errors_are_the_clients_exceptions(served: Served) -> None:
    feeds = mixed_feeds(2)
    wrong: dict[str, dict[str, Any]] = {
        "FP32": {**feeds, "numbers": feeds["numbers"].astype(np.float64)},
        "shape": {**feeds, "numbers": np.zeros((2, 3), dtype=np.float32)},
        "none for": {"numbers": feeds["numbers"]},
        "other": {**feeds, "other": feeds["ids"]},
        "items": {**feeds, "ids": np.zeros(3, dtype=np.int64)},
        "indices": {**feeds, "ids": np.array([0, 10], dtype=np.int64)},
    }
    with client_of(served) as client:
        for told, those in wrong.items():
            with pytest.raises(InferenceServerException) as caught:
                client.infer("service", [given(n, a, binary=True) for n, a in those.items()])
            assert caught.value.status() == "400"
            assert told in caught.value.message()
        for name, version in (("other", ""), ("service", "2")):
            inputs = [given(n, a, binary=True) for n, a in feeds.items()]
            with pytest.raises(InferenceServerException) as caught:
                client.infer(name, inputs, version)
            assert caught.value.status() == "404"


def test_a_zipmap_is_a_tensor_whose_classes_the_metadata_tells(tmp_path: Path) -> None:
    with serving(tmp_path, KINDS["zipmap of texts"]) as served, client_of(served) as client:
        outputs = client.get_model_metadata("service")["outputs"]
    (zipped,) = (output for output in outputs if "parameters" in output)
    assert zipped["parameters"] == {"classes": ["setosa", "versicolor", "virginica"]}
    assert zipped["datatype"] == "FP32"
    assert zipped["shape"] == [-1, 3]
