"""From a request to a service that only has to be rendered: variables, model, data, plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder import variables as vars_
from builder.chosen_model import ChosenModel, Inspect, Places, choose_model, model_files
from builder.data_files import data_files, with_sample, with_source_name
from builder.errors import TemplateSetError, UsageError
from builder.model.files import FOLDER, beside
from builder.opened_set import OpenedSet
from builder.output import OutputFile
from builder.paths import check_name, check_relative
from builder.plan import Plan
from builder.record import Record, Source
from builder.schema import Schema
from builder.template_set import TemplateSet
from builder.variables import Given

if TYPE_CHECKING:
    from builder.hooks import HookPolicy


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
    defaults: tuple[Path, ...] = ()
    """Files of variables that ``variables_file`` is laid over, the first lowest."""
    places: tuple[Path, ...] = ()
    """More folders to look in for the files that variables name."""
    named_by: str | None = None
    """Where a service of a fleet got its name from; None if it was given by --name."""


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
    sources: tuple[Path, ...] = ()
    """What was read besides the set and the variables files: the model, its weights, its labels,
    and items of data."""
    by_listing: bool = False
    """It is made of whatever a folder has, so ``sources`` do not tell of what comes to it."""


def prepare(request: Request, opened: OpenedSet, inspect: Inspect | None = None) -> Prepared:
    """All that comes before rendering. Raises an InfergenError.

    ``opened`` is the request's set. ``inspect`` asks a model for its facts, if it is not to be run
    each time.
    """
    check_name(request.name)
    template_set, schema = opened.template_set, opened.schema
    given = _read_given(request, template_set, schema)
    if schema is not None:
        vars_.check(schema, given)
    variant, layers = _choose_variant(template_set, schema, given)
    if variant is not None and (schema is None or "variant" in schema.properties()):
        # It counts as given, so that it stays even if another becomes the usual one.
        given = replace(given, values={**given.values, "variant": variant})
    told = given.values
    file = request.variables_file or template_set.default_variables or Path()
    folder = request.inside or file.parent
    given = with_sample(schema, layers, given, folder)
    recorded = {} if request.previous is None else request.previous.variables
    hold = request.facts_hold
    if "data_sample" in given.values.keys() - told.keys():
        hold = hold and given.values["data_sample"] == recorded.get("data_sample")
    model = choose_model(
        schema,
        given,
        model=request.model,
        labels=request.labels,
        places=_places(request, folder),
        recorded=recorded,
        facts_hold=hold,
        inspect=inspect,
    )
    variables: Mapping[str, Any] = _variables(given, schema, model)
    items = data_files(schema, layers, given, variables, folder)
    variables = with_source_name(variables, items)
    of_model = () if model is None else model_files(model, variables)
    return Prepared(
        template_set,
        schema,
        variant,
        told,
        variables,
        seen=variables if template_set.plain else {**variables, "layers": layers},
        plan=opened.plan(layers).with_files((*of_model, *items)),
        sources=(*(() if model is None else model.sources(variables)), *_read_files(items)),
        by_listing=bool(_read_files(items)),
    )


def _read_files(items: Sequence[OutputFile]) -> tuple[Path, ...]:
    return tuple(item.content for item in items if isinstance(item.content, Path))


def _places(request: Request, folder: Path) -> Places:
    if request.inside is not None:
        return Places((folder / FOLDER,), "", "")
    folders = (*beside(folder), *request.places)
    return Places(folders, *(["--models DIR"] * 2 if request.named_by else ()))


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
    given = vars_.read_given(schema, file, request.assignments, request.defaults)
    if request.confined_to is not None and request.variables_file is None:
        _confine_files(given)
    if not (template_set.plain and "name" in given.values):
        given = given.with_option("name", request.name, request.named_by or "--name")
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
