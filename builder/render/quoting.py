"""Turns values into literals of the language that a template writes.

Every filter takes a value and answers a Quoted, or raises QuotingError if the language cannot carry
the value. A Quoted is the proof that text may be printed as it stands; whatever is done to it
afterwards (slicing, joining, upper case) yields a plain str again and so loses the proof.

``python``, ``yaml``, ``json`` and ``toml`` read back as the same value of the same type (a tuple as
a list, save in Python). The others carry text: ``shell`` one word, ``make`` a variable's value,
``dockerfile`` one word of LABEL, ENV or ARG; ``comment``, ``docstring``, ``markdown`` and ``html``
prose, the last also the value of an attribute.
"""

from __future__ import annotations

import json as _json
import math
import re
from collections.abc import Callable, Mapping

from builder.render.python_names import python_package, python_version

_LONGEST_SHOWN = 60
_TOML_INT_BITS = 63
_MAX_INDENT = 16
_YAML_SIMPLE_KEY = 1000
"""YAML readers take keys up to 1,024 characters without an explicit `?`."""
# Patterns are text: most runs use few of them, and re keeps what it compiled.
_SHELL_SAFE = r"[A-Za-z0-9_@%+=:,./-]+"
_CONTROL = r"[\x00-\x1f\x7f]"
_NOT_TAB = r"[\x00-\x08\x0a-\x1f\x7f]"
_NUL = "\x00"
_CODING_COOKIE = r"(coding)([:=])"
_DIRECTIVE = r"!|\w+\s*="
_MARKDOWN_SPECIAL = r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])"
_MARKDOWN_START = r"^(\d*)([#+=.)-])"
_HTML_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_NOT_HTML = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef]|[\ufffe\uffff]"
_YAML_PLAIN = r"[A-Za-z_/][A-Za-z0-9_./-]*(?: +[A-Za-z0-9_./-]+)*"
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_TOML_BARE_KEY = r"[A-Za-z0-9_-]+"
_PYTHON_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class QuotingError(ValueError):
    """A value that the language cannot carry; the message says why and shows it."""


class Quoted(str):
    """Text that a quoting filter made, or that the template's author wrote."""

    __slots__ = ()


def shown(value: object) -> str:
    """A value for an error message: its repr, shortened."""
    # Printing an undefined variable raises its own error here, which is the better message.
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def python(value: object) -> Quoted:
    """A Python literal as `ruff format` writes it on one line."""
    return Quoted(_python(value))


def yaml(value: object) -> Quoted:
    """A YAML scalar or flow collection, read alike by YAML 1.1 and 1.2."""
    return Quoted(_yaml(value))


def json(value: object, indent: int | None = None) -> Quoted:
    """A JSON value, on one line unless ``indent`` spaces are asked for; safe inside HTML too."""
    # json.dumps would also indent by a text, and so print it.
    if indent is not None and not (type(indent) is int and 0 <= indent <= _MAX_INDENT):
        raise QuotingError(f"indent is to be 0 to {_MAX_INDENT} spaces, got {shown(indent)}")
    _check_json(value)
    text = _json.dumps(value, ensure_ascii=False, indent=indent)
    return Quoted(_escape_unprintable(text.replace("<", "\\u003c"), _escape_json, keep="\n"))


def toml(value: object) -> Quoted:
    """A TOML value, maps as inline tables."""
    return Quoted(_toml(value))


def shell(value: object) -> Quoted:
    """One word of a POSIX shell, expanding nothing."""
    text = _word(value, "a shell word")
    if re.fullmatch(_SHELL_SAFE, text):
        return Quoted(text)
    return Quoted("'" + text.replace("'", "'\"'\"'") + "'")


def make(value: object) -> Quoted:
    """The value of a make variable (``NAME := …``), expanding nothing."""
    text = _word(value, "a make variable", control=_NOT_TAB)
    if text.endswith("\\"):
        raise QuotingError(f"a make variable cannot end in a backslash: {shown(value)}")
    escaped = re.sub(r"(\\*)#", r"\1\1\\#", text.replace("$", "$$"))
    # Make strips leading blanks; an expansion to nothing keeps them.
    return Quoted(f"$(){escaped}" if escaped[:1] in (" ", "\t") else escaped)


def dockerfile(value: object) -> Quoted:
    """One double-quoted word for LABEL, ENV or ARG, expanding nothing."""
    text = _word(value, "a Dockerfile", control=_CONTROL)
    return Quoted('"' + re.sub(r'(["\\$])', r"\\\1", text) + '"')


def comment(value: object) -> Quoted:
    """One line of text for after ``#``, which no tool takes for a directive."""
    text = re.sub(r"[\\\s]+\Z", "", _one_line(value))  # a last backslash would join the next line
    text = re.sub(_CODING_COOKIE, r"\1 \2", text)
    return Quoted(f'"{text}"' if re.match(_DIRECTIVE, text) else text)


