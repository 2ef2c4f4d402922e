"""Fixed, symbolic and unknown dimensions: the sizes that a model runs on are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.model.models import build, identity, node, numbers, value, weight
from tests.model.runtime import inspect


@pytest.mark.parametrize(
    ("shape", "structure", "batching", "sizes"),
    [
        ([], "()", "none", ()),
        ([2], "(2)", "none", (2,)),
        ([1], "(1)", "single", (1,)),
        ([8, 4], "(8,4)", "none", (8, 4)),
        ([0, 3], "(0,3)", "none", (0,)),
        (["n", 0], "(1,0)", "rows", (1, 0)),
        ([None, None], "(1,?)", "rows", (1, 1)),
        (None, "(1,?)", "rows", (1, 1)),
        (["n", "n"], "(n,n)", "none", (1, 1)),
    ],
)
def test_shapes(
    tmp_path: Path, shape: Any, structure: str, batching: str, sizes: tuple[int, ...]
) -> None:
    facts = inspect(tmp_path, identity("float32", shape))
    assert facts.inputs[0].shape == (None if shape is None else tuple(shape))
    assert facts.data.structure == structure
    assert facts.batching == batching
    found: Any = facts.sample_inputs["x"]
    for size in sizes:
        assert len(found) == size
        found = found[0] if found else []


def test_a_symbol_that_is_really_fixed(tmp_path: Path) -> None:
    model = build(
        [node("MatMul", ["x", "W"], ["y"])],
        [value("x", shape=["N", "features"])],
        [value("y", shape=["N", 2])],
        [weight("W", numbers(37, 2))],
    )
    facts = inspect(tmp_path, model)
    assert len(facts.data.sample[0]) == 37
    assert facts.data.structure == "(1,features)"


def test_symbols_that_must_agree(tmp_path: Path) -> None:
    model = build(
        [node("MatMul", ["a", "b"], ["y"]), node("Conv", ["y", "K"], ["z"])],
        [value("a", shape=[1, 1, "rows", "inner"]), value("b", shape=[1, 1, "other", "columns"])],
        [value("z", shape=None)],
        [weight("K", numbers(1, 1, 5, 5))],
    )
    facts = inspect(tmp_path, model)
    a, b = facts.sample_inputs["a"][0][0], facts.sample_inputs["b"][0][0]
    assert len(a) == 5
    assert len(b[0]) == 5
    assert len(a[0]) == len(b)


def test_one_symbol_for_different_sizes(tmp_path: Path) -> None:
    model = build(
        [
            node("MatMul", ["a", "A"], ["p"]),
            node("MatMul", ["b", "B"], ["q"]),
            node("Add", ["p", "q"], ["y"]),
        ],
        [value("a", shape=["N", "F"]), value("b", shape=["N", "F"])],
        [value("y", shape=["N", 2])],
        [weight("A", numbers(3, 2)), weight("B", numbers(5, 2))],
    )
    facts = inspect(tmp_path, model)
    assert [len(facts.sample_inputs[name][0]) for name in "ab"] == [3, 5]


def test_a_symbol_that_is_a_formula(tmp_path: Path) -> None:
    model = build(
        [node("Concat", ["past", "x"], ["all"], axis=1), node("Mul", ["all", "mask"], ["y"])],
        [
            value("x", shape=["batch", "length"]),
            value("past", shape=["batch", "past_length"]),
            value("mask", shape=["batch", "past_length + length"]),
        ],
        [value("y", shape=["batch", "past_length + length"])],
    )
    facts = inspect(tmp_path, model)
    assert {name: len(rows[0]) for name, rows in facts.sample_inputs.items()} == {
        "x": 1,
        "past": 1,
        "mask": 2,
    }
    assert facts.batching == "rows"
    assert isinstance(facts.data.structure, dict)
    assert facts.data.structure["mask"] == "(1,past_length + length)"


def test_a_least_length(tmp_path: Path) -> None:
    model = build(
        [node("Conv", ["x", "K"], ["c"]), node("ReduceMean", ["c"], ["y"], axes=[2], keepdims=0)],
        [value("x", shape=["batch", 1, "samples"])],
        [value("y", shape=["batch", 2])],
        [weight("K", numbers(2, 1, 25))],
    )
    facts = inspect(tmp_path, model)
    assert len(facts.sample_inputs["x"][0][0]) == 25


def test_an_image_of_unknown_size_and_channels(tmp_path: Path) -> None:
    model = build(
        [
            node("Conv", ["x", "K"], ["c"], strides=[2, 2]),
            node("MaxPool", ["c"], ["p"], kernel_shape=[7, 7]),
            node("GlobalAveragePool", ["p"], ["y"]),
        ],
        [value("x", shape=["N", "C", "H", "W"])],
        [value("y", shape=None)],
        [weight("K", numbers(4, 3, 3, 3))],
    )
    facts = inspect(tmp_path, model)
    image = facts.sample_inputs["x"][0]
    assert len(image) == 3
    assert 15 <= len(image[0]) <= 20
    assert 15 <= len(image[0][0]) <= 20


def test_an_unknown_rank_is_found(tmp_path: Path) -> None:
    model = build(
        [node("GlobalAveragePool", ["x"], ["p"]), node("Conv", ["p", "K"], ["y"])],
        [value("x")],
        [value("y")],
        [weight("K", numbers(2, 3, 1, 1))],
    )
    facts = inspect(tmp_path, model)
    assert facts.inputs[0].shape is None
    assert facts.data.structure == "(1,?,?,?)"
    assert facts.prediction.structure == "(1,2,1,1)"
