"""The environment of a template of cookiecutter's form: cookiecutter's own, in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from cookiecutter.extensions import JsonifyExtension, SlugifyExtension, TimeExtension
from jinja2.exceptions import SecurityError

from builder.cookiecutter_form.form import Form
from builder.errors import TemplateSetError
from builder.render.sandbox import BoundedEnvironment, ConfinedLoader, NamedStrictUndefined

_USUAL = (JsonifyExtension, SlugifyExtension, TimeExtension)
_SYNTAX_ONLY = ("jinja2.ext.do", "jinja2.ext.loopcontrols")
_THERE_ANYWAY = (
    "jinja2.ext.with_",
    "jinja2.ext.autoescape",
    "jinja2_time.TimeExtension",
    "cookiecutter.extensions.JsonifyExtension",
    "cookiecutter.extensions.RandomStringExtension",
    "cookiecutter.extensions.SlugifyExtension",
    "cookiecutter.extensions.TimeExtension",
    "cookiecutter.extensions.UUIDExtension",
)
_RANDOM = ("random_ascii_string", "uuid4")
_TEXT_SETTINGS = frozenset(
    ["block_start_string", "block_end_string", "variable_start_string", "variable_end_string"]
    + ["comment_start_string", "comment_end_string"]
    + ["line_statement_prefix", "line_comment_prefix"]
)
_SWITCHES = frozenset({"trim_blocks", "lstrip_blocks", "keep_trailing_newline"})


def environment_of(form: Form, *folders: Path) -> BoundedEnvironment:
    """The template's own environment, reading from these folders. Raises TemplateSetError."""
    syntax = []
    for name in form.raw.get("_extensions", ()):
        if name in _SYNTAX_ONLY:
            syntax.append(name)
        elif name not in _THERE_ANYWAY:
            raise TemplateSetError(
                f"{form.file}: _extensions: {name} would run code of its own, so it is not loaded;"
                f" known are {', '.join(_SYNTAX_ONLY)} and cookiecutter's own"
            )
    for name, value in form.jinja_settings.items():
        fitting = isinstance(value, bool) if name in _SWITCHES else isinstance(value, str) and value
        if name not in _TEXT_SETTINGS | _SWITCHES or not fitting:
            raise TemplateSetError(f"{form.file}: _jinja2_env_vars: {name}: {value!r} is not known")
    settings: dict[str, Any] = {"keep_trailing_newline": True, **form.jinja_settings}
    try:
        environment = BoundedEnvironment(
            loader=ConfinedLoader(*folders, inside=form.root),
            undefined=NamedStrictUndefined,
            extensions=[*_USUAL, *syntax],
            auto_reload=False,
            cache_size=-1,
            **settings,
        )
    except ValueError as error:
        raise TemplateSetError(f"{form.file}: _jinja2_env_vars: {error}") from None
    environment.globals |= {name: _refusing(name) for name in _RANDOM}
    return environment


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_arguments: Any, **_named: Any) -> NoReturn:
        raise SecurityError(
            f"{name}() would answer something else each time, and the same input is to give the"
            " same service; give the variable a value by --set"
        )

    return refuse