def docstring(value: object) -> Quoted:
    '''Text for inside """…""", lines kept.'''
    text = _text(value).replace("\r\n", "\n").replace("\r", "\n")
    text = _escape_unprintable(text.replace("\\", "\\\\"), _escape_python, keep="\n")
    text = text[:-1] + '\\"' if text.endswith('"') else text
    return Quoted(text.replace('"""', r"\"\"\""))


def markdown(value: object) -> Quoted:
    """One line of text for Markdown prose; not for inside backticks."""
    text = re.sub(_MARKDOWN_SPECIAL, r"\\\g<0>", _one_line(value))
    return Quoted(re.sub(_MARKDOWN_START, r"\1\\\2", text))


def html(value: object) -> Quoted:
    """Text of an element or of a quoted attribute; what HTML cannot carry becomes U+FFFD."""
    text = str(value) if isinstance(value, (int, float)) else _text(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(_NOT_HTML, "\ufffd", text)
    return Quoted("".join(_HTML_ESCAPES.get(char, char) for char in text))


def dns_label(value: object) -> str:
    """A DNS label (RFC 1123) made from a name: ``iris_svc`` → ``iris-svc``. Not quoted."""
    label = re.sub(r"[^a-z0-9]+", "-", _text(value).lower()).strip("-")[:63].rstrip("-")
    if not label:
        raise QuotingError(f"no DNS label can be made from {shown(value)}")
    return label


QUOTING: Mapping[str, Callable[..., Quoted]] = {
    "python": python,
    "yaml": yaml,
    "json": json,
    "toml": toml,
    "shell": shell,
    "make": make,
    "dockerfile": dockerfile,
    "comment": comment,
    "docstring": docstring,
    "markdown": markdown,
    "html": html,
}
"""The filters whose result may be printed."""

HELPERS: Mapping[str, Callable[..., str]] = {
    "dns_label": dns_label,
    "python_package": python_package,
    "python_version": python_version,
}
"""Filters that answer plain text, to be quoted afterwards."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise QuotingError(f"expected text, got {type(value).__name__} {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise QuotingError(
            f"half a surrogate pair is no text: {ascii(value)[:_LONGEST_SHOWN]}"
        ) from None
    return value


def _word(value: object, language: str, *, control: str = _NUL) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    text = _text(value)
    found = re.search(control, text)
    if found:
        name = {"\n": "a newline", "\x00": "NUL"}.get(found[0], f"the character {found[0]!r}")
        raise QuotingError(f"{language} cannot carry {name}: {shown(value)}")
    return text


def _one_line(value: object) -> str:
    if isinstance(value, (int, float)):
        return str(value)
    printable = "".join(char if char.isprintable() else " " for char in _text(value))
    return " ".join(printable.split())


def _escape_unprintable(text: str, escape: Callable[[str], str], keep: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else escape(char) for char in text)


def _escape_python(char: str) -> str:
    code = ord(char)
    if char in _PYTHON_ESCAPES:
        return _PYTHON_ESCAPES[char]
    return f"\\x{code:02x}" if code < 0x100 else _escape_unicode(char)


def _escape_unicode(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(char: str) -> str:
    return _json.dumps(char)[1:-1]


def _python(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        # The quotes that need fewer escapes; double ones where both need as many.
        quote = "'" if _text(value).count('"') > value.count("'") else '"'
        body = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        return quote + _escape_unprintable(body, _escape_python) + quote
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        return repr(value).replace("e+", "e") if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, tuple):
        items = ", ".join(_python(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, list):
        return f"[{', '.join(_python(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_python(key)}: {_python(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise _no_value(value, "Python")


def _yaml(value: object) -> str:
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
        return f"[{', '.join(_yaml(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_yaml_key(key)}: {_yaml(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise _no_value(value, "YAML")


def _yaml_key(key: object) -> str:
    if isinstance(key, (list, tuple, dict)):
        raise QuotingError(f"a YAML map's key is to be a scalar, got {shown(key)}")
    text = _yaml(key)
    return f"? {text} " if len(text) > _YAML_SIMPLE_KEY else text


def _check_json(value: object) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _text(value)
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
            _text(key)
            _check_json(item)
    else:
        raise _no_value(value, "JSON")


def _toml(value: object) -> str:
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
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise _no_value(value, "TOML")


def _toml_key(key: object) -> str:
    text = _text(key)
    return text if re.fullmatch(_TOML_BARE_KEY, text) else _double_quoted(text)


def _double_quoted(value: str) -> str:
    """A double-quoted string with the escapes that YAML and TOML share."""
    body = _text(value).replace("\\", "\\\\").replace('"', '\\"')
    body = body.replace("\n", "\\n").replace("\t", "\\t")
    return f'"{_escape_unprintable(body, _escape_unicode)}"'


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise QuotingError(
            f"an integer of {value.bit_length():,} bits is too long to write"
        ) from None


def _no_value(value: object, language: str) -> QuotingError:
    return QuotingError(f"{language} has no value for {type(value).__name__} {shown(value)}")
