"""``.infergen/vars.yaml`` in a service: the variables as the user gave them, there to be edited.

What is not in it is a default or comes from the model, and so follows when these change. It is a
variables file like any other, written in one way for the same values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.output import FILE_MODE, OutputFile
from builder.paths import RECORD_FOLDER
from builder.schema import Schema

GIVEN_PATH = f"{RECORD_FOLDER}/vars.yaml"

_HEAD = """\
# What this service is generated from; what is not here is a default, or read from the model.
# Change it, then run `infergen update` on the service's folder.
"""
_FOUND = ("prediction_sample", "model_file_name", "label_file_name")
"""Variables that a model decides, or its file's name in the service, whatever was given."""

_PLAIN = re.compile(r"[A-Za-z_]([\w./ -]*[\w./-])?", re.ASCII)
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
# Not printable for YAML, or a line break to it.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


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
    """YAML of JSON values, mappings in blocks and lists on one line each."""
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
        if isinstance(value, dict) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{_scalar(key)}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
            return value
        return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False))
    if isinstance(value, float):
        # YAML 1.1 takes 1e-05 for text; it wants a dot.
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else repr(value)
    return json.dumps(value)


def _escape(match: re.Match[str]) -> str:
    """A lone surrogate has no UTF-8, so no file holds it, and YAML has no escape for it."""
    code = ord(match[0])
    return "\\uFFFD" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04X}"
