"""What is wrong with the values of variables, in words for whoever wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from builder.errors import TemplateSetError
from builder.nearest import did_you_mean
from builder.schema import Schema, defaults, dotted, expected, overlay
from builder.yamlfile import KeyPath

Where = Callable[[KeyPath], str]
"""The place that a value was given at."""
Spelling = Callable[[KeyPath], str | None]
"""How it is written there, if anywhere."""


def mistakes(
    schema: Schema, values: Mapping[str, Any], where: Where, spelling: Spelling, *, complete: bool
) -> list[str]:
    """Everything that is wrong with these values, a line each, in the order of their places.

    ``complete`` asks for the required variables too; else what has a default is filled in first.
    """
    values = dict(values) if complete else overlay(schema, defaults(schema), values)
    if schema.surely_valid(values, complete=complete):
        return []
    import jsonschema_rs  # noqa: PLC0415 - most runs need no more than the above

    try:
        validator = jsonschema_rs.validator_for(schema.judged_by(complete=complete))
    except ValueError as error:
        raise TemplateSetError(f"{schema.source}: not a valid JSON Schema: {error}") from None
    found: list[tuple[tuple[str, int], str]] = []
    for failure in validator.iter_errors(values):
        path = tuple(failure.instance_path)
        for place, message in _explain(schema, values, path, failure.kind, spelling):
            at = where(place)
            source, _, line = at.rpartition(":")
            order = (source, int(line)) if line.isdecimal() else (at, 0)
            found.append((order, f"{at}: {message}"))
    return list(dict.fromkeys(message for _, message in sorted(found)))


def _explain(
    schema: Schema, values: Mapping[str, Any], path: KeyPath, kind: Any, spelling: Spelling
) -> Iterator[tuple[KeyPath, str]]:
    definition = schema.at(path) or {}
    if kind.name == "additionalProperties":
        known = list(schema.properties(definition))
        for name in kind.unexpected:
            hint = did_you_mean(name, known) or f"; known are {', '.join(known)}"
            yield (*path, name), f"unknown variable {dotted((*path, name))}{hint}"
        return
    if kind.name == "required":
        remedy = f"; {definition['x-remedy']}" if "x-remedy" in definition else ""
        yield path, f"{dotted((*path, kind.property))} is missing{remedy}"
        return
    value = _value_at(values, path)
    shown = _show(value)
    written = spelling(path)
    if written is not None and not isinstance(value, str) and written != shown:
        shown += f" (written {written})"
    yield (
        path,
        f"{dotted(path)}: expected {_wanted(definition, kind)}, got {shown}"
        + _quote_hint(definition, value, written),
    )


def _wanted(definition: Mapping[str, Any], kind: Any) -> str:
    if kind.name == "pattern" and "x-expected" not in definition:
        return f"text that matches {kind.pattern}"
    if kind.name in ("minLength", "maxLength"):
        bound = "at least" if kind.name == "minLength" else "at most"
        return f"{bound} {kind.limit} characters"
    if kind.name in ("minItems", "maxItems"):
        bound = "at least" if kind.name == "minItems" else "at most"
        return f"a list of {bound} {kind.limit} items"
    if kind.name == "exclusiveMinimum":
        return f"a number above {kind.limit}"
    if definition:
        return expected(definition)
    return expected(kind.as_dict()) if kind.name == "enum" else str(kind.name)


def _quote_hint(definition: Mapping[str, Any], value: Any, written: str | None) -> str:
    """YAML reads ``no`` as false and ``3.10`` as 3.1; whoever wants text has to quote it."""
    if written is None or isinstance(value, str | list | dict):
        return ""
    enum = definition.get("enum")
    types = definition.get("type", [])
    wants_text = any(isinstance(option, str) for option in enum) if enum else "string" in types
    return f'; quote it to mean the text: "{written}"' if wants_text else ""


def _value_at(values: Any, path: KeyPath) -> Any:
    for key in path:
        values = values[key]
    return values


def _show(value: Any, limit: int = 120) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[:limit] + "…"
