"""Variables files that share what lies below them: each value keeps the place that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder import yamlfile
from builder.schema import Schema
from builder.yamlfile import Document, KeyPath, Mark


def lay_over(schema: Schema | None, defaults: Sequence[Path], document: Document) -> Document:
    """A document with what the files of ``defaults`` say beneath it, the first lowest.

    Mappings whose parts the schema names are merged, all else is replaced, as ``schema.overlay``
    does it. A file of defaults may be empty. Raises YamlError for one that cannot be read.
    """
    below = Document(document.source, {})
    for over in (*map(read_defaults, defaults), document):
        below = _lay(schema, below, over)
    return below


def read_defaults(file: Path) -> Document:
    """What a file of defaults says; one that has nothing but comments says nothing."""
    document = yamlfile.parse(yamlfile.read_text(file), str(file))
    return Document(str(file), {}) if document.value is None else yamlfile.read_mapping(file)


def _lay(schema: Schema | None, under: Document, over: Document) -> Document:
    merged = schemas.overlay(schema, under.value, over.value) if schema else None
    values = {**under.value, **over.value} if merged is None else merged
    replaced = set(_replaced(schema, under.value, over.value, ()))
    marks = {
        path: mark
        for path, mark in under.marks.items()
        if not any(path[:length] in replaced for length in range(1, len(path) + 1))
    }
    for path, mark in over.marks.items():
        marks[path] = _of(mark, over.source)
    marks.pop((), None)
    return Document(under.source, values, marks)


def _replaced(
    schema: Schema | None, under: Mapping[str, Any], over: Mapping[str, Any], path: KeyPath
) -> list[KeyPath]:
    """The paths below which nothing of ``under`` is left."""
    found: list[KeyPath] = []
    for key, value in over.items():
        below = under.get(key)
        here = (*path, key)
        definition = None if schema is None else schema.at(here)
        if (
            schema is not None
            and definition is not None
            and isinstance(value, dict)
            and isinstance(below, dict)
            and schema.properties(definition)
        ):
            found += _replaced(schema, below, value, here)
        else:
            found.append(here)
    return found


def _of(mark: Mark, source: str) -> Mark:
    return mark if mark.source else replace(mark, source=source)
