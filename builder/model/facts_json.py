"""ModelFacts as JSON, always in the same order, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from builder.model.facts import Described, ImageFacts, Json, Measured, ModelFacts, TensorFacts


def facts_to_json(facts: ModelFacts) -> dict[str, Json]:
    """A JSON-safe mapping with the facts' fields in their order (samples are not copied)."""
    return _fields(facts)


def tensor_to_json(tensor: TensorFacts) -> dict[str, Json]:
    """One input or output, as ``facts_to_json`` has it."""
    return _fields(tensor)


def measured_to_json(measured: Measured) -> dict[str, Json]:
    """The figures, as ``facts_to_json`` has them."""
    return _fields(measured)


def measured_from_json(value: Json) -> Measured | None:
    """The figures that ``measured_to_json`` wrote; None if it wrote something else."""
    names = {field.name for field in fields(Measured)}
    if not isinstance(value, dict) or value.keys() != names:
        return None
    return Measured(**value)


def facts_from_json(document: Mapping[str, Json]) -> ModelFacts:
    """The facts that ``facts_to_json`` wrote."""
    values: dict[str, Any] = dict(document)
    for key in ("external_data", "locales", "constants", "prediction_outputs"):
        values[key] = tuple(values[key])
    for key in ("inputs", "outputs"):
        values[key] = tuple(_tensor(value) for value in values[key])
    for key in ("data", "prediction"):
        values[key] = Described(**values[key])
    values["measured"] = Measured(**values["measured"])
    values["labels"] = None if values["labels"] is None else tuple(values["labels"])
    if values["image"] is not None:
        image = values["image"]
        values["image"] = ImageFacts(
            **{**image, "mean": tuple(image["mean"]), "std": tuple(image["std"])}
        )
    return ModelFacts(**values)


def _tensor(value: Mapping[str, Any]) -> TensorFacts:
    shape, classes = value["shape"], value["classes"]
    return TensorFacts(
        **{
            **value,
            "shape": None if shape is None else tuple(shape),
            "classes": None if classes is None else tuple(classes),
        }
    )


def _fields(value: Any) -> dict[str, Json]:
    # Not dataclasses.asdict: it copies every number of every sample.
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Json:
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
