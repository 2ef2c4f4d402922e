"""One service from a request, in memory: template set → variables → model → plan → render → record.

Every command that makes or remakes a service goes through ``generate``; writing is the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder import variables as vars_
from builder.chosen_model import ChosenModel, Inspect, choose_model, model_files
from builder.data_files import data_files, with_sample, with_source_name
from builder.errors import TemplateSetError, UsageError
from builder.given_file import given_file
from builder.model.files import FOLDER
from builder.output import EXECUTABLE_MODE, Output, OutputFile
from builder.paths import check_name, check_relative
from builder.plan import Plan, make_plan
from builder.record import Record, Source, make_record, record_files
from builder.schema import Schema
from builder.template_set import (
    HOOKS,
    TEMPLATES,
    TemplateSet,
    is_cookiecutter_template,
    open_template_set,
)
from builder.variables import Given

if TYPE_CHECKING:
    from builder.hooks import Hook, HookPolicy
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
    source: Source | None = None
    """Where ``templates`` was fetched from, if it was."""
    confined_to: Path | None = None
    """What was fetched with it, beyond which the set extends nothing on this machine."""
    hooks: HookPolicy = "refuse"
    given: Given | None = None
    """What a variables file would say, already read; ``assignments`` are laid over it."""
    inside: Path | None = None
    """The service itself, if it has the files that variables name: they are not looked for beside
    the variables file then."""
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A service before it is rendered: its variables are complete, and every path is checked.

    ``given`` are those that the caller gave, ``seen`` all as templates see them.
    """

    template_set: TemplateSet
    schema: Schema | None
    variant: str | None
    given: Mapping[str, Any]
    variables: Mapping[str, Any]
    seen: Mapping[str, Any]
    plan: Plan


def generate(request: Request) -> Generated:
    """Render and verify everything; nothing is written. Raises an InfergenError.

    The same request gives the same bytes, but for a model that is run for its facts: what it took
    (``model.measured``) differs a little each time, unless ``request.previous`` has it.
    """
    check_name(request.name)
    if is_cookiecutter_template(request.templates):
        return _from_cookiecutters_form(request)
    template_set = open_template_set(
        request.templates, request.path_map, confined_to=request.confined_to
    )
    hooks = _hooks(template_set, request.hooks)
    prepared = prepare(request, template_set)
    schema, variables = prepared.schema, prepared.variables
    outputs: tuple[Output, ...] = (*prepared.plan.copies, *render_prepared(prepared))
    outputs += (given_file(schema, prepared.given, variables),)
    if hooks:
        outputs = _with_hooks(hooks, outputs, request.name, variables)
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=prepared.variant,
        variables=variables if schema is None else schemas.without_secrets(schema, variables),
        outputs=outputs,
        source=request.source,
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
    schema = schemas.read_schemas(template_set.schema_files)
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    variant, layers = _choose_variant(template_set, schema, given)
    if variant is not None and (schema is None or "variant" in schema.properties()):
        # It counts as given, so that it stays even if another becomes the usual one.
        given = replace(given, values={**given.values, "variant": variant})
    told = given.values
    beside = (request.variables_file or template_set.default_variables or Path()).parent
    if request.inside is not None:
        beside = request.inside
    given = with_sample(schema, layers, given, beside)
    recorded = {} if request.previous is None else request.previous.variables
    hold = request.facts_hold
    if "data_sample" in given.values.keys() - told.keys():
        hold = hold and given.values["data_sample"] == recorded.get("data_sample")
    model = choose_model(
        schema,
        given,
        model=request.model,
        labels=request.labels,
        beside=beside if request.inside is None else beside / FOLDER,
        recorded=recorded,
        facts_hold=hold,
        inspect=inspect,
    )
    variables: Mapping[str, Any] = _variables(given, schema, model)
    items = data_files(schema, layers, given, variables, beside)
    variables = with_source_name(variables, items)
    attachments = items if model is None else (*model_files(model, variables), *items)
    plan = make_plan(template_set, layers, attachments)
    seen = variables if template_set.plain else {**variables, "layers": layers}
    return Prepared(template_set, schema, variant, told, variables, seen, plan)


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
    if request.confined_to is not None and request.variables_file is None:
        _confine_files(given)
    if not (template_set.plain and "name" in given.values):
        given = given.with_option("name", request.name, "--name")
    if request.variant is not None:
        if template_set.plain:
            raise UsageError(f"--variant {request.variant}: {template_set.name} has no variants")
        given = given.with_option("variant", request.variant, "--variant")
    return given


def _confine_files(given: Given) -> None:
    """Variables that came with a set from elsewhere name files beside them, and no others."""
    for name in ("model_file_name", "label_file_name"):
        value = given.document.value.get(name)
        if isinstance(value, str) and value:
            check_relative(value, what=given.document.where((name,)))


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
    return Renderer(make_environment(*template_set.template_folders))


def _hooks(template_set: TemplateSet, policy: HookPolicy) -> tuple[Hook, ...]:
    """The hooks that are to run; the classic form of the pattern knows none."""
    if template_set.plain or not any((root / HOOKS).is_dir() for root in template_set.roots):
        return ()
    from builder.hooks import check_hooks, find_hooks  # noqa: PLC0415 - few sets have any

    return check_hooks(find_hooks(template_set.roots), policy, template_set.name)


def _with_hooks(
    hooks: Sequence[Hook], outputs: Sequence[Output], name: str, variables: Mapping[str, Any]
) -> tuple[Output, ...]:
    from builder.hooks import run_hooks  # noqa: PLC0415 - few sets have any
    from builder.render.renderer import Renderer  # noqa: PLC0415 - as above
    from builder.render.sandbox import layered_environment  # noqa: PLC0415

    def render(hook: Hook) -> bytes:
        renderer = Renderer(layered_environment(hook.file.parent))
        return renderer.render(hook.file.name, variables, destination=hook.file.name)

    return run_hooks(hooks, outputs, name, render)


def _from_cookiecutters_form(request: Request) -> Generated:
    from builder.cookiecutter_form.make import make  # noqa: PLC0415 - brings cookiecutter

    root = request.templates
    said = {
        "--model": request.model,
        "--labels": request.labels,
        "--variant": request.variant,
        "--correspond_file_path": request.path_map,
    }
    for option, value in said.items():
        if value is not None:
            raise UsageError(f"{option} {value}: a cookiecutter template knows no such thing")
    made = make(root, request.name, request.variables_file, request.assignments, request.hooks)
    template_set = TemplateSet(
        root=root,
        name=root.resolve().name,
        plain=True,
        version=0,
        supports=0,
        variants={},
        entries=(),
        digest=made.digest,
    )
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=None,
        variables=made.variables,
        outputs=made.outputs,
        source=request.source,
    )
    outputs = (*made.outputs, *record_files(record, made.outputs))
    return Generated(template_set, None, made.variables, outputs, record)
