"""Random small models: whatever is accepted is recorded as ONNX Runtime answers it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.model.batching import same_bits
from builder.model.facts_json import facts_from_json, facts_to_json
from builder.model.probe import inspect_here
from builder.model.request import Request
from builder.model.tensors import decode
from tests.model.models import build, node, save, value, weight
from tests.model.runtime import answers, assert_true_to_runtime

DTYPES = ("float32", "float64", "int32", "int64")
AXES = st.one_of(st.integers(1, 4), st.sampled_from(["N", "M", "N", None]))


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """Chains of layers and elementwise steps over one to three inputs of one shape."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.none() | st.lists(AXES, min_size=0, max_size=3))
    names = draw(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3, unique=True))
    names = [name for name in names if name.isprintable() and name.strip()] or ["x"]
    steps = [node("Sum" if dtype.startswith("f") else "Max", names, ["t0"])]
    weights = []
    for index in range(1, draw(st.integers(1, 4))):
        before, after = f"t{index - 1}", f"t{index}"
        kind = draw(st.sampled_from(["Neg", "Abs", "Add", "MatMul", "Relu", "Sum0", "Transpose"]))
        if kind == "Add":
            weights.append(weight(f"w{index}", draw(st.integers(-3, 3)), dtype))
            steps.append(node("Add", [before, f"w{index}"], [after]))
        elif kind == "MatMul":
            sizes = (draw(st.integers(1, 5)), draw(st.integers(1, 3)))
            weights.append(
                weight(f"w{index}", np.arange(sizes[0] * sizes[1]).reshape(sizes), dtype)
            )
            steps.append(node("MatMul", [before, f"w{index}"], [after]))
        elif kind == "Sum0":
            weights.append(weight(f"w{index}", [0], "int64"))
            steps.append(node("ReduceSum", [before, f"w{index}"], [after], keepdims=1))
        elif kind == "Relu" and dtype != "float64":
            steps.append(node("Max", [before], [after]))
        else:
            steps.append(node("Neg" if kind == "Relu" else kind, [before], [after]))
    last = steps[-1].output[0]
    return build(
        steps, [value(name, dtype, shape) for name in names], [value(last, dtype, None)], weights
    )


@settings(max_examples=40, deadline=None)
@given(model=models())
def test_recorded_as_the_runtime_answers(
    tmp_path_factory: pytest.TempPathFactory, model: onnx.ModelProto
) -> None:
    from builder.errors import ModelError  # noqa: PLC0415

    path = save(tmp_path_factory.mktemp("model"), model)
    try:
        facts = inspect_here(Request(path, timeout=4.0), lambda _key, _text: None, {})
    except ModelError as error:
        assert "cannot open" in str(error) or "found no input" in str(error)
        return
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts), allow_nan=False))) == facts
    assert_true_to_runtime(path, facts)
    if facts.batching == "rows":
        assert_rows(path, facts)


def assert_rows(path: Any, facts: Any) -> None:
    """Five items at once, none of which the builder tried, answer as each does alone."""
    generator = np.random.default_rng(11)
    items = []
    for _ in range(5):
        item = {}
        for fact in facts.inputs:
            sample = decode(facts.sample_inputs[fact.name], fact.dtype)
            item[fact.name] = (sample + generator.integers(-9, 9, sample.shape)).astype(fact.dtype)
        items.append(item)
    batch = {name: np.concatenate([item[name] for item in items]) for name in items[0]}
    together = answers(path, batch)
    for index, item in enumerate(items):
        for name, answer in answers(path, item).items():
            assert same_bits(together[name][index : index + 1], answer)
