"""One file over all services of a fleet: for Docker Compose, or for kustomize.

Each model stays in a service of its own. What is written begins with a line that says who wrote it,
and only a file that begins so is ever replaced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from builder.defaults import lay_over
from builder.errors import InfergenError, WriteError
from builder.fleet import compose, kustomization
from builder.fleet.files import write_whole
from builder.fleet.members import Fleet, Member
from builder.fleet.outcome import Action
from builder.fleet.report import Aggregate
from builder.fleet.service import Service
from builder.record import read_record
from builder.render.quoting import dns_label
from builder.schema import Schema
from builder.yamlfile import read_mapping

Kind = Literal["compose", "kustomize"]
MARK = "# Written by `infergen fleet --aggregate"


_REMARKS: Mapping[Kind, str] = {
    "compose": "changes go into an override file",
    "kustomize": "changes go into another kustomization",
}


def aggregate(
    kind: Kind, fleet: Fleet, output: Path, schema: Schema | None, *, check: bool
) -> Aggregate:
    """Write the file over those services that stand in ``output``; with ``check``, only compare.

    What keeps them from being joined, such as somebody else's file in its place, is told in what is
    returned.
    """
    notes: list[str] = []
    main = output / (compose.FILE if kind == "compose" else kustomization.FILE)
    try:
        found = (_service(fleet, member, output, schema) for member in fleet.members)
        services = [service for service in found if service is not None]
        join = compose.join if kind == "compose" else kustomization.join
        files = {
            output / path: f"{MARK} {kind}`: {_REMARKS[kind]}\n---\n{_dump(document)}"
            for path, document in join(services, notes).items()
        }
        action = _bring(output, main, files, check=check)
    except InfergenError as error:
        return Aggregate(str(main), "failed", tuple(notes), str(error))
    return Aggregate(str(main), action, tuple(notes))


def _bring(output: Path, main: Path, files: Mapping[Path, str], *, check: bool) -> Action:
    standing = {path: _read(path) for path in files}
    unused = [
        path
        for path in sorted(output.glob(kustomization.SHARED.format("*")))
        if main.name == kustomization.FILE and path not in files and _is_ours(path)
    ]
    if standing == files and not unused:
        return "unchanged"
    if not check:
        # The one over all comes last, when all that it refers to is there.
        for path, text in reversed(list(files.items())):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
        for path in unused:
            path.unlink()
            with contextlib.suppress(OSError):
                path.parent.rmdir()
    return "created" if standing[main] is None else "changed"


def _service(fleet: Fleet, member: Member, output: Path, schema: Schema | None) -> Service | None:
    folder = output / member.name
    try:
        record = None if member.wrong else read_record(folder)
        if record is None:
            return None
        given = read_mapping(fleet.variables_file(member))
        shared = lay_over(schema, fleet.defaults(member), given)
    except InfergenError:
        # What is wrong with it was told when it was to be made.
        return None
    return Service(
        name=member.name,
        folder=folder,
        app=dns_label(member.name),
        namespace=str(record.variables.get("namespace") or dns_label(member.name)),
        rank=0 if "port" in given.value else 1 if "port" in shared.value else 2,
    )


def _read(path: Path) -> str | None:
    """What stands at a path, if infergen wrote it. Raises WriteError if somebody else did."""
    if not os.path.lexists(path):
        return None
    if not _is_ours(path):
        raise WriteError(
            f"{path} was not written by infergen, and is not replaced; move it elsewhere"
        )
    return path.read_text("utf-8")


def _is_ours(path: Path) -> bool:
    try:
        return path.read_text("utf-8").startswith(MARK)
    except (OSError, UnicodeDecodeError):
        return False


class _Dumper(yaml.SafeDumper):
    """Indents lists in mappings, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _dump(document: Any) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
