"""What a template set consists of: variants, layers, files, variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.output import OutputFolder
from builder.plan import plan_set
from builder.schema import Variable, read_schemas
from builder.template_set import SKELETONS, TEMPLATES, TemplateSet


@dataclass(frozen=True, slots=True)
class FileShown:
    """One file of a service, and where in the set ``of_set`` it comes from.

    ``rendered`` tells a template from a skeleton. A template that prints nothing but blanks for
    some variables makes no file then.
    """

    path: str
    source: str
    of_set: TemplateSet
    rendered: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """A set as people see it; ``files`` by variant (under "" in a plain set)."""

    template_set: TemplateSet
    files: Mapping[str, Sequence[FileShown]]
    variables: Sequence[Variable]


def look_at(template_set: TemplateSet) -> Overview:
    """Raises TemplateSetError or UnsafePathError where the set contradicts itself."""
    variants = template_set.variants or {"": ()}
    return Overview(
        template_set,
        {variant: _files(template_set, layers) for variant, layers in variants.items()},
        []
        if (schema := read_schemas(template_set.schema_files)) is None
        else [*schema.variables()],
    )


def _files(template_set: TemplateSet, layers: Sequence[str]) -> list[FileShown]:
    plan = plan_set(template_set, layers).plan
    shown = [
        _shown(template_set, rendering.path, [f"{TEMPLATES}/{rendering.template}"], rendered=True)
        for rendering in plan.renderings
    ]
    for copy in plan.copies:
        if not isinstance(copy, OutputFolder):
            places = [f"{SKELETONS}/{layer}/{copy.path}" for layer in layers]
            places = places or [f"{SKELETONS}/{copy.path}"]
            shown.append(_shown(template_set, copy.path, places, rendered=False))
    return sorted(shown, key=lambda file: file.path)


def _shown(
    template_set: TemplateSet, path: str, places: Sequence[str], *, rendered: bool
) -> FileShown:
    """A file from the first of these places that the nearest set has."""
    for each in template_set.lineage:
        for place in places:
            if os.path.lexists(each.root / place):
                return FileShown(path, place, each, rendered)
    return FileShown(path, places[0], template_set, rendered)
