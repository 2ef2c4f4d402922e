"""The sample that is found for inputs of every dtype and shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.model.inspect import Request, inspect_model
from tests.model.models import (
    ELEMENT,
    build,
    identity,
    linear,
    node,
    numbers,
    optional,
    value,
    weight,
)
from tests.model.runtime import assert_true_to_runtime, inspect


def test_facts_of_a_plain_model(tmp_path: Path) -> None:
    facts = inspect(tmp_path, linear())
    assert facts.file_name == "model.onnx"
    assert facts.size == (tmp_path / "model.onnx").stat().st_size
    assert facts.opsets == {"ai.onnx": 17, "ai.onnx.ml": 3}
    assert (facts.producer, facts.ir_version, facts.parameters) == ("tests", 8, 15)
    assert facts.inputs[0].shape == ("batch", 4)
    assert (facts.data.dtype, facts.data.structure) == ("float32", "(1,4)")
    assert facts.data.sample == [[0.1, 0.2, 0.3, 0.4]]
    assert (facts.prediction.dtype, facts.prediction.structure) == ("float32", "(1,3)")
    assert facts.prediction.sample == facts.sample_outputs["y"][0]
    assert facts.prediction_outputs == ("y",)
    assert facts.labels is None
    assert facts.image is None
    assert facts.measured.milliseconds > 0


@pytest.mark.parametrize("dtype", sorted(ELEMENT))
def test_every_dtype(tmp_path: Path, dtype: str) -> None:
    facts = inspect(tmp_path, identity(dtype, ["n", 3]))
    assert (facts.inputs[0].dtype, facts.outputs[0].dtype) == (dtype, dtype)
    assert (facts.data.dtype, facts.prediction.dtype) == (dtype, dtype)
    assert facts.batching == "rows"
    assert facts.data.structure == "(1,3)"


def test_names_are_only_data(tmp_path: Path) -> None:
    names = ["input:0", '{"a": 1}', "class", "a/b c", "38", "{{ 7 * 7 }}", "\N{SNOWMAN}\n"]
    model = build(
        [node("Sum", names, ["leaf/logits'"])],
        [value(name, shape=["N", 2]) for name in names],
        [value("leaf/logits'", shape=["N", 2])],
    )
    facts = inspect(tmp_path, model)
    assert [fact.name for fact in facts.inputs] == names
    assert list(facts.data.sample) == names
    assert facts.prediction_outputs == ("leaf/logits'",)


def test_inputs_are_filled_unlike_each_other(tmp_path: Path) -> None:
    model = build(
        [node("Sub", ["a", "b"], ["y"])],
        [value("a", shape=["N", 2]), value("b", shape=["M", 2])],
        [value("y", shape=["N", 2])],
    )
    facts = inspect(tmp_path, model)
    assert facts.data.sample == {"a": [[0.1, 0.2]], "b": [[0.4, 0.5]]}
    assert facts.data.structure == {"a": "(1,2)", "b": "(1,2)"}


def test_an_index_beyond_the_table_is_not_chosen(tmp_path: Path) -> None:
    model = build(
        [node("Gather", ["table", "ids"], ["y"])],
        [value("ids", "int64", ["batch", "length"])],
        [value("y", shape=None)],
        [weight("table", numbers(1, 3))],
    )
    assert inspect(tmp_path, model).sample_inputs == {"ids": [[0]]}


def test_a_length_that_must_be_the_sequence_s(tmp_path: Path) -> None:
    model = build(
        [
            node("Shape", ["x"], ["shape"]),
            node("Gather", ["shape", "one"], ["length"]),
            node("Sub", ["lengths", "length"], ["zero"]),
            node("Squeeze", ["zero"], ["index"]),
            node("Gather", ["table", "index"], ["row"]),
            node("Add", ["x", "row"], ["y"]),
        ],
        [value("x", shape=[1, 9]), value("lengths", "int64", [1])],
        [value("y", shape=[1, 9])],
        [weight("one", [1], "int64"), weight("table", numbers(1, 9))],
    )
    assert inspect(tmp_path, model).sample_inputs["lengths"] == [9]


@pytest.mark.parametrize("ir", [3, 8])
def test_initializers_listed_as_inputs(tmp_path: Path, ir: int) -> None:
    model = linear(ir=ir, opset=13 if ir == 3 else 17)
    model.graph.input.append(value("W", shape=[4, 3]))
    if ir == 3:
        model.graph.input.append(value("b", shape=[3]))
    facts = inspect(tmp_path, model)
    assert [fact.name for fact in facts.inputs] == ["x"]
    assert facts.constants == (("W", "b") if ir == 3 else ("W",))


def test_optional_inputs(tmp_path: Path) -> None:
    branches = []
    for name, result in (("then", "given"), ("else", "x")):
        steps = [node("Identity" if name == "else" else "OptionalGetElement", [result], [name])]
        if name == "then":
            steps = [node("OptionalGetElement", ["more"], ["then"])]
        branches.append(build(steps, [], [value(name, shape=["N", 2])]).graph)
    model = build(
        [
            node("OptionalHasElement", ["more"], ["has"]),
            node("If", ["has"], ["extra"], then_branch=branches[0], else_branch=branches[1]),
            node("Add", ["x", "extra"], ["y"]),
        ],
        [value("x", shape=["N", 2]), optional("more", "float32", ["N", 2])],
        [value("y", shape=["N", 2])],
        opset=18,
    )
    facts = inspect(tmp_path, model)
    assert [fact.optional for fact in facts.inputs] == [False, True]
    assert list(facts.data.sample) == ["x", "more"]
    assert facts.batching == "rows"
    without = inspect(tmp_path, model, data_sample={"x": [[1, 2]]})
    assert without.prediction.sample == [2.0, 4.0]


def test_a_recurrent_state(tmp_path: Path) -> None:
    model = build(
        [
            node("LSTM", ["x", "W", "R", "", "", "h", "c"], ["y", "hn", "cn"], hidden_size=4),
        ],
        [
            value("x", shape=["time", "batch", 3]),
            value("h", shape=[1, "batch", 4]),
            value("c", shape=[1, "batch", 4]),
        ],
        [value("y"), value("hn", shape=[1, "batch", 4]), value("cn", shape=[1, "batch", 4])],
        [weight("W", numbers(1, 16, 3)), weight("R", numbers(1, 16, 4))],
    )
    facts = inspect(tmp_path, model)
    assert facts.batching == "none"
    assert facts.prediction_outputs == ("y", "hn", "cn")
    assert facts.prediction.structure == {"y": "(1,1,1,4)", "hn": "(1,1,4)", "cn": "(1,1,4)"}


def test_strings_that_an_encoder_knows(tmp_path: Path) -> None:
    model = build(
        [
            node("OneHotEncoder", ["job"], ["j"], domain="ai.onnx.ml", cats_strings=["clerk", "x"]),
            node("OneHotEncoder", ["pet"], ["p"], domain="ai.onnx.ml", cats_strings=["cat"]),
            node("Concat", ["j", "p"], ["y"], axis=2),
        ],
        [value("job", "string", [None, 1]), value("pet", "string", [None, 1])],
        [value("y", shape=None)],
    )
    for encoder in model.graph.node[:2]:
        encoder.attribute.add(name="zeros", type=2, i=0)
    facts = inspect(tmp_path, model)
    assert facts.data.sample == {"job": [["clerk"]], "pet": [["cat"]]}


def test_the_sample_given(tmp_path: Path) -> None:
    facts = inspect(tmp_path, linear(), data_sample=[[5.1, 3, float("inf"), 0.2]])
    assert facts.data.sample == [[5.1, 3, "Infinity", 0.2]]
    assert facts.prediction.sample == ["-Infinity", "NaN", "Infinity"]


def test_an_answer_of_numbers_is_preferred(tmp_path: Path) -> None:
    # 0 / 0 with ones, a number with zeros.
    model = build(
        [
            node("Cast", ["x"], ["f"], to=1),
            node("Sub", ["one", "f"], ["d"]),
            node("Div", ["d", "d"], ["y"]),
        ],
        [value("x", "int64", ["N", 2])],
        [value("y", "float32", ["N", 2])],
        [weight("one", 1)],
    )
    facts = inspect(tmp_path, model)
    assert facts.sample_inputs == {"x": [[0, 0]]}
    assert facts.sample_outputs == {"y": [[1.0, 1.0]]}


def test_a_model_that_only_answers_nan_is_accepted(tmp_path: Path) -> None:
    model = build(
        [node("Sub", ["x", "x"], ["d"]), node("Div", ["d", "d"], ["y"])],
        [value("x", shape=["N", 2])],
        [value("y", shape=["N", 2])],
    )
    facts = inspect(tmp_path, model)
    assert facts.prediction.sample == ["NaN", "NaN"]
    assert facts.batching == "rows"


def test_external_data(tmp_path: Path) -> None:
    import onnx  # noqa: PLC0415

    path = tmp_path / "model.onnx"
    (tmp_path / "weights").mkdir()
    onnx.save_model(
        linear(),
        path,
        save_as_external_data=True,
        location="weights/all.bin",
        size_threshold=0,
    )
    facts = inspect_model(Request(path))
    assert_true_to_runtime(path, facts)
    assert facts.external_data == ("weights/all.bin",)
    assert facts.parameters == 15
    data = tmp_path / "weights" / "all.bin"
    assert facts.size == path.stat().st_size + data.stat().st_size
