"""``cookiecutter.json``: which variables a template has, and what they are by default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import TemplateSetError
from builder.schema import Schema
from builder.set_files import digest_of, files_below
from builder.template_set import HOOKS

FILE = "cookiecutter.json"
INCLUDED = "templates"
"""The folder of templates that others include."""

_PROMPTS = "__prompts__"
_NESTED = ("template", "templates")
_SETTINGS = ("_copy_without_render", "_extensions")


@dataclass(frozen=True, slots=True)
class Form:
    """A template of cookiecutter's form; ``raw`` is its JSON, whose texts are templates."""

    root: Path
    project: Path
    raw: Mapping[str, Any]
    digest: str

    @property
    def file(self) -> Path:
        return self.root / FILE

    @property
    def schema(self) -> Schema:
        """What a caller may say; defaults are left out, since they follow from other values."""
        prompts = self.raw.get(_PROMPTS)
        words = prompts if isinstance(prompts, dict) else {}
        properties = {
            name: {"description": _described(words.get(name)), **_definition(default)}
            for name, default in self.raw.items()
            if not name.startswith("_")
        }
        return Schema(str(self.file), {"properties": properties, "additionalProperties": False})

    @property
    def copied_patterns(self) -> tuple[str, ...]:
        """Patterns of paths that are copied as they stand."""
        return tuple(self.raw.get("_copy_without_render", ()))

    @property
    def jinja_settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.raw.get("_jinja2_env_vars", {})
        return settings


def read_form(root: Path) -> Form:
    """Read a template of cookiecutter's form. Raises TemplateSetError."""
    file = root / FILE
    try:
        raw = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_without_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise TemplateSetError(
            f"{file}: not the JSON of a cookiecutter template: {error}"
        ) from None
    if not isinstance(raw, dict):
        raise TemplateSetError(f"{file}: expected a mapping of variables to their defaults")
    for name in _NESTED:
        if name in raw:
            raise TemplateSetError(
                f"{file}: there are several templates in here; choose the folder of one: after a #"
                f" if the source is no folder itself ({_shown_choices(raw[name])})"
            )
    for name in _SETTINGS:
        patterns = raw.get(name, [])
        if not isinstance(patterns, list) or not all(isinstance(it, str) for it in patterns):
            raise TemplateSetError(f"{file}: {name} is to be a list of texts")
    if not isinstance(raw.get("_jinja2_env_vars", {}), dict):
        raise TemplateSetError(f"{file}: _jinja2_env_vars is to be a mapping")
    project = _project_folder(root, raw.get("_jinja2_env_vars", {}))
    files = [
        (FILE, file),
        *(it for name in (HOOKS, INCLUDED, project.name) for it in files_below(root, name)),
    ]
    return Form(root, project, raw, digest_of(files))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)} is there twice")
    return mapping


def _project_folder(root: Path, jinja_settings: Mapping[str, Any]) -> Path:
    """The one folder whose name is a template itself."""
    opening = str(jinja_settings.get("variable_start_string", "{{"))
    closing = str(jinja_settings.get("variable_end_string", "}}"))
    found = [
        path
        for path in sorted(root.iterdir())
        if all(part in path.name for part in ("cookiecutter", opening, closing))
    ]
    if len(found) != 1 or found[0].is_symlink() or not found[0].is_dir():
        raise TemplateSetError(
            f"{root}: expected one folder with a name such as {opening}cookiecutter.name{closing},"
            f" found {len(found)}"
        )
    return found[0]


def _definition(default: Any) -> dict[str, Any]:
    """What a variable takes, going by its default."""
    match default:
        case bool():
            return {"type": "boolean"}
        case list():
            fixed = not any(isinstance(choice, str) and "{" in choice for choice in default)
            return {"enum": [_text(choice) for choice in default]} if fixed else {"type": "string"}
        case dict():
            return {"type": "object"}
        case None:
            return {"type": ["string", "null"]}
    return {"type": "string"}


def _text(choice: Any) -> Any:
    """cookiecutter makes texts of numbers."""
    return choice if choice is None or isinstance(choice, bool | list | dict) else str(choice)


def _described(words: Any) -> str:
    if isinstance(words, dict):
        words = words.get("__prompt__", "")
    return words if isinstance(words, str) else ""


def _shown_choices(nested: Any) -> str:
    """The folders of the templates that a JSON lists, in its old form or its new one."""
    if isinstance(nested, dict):
        paths = [str(it.get("path")) for it in nested.values() if isinstance(it, dict)]
        return ", ".join(paths)
    return ", ".join(map(str, nested)) if isinstance(nested, list) else str(nested)
