"""Plain sets have no quoting filters; this sees to it that a value still changes no structure.

Where a value has unusual characters, the template is rendered again with ``_`` in their place. Both
outputs are to have the same structure: the same syntax tree in Python, the same events in YAML, the
same nesting in JSON and TOML; in a Dockerfile, a makefile or a shell script the unusual characters
may stand only where quotes keep them from meaning anything.

What it does not see: what letters, digits and dots do where the template has not quoted them (a
keyword in Python, a number in YAML), and spaces in a Dockerfile, makefile or shell script
(``COPY {{ value }} /app`` with two words); escapes inside a quoted string; files of other kinds. In
shell heredocs it may refuse a value that would do no harm.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from builder.errors import RenderError
from builder.render.filekind import file_kind
from builder.render.literals import shown

_UNUSUAL = re.compile(r"[^\w.]")
_UNUSUAL_IN_LINES = re.compile(r"""[\x00-\x1f\x7f"'$`\\;|&<>#=(){}\[\]*?~!]""")
_NUMBERS = re.compile(r"(?:[\d .,()\[\]+\-eE]|None)+")
_LEXEMES = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?<!\S)#[^\n]*|.""", re.DOTALL)
_DOCKER_DIRECTIVE = re.compile(r"#\s*\w+\s*=")
_MEANT_IN_QUOTES = {
    "dockerfile": {"'": r"\x00-\x1f\x7f", '"': r"\x00-\x1f\x7f$`\\"},
    "shell": {"'": r"\x00-\x1f\x7f", '"': r"\x00-\x1f\x7f$`\\"},
    "make": {"'": r"\x00-\x1f\x7f$#\\", '"': r"\x00-\x1f\x7f$#`\\"},
}
"""The characters that mean something even between such quotes."""


def check_structure(
    text: str,
    variables: Mapping[str, Any],
    render: Callable[[dict[str, Any]], str],
    *,
    destination: str,
    template: str,
) -> None:
    """Raise RenderError, naming the variable, if a value changed the structure of ``text``.

    ``render`` renders the same template with other variables.
    """
    kind = file_kind(destination) or ""
    shape_of = _SHAPES.get(kind)
    if shape_of is None:
        return
    unusual = _UNUSUAL_IN_LINES if kind in _MEANT_IN_QUOTES else _UNUSUAL
    suspects = [name for name, value in variables.items() if _has(value, unusual)]

    def unchanged(names: list[str]) -> bool:
        """Whether the structure is the same with these variables made harmless."""
        others = {
            name: tamed(value, unusual if name in names else None)
            for name, value in variables.items()
        }
        try:
            harmless = render(others)
        except RenderError:
            return False
        return harmless == text or _try(shape_of, harmless) == _try(shape_of, text)

    if not suspects or unchanged(suspects):
        return
    guilty = next((name for name in suspects if not unchanged([name])), suspects[0])
    raise RenderError(
        f"{template}: the value of `{guilty}` would change the structure of {destination}:"
        f" {shown(variables[guilty])}\nThe template prints values as they are; leave out characters"
        f" that mean something there, or quote the value in the template."
    )


class _Harmless(str):
    """Prints harmless text, yet answers every question as the true value does.

    So a template takes the same turns as with the true value, and only what it prints differs.
    """

    true: str
    unusual: re.Pattern[str]

    def __new__(cls, true: str, unusual: re.Pattern[str]) -> _Harmless:
        harmless = super().__new__(cls, unusual.sub("_", true))
        harmless.true = true
        harmless.unusual = unusual
        return harmless


def _answering(name: str) -> Callable[..., Any]:
    method = getattr(str, name)

    def answer(self: _Harmless, *arguments: Any) -> Any:
        true_arguments = (getattr(argument, "true", argument) for argument in arguments)
        return tamed(method(self.true, *true_arguments), self.unusual)

    return answer


