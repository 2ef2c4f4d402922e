"""The values of a template's variables: what the caller gave, and the defaults made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.cookiecutter_form.form import Form
from builder.errors import TemplateSetError, VariablesError
from builder.nearest import did_you_mean
from builder.render.renderer import Renderer
from builder.variables import Given

CONTEXT = "cookiecutter"
"""The one name that templates know; all variables are its items."""


def resolve(form: Form, given: Given, renderer: Renderer) -> dict[str, Any]:
    """All variables, private ones too, in the template's order but for mappings, which come last.

    What was given is data; only the defaults are templates. Raises RenderError, TemplateSetError or
    VariablesError.
    """
    values: dict[str, Any] = {}

    def rendered(name: str, raw: Any) -> Any:
        match raw:
            case None | bool():
                return raw
            case dict():
                return {rendered(name, key): rendered(name, item) for key, item in raw.items()}
            case list():
                return [rendered(name, item) for item in raw]
        where = f"{form.file}: {name}"
        return renderer.render_inline(str(raw), {CONTEXT: values}, where=where)

    for name, raw in form.raw.items():
        if name == "__prompts__":
            continue
        if name.startswith("_"):
            values[name] = rendered(name, raw) if name.startswith("__") else raw
        elif isinstance(raw, list):
            values[name] = _chosen(name, rendered(name, raw), given, form)
        elif not isinstance(raw, dict):
            values[name] = given.values[name] if name in given.values else rendered(name, raw)
    for name, raw in form.raw.items():
        is_shown = not name.startswith("_")
        if isinstance(raw, dict) and (is_shown or name.startswith("__")) and name != "__prompts__":
            default = rendered(name, raw)
            said = given.values.get(name, {}) if is_shown else {}
            values[name] = _laid_over(default, said)
    return values


def _chosen(name: str, choices: list[Any], given: Given, form: Form) -> Any:
    if not choices:
        raise TemplateSetError(f"{form.file}: {name}: the list of choices is empty")
    if name not in given.values:
        return choices[0]
    chosen = given.values[name]
    if chosen not in choices:
        known = [str(choice) for choice in choices]
        hint = did_you_mean(str(chosen), known) or f" (choices: {', '.join(known)})"
        raise VariablesError([f"{given.where((name,))}: {name}: no choice {chosen!r}{hint}"])
    return chosen


def _laid_over(under: Any, over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _laid_over(below, value) if both else _as_text(value)
    return merged


def _as_text(value: Any) -> Any:
    """Numbers become texts, as in all that cookiecutter renders."""
    match value:
        case None | bool():
            return value
        case dict():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
    return str(value)
