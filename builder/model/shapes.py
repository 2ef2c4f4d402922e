"""Which sizes the free dimensions of a model's inputs may take together."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product
from math import prod

from builder.model.facts import Dimension, TensorFacts

Sizes = Mapping[str, int]
Shapes = dict[str, tuple[int, ...]]
Formula = Callable[[Sizes], int]

RANKS = (2, 1, 3, 4, 0, 5)
"""Ranks to try, in this order, for an input whose rank the graph leaves open."""

MOST_RANK_PLANS = 42
LONGEST_FORMULA = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """One reading of the graph's free dimensions.

    ``axes`` holds, for each input, a fixed size, the name of a variable or a formula of variables
    for each axis. ``variables`` are in the order in which the inputs name them. ``shared`` says
    that equal symbols are one variable, and formulas hold.
    """

    axes: dict[str, tuple[int | str | Formula, ...]]
    variables: tuple[str, ...]
    shared: bool

    def shapes(self, sizes: Sizes) -> Shapes | None:
        """The inputs' shapes, or None if a formula gives a negative size."""
        shapes = {
            name: tuple(_size(axis, sizes) for axis in axes) for name, axes in self.axes.items()
        }
        if any(size < 0 for shape in shapes.values() for size in shape):
            return None
        return shapes

    def groups(self) -> list[tuple[str, ...]]:
        """Sets of variables that are worth growing together, the likeliest first."""
        leading = {axes[0] for axes in self.axes.values() if axes and isinstance(axes[0], str)}
        groups = [tuple(name for name in self.variables if name not in leading)]
        for axes in self.axes.values():
            free = [axis for axis in axes if isinstance(axis, str)]
            groups.append(tuple(free[-2:]))
        groups.append(self.variables)
        groups.extend((name,) for name in self.variables)
        return [group for group in dict.fromkeys(groups) if group]


def elements(shapes: Shapes) -> int:
    """How many values the inputs hold together."""
    return sum(prod(shape) for shape in shapes.values())


def plans(inputs: Sequence[TensorFacts]) -> Iterator[Plan]:
    """Readings of the inputs' shapes: equal symbols are equal sizes first, then all are free."""
    unknown = sum(value.shape is None for value in inputs)
    # All unknown ranks alike is likelier than any mixture of them.
    alike = ((rank,) * unknown for rank in RANKS)
    mixed = islice(product(RANKS, repeat=unknown), MOST_RANK_PLANS)
    for ranks in dict.fromkeys(chain(alike, mixed)):
        left = iter(ranks)
        shapes = {
            value.name: value.shape if value.shape is not None else (None,) * next(left)
            for value in inputs
        }
        together = _plan(shapes, shared=True)
        yield together
        apart = _plan(shapes, shared=False)
        if len(apart.variables) > len(together.variables):
            yield apart


def _plan(shapes: Mapping[str, tuple[Dimension, ...]], *, shared: bool) -> Plan:
    symbols = {axis for shape in shapes.values() for axis in shape if isinstance(axis, str)}
    axes: dict[str, tuple[int | str | Formula, ...]] = {}
    variables: dict[str, None] = {}
    for name, shape in shapes.items():
        row: list[int | str | Formula] = []
        for index, axis in enumerate(shape):
            formula = formula_of(axis, symbols) if shared and isinstance(axis, str) else None
            if isinstance(axis, int):
                row.append(axis)
            elif formula is not None:
                row.append(formula)
            else:
                variable = axis if shared and axis is not None else f"{name}[{index}]"
                variables[variable] = None
                row.append(variable)
        axes[name] = tuple(row)
    return Plan(axes, tuple(variables), shared)


def _size(axis: int | str | Formula, sizes: Sizes) -> int:
    if isinstance(axis, int):
        return axis
    return sizes[axis] if isinstance(axis, str) else axis(sizes)


def formula_of(text: str, symbols: set[str]) -> Formula | None:
    """What a symbol like ``past_length + length`` computes.

    None if it is a plain symbol, or names anything that is no symbol of its own: then it is just a
    name with odd characters.
    """
    if len(text) > LONGEST_FORMULA:
        return None
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    names = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    if isinstance(body, ast.Name) or not names or not names <= symbols or not _sound(body):
        return None
    return lambda sizes: _evaluate(body, sizes)


def _sound(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        known = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv)
        return known and _sound(node.left) and _sound(node.right)
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return isinstance(node, ast.Name)


def _evaluate(node: ast.expr, sizes: Sizes) -> int:
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    assert isinstance(node, ast.BinOp)
    left, right = _evaluate(node.left, sizes), _evaluate(node.right, sizes)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    return left // right if right else -1
