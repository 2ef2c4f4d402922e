"""Tells quickly that values are valid, where that is certain.

Most values are, and jsonschema_rs, the judge of all others, costs a run 20 ms and 8 MB. Certain is
little on purpose: with a keyword that is not known here, a number that a float would round, or a
pattern that Rust may read in another way than Python, it is for the judge to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
"""Whether a value is valid for sure."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MAX_DEPTH = 100
_EXACT = 2**53
"""Whole numbers up to this one are the same as floats."""

_TYPES: Mapping[str, Check] = {
    "null": lambda value: value is None,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "string": lambda value: type(value) is str,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
}
_BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("number", lambda value, bound: value >= bound),
    "maximum": ("number", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("number", lambda value, bound: value > bound),
    "exclusiveMaximum": ("number", lambda value, bound: value < bound),
    "minLength": ("string", lambda value, bound: len(value) >= bound),
    "maxLength": ("string", lambda value, bound: len(value) <= bound),
    "minItems": ("array", lambda value, bound: len(value) >= bound),
    "maxItems": ("array", lambda value, bound: len(value) <= bound),
    "minProperties": ("object", lambda value, bound: len(value) >= bound),
}
"""Keywords that bound values of one type."""
_ANNOTATIONS: Mapping[str, Check] = {
    "$schema": lambda value: value == _DRAFT,
    "default": lambda _: True,
    "description": _TYPES["string"],
    "readOnly": _TYPES["boolean"],
    "title": _TYPES["string"],
    "writeOnly": _TYPES["boolean"],
}
"""Keywords that say nothing of the value, and what is to follow them."""

_CODE = r"\\u(?!d[89a-f])[0-9a-f]{4}"
_CLASS = rf"\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.:/*,%+{{}}]|{_CODE}-{_CODE}|{_CODE})+-?\]"
_PIECE = (
    rf"(?:[A-Za-z0-9_:/ -]|\\\.|{_CLASS}|(?P<group>\)))"
    r"(?P<repeat>[*+?]|\{(?:\d{1,3},)?(?P<most>\d{1,3})\})?"
    r"|[(|^$]"
)
"""A piece of a pattern that means the same everywhere."""
_LONGEST_MATCHED = 256
_MOST_WAYS = 10_000
"""In how many ways a pattern may match from one place on, since Python may try them all."""


class _NotSureError(Exception):
    pass


def surely_valid(schema: Mapping[str, Any], value: Any) -> bool:
    """True only if it is certain that the schema is a valid one, and the value valid by it."""
    return make_check(schema)(value)


def make_check(schema: Mapping[str, Any]) -> Check:
    """``surely_valid`` for this schema, for callers that have many values."""
    try:
        check = _Checks(schema).of(schema) if _is_plain(schema, _MAX_DEPTH) else None
    except (_NotSureError, RecursionError):
        check = None

    def surely(value: Any) -> bool:
        try:
            return check is not None and _is_plain(value, _MAX_DEPTH) and check(value)
        except (_NotSureError, RecursionError):
            return False

    return surely


