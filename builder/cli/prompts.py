"""``--interactive``: asks for variables, with the schema's defaults and checks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from builder import schema as schemas
from builder import variables as vars_
from builder.errors import UsageError
from builder.generate import Request
from builder.mistakes import mistakes
from builder.schema import Schema, Variable
from builder.template_set import is_cookiecutter_template, open_template_set
from builder.yamlfile import KeyPath

_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})


def ask(request: Request) -> Request:
    """The request with an answer for each variable that a person would choose.

    Nothing is asked where standard input is no terminal, nor for what ``--set`` has given.
    """
    if not sys.stdin.isatty():
        click.echo("infergen: standard input is no terminal, so nothing is asked", err=True)
        return request
    if is_cookiecutter_template(request.templates):
        raise UsageError("--interactive asks for no cookiecutter template's variables; use --set")
    template_set = open_template_set(
        request.templates, request.path_map, confined_to=request.confined_to
    )
    schema = schemas.read_schemas(template_set.schema_files)
    if schema is None:
        return request
    file = request.variables_file
    if file is None and request.model is None:
        file = template_set.default_variables
    given = vars_.read_given(schema, file, request.assignments)
    vars_.check(schema, given)
    current = schemas.overlay(schema, schemas.defaults(schema), given.values)
    answers = [
        f"{variable.name}={_ask_one(schema, variable, current)}"
        for variable in schema.variables()
        if _is_asked(variable) and _path(variable) not in given.options
    ]
    return replace(request, assignments=(*request.assignments, *answers))


def _path(variable: Variable) -> KeyPath:
    return tuple(variable.name.split("."))


def _is_asked(variable: Variable) -> bool:
    definition = variable.definition
    types = definition.get("type", "string" if "enum" in definition else "object")
    types = {types} if isinstance(types, str) else set(types)
    return types <= _SCALARS and not variable.read_only and definition.get("x-prompt", True)


def _ask_one(schema: Schema, variable: Variable, current: Mapping[str, Any]) -> str:
    path = _path(variable)
    value: Any = current
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    default = "" if value is None else str(value)

    def checked(text: str) -> str:
        typed = schemas.typed(schema, path, text)
        nested: Any = typed
        for key in reversed(path):
            nested = {key: nested}
        found = mistakes(schema, nested, lambda _: variable.name, lambda _: None, complete=False)
        if found:
            raise click.UsageError(found[0])
        return text

    click.echo(f"{variable.description} ({variable.expected})")
    answer: str = click.prompt(variable.name, default=default, value_proc=checked)
    return answer
