"""What a template set consists of: variants, layers, files, variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.output import OutputFolder
from builder.plan import make_plan
from builder.schema import Schema, Variable, read_schema
from builder.template_set import SKELETONS, TEMPLATES, TemplateSet


@dataclass(frozen=True, slots=True)
class FileShown:
    """One file of a service and where in the set it comes from.

    ``rendered`` tells a template from a skeleton. A template that prints nothing but blanks for
    some variables makes no file then.
    """

    path: str
    source: str
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
        [] if (schema := schema_of(template_set)) is None else list(schema.variables()),
    )


def schema_of(template_set: TemplateSet) -> Schema | None:
    return None if template_set.schema_file is None else read_schema(template_set.schema_file)


def _files(template_set: TemplateSet, layers: Sequence[str]) -> list[FileShown]:
    plan = make_plan(template_set, layers, ())
    shown = [FileShown(r.path, f"{TEMPLATES}/{r.template}", True) for r in plan.renderings]
    for copy in plan.copies:
        if not isinstance(copy, OutputFolder):
            shown.append(FileShown(copy.path, _skeleton(template_set, layers, copy.path), False))
    return sorted(shown, key=lambda file: file.path)


def _skeleton(template_set: TemplateSet, layers: Sequence[str], path: str) -> str:
    places = [f"{layer}/{path}" for layer in layers] or [path]
    found = (each for each in places if (template_set.skeletons / each).exists())
    return f"{SKELETONS}/{next(found, places[-1])}"
