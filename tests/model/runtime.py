"""What ONNX Runtime itself answers, to hold infergen's answers against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from builder.model.facts import ModelFacts
from builder.model.inspect import Request, inspect_model
from builder.model.tensors import Array, decode, encode
from tests.model.models import save


def answers(path: Path, feeds: dict[str, Array]) -> dict[str, Any]:
    """Every output by name; bfloat16 goes in and comes out as float32, cast by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = onnx.load_model(path, load_external_data=False)
    opened = _widened(model).SerializeToString() if _has_bfloat16(model) else path
    session = onnxruntime.InferenceSession(opened, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def _has_bfloat16(model: onnx.ModelProto) -> bool:
    ports = (*model.graph.input, *model.graph.output)
    return any(port.type.tensor_type.elem_type == TensorProto.BFLOAT16 for port in ports)


def _widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same with a cast from float32 behind each bfloat16 input, and one before each output."""
    inner = {
        port.name: f"{port.name} as bfloat16"
        for port in (*model.graph.input, *model.graph.output)
        if port.type.tensor_type.elem_type == TensorProto.BFLOAT16
    }
    for one in model.graph.node:
        for names in (one.input, one.output):
            names[:] = [inner.get(name, name) for name in names]
    steps = list(model.graph.node)
    for port in (*model.graph.input, *model.graph.output):
        if port.name not in inner:
            continue
        port.type.tensor_type.elem_type = TensorProto.FLOAT
        if port in model.graph.input:
            ends = ([port.name], [inner[port.name]])
            steps.insert(0, helper.make_node("Cast", *ends, to=TensorProto.BFLOAT16))
        else:
            ends = ([inner[port.name]], [port.name])
            steps.append(helper.make_node("Cast", *ends, to=TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(steps)
    return model


def inspect(folder: Path, model: onnx.ModelProto, **more: Any) -> ModelFacts:
    """The facts of a model saved in ``folder``; what they record is what the runtime answers."""
    path = save(folder, model)
    facts = inspect_model(Request(path, **more))
    assert_true_to_runtime(path, facts)
    return facts


def assert_true_to_runtime(path: Path, facts: ModelFacts) -> None:
    """The recorded answer is the runtime's to the recorded input, bit for bit through JSON."""
    inputs = {fact.name: fact for fact in facts.inputs}
    feeds = {
        name: decode(sample, inputs[name].dtype, inputs[name].shape)
        for name, sample in facts.sample_inputs.items()
    }
    runtime = answers(path, feeds)
    assert list(runtime) == [fact.name for fact in facts.outputs]
    for fact in facts.outputs:
        answer = runtime[fact.name]
        if fact.classes is not None:
            answer = np.array([[row[key] for key in fact.classes] for row in answer], fact.dtype)
        assert facts.sample_outputs[fact.name] == encode(answer)
        again = decode(encode(answer), fact.dtype, answer.shape)
        assert again.shape == answer.shape
        assert again.dtype == (object if fact.dtype == "string" else answer.dtype)
        assert again.tolist() == answer.tolist() or np.array_equal(again, answer, equal_nan=True)
