"""Template sets in versions of their own, services made from them, and their update."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from builder.generate import Request, generate
from builder.template_set import open_template_set
from builder.update import UpdatePlan, apply_update, plan_update
from builder.update.again import generate_again
from builder.write import publish
from tests.sets import write, write_map

NAME = "svc"

Files = Mapping[str, str | bytes]


def make_set(
    root: Path,
    files: Files,
    version: int = 1,
    *,
    supports: int = 2,
    links: Mapping[str, str] | None = None,
    folders: Sequence[str] = (),
    executables: Sequence[str] = (),
    **settings: object,
) -> Path:
    """A set of one variant in ``root / set``, in place of any that is there.

    Text with braces becomes a template, all else a skeleton file.
    """
    place = root / "set"
    shutil.rmtree(place, ignore_errors=True)
    skeleton, templates = place / "template" / "base", place / "template_files" / "base"
    entries: dict[str, object] = {}
    skeleton.mkdir(parents=True)
    templates.mkdir(parents=True)
    for path, content in files.items():
        if isinstance(content, str) and "{{" in content:
            write(templates / f"{path}.j2", content)
            entries[f"base/{path}.j2"] = "{}/" + path
        else:
            file = skeleton / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if not entries:
        write(templates / "name.txt.j2", "{{ name | yaml }}\n")
        entries["base/name.txt.j2"] = "{}/name.txt"
    for path, target in (links or {}).items():
        (skeleton / path).parent.mkdir(parents=True, exist_ok=True)
        (skeleton / path).symlink_to(target)
    for path in folders:
        (skeleton / path).mkdir(parents=True, exist_ok=True)
    for path in executables:
        (skeleton / path).chmod(0o755)
    write_map(place, entries)
    document = {"version": version, "supports": supports, "variants": {"usual": ["base"]}}
    write(place / "infergen.yaml", yaml.safe_dump({**document, **settings}))
    write(place / "vars.yaml", "greeting: hello\n")
    return place


def make_service(place: Path, output: Path) -> Path:
    """A new service of the set as it is now."""
    publish(output, NAME, generate(Request(NAME, place)).outputs)
    return output / NAME


def plan(service: Path, place: Path, *assignments: str, heal: Sequence[str] = ()) -> UpdatePlan:
    again = generate_again(service, open_template_set(place), assignments)
    return plan_update(service, generate(again.request), heal=heal, own_inputs=True)


def update(service: Path, place: Path, *assignments: str, heal: Sequence[str] = ()) -> UpdatePlan:
    """What ``infergen update`` does, in this process."""
    planned = plan(service, place, *assignments, heal=heal)
    apply_update(planned)
    return planned


def actions(planned: UpdatePlan) -> dict[str, str]:
    """What happens to each file outside of the record, unless nothing does."""
    return {
        file.path: "conflict" if file.conflict else file.action
        for file in planned.files
        if file.action != "unchanged" and not file.path.startswith(".infergen/")
    }
