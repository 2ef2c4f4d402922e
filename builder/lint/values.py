"""What is known of a value before any template is rendered: whether it may be printed, what it is
made of, and which variables it came from.

Nothing is known for sure of many; these are UNKNOWN, and nothing is said against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from builder.schema import Schema

_JSON_TYPES: Mapping[str, type] = {
    "string": str,
    "array": list,
    "object": dict,
    "integer": int,
    "number": float,
    "boolean": bool,
}
_TRUE_OR_FALSE = (
    *("endswith", "startswith", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit"),
    *("isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper"),
)
_COUNTS = frozenset({"index", "rindex", "count", "find", "rfind", "bit_length"})
_LISTS_OF_TEXT = frozenset({"split", "rsplit", "splitlines"})
_TEXTS = (
    frozenset(dir(str)) - _COUNTS - _LISTS_OF_TEXT - frozenset(dir(dict)) - frozenset(dir(list))
)


class Print(Enum):
    """What ``{{ … }}`` makes of a value."""

    QUOTED = "quoted"
    INTEGER = "integer"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mark:
    """A quoting filter that made (part of) a text, and where it stands."""

    language: str
    template: str
    line: int
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What is known of one value.

    ``definition`` is the schema's; ``paths`` are the variables that it came from; ``item`` is what
    iterating or subscripting gives; ``members`` are the names of an imported template; ``call`` is
    what calling it gives, ``method`` the name of a method.
    """

    printed: Print = Print.UNKNOWN
    marks: frozenset[Mark] = frozenset()
    definition: Mapping[str, Any] | None = None
    paths: frozenset[str] = frozenset()
    item: Value | None = None
    members: Mapping[str, Value] | None = None
    method: str = ""
    call: Callable[..., Value] | None = None
    owner: str = ""
    """How messages call it, for an imported template."""


UNKNOWN = Value()
REFUSED = Value(Print.REFUSED)
INTEGER = Value(Print.INTEGER)
AUTHORED = Value(Print.QUOTED)
"""Text that the template's author wrote."""


def quoted(marks: frozenset[Mark]) -> Value:
    return Value(Print.QUOTED, marks)


def listing(item: Value) -> Value:
    return Value(Print.REFUSED, item=item)


def paths_of(values: Iterable[Value]) -> frozenset[str]:
    """The variables that any of these came from."""
    return frozenset().union(*(value.paths for value in values))


def either(values: list[Value]) -> Value:
    """One of these, and it is not known which."""
    first = values[0]
    if all(value is first for value in values):
        return first
    kinds = {value.printed for value in values}
    if Print.REFUSED in kinds:
        printed = Print.REFUSED
    elif Print.UNKNOWN in kinds:
        printed = Print.UNKNOWN
    else:
        printed = Print.QUOTED if Print.QUOTED in kinds else Print.INTEGER
    items = [value.item for value in values if value.item is not None]
    same = all(value.definition is first.definition for value in values)
    return Value(
        printed,
        frozenset().union(*(value.marks for value in values)),
        definition=first.definition if same else None,
        paths=paths_of(values),
        item=either(items) if items else None,
        members=first.members if all(value.members is first.members for value in values) else None,
    )


def of_definition(schema: Schema, definition: Mapping[str, Any], paths: frozenset[str]) -> Value:
    """A variable, by what the schema says of it."""
    definition = schema.resolve(definition)
    item = definition.get("items")
    return Value(
        _printed(definition),
        definition=definition,
        paths=paths,
        item=of_definition(schema, item, paths) if item else None,
    )


def _printed(definition: Mapping[str, Any]) -> Print:
    """Whole numbers may be printed as they are. What may be one is left to the rendering, since the
    template has probably looked."""
    types = json_types(definition)
    if types == {"integer"}:
        return Print.INTEGER
    return Print.UNKNOWN if "integer" in types else Print.REFUSED


def json_types(definition: Mapping[str, Any]) -> set[str]:
    """The types that a definition names, or that its enum's values have; empty if it is open."""
    types = definition.get("type")
    if isinstance(types, str):
        return {types}
    if isinstance(types, list):
        return set(types)
    if "enum" in definition:
        return {_type_of(value) for value in definition["enum"]}
    return set()


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    return next(
        name for name, kind in reversed(list(_JSON_TYPES.items())) if isinstance(value, kind)
    )


def attribute(schema: Schema, owner: Value, name: str) -> Value | None:
    """``owner.name``, or None if there is certainly no such thing."""
    if owner.members is not None:
        return owner.members.get(name)
    definition = owner.definition
    if definition is None:
        return _method(owner, name)
    parts = schema.properties(definition)
    if name in parts:
        paths = frozenset(f"{path}.{name}" for path in owner.paths)
        return of_definition(schema, parts[name], paths)
    types = json_types(definition) - {"null"}
    classes = [_JSON_TYPES[each] for each in types if each in _JSON_TYPES]
    if not types or len(classes) < len(types) or any(hasattr(each, name) for each in classes):
        return _method(owner, name)
    open_mapping = "object" in types and definition.get("additionalProperties") is not False
    return replace(UNKNOWN, paths=owner.paths) if open_mapping else None


def attribute_names(schema: Schema, owner: Value) -> list[str]:
    """The names that ``owner.`` may be followed by, for a message."""
    if owner.members is not None:
        return list(owner.members)
    return [] if owner.definition is None else list(schema.properties(owner.definition))


def _method(owner: Value, name: str) -> Value:
    if owner.item is not None and not any(hasattr(each, name) for each in (str, list, dict)):
        return replace(owner.item, paths=owner.item.paths | owner.paths)
    return Value(paths=owner.paths, method=name, item=owner.item)


def called_method(value: Value) -> Value:
    """What a method of a text, list or mapping answers, as far as its name tells."""
    name = value.method
    if name in _COUNTS:
        return INTEGER
    if name in _LISTS_OF_TEXT:
        return listing(REFUSED)
    if name in _TRUE_OR_FALSE or name in _TEXTS:
        return REFUSED
    return UNKNOWN
