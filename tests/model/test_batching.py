"""Whether several items may be run at once is found by running them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from builder.errors import ModelError
from builder.model.inspect import Request, inspect_model
from tests.model.models import build, node, save, value, weight


def batching(folder: Path, model: onnx.ModelProto) -> str:
    return inspect_model(Request(save(folder, model))).batching


def test_rows(tmp_path: Path) -> None:
    model = build(
        [node("Tanh", ["x"], ["y"]), node("Cast", ["x"], ["label"], to=7)],
        [value("x", shape=["N", 3])],
        [value("y", shape=["N", 3]), value("label", "int64", ["N", 3])],
    )
    assert batching(tmp_path, model) == "rows"


def test_a_batch_fixed_to_one(tmp_path: Path) -> None:
    model = build(
        [node("Tanh", ["x"], ["y"])], [value("x", shape=[1, 3])], [value("y", shape=[1, 3])]
    )
    assert batching(tmp_path, model) == "single"


def test_a_dynamic_batch_that_fails_at_two(tmp_path: Path) -> None:
    model = build(
        [node("Reshape", ["x", "shape"], ["y"])],
        [value("x", shape=["N", 3])],
        [value("y", shape=None)],
        [weight("shape", [1, 3], "int64")],
    )
    assert batching(tmp_path, model) == "single"


def test_a_batch_that_fails_only_beyond_two(tmp_path: Path) -> None:
    model = build(
        [
            node("Pad", ["x", "pads"], ["padded"]),
            node("Slice", ["padded", "zero", "two", "zero"], ["y"]),
        ],
        [value("x", shape=["N", 3])],
        [value("y", shape=None)],
        [
            weight("pads", [0, 0, 0, 0], "int64"),
            weight("zero", [0], "int64"),
            weight("two", [2], "int64"),
        ],
    )
    assert batching(tmp_path, model) == "none"


def test_answers_that_differ_a_little_in_a_batch(tmp_path: Path) -> None:
    # Dynamic quantisation takes its scale from the whole batch.
    model = build(
        [
            node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
            node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
        ],
        [value("x", shape=["N", 64])],
        [value("y", shape=["N", 64])],
    )
    assert batching(tmp_path, model) == "single"


@pytest.mark.parametrize("steps", ["softmax", "cumsum", "sum"])
def test_an_axis_along_which_the_model_reckons_counts_no_items(tmp_path: Path, steps: str) -> None:
    nodes = {
        "softmax": node("Softmax", ["x"], ["y"], axis=0),
        "cumsum": node("CumSum", ["x", "zero"], ["y"]),
        "sum": node("ReduceSum", ["x", "axes"], ["y"]),
    }
    model = build(
        [nodes[steps]],
        [value("x", shape=["time", 3])],
        [value("y", shape=None)],
        [weight("zero", 0, "int64"), weight("axes", [0], "int64")],
    )
    facts = inspect_model(Request(save(tmp_path, model)))
    assert facts.batching == "none"
    assert facts.data.structure == "(time,3)"
    assert facts.prediction.sample == facts.sample_outputs["y"]


def test_a_size_beyond_which_answers_differ_bounds_the_batch(tmp_path: Path) -> None:
    """Beyond twenty rows a little is added to each."""
    model = build(
        [
            node("Shape", ["x"], ["shape"]),
            node("Gather", ["shape", "zero"], ["items"]),
            node("Greater", ["items", "twenty"], ["many"]),
            node("Cast", ["many"], ["once"], to=TensorProto.FLOAT),
            node("Mul", ["once", "little"], ["more"]),
            node("Add", ["x", "more"], ["y"]),
        ],
        [value("x", shape=["N", 3])],
        [value("y", shape=["N", 3])],
        [weight("zero", 0, "int64"), weight("twenty", 20, "int64"), weight("little", 1e-3)],
    )
    facts = inspect_model(Request(save(tmp_path, model)))
    assert (facts.batching, facts.measured.max_batch) == ("rows", 17)


def test_one_output_that_does_not_follow(tmp_path: Path) -> None:
    model = build(
        [node("Tanh", ["x"], ["y"]), node("ReduceMean", ["x"], ["mean"], keepdims=0)],
        [value("x", shape=["N", 3])],
        [value("y", shape=["N", 3]), value("mean", shape=[])],
    )
    assert batching(tmp_path, model) == "none"


def test_pairs_of_two_sets_are_no_rows(tmp_path: Path) -> None:
    model = build(
        [node("Transpose", ["b"], ["bt"]), node("MatMul", ["a", "bt"], ["y"])],
        [value("a", shape=["N", 3]), value("b", shape=["M", 3])],
        [value("y", shape=["N", "M"])],
    )
    assert batching(tmp_path, model) == "none"


def test_a_second_input_fixed_to_one(tmp_path: Path) -> None:
    model = build(
        [node("Add", ["x", "bias"], ["y"])],
        [value("x", shape=["N", 3]), value("bias", shape=[1, 3])],
        [value("y", shape=["N", 3])],
    )
    assert batching(tmp_path, model) == "single"


def test_rows_at_the_smallest_length_only(tmp_path: Path) -> None:
    # With one column the whole of a row's length is its own; with more, the batch leaks in.
    model = build(
        [
            node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
            node("Slice", ["m", "one", "many", "axis"], ["rest"]),
            node("ReduceSum", ["rest", "axis"], ["s"], keepdims=1),
            node("Add", ["x", "s"], ["y"]),
        ],
        [value("x", shape=["N", "length"])],
        [value("y", shape=["N", "length"])],
        [
            weight("one", [1], "int64"),
            weight("many", [999], "int64"),
            weight("axis", [1], "int64"),
        ],
    )
    assert batching(tmp_path, model) == "none"


def test_a_sample_of_several_items_is_refused(tmp_path: Path) -> None:
    model = build(
        [node("Tanh", ["x"], ["y"])], [value("x", shape=["N", 2])], [value("y", shape=["N", 2])]
    )
    path = save(tmp_path, model)
    with pytest.raises(ModelError, match="holds 3 items; give one"):
        inspect_model(Request(path, data_sample=[[1, 2], [3, 4], [5, 6]]))


def test_a_sample_that_is_one_sequence_is_taken_whole(tmp_path: Path) -> None:
    model = build(
        [node("CumSum", ["x", "zero"], ["y"])],
        [value("x", shape=["time", 2])],
        [value("y", shape=["time", 2])],
        [weight("zero", np.int64(0), "int64")],
    )
    facts = inspect_model(Request(save(tmp_path, model), data_sample=[[1, 2], [3, 4], [5, 6]]))
    assert facts.batching == "none"
    assert facts.prediction.sample == [[1, 2], [4, 6], [9, 12]]
