"""Models of every kind that a service can be generated for, with the options that each needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto

from tests.model.models import (
    build,
    classifier,
    convolution,
    identity,
    linear,
    node,
    optional,
    value,
    weight,
)

HOSTILE = 'a"b\\n{{ 7 * 7 }} # $(x) """ \' é: - !'


@dataclass(frozen=True)
class Kind:
    """One kind: its model, its labels if it has any, and what is set beside."""

    make: Callable[[], onnx.ModelProto]
    labels: tuple[str, ...] = ()
    settings: tuple[str, ...] = field(default=())


def renamed(source: str, target: str) -> onnx.ModelProto:
    """A model whose tensors have these names."""
    return build(
        [node("Identity", [source], [target])],
        [value(source, shape=["batch", 3])],
        [value(target, shape=["batch", 3])],
    )


def embedding() -> onnx.ModelProto:
    """Looks up rows of a table: an index outside of it is refused by ONNX Runtime."""
    return build(
        [node("Gather", ["table", "ids"], ["rows"])],
        [value("ids", "int64", ["batch", "sequence"])],
        [value("rows", shape=["batch", "sequence", 2])],
        [weight("table", np.arange(20).reshape(10, 2))],
    )


def two_inputs() -> onnx.ModelProto:
    return build(
        [
            node("Add", ["left", "right"], ["sum"]),
            node("Mul", ["left", "right"], ["leaf/product"]),
        ],
        [value("left", shape=["batch", 2]), value("right", shape=["batch", 2])],
        [value("sum", shape=["batch", 2]), value("leaf/product", shape=["batch", 2])],
    )


def with_optional() -> onnx.ModelProto:
    """Answers x, and whether the optional input was given."""
    return build(
        [
            node("OptionalHasElement", ["maybe"], ["given"]),
            node("Identity", ["x"], ["same"]),
        ],
        [value("x", shape=["batch", 2]), optional("maybe", "float32", ["batch", 2])],
        [value("same", shape=["batch", 2]), value("given", "bool", [])],
        opset=18,
    )


def nan_answers() -> onnx.ModelProto:
    """log of what may be negative or zero: NaN and infinities in the answer."""
    return build(
        [node("Log", ["x"], ["y"])],
        [value("x", shape=["batch", 2])],
        [value("y", shape=["batch", 2])],
    )


def narrow_and_wide() -> onnx.ModelProto:
    """The sum of a bfloat16 and a float32 input, as both."""
    return build(
        [
            node("Cast", ["narrow"], ["widened"], to=TensorProto.FLOAT),
            node("Add", ["widened", "wide"], ["sum"]),
            node("Cast", ["sum"], ["rounded"], to=TensorProto.BFLOAT16),
        ],
        [value("narrow", "bfloat16", ["batch", 2]), value("wide", shape=["batch", 2])],
        [value("rounded", "bfloat16", ["batch", 2]), value("sum", shape=["batch", 2])],
    )


KINDS: dict[str, Kind] = {
    "rows": Kind(linear, labels=("a", "b", "c")),
    "regressor": Kind(lambda: linear(outputs=1)),
    "softmax": Kind(linear, labels=("a", "b", "c"), settings=("postprocess=softmax",)),
    "sigmoid": Kind(lambda: linear(outputs=1), settings=("postprocess=sigmoid",)),
    "one at a time": Kind(lambda: linear(batch=1)),
    "fixed batch": Kind(lambda: linear(batch=3)),
    "no batch": Kind(lambda: identity("float32", [2, "n"])),
    "scalar": Kind(lambda: identity("float64", [])),
    "open rank": Kind(lambda: identity("float32", None)),
    "zero length": Kind(lambda: identity("float32", ["batch", 0])),
    "zipmap": Kind(lambda: classifier("int64")),
    "zipmap of texts": Kind(lambda: classifier("string")),
    "label and scores": Kind(lambda: classifier("string", zipped=False)),
    "embedding": Kind(embedding),
    "two inputs": Kind(two_inputs),
    "chosen output": Kind(two_inputs, settings=("prediction_output=sum",)),
    "optional input": Kind(with_optional),
    "not finite": Kind(nan_answers),
    "bfloat16 beside float32": Kind(narrow_and_wide),
    "names that break code": Kind(lambda: renamed(f"{HOSTILE}\n", "class")),
    "names of numbers": Kind(lambda: renamed("38", "input:0")),
    "hostile texts": Kind(
        linear,
        labels=(HOSTILE, "b", "c"),
        settings=(f"title={HOSTILE}", f"description={HOSTILE}\n{HOSTILE}"),
    ),
    "for callers with a key": Kind(
        linear,
        labels=("a", "b", "c"),
        settings=("auth=api_key", 'cors_origins=["https://app.example.com"]'),
    ),
    "for callers with a token": Kind(linear, settings=("auth=jwt",)),
    "traced, without a playground": Kind(linear, settings=("tracing=true", "playground=false")),
    "image": Kind(convolution, labels=("cat", "dog"), settings=("preprocess=image",)),
    "grey image": Kind(
        lambda: convolution(channels=1, size=(8, 6)),
        settings=("preprocess=image", "image.mean=[0.5]", "image.std=[0.25]"),
    ),
    **{
        dtype: Kind(lambda dtype=dtype: identity(dtype, ["batch", 2]))  # type: ignore[misc]
        for dtype in (
            *("string", "bool", "bfloat16", "float16", "float64"),
            *("int8", "int64", "uint8", "uint64"),
        )
    },
}

CACHED_KINDS: dict[str, Kind] = {
    "kept predictions": Kind(
        linear, labels=("a", "b", "c"), settings=("variant=prediction-cache",)
    ),
    "kept predictions of images": Kind(
        convolution,
        labels=("cat", "dog"),
        settings=("variant=prediction-cache", "preprocess=image", "tracing=true"),
    ),
    "kept predictions of bare texts": Kind(
        lambda: identity("string", ["batch"]), settings=("variant=prediction-cache",)
    ),
    "kept data of images": Kind(
        convolution,
        labels=("cat", "dog"),
        settings=("variant=data-cache", "preprocess=image", "auth=api_key"),
    ),
    "kept data and predictions": Kind(
        with_optional, settings=("variant=data-cache", "cache=both", "caching.timing=at_request")
    ),
    "kept data of an embedding": Kind(embedding, settings=("variant=data-cache",)),
    "kept bfloat16": Kind(narrow_and_wide, settings=("variant=prediction-cache", "cache=both")),
}
"""The same for the variants that have a cache."""
