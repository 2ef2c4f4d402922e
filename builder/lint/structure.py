"""The set's own files: settings, path map, layers, and who writes what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from builder.errors import InfergenError
from builder.lint.findings import Finding, from_error
from builder.paths import Claims
from builder.set_files import CACHES, walk_files
from builder.template_set import SETTINGS, SKELETONS, TEMPLATES, TemplateSet


def of_errors(root: Path, errors: Iterable[tuple[str, InfergenError]]) -> Iterator[Finding]:
    """What reading the set found to be wrong."""
    for code, error in errors:
        if code != "unmapped-template":
            yield from from_error(error, code, root)
            continue
        for line in str(error).splitlines():
            if line.startswith("  "):
                yield Finding(
                    str(root / line.strip()),
                    0,
                    code,
                    "no entry in the path map",
                    "Map it, delete it, or begin its file name with _ if others include it.",
                )


def of_destinations(template_set: TemplateSet) -> Iterator[Finding]:
    """Two sources for one file of a service, in any variant.

    Both are the set's own: what it puts in the place of something that it extends is meant.
    """
    if template_set.plain:
        return _clashes(template_set, None)
    return (
        finding
        for layers in template_set.variants.values()
        for finding in _clashes(template_set, layers)
    )


def _clashes(template_set: TemplateSet, layers: Sequence[str] | None) -> Iterator[Finding]:
    claims = Claims()
    entries = [
        entry
        for entry in template_set.entries
        if entry.level == 0 and (layers is None or entry.template.partition("/")[0] in layers)
    ]
    rendered = {entry.destination for entry in entries} if layers is None else set()
    for file, path in _skeletons(template_set, layers):
        if path not in rendered:
            yield from _claim(claims, path, file, str(file), template_set.root)
    for entry in entries:
        source = f"{TEMPLATES}/{entry.template}"
        yield from _claim(claims, entry.destination, source, entry.where, template_set.root)


def _claim(
    claims: Claims, path: str, source: Path | str, where: str, root: Path
) -> Iterator[Finding]:
    try:
        claims.claim(path, str(source))
    except InfergenError as error:
        place = Finding(*_split(where), "duplicate-destination", "")
        message, _, hint = str(error).rpartition("; ")
        message = message.replace(f"{root}/", "")
        hint = hint[:1].upper() + hint[1:] + "."
        yield Finding(place.file, place.line, place.code, message, hint)


def _split(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (where, 0)


def _skeletons(
    template_set: TemplateSet, layers: Sequence[str] | None
) -> Iterator[tuple[Path, str]]:
    """Every skeleton file, and where in a service it goes."""
    root = template_set.root / SKELETONS
    for folder in [root] if layers is None else [root / layer for layer in layers]:
        if folder.is_dir():
            for path in walk_files(folder):
                if layers is None or CACHES.isdisjoint(path.split("/")):
                    yield folder / path, path


def of_layers(template_set: TemplateSet) -> Iterator[Finding]:
    """Folders that no variant has as a layer."""
    if template_set.plain:
        return
    used = {layer for layers in template_set.variants.values() for layer in layers}
    for folder in (template_set.root / SKELETONS, template_set.root / TEMPLATES):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_dir() and path.name not in used and path.name not in CACHES:
                yield Finding(
                    str(path),
                    0,
                    "unused-layer",
                    f"no variant has the layer {path.name}",
                    f"Add it to a variant in {SETTINGS}, or delete the folder.",
                )


def text_files(template_set: TemplateSet) -> Iterator[Path]:
    """The files of the set that people write."""
    root = template_set.root
    for folder in (SKELETONS, TEMPLATES):
        if (root / folder).is_dir():
            for path in walk_files(root / folder):
                if CACHES.isdisjoint(path.split("/")) and not (root / folder / path).is_symlink():
                    yield root / folder / path
    for pattern in ("vars/*.yaml", "vars/*.yml", "vars/*.json", "*.yaml", "*.yml"):
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file())
