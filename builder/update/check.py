"""Whether a service is as infergen would have it, without generating it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from builder.data_files import VARIABLE, own_items
from builder.given_file import GIVEN_PATH
from builder.given_map import MAP_PATH
from builder.migration import same
from builder.model.files import FOLDER
from builder.record import Entry, Record
from builder.template_set import TemplateSet
from builder.update.again import given_before, given_now
from builder.update.plan import recorded
from builder.update.standing import Standing
from builder.update.versions import made_by, steps_between
from builder.write.existing import look, record_in

How = Literal["edited", "deleted", "made executable", "not executable any more", "another kind"]


@dataclass(frozen=True, slots=True)
class Drift:
    """A generated file that is not as it was generated."""

    path: str
    how: How


@dataclass(frozen=True, slots=True)
class Status:
    """``outdated``: why an update would generate something else; ``conflicts`` are files in which
    a former update's conflict is not settled."""

    destination: Path
    record: Record
    outdated: tuple[str, ...]
    drifted: tuple[Drift, ...]
    conflicts: tuple[str, ...]


def check_service(destination: Path, template_set: TemplateSet) -> Status:
    """Compare a service with its record, and the record with the set, the variables and the model.

    Raises InfergenError: no record or a damaged one, a version that cannot be brought forward.
    """
    with look(destination) as tree:
        record = recorded(record_in(tree), destination)
        steps_between(record, template_set, str(destination))
        standing = Standing(tree, destination, record)
        return Status(
            destination,
            record,
            (
                *_changed_set(standing, template_set),
                *_changed_variables(destination, record, template_set),
                *_changed_models(standing),
                *_changed_items(destination, standing),
            ),
            tuple(_drifted(destination, standing)),
            standing.conflicts(),
        )


def _changed_set(standing: Standing, template_set: TemplateSet) -> Iterator[str]:
    record, name = standing.record, template_set.name
    newer = [pair for pair in made_by(record, template_set) if pair[0].version != pair[1]]
    if record.set_name != name:
        yield f"made from the set {record.set_name}, not from {name}"
    elif newer:
        for each, made in newer:
            yield f"made by version {made} of {each.name}, which is at {each.version} now"
    elif _is_changed_map(standing):
        # The set's digest covers the map, so it does not tell whether the set changed as well.
        yield f"{MAP_PATH} was replaced"
    elif record.set_digest != template_set.digest:
        yield f"the set {name} changed"


def _is_changed_map(standing: Standing) -> bool:
    made = standing.record.files.get(MAP_PATH)
    now = None if made is None else standing.observe(MAP_PATH)
    return made is not None and now is not None and now.value != made.value


def _changed_variables(
    destination: Path, record: Record, template_set: TemplateSet
) -> Iterator[str]:
    before, document = given_before(destination, record), given_now(destination)
    if before is None:
        # An older version has nothing else to say; it is outdated anyway.
        if record.set_version == template_set.version:
            yield "its record does not tell which variables were given"
    elif document is not None:
        now: Mapping[str, Any] = document.value
        for name in sorted(before.keys() | now.keys()):
            if not same(before.get(name), now.get(name)):
                yield f"{name} is {_shown(now, name)}, was {_shown(before, name)}"


def _shown(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "not given"
    text = json.dumps(values[name], ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _changed_models(standing: Standing) -> Iterator[str]:
    """A model or labels that somebody replaced are what the service is to be made for now."""
    for path in _model_files(standing.record):
        now = standing.observe(path)
        if now is not None and now.value != standing.record.files[path].value:
            yield f"{path} was replaced"


def _changed_items(destination: Path, standing: Standing) -> Iterator[str]:
    """Items of data that a service has itself are its user's; what caches hold goes by them."""
    made, there = _items(destination, standing.record)
    for path in sorted(made | there):
        now = standing.observe(path)
        if path not in made:
            yield f"{path} is new"
        elif now is None:
            yield f"{path} is gone"
        elif now.value != standing.record.files[path].value:
            yield f"{path} was replaced"


def _items(destination: Path, record: Record) -> tuple[frozenset[str], frozenset[str]]:
    before = given_before(destination, record)
    if before is None or VARIABLE not in before:
        # Then it is the sample alone, which is generated.
        return frozenset(), frozenset()
    return own_items(destination, record.variables, record.files)


def _drifted(destination: Path, standing: Standing) -> Iterator[Drift]:
    items, _ = _items(destination, standing.record)
    ours = {GIVEN_PATH, MAP_PATH, *_model_files(standing.record)}
    for path, base in sorted(standing.record.files.items()):
        now = standing.observe(path)
        how = None if path in items else _how(base, now)
        # Folders that git does not keep are no drift, nor is what the user is to edit.
        if how is not None and not (path in ours and how == "edited"):
            yield Drift(path, how)


def _how(base: Entry, now: Entry | None) -> How | None:
    if now is None:
        return None if base.kind == "folder" else "deleted"
    if now.kind != base.kind:
        return "another kind"
    if now.value != base.value:
        return "edited"
    if now.executable != base.executable:
        return "made executable" if now.executable else "not executable any more"
    return None


def _model_files(record: Record) -> list[str]:
    if "model" not in record.variables:
        return []
    return [path for path in sorted(record.files) if path.startswith(f"{FOLDER}/")]
