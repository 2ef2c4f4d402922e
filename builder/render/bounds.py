"""What a template may build: guards before the operations that grow text, lists and numbers.

A fence against accidents and plain attacks, together with the time limit; not proof against an
author who looks for a gap in it, who can still waste some hundred megabytes.
"""

from __future__ import annotations

import operator
import re
import types
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

MAX_CHARACTERS = 64 * 1024 * 1024
MAX_ITEMS = 8 * 1024 * 1024
MAX_BITS = 100_000
MAX_WIDTH = 1_000_000
"""The largest number that text may be padded, indented, repeated or rounded by."""

_PADDING_FILTERS = ("batch", "center", "indent", "round", "slice", "tojson", "wordwrap")
_WIDE_PERCENT = r"%[-+ #0.]*(\d{7}|\*)"
_WIDE_BRACES = r"\{[^{}]*\d{7}|\{[^{}]*:[^{}]*\{"


class TooLargeError(Exception):
    """An operation of a template would pass its bound."""


def bounded(value: Any) -> Any:
    """The value itself. Raises TooLargeError if it is a string or list past its bound."""
    if isinstance(value, str):
        check_characters(len(value))
    elif isinstance(value, (list, tuple, bytes)):
        _check_items(len(value))
    return value


def power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        _check_bits(base.bit_length() * max(exponent, 0))
    return base**exponent


def product(left: Any, right: Any) -> Any:
    for repeated, count in ((left, right), (right, left)):
        if isinstance(count, int):
            if isinstance(repeated, str):
                check_characters(len(repeated) * count)
            elif isinstance(repeated, (list, tuple, bytes)):
                _check_items(len(repeated) * count)
            elif isinstance(repeated, int):
                _check_bits(repeated.bit_length() + count.bit_length())
    return left * right


def remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        check_percent(left)
    return bounded(left % right)


def total(left: Any, right: Any) -> Any:
    return bounded(left + right)


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": total,
    "*": product,
    "**": power,
    "%": remainder,
}
"""The operators that can make something large of something small."""


def check_percent(text: str) -> None:
    """Raise TooLargeError if a ``%`` format asks for a huge width, or for one that it is given."""
    _check_format(_WIDE_PERCENT, text)


def check_braces(text: str) -> None:
    """The same for a format of ``str.format``."""
    _check_format(_WIDE_BRACES, text)


def check_call(function: Any, arguments: tuple[Any, ...]) -> None:
    """Raise TooLargeError if a method of a string would build something huge."""
    if not isinstance(function, types.BuiltinMethodType):
        return
    owner = function.__self__
    if isinstance(owner, (str, bytes)):
        if function.__name__ == "replace" and len(arguments) > 1:
            _check_replace(owner, arguments[0], arguments[1])
        elif function.__name__ == "join" and arguments and hasattr(arguments[0], "__len__"):
            check_characters(len(owner) * len(arguments[0]))
        elif function.__name__ == "translate":
            raise TooLargeError("translate() is not for templates; use replace()")
        check_widths(arguments)
    elif isinstance(owner, int):
        check_widths(arguments)


def guarded_filters(filters: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Jinja2's filters, with a guard before those that can build something huge."""
    guarded = dict(filters)
    for name in _PADDING_FILTERS:
        guarded[name] = _before(filters[name], lambda *arguments: check_widths(arguments))
    guarded["format"] = _before(filters["format"], lambda text, *_: check_percent(str(text)))
    guarded["replace"] = _before(
        filters["replace"],
        lambda _context, text, old="", new="", *_: _check_replace(text, old, new),
    )
    return guarded


def _before(function: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    # wraps() also copies the mark by which Jinja2 knows what a filter is passed first.
    @wraps(function)
    def checked(*arguments: Any, **named: Any) -> Any:
        check(*arguments, *named.values())
        return bounded(function(*arguments, **named))

    return checked


def _check_format(wide: str, text: str) -> None:
    if re.search(wide, text):
        raise TooLargeError(f"the format {text[:60]!r} asks for more than {MAX_WIDTH:,} characters")


def _check_replace(text: Any, old: Any, new: Any) -> None:
    found = operator.methodcaller("count", old)(text) if isinstance(text, (str, bytes)) else 0
    check_characters(found * (len(new) if isinstance(new, (str, bytes)) else 0))


def check_widths(arguments: tuple[Any, ...]) -> None:
    for argument in arguments:
        if isinstance(argument, int) and argument > MAX_WIDTH:
            raise TooLargeError(
                f"{argument:,} is too large a number here; {MAX_WIDTH:,} is allowed"
            )


def check_characters(count: int) -> None:
    if count > MAX_CHARACTERS:
        raise TooLargeError(f"a text of more than {MAX_CHARACTERS:,} characters")


def _check_items(count: int) -> None:
    if count > MAX_ITEMS:
        raise TooLargeError(f"a list of more than {MAX_ITEMS:,} items")


def _check_bits(count: int) -> None:
    if count > MAX_BITS:
        raise TooLargeError(f"a number of more than {MAX_BITS:,} bits")
