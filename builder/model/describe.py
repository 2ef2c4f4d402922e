"""Puts what was found into the words of the variables: type, structure and sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builder.errors import ModelError
from builder.model.facts import Batching, Described, Dimension, Json, TensorFacts
from builder.model.image import spell_shape
from builder.model.tensors import Array, encode
from builder.model.transform import sigmoid, softmax


def describe_data(
    inputs: Sequence[TensorFacts],
    tensors: Mapping[str, Array],
    spelled: Mapping[str, Json],
    batching: Batching,
) -> Described:
    """One item as a request carries it: the nested list itself, or a mapping of several."""
    structures = {}
    for fact in inputs:
        axes: tuple[Dimension, ...] | None = fact.shape
        if axes is None:
            axes = (None,) * tensors[fact.name].ndim if fact.name in tensors else None
        if batching != "none" and axes:
            axes = (1, *axes[1:])
        structures[fact.name] = spell_shape(axes)
    if len(inputs) == 1 and inputs[0].name in spelled:
        name = inputs[0].name
        return Described(inputs[0].dtype, structures[name], spelled[name])
    return Described({fact.name: fact.dtype for fact in inputs}, structures, dict(spelled))


def describe_prediction(
    outputs: Sequence[TensorFacts],
    tensors: Mapping[str, Array],
    names: Sequence[str],
    postprocess: str,
    batching: Batching,
) -> Described:
    """The prediction for the sample: structure as the model answers, the sample as one item.

    ``outputs`` are all of the model's, ``names`` those that are predicted from. Raises ModelError
    if the postprocessing does not fit.
    """
    chosen = {name: tensors[name] for name in names}
    dtypes = {fact.name: fact.dtype for fact in outputs if fact.name in names}
    if postprocess != "none":
        if len(names) != 1:
            raise ModelError(
                f"postprocess {postprocess} works on one output, but the model has "
                f"{', '.join(map(repr, names))}. Choose one with prediction_output."
            )
        processed = _processed(names[0], chosen[names[0]], postprocess, batching)
        chosen, dtypes = {names[0]: processed}, {names[0]: processed.dtype.name}
    structures = {name: spell_shape(array.shape) for name, array in chosen.items()}
    samples = {name: encode(array) for name, array in chosen.items()}
    if batching != "none":
        samples = {name: sample[0] for name, sample in samples.items()}
    if len(names) == 1:
        return Described(dtypes[names[0]], structures[names[0]], samples[names[0]])
    return Described(dtypes, structures, samples)


def _dtype(array: Array) -> str:
    return "string" if array.dtype.kind in "OU" else array.dtype.name


def _processed(name: str, scores: Array, postprocess: str, batching: Batching) -> Array:
    if scores.dtype.kind != "f":
        raise ModelError(
            f"postprocess {postprocess} works on numbers with a fraction, but output {name!r} is "
            f"{_dtype(scores)}."
        )
    if postprocess == "sigmoid":
        return sigmoid(scores)
    axes = scores.ndim if batching == "none" else scores.ndim - 1
    if axes < 1 or scores.shape[-1] == 0:
        raise ModelError(
            f"postprocess softmax needs a row of scores, but output {name!r} answers "
            f"{spell_shape(scores.shape)}."
        )
    return softmax(scores)
