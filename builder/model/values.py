"""What a sample's tensors are filled with: short numbers, the same on every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from builder.model.facts import Json, TensorFacts
from builder.model.shapes import Shapes
from builder.model.tensors import DTYPES, Array, encode, is_float

Filling = float | int | str | bool | tuple[str, ...]
"""One value for every element, or strings to take in turn; the names below stand for more."""

STEPS = "0.1, 0.2, …, 1.0"
"""Float inputs: tells models apart as zeros would not."""

LONGEST = "the longest axis"
"""Integer inputs that give a length."""

REST = "-1, 1, 1, …"
"""Integer inputs that give a shape."""

COUNT = "0, 1, 2, …"
"""Integer inputs that list axes or positions."""

Fillings = dict[str, Filling]
MOST_FILLINGS = 24


def fillings(
    inputs: Sequence[TensorFacts], categories: Sequence[str]
) -> tuple[list[Fillings], list[Fillings]]:
    """Ways to fill the inputs, the likeliest first: those to try on any shape, and further ones.

    Integers are 1 first (a token, a length, a mask that lets pass), then 0 (an index into
    anything). ``categories`` are strings that the model's encoders know, in their order, which is
    mostly that of the columns.
    """
    strings: tuple[Filling, ...] = ("a", "")
    choices: dict[str, tuple[Filling, ...]] = {
        "float": (STEPS, 1.0, 0.0),
        "int": (1, 0, LONGEST, -1, 2, REST, COUNT),
        "bool": (True, False),
        "string": (tuple(categories), *strings) if categories else strings,
    }
    kinds = {value.name: _kind(value.dtype) for value in inputs}
    base: Fillings = {name: choices[kind][0] for name, kind in kinds.items()}

    def instead(names: Sequence[str], filling: Filling) -> Fillings:
        return {**base, **dict.fromkeys(names, filling)}

    common: list[Fillings] = [base]
    rare: list[Fillings] = []
    for kind in ("int", "string", "bool", "float"):
        names = [name for name, its in kinds.items() if its == kind]
        if not names:
            continue
        for place, filling in enumerate(choices[kind][1:], 1):
            target = common if place == 1 and kind != "float" else rare
            target.append(instead(names, filling))
            if len(names) > 1:
                rare.extend(instead([name], filling) for name in names)
    return common, rare[:MOST_FILLINGS]


def fill(inputs: Sequence[TensorFacts], shapes: Shapes, chosen: Fillings) -> dict[str, Array]:
    """The tensors of one sample, in the inputs' order."""
    longest = max((size for shape in shapes.values() for size in shape), default=1)
    feeds: dict[str, Array] = {}
    strings = 0
    for place, value in enumerate(inputs):
        filling, shape = chosen[value.name], shapes[value.name]
        if isinstance(filling, tuple):
            turns = np.arange(strings, strings + prod(shape)) % len(filling)
            strings += prod(shape)
            feeds[value.name] = np.array(filling, dtype=np.object_)[turns].reshape(shape)
        elif filling == STEPS and is_float(value.dtype):
            feeds[value.name] = _steps(shape, place).astype(DTYPES[value.dtype])
        elif _kind(value.dtype) == "int":
            feeds[value.name] = _integers(value.dtype, shape, filling, longest)
        else:
            feeds[value.name] = np.full(shape, filling, dtype=DTYPES[value.dtype])
    return feeds


def spell(feeds: Mapping[str, Array], chosen: Fillings) -> dict[str, Json]:
    """The sample as a person would write it: 0.1, where float32 holds 0.10000000149011612."""
    spelled = {}
    for place, (name, array) in enumerate(feeds.items()):
        steps = chosen[name] == STEPS and array.dtype.kind == "f"
        spelled[name] = _steps(array.shape, place).tolist() if steps else encode(array)
    return spelled


def _kind(dtype: str) -> str:
    if is_float(dtype):
        return "float"
    return dtype if dtype in ("bool", "string") else "int"


def _integers(dtype: str, shape: tuple[int, ...], filling: Filling, longest: int) -> Array:
    if filling == COUNT:
        return np.arange(prod(shape)).astype(DTYPES[dtype]).reshape(shape)
    number = filling if isinstance(filling, int) else {LONGEST: longest}.get(str(filling), 1)
    limits = np.iinfo(dtype)
    tensor: Array = np.full(shape, min(max(number, limits.min), limits.max), dtype=DTYPES[dtype])
    if filling == REST and tensor.size and limits.min < 0:
        tensor.reshape(-1)[0] = -1
    return tensor


def _steps(shape: tuple[int, ...], place: int) -> Array:
    """0.1 to 1.0 round and round, begun elsewhere for each input, so that no two are alike."""
    table = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    return table[(np.arange(prod(shape)) + 3 * place) % len(table)].reshape(shape)
