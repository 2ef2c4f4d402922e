"""Writes values as literals of Python, YAML, JSON and TOML, which read back as the same values.

A tuple reads back as a list, save in Python. Each raises QuotingError for what its language lacks.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

_LONGEST_SHOWN = 60
_TOML_INT_BITS = 63
_YAML_SIMPLE_KEY = 1000
"""YAML readers take keys up to 1,024 characters without an explicit `?`."""
# Patterns are text: most runs use few of them, and re keeps what it compiled.
_YAML_PLAIN = r"[A-Za-z_/][A-Za-z0-9_./-]*(?: +[A-Za-z0-9_./-]+)*"
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_TOML_BARE_KEY = r"[A-Za-z0-9_-]+"
_PYTHON_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class QuotingError(ValueError):
    """A value that the language cannot carry; the message says why and shows it."""


def shown(value: object) -> str:
    """A value for an error message: its repr, shortened."""
    # Printing an undefined variable raises its own error here, which is the better message.
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def as_text(value: object) -> str:
    """The value, if it is text that UTF-8 can carry."""
    if not isinstance(value, str):
        raise QuotingError(f"expected text, got {type(value).__name__} {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise QuotingError(
            f"half a surrogate pair is no text: {ascii(value)[:_LONGEST_SHOWN]}"
        ) from None
    return value


def escape_unprintable(text: str, escape: Callable[[str], str], keep: str = "") -> str:
    """What cannot be seen is escaped, but for the characters that are to be kept."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else escape(char) for char in text)


def escape_python(char: str) -> str:
    """One character as it is written between quotes."""
    code = ord(char)
    if char in _PYTHON_ESCAPES:
        return _PYTHON_ESCAPES[char]
    return f"\\x{code:02x}" if code < 0x100 else _escape_unicode(char)


def _escape_unicode(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(char: str) -> str:
    return json.dumps(char)[1:-1]


def python_literal(value: object) -> str:
    """As `ruff format` writes it on one line."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        # The quotes that need fewer escapes; double ones where both need as many.
        quote = "'" if as_text(value).count('"') > value.count("'") else '"'
        body = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        return quote + escape_unprintable(body, escape_python) + quote
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        return repr(value).replace("e+", "e") if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, tuple):
        items = ", ".join(python_literal(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, list):
        return f"[{', '.join(python_literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{python_literal(key)}: {python_literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise _no_value(value, "Python")


def yaml_literal(value: object) -> str:
    """A scalar or flow collection, read alike by YAML 1.1 and 1.2."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if re.fullmatch(_YAML_PLAIN, value) and value.lower() not in _YAML_WORDS:
            return str(value)
        return _double_quoted(value)
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[str(value)]
        mantissa, exponent, power = repr(value).partition("e")
        # YAML 1.1 takes a number for text unless it has a point.
        return (mantissa if "." in mantissa else mantissa + ".0") + exponent + power
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(yaml_literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_yaml_key(key)}: {yaml_literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise _no_value(value, "YAML")


def _yaml_key(key: object) -> str:
    if isinstance(key, (list, tuple, dict)):
        raise QuotingError(f"a YAML map's key is to be a scalar, got {shown(key)}")
    text = yaml_literal(key)
    return f"? {text} " if len(text) > _YAML_SIMPLE_KEY else text


def json_literal(value: object, indent: int | None = None) -> str:
    """On one line unless ``indent`` spaces are asked for; safe inside HTML too."""
    _check_json(value)
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return escape_unprintable(text.replace("<", "\\u003c"), _escape_json, keep="\n")


def _check_json(value: object) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        as_text(value)
    elif isinstance(value, int):
        _digits(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise QuotingError(f"JSON has no {value}; spell it as text")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_json(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise QuotingError(f"a JSON object's key is to be text, got {shown(key)}")
            as_text(key)
            _check_json(item)
    else:
        raise _no_value(value, "JSON")


def toml_literal(value: object) -> str:
    """Maps become inline tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _double_quoted(value)
    if isinstance(value, int):
        if value.bit_length() > _TOML_INT_BITS and value != -(2**_TOML_INT_BITS):
            raise QuotingError(f"TOML's integers have 64 bits, got {shown(value)}")
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_literal(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml_key(key)} = {toml_literal(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise _no_value(value, "TOML")


def _toml_key(key: object) -> str:
    text = as_text(key)
    return text if re.fullmatch(_TOML_BARE_KEY, text) else _double_quoted(text)


def _double_quoted(value: str) -> str:
    """A double-quoted string with the escapes that YAML and TOML share."""
    body = as_text(value).replace("\\", "\\\\").replace('"', '\\"')
    body = body.replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escape_unprintable(body, _escape_unicode)}"'


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise QuotingError(
            f"an integer of {value.bit_length():,} bits is too long to write"
        ) from None


def _no_value(value: object, language: str) -> QuotingError:
    return QuotingError(f"{language} has no value for {type(value).__name__} {shown(value)}")
