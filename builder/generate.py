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
from builder.chosen_model import ChosenModel, choose_model, model_files
from builder.errors import TemplateSetError, UsageError
from builder.model.files import beside
from builder.opened_set import OpenedSet, open_set
from builder.output import Output
from builder.paths import check_name
from builder.record import Record, make_record, record_files
from builder.schema import Schema
from builder.template_set import TemplateSet
from builder.variables import Given

if TYPE_CHECKING:
    from builder.chosen_model import Inspect


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
    defaults: tuple[Path, ...] = ()
    """Files of variables that ``variables_file`` is laid over, the first lowest."""
    places: tuple[Path, ...] = ()
    """More folders to look in for the files that variables name."""
    named_by: str | None = None
    """Where a service of a fleet got its name from; None if it was given by --name."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A service that is ready to be written; ``outputs`` include its record."""

    template_set: TemplateSet
    variant: str | None
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]
    record: Record
    sources: tuple[Path, ...] = ()
    """What was read besides the set and the variables files: the model, its weights, its labels."""


def generate(
    request: Request, opened: OpenedSet | None = None, inspect: Inspect | None = None
) -> Generated:
    """Render and verify everything; nothing is written. Raises an InfergenError.

    ``opened`` spares opening the request's set, and ``inspect`` running a model that is known, for
    callers that generate many services.

    The same request gives the same bytes, but for a model that is run for its facts: what it took
    (``model.measured``) differs a little each time, unless ``request.previous`` has it.
    """
    check_name(request.name)
    opened = opened or open_set(request.templates, request.path_map)
    template_set, schema = opened.template_set, opened.schema
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    variant, layers = _choose_variant(template_set, schema, given)
    model = choose_model(
        schema,
        given,
        model=request.model,
        labels=request.labels,
        places=_places(request, template_set),
        in_fleet=request.named_by is not None,
        recorded={} if request.previous is None else request.previous.variables,
        inspect=inspect,
    )
    variables = _variables(given, schema, model)
    attachments = () if model is None else model_files(model, variables)
    plan = opened.plan(layers).with_files(attachments)
    outputs = (*plan.copies, *opened.render(plan.renderings, variables))
    record = make_record(
        set_name=template_set.name,
        set_version=template_set.version,
        set_digest=template_set.digest,
        variant=variant,
        variables=variables if schema is None else schemas.without_secrets(schema, variables),
        outputs=outputs,
    )
    outputs += record_files(record, outputs)
    sources = () if model is None else model.sources(variables)
    return Generated(template_set, variant, variables, outputs, record, sources)


def _read_given(request: Request, template_set: TemplateSet, schema: Schema | None) -> Given:
    file = request.variables_file
    if file is None and request.model is None:
        file = template_set.default_variables
        if file is None:
            raise UsageError(
                f"{template_set.root}: the set has no variables of its own; give --vars FILE or"
                " --model FILE"
            )
    given = vars_.read_given(schema, file, request.assignments, request.defaults)
    if not (template_set.plain and "name" in given.values):
        given = given.with_option("name", request.name, request.named_by or "--name")
    if request.variant is not None:
        if template_set.plain:
            raise UsageError(f"--variant {request.variant}: {template_set.name} has no variants")
        given = given.with_option("variant", request.variant, "--variant")
    return given


def _places(request: Request, template_set: TemplateSet) -> tuple[Path, ...]:
    file = request.variables_file or template_set.default_variables or Path()
    return (*beside(file.parent), *request.places)


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
