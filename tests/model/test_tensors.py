"""Tensors as JSON: nothing lost, nothing converted silently."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.model.tensors import DTYPES, TensorError, decode, encode

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def values(dtype: str) -> st.SearchStrategy[Any]:
    if dtype == "bfloat16":
        upper_halves = st.integers(0, 0xFFFF).map(lambda bits: np.array(bits << 16, np.uint32))
        return upper_halves.map(lambda bits: bits.view(np.float32).item())
    if dtype.startswith("float"):
        return st.floats(width={"float16": 16, "float32": 32}.get(dtype, 64))  # type: ignore[arg-type]
    if dtype == "bool":
        return st.booleans()
    if dtype == "string":
        return st.text()
    limits = np.iinfo(dtype)
    return st.integers(int(limits.min), int(limits.max))


@given(st.sampled_from(sorted(DTYPES)), SHAPES, st.data())
def test_there_and_back(dtype: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    size = int(np.prod(shape))
    flat = data.draw(st.lists(values(dtype), min_size=size, max_size=size))
    array = np.array(flat, dtype=DTYPES[dtype]).reshape(shape)
    text = json.dumps(encode(array), allow_nan=False)
    again = decode(json.loads(text), dtype, shape)
    assert (again.shape, again.dtype) == (array.shape, array.dtype)
    if "float" in dtype:
        nan = np.isnan(array)
        assert np.array_equal(np.isnan(again), nan)
        assert again[~nan].tobytes() == array[~nan].tobytes()
    else:
        assert again.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (True, "float32", "True is not a number"),
        ("1", "float32", "'1' is not a number"),
        ("nan", "float32", "'nan' is not a number"),
        (None, "float32", "None is not a number"),
        ({}, "float32", "{} is not a number"),
        (1e39, "float32", "1e+39 does not fit float32"),
        (70000, "float16", "70000 does not fit float16"),
        (3.4e38, "bfloat16", "3.4e+38 does not fit bfloat16"),
        (10**400, "float64", "does not fit float64"),
        (1.0, "int64", "1.0 is not an integer"),
        (True, "int64", "True is not an integer"),
        ("NaN", "int64", "'NaN' is not an integer"),
        (300, "uint8", "300 does not fit uint8 (0 to 255)"),
        (-1, "uint64", "-1 does not fit uint64"),
        (2**63, "int64", "does not fit int64"),
        (1, "bool", "1 is not true or false"),
        (1, "string", "1 is not a string"),
        ([[1], [2, 3]], "int64", "at [1]: 2 values where others hold 1"),
        ([[1], 2], "int64", "at [1]: a single value where others hold a list"),
        ([1, [2]], "int64", "at [1]: a list where others hold a single value"),
        ([[], [1]], "int64", "at [1]: 1 values where others hold 0"),
    ],
)
def test_mistakes(value: Any, dtype: str, message: str) -> None:
    with pytest.raises(TensorError) as caught:
        decode(value, dtype)
    assert message in str(caught.value)


def test_the_edges_of_the_ranges() -> None:
    assert decode(2**64 - 1, "uint64").tolist() == 2**64 - 1
    assert decode(-(2**63), "int64").tolist() == -(2**63)
    assert decode(2**53 + 1, "int64").tolist() == 2**53 + 1
    assert decode(65519, "float16").tolist() == 65504.0
    assert decode(3.39e38, "bfloat16").tolist() == float.fromhex("0x1.fep127")
    assert decode(["-Infinity", "NaN", 1], "float32").tolist()[0] == float("-inf")


def test_axes_behind_an_empty_one_come_from_the_declared_shape() -> None:
    assert decode([], "float32", ("n", 3)).shape == (0, 3)
    assert decode([[], []], "float32", ("n", "m", 4)).shape == (2, 0, 4)
    assert decode([], "float32", None).shape == (0,)
