"""Small ONNX models, each with one trait that introspection must get right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ELEMENT = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "bfloat16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}

node = helper.make_node


def value(
    name: str, dtype: str = "float32", shape: Sequence[int | str | None] | None = None
) -> onnx.ValueInfoProto:
    """An input or output; no shape means unknown rank."""
    return helper.make_tensor_value_info(name, ELEMENT[dtype], shape)


def weight(name: str, array: Any, dtype: str = "float32") -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype=dtype), name)


def optional(name: str, dtype: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    tensor = helper.make_tensor_type_proto(ELEMENT[dtype], shape)
    return helper.make_value_info(name, helper.make_optional_type_proto(tensor))


def maps(name: str, key: str = "int64") -> onnx.ValueInfoProto:
    """ZipMap's output: a sequence of maps to float."""
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    of = helper.make_map_type_proto(ELEMENT[key], inner)
    return helper.make_value_info(name, helper.make_sequence_type_proto(of))


def sequence(name: str) -> onnx.ValueInfoProto:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N"])
    return helper.make_value_info(name, helper.make_sequence_type_proto(tensor))


def build(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
    ir: int = 8,
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(weights))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="tests")
    model.ir_version = ir
    helper.set_model_props(model, dict(metadata or {}))
    return model


def save(folder: Path, model: onnx.ModelProto, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def linear(
    *, inputs: int = 4, outputs: int = 3, batch: int | str | None = "batch", **more: Any
) -> onnx.ModelProto:
    """y = x W + b, by integer-valued weights, so that batching cannot change a bit."""
    weights = np.arange(inputs * outputs, dtype=np.float32).reshape(inputs, outputs) % 5 - 2
    return build(
        [node("MatMul", ["x", "W"], ["xW"]), node("Add", ["xW", "b"], ["y"])],
        [value("x", shape=[batch, inputs])],
        [value("y", shape=[batch, outputs])],
        [weight("W", weights), weight("b", np.arange(outputs))],
        **more,
    )


def identity(dtype: str, shape: Sequence[int | str | None] | None) -> onnx.ModelProto:
    return build(
        [node("Identity", ["x"], ["y"])], [value("x", dtype, shape)], [value("y", dtype, shape)]
    )


def convolution(
    *, channels: int = 3, size: Sequence[int | str] = ("height", "width"), dtype: str = "float32"
) -> onnx.ModelProto:
    """An image classifier of two classes: convolution, global pooling, flatten."""
    kernel = numbers(2, channels, 3, 3) / 10
    steps = [node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT)]
    return build(
        [
            *steps,
            node("Conv", ["cast", "K"], ["c"], strides=[2, 2]),
            node("GlobalAveragePool", ["c"], ["p"]),
            node("Flatten", ["p"], ["scores"]),
        ],
        [value("image", dtype, ["batch", channels, *size])],
        [value("scores", shape=["batch", 2])],
        [weight("K", kernel)],
    )


def classifier(key: str = "int64", *, zipped: bool = True) -> onnx.ModelProto:
    """What scikit-learn's converter makes: a label, and scores zipped with the classes."""
    classes: dict[str, Any] = (
        {"classlabels_strings": ["setosa", "versicolor", "virginica"]}
        if key == "string"
        else {"classlabels_ints": [0, 1, 2]}
    )
    zip_classes = {
        "classlabels_int64s" if name == "classlabels_ints" else name: names
        for name, names in classes.items()
    }
    scores = "scores" if zipped else "probabilities"
    nodes = [
        node(
            "LinearClassifier",
            ["x"],
            ["label", scores],
            domain="ai.onnx.ml",
            coefficients=[1.0, 0.5, -1.0, 0.25, 0.5, -0.5, 0.0, 1.0, -1.0, 0.5, 2.0, 0.0],
            intercepts=[0.0, 0.5, -0.5],
            post_transform="NONE",
            **classes,
        )
    ]
    answer = value("probabilities", shape=[None, 3])
    if zipped:
        answer = maps("probabilities", key)
        nodes.append(
            node("ZipMap", [scores], ["probabilities"], domain="ai.onnx.ml", **zip_classes)
        )
    return build(nodes, [value("x", shape=[None, 4])], [value("label", key, [None]), answer])


def crashing(*, always: bool) -> onnx.ModelProto:
    """Divides the least int64 by x - 2: the processor traps at x = 1, all is well at x = 0.

    With ``always`` the divisor is -1 whatever x is.
    """
    least = np.iinfo(np.int64).min
    divisor = (
        [node("Mul", ["x", "zero"], ["gone"]), node("Sub", ["gone", "one"], ["d"])]
        if always
        else [node("Sub", ["x", "two"], ["d"])]
    )
    return build(
        [*divisor, node("Div", ["least", "d"], ["y"])],
        [value("x", "int64", [1, 2])],
        [value("y", "int64", [1, 2])],
        [
            weight("zero", 0, "int64"),
            weight("one", 1, "int64"),
            weight("two", 2, "int64"),
            weight("least", least, "int64"),
        ],
    )


def endless() -> onnx.ModelProto:
    """A loop that runs for years."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["again"]), node("Neg", ["state"], ["next"])],
        "body",
        [value("i", "int64", []), value("go", "bool", []), value("state", shape=["N"])],
        [value("again", "bool", []), value("next", shape=["N"])],
    )
    return build(
        [node("Loop", ["trips", "yes", "x"], ["y"], body=body)],
        [value("x", shape=["N"])],
        [value("y", shape=["N"])],
        [weight("trips", 10**15, "int64"), weight("yes", True, "bool")],
    )
