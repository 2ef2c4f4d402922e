"""One service from a request, in memory: template set → variables → model → plan → render → record.

Every command that makes or remakes a service goes through ``generate``; writing is the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema as schemas
from builder.base import record_files
from builder.errors import UsageError
from builder.given_file import given_file
from builder.given_map import map_file
from builder.opened_set import OpenedSet, open_set
from builder.output import Output
from builder.paths import check_name
from builder.prepare import Request, prepare
from builder.record import BaseSet, Record, make_record
from builder.template_set import HOOKS, TemplateSet, is_cookiecutter_template

if TYPE_CHECKING:
    from builder.chosen_model import Inspect
    from builder.hooks import Hook, HookPolicy

__all__ = ["Generated", "Request", "generate"]


@dataclass(frozen=True, slots=True)
class Generated:
    """A service that is ready to be written; ``outputs`` include its record."""

    template_set: TemplateSet
    variant: str | None
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]
    record: Record
    sources: tuple[Path, ...] = ()
    """What was read besides the set and the variables files; see ``Prepared``."""
    by_listing: bool = False
    """As in ``Prepared``."""


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
    if is_cookiecutter_template(request.templates):
        return _from_cookiecutters_form(request)
    opened = opened or open_set(
        request.templates, request.path_map, confined_to=request.confined_to
    )
    template_set, schema = opened.template_set, opened.schema
    hooks = _hooks(template_set, request.hooks)
    prepared = prepare(request, opened, inspect)
    variables = prepared.variables
    outputs: tuple[Output, ...] = prepared.plan.copies
    outputs += opened.render(prepared.plan.renderings, prepared.seen)
    outputs += (given_file(schema, prepared.given, variables), *map_file(template_set))
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
        bases=tuple(BaseSet(base.name, base.version) for base in template_set.lineage[1:]),
    )
    outputs += record_files(record, outputs)
    return Generated(
        template_set,
        prepared.variant,
        variables,
        outputs,
        record,
        prepared.sources,
        prepared.by_listing,
    )


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
