"""One service from a request, in memory: template set → variables → model → plan → render → record.

Every command that makes or remakes a service goes through ``generate``; writing is the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder import variables as vars_
from builder.chosen_model import ChosenModel, Inspect, choose_model, model_files
from builder.errors import TemplateSetError, UsageError
from builder.output import EXECUTABLE_MODE, Output, OutputFile
from builder.paths import check_name
from builder.plan import Plan, make_plan
from builder.record import Record, make_record, record_files
from builder.schema import Schema
from builder.template_set import TEMPLATES, TemplateSet, open_template_set
from builder.variables import Given

if TYPE_CHECKING:
    from builder.render.renderer import Renderer


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


@dataclass(frozen=True, slots=True)
class Generated:
    """A service that is ready to be written; ``outputs`` include its record."""

    template_set: TemplateSet
    variant: str | None
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]
    record: Record


@dataclass(frozen=True, slots=True)
class Prepared:
    """A service before it is rendered: its variables are complete, and every path is checked.

    ``seen`` are the variables as templates see them.
    """

    template_set: TemplateSet
    schema: Schema | None
    variant: str | None
    variables: Mapping[str, Any]
    seen: Mapping[str, Any]
    plan: Plan


def generate(request: Request) -> Generated:
    """Render and verify everything; nothing is written. Raises an InfergenError.

    The same request gives the same bytes, but for a model that is run for its facts: what it took
    (``model.measured``) differs a little each time, unless ``request.previous`` has it.
    """
    prepared = prepare(request, open_template_set(request.templates, request.path_map))
    template_set, schema, variables = prepared.template_set, prepared.schema, prepared.variables
    outputs = (*prepared.plan.copies, *render_prepared(prepared))
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=prepared.variant,
        variables=variables if schema is None else schemas.without_secrets(schema, variables),
        outputs=outputs,
    )
    outputs += record_files(record, outputs)
    return Generated(template_set, prepared.variant, variables, outputs, record)


def prepare(
    request: Request, template_set: TemplateSet, *, inspect: Inspect | None = None
) -> Prepared:
    """All that comes before rendering. Raises an InfergenError.

    ``template_set`` is the request's, opened. ``inspect`` asks a model for its facts, if it is not
    to be run each time.
    """
    check_name(request.name)
    schema_file = template_set.schema_file
    schema = None if schema_file is None else schemas.read_schema(schema_file)
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    variant, layers = _choose_variant(template_set, schema, given)
    model = choose_model(
        schema,
        given,
        model=request.model,
        labels=request.labels,
        beside=(request.variables_file or template_set.default_variables or Path()).parent,
        recorded={} if request.previous is None else request.previous.variables,
        inspect=inspect,
    )
    variables = _variables(given, schema, model)
    attachments = () if model is None else model_files(model, variables)
    plan = make_plan(template_set, layers, attachments)
    return Prepared(template_set, schema, variant, variables, variables, plan)


def _read_given(request: Request, template_set: TemplateSet, schema: Schema | None) -> Given:
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
        option = "--labels" if model.facts is not None else given.where(("label_file_name",))
        given = given.with_option("label_file_name", model.label_file_name, option)
    facts = None if model is None else model.facts
    if schema is not None:
        return vars_.complete(schema, given, facts)
    return {**({} if facts is None else vars_.from_facts(facts)), **given.values}


def render_prepared(prepared: Prepared, renderer: Renderer | None = None) -> tuple[OutputFile, ...]:
    """What the templates make, each file verified. Raises RenderError.

    ``renderer`` is the set's, for a caller that renders many services and makes it once.
    """
    from builder.render.verify import verify  # noqa: PLC0415

    template_set, seen = prepared.template_set, prepared.seen
    renderer = renderer or make_renderer(template_set)
    outputs = []
    for rendering in prepared.plan.renderings:
        content = renderer.render(rendering.template, seen, destination=rendering.path)
        if not template_set.plain and not content.strip():
            continue
        verify(rendering.path, content, template=f"{TEMPLATES}/{rendering.template}")
        mode = EXECUTABLE_MODE if content.startswith(b"#!") else rendering.mode
        outputs.append(OutputFile(rendering.path, mode, content))
    return tuple(outputs)


def make_renderer(template_set: TemplateSet) -> Renderer:
    """Renders the set's templates, each compiled at most once."""
    from builder.render.renderer import Renderer  # noqa: PLC0415 - brings jinja2
    from builder.render.sandbox import layered_environment, plain_environment  # noqa: PLC0415

    make_environment = plain_environment if template_set.plain else layered_environment
    return Renderer(make_environment(template_set.templates))
