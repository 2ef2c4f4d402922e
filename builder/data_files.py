"""The items that a cached service comes with: those beside the variables file, or its sample."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder.errors import VariablesError
from builder.output import FILE_MODE, OutputFile
from builder.paths import check_relative
from builder.schema import Schema
from builder.variables import Given

VARIABLE = "data_source"
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 10_000
_LOCAL = "file://"
_PLACE = "{id}"


def data_files(
    schema: Schema | None,
    layers: Sequence[str],
    given: Given,
    variables: Mapping[str, Any],
    beside: Path,
) -> tuple[OutputFile, ...]:
    """The files of a source that is inside the service, none for any other.

    They are looked for ``beside`` the variables file, at the same path as in the service; where
    nothing is said of a source, it is the sample alone. Raises VariablesError.
    """
    definition = None if schema is None else schema.at((VARIABLE,))
    if definition is None or definition.get("x-layer") not in layers:
        return ()
    source = variables[VARIABLE]
    named = _inside(source["url"])
    if named is None:
        return ()
    where = given.where((VARIABLE, "url"))
    inside = check_relative(named, what=where)
    pattern = source["pattern"] or _usual_pattern(variables)
    if not given.values.get(VARIABLE):
        return (_sample(inside, pattern, variables),)
    found = _found(beside / inside, pattern)
    if not found:
        raise VariablesError(
            [
                f"{where}: no {pattern} in {beside / inside}; put the data there, or name another"
                " place by an absolute URL"
            ]
        )
    total = sum(path.stat().st_size for path in found)
    if total > MOST_BYTES or len(found) > MOST_FILES:
        raise VariablesError(
            [
                f"{where}: {len(found)} files of {total} bytes in {beside / inside} are too many to"
                f" be part of the service ({MOST_FILES} files, {MOST_BYTES} bytes); name the place"
                " by an absolute URL"
            ]
        )
    return tuple(
        OutputFile(check_relative(f"{inside}/{path.name}", what=where), FILE_MODE, path)
        for path in found
    )


def own_items(
    service: Path, variables: Mapping[str, Any], files: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The items among the ``files`` that a service was made with, and those that it has now.

    ``variables`` are what it was made with. Both are empty if its items lie elsewhere.
    """
    source = variables.get(VARIABLE)
    if not isinstance(source, dict):
        return frozenset(), frozenset()
    inside = _inside(str(source.get("url", "")))
    made = frozenset(path for path in files if path.rpartition("/")[0] == inside)
    if inside is None or not made:
        return frozenset(), frozenset()
    pattern = source.get("pattern") or _usual_pattern(variables)
    found = _found(service / inside, str(pattern))
    return made, frozenset(f"{inside}/{path.name}" for path in found)


def _inside(url: str) -> str | None:
    """The folder in a service that a relative URL names; None for any other URL."""
    path = url.removeprefix(_LOCAL)
    return None if path == url or path.startswith("/") else path.rstrip("/")


def with_source_name(
    variables: Mapping[str, Any], files: Sequence[OutputFile]
) -> Mapping[str, Any]:
    """The variables with a name for the data that comes with the service: of its content."""
    if not files or variables[VARIABLE]["name"]:
        return variables
    total = hashlib.sha256()
    for file in files:
        content = file.content if isinstance(file.content, bytes) else file.content.read_bytes()
        total.update(f"{file.path.rpartition('/')[2]} {len(content)}\n".encode() + content)
    named = {**variables[VARIABLE], "name": f"files-{total.hexdigest()[:16]}"}
    return {**variables, VARIABLE: named}


def _usual_pattern(variables: Mapping[str, Any]) -> str:
    return "{id}.png" if variables["preprocess"] == "image" else "{id}.json"


def _found(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        return []
    before, place, behind = pattern.partition(_PLACE)
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and (
            path.name.startswith(before)
            and path.name.endswith(behind)
            and len(path.name) > len(before) + len(behind)
            if place
            else path.name == pattern
        )
    )


def _sample(inside: str, pattern: str, variables: Mapping[str, Any]) -> OutputFile:
    sample = variables["data_sample"]
    if variables["preprocess"] == "image":
        content = base64.b64decode(sample)
    else:
        content = json.dumps({"data": sample}, ensure_ascii=False).encode() + b"\n"
    name = pattern.replace(_PLACE, variables[VARIABLE]["sample_id"])
    return OutputFile(f"{inside}/{name}", FILE_MODE, content)


def with_sample(schema: Schema | None, layers: Sequence[str], given: Given, beside: Path) -> Given:
    """The same; if no sample of the data is given, the file of ``data_source.sample_id`` is it.

    So that what is told of the sample is told of that item. Raises VariablesError.
    """
    definition = None if schema is None else schema.at((VARIABLE,))
    if schema is None or definition is None or definition.get("x-layer") not in layers:
        return given
    if "data_sample" in given.values or not given.values.get(VARIABLE):
        return given
    values = schemas.overlay(schema, schemas.defaults(schema), given.values)
    source = values[VARIABLE]
    pattern = source["pattern"] or _usual_pattern(values)
    folder = _inside(source["url"])
    if folder is None or _PLACE not in pattern:
        return given
    inside = check_relative(folder, what=given.where((VARIABLE, "url")))
    path = beside / inside / pattern.replace(_PLACE, source["sample_id"])
    if not path.is_file():
        return given
    content = path.read_bytes()
    sample = base64.b64encode(content).decode()
    if values["preprocess"] != "image":
        try:
            sample = json.loads(content)
        except ValueError as error:
            raise VariablesError([f"{path}: expected an item as JSON: {error}"]) from None
        if isinstance(sample, dict) and [*sample] == ["data"]:
            sample = sample["data"]
    return given.with_option("data_sample", sample, str(path))
