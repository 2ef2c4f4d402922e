"""``.infergen/vars.yaml`` in a service: the variables as the user gave them, there to be edited.

What is not in it is a default or comes from the model, and so follows when these change. It is a
variables file like any other, written in one way for the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builder.errors import VariablesError
from builder.output import FILE_MODE, OutputFile
from builder.paths import RECORD_FOLDER
from builder.render.literals import QuotingError
from builder.render.quoting import yaml
from builder.schema import Schema

GIVEN_PATH = f"{RECORD_FOLDER}/vars.yaml"

_HEAD = """\
# What this service is generated from; what is not here is a default, or read from the model.
# Change it, then run `infergen update` on the service's folder.
"""
_FOUND = ("prediction_sample", "model_file_name", "label_file_name")
"""Variables that a model decides, or its file's name in the service, whatever was given."""


def given_file(
    schema: Schema | None, given: Mapping[str, Any], variables: Mapping[str, Any]
) -> OutputFile:
    """The file for what was given; ``variables`` are what it was completed to.

    Secrets are left out, and what the model says of itself, which would be out of date as soon as
    the model is replaced.
    """
    kept = dict(given) if schema is None else _without_marked(schema, given)
    for name in _FOUND:
        usual = name in kept or (name != "prediction_sample" and schema is not None)
        if usual and variables.get(name) is not None:
            kept[name] = variables[name]
    return OutputFile(GIVEN_PATH, FILE_MODE, format_given(_in_order(schema, kept)))


def format_given(values: Mapping[str, Any]) -> bytes:
    """YAML of JSON values, mappings in blocks and lists on one line each.

    Raises VariablesError if a value has no YAML, such as half a surrogate pair.
    """
    lines = list(_lines(values, "")) or ["{}"]
    return "".join([_HEAD, *(f"{line}\n" for line in lines)]).encode()


def _without_marked(
    schema: Schema, values: Mapping[str, Any], definition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    parts = schema.properties(definition)
    kept: dict[str, Any] = {}
    for key, value in values.items():
        part = parts.get(key, {})
        if part.get("writeOnly", False) or part.get("readOnly", False):
            continue
        if isinstance(value, dict) and schema.properties(part):
            inner = _without_marked(schema, value, part)
            if inner or not value:
                kept[key] = inner
        else:
            kept[key] = value
    return kept


def _in_order(schema: Schema | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """In the schema's order, so that it does not matter in which one the values were given."""
    if schema is None:
        return dict(values)
    known = [name for name in schema.properties() if name in values]
    return {name: values[name] for name in [*known, *sorted(values.keys() - set(known))]}


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        try:
            if isinstance(value, dict) and value:
                yield f"{indent}{yaml(key)}:"
                yield from _lines(value, f"{indent}  ")
            else:
                yield f"{indent}{yaml(key)}: {yaml(value)}"
        except QuotingError as error:
            raise VariablesError([f"{key}: {error}"]) from None
