"""Tensors and their JSON: what a request may carry for a dtype, and what an answer is written as.

JSON has no NaN and no infinities: the strings "NaN", "Infinity" and "-Infinity" stand for them.
Nothing is converted silently: a boolean is no number, 1.0 is no integer, 300 is no uint8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.model import bfloat16
from builder.model.facts import Dimension, Json

Array = NDArray[Any]

DTYPES: dict[str, type[Any]] = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "bfloat16": np.float32,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.bool_,
    "string": np.object_,
}
"""Every dtype that can be served, under the name that infergen shows → numpy's.

bfloat16 is carried by float32 and rounded where ONNX Runtime takes it.
"""

NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class TensorError(ValueError):
    """A value that is no tensor of the wanted dtype; the message says where and why."""


def is_float(dtype: str) -> bool:
    """Whether a dtype of DTYPES is a floating point one."""
    return dtype.startswith(("float", "bfloat"))


def decode(value: Json, dtype: str, shape: Sequence[Dimension] | None = None) -> Array:
    """The tensor that nested lists spell.

    ``shape`` is the declared one: it gives back the axes that a list loses behind an empty one
    ((0, 3) is spelled ``[]``). It is not otherwise enforced. Raises TensorError.
    """
    sizes = _sizes(value)
    leaves: list[Any] = []
    _flatten(value, sizes, "", leaves)
    if 0 in sizes and shape is not None and len(shape) > len(sizes):
        sizes += [size if isinstance(size, int) else 0 for size in shape[len(sizes) :]]
    if is_float(dtype):
        flat = _floats(leaves, dtype)
    elif dtype == "bool":
        flat = np.array(_each(leaves, (bool,), "true or false"), dtype=np.bool_)
    elif dtype == "string":
        flat = np.array(_each(leaves, (str,), "a string"), dtype=np.object_)
    else:
        flat = _integers(leaves, dtype)
    return flat.reshape(sizes)


def encode(array: Array) -> Json:
    """Nested lists that ``decode`` turns back into the same bits (NaN's payload apart)."""
    values = array.tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return spell_not_finite(values)
    return values


def spell_not_finite(value: Json) -> Json:
    """The same nested value with NaN and infinities as strings."""
    if isinstance(value, dict):
        return {key: spell_not_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spell_not_finite(item) for item in value]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _sizes(value: Json) -> list[int]:
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    return sizes


def _flatten(value: Json, sizes: Sequence[int], where: str, leaves: list[Any]) -> None:
    """Collect the leaves, checking that lists of one depth have one length."""
    if not sizes:
        if isinstance(value, list):
            raise TensorError(f"at {where or 'the top'}: a list where others hold a single value")
        leaves.append(value)
        return
    if not isinstance(value, list):
        raise TensorError(f"at {where or 'the top'}: a single value where others hold a list")
    if len(value) != sizes[0]:
        raise TensorError(f"at {where}: {len(value)} values where others hold {sizes[0]}")
    if len(sizes) == 1 and not any(isinstance(item, list) for item in value):
        leaves.extend(value)
        return
    for index, item in enumerate(value):
        _flatten(item, sizes[1:], f"{where}[{index}]", leaves)


def _each(leaves: list[Any], types: tuple[type, ...], wanted: str) -> list[Any]:
    # bool is a subclass of int, so isinstance would let true pass as 1.
    for leaf in leaves:
        if type(leaf) not in types:
            raise TensorError(f"{leaf!r:.80} is not {wanted}")
    return leaves


def _integers(leaves: list[Any], dtype: str) -> Array:
    limits = np.iinfo(dtype)
    for leaf in _each(leaves, (int,), "an integer"):
        if not limits.min <= leaf <= limits.max:
            raise TensorError(f"{leaf} does not fit {dtype} ({limits.min} to {limits.max})")
    return np.array(leaves, dtype=DTYPES[dtype])


def _floats(leaves: list[Any], dtype: str) -> Array:
    numbers = [
        NOT_FINITE[leaf] if isinstance(leaf, str) and leaf in NOT_FINITE else leaf
        for leaf in leaves
    ]
    _each(numbers, (int, float), "a number")
    try:
        wide = np.array([float(number) for number in numbers], dtype=np.float64)
    except OverflowError:
        raise TensorError(f"an integer does not fit {dtype}") from None
    with np.errstate(over="ignore"):
        flat: Array = wide.astype(DTYPES[dtype])
    if dtype == "bfloat16":
        flat = bfloat16.from_bits(bfloat16.to_bits(flat))
    lost = np.isinf(flat) & np.isfinite(wide)
    if lost.any():
        raise TensorError(f"{numbers[int(lost.argmax())]!r} does not fit {dtype}")
    return flat
