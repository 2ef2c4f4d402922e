"""The class names that a model carries in its operators or its metadata."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import onnx
from onnx import numpy_helper

Names = tuple[int | str, ...]

METADATA_KEYS = ("names", "class_names", "classes", "labels", "id2label")
MOST_METADATA_BYTES = 1 << 20


def zipmap_classes(proto: onnx.ModelProto) -> dict[str, Names]:
    """Output name of every ZipMap → its classes in the order of the columns that it zips."""
    return {
        node.output[0]: names
        for node in proto.graph.node
        if node.op_type == "ZipMap"
        and node.output
        and (names := _attribute(node, ("classlabels_int64s", "classlabels_strings")))
    }


def named_classes(proto: onnx.ModelProto) -> list[Names]:
    """Every list of class names in the model, the most trustworthy first, none of them twice."""
    found: list[Names] = []
    for names in (*zipmap_classes(proto).values(), *_operators(proto), *_metadata(proto)):
        if len(names) > 1 and len(set(names)) == len(names) and names not in found:
            found.append(names)
    return found


def categories(proto: onnx.ModelProto) -> list[str]:
    """A string that each of the model's encoders and vocabularies knows, in their order."""
    keys = ("cats_strings", "keys_strings", "pool_strings")
    return [str(names[0]) for node in proto.graph.node if (names := _attribute(node, keys))]


def _operators(proto: onnx.ModelProto) -> Iterator[Names]:
    keys = ("classlabels_strings", "classlabels_ints", "classlabels_int64s")
    for node in proto.graph.node:
        if node.op_type.endswith("Classifier") and (names := _attribute(node, keys)):
            yield names
    # scikit-learn's converters look a label up by ArrayFeatureExtractor(classes, ArgMax(scores)).
    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    best = {node.output[0] for node in proto.graph.node if node.op_type == "ArgMax"}
    for node in proto.graph.node:
        if node.op_type in ("Cast", "Reshape") and node.input[0] in best:
            best.add(node.output[0])
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in held:
            tensor = held[node.input[0]]
            if node.input[1] in best and (names := _values(tensor)):
                yield names


def _values(tensor: onnx.TensorProto) -> Names:
    if tensor.data_type == onnx.TensorProto.STRING:
        return tuple(value.decode("utf-8", "replace") for value in tensor.string_data)
    if tensor.data_type not in (onnx.TensorProto.INT32, onnx.TensorProto.INT64):
        return ()
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return ()
    return tuple(int(value) for value in numpy_helper.to_array(tensor).reshape(-1))


def _attribute(node: onnx.NodeProto, keys: tuple[str, ...]) -> Names:
    for attribute in node.attribute:
        if attribute.name not in keys:
            continue
        if attribute.ints:
            return tuple(attribute.ints)
        if attribute.strings:
            return tuple(value.decode("utf-8", "replace") for value in attribute.strings)
    return ()


def _metadata(proto: onnx.ModelProto) -> Iterator[Names]:
    entries = {entry.key.lower(): entry.value for entry in proto.metadata_props}
    for key in METADATA_KEYS:
        text = entries.get(key, "")
        if not text or len(text) > MOST_METADATA_BYTES:
            continue
        if names := _listed(_parse(text)):
            yield names


def _parse(text: str) -> object:
    """JSON, or the Python literal that some exporters write."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _listed(value: object) -> Names:
    """A list of names, or a map index → name that covers 0 to N-1."""
    if isinstance(value, dict):
        by_index = {str(key): name for key, name in value.items()}
        value = [by_index.get(str(index)) for index in range(len(by_index))]
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return ()
