"""One file over all services of a fleet: for Docker Compose, or for kustomize.

Each model stays in a service of its own. What is written begins with a line that says who wrote it,
and only a file that begins so is ever replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from builder.defaults import lay_over
from builder.errors import InfergenError, WriteError
from builder.fleet import compose, kustomization
from builder.fleet.files import write_whole
from builder.fleet.members import Fleet, Member
from builder.fleet.report import Aggregate
from builder.fleet.service import Service
from builder.record import read_record
from builder.render.quoting import dns_label
from builder.schema import Schema
from builder.yamlfile import read_mapping

Kind = Literal["compose", "kustomize"]
MARK = "# Written by `infergen fleet --aggregate`"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    text: str


def aggregate(
    kind: Kind, fleet: Fleet, members: Sequence[Member], output: Path, schema: Schema | None,
    *, check: bool,
) -> Aggregate:  # fmt: skip
    """Write the file over those services that stand in ``output``; with ``check``, only compare.

    Raises InfergenError if they cannot be joined, or if a file of somebody else is in the way.
    """
    notes: list[str] = []
    services = [
        service
        for member in fleet.members
        if (service := _service(fleet, member, output, schema)) is not None
    ]
    documents: Mapping[str, Any]
    if kind == "compose":
        documents = {compose.FILE: compose.join(services, notes)}
        remark = "changes belong into docker-compose.override.yml"
    else:
        documents = kustomization.join(services, notes)
        remark = "changes belong into a kustomization that has this one as a resource"
    main = next(iter(documents))
    head = f"{MARK} {kind}; {remark}.\n---\n"
    files = [_File(output / path, head + _dump(document)) for path, document in documents.items()]
    unused = _unused(output, kind, set(documents))
    existed = (output / main).exists()
    standing = [_read(file.path) for file in files]
    changed = bool(unused) or standing != [file.text for file in files]
    if changed and not check:
        for file in files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file.path, file.text)
        for path in unused:
            path.unlink()
    action: Literal["created", "changed", "unchanged"] = "unchanged"
    if changed:
        action = "changed" if existed else "created"
    return Aggregate(str(output / main), action, tuple(notes))


def _service(fleet: Fleet, member: Member, output: Path, schema: Schema | None) -> Service | None:
    folder = output / member.name
    try:
        record = None if member.wrong else read_record(folder)
    except InfergenError:
        record = None
    if record is None:
        return None
    given = read_mapping(fleet.variables_file(member))
    own = "port" in given.value
    shared = lay_over(schema, fleet.defaults(member), given).value
    return Service(
        name=member.name,
        folder=folder,
        app=dns_label(member.name),
        namespace=str(record.variables.get("namespace") or dns_label(member.name)),
        rank=0 if own else 1 if "port" in shared else 2,
    )


def _read(path: Path) -> str | None:
    """What stands at a path, if infergen wrote it. Raises WriteError if somebody else did."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.startswith(MARK):
        raise WriteError(
            f"{path} was not written by infergen, and is not replaced; move it elsewhere"
        )
    return text


def _unused(output: Path, kind: Kind, wanted: set[str]) -> list[Path]:
    """Files of former runs that are no longer part of it."""
    if kind == "compose":
        return []
    paths = sorted(output.glob(kustomization.SHARED.format("*")))
    return [
        path
        for path in paths
        if path.relative_to(output).as_posix() not in wanted
        and path.read_text("utf-8").startswith(MARK)
    ]


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
