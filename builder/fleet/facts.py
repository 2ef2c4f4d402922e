"""From a service's record to what a catalogue tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from builder.fleet.outcome import Facts
from builder.record import Record


def facts_of(record: Record) -> Facts:
    """The facts of a service, by its record. Sets are free to have other variables."""
    variables = record.variables
    model = variables.get("model")
    model = model if isinstance(model, dict) else {}
    measured = model.get("measured")
    measured = measured if isinstance(measured, dict) else {}
    return Facts(
        title=_text(variables.get("title")),
        description=_text(variables.get("description")),
        variant=_text(record.variant),
        set_name=record.set_name,
        set_version=record.set_version,
        version=_text(variables.get("version")),
        model_file=_text(variables.get("model_file_name")),
        model_bytes=_number(model.get("size"), int),
        inputs=_tensors(model.get("inputs")),
        outputs=_tensors(model.get("outputs")),
        milliseconds=_number(measured.get("milliseconds"), (int, float)),
        port=_number(variables.get("port"), int),
    )


def _tensors(tensors: Any) -> tuple[str, ...]:
    if not isinstance(tensors, list):
        return ()
    return tuple(_tensor(tensor) for tensor in tensors if isinstance(tensor, dict))


def _tensor(tensor: Mapping[str, Any]) -> str:
    sizes = tensor.get("shape")
    if sizes is None:
        shape = "any shape"
    else:
        shape = f"({', '.join('?' if size is None else str(size) for size in sizes)})"
    return f"{tensor.get('name', '')} {tensor.get('dtype', '')} {shape}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any, kind: Any) -> Any:
    return value if isinstance(value, kind) and not isinstance(value, bool) else None
