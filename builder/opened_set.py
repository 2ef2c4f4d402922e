"""A template set with all that is made of it once, for however many services.

One service needs each part once, so nothing is made before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.output import EXECUTABLE_MODE, OutputFile
from builder.plan import Rendering, SetPlan, plan_set
from builder.schema import Schema, read_schemas
from builder.template_set import TEMPLATES, TemplateSet, open_template_set

if TYPE_CHECKING:
    from builder.render.memo import Memo
    from builder.render.renderer import Renderer


class OpenedSet:
    """A set whose schema is read, and whose templates are compiled when they are first rendered.

    Not for threads: rendering is bounded by an alarm, which is the main thread's.
    """

    def __init__(self, template_set: TemplateSet, schema: Schema | None) -> None:
        self.template_set = template_set
        self.schema = schema
        self._plans: dict[tuple[str, ...], SetPlan] = {}
        self._memo: Memo[OutputFile | None] | None = None

    def prepare_for_many(self) -> None:
        """Make ready for many services: load what rendering needs, so that processes forked from
        this one have it, and remember what templates render to."""
        from builder.render.memo import Memo  # noqa: PLC0415 - one service has no use for it

        if not self.template_set.plain:
            # A classic template may change what it is given, and so the next one's variables.
            self._memo = Memo(self._renderer.environment)

    def plan(self, layers: Sequence[str]) -> SetPlan:
        """What services of these layers have in common. Raises as ``plan_set`` does."""
        key = tuple(layers)
        if key not in self._plans:
            self._plans[key] = plan_set(self.template_set, layers)
        return self._plans[key]

    def render(
        self, renderings: Sequence[Rendering], variables: Mapping[str, Any]
    ) -> tuple[OutputFile, ...]:
        """The verified files of one service; what renders to nothing is left out.

        Raises RenderError with the template's file and line.
        """
        if self._memo is None:
            outputs = [self._render(rendering, variables) for rendering in renderings]
        else:
            outputs = self._render_or_recall(renderings, variables, self._memo)
        return tuple(output for output in outputs if output is not None)

    def _render_or_recall(
        self,
        renderings: Sequence[Rendering],
        variables: Mapping[str, Any],
        memo: Memo[OutputFile | None],
    ) -> list[OutputFile | None]:
        from builder.render.memo import Fingerprints  # noqa: PLC0415

        memo.begin_service()
        service = Fingerprints(variables)
        outputs: list[OutputFile | None] = []
        for rendering in renderings:
            known = memo.recall(rendering.template, service)
            if known is None:
                memo.begin()
                known = (self._render(rendering, variables),)
                memo.keep(rendering.template, service, *known)
            outputs += known
        return outputs

    def _render(self, rendering: Rendering, variables: Mapping[str, Any]) -> OutputFile | None:
        from builder.render.verify import verify  # noqa: PLC0415 - not needed to look at a set

        template = rendering.template
        content = self._renderer.render(template, variables, destination=rendering.path)
        if not self.template_set.plain and not content.strip():
            return None
        verify(rendering.path, content, template=f"{TEMPLATES}/{template}")
        mode = EXECUTABLE_MODE if content.startswith(b"#!") else rendering.mode
        return OutputFile(rendering.path, mode, content)

    @cached_property
    def _renderer(self) -> Renderer:
        from builder.render.renderer import Renderer  # noqa: PLC0415 - brings jinja2
        from builder.render.sandbox import layered_environment, plain_environment  # noqa: PLC0415

        make = plain_environment if self.template_set.plain else layered_environment
        return Renderer(make(*self.template_set.template_folders))


def open_set(
    root: Path, path_map: Path | None = None, *, confined_to: Path | None = None
) -> OpenedSet:
    """Open the set in a folder; see ``open_template_set``. Raises TemplateSetError or YamlError."""
    return with_schema(open_template_set(root, path_map, confined_to=confined_to))


def with_schema(template_set: TemplateSet) -> OpenedSet:
    """A set that was read already. Raises TemplateSetError."""
    return OpenedSet(template_set, read_schemas(template_set.schema_files))
