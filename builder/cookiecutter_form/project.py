"""The ``{{cookiecutter.…}}`` folder, from its files to those of the service."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cookiecutter.generate import is_binary

from builder.cookiecutter_form.form import Form
from builder.cookiecutter_form.values import CONTEXT
from builder.errors import RenderError, UnsafePathError
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder
from builder.paths import Claims, check_relative
from builder.plan import LARGE
from builder.render import plain
from builder.render.renderer import Renderer

Render = Callable[[str, str, Mapping[str, Any]], str]
"""A template's text, from its name, where it goes, and the variables."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder of the project; ``name`` is as it lies there, ``path`` where it goes."""

    name: str
    path: str
    is_folder: bool
    is_copied: bool


def outputs_of_project(
    form: Form, values: Mapping[str, Any], suspects: Mapping[str, Any], renderer: Renderer
) -> tuple[Output, ...]:
    """All files of the service. ``suspects`` are the values that a caller had a say in.

    Raises RenderError, TemplateSetError or UnsafePathError.
    """
    outputs: list[Output] = []
    claims = Claims()
    for item in _items(form, values, renderer):
        shown = f"{form.project.name}/{item.name}"
        check_relative(item.path, what=shown)
        claims.claim(item.path, shown, folder=item.is_folder)
        if item.is_folder:
            outputs.append(OutputFolder(item.path))
        else:
            outputs.append(_output(form, item, values, suspects, renderer))
    filled = {parent for output in outputs for parent in _parents(output.path)}
    return tuple(it for it in outputs if not (isinstance(it, OutputFolder) and it.path in filled))


def _items(form: Form, values: Mapping[str, Any], renderer: Renderer) -> Iterator[Item]:
    def path_of(name: str) -> str:
        where = f"{form.project.name}/{name}"
        # Not that of a path which begins with it: that would be absolute.
        return re.sub(
            r"(?<=.)/+", "/", renderer.render_inline(name, {CONTEXT: values}, where=where)
        )

    def walk(folder: Path, below: str, copied_to: str | None) -> Iterator[Item]:
        for entry in sorted(folder.iterdir()):
            name = below + entry.name
            # A link to a file is read as the file; what it leads to is checked when it is.
            is_folder = entry.is_dir()
            if is_folder and entry.is_symlink():
                raise UnsafePathError(f"{entry}: a link to a folder, which is not followed")
            copied = copied_to is not None or any(fnmatch(name, it) for it in form.copied_patterns)
            path = path_of(name) if copied_to is None else f"{copied_to}/{entry.name}"
            if is_folder:
                path = path.rstrip("/") if path != "/" else path
                if path:
                    yield Item(name, path, is_folder=True, is_copied=copied)
                yield from walk(entry, f"{name}/", path if copied else None)
            elif path and not path.endswith("/"):
                yield Item(name, path, is_folder=False, is_copied=copied)

    yield from walk(form.project, "", None)


def _output(
    form: Form,
    item: Item,
    values: Mapping[str, Any],
    suspects: Mapping[str, Any],
    renderer: Renderer,
) -> OutputFile:
    source = _file_inside(form, item.name)
    mode = EXECUTABLE_MODE if source.stat().st_mode & 0o100 else FILE_MODE
    if item.is_copied or is_binary(str(source)):
        content = source if source.stat().st_size > LARGE else source.read_bytes()
        return OutputFile(item.path, mode, content)

    def text_with(changed: Mapping[str, Any]) -> str:
        context = {CONTEXT: {**plain.tamed(values), **changed}}
        return renderer.text(item.name, context, item.path)

    text = text_with({})
    plain.check_structure(
        text,
        suspects,
        text_with,
        destination=item.path,
        template=f"{form.project.name}/{item.name}",
    )
    newline = str(values.get("_new_lines") or "") or _newline_of(source)
    content = encoded(text.replace("\n", newline), f"{form.project.name}/{item.name}")
    return OutputFile(item.path, mode, content)


def encoded(text: str, shown: str) -> bytes:
    """As UTF-8. Raises RenderError."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise RenderError(
            f"{shown}: the output holds half a surrogate pair, which is no text"
        ) from None


def _file_inside(form: Form, name: str) -> Path:
    """A file of the project, or of the template where it is a link, as to its own licence."""
    path = form.project / name
    found = Path(os.path.realpath(path))
    if not found.is_relative_to(form.root.resolve()):
        raise UnsafePathError(f"{path}: the link leads outside {form.root}")
    if not found.is_file():
        raise UnsafePathError(f"{path}: no file, nor a link to one; remove it")
    return found


def _newline_of(source: Path) -> str:
    """That of the first line, as cookiecutter takes it for the whole file."""
    with source.open(newline="", encoding="utf-8", errors="replace") as file:
        line = file.readline()
    return line[len(line.rstrip("\r\n")) :] or "\n"


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        yield "/".join(parts[:depth])
