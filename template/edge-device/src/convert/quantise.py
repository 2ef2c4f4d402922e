"""The model with 8-bit integers: weights and activations, or the weights alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.registry import QDQRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..ml.signature import Tensor

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""What has weights that are worth storing in 8 bits."""
LEFT_OUT = ("Softmax",)
"""Too small a part of the work to be worth its loss of accuracy."""
LEAST_WEIGHTS = 256
"""A smaller tensor stays as it is."""

Feeds = Mapping[str, Tensor]


def has_weights(source: Path) -> bool:
    """Whether there is anything to quantise: a layer whose float32 weights are constant."""
    return any(_weights(onnx.load(str(source), load_external_data=False).graph))


def quantise(source: Path, target: Path, samples: Iterable[Feeds], *, reduce_range: bool) -> None:
    """Activations as U8 by what they are for the samples, weights as S8 for each channel.

    ``reduce_range`` keeps weights to 7 bits, for CPUs that saturate at the sum of two products.
    """
    with TemporaryDirectory() as folder, _silence():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            _Reader(iter(samples)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[name for name in QDQRegistry if name not in LEFT_OUT],
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def quantise_weights(source: Path, target: Path) -> None:
    """Weights as S8 for each channel, made float32 again when the model is loaded."""
    model = onnx.load(str(source))
    graph = model.graph
    for name, axis in dict(_weights(graph)).items():
        _store_in_8_bits(graph, name, axis)
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = max(opset.version, 13)  # the first with a scale for each channel
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: Iterator[Feeds]) -> None:
        self._samples = samples

    def get_next(self) -> dict[str, Tensor] | None:
        feeds = next(self._samples, None)
        return None if feeds is None else dict(feeds)


def _weights(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    """The names of constant float32 weights, each with the axis of its output channels."""
    inputs = {value.name for value in graph.input}
    constants = {
        tensor.name: len(tensor.dims)
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.FLOAT
        and np.prod(tensor.dims) >= LEAST_WEIGHTS
        and tensor.name not in inputs
    }
    for node in graph.node:
        if node.op_type not in WEIGHTED or len(node.input) < 2 or node.input[1] not in constants:
            continue
        rank = constants[node.input[1]]
        if node.op_type == "Conv":
            axis = 0
        elif node.op_type == "ConvTranspose":
            axis = 1
        elif node.op_type == "Gemm":
            transposed = any(it.name == "transB" and it.i for it in node.attribute)
            axis = 0 if transposed else 1
        else:
            axis = rank - 1
        yield node.input[1], axis


def _store_in_8_bits(graph: onnx.GraphProto, name: str, axis: int) -> None:
    (tensor,) = (tensor for tensor in graph.initializer if tensor.name == name)
    weights = numpy_helper.to_array(tensor)
    others = tuple(index for index in range(weights.ndim) if index != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest == 0, 1, largest / 127).astype(np.float32)
    stored = np.round(weights / scale).astype(np.int8)
    graph.initializer.remove(tensor)
    graph.initializer.append(numpy_helper.from_array(stored, f"{name}_int8"))
    graph.initializer.append(numpy_helper.from_array(scale.reshape(-1), f"{name}_scale"))
    node = helper.make_node(
        "DequantizeLinear", [f"{name}_int8", f"{name}_scale"], [name], axis=axis
    )
    graph.node.insert(0, node)


class _silence:  # noqa: N801
    """ONNX Runtime's quantisation logs advice that is followed already."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self._before)
