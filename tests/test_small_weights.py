"""The page's smaller model: weights in 8 bits, near to what they were, all else as it was."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.conftest import infergen
from tests.model.models import build, node, value, weight

Array = NDArray[Any]

MAKE_SMALL = """
import { readFile, writeFile } from "node:fs/promises";
import { withSmallWeights } from "./convert/quantise.js";
const [source, target] = process.argv.slice(2);
try {
  await writeFile(target, withSmallWeights(new Uint8Array(await readFile(source))));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
"""


@dataclass(frozen=True)
class Layer:
    operator: str
    weights: tuple[int, ...]
    axis: int
    """Of what it puts out."""
    rank: int
    """Of what it puts out."""
    attributes: dict[str, Any] = field(default_factory=dict)


LAYERS = [
    Layer("Conv", (16, 8, 3, 3), 0, 4),
    Layer("ConvTranspose", (8, 16, 3, 3), 1, 4),
    Layer("Gemm", (8, 40), 1, 2),
    Layer("Gemm", (40, 8), 0, 2, {"transB": 1}),
    Layer("MatMul", (8, 40), 1, 2),
    Layer("MatMul", (3, 8, 40), 2, 3),
]
GEMM = LAYERS[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page, whose own code makes models smaller."""
    folder = tmp_path_factory.mktemp("small")
    done = subprocess.run(
        [infergen(), "new", "--name", "page", "--variant", "edge-browser", "--output", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "page" / "tools" / "small.mjs").write_text(MAKE_SMALL)
    return folder / "page"


def make_small(project: Path, model: onnx.ModelProto) -> onnx.ModelProto | str:
    """The smaller model, or why there is none."""
    source, target = project / "source.onnx", project / "target.onnx"
    source.write_bytes(model.SerializeToString())
    done = subprocess.run(
        ["node", project / "tools" / "small.mjs", source, target],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr.strip() if done.returncode else onnx.load(target)


def one_layer(
    layer: Layer, weights: Array, *, raw: bool = True, opset: int = 17
) -> onnx.ModelProto:
    """The layer, then a sum with a constant that is no weight."""
    channels = layer.weights[layer.axis]
    after = np.arange(channels, dtype=np.float32).reshape(channels, *(1,) * (2 * (layer.rank == 4)))
    floats = helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())
    return build(
        [
            node(layer.operator, ["x", "w"], ["y"], **layer.attributes),
            node("Add", ["y", "after"], ["z"]),
        ],
        [value("x", shape=data_of(layer).shape)],
        [value("z", shape=[None] * layer.rank)],
        [numpy_helper.from_array(weights, "w") if raw else floats, weight("after", after)],
        opset=opset,
        metadata={"about": "a layer"},
    )


def data_of(layer: Layer) -> Array:
    shape = (1, 8, 6, 6) if layer.rank == 4 else (3, 8)
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def run(model: onnx.ModelProto, data: Array) -> Array:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": data})
    made: Array = answer
    return made


def tensors_of(model: onnx.ModelProto) -> dict[str, Array]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@given(
    layer=st.sampled_from(LAYERS),
    raw=st.booleans(),
    size=st.sampled_from([1e-44, 1e-30, 1e-3, 1.0, 1e30]),
    zeros=st.integers(0, 3),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_weights_are_as_near_as_8_bits_allow(
    project: Path, layer: Layer, raw: bool, size: float, zeros: int, seed: int
) -> None:
    shape, axis = layer.weights, layer.axis
    weights = (np.random.default_rng(seed).standard_normal(shape) * size).astype(np.float32)
    np.moveaxis(weights, axis, 0)[:zeros] = 0
    model = one_layer(layer, weights, raw=raw)
    small = make_small(project, model)
    assert isinstance(small, onnx.ModelProto)
    onnx.checker.check_model(small)
    assert [node.op_type for node in small.graph.node[:2]] == ["Cast", "Mul"]
    assert list(small.graph.node[2:]) == list(model.graph.node)
    assert small.metadata_props == model.metadata_props
    assert small.opset_import == model.opset_import

    stored = tensors_of(small)
    assert stored["w_int8"].dtype == np.int8
    assert (stored["after"] == tensors_of(model)["after"]).all()
    restored = stored["w_int8"].astype(np.float32) * stored["w_scale"]
    other_axes = tuple(other for other in range(len(shape)) if other != axis)
    largest = np.abs(weights).max(axis=other_axes, keepdims=True)
    smallest = np.finfo(np.float32).smallest_subnormal
    assert (np.abs(restored - weights) <= largest / 127 / 2 * 1.001 + 64 * smallest).all()
    same = run(one_layer(layer, restored), data_of(layer))
    np.testing.assert_allclose(run(small, data_of(layer)), same, rtol=1e-6)


def test_what_cannot_be_stored_so_is_told_or_left(project: Path) -> None:
    weights = np.ones(GEMM.weights, np.float32)
    infinite = weights.copy()
    infinite[0, 0] = np.inf
    given_anew = one_layer(GEMM, weights)
    given_anew.graph.input.append(
        helper.make_tensor_value_info("w", TensorProto.FLOAT, weights.shape)
    )
    outside = one_layer(GEMM, weights)
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    none = "no layer has weights that could be stored in 8 bits"
    assert make_small(project, one_layer(GEMM, infinite)) == none
    assert make_small(project, one_layer(GEMM, weights.astype(np.float16))) == none
    assert make_small(project, one_layer(GEMM, weights[:, :5])) == none
    assert make_small(project, given_anew) == none
    outside.graph.initializer[0].ClearField("raw_data")
    outside.graph.initializer[0].external_data.add(key="location", value="weights")
    assert make_small(project, outside) == none
    assert make_small(project, one_layer(GEMM, weights, opset=6)) == "its opset is older than 7"
