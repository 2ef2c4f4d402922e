"""The two models that every server serves, a request's data, and ONNX Runtime's answer to it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from builder.template_set import default_root

Array = NDArray[np.float32]
OUTPUT = "probabilities"

_CHANNELS = (24, 48, 96, 96, 192, 192, 384, 384, 384, 384, 384, 384, 768, 768)
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""MobileNet's, at 0.75 of its width."""


@dataclass(frozen=True)
class Workload:
    """A model with one item of data; ``binary``: too large for lists of numbers in JSON."""

    name: str
    model: Path
    input: str
    data: Array
    binary: bool
    generate: tuple[str, ...]
    """What ``infergen new`` is given beside a name."""

    @cached_property
    def expected(self) -> Array:
        """The probabilities by ONNX Runtime in this process, with one thread."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])
        (answer,) = session.run([OUTPUT], {self.input: self.data})
        array: Array = answer[0]
        return array

    @property
    def text(self) -> str:
        """The data in base64, for servers that take no binary bodies."""
        return base64.b64encode(self.data.tobytes()).decode()


def iris() -> Workload:
    """The default set's own example: four numbers, a few microseconds of work."""
    return Workload(
        name="iris",
        model=default_root() / "vars" / "models" / "iris_svc.onnx",
        input="X",
        data=np.array([[5.1, 3.5, 1.4, 0.2]], np.float32),
        binary=False,
        generate=("--vars", str(default_root() / "vars" / "sample.yaml")),
    )


def cnn(folder: Path) -> Workload:
    """A network like MobileNet with random weights, always the same ones; writes it to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model, labels = folder / "cnn.onnx", folder / "labels.json"
    onnx.save(_mobilenet(), model)
    labels.write_text(json.dumps([f"class {number}" for number in range(1000)]))
    data = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)
    return Workload(
        name="cnn",
        model=model,
        input="image",
        data=data,
        binary=True,
        generate=("--model", str(model), "--labels", str(labels)),
    )


class _Graph:
    """Nodes one after the other, and their weights."""

    def __init__(self, first: str) -> None:
        self.last = first
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *weights: Array, output: str = "", **attributes: Any) -> None:
        number = len(self.nodes)
        names = [f"weight_{number}_{index}" for index in range(len(weights))]
        for name, weight in zip(names, weights, strict=True):
            self.weights.append(numpy_helper.from_array(weight, name))
        result = output or f"{kind}_{number}"
        self.nodes.append(helper.make_node(kind, [self.last, *names], [result], **attributes))
        self.last = result

    def convolve(self, inputs: int, outputs: int, size: int, stride: int, groups: int = 1) -> None:
        """A convolution and MobileNet's activation."""
        weight = self.random((outputs, inputs // groups, size, size), inputs // groups * size**2)
        self.add(
            "Conv",
            weight,
            np.zeros(outputs, np.float32),
            strides=[stride, stride],
            pads=[size // 2] * 4,
            group=groups,
        )
        self.add("Clip", np.array(0, np.float32), np.array(6, np.float32))

    def random(self, shape: tuple[int, ...], fan_in: int) -> Array:
        """Weights that keep the size of what passes through them (He's)."""
        scale = np.float32(np.sqrt(2 / fan_in))
        return self._random.standard_normal(shape, np.float32) * scale


def _mobilenet() -> onnx.ModelProto:
    graph = _Graph("image")
    graph.convolve(3, _CHANNELS[0], size=3, stride=2)
    for inputs, outputs, stride in zip(_CHANNELS, _CHANNELS[1:], _STRIDES, strict=False):
        graph.convolve(inputs, inputs, size=3, stride=stride, groups=inputs)
        graph.convolve(inputs, outputs, size=1, stride=1)
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    graph.add("Gemm", graph.random((_CHANNELS[-1], 1000), _CHANNELS[-1]))
    graph.add("Softmax", output=OUTPUT, axis=-1)
    number = onnx.TensorProto.FLOAT
    image = helper.make_tensor_value_info("image", number, ["batch", 3, 224, 224])
    probabilities = helper.make_tensor_value_info(OUTPUT, number, ["batch", 1000])
    made = helper.make_graph(graph.nodes, "mobilenet", [image], [probabilities], graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
