"""Finds out by running it how a model takes several items."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from builder.model.facts import Batching, TensorFacts
from builder.model.session import RunError
from builder.model.shapes import plans
from builder.model.tensors import Array

Tensors = Mapping[str, Array]
Run = Callable[[Tensors], Tensors]
"""Every output as a tensor; raises RunError."""

EVERY = 16
SIZES = (*range(2, EVERY + 2), 24, 31, 32, 33, 48, 63, 64)
"""Numbers of items to run at once; beyond the second only within the two bounds below."""

SECONDS = 0.5
MOST_BYTES = 1 << 26
"""Of the tensors that go in and come out of one run."""

SCALES = (1.0, 4.0, 0.25)
"""How far the values of each variant stray, in multiples of the sample's largest."""

NEAR = 0.05
"""Answers this far apart, as a share of the largest, are still the same item's: what dynamic
quantisation does. Farther apart, the rows influence each other and are not items."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How several items may be run, and how many at once at most; 1 unless by rows."""

    batching: Batching
    max_batch: int


def find_batching(run: Run, inputs: Sequence[TensorFacts], sample: Tensors) -> Verified:
    """How several items may be run, verified on the sample, variants of it, and other lengths.

    It holds for sessions with as many threads as the one that ``run`` uses: thread counts change
    bits in some models.
    """
    found = [_on(run, inputs, sample)]
    required = {value.name: sample[value.name] for value in inputs if not value.optional}
    if 0 < len(required) < len(sample) and _answers(run, required) is not None:
        found.append(_on(run, inputs, required))
    if all(verified.batching == "rows" for verified in found):
        longer = _longer(run, inputs, sample)
        if longer is not None:
            found.append(_on(run, inputs, longer))
    order: list[Batching] = ["none", "single", "rows"]
    least = min((verified.batching for verified in found), key=order.index)
    return Verified(least, min(verified.max_batch for verified in found))


def holds_several(run: Run, inputs: Sequence[TensorFacts], sample: Tensors) -> int:
    """How many items a sample holds that was meant to be one; 1 if it is one."""
    counts = {array.shape[0] if array.ndim else 0 for array in sample.values()}
    if len(counts) != 1 or min(counts) < 2 or not all(_free(value) for value in inputs):
        return 1
    first = {name: array[:1] for name, array in sample.items()}
    if _answers(run, first) is None or find_batching(run, inputs, first).batching == "none":
        return 1
    return counts.pop()


def _on(run: Run, inputs: Sequence[TensorFacts], item: Tensors) -> Verified:
    """How the model takes several items of this one's kind."""
    given = [value for value in inputs if value.name in item]
    alone = run(item)
    if not all(array.ndim and array.shape[0] == 1 for array in (*item.values(), *alone.values())):
        return Verified("none", 1)
    free = [value.name for value in given if _free(value)]
    if any(_reused(value, given) for value in given if value.name in free):
        return Verified("none", 1)
    if not free:
        return Verified("single", 1)
    items = [(item, alone), *_variants(run, item, free)]
    size_of_one = sum(array.nbytes for array in (*item.values(), *alone.values()))
    deadline = time.thread_time() + SECONDS
    each, most, alike = 0.0, 1, len(free) == len(given)
    for size in SIZES:
        late = time.thread_time() + size * each > deadline
        if size > SIZES[1] and (late or size * size_of_one > MOST_BYTES):
            break
        started = time.thread_time()
        chosen = [items[(index + size) % len(items)] for index in range(size)]
        together = _answers(run, _joined(item, [tensors for tensors, _ in chosen], free))
        if together is None:
            break
        agreement = _agreement(together, [answer for _, answer in chosen])
        if agreement == "none":
            return Verified("none", 1)
        if agreement == "rows":
            most = size
        elif most > EVERY:
            break  # it is for their number that they differ now, not for what they are
        else:
            alike = False
        each = (time.thread_time() - started) / size
    return Verified("rows", most) if alike and most > 1 else Verified("single", 1)


def _joined(item: Tensors, chosen: Sequence[Tensors], free: Sequence[str]) -> Tensors:
    """The chosen items as one batch; what has no axis of items is as in ``item``."""
    return {
        name: np.concatenate([tensors[name] for tensors in chosen]) if name in free else array
        for name, array in item.items()
    }


def _free(value: TensorFacts) -> bool:
    return value.shape is None or (len(value.shape) > 0 and not isinstance(value.shape[0], int))


