"""Which line of which template wrote a line of an output."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, cast

from jinja2.sandbox import SandboxedEnvironment


def places_of(
    environment: SandboxedEnvironment, template: str, variables: Mapping[str, Any]
) -> list[tuple[str, int]]:
    """For each line of the output, the template and line that began it.

    The template is one that renders: this is asked when what it wrote is wrong.
    """
    loaded = environment.get_template(template)
    pieces = cast(
        "Generator[str, None, None]", loaded.root_render_func(loaded.new_context(dict(variables)))
    )
    places: list[tuple[str, int]] = []
    open_line = False
    for piece in pieces:
        name, line = _place(pieces) or (template, 0)
        lines = piece.split("\n")
        for number, text in enumerate(lines):
            if not open_line and (text or number < len(lines) - 1):
                places.append((name, line + number))
            open_line = bool(text) if number == len(lines) - 1 else False
            if number == 0 and len(lines) == 1:
                open_line = open_line or bool(places and not piece.endswith("\n"))
    return places


def _place(pieces: Generator[str, None, None]) -> tuple[str, int] | None:
    """Where a template stands that has just written something: in an included one, that one's."""
    found = None
    at: Any = pieces
    while at is not None and getattr(at, "gi_frame", None) is not None:
        template = at.gi_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = str(template.name), int(template.get_corresponding_lineno(at.gi_frame.f_lineno))
        at = at.gi_yieldfrom
    return found
