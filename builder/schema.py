"""A set's JSON Schema: defaults, types, checks and descriptions of variables come from it alone.

What is wrong with values, and in which words, is told by ``builder.mistakes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder import yamlfile
from builder.errors import TemplateSetError
from builder.schema_check import Check, make_check
from builder.yamlfile import KeyPath


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
