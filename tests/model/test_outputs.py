"""What becomes the prediction, and what its scores are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from builder.errors import ModelError
from builder.model.inspect import Request, inspect_model
from tests.model.models import build, classifier, linear, maps, node, save, value, weight
from tests.model.runtime import inspect

FLOWERS = ("setosa", "versicolor", "virginica")


@pytest.mark.parametrize(
    ("key", "zipped", "labels"),
    [
        ("int64", True, ("0", "1", "2")),
        ("string", True, FLOWERS),
        ("int64", False, ("0", "1", "2")),
        ("string", False, FLOWERS),
    ],
)
def test_a_classifier_names_its_classes(
    tmp_path: Path, key: str, zipped: bool, labels: tuple[str, ...]
) -> None:
    facts = inspect(tmp_path, classifier(key, zipped=zipped))
    assert facts.prediction_outputs == ("probabilities",)
    assert facts.labels == labels
    scores = facts.outputs[1]
    assert scores.shape == (None, 3)
    assert scores.dtype == "float32"
    expected = FLOWERS if key == "string" else (0, 1, 2)
    assert scores.classes == (expected if zipped else None)
    assert facts.prediction.structure == "(1,3)"
    assert facts.prediction.sample == facts.sample_outputs["probabilities"][0]


def test_zipped_classes_keep_the_order_of_the_graph(tmp_path: Path) -> None:
    model = build(
        [node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_strings=["z", "a", "m"])],
        [value("x", shape=[None, 3])],
        [maps("y", "string")],
    )
    facts = inspect(tmp_path, model, data_sample=[[1, 2, 3]])
    assert facts.outputs[0].classes == ("z", "a", "m")
    assert facts.prediction.sample == [1.0, 2.0, 3.0]
    assert facts.labels == ("z", "a", "m")
    assert facts.batching == "rows"


def test_zipped_classes_that_the_graph_hides_come_from_the_answer(tmp_path: Path) -> None:
    model = build(
        [node("Zip", ["x"], ["y"], domain="local")], [value("x", shape=[None, 2])], [maps("y")]
    )
    inner = node("ZipMap", ["a"], ["b"], domain="ai.onnx.ml", classlabels_int64s=[7, 5])
    ml = onnx.helper.make_opsetid("ai.onnx.ml", 3)
    model.functions.append(
        onnx.helper.make_function("local", "Zip", ["a"], ["b"], [inner], opset_imports=[ml])
    )
    model.opset_import.append(onnx.helper.make_opsetid("local", 1))
    assert inspect(tmp_path, model).outputs[0].classes == (5, 7)


def test_given_labels_choose_the_output_they_fit(tmp_path: Path) -> None:
    facts = inspect(tmp_path, classifier(), labels=FLOWERS)
    assert facts.prediction_outputs == ("probabilities",)
    assert facts.labels == FLOWERS


def test_given_labels_that_fit_nothing(tmp_path: Path) -> None:
    path = save(tmp_path, classifier())
    with pytest.raises(ModelError, match=r"4 labels, .*'probabilities' float32 \(1,3\)"):
        inspect_model(Request(path, labels=("a", "b", "c", "d")))
    with pytest.raises(ModelError, match=r"3 labels, .*'label' int64 \(1\)"):
        inspect_model(Request(path, labels=FLOWERS, prediction_output="label"))


def test_two_outputs_that_fit_the_labels(tmp_path: Path) -> None:
    model = build(
        [node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["b"])],
        [value("x", shape=["N", 3])],
        [value("a", shape=["N", 3]), value("b", shape=["N", 3])],
    )
    path = save(tmp_path, model)
    with pytest.raises(ModelError, match=r"'a', 'b'\. Choose one with prediction_output"):
        inspect_model(Request(path, labels=FLOWERS))
    facts = inspect_model(Request(path, labels=FLOWERS, prediction_output="b"))
    assert facts.prediction_outputs == ("b",)
    assert facts.labels == FLOWERS
    assert inspect_model(Request(path)).prediction_outputs == ("a", "b")


def test_an_unknown_prediction_output(tmp_path: Path) -> None:
    path = save(tmp_path, classifier())
    with pytest.raises(ModelError, match="no output 'probabilites'; did you mean 'probabilities'"):
        inspect_model(Request(path, prediction_output="probabilites"))


def test_several_outputs_are_all_the_prediction(tmp_path: Path) -> None:
    model = build(
        [node("Neg", ["x"], ["a"]), node("ReduceSum", ["x", "one"], ["b"], keepdims=0)],
        [value("x", shape=["N", 3])],
        [value("a", shape=["N", 3]), value("b", shape=["N"])],
        [weight("one", [1], "int64")],
    )
    facts = inspect(tmp_path, model)
    assert facts.prediction_outputs == ("a", "b")
    assert facts.prediction.dtype == {"a": "float32", "b": "float32"}
    assert facts.prediction.structure == {"a": "(1,3)", "b": "(1)"}
    assert facts.prediction.sample == {name: rows[0] for name, rows in facts.sample_outputs.items()}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("{0: 'cat', 1: \"dog\", 2: 'hen'}", ("cat", "dog", "hen")),
        ('["cat", "dog", "hen"]', ("cat", "dog", "hen")),
        ('{"1": "dog", "0": "cat", "2": "hen"}', ("cat", "dog", "hen")),
        ('["cat", "dog"]', None),
        ("{1: 'cat', 2: 'dog', 3: 'hen'}", None),
        ("__import__('os').getcwd()", None),
        ("[" * 100_000, None),
    ],
)
def test_names_in_the_metadata(tmp_path: Path, text: str, labels: tuple[str, ...] | None) -> None:
    assert inspect(tmp_path, linear(metadata={"names": text})).labels == labels


def test_declared_output_shapes_are_not_believed(tmp_path: Path) -> None:
    model = linear()
    del model.graph.output[:]
    model.graph.output.append(value("y", shape=["batch", "whatever", 17]))
    facts = inspect(tmp_path, model)
    assert facts.outputs[0].shape == ("batch", "whatever", 17)
    assert facts.prediction.structure == "(1,3)"


def test_softmax_and_sigmoid(tmp_path: Path) -> None:
    raw = inspect(tmp_path, linear()).prediction.sample
    scores = np.array(raw, dtype=np.float32)
    soft = inspect(tmp_path, linear(), postprocess="softmax")
    np.testing.assert_allclose(
        soft.prediction.sample, np.exp(scores) / np.exp(scores).sum(), rtol=1e-6
    )
    assert sum(soft.prediction.sample) == pytest.approx(1)
    assert soft.sample_outputs == {"y": [raw]}
    sigmoid = inspect(tmp_path, linear(), postprocess="sigmoid")
    np.testing.assert_allclose(sigmoid.prediction.sample, 1 / (1 + np.exp(-scores)), rtol=1e-6)
    assert sigmoid.prediction.structure == "(1,3)"


def test_softmax_of_great_scores(tmp_path: Path) -> None:
    facts = inspect(
        tmp_path, linear(), data_sample=[[1e30, 2e30, 3e30, -1e30]], postprocess="softmax"
    )
    assert sorted(facts.prediction.sample) == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"prediction_output": "label"}, "output 'label' is int64"),
        ({"prediction_output": None, "labels": None}, None),
    ],
)
def test_postprocessing_needs_scores(
    tmp_path: Path, more: dict[str, Any], message: str | None
) -> None:
    path = save(tmp_path, classifier())
    if message is None:
        assert inspect_model(Request(path, postprocess="softmax", **more)).labels is not None
        return
    with pytest.raises(ModelError, match=message):
        inspect_model(Request(path, postprocess="softmax", **more))


def test_postprocessing_needs_one_output(tmp_path: Path) -> None:
    model = build(
        [node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["b"])],
        [value("x", shape=["N", 3])],
        [value("a", shape=["N", 3]), value("b", shape=["N", 3])],
    )
    with pytest.raises(ModelError, match="works on one output, but the model has 'a', 'b'"):
        inspect_model(Request(save(tmp_path, model), postprocess="softmax"))
