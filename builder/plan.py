"""Variant and path map → what goes where: one source for each destination, every path checked."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import TemplateSetError
from builder.output import (
    EXECUTABLE_MODE,
    FILE_MODE,
    Output,
    OutputFile,
    OutputFolder,
    OutputLink,
)
from builder.paths import Claims, check_link, check_relative
from builder.set_files import CACHES
from builder.template_set import SKELETONS, TEMPLATES, TemplateSet

LARGE = 1024 * 1024
"""Skeleton files above this many bytes are copied from where they lie rather than read first."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A template to render, and where its output goes; ``mode`` follows the template's exec bit."""

    path: str
    template: str
    mode: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a service will consist of, but for its record: ready files, and what to render."""

    copies: tuple[Output, ...]
    renderings: tuple[Rendering, ...]


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What all services of the same layers have in common."""

    plan: Plan
    claims: Claims

    def with_files(self, attachments: Sequence[OutputFile]) -> Plan:
        """The plan of one service, with its files from outside the set, such as the model.

        Raises UnsafePathError where one claims what another source does.
        """
        claims = self.claims.copy()
        for attachment in attachments:
            claims.claim(check_relative(attachment.path, what="model"), "the model")
        return Plan((*self.plan.copies, *attachments), self.plan.renderings)


def plan_set(template_set: TemplateSet, layers: Sequence[str]) -> SetPlan:
    """Plan what comes from the set itself.

    Raises TemplateSetError or UnsafePathError where two sources claim one destination, or where a
    path leads out of the service or out of the set.
    """
    copies: list[tuple[Output, _Origin]] = []
    if template_set.plain:
        renderings = _renderings(template_set, None)
        rendered = {rendering.path for rendering, _ in renderings}
        # The classic builder copies first and then writes the rendered file over the copy.
        for copy in outputs_of(template_set.root / SKELETONS, SKELETONS):
            if copy.path not in rendered:
                copies.append((copy, _Origin(0, f"{SKELETONS}/{copy.path}")))
    else:
        renderings = _renderings(template_set, layers)
        copies += _layered_skeletons(template_set, layers)
    if template_set.base is not None:
        renderings, copies = _nearest(renderings, copies)
    claims = Claims()
    for copy, origin in copies:
        claims.claim(copy.path, origin.shown, folder=isinstance(copy, OutputFolder))
    for rendering, origin in renderings:
        claims.claim(rendering.path, origin.shown)
    plan = Plan(tuple(copy for copy, _ in copies), tuple(rendering for rendering, _ in renderings))
    return SetPlan(plan, claims)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where something comes from: how many sets away, and what to call it in a message."""

    level: int
    shown: str


def _layered_skeletons(
    template_set: TemplateSet, layers: Sequence[str]
) -> Iterator[tuple[Output, _Origin]]:
    for level, root in enumerate(template_set.roots):
        for layer in layers:
            shown = f"{SKELETONS}/{layer}"
            for copy in outputs_of(root / SKELETONS / layer, shown):
                if CACHES.isdisjoint(copy.path.split("/")):
                    yield copy, _Origin(level, f"{shown}/{copy.path}")


def _renderings(
    template_set: TemplateSet, layers: Sequence[str] | None
) -> list[tuple[Rendering, _Origin]]:
    found = []
    for entry in template_set.entries:
        if layers is None or entry.template.partition("/")[0] in layers:
            rendering = Rendering(entry.destination, entry.template, _mode(entry.file))
            found.append((rendering, _Origin(entry.level, f"{TEMPLATES}/{entry.template}")))
    return found


def _nearest(
    renderings: list[tuple[Rendering, _Origin]], copies: list[tuple[Output, _Origin]]
) -> tuple[list[tuple[Rendering, _Origin]], list[tuple[Output, _Origin]]]:
    """Without what a nearer set puts in the same place; two of one set are left to be refused."""
    nearest: dict[str, int] = {}
    for item, origin in (*renderings, *copies):
        nearest[item.path] = min(origin.level, nearest.get(item.path, origin.level))
    return (
        [(item, origin) for item, origin in renderings if origin.level == nearest[item.path]],
        [(item, origin) for item, origin in copies if origin.level == nearest[item.path]],
    )


def outputs_of(root: Path, shown: str) -> Iterator[Output]:
    """All in a folder, if there is one, as it stands there; ``shown`` names it in messages.

    Raises TemplateSetError or UnsafePathError for what no service may have.
    """
    if root.is_dir():
        yield from _walk(root, root, "", shown)


def _walk(root: Path, folder: Path, below: str, shown: str) -> Iterator[Output]:
    items = sorted(folder.iterdir())
    if not items and below:
        yield OutputFolder(below.rstrip("/"))
    for item in items:
        path = check_relative(below + item.name, what=shown)
        status = item.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield OutputLink(path, check_link(root, item))
        elif stat.S_ISDIR(status.st_mode):
            yield from _walk(root, item, f"{path}/", shown)
        elif stat.S_ISREG(status.st_mode):
            content = item if status.st_size > LARGE else item.read_bytes()
            yield OutputFile(path, _mode(item), content)
        else:
            raise TemplateSetError(
                f"{shown}/{path}: neither a file, a folder nor a link; remove it"
            )


def _mode(path: Path) -> int:
    return EXECUTABLE_MODE if path.stat().st_mode & 0o111 else FILE_MODE
