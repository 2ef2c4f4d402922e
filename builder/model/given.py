"""Runs a model on the sample that the user gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builder.errors import ModelError
from builder.model.facts import Json, TensorFacts
from builder.model.search import Sample
from builder.model.session import RunError, Session, describe
from builder.model.tensors import TensorError, decode, spell_not_finite
from builder.nearest import did_you_mean


def given_sample(session: Session, inputs: Sequence[TensorFacts], data: Json) -> Sample:
    """The user's item and the model's answer to it.

    ``data`` is the nested list itself for a model with one input, else a mapping of names to such.
    Raises ModelError if it does not fit the inputs, or the model does not run on it.
    """
    values = {inputs[0].name: data} if len(inputs) == 1 else _by_name(inputs, data)
    feeds = {}
    for fact in inputs:
        if fact.name not in values:
            continue
        try:
            feeds[fact.name] = decode(values[fact.name], fact.dtype, fact.shape)
        except TensorError as error:
            raise ModelError(
                f"data_sample: no {fact.dtype} tensor for input {fact.name!r}: {error}."
            ) from None
    try:
        answer = session.run(feeds)
    except RunError as error:
        raise ModelError(
            f"data_sample: the model does not run on {describe(feeds)}: {error}"
        ) from None
    spelled = {name: spell_not_finite(values[name]) for name in feeds}
    return Sample(feeds, spelled, answer)


def _by_name(inputs: Sequence[TensorFacts], data: Json) -> Mapping[str, Json]:
    names = [fact.name for fact in inputs]
    listed = ", ".join(map(repr, names))
    if not isinstance(data, dict):
        raise ModelError(
            f"data_sample: the model has several inputs; give a mapping with {listed}."
        )
    for name in data:
        if name not in names:
            hint = did_you_mean(str(name), names, repr) or "."
            raise ModelError(
                f"data_sample: the model has no input {name!r}{hint} Its inputs are {listed}."
            )
    missing = [fact.name for fact in inputs if fact.name not in data and not fact.optional]
    if missing:
        raise ModelError(f"data_sample: no value for input {', '.join(map(repr, missing))}.")
    return data