for _name in (
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__contains__"),
    *("startswith", "endswith", "find", "rfind", "index", "rindex", "count"),
    *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower"),
    *("isnumeric", "isprintable", "isspace", "istitle", "isupper"),
    *("__getitem__", "split", "rsplit", "splitlines", "partition", "rpartition"),
    *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"),
    *("lower", "upper", "capitalize", "swapcase", "casefold"),
):
    setattr(_Harmless, _name, _answering(_name))


def tamed(value: Any, unusual: re.Pattern[str] | None = None) -> Any:
    """A copy of a value, its strings made harmless if ``unusual`` is given."""
    if isinstance(value, str):
        return _Harmless(value, unusual) if unusual and _has(value, unusual) else value
    if isinstance(value, (list, tuple)):
        return type(value)(tamed(item, unusual) for item in value)
    if isinstance(value, Mapping):
        return {tamed(key, unusual): tamed(item, unusual) for key, item in value.items()}
    return value


def _has(value: Any, unusual: re.Pattern[str]) -> bool:
    """Whether some string in a value has an unusual character and is no literal of numbers."""
    if isinstance(value, str):
        return unusual.search(value) is not None and not _is_numbers(value)
    if isinstance(value, (list, tuple)):
        return any(_has(item, unusual) for item in value)
    if isinstance(value, Mapping):
        return any(_has(key, unusual) or _has(item, unusual) for key, item in value.items())
    return False


def _is_numbers(text: str) -> bool:
    """Whether a text is a literal such as ``(1,4)``, the classic way to write a shape."""
    if not _NUMBERS.fullmatch(text):
        return False
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _try(shape_of: Callable[[str], Any], text: str) -> Any:
    """The shape, or None for what does not parse: verify() tells of it if no value is to blame."""
    try:
        return shape_of(text)
    except (ValueError, SyntaxError, RecursionError):
        return None


def _python_shape(text: str) -> Any:
    import warnings  # noqa: PLC0415

    def shape(node: ast.AST) -> Any:
        return type(node), [shape(child) for child in ast.iter_child_nodes(node)]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Bytes, so that a coding cookie counts as it will for Python.
        return shape(ast.parse(text.encode()))


def _yaml_shape(text: str) -> Any:
    import yaml  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [_yaml_event(event) for event in yaml.parse(text, Loader=loader)]
    except yaml.YAMLError as error:
        raise ValueError from error


def _yaml_event(event: Any) -> Any:
    style = getattr(event, "style", None) or ""
    # What a plain scalar reads as counts too, for a comment in a value cuts it short.
    plain = event.value if hasattr(event, "value") and not style else ""
    named = getattr(event, "anchor", None), getattr(event, "tag", None)
    return type(event), style, named, _UNUSUAL.sub("_", plain).strip("_")


def _json_shape(text: str) -> Any:
    import json  # noqa: PLC0415

    return _nesting(json.loads(text, object_pairs_hook=tuple))


def _toml_shape(text: str) -> Any:
    import tomllib  # noqa: PLC0415

    return _nesting(tomllib.loads(text))


def _nesting(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, [_nesting(item) for item in value.values()]
    if isinstance(value, (list, tuple)):
        return type(value), [_nesting(item) for item in value]
    return type(value)


def _line_shape(kind: str, text: str) -> str:
    """The text without what quotes and comments keep from meaning anything."""

    def meaning(found: re.Match[str]) -> str:
        lexeme = found[0]
        if lexeme[0] == "#" and len(lexeme) > 1:
            directive = kind == "dockerfile" and _DOCKER_DIRECTIVE.match(lexeme)
            return lexeme if directive or lexeme.endswith("\\") else "#"
        if lexeme[0] in "'\"" and len(lexeme) > 1:
            meant = _MEANT_IN_QUOTES[kind][lexeme[0]]
            return lexeme[0] + re.sub(f"[^{meant}]", "", lexeme[1:-1]) + lexeme[0]
        return lexeme

    return _LEXEMES.sub(meaning, text)


_SHAPES: Mapping[str, Callable[[str], Any]] = {
    "python": _python_shape,
    "yaml": _yaml_shape,
    "json": _json_shape,
    "toml": _toml_shape,
    **{kind: partial(_line_shape, kind) for kind in _MEANT_IN_QUOTES},
}
