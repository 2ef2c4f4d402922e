"""Checks that what was rendered is what its name says: Python parses, YAML loads, and so on.

Shell scripts are only checked to be text; their own tools (shellcheck) see more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from builder.errors import RenderError
from builder.render.filekind import file_kind

_LONGEST_LINE = 120
_INSTRUCTIONS = frozenset(
    ["ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"]
    + ["MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"]
)
_HEREDOC = r"<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_.]*)\2"
_DOCKER_DIRECTIVE = r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*?)\s*$"
_MAKE_DIRECTIVE = (
    r"(-?include|sinclude|export|unexport|override|private|undefine|vpath|load|-load"
    r"|ifn?eq|ifn?def|else|endif)\b"
)


class _ParseError(Exception):
    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def verify(destination: str, content: bytes, *, template: str) -> None:
    """Raise RenderError if a rendered file does not parse as what its name says.

    ``template`` is named in the message, with the line of the output.
    """
    try:
        if b"\x00" in content:
            raise _ParseError(
                "NUL, which is no text", content.count(b"\n", 0, content.index(0)) + 1
            )
        check = _CHECKS.get(file_kind(destination) or "")
        if check:
            check(content)
    except _ParseError as error:
        where = f"{destination}:{error.line}" if error.line else destination
        raise RenderError(
            f"{where}: {error} (rendered from {template}){_line_of(content, error.line)}"
        ) from None
    except (RecursionError, MemoryError):
        raise RenderError(
            f"{destination}: nested too deeply to be parsed (rendered from {template})"
        ) from None


def _line_of(content: bytes, line: int | None) -> str:
    lines = content.decode("utf-8", "replace").split("\n")
    if line is None or not 0 < line <= len(lines):
        return ""
    text = lines[line - 1].strip()
    return f"\n    {text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + '…'}"


def _check_python(content: bytes) -> None:
    import warnings  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, "<rendered>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _ParseError(f"not valid Python: {error.msg}", error.lineno) from None
    except ValueError as error:
        raise _ParseError(f"not valid Python: {error}") from None


def _check_yaml(content: bytes) -> None:
    import yaml  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Its events and not its nodes, which take twice as long to make.
        _refuse_double_keys(yaml.parse(content, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise _ParseError(f"not valid YAML: {reason}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _ParseError(f"not valid YAML: {' '.join(str(error).split())}") from None


def _refuse_double_keys(events: Iterable[Any]) -> None:
    """Also refuses what composing nodes of the events would: aliases of nothing, double anchors."""
    from yaml import events as kinds  # noqa: PLC0415

    anchors: dict[str, Any] = {}
    around: list[tuple[dict[str, list[Any]] | None, bool]] = []
    keys: dict[str, list[Any]] | None = None  # of the mapping that is open; a list has none
    at_key = False
    for event in events:
        if isinstance(event, kinds.CollectionEndEvent):
            keys, at_key = around.pop()
            continue
        if not isinstance(event, kinds.NodeEvent):
            anchors.clear()
            continue
        node = event
        if isinstance(event, kinds.AliasEvent):
            if event.anchor not in anchors:
                raise _yaml_error(f"found undefined alias {event.anchor}", event)
            node = anchors[event.anchor]
        elif event.anchor is not None:
            if event.anchor in anchors:
                raise _yaml_error(f"found duplicate anchor {event.anchor}", event)
            anchors[event.anchor] = event
        if keys is not None:
            if at_key and isinstance(node, kinds.ScalarEvent) and node.value != "<<":
                same = keys.setdefault(node.value, [])
                if any(_yaml_tag(node) == _yaml_tag(other) for other in same):
                    raise _yaml_error(f"the key {node.value} twice", event)
                same.append(node)
            at_key = not at_key
        if isinstance(event, kinds.CollectionStartEvent):
            around.append((keys, at_key))
            keys, at_key = {} if isinstance(event, kinds.MappingStartEvent) else None, True


def _yaml_tag(scalar: Any) -> str:
    """What type a scalar is of: 1 and "1" are two keys."""
    from yaml import ScalarNode  # noqa: PLC0415
    from yaml.resolver import Resolver  # noqa: PLC0415

    if scalar.tag not in (None, "!"):
        return str(scalar.tag)
    resolver: Any = Resolver()
    return str(resolver.resolve(ScalarNode, scalar.value, scalar.implicit))


def _yaml_error(reason: str, event: Any) -> _ParseError:
    return _ParseError(f"not valid YAML: {reason}", event.start_mark.line + 1)


def _check_json(content: bytes) -> None:
    import json  # noqa: PLC0415

    try:
        json.loads(
            _text(content), object_pairs_hook=_refuse_double, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise _ParseError(f"not valid JSON: {error.msg}", error.lineno) from None
    except ValueError as error:
        raise _ParseError(f"not valid JSON: {error}") from None


def _refuse_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise _ParseError(f"not valid JSON: the key {double!r} twice")
    return mapping


def _refuse_constant(name: str) -> NoReturn:
    raise _ParseError(f"not valid JSON: {name} is no JSON value")


def _check_toml(content: bytes) -> None:
    import tomllib  # noqa: PLC0415

    try:
        tomllib.loads(_text(content))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else None
        reason = str(error).partition(" (at ")[0]
        raise _ParseError(f"not valid TOML: {reason}", line) from None


def _check_dockerfile(content: bytes) -> None:
    lines = _text(content).split("\n")
    escape = _docker_escape(lines)
    for number, text in _logical_lines(lines, escape):
        word = text.split(None, 1)[0].upper()
        if word not in _INSTRUCTIONS:
            raise _ParseError(f"not a Dockerfile: unknown instruction {word}", number)


def _docker_escape(lines: list[str]) -> str:
    """The character that continues a line; a directive at the top may change it."""
    for line in lines:
        directive = re.match(_DOCKER_DIRECTIVE, line.strip())
        if not directive:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def _logical_lines(lines: Iterable[str], escape: str) -> Iterator[tuple[int, str]]:
    """Instructions with the number of their first line, without comments and heredocs."""
    numbered = iter(enumerate(lines, start=1))
    for number, line in numbered:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        whole = text
        while whole.endswith(escape):
            # Inside an instruction, comments and empty lines are passed over.
            following = next((part.strip() for _, part in numbered if _continues(part)), None)
            whole = whole[: -len(escape)] + (following or "")
            if following is None:
                break
        yield number, whole
        for dash, _, word in _heredocs(whole):
            for _, part in numbered:
                if (part.lstrip("\t") if dash else part) == word:
                    break
            else:
                raise _ParseError(f"not a Dockerfile: the heredoc {word} does not end", number)


def _heredocs(instruction: str) -> list[tuple[str, str, str]]:
    """The heredocs that BuildKit begins: those of three instructions, and none inside a word."""
    if not re.match(r"(ONBUILD\s+)?(RUN|COPY|ADD)\s", instruction, flags=re.IGNORECASE):
        return []
    return re.findall(
        _HEREDOC, re.sub(r'(?<!<)(?<!<-)("(\\.|[^"\\])*"|\'[^\']*\')', "", instruction)
    )


def _continues(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _check_make(content: bytes) -> None:
    """Outside recipes and definitions, a line is a rule, an assignment or a directive."""
    text = _text(content)
    if ".RECIPEPREFIX" in text:
        return
    in_definition = continued = False
    for number, whole in enumerate(text.split("\n"), start=1):
        was_continued, continued = continued, whole.endswith("\\")
        line = re.sub(r"(?<!\\)#.*", "", whole)
        words = line.split()
        if in_definition:
            in_definition = words[:1] != ["endef"]
        elif was_continued or line.startswith("\t") or not words:
            continue
        elif words[0] == "define" or words[:2] in (["override", "define"], ["export", "define"]):
            in_definition = True
        elif not re.search(r"[:=]|\$[({]", line) and not re.match(_MAKE_DIRECTIVE, words[0]):
            raise _ParseError("not a makefile: neither a rule nor an assignment", number)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise _ParseError("not UTF-8", content.count(b"\n", 0, error.start) + 1) from None


_CHECKS: dict[str, Callable[[bytes], None]] = {
    "python": _check_python,
    "yaml": _check_yaml,
    "json": _check_json,
    "toml": _check_toml,
    "dockerfile": _check_dockerfile,
    "make": _check_make,
}