class _Checks:
    """Makes the check that a definition asks for; raises _NotSureError if it is not known how."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._referred: dict[str, Check] = {}

    def of(self, definition: Any) -> Check:
        if isinstance(definition, bool):
            return lambda _: definition
        if not isinstance(definition, dict):
            raise _NotSureError
        checks = [
            self._of_keyword(keyword, argument, definition)
            for keyword, argument in definition.items()
            if keyword not in _ANNOTATIONS and not keyword.startswith("x-")
        ]
        if not all(_ANNOTATIONS[key](definition[key]) for key in _ANNOTATIONS & definition.keys()):
            raise _NotSureError
        return lambda value: all(check(value) for check in checks)

    def _of_keyword(self, keyword: str, argument: Any, definition: Mapping[str, Any]) -> Check:
        match keyword, argument:
            case "type", str() | [_, *_]:
                return _one_of_types([argument] if isinstance(argument, str) else argument)
            case "enum", list():
                return lambda value: any(_is_same(value, option) for option in argument)
            case "pattern", str():
                return _matches(argument)
            case "anyOf", [_, *_]:
                options = [self.of(option) for option in argument]
                return lambda value: any(option(value) for option in options)
            case "$ref", str():
                return self._referred_to(argument)
            case "$defs", dict() if definition is self._root:
                for name in argument:
                    self._referred_to(f"#/$defs/{name}")
                return lambda _: True
            case "items", _:
                item = self.of(argument)
                return lambda value: type(value) is not list or all(map(item, value))
            case "required", list() if _are_names(argument):
                return lambda value: (
                    type(value) is not dict or all(key in value for key in argument)
                )
            case "properties", dict():
                parts = {name: self.of(part) for name, part in argument.items()}
                return lambda value: (
                    type(value) is not dict
                    or all(part(value[name]) for name, part in parts.items() if name in value)
                )
            case "additionalProperties", _:
                named = definition.get("properties", {})
                other = self.of(argument)
                return lambda value: (
                    type(value) is not dict
                    or all(other(part) for name, part in value.items() if name not in named)
                )
            case _, int() | float() if keyword in _BOUNDS:
                return _bounded(keyword, argument)
        raise _NotSureError

    def _referred_to(self, reference: str) -> Check:
        name = reference.removeprefix("#/$defs/")
        if reference not in self._referred:
            if not re.fullmatch(r"#/\$defs/\w+", reference) or name not in self._root.get(
                "$defs", {}
            ):
                raise _NotSureError
            self._referred[reference] = self.of(self._root["$defs"][name])
        return self._referred[reference]


def _is_plain(value: Any, depth: int) -> bool:
    """Whether everyone means the same by this JSON value."""
    if type(value) is str:
        return value.replace("\n", "").isprintable()
    if type(value) is int:
        return -_EXACT <= value <= _EXACT
    if type(value) is float:
        return math.isfinite(value)
    if depth == 0:
        return False
    if type(value) is list:
        return all(_is_plain(item, depth - 1) for item in value)
    if type(value) is dict:
        return all(
            type(key) is str and _is_plain(key, 0) and _is_plain(item, depth - 1)
            for key, item in value.items()
        )
    return value is None or type(value) is bool


def _is_same(value: Any, option: Any) -> bool:
    return type(value) is type(option) and type(value) not in (list, dict) and value == option


def _are_names(names: list[Any]) -> bool:
    return all(type(name) is str for name in names) and len(set(names)) == len(names)


def _one_of_types(names: list[Any]) -> Check:
    if not _are_names(names) or not _TYPES.keys() >= set(names):
        raise _NotSureError
    types = [_TYPES[name] for name in names]
    return lambda value: any(is_type(value) for is_type in types)


def _bounded(keyword: str, bound: float) -> Check:
    kind, holds = _BOUNDS[keyword]
    if type(bound) is bool or (kind != "number" and (type(bound) is not int or bound < 0)):
        raise _NotSureError
    is_kind = _TYPES[kind]
    return lambda value: not is_kind(value) or holds(value, bound)


def _matches(pattern: str) -> Check:
    if not re.fullmatch(f"(?:{_PIECE})*", pattern):
        raise _NotSureError
    try:
        search = re.compile(pattern).search
    except re.error:
        raise _NotSureError from None
    ways = math.prod(map(_ways, re.finditer(_PIECE, pattern)))
    longest = _LONGEST_MATCHED if ways <= _MOST_WAYS else 0
    return lambda value: (
        type(value) is not str
        or (len(value) <= longest and "\n" not in value and bool(search(value)))
    )


def _ways(piece: re.Match[str]) -> float:
    """In how many ways, at most, the piece of a pattern may match."""
    if piece[0] == "|" or piece["repeat"] == "?":
        return 2
    if piece["repeat"] is None:
        return 1
    if piece["group"]:
        return math.inf
    return int(piece["most"] or _LONGEST_MATCHED)
