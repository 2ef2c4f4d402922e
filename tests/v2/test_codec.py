"""Any tensor passes the codec unchanged, and no mangled request gets past it but as an error."""

from __future__ import annotations

import importlib
import json
import math
import struct
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.kinds import Kind
from tests.v2.served import DTYPES, every_dtype, generate, numbers_and_texts

SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Codec:
    """The modules of one service that read requests and write answers."""

    def __init__(self) -> None:
        self.read = self._module("src.app.inference.request").read_inference
        self.write = self._module("src.app.inference.response").write_inference
        self.datatypes = self._module("src.app.inference.tensors").DATATYPES
        self.refusal = self._module("src.ml.errors").InputError
        self.Inference = self._module("src.app.inference.request").Inference
        self.outputs = self._module("src.ml.signature").OUTPUTS

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(name)


def codec_of(folder: Any, kind: Kind) -> Iterator[Codec]:
    service = generate(folder, kind)
    sys.path.insert(0, str(service))
    try:
        yield Codec()
    finally:
        sys.path.remove(str(service))
        for name in [name for name in sys.modules if name == "src" or name.startswith("src.")]:
            del sys.modules[name]


@pytest.fixture
def of_every_dtype(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Codec]:
    yield from codec_of(tmp_path_factory.mktemp("dtypes"), Kind(every_dtype))


@pytest.fixture
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Codec]:
    yield from codec_of(tmp_path_factory.mktemp("mixed"), Kind(numbers_and_texts))


def elements(dtype: str) -> st.SearchStrategy[Any]:
    if dtype == "string":
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    return hnp.from_dtype(np.dtype(dtype))


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, Any]:
    """One of each dtype, with as many rows each."""
    rows = draw(st.integers(1, 3))
    made = {}
    for dtype in DTYPES:
        shape = (rows, draw(st.integers(0, 3)))
        kind = object if dtype == "string" else dtype
        made[dtype] = draw(hnp.arrays(kind, shape, elements=elements(dtype)))
    return made


def packed(array: Any) -> bytes:
    if array.dtype != object:
        return bytes(array.tobytes())
    texts = [text.encode() for text in array.reshape(-1)]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def unpacked(part: bytes, like: Any) -> Any:
    if like.dtype != object:
        return np.frombuffer(part, like.dtype)
    texts = []
    while part:
        (length,) = struct.unpack_from("<I", part)
        texts.append(part[4 : 4 + length].decode())
        part = part[4 + length :]
    return np.array(texts, dtype=object)


