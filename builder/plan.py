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
from builder.template_set import CACHES, SKELETONS, TEMPLATES, TemplateSet

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


def make_plan(
    template_set: TemplateSet, layers: Sequence[str], attachments: Sequence[OutputFile]
) -> Plan:
    """Plan one service; see ``plan_set`` and ``SetPlan.with_files`` for what they raise."""
    return plan_set(template_set, layers).with_files(attachments)


def plan_set(template_set: TemplateSet, layers: Sequence[str]) -> SetPlan:
    """Plan what comes from the set itself.

    Raises TemplateSetError or UnsafePathError where two sources claim one destination, or where a
    path leads out of the service or out of the set.
    """
    claims = Claims()
    copies: list[Output] = []
    if template_set.plain:
        renderings = _renderings(template_set, None)
        rendered = {rendering.path for rendering in renderings}
        # The classic builder copies first and then writes the rendered file over the copy.
        copies += [
            c for c in _skeleton(template_set.skeletons, SKELETONS) if c.path not in rendered
        ]
        for copy in copies:
            _claim(claims, copy, f"{SKELETONS}/{copy.path}")
    else:
        renderings = _renderings(template_set, layers)
        for layer in layers:
            for copy in _skeleton(template_set.skeletons / layer, f"{SKELETONS}/{layer}"):
                if CACHES.isdisjoint(copy.path.split("/")):
                    _claim(claims, copy, f"{SKELETONS}/{layer}/{copy.path}")
                    copies.append(copy)
    for rendering in renderings:
        claims.claim(rendering.path, f"{TEMPLATES}/{rendering.template}")
    return SetPlan(Plan(tuple(copies), renderings), claims)


def _claim(claims: Claims, output: Output, source: str) -> None:
    claims.claim(output.path, source, folder=isinstance(output, OutputFolder))


def _renderings(template_set: TemplateSet, layers: Sequence[str] | None) -> tuple[Rendering, ...]:
    return tuple(
        Rendering(
            path=entry.destination,
            template=entry.template,
            mode=_mode(template_set.templates / entry.template),
        )
        for entry in template_set.entries
        if layers is None or entry.template.partition("/")[0] in layers
    )


def _skeleton(root: Path, shown: str) -> Iterator[Output]:
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
