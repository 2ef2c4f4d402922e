"""Reads the ONNX protobuf: what the file declares, without its external weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from builder.errors import ModelError
from builder.model.facts import Dimension

RUNTIME_DOMAINS = {
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
    "org.pytorch.aten",
}
"""Operator domains that a plain ONNX Runtime wheel implements."""

FOREIGN_FORMATS = (
    (b"version https://git-lfs", "a Git LFS pointer; fetch the model itself with `git lfs pull`"),
    (b"PK\x03\x04", "a zip archive (PyTorch's .pt, Keras' .keras?); export it to ONNX"),
    (b"\x80", "a Python pickle; export the model to ONNX"),
    (b"\x89HDF", "an HDF5 file (Keras?); export the model to ONNX"),
    (b"<", "an HTML or XML page; was the download a page that says where the model is?"),
    (b"{", "a JSON file"),
)


@dataclass(frozen=True, slots=True)
class Graph:
    """A parsed model and what was read off it once."""

    path: Path
    proto: onnx.ModelProto
    inputs: tuple[onnx.ValueInfoProto, ...]
    """Inputs without a value of their own."""
    constants: tuple[str, ...]
    """Initializers that the graph lists as inputs too."""


def read_graph(path: Path) -> Graph:
    """Parse the model at ``path``. Raises ModelError if it is no ONNX model with an input."""
    with path.open("rb") as file:
        head = file.read(64)
    for magic, what in FOREIGN_FORMATS:
        if head.startswith(magic):
            raise ModelError(f"{path}: not an ONNX model but {what}.")
    if head[4:8] in (b"ORTM", b"TFL3"):
        kind = "an ORT format" if head[4:8] == b"ORTM" else "a TensorFlow Lite"
        raise ModelError(f"{path}: {kind} model, not ONNX; give the .onnx file that it came from.")
    try:
        proto = onnx.load_model(path, format="protobuf", load_external_data=False)
    except (DecodeError, ValueError):
        raise ModelError(f"{path}: not an ONNX model, or cut short: it does not parse.") from None
    if not proto.HasField("graph"):
        raise ModelError(f"{path}: not an ONNX model: it parses, but holds no graph.")
    named = {tensor.name for tensor in proto.graph.initializer}
    named |= {tensor.values.name for tensor in proto.graph.sparse_initializer}
    return Graph(
        path=path,
        proto=proto,
        inputs=tuple(value for value in proto.graph.input if value.name not in named),
        constants=tuple(value.name for value in proto.graph.input if value.name in named),
    )


def tensor_type(value: onnx.ValueInfoProto) -> onnx.TypeProto.Tensor:
    """The type of the tensor, also of one wrapped in optional(...)."""
    kind = value.type
    if kind.WhichOneof("value") == "optional_type":
        kind = kind.optional_type.elem_type
    return kind.tensor_type


def declared_shape(value: onnx.ValueInfoProto) -> tuple[Dimension, ...] | None:
    """The shape that the graph declares; None if it leaves the rank open.

    ONNX Runtime cannot tell: it reports ``[]`` for a scalar and for an unknown rank alike.
    """
    kind = tensor_type(value)
    if not kind.HasField("shape"):
        return None
    return tuple(_dimension(dimension) for dimension in kind.shape.dim)


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> Dimension:
    which = dimension.WhichOneof("value")
    if which == "dim_value":
        # Old exporters write -1 for "any".
        return dimension.dim_value if dimension.dim_value >= 0 else None
    return dimension.dim_param or None


def nodes(graphs: Sequence[onnx.GraphProto]) -> Iterator[onnx.NodeProto]:
    """Every node, those inside the bodies of If, Loop and Scan too."""
    for graph in graphs:
        for node in graph.node:
            yield node
            yield from nodes(_bodies(node))


def all_nodes(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node of the model and of its local functions."""
    yield from nodes([proto.graph])
    for function in proto.functions:
        for node in function.node:
            yield node
            yield from nodes(_bodies(node))


def tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that the model holds: initializers and the values of constants."""
    yield from _initializers(proto.graph)
    for node in all_nodes(proto):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("sparse_tensor"):
                yield attribute.sparse_tensor.values
                yield attribute.sparse_tensor.indices
        for body in _bodies(node):
            yield from _initializers(body)


def _initializers(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices


def _bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    bodies = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    for attribute in node.attribute:
        bodies.extend(attribute.graphs)
    return bodies


def parameter_count(proto: onnx.ModelProto) -> int:
    """How many numbers the model holds in tensors (a tree's thresholds are attributes: not)."""
    return sum(prod(tensor.dims) for tensor in tensors(proto))


def custom_operators(proto: onnx.ModelProto) -> tuple[str, ...]:
    """Operators of domains that ONNX Runtime does not have, as domain:name, sorted."""
    local = {(function.domain, function.name) for function in proto.functions}
    return tuple(
        sorted(
            {
                f"{node.domain}:{node.op_type}"
                for node in all_nodes(proto)
                if node.domain not in RUNTIME_DOMAINS and (node.domain, node.op_type) not in local
            }
        )
    )


def locales(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The locales that StringNormalizer changes the case of texts by, sorted.

    It compares stop words in one case too, unless it is sensitive to case. C and POSIX, which
    every system has, are left out.
    """
    found = set()
    for node in all_nodes(proto):
        if node.op_type != "StringNormalizer" or node.domain not in ("", "ai.onnx"):
            continue
        given = {attribute.name: attribute for attribute in node.attribute}
        action = given["case_change_action"].s if "case_change_action" in given else b"NONE"
        sensitive = "is_case_sensitive" in given and given["is_case_sensitive"].i != 0
        if action != b"NONE" or ("stopwords" in given and not sensitive):
            found.add(given["locale"].s.decode() if "locale" in given else "en_US.UTF-8")
    return tuple(sorted(found - {"C", "POSIX", "C.UTF-8"}))