def spelled(value: Any) -> Any:
    """With the convention's words for the numbers that JSON lacks."""
    if isinstance(value, list):
        return [spelled(one) for one in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return {float("inf"): "Infinity", -float("inf"): "-Infinity"}.get(value, value)


def request_of(
    feeds: dict[str, Any], datatypes: dict[str, str], ways: list[str]
) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body; each tensor goes its own way: flat, nested or binary."""
    inputs, parts = [], []
    for (name, array), way in zip(feeds.items(), ways, strict=True):
        tensor = {"name": name, "shape": array.shape, "datatype": datatypes[name]}
        if way == "binary":
            parts.append(packed(array))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = spelled((array if way == "nested" else array.reshape(-1)).tolist())
        inputs.append(tensor)
    head = json.dumps({"inputs": inputs}).encode()
    headers = {b"inference-header-content-length": str(len(head)).encode()} if parts else {}
    return headers, b"".join((head, *parts))


WAYS = st.lists(
    st.sampled_from(["flat", "nested", "binary"]), min_size=len(DTYPES), max_size=len(DTYPES)
)


def assert_same(got: Any, expected: Any) -> None:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    if expected.dtype != object:
        numbers = ~np.isnan(expected) if expected.dtype.kind == "f" else np.full(got.shape, True)
        assert got[numbers].tobytes() == expected[numbers].tobytes()


@given(feeds=tensors(), ways=WAYS)
@SETTINGS
def test_requests_carry_any_tensor(
    of_every_dtype: Codec, feeds: dict[str, Any], ways: list[str]
) -> None:
    asked = of_every_dtype.read(*request_of(feeds, of_every_dtype.datatypes, ways))
    assert asked.feeds.keys() == feeds.keys()
    for name, array in feeds.items():
        assert_same(asked.feeds[name], array)
        assert asked.feeds[name].flags.aligned


@given(feeds=tensors(), binary=st.lists(st.booleans(), min_size=len(DTYPES), max_size=len(DTYPES)))
@SETTINGS
def test_responses_carry_any_tensor(
    of_every_dtype: Codec, feeds: dict[str, Any], binary: list[bool]
) -> None:
    arrays = list(feeds.values())
    asked = of_every_dtype.Inference({}, of_every_dtype.outputs, tuple(binary))
    answer = of_every_dtype.write(asked, arrays)
    headers = dict(answer.headers)
    length = int(headers.get(b"inference-header-content-length", len(answer.body)))
    rest = answer.body[length:]
    for output, array in zip(json.loads(answer.body[:length])["outputs"], arrays, strict=True):
        if "parameters" in output:
            size = output["parameters"]["binary_data_size"]
            values, rest = unpacked(rest[:size], array), rest[size:]
        else:
            values = np.array(output["data"], dtype=array.dtype)
        assert_same(values.reshape(output["shape"]), array)
    assert rest == b""


FEEDS = {
    "numbers": np.arange(4, dtype=np.float32).reshape(2, 2),
    "texts": np.array(["a", "é"], dtype=object),
    "ids": np.array([1, 2]),
}
DATATYPES = {"numbers": "FP32", "texts": "BYTES", "ids": "INT64"}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda junk: st.lists(junk, max_size=3) | st.dictionaries(st.text(max_size=5), junk),
    max_leaves=4,
)


def assert_read_or_refused(codec: Codec, headers: dict[bytes, bytes], body: bytes) -> None:
    try:
        asked = codec.read(headers, body)
    except codec.refusal as error:
        assert str(error)
        assert len(str(error)) < 2000
        return
    for name, array in asked.feeds.items():
        assert array.shape[0] == 2
        assert array.dtype == FEEDS[name].dtype
        assert array.shape == FEEDS[name].shape


@given(data=st.data(), way=st.sampled_from(["flat", "nested", "binary"]))
@SETTINGS
def test_requests_with_other_bytes(mixed: Codec, data: st.DataObject, way: str) -> None:
    headers, body = request_of(FEEDS, DATATYPES, [way] * 3)
    place = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 3))
    other = data.draw(
        st.binary(max_size=3) | st.sampled_from([b"[", b"{", b'"', b"-", b"e9", b"0"])
    )
    mangled = body[:place] + other + body[place + length :]
    for given_headers in (headers, {}):
        assert_read_or_refused(mixed, given_headers, mangled)


def items_of(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def paths(value: Any) -> Iterator[list[Any]]:
    """The ways to all values within one, itself among them."""
    yield []
    for key, inner in items_of(value):
        for path in paths(inner):
            yield [key, *path]


def replaced(value: Any, path: list[Any], junk: Any) -> Any:
    if not path:
        return junk
    changed = [
        (key, replaced(inner, path[1:], junk) if key == path[0] else inner)
        for key, inner in items_of(value)
    ]
    return dict(changed) if isinstance(value, dict) else [inner for _, inner in changed]


@given(junk=JUNK, data=st.data(), way=st.sampled_from(["flat", "nested"]))
@SETTINGS
def test_requests_with_other_values(mixed: Codec, junk: Any, data: st.DataObject, way: str) -> None:
    _, body = request_of(FEEDS, DATATYPES, [way] * 3)
    request = {
        **json.loads(body),
        "id": "1",
        "outputs": [{"name": "same", "parameters": {"binary_data": True}}],
        "parameters": {"binary_data_output": True},
    }
    path = data.draw(st.sampled_from(list(paths(request))))
    mangled = json.dumps(replaced(request, path, junk)).encode()
    assert_read_or_refused(mixed, {}, mangled)
