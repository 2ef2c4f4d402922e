"""One service from a request, in memory: template set → variables → model → plan → render → record.

Every command that makes or remakes a service goes through ``generate``; writing is the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder import schema as schemas
from builder import variables as vars_
from builder.chosen_model import ChosenModel, choose_model, model_files
from builder.errors import TemplateSetError, UsageError
from builder.given_file import given_file
from builder.output import EXECUTABLE_MODE, Output, OutputFile
from builder.paths import check_name
from builder.plan import make_plan
from builder.record import Record, make_record, record_files
from builder.schema import Schema
from builder.template_set import TEMPLATES, TemplateSet, open_template_set
from builder.variables import Given


@dataclass(frozen=True, slots=True)
class Request:
    """What to generate, as the caller said it. None means: not said."""

    name: str
    templates: Path
    path_map: Path | None = None
    variables_file: Path | None = None
    model: Path | None = None
    labels: Path | None = None
    variant: str | None = None
    assignments: tuple[str, ...] = ()
    previous: Record | None = None
    """Of the service that this one replaces: what was measured for it stays, if nothing changed."""
    given: Given | None = None
    """What a variables file would say, already read; ``assignments`` are laid over it."""
    beside: Path | None = None
    """Where files that variables name lie; without it, beside the variables file."""
    facts_hold: bool = False
    """Nothing changed that the facts depend on which ``previous`` has of the model."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A service that is ready to be written; ``outputs`` include its record."""

    template_set: TemplateSet
    variant: str | None
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]
    record: Record


def generate(request: Request) -> Generated:
    """Render and verify everything; nothing is written. Raises an InfergenError.

    The same request gives the same bytes, but for a model that is run for its facts: what it took
    (``model.measured``) differs a little each time, unless ``request.previous`` has it.
    """
    check_name(request.name)
    template_set = open_template_set(request.templates, request.path_map)
    schema_file = template_set.schema_file
    schema = None if schema_file is None else schemas.read_schema(schema_file)
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    variant, layers = _choose_variant(template_set, schema, given)
    if variant is not None and (schema is None or "variant" in schema.properties()):
        # It counts as given, so that it stays even if another becomes the usual one.
        given = replace(given, values={**given.values, "variant": variant})
    model = choose_model(
        schema,
        given,
        model=request.model,
        labels=request.labels,
        beside=request.beside
        or (request.variables_file or template_set.default_variables or Path()).parent,
        recorded={} if request.previous is None else request.previous.variables,
        facts_hold=request.facts_hold,
    )
    variables = _variables(given, schema, model)
    attachments = () if model is None else model_files(model, variables)
    plan = make_plan(template_set, layers, attachments)
    outputs = (*plan.copies, *_render(template_set, plan.renderings, variables))
    outputs += (given_file(schema, given.values, variables),)
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=variant,
        variables=variables if schema is None else schemas.without_secrets(schema, variables),
        outputs=outputs,
    )
    outputs += record_files(record, outputs)
    return Generated(template_set, variant, variables, outputs, record)


def _read_given(request: Request, template_set: TemplateSet, schema: Schema | None) -> Given:
    if request.given is not None:
        return vars_.assign(schema, request.given, request.assignments)
    file = request.variables_file
    if file is None and request.model is None:
        file = template_set.default_variables
        if file is None:
            raise UsageError(
                f"{template_set.root}: the set has no variables of its own; give --vars FILE or"
                " --model FILE"
            )
    given = vars_.read_given(schema, file, request.assignments)
    if not (template_set.plain and "name" in given.values):
        given = given.with_option("name", request.name, "--name")
    if request.variant is not None:
        if template_set.plain:
            raise UsageError(f"--variant {request.variant}: {template_set.name} has no variants")
        given = given.with_option("variant", request.variant, "--variant")
    return given


def _choose_variant(
    template_set: TemplateSet, schema: Schema | None, given: Given
) -> tuple[str | None, tuple[str, ...]]:
    """The variant's name, None in a plain set, and its layers."""
    if template_set.plain:
        return None, ()
    usual = schemas.defaults(schema).get("variant") if schema else None
    variant = str(given.values.get("variant") or usual or template_set.usual_variant)
    try:
        return variant, template_set.layers(variant)
    except TemplateSetError as error:
        raise TemplateSetError(f"{given.where(('variant',))}: {error}") from None


def _variables(given: Given, schema: Schema | None, model: ChosenModel | None) -> dict[str, Any]:
    if model is not None and model.label_file_name is not None:
        option = "--labels" if model.said is not None else given.where(("label_file_name",))
        given = given.with_option("label_file_name", model.label_file_name, option)
    said = None if model is None else model.said
    if schema is not None:
        return vars_.complete(schema, given, said)
    return {**(said or {}), **given.values}


def _render(
    template_set: TemplateSet, renderings: Any, variables: Mapping[str, Any]
) -> tuple[OutputFile, ...]:
    from builder.render.renderer import Renderer  # noqa: PLC0415 - brings jinja2
    from builder.render.sandbox import layered_environment, plain_environment  # noqa: PLC0415
    from builder.render.verify import verify  # noqa: PLC0415

    make_environment = plain_environment if template_set.plain else layered_environment
    renderer = Renderer(make_environment(template_set.templates))
    outputs = []
    for rendering in renderings:
        content = renderer.render(rendering.template, variables, destination=rendering.path)
        if not template_set.plain and not content.strip():
            continue
        verify(rendering.path, content, template=f"{TEMPLATES}/{rendering.template}")
        mode = EXECUTABLE_MODE if content.startswith(b"#!") else rendering.mode
        outputs.append(OutputFile(rendering.path, mode, content))
    return tuple(outputs)