def _reused(value: TensorFacts, inputs: Sequence[TensorFacts]) -> bool:
    """Whether the symbol of axis 0 sizes another axis too: then axis 0 does not count items."""
    if value.shape is None or not isinstance(value.shape[0], str):
        return False
    symbol = value.shape[0]
    others = [axis for other in inputs for axis in (other.shape or ())[1:]]
    return any(
        isinstance(axis, str) and (axis == symbol or symbol in re.findall(r"\w+", axis))
        for axis in others
    )


def _answers(run: Run, tensors: Tensors) -> Tensors | None:
    try:
        return run(tensors)
    except RunError:
        return None


def _agreement(together: Tensors, alone: Sequence[Tensors]) -> Batching:
    """rows: each row equals its item's answer to the bit; single: nearly; none: not at all."""
    verdict: Batching = "rows"
    for name, array in together.items():
        if array.ndim == 0 or array.shape[0] != len(alone):
            return "none"
        for index, answer in enumerate(alone):
            row, own = array[index : index + 1], answer[name]
            if same_bits(row, own):
                continue
            if not _near(row, own):
                return "none"
            verdict = "single"
    return verdict


def same_bits(left: Array, right: Array) -> bool:
    """Equal dtype, shape and bits, NaN's included."""
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype == np.object_:
        return bool(left.tolist() == right.tolist())
    return left.tobytes() == right.tobytes()


def _near(left: Array, right: Array) -> bool:
    if left.shape != right.shape or left.dtype.kind != "f":
        return False
    wide, other = left.astype(np.float64), right.astype(np.float64)
    if not np.array_equal(np.isnan(wide), np.isnan(other)):
        return False
    finite = np.isfinite(wide) & np.isfinite(other)
    scale = float(np.abs(wide[finite]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        close = (wide == other) | np.isnan(wide) | (np.abs(wide - other) <= NEAR * scale)
    return bool(close.all())


def _variants(run: Run, item: Tensors, free: Sequence[str]) -> list[tuple[Tensors, Tensors]]:
    """A few items unlike this one that the model takes too, each with its answer."""
    generator = np.random.Generator(np.random.PCG64(7))
    found: list[tuple[Tensors, Tensors]] = []
    for scale in SCALES:
        varied = {
            name: _vary(array, scale, generator) if name in free else array
            for name, array in item.items()
        }
        # Integers and strings may be picky; numbers hardly ever are.
        numbers = {n: varied[n] if a.dtype.kind == "f" else a for n, a in item.items()}
        for candidate in (varied, numbers):
            answer = _answers(run, candidate)
            if answer is not None and all(
                array.ndim and array.shape[0] == 1 for array in answer.values()
            ):
                found.append((candidate, answer))
                break
    return found


def _vary(array: Array, scale: float, generator: np.random.Generator) -> Array:
    if array.dtype.kind == "f":
        spread = float(np.nan_to_num(np.abs(array.astype(np.float64))).max(initial=0.0)) or 1.0
        noise = generator.normal(0.0, 1.0, array.shape) * min(spread, 1e3) * scale
        varied: Array = (array + noise).astype(array.dtype)
        return varied
    if array.dtype == np.bool_:
        return generator.integers(0, 2, array.shape).astype(np.bool_)
    pool = (
        [*dict.fromkeys(array.reshape(-1).tolist()), "a", ""]
        if array.dtype == np.object_
        else [*dict.fromkeys(array.reshape(-1).tolist()), 0, 1]
    )
    picks = generator.integers(0, len(pool), array.size)
    return np.array([pool[pick] for pick in picks], dtype=array.dtype).reshape(array.shape)


def _longer(run: Run, inputs: Sequence[TensorFacts], item: Tensors) -> Tensors | None:
    """The item with its other free axes grown, if there are any and the model takes that."""
    given = [
        value if value.shape is not None else replace(value, shape=(None,) * item[value.name].ndim)
        for value in inputs
        if value.name in item
    ]
    plan = next(plans(given))
    sizes: dict[str, int] = {}
    leading = set()
    for name, axes in plan.axes.items():
        for index, axis in enumerate(axes):
            if isinstance(axis, str):
                sizes.setdefault(axis, item[name].shape[index])
                if index == 0:
                    leading.add(axis)
    grows = [name for name in sizes if name not in leading]
    if not grows:
        return None
    for factor, more in ((2, 1), (2, 0)):
        shapes = plan.shapes({**sizes, **{name: sizes[name] * factor + more for name in grows}})
        if shapes is None:
            continue
        grown = {name: np.resize(array, shapes[name]) for name, array in item.items()}
        if _answers(run, grown) is not None:
            return grown
    return None
