"""bfloat16 is rounded and carried as those do it that have it: ONNX Runtime and ml_dtypes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from builder.model.bfloat16 import from_bits, to_bits
from tests.model.models import build, node, value
from tests.model.runtime import inspect

EVERY = np.arange(1 << 16, dtype=np.uint16)


def test_every_number_there_and_back() -> None:
    numbers = from_bits(EVERY)
    nan = np.isnan(numbers)
    assert np.array_equal(
        numbers, EVERY.view(ml_dtypes.bfloat16).astype(np.float32), equal_nan=True
    )
    assert np.array_equal(to_bits(numbers)[~nan], EVERY[~nan])
    assert np.isnan(from_bits(to_bits(numbers)))[nan].all()


@given(st.lists(st.integers(0, 2**32 - 1) | st.sampled_from([0x3F808000, 0x3F818000, 0x7F800001])))
def test_rounding_to_the_nearest_and_half_to_even(bits: list[int]) -> None:
    wide = np.array(bits, dtype=np.uint32).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = wide.astype(ml_dtypes.bfloat16).astype(np.float32)
    assert np.array_equal(from_bits(to_bits(wide)), expected, equal_nan=True)


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 0), (2, 3)])
def test_shapes_are_kept(shape: tuple[int, ...]) -> None:
    numbers = np.full(shape, np.nan, dtype=np.float32)
    assert to_bits(numbers).shape == shape
    again = from_bits(to_bits(numbers))
    assert isinstance(again, np.ndarray)
    assert again.shape == shape
    assert again.dtype == np.float32


@pytest.mark.parametrize("shape", [["n", 3], [2, "n"], [], None, ["n", 0]])
def test_models_of_every_shape(tmp_path: Path, shape: Any) -> None:
    model = build(
        [node("Identity", ["x"], ["y"])],
        [value("x", "bfloat16", shape)],
        [value("y", "bfloat16", shape)],
    )
    facts = inspect(tmp_path, model)
    assert (facts.data.dtype, facts.prediction.dtype) == ("bfloat16", "bfloat16")


def test_a_mixture_of_dtypes(tmp_path: Path) -> None:
    model = build(
        [
            node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
            node("Add", ["wide", "z"], ["sum"]),
            node("Cast", ["sum"], ["y"], to=TensorProto.BFLOAT16),
            node("Cast", ["sum"], ["text"], to=TensorProto.STRING),
        ],
        [value("x", "bfloat16", ["n", 2]), value("z", "float32", ["n", 2])],
        [value("y", "bfloat16", ["n", 2]), value("text", "string", ["n", 2])],
    )
    facts = inspect(tmp_path, model, data_sample={"x": [[1.00390625, "NaN"]], "z": [[0.5, 1]]})
    assert facts.batching == "rows"
    assert facts.prediction.dtype == {"y": "bfloat16", "text": "string"}
    assert facts.prediction.sample == {"y": [1.5, "NaN"], "text": ["1.5", "NaN"]}
