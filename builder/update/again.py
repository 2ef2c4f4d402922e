"""How a service that exists is generated again: from what it holds itself.

What the user gave stands in ``.infergen/vars.yaml``, the model and its labels in ``models/``; all
three may have been edited or replaced. Services of versions that had no such file are asked what
differs from the defaults of their time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder import variables as vars_
from builder import yamlfile
from builder.base import read_base
from builder.errors import YamlError
from builder.generate import Request
from builder.given_file import GIVEN_PATH
from builder.migration import Migration, carry_over, same, without
from builder.mistakes import mistakes
from builder.model.files import FOLDER, digest_and_size
from builder.record import RECORD_PATH, Record, read_record
from builder.schema import Schema
from builder.template_set import TemplateSet
from builder.update.plan import recorded
from builder.update.versions import steps_between
from builder.variables import DESCRIBED, Given, made_from_name
from builder.yamlfile import Document

_BEHIND_FACTS = (
    *(name for name in DESCRIBED if name != "prediction_sample"),
    "preprocess",
    "image",
    "postprocess",
    "prediction_output",
    "model_file_name",
    "label_file_name",
)
"""Variables that decide which facts a model has."""


@dataclass(frozen=True, slots=True)
class Again:
    """What to generate; ``carried`` is what became of variables that changed since, a line each."""

    request: Request
    carried: tuple[str, ...]


def generate_again(
    destination: Path, template_set: TemplateSet, assignments: Sequence[str] = ()
) -> Again:
    """The request that generates an existing service as it is to be now. Raises InfergenError."""
    record = recorded(read_record(destination), destination)
    steps = steps_between(record, template_set, str(destination))
    schema = schemas.read_schemas(template_set.schema_files)
    given, carried = _read_given(destination, record, schema, steps)
    if "name" not in given.values:
        name = record.variables.get("name", destination.name)
        given = replace(given, values={"name": name, **given.values})
    request = Request(
        name=str(given.values["name"]),
        templates=template_set.root,
        path_map=template_set.given_map,
        given=given,
        assignments=tuple(assignments),
        previous=record,
        inside=destination,
    )
    asked = vars_.assign(schema, given, assignments).values
    hold = facts_hold(destination, record, template_set, schema, asked)
    return Again(replace(request, facts_hold=hold), carried)


def _read_given(
    destination: Path, record: Record, schema: Schema | None, steps: Sequence[Migration]
) -> tuple[Given, tuple[str, ...]]:
    """What the user gave, as today's version of the set takes it, and what became of what changed.

    Raises YamlError if the service's variables file is not one.
    """
    document = given_now(destination)
    if document is not None:
        values, carried = carry_over(document.value, steps, complete=False)
        return Given(values, document, {}), carried
    before = given_before(destination, record)
    if before is not None:
        values, carried = carry_over(before, steps, complete=False)
        return Given(values, Document(str(destination / GIVEN_PATH), {}), {}), carried
    values, carried = carry_over(record.variables, steps, complete=True)
    if schema is not None:
        values = _told(values, schema)
    return Given(values, Document(str(destination / RECORD_PATH), {}), {}), carried


def given_now(destination: Path) -> Document | None:
    """The service's variables file as it stands; None if there is none. Raises YamlError."""
    file = destination / GIVEN_PATH
    if file.is_symlink():
        raise YamlError(f"{file}: a link, and infergen follows none there; replace it by the file")
    return yamlfile.read_mapping(file) if file.exists() else None


def given_before(destination: Path, record: Record) -> dict[str, Any] | None:
    """What the user had given when the service was last generated; None if that is not known."""
    text, entry = read_base(destination).get(GIVEN_PATH), record.files.get(GIVEN_PATH)
    if text is None or entry is None or hashlib.sha256(text.encode()).hexdigest() != entry.value:
        return None
    return dict(yamlfile.parse(text, str(destination / GIVEN_PATH)).value)


def _told(values: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Of all variables of a service those that somebody gave, if its record does not tell.

    That is what differs from the defaults, what the model does not say by itself, and what is not
    made from the name. A sample of the data counts as given: one that was found would be no worse,
    but one that was given would be lost.
    """
    told = without(values, schemas.defaults(schema))
    if isinstance(told.get("model"), dict):
        facts = {*DESCRIBED, "model"} - {"data_sample"}
        told = {name: value for name, value in told.items() if name not in facts}
    for variable in ("title", "namespace"):
        if variable in told and told[variable] == made_from_name(variable, str(values["name"])):
            del told[variable]
    return told


def facts_hold(
    destination: Path,
    record: Record,
    template_set: TemplateSet,
    schema: Schema | None,
    given: Mapping[str, Any],
) -> bool:
    """Whether what the record has of the model would be found again.

    It is if the same versions of the same sets ask it of the same model, with the same labels, by
    variables that are as they were. With any doubt the model is asked.
    """
    model = record.variables.get("model")
    before = given_before(destination, record)
    if schema is None or before is None or not isinstance(model, dict):
        return False
    made = [(record.set_name, record.set_version), *((b.name, b.version) for b in record.bases)]
    if made != [(each.name, each.version) for each in template_set.lineage]:
        return False
    if any(not same(before.get(name), given.get(name)) for name in _BEHIND_FACTS):
        return False
    facts = {"model": model}
    if mistakes(schema, facts, lambda _: "", lambda _: None, complete=False):
        return False
    files = (name for name in record.files if name.startswith(f"{FOLDER}/"))
    return all(_is_unchanged(destination, record, name) for name in files)


def _is_unchanged(destination: Path, record: Record, name: str) -> bool:
    path = destination / name
    return path.is_file() and digest_and_size(path)[0] == record.files[name].value
