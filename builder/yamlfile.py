"""Reads YAML safely, and remembers on which line everything stood.

Taken: one UTF-8 document of mappings with text keys, lists and plain scalars. Refused, with the
line: tags, duplicate keys, several documents, dates, alias bombs, anything that is not UTF-8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from builder.errors import YamlError

MAX_BYTES = 64 * 1024 * 1024
MAX_NODES = 1_000_000
"""How many nodes a document may have once its aliases are expanded."""
MAX_DEPTH = 100

_OPENING = "[{-:?"
"""No list or mapping begins without one of these."""

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")
)

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stood, and how it was spelled if it was a scalar.

    ``source`` is the file, where it is another one than the document's own.
    """

    line: int
    text: str | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file's value with the place of each part of it."""

    source: str
    value: Any
    marks: Mapping[KeyPath, Mark] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """``file:line`` of the value at this path, or of the nearest thing around it."""
        while path and path not in self.marks:
            path = path[:-1]
        mark = self.marks.get(path)
        return f"{mark.source or self.source}:{mark.line}" if mark else self.source

    def spelling(self, path: KeyPath) -> str | None:
        """The scalar at this path as the file has it (``3.10``, where the value is 3.1)."""
        mark = self.marks.get(path)
        return mark.text if mark else None


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark. Raises YamlError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise YamlError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; that is no YAML file")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise YamlError(f"{path}: no such file") from None
    except OSError as error:
        raise YamlError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise YamlError(f"{str(path)!r}: cannot be read: {error}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def read_mapping(path: Path) -> Document:
    """Read a file whose root is a mapping. Raises YamlError with file and line."""
    document = parse(read_text(path), str(path))
    if document.value is None:
        raise YamlError(f"{path}: the file is empty; expected a mapping such as `name: sample`")
    if not isinstance(document.value, dict):
        kind = "a list" if isinstance(document.value, list) else "a single value"
        raise YamlError(
            f"{path}:1: expected a mapping such as `name: sample` at the root, got {kind}"
        )
    return document


def parse(text: str, source: str) -> Document:
    """Parse one YAML document. Raises YamlError with ``source`` and line."""
    try:
        _refuse_depth(text, source)
        nodes = []
        for node in yaml.compose_all(text, Loader=_LOADER):
            nodes.append(node)
            if len(nodes) > 1:
                line = node.start_mark.line + 1
                raise YamlError(f"{source}:{line}: a second document; one file holds one document")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        if "nesting depth" in reason:  # newer versions of libyaml have a bound of their own
            raise YamlError(f"{where}: nested more than {MAX_DEPTH} levels deep") from None
        raise YamlError(f"{where}: not valid YAML: {reason}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise YamlError(f"{source}: not valid YAML: {reason}") from None
    except RecursionError:
        raise YamlError(f"{source}: nested too deeply") from None
    if not nodes or nodes[0] is None:
        return Document(source, None)
    try:
        return _build(nodes[0], source)
    except RecursionError:
        raise YamlError(f"{source}: nested too deeply") from None


def _refuse_depth(text: str, source: str) -> None:
    """Deep nesting would overflow the stack of libyaml's composer, which is not caught there."""
    if sum(map(text.count, _OPENING)) <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise YamlError(f"{source}:{line}: nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _build(root: yaml.Node, source: str) -> Document:
    _refuse_bombs(root, source)
    marks: dict[KeyPath, Mark] = {}
    _inspect(root, (), root.start_mark.line + 1, source, marks)
    constructor = yaml.constructor.SafeConstructor()
    try:
        value = constructor.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"{source}:{line}: {error.problem}") from None
    except ValueError as error:
        raise YamlError(f"{source}: a number cannot be read: {error}") from None
    return Document(source, _name_special_floats(value), marks)


def _refuse_bombs(root: yaml.Node, source: str) -> None:
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in open_nodes:
            line = node.start_mark.line + 1
            raise YamlError(f"{source}:{line}: an alias refers to itself")
        if key not in sizes:
            open_nodes.add(key)
            children: list[yaml.Node] = []
            if isinstance(node, yaml.MappingNode):
                children = [part for pair in node.value for part in pair]
            elif isinstance(node, yaml.SequenceNode):
                children = node.value
            sizes[key] = 1 + sum(size(child) for child in children)
            open_nodes.discard(key)
        return sizes[key]

    if size(root) > MAX_NODES:
        raise YamlError(f"{source}: more than {MAX_NODES:,} values once its aliases are expanded")


def _inspect(
    node: yaml.Node, path: KeyPath, line: int, source: str, marks: dict[KeyPath, Mark]
) -> None:
    """Refuse what is not plain data, and note the place of every value."""
    own_line = node.start_mark.line + 1
    if node.tag == _PREFIX + "timestamp":
        raise YamlError(
            f'{source}:{own_line}: {node.value} is read as a date; quote it: "{node.value}"'
        )
    if node.tag not in _PLAIN_TAGS:
        tag = node.tag.replace(_PREFIX, "!!")
        raise YamlError(f"{source}:{own_line}: the tag {tag} is not taken; write plain values")
    marks[path] = Mark(line, node.value if isinstance(node, yaml.ScalarNode) else None)
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _inspect(child, (*path, index), child.start_mark.line + 1, source, marks)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, child in node.value:
            key_line = key.start_mark.line + 1
            if key.tag == _PREFIX + "merge":
                _inspect(child, path, key_line, source, marks)
                continue
            if key.tag != _PREFIX + "str":
                spelled = key.value if isinstance(key, yaml.ScalarNode) else "a collection"
                raise YamlError(
                    f"{source}:{key_line}: the key {spelled} is not text; quote it if it is a name"
                )
            if key.value in seen:
                raise YamlError(
                    f"{source}:{key_line}: {key.value} is given twice, first on line"
                    f" {seen[key.value]}; keep one"
                )
            seen[key.value] = key_line
            _inspect(child, (*path, key.value), key_line, source, marks)


def _name_special_floats(value: Any) -> Any:
    """JSON has no NaN and no infinities; spell them as protobuf's JSON mapping does."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _name_special_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_name_special_floats(item) for item in value]
    return value
