"""Chooses the outputs that make up a prediction, and the labels that name its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.errors import ModelError
from builder.model.classes import Names
from builder.model.facts import Batching, TensorFacts
from builder.model.tensors import Array, is_float
from builder.nearest import did_you_mean


@dataclass(frozen=True, slots=True)
class Choice:
    """The outputs of a prediction, and the labels of its scores if it is a classifier's."""

    outputs: tuple[str, ...]
    labels: tuple[str, ...] | None


def choose(
    outputs: Sequence[TensorFacts],
    tensors: Mapping[str, Array],
    batching: Batching,
    wanted: str | None,
    given: tuple[str, ...] | None,
    own: Sequence[Names],
) -> Choice:
    """What ``/predict`` answers with.

    ``tensors`` is the answer to one item; ``wanted`` the output that the user named; ``given`` the
    labels of the user's file; ``own`` the model's lists of class names. Raises ModelError if a
    name is unknown, or no output fits the labels given.
    """
    names = [fact.name for fact in outputs]
    if wanted is not None and wanted not in names:
        raise ModelError(
            f"prediction_output: the model has no output {wanted!r}"
            f"{did_you_mean(wanted, names, repr) or '.'} "
            f"It has {', '.join(map(repr, names))}."
        )
    candidates = [fact for fact in outputs if wanted is None or fact.name == wanted]
    counts = {
        fact.name: count
        for fact in candidates
        if (count := score_count(fact, tensors[fact.name], batching)) is not None
    }
    if given is not None:
        fitting = [name for name, count in counts.items() if count == len(given)]
        if len(fitting) == 1:
            return Choice((fitting[0],), given)
        raise ModelError(_misfit(len(given), fitting, candidates, tensors))
    for classes in own:
        fitting = [name for name, count in counts.items() if count == len(classes)]
        if len(fitting) == 1:
            return Choice((fitting[0],), tuple(map(str, classes)))
    if wanted is not None:
        return Choice((wanted,), None)
    return Choice(tuple(names), None)


def score_count(fact: TensorFacts, tensor: Array, batching: Batching) -> int | None:
    """How many scores an item has in a float output; None if it is no row of scores."""
    rank = 1 if batching == "none" else 2
    if fact.classes is not None:
        return len(fact.classes) if tensor.shape[0] == 1 else None
    if not is_float(fact.dtype) or tensor.ndim != rank:
        return None
    return int(tensor.shape[-1])


def _misfit(
    labels: int,
    fitting: Sequence[str],
    candidates: Sequence[TensorFacts],
    tensors: Mapping[str, Array],
) -> str:
    if fitting:
        return (
            f"several outputs have {labels} scores, as many as there are labels: "
            f"{', '.join(map(repr, fitting))}. Choose one with prediction_output."
        )
    shapes = ", ".join(
        f"{fact.name!r} {fact.dtype} ({','.join(map(str, tensors[fact.name].shape))})"
        for fact in candidates
    )
    return (
        f"there are {labels} labels, but no output has one row of {labels} scores for an item. "
        f"The model answers {shapes}."
    )
