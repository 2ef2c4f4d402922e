"""Which line of which template wrote a line of an output."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame


def places_of(
    environment: Environment, template: str, variables: Mapping[str, Any]
) -> list[tuple[str, int]]:
    """For each line of the output, the template and line that began it.

    It is one that can be rendered; this is asked when what it wrote is wrong. What was captured
    before it is printed, as in a macro, is put down to where it is printed.
    """
    traced = environment.overlay(cache_size=-1, bytecode_cache=None)
    traced.code_generator_class = _traced(environment.code_generator_class)
    loaded = traced.get_template(template)
    pieces = cast(
        "Generator[str, None, None]", loaded.root_render_func(loaded.new_context(dict(variables)))
    )
    places: list[tuple[str, int]] = []
    begun = False
    for piece in pieces:
        name, line = _place(pieces) or (template, 0)
        for number, text in enumerate(piece.split("\n")):
            if number > 0:
                begun = False
            if text and not begun:
                places.append((name, line + number))
                begun = True
            elif number < piece.count("\n") and not begun:
                places.append((name, line + number))
    return places


def _place(pieces: Any) -> tuple[str, int] | None:
    """Where a template stands that has just written something: in an included one, that one's."""
    found = None
    while (frame := getattr(pieces, "gi_frame", None)) is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = str(template.name), int(template.get_corresponding_lineno(frame.f_lineno))
        # An included template's pieces are passed on by a loop over `gen`.
        pieces = frame.f_locals.get("gen", pieces.gi_yieldfrom)
    return found


def _traced(generator: type[CodeGenerator]) -> type[CodeGenerator]:
    class Traced(generator):  # type: ignore[valid-type, misc]
        """Notes the line of plain text too, which Jinja2 does not."""

        def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802
            for child in node.nodes:
                self.newline(child)
                super().visit_Output(nodes.Output([child], lineno=child.lineno), frame)

    return Traced
