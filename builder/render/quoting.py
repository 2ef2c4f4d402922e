"""Turns values into literals of the language that a template writes.

Every filter takes a value and answers a Quoted, or raises QuotingError if the language cannot carry
the value. A Quoted is the proof that text may be printed as it stands; whatever is done to it
afterwards (slicing, joining, upper case) yields a plain str again and so loses the proof.

``python``, ``yaml``, ``json`` and ``toml`` are literals, which read back as the same value of the
same type. The others carry text: ``shell`` one word, ``make`` a variable's value, ``dockerfile``
one word of LABEL, ENV or ARG; ``comment``, ``docstring``, ``markdown`` and ``html`` prose, the last
also the value of an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from builder.render.literals import (
    QuotingError,
    as_text,
    escape_python,
    escape_unprintable,
    json_literal,
    python_literal,
    shown,
    toml_literal,
    yaml_literal,
)
from builder.render.python_names import python_package, python_version

_MAX_INDENT = 16
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


class Quoted(str):
    """Text that a quoting filter made, or that the template's author wrote."""

    __slots__ = ()


def python(value: object) -> Quoted:
    """A Python literal as `ruff format` writes it on one line."""
    return Quoted(python_literal(value))


def yaml(value: object) -> Quoted:
    """A YAML scalar or flow collection, read alike by YAML 1.1 and 1.2."""
    return Quoted(yaml_literal(value))


def json(value: object, indent: int | None = None) -> Quoted:
    """A JSON value, on one line unless ``indent`` spaces are asked for; safe inside HTML too."""
    # json.dumps would also indent by a text, and so print it.
    if indent is not None and not (type(indent) is int and 0 <= indent <= _MAX_INDENT):
        raise QuotingError(f"indent is to be 0 to {_MAX_INDENT} spaces, got {shown(indent)}")
    return Quoted(json_literal(value, indent))


def toml(value: object) -> Quoted:
    """A TOML value, maps as inline tables."""
    return Quoted(toml_literal(value))


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
    text = as_text(value).replace("\r\n", "\n").replace("\r", "\n")
    text = escape_unprintable(text.replace("\\", "\\\\"), escape_python, keep="\n")
    text = text[:-1] + '\\"' if text.endswith('"') else text
    return Quoted(text.replace('"""', r"\"\"\""))


def markdown(value: object) -> Quoted:
    """One line of text for Markdown prose; not for inside backticks."""
    text = re.sub(_MARKDOWN_SPECIAL, r"\\\g<0>", _one_line(value))
    return Quoted(re.sub(_MARKDOWN_START, r"\1\\\2", text))


def html(value: object) -> Quoted:
    """Text of an element or of a quoted attribute; what HTML cannot carry becomes U+FFFD."""
    text = str(value) if isinstance(value, (int, float)) else as_text(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(_NOT_HTML, "\ufffd", text)
    return Quoted("".join(_HTML_ESCAPES.get(char, char) for char in text))


def dns_label(value: object) -> str:
    """A DNS label (RFC 1123) made from a name: ``iris_svc`` → ``iris-svc``. Not quoted."""
    label = re.sub(r"[^a-z0-9]+", "-", as_text(value).lower()).strip("-")[:63].rstrip("-")
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


def _word(value: object, language: str, *, control: str = _NUL) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    text = as_text(value)
    found = re.search(control, text)
    if found:
        name = {"\n": "a newline", "\x00": "NUL"}.get(found[0], f"the character {found[0]!r}")
        raise QuotingError(f"{language} cannot carry {name}: {shown(value)}")
    return text


def _one_line(value: object) -> str:
    if isinstance(value, (int, float)):
        return str(value)
    printable = "".join(char if char.isprintable() else " " for char in as_text(value))
    return " ".join(printable.split())
