"""What Jinja2's and infergen's filters make of a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from builder.lint.values import (
    INTEGER,
    REFUSED,
    UNKNOWN,
    Mark,
    Print,
    Value,
    either,
    listing,
    quoted,
)
from builder.render.quoting import HELPERS, QUOTING

COUNTS = frozenset({"count", "int", "length", "wordcount"})
SAME_ITEMS = frozenset({"list", "sort", "unique", "reverse", "select", "reject"}) | frozenset(
    {"selectattr", "rejectattr"}
)
ONE_ITEM = frozenset({"first", "last", "max", "min"})
SAME = frozenset({"abs", "indent"})
DEFAULTS = frozenset({"d", "default"})
OF_ATTRIBUTES = frozenset(
    {"groupby", "map", "max", "min", "rejectattr", "selectattr", "sort", "sum", "unique"}
)
"""Filters that take the name of an attribute of the items."""

_TEXTS = frozenset(
    ["capitalize", "center", "e", "escape", "filesizeformat", "float", "forceescape", "format"]
    + ["lower", "pprint", "replace", "round", "string", "striptags", "title", "tojson", "trim"]
    + ["truncate", "upper", "urlencode", "urlize", "wordwrap", "xmlattr"]
)


def filtered(name: str, value: Value, arguments: Sequence[Value], mark: Mark) -> Value:
    """The value of ``value | name(arguments)``; ``mark`` says where it stands.

    ``map`` and ``sum`` by attribute are for the caller, who knows the attribute.
    """
    if name in QUOTING:
        return replace(quoted(frozenset({mark})), paths=value.paths)
    if name in HELPERS or name in _TEXTS:
        return replace(REFUSED, paths=value.paths)
    if name in COUNTS:
        return INTEGER
    if name in SAME:
        return value
    if name in SAME_ITEMS:
        return replace(listing(value.item or UNKNOWN), paths=value.paths)
    if name in ONE_ITEM:
        return value.item or UNKNOWN
    if name in DEFAULTS:
        return either([value, *arguments[:1]])
    if name == "join":
        return _joined(value, arguments)
    if name == "sum":
        return (
            INTEGER if value.item is not None and value.item.printed is Print.INTEGER else UNKNOWN
        )
    return UNKNOWN


def _joined(value: Value, arguments: Sequence[Value]) -> Value:
    together = either([value.item or UNKNOWN, *arguments[:1]])
    printed = Print.QUOTED if together.printed is Print.INTEGER else together.printed
    return Value(printed, together.marks, paths=value.paths | together.paths)
