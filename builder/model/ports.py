"""A model's inputs and outputs: what can be served of them, and answers as plain tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from builder.errors import ModelError
from builder.model.classes import Names, zipmap_classes
from builder.model.facts import Dimension, TensorFacts
from builder.model.graph import Graph, declared_shape
from builder.model.session import Answer, Session
from builder.model.tensors import DTYPES, Array

ELEMENTS = {
    "float16": "float16",
    "float": "float32",
    "double": "float64",
    "bfloat16": "bfloat16",
    "bool": "bool",
    "string": "string",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""ONNX Runtime's name of an element type → ours."""

TENSOR = re.compile(r"tensor\((\w+)\)")
OPTIONAL = re.compile(r"optional\(tensor\((\w+)\)\)")
MAPS = re.compile(r"seq\(map\((?:int64|string),tensor\((\w+)\)\)\)")

SUPPORTED = f"tensors of {', '.join(DTYPES)}"


def input_facts(graph: Graph, session: Session) -> tuple[TensorFacts, ...]:
    """The inputs in the runtime's order. Raises ModelError for one that cannot be served."""
    declared = {value.name: declared_shape(value) for value in graph.inputs}
    facts = []
    for name, kind, shape in session.inputs():
        optional = OPTIONAL.fullmatch(kind)
        found = optional or TENSOR.fullmatch(kind)
        if found is None or found[1] not in ELEMENTS:
            raise ModelError(
                f"{graph.path}: input {name!r} is {kind}, which cannot be served. "
                f"Supported are {SUPPORTED}."
            )
        facts.append(
            TensorFacts(
                name=name,
                dtype=ELEMENTS[found[1]],
                shape=_shape(declared.get(name), shape),
                optional=optional is not None,
            )
        )
    if not facts:
        raise ModelError(f"{graph.path}: the model has no input, so there is nothing to serve.")
    return tuple(facts)


def output_facts(graph: Graph, session: Session) -> tuple[TensorFacts, ...]:
    """The outputs, ``classes`` still open where the graph does not name them.

    Raises ModelError for one that cannot be served.
    """
    declared = {value.name: declared_shape(value) for value in graph.proto.graph.output}
    zipped = zipmap_classes(graph.proto)
    facts = []
    for name, kind, shape in session.outputs():
        maps = MAPS.fullmatch(kind)
        found = maps or TENSOR.fullmatch(kind)
        if found is None or found[1] not in ELEMENTS:
            raise ModelError(
                f"{graph.path}: output {name!r} is {kind}, which cannot be served. "
                f"Supported are {SUPPORTED}, and sequences of maps from classes to numbers."
            )
        facts.append(
            TensorFacts(
                name=name,
                dtype=ELEMENTS[found[1]],
                shape=None if maps else _shape(declared.get(name), shape),
                classes=zipped.get(name, ()) if maps else None,
            )
        )
    return tuple(facts)


def check_together(
    path: object, inputs: Sequence[TensorFacts], outputs: Sequence[TensorFacts]
) -> None:
    """Raises ModelError where bfloat16 stands beside what only numpy and Python can carry.

    numpy has no bfloat16, so such a model runs on tensors of ONNX Runtime's own; and these take no
    strings and give back no maps.
    """
    if all(fact.dtype != "bfloat16" for fact in (*inputs, *outputs)):
        return
    texts = [fact.name for fact in inputs if fact.dtype == "string"]
    maps = [fact.name for fact in outputs if fact.classes is not None]
    if texts or maps:
        kind = "string inputs" if texts else "a sequence of maps"
        raise ModelError(
            f"{path}: has bfloat16 tensors beside {kind} ({', '.join(map(repr, texts or maps))}),"
            " which ONNX Runtime cannot run from Python. Export the model with float32 inputs and"
            " outputs."
        )


def _shape(
    declared: tuple[Dimension, ...] | None, runtime: Sequence[int | str | None]
) -> tuple[Dimension, ...] | None:
    """The graph's shape, with what the runtime inferred where the graph says nothing.

    The runtime's ``[]`` may be a scalar or an unknown rank, so it never overrides the graph.
    """
    if declared is None:
        return tuple(runtime) or None
    if len(declared) != len(runtime):
        return declared
    return tuple(
        mine if isinstance(mine, int) or other is None else other
        for mine, other in zip(declared, runtime, strict=True)
    )


def with_classes(
    path: object, outputs: Sequence[TensorFacts], answer: Answer
) -> tuple[TensorFacts, ...]:
    """The outputs, sequences of maps with their classes and the shape rows x classes."""
    completed = []
    for fact, value in zip(outputs, answer, strict=True):
        if fact.classes is None:
            completed.append(fact)
            continue
        keys = list(value[0]) if value else []
        classes: Names = fact.classes if set(fact.classes) == set(keys) else tuple(keys)
        if not classes or any(set(row) != set(classes) for row in value):
            raise ModelError(
                f"{path}: output {fact.name!r} is a sequence of maps without fixed keys, "
                "which cannot be served as a tensor."
            )
        completed.append(replace(fact, classes=classes, shape=(None, len(classes))))
    return tuple(completed)


def arrays(outputs: Sequence[TensorFacts], answer: Answer) -> dict[str, Array]:
    """Every output as one tensor; a sequence of maps becomes rows x classes."""
    return {
        fact.name: _table(value, fact) if fact.classes is not None else np.asarray(value)
        for fact, value in zip(outputs, answer, strict=True)
    }


def _table(rows: Sequence[Mapping[int | str, float]], fact: TensorFacts) -> Array:
    classes = fact.classes or ()
    values = [[row[name] for name in classes] for row in rows]
    return np.array(values, dtype=DTYPES[fact.dtype]).reshape(len(rows), len(classes))
