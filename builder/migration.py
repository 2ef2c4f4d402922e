"""What changed from one version of a template set to the next, as data in its ``infergen.yaml``.

A service that an older version made is brought forward step by step: its variables under their old
names become those of today, and its files are found where they lie today.

    migrations:
      "1":                                   # from version 1 to 2
        renamed: {old_name: new_name}        # dots reach into mappings
        removed: [gone]
        values: {log_level: {warn: warning}} # old value → new value
        added: {playground: false}           # what services from before are given
        defaults: {workers: 2}               # defaults that changed, as they were before
        files: {old/place.yaml: new/place.yaml}
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.errors import TemplateSetError
from builder.nearest import did_you_mean
from builder.paths import check_relative
from builder.yamlfile import Document, KeyPath

_PARTS = ("renamed", "removed", "values", "added", "defaults", "files")


@dataclass(frozen=True, slots=True)
class Migration:
    """The step from version ``since`` to the one after it.

    ``defaults`` are those that the step changed, as they were before. They are needed for services
    whose record does not tell what the user gave: a value that was the default then was not given.
    """

    since: int
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    added: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def read_migrations(document: Document, version: int) -> tuple[Migration, ...]:
    """The ``migrations`` of a set of this version, oldest first. Raises TemplateSetError."""
    value = document.value.get("migrations", {})
    if not isinstance(value, dict):
        where = document.where(("migrations",))
        raise TemplateSetError(f'{where}: expected a mapping from version to changes, such as "1":')
    steps = [_read_step(document, key, step, version) for key, step in value.items()]
    return tuple(sorted(steps, key=lambda step: step.since))


def _read_step(document: Document, key: str, step: Any, version: int) -> Migration:
    path: KeyPath = ("migrations", key)
    where = document.where(path)
    if not (key.isascii() and key.isdecimal() and 1 <= int(key) < version):
        raise TemplateSetError(
            f"{where}: {key} is no version before this one ({version}); a migration is listed under"
            " the version that it leads away from"
        )
    if not isinstance(step, dict):
        raise TemplateSetError(f"{where}: expected a mapping with {', '.join(_PARTS)}")
    for part in step:
        if part not in _PARTS:
            hint = did_you_mean(part, _PARTS)
            raise TemplateSetError(f"{document.where((*path, part))}: unknown part {part}{hint}")
    values = _mapping(document, path, step, "values")
    for name in values:
        _mapping(document, (*path, "values"), values, name)
    files = _texts(document, path, step, "files")
    for old, new in files.items():
        for file in (old, new):
            check_relative(file, what=document.where((*path, "files", old)))
    return Migration(
        since=int(key),
        renamed=_texts(document, path, step, "renamed"),
        removed=_names(document, path, step),
        values=values,
        added=_mapping(document, path, step, "added"),
        defaults=_mapping(document, path, step, "defaults"),
        files=files,
    )


def _mapping(
    document: Document, path: KeyPath, owner: Mapping[str, Any], key: str
) -> dict[str, Any]:
    value = owner.get(key, {})
    if not isinstance(value, dict):
        raise TemplateSetError(f"{document.where((*path, key))}: {key} is to be a mapping")
    return value


def _texts(document: Document, path: KeyPath, step: Mapping[str, Any], key: str) -> dict[str, str]:
    value = _mapping(document, path, step, key)
    for old, new in value.items():
        if not isinstance(new, str) or not new:
            where = document.where((*path, key, old))
            raise TemplateSetError(f"{where}: {old}: expected the new name, got {new!r}")
    return value


def _names(document: Document, path: KeyPath, step: Mapping[str, Any]) -> tuple[str, ...]:
    value = step.get("removed", [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        where = document.where((*path, "removed"))
        raise TemplateSetError(f"{where}: removed is to be a list of variables")
    return tuple(value)


def carry_over(
    values: Mapping[str, Any], steps: Sequence[Migration], *, complete: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Variables of an older version as today's takes them, and what was done, a line each.

    ``complete``: the values are all that there were, and not only those that the user gave; so
    those are left out that were the default when it changed.
    """
    carried: dict[str, Any] = copy.deepcopy(dict(values))
    done: list[str] = []
    for step in steps:
        if complete:
            carried = without(carried, step.defaults)
        _apply(step, carried, done)
    return carried, tuple(done)


def _apply(step: Migration, values: dict[str, Any], done: list[str]) -> None:
    for name in step.removed:
        found, value = _take(values, name)
        if found:
            done.append(f"{name} (was {_show(value)}) is no variable any more")
    for name, mapped in step.values.items():
        found, value = _take(values, name)
        if found:
            new = _mapped(value, mapped)
            _put(values, name, new)
            if new is not value:
                done.append(f"{name}: {_show(value)} is {_show(new)} now")
    for name, new_name in step.renamed.items():
        found, value = _take(values, name)
        if found:
            # What has the new name already was written for the new version.
            taken, present = _take(values, new_name)
            _put(values, new_name, present if taken else value)
            done.append(f"{name} is called {new_name} now")
    for name, value in step.added.items():
        found, present = _take(values, name)
        _put(values, name, present if found else copy.deepcopy(value))
        if not found:
            done.append(f"{name} is new, and {_show(value)} here as it was before")


def _mapped(value: Any, mapped: Mapping[str, Any]) -> Any:
    spelled = value if isinstance(value, str) else json.dumps(value)
    return mapped.get(spelled, value)


def without(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` without those that ``others`` have too, at any depth, nor mappings so emptied."""
    left: dict[str, Any] = {}
    for key, value in values.items():
        other = others.get(key)
        if key in others and same(value, other):
            continue
        if isinstance(value, dict) and isinstance(other, dict) and value:
            inner = without(value, other)
            if inner:
                left[key] = inner
        else:
            left[key] = value
    return left


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; unlike ``==``, true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _take(values: dict[str, Any], name: str) -> tuple[bool, Any]:
    """Remove a value; whether there was one, and which. Mappings so emptied go too."""
    key, _, rest = name.partition(".")
    if key not in values:
        return False, None
    if not rest:
        return True, values.pop(key)
    inner = values[key]
    if not isinstance(inner, dict):
        return False, None
    found, value = _take(inner, rest)
    if found and not inner:
        del values[key]
    return found, value


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    key, _, rest = name.partition(".")
    if not rest:
        values[key] = value
        return
    inner = values.setdefault(key, {})
    if isinstance(inner, dict):
        _put(inner, rest, value)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
