"""The variables that a set's templates may use: by its schema, or else by its variables files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder import yamlfile
from builder.errors import YamlError
from builder.lint.findings import Finding
from builder.nearest import nearest
from builder.schema import Schema
from builder.schema_check import surely_valid
from builder.template_set import SCHEMA, TemplateSet
from builder.variables import DESCRIBED
from builder.yamlfile import Document

READ_BY_INFERGEN = frozenset(
    {"name", "variant", "model_file_name", "label_file_name", "prediction_output", "postprocess"}
    | {"preprocess", "image", "model", *DESCRIBED}
)
"""Variables that have a meaning even if no template uses them."""


def with_given(schema: Schema) -> Schema:
    """The schema with what infergen itself gives the templates of a set with layers."""
    given = {"layers": {"type": "array", "items": {"type": "string"}}}
    return Schema(
        schema.source, {**schema.root, "properties": {**given, **schema.root["properties"]}}
    )


def from_files(documents: Iterable[Document]) -> Schema:
    """For a set that has no schema: the variables that its variables files give it.

    Those that a model fills are known too.
    """
    merged: dict[str, Any] = {name: {} for name in READ_BY_INFERGEN}
    for document in documents:
        for name, value in document.value.items():
            merged[name] = _definition(value) if merged.get(name, {}) == {} else {}
    return Schema("the variables files", {"type": "object", "properties": merged})


def _definition(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _definition(part) for name, part in value.items()},
        }
    if isinstance(value, bool):
        return {"type": "boolean"}
    kinds = {int: "integer", float: "number", str: "string", list: "array"}
    return {"type": kinds[type(value)]} if type(value) in kinds else {}


def sample_files(template_set: TemplateSet) -> list[Path]:
    """The set's variables files, from each of which a service can be generated.

    Those of the set that it extends, if it has none of its own.
    """
    for root in template_set.roots:
        found = dict.fromkeys(
            path
            for pattern in ("vars/*.yaml", "vars/*.yml", "vars.yaml", "vars.yml")
            for path in sorted(root.glob(pattern))
            if path.is_file() and not path.name.startswith("_")
        )
        if found:
            return list(found)
    return []


def unused_variables(
    template_set: TemplateSet, schema: Schema, used: set[str], documents: Sequence[Document]
) -> Iterator[Finding]:
    """Variables that no template uses, at the place where the set says that there are such.

    Those of a set that it extends are for that one to answer for.
    """
    if template_set.schema_files:
        schema_file = template_set.root / SCHEMA
        text = schema_file.read_text("utf-8") if schema_file.is_file() else "{}"
        own, lines = json.loads(text), text.splitlines()
        for variable in schema.variables():
            name = variable.name
            if not variable.read_only and _says(own, name) and not _is_used(name, used):
                yield _unused(str(schema_file), _line_of(name, lines), name, used)
        return
    seen: set[str] = set()
    for document in documents:
        for name in _names(document.value):
            if name not in seen and not _is_used(name, used):
                file, line = _place(document, name)
                yield _unused(file, line, name, used)
            seen.add(name)


def _says(definition: Any, name: str) -> bool:
    """Whether a schema, which may be laid over another, says something of a variable."""
    for part in name.split("."):
        if "$ref" in definition:
            return True
        definition = definition.get("properties", {}).get(part)
        if not isinstance(definition, dict):
            return False
    return True


def _is_used(name: str, used: set[str]) -> bool:
    parts = name.split(".")
    if parts[0] in READ_BY_INFERGEN:
        return True
    return any(".".join(parts[:length]) in used for length in range(1, len(parts) + 1)) or any(
        each.startswith(f"{name}.") for each in used
    )


def _unused(file: str, line: int, name: str, used: set[str]) -> Finding:
    near = nearest(name, used)
    hint = "Use it, or remove it; whoever sets it expects that something happens."
    if near is not None:
        hint += f" (Templates use `{near}`.)"
    return Finding(file, line, "unused-variable", f"no template uses `{name}`", hint)


def _line_of(name: str, lines: Sequence[str]) -> int:
    """The line on which JSON names the last part, below those that name the parts around it."""
    start = 0
    for part in ("properties", *name.split(".")):
        start = next((n for n in range(start, len(lines)) if f'"{part}"' in lines[n]), start)
    return start + 1


def _names(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _names(part, f"{prefix}{name}.")
        else:
            yield prefix + name


def _place(document: Document, name: str) -> tuple[str, int]:
    file, _, line = document.where(tuple(name.split("."))).rpartition(":")
    return file, int(line)


def readable_documents(files: Iterable[Path]) -> list[Document]:
    """The variables files that can be read; what is wrong with others shows when they are used."""
    documents = []
    for file in files:
        with contextlib.suppress(YamlError):
            documents.append(yamlfile.read_mapping(file))
    return documents


def definition_problem(schema: Schema) -> str | None:
    """Why the schema is none, or None."""
    if surely_valid({**schema.root, "required": []}, schemas.defaults(schema)):
        return None
    import jsonschema_rs  # noqa: PLC0415 - only for what is not certain

    try:
        jsonschema_rs.validator_for(dict(schema.root))
    except ValueError as error:
        return str(error)
    return None
