"""A service of a template of cookiecutter's form, in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import variables as vars_
from builder.cookiecutter_form.environment import environment_of
from builder.cookiecutter_form.form import INCLUDED, Form, read_form
from builder.cookiecutter_form.project import encoded, outputs_of_project
from builder.cookiecutter_form.values import CONTEXT, resolve
from builder.errors import InfergenError, VariablesError
from builder.hooks import Hook, HookPolicy, check_hooks, find_hooks, run_hooks
from builder.output import Output
from builder.render import plain
from builder.render.renderer import Renderer
from builder.variables import Given
from builder.yamlfile import Document


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it; ``variables`` are those that a caller may set, with their values."""

    digest: str
    variables: Mapping[str, Any]
    outputs: tuple[Output, ...]


def make(
    root: Path, name: str, file: Path | None, assignments: Sequence[str], policy: HookPolicy
) -> Made:
    """Render a service that is called ``name``. Raises an InfergenError."""
    form = read_form(root)
    hooks = check_hooks(find_hooks([root]), policy, root.resolve().name)
    schema = form.schema
    given = vars_.read_given(schema, file, assignments)
    vars_.check(schema, given)
    given = _with_folder_name(form, given, name)
    renderer = Renderer(environment_of(form, form.project, form.root / INCLUDED))
    values = resolve(form, given, renderer)
    _check_folder_name(form, values, name, renderer)
    suspects = _suspects(form, values, renderer)
    outputs = outputs_of_project(form, values, suspects, renderer)
    if hooks:

        def render(hook: Hook) -> bytes:
            return _render_hook(form, hook, values, suspects)

        outputs = run_hooks(hooks, outputs, name, render)
    shown = {key: value for key, value in values.items() if not key.startswith("_")}
    return Made(form.digest, shown, outputs)


def _with_folder_name(form: Form, given: Given, name: str) -> Given:
    """``--name`` gives its value to the one variable that the folder is called after, if any."""
    found = re.fullmatch(rf"\W*{CONTEXT}\.(\w+)\W*", form.project.name)
    variable = "" if found is None else found[1]
    if variable in given.values or not isinstance(form.raw.get(variable), str):
        return given
    return given.with_option(variable, name, "--name")


def _check_folder_name(
    form: Form, values: Mapping[str, Any], name: str, renderer: Renderer
) -> None:
    folder = renderer.render_inline(
        form.project.name, {CONTEXT: values}, where=str(form.root / form.project.name)
    )
    if folder != name:
        raise VariablesError(
            [
                f"--name {name}: the template calls its folder {folder}, by {form.project.name};"
                f" say --name {folder}, or set the variables that this is made of"
            ]
        )


def _suspects(form: Form, values: Mapping[str, Any], renderer: Renderer) -> dict[str, Any]:
    """The values that are not what the template itself would have them be."""
    try:
        usual = resolve(form, Given({}, Document(str(form.file), {}), {}), renderer)
    except InfergenError:
        # A default that cannot be had without being given.
        usual = {}
    return {
        name: value for name, value in values.items() if name not in usual or usual[name] != value
    }


def _render_hook(
    form: Form, hook: Hook, values: Mapping[str, Any], suspects: Mapping[str, Any]
) -> bytes:
    renderer = Renderer(environment_of(form, hook.file.parent))
    template = hook.file.name

    def text_with(changed: Mapping[str, Any]) -> str:
        context = {CONTEXT: {**plain.tamed(values), **changed}}
        return renderer.text(template, context, template)

    text, shown = text_with({}), f"{hook.file.parent.name}/{template}"
    plain.check_structure(text, suspects, text_with, destination=template, template=shown)
    return encoded(text, shown)
