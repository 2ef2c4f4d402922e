"""A copy of the default set to make one's own: the set, how to work on it, and its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from builder.authoring import golden
from builder.authoring.snapshots import Tested, remember, render_services
from builder.errors import TemplateSetError, WriteError
from builder.output import (
    EXECUTABLE_MODE,
    FILE_MODE,
    Output,
    OutputFile,
    OutputLink,
)
from builder.set_files import CACHES, walk_files
from builder.template_set import (
    PATH_MAP,
    SETTINGS,
    SKELETONS,
    TEMPLATES,
    default_root,
    open_template_set,
)
from builder.write import check_destination, publish

_FOLDERS = (SKELETONS, TEMPLATES, "vars")
_HELPERS = ("README.md", "makefile", ".gitignore", ".github/workflows/templates.yml")
"""What an exported set has beside its own files; they lie in ``exported/``."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where the set is now, and how many files it has."""

    path: Path
    files: int


def export(destination: Path) -> Exported:
    """Write the default set to a folder that is new or empty: the whole of it, or nothing.

    Its records are made on the way, so models are asked what they are. Raises WriteError or
    UnsafePathError, and what generating the set's own examples raises.
    """
    place = Path(destination.absolute())
    if place.is_dir() and any(place.iterdir()):
        raise WriteError(f"{destination} is not empty; name a folder that is new or empty")
    check_destination(place.parent, place.name)
    source = open_template_set(default_root())
    outputs = [*_set_files(source.root), *_helpers()]
    records: list[Tested] = []
    for tested in render_services(source):
        if tested.refused:
            continue
        if tested.error or tested.case is None:
            raise TemplateSetError(f"{tested.title}: {tested.error}")
        record = golden.record_path(Path(), tested.case.variant, tested.case.sample)
        text = golden.format_golden(golden.Golden(golden.describe(tested.outputs), tested.facts))
        outputs.append(OutputFile(record.as_posix(), FILE_MODE, text.encode()))
        records.append(replace(tested, record=place / record))
    published = publish(place.parent, place.name, outputs)
    for tested in records:
        # For the diff after the first edit.
        remember(tested)
    return Exported(destination, len(published.created))


def _set_files(root: Path) -> Iterator[Output]:
    for name in (PATH_MAP, SETTINGS):
        yield OutputFile(name, FILE_MODE, (root / name).read_bytes())
    for folder in _FOLDERS:
        for path in walk_files(root / folder):
            if CACHES.isdisjoint(path.split("/")):
                yield _copy(root / folder / path, f"{folder}/{path}")


def _copy(source: Path, path: str) -> Output:
    if source.is_symlink():
        return OutputLink(path, str(source.readlink()))
    mode = EXECUTABLE_MODE if source.stat().st_mode & 0o111 else FILE_MODE
    return OutputFile(path, mode, source.read_bytes())


def _helpers() -> Iterator[Output]:
    folder = resources.files("builder.authoring") / "exported"
    for name in _HELPERS:
        # In the package no name begins with a dot, which some tools would leave out.
        source = folder / name.removeprefix(".").replace("/", "-")
        yield OutputFile(name, FILE_MODE, source.read_bytes())
