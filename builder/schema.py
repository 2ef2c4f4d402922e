"""A set's JSON Schema: defaults, types, checks and descriptions of variables come from it alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder import yamlfile
from builder.errors import TemplateSetError
from builder.nearest import did_you_mean
from builder.schema_check import Check, make_check
from builder.yamlfile import KeyPath

Where = Callable[[KeyPath], str]
Spelling = Callable[[KeyPath], str | None]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable as the schema describes it; ``name`` has dots for what lies in a mapping."""

    name: str
    description: str
    expected: str
    default: Any
    has_default: bool
    read_only: bool
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schema:
    """A set's schema, read but not yet compiled."""

    source: str
    root: Mapping[str, Any]
    _checks: dict[bool, Check] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By whether the required variables are asked for too; made once for all services."""

    def surely_valid(self, values: Mapping[str, Any], *, complete: bool) -> bool:
        """True only if it is certain that these values have no mistakes."""
        if complete not in self._checks:
            self._checks[complete] = make_check(self.judged_by(complete=complete))
        return self._checks[complete](values)

    def judged_by(self, *, complete: bool) -> dict[str, Any]:
        """The JSON Schema that values are to follow, ``complete`` or not."""
        return dict(self.root) if complete else {**self.root, "required": []}

    def resolve(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """A definition with its ``$ref`` into this same file followed."""
        reference = definition.get("$ref")
        if reference is None:
            return definition
        target: Any = self.root
        for part in str(reference).removeprefix("#/").split("/"):
            target = target[part]
        return {**self.resolve(target), **{k: v for k, v in definition.items() if k != "$ref"}}

    def properties(self, definition: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The named parts of a mapping, references followed."""
        owner = self.root if definition is None else definition
        parts = owner.get("properties", {})
        return {name: self.resolve(part) for name, part in parts.items()}

    def at(self, path: KeyPath) -> Mapping[str, Any] | None:
        """The definition of the variable at this path, or None where the schema has none."""
        definition: Mapping[str, Any] = self.root
        for key in path:
            parts = self.properties(definition)
            if isinstance(key, str) and key in parts:
                definition = parts[key]
            elif isinstance(key, int) and "items" in definition:
                definition = self.resolve(definition["items"])
            else:
                return None
        return definition

    def variables(self) -> Iterator[Variable]:
        """Every variable, mappings with named parts spelled out with dots."""
        yield from self._variables(self.root, "")

    def _variables(self, owner: Mapping[str, Any], prefix: str) -> Iterator[Variable]:
        for name, part in self.properties(owner).items():
            if self.properties(part) and not part.get("readOnly", False) and prefix.count(".") < 2:
                yield from self._variables(part, f"{prefix}{name}.")
                continue
            yield Variable(
                name=prefix + name,
                description=part.get("description", ""),
                expected=expected(part),
                default=part.get("default"),
                has_default="default" in part,
                read_only=bool(part.get("readOnly", False)),
                definition=part,
            )


def read_schema(path: Path) -> Schema:
    """Read a set's ``vars/schema.json``. Raises TemplateSetError."""
    try:
        root = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateSetError(f"{path}: not a JSON Schema: {error}") from None
    if not isinstance(root, dict) or not isinstance(root.get("properties"), dict):
        raise TemplateSetError(f"{path}: expected a JSON Schema with properties")
    return Schema(str(path), root)


def read_schemas(paths: Sequence[Path]) -> Schema | None:
    """The schema of a set and of those that it extends, the nearest first; None if none has one.

    Each holds what it adds or changes: definitions are merged by name, null removes one, and any
    other keyword replaces what is below, but for ``required``, which is added up. Raises
    TemplateSetError.
    """
    if not paths:
        return None
    *over, lowest = map(read_schema, paths)
    merged = lowest.root
    for schema in reversed(over):
        required = dict.fromkeys([*merged.get("required", ()), *schema.root.get("required", ())])
        merged = _laid_over(merged, schema.root)
        merged["required"] = [name for name in required if name in merged["properties"]]
    return Schema(str(paths[0]), merged)


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for keyword, value in over.items():
        if keyword in ("properties", "$defs") and isinstance(value, dict):
            parts = dict(merged.get(keyword, {}))
            for name, part in value.items():
                if part is None:
                    parts.pop(name, None)
                elif isinstance(part, dict) and isinstance(parts.get(name), dict):
                    parts[name] = _laid_over(parts[name], part)
                else:
                    parts[name] = part
            merged[keyword] = parts
        else:
            merged[keyword] = value
    return merged


def defaults(schema: Schema, definition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every default that the schema gives, at any depth."""
    values: dict[str, Any] = {}
    for name, part in schema.properties(definition).items():
        if schema.properties(part) and part.get("default") == {}:
            values[name] = defaults(schema, part)
        elif "default" in part:
            values[name] = part["default"]
    return values


def overlay(
    schema: Schema,
    under: Mapping[str, Any],
    over: Mapping[str, Any],
    definition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``over`` laid on ``under``: mappings with parts that the schema names are merged."""
    parts = schema.properties(definition)
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        part = parts.get(key, {})
        if isinstance(value, dict) and isinstance(below, dict) and schema.properties(part):
            merged[key] = overlay(schema, below, value, part)
        else:
            merged[key] = value
    return merged


def without_secrets(
    schema: Schema, values: Mapping[str, Any], definition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Values without those that the schema marks ``writeOnly``: what a record may hold."""
    parts = schema.properties(definition)
    return {
        key: without_secrets(schema, value, parts[key])
        if isinstance(value, dict) and schema.properties(parts.get(key, {}))
        else value
        for key, value in values.items()
        if not parts.get(key, {}).get("writeOnly", False)
    }


def typed(schema: Schema, path: KeyPath, text: str) -> Any:
    """The value that ``--set path=text`` means: text stays text where the schema wants text."""
    definition = schema.at(path)
    if definition is None:
        return yamlfile.parse(text, f"--set {dotted(path)}").value
    types = definition.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    if "enum" in definition:
        if text in definition["enum"]:
            return text
    elif "string" in types:
        return None if "null" in types and text in ("", "null") else text
    value = yamlfile.parse(text, f"--set {dotted(path)}").value
    return text if value is None and text not in ("", "null", "~") else value


def dotted(path: KeyPath) -> str:
    """``resources.limits.cpu`` or ``image.mean[0]``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def expected(definition: Mapping[str, Any]) -> str:
    """In words, what a definition takes; its own words (``x-expected``) where it has them."""
    if "x-expected" in definition:
        return str(definition["x-expected"])
    if "enum" in definition:
        return "one of " + ", ".join(json.dumps(value) for value in definition["enum"])
    if "anyOf" in definition:
        return " or ".join(expected(option) for option in definition["anyOf"])
    words = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
        "null": "null",
    }
    types = definition.get("type", [])
    types = [types] if isinstance(types, str) else list(types)
    phrase = " or ".join(words.get(name, name) for name in types) or "any value"
    if "minimum" in definition and "maximum" in definition:
        phrase += f" from {definition['minimum']} to {definition['maximum']}"
    elif "minimum" in definition:
        phrase += f" from {definition['minimum']}"
    return phrase


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
