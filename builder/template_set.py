"""Where templates come from: a folder with ``template/``, ``template_files/`` and a path map.

A set with an ``infergen.yaml`` has layers and variants; one without is *plain*, the classic form of
the pattern, and is used as it stands.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from builder import yamlfile
from builder.errors import TemplateSetError
from builder.migration import Migration, read_migrations
from builder.nearest import did_you_mean
from builder.paths import check_relative, resolve_inside

PATH_MAP = "correspond_file_path.yaml"
SETTINGS = "infergen.yaml"
SKELETONS = "template"
CACHES = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that tools leave where a set is worked on; no part of a set with layers."""

TEMPLATES = "template_files"
SCHEMA = "vars/schema.json"
DEFAULT_VARIABLES = "vars/sample.yaml"
PARTIAL_PREFIX = "_"
"""Templates whose file name begins so are there to be included, and need no map entry."""

_SETTINGS_KEYS = frozenset({"version", "supports", "variants", "essential", "migrations"})


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One line of the path map: a template, and where in the service its output goes."""

    template: str
    destination: str
    where: str


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """A template set that was found to be complete.

    ``variants`` maps a variant's name to its layers; it is empty for a plain set. ``digest`` is the
    sha256 over everything that decides what the set generates. ``essential`` are patterns of files
    that an update brings back when the user deleted them, since no service runs without them.
    """

    root: Path
    name: str
    plain: bool
    version: int
    supports: int
    variants: Mapping[str, tuple[str, ...]]
    entries: tuple[MapEntry, ...]
    digest: str
    essential: tuple[str, ...] = ()
    migrations: tuple[Migration, ...] = ()

    @property
    def skeletons(self) -> Path:
        return self.root / SKELETONS

    @property
    def templates(self) -> Path:
        return self.root / TEMPLATES

    @property
    def schema_file(self) -> Path | None:
        path = self.root / SCHEMA
        return path if path.is_file() else None

    @property
    def default_variables(self) -> Path | None:
        """The variables file that is used when the caller names neither one nor a model."""
        names = ("vars.yaml", DEFAULT_VARIABLES) if self.plain else (DEFAULT_VARIABLES, "vars.yaml")
        return next((self.root / name for name in names if (self.root / name).is_file()), None)

    @property
    def usual_variant(self) -> str:
        """The variant that is listed first, for sets whose variables name none."""
        return next(iter(self.variants))

    def layers(self, variant: str) -> tuple[str, ...]:
        """The layers of a variant, in order. Raises TemplateSetError for an unknown one."""
        if variant not in self.variants:
            hint = did_you_mean(variant, self.variants)
            known = ", ".join(self.variants)
            raise TemplateSetError(f"no variant {variant!r} in {self.name} (it has: {known}){hint}")
        return self.variants[variant]


def default_root() -> Path:
    """The set that ships with infergen: inside the wheel, or the root of a source checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "default_set"
    return shipped if shipped.is_dir() else package.parent


def is_template_set(folder: Path) -> bool:
    """Whether a folder looks like a template set; the classic call asks it of the current one."""
    return (folder / TEMPLATES).is_dir() and (folder / PATH_MAP).is_file()


def open_template_set(root: Path, path_map: Path | None = None) -> TemplateSet:
    """Read a set and check that it is complete. Raises TemplateSetError or YamlError.

    ``path_map`` is used instead of the set's own ``correspond_file_path.yaml``.
    """
    if not root.is_dir():
        raise TemplateSetError(f"{root}: no such folder; --templates names a template set's folder")
    map_file = path_map or root / PATH_MAP
    if not (root / TEMPLATES).is_dir():
        raise TemplateSetError(f"{root}: no folder {TEMPLATES}/, so this is no template set")
    plain = not (root / SETTINGS).is_file()
    settings = _Settings() if plain else _read_settings(root)
    entries = _read_path_map(map_file, root, plain=plain)
    return TemplateSet(
        root=root,
        name="infergen" if root.resolve() == default_root() else root.resolve().name,
        plain=plain,
        version=settings.version,
        supports=settings.supports,
        variants=settings.variants,
        entries=entries,
        digest=_digest(root, map_file),
        essential=settings.essential,
        migrations=settings.migrations,
    )


@dataclass(frozen=True, slots=True)
class _Settings:
    """``infergen.yaml``, or what stands for it in a plain set."""

    version: int = 0
    supports: int = 0
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    essential: tuple[str, ...] = ()
    migrations: tuple[Migration, ...] = ()


def _read_settings(root: Path) -> _Settings:
    document = yamlfile.read_mapping(root / SETTINGS)
    settings = document.value
    for key in settings:
        if key not in _SETTINGS_KEYS:
            hint = did_you_mean(key, _SETTINGS_KEYS)
            raise TemplateSetError(f"{document.where((key,))}: unknown setting {key}{hint}")
    version = _whole_number(document, "version", least=1)
    supports = _whole_number(document, "supports", least=0, default=0)
    variants = settings.get("variants")
    if not isinstance(variants, dict) or not variants:
        raise TemplateSetError(
            f"{document.where(('variants',))}: expected variants, such as"
            " `web-single: [common, web]`"
        )
    essential = settings.get("essential", [])
    if not isinstance(essential, list) or not all(isinstance(x, str) and x for x in essential):
        raise TemplateSetError(
            f"{document.where(('essential',))}: expected patterns, such as [run.sh, src/*]"
        )
    return _Settings(
        version,
        supports,
        {
            variant: _read_layers(document, root, variant, layers)
            for variant, layers in variants.items()
        },
        tuple(essential),
        read_migrations(document, version),
    )


def _whole_number(
    document: yamlfile.Document, key: str, *, least: int, default: int | None = None
) -> int:
    value = document.value.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise TemplateSetError(
            f"{document.where((key,))}: {key} is to be a whole number from {least}, got {value!r}"
        )
    return value


def _read_layers(
    document: yamlfile.Document, root: Path, variant: str, layers: Any
) -> tuple[str, ...]:
    where = document.where(("variants", variant))
    if not isinstance(layers, list) or not layers or not all(isinstance(x, str) for x in layers):
        raise TemplateSetError(
            f"{where}: {variant} is to be a list of layers, such as [common, web]"
        )
    for layer in layers:
        if check_relative(layer, what=where) and "/" in layer:
            raise TemplateSetError(f"{where}: a layer is one folder's name, got {layer}")
        if not any((root / kind / layer).is_dir() for kind in (SKELETONS, TEMPLATES)):
            raise TemplateSetError(
                f"{where}: no folder {SKELETONS}/{layer} or {TEMPLATES}/{layer} for layer {layer}"
            )
    if len(set(layers)) < len(layers):
        raise TemplateSetError(f"{where}: a layer is listed twice")
    return tuple(layers)


def _read_path_map(map_file: Path, root: Path, *, plain: bool) -> tuple[MapEntry, ...]:
    document = yamlfile.read_mapping(map_file)
    entries = tuple(
        _read_entry(document, root, template, destination, plain=plain)
        for template, destination in document.value.items()
    )
    mapped = {entry.template for entry in entries}
    unmapped = [name for name in _template_names(root / TEMPLATES) if name not in mapped]
    if unmapped:
        listed = "\n".join(f"  {TEMPLATES}/{name}" for name in unmapped)
        raise TemplateSetError(
            f"{map_file}: no entry for\n{listed}\nMap each, delete it, or begin its file name with"
            f" {PARTIAL_PREFIX!r} if it is only included by others."
        )
    return entries


def _read_entry(
    document: yamlfile.Document, root: Path, template: str, destination: Any, *, plain: bool
) -> MapEntry:
    where = document.where((template,))
    check_relative(template, what=where)
    if not isinstance(destination, str):
        raise TemplateSetError(
            f'{where}: {template}: expected where its output goes, such as "{{}}/Dockerfile"'
        )
    rest = destination.removeprefix("{}/")
    if rest == destination or "{" in rest or "}" in rest:
        raise TemplateSetError(
            f"{where}: {template}: {destination!r} is to begin with {{}}/, which stands for the"
            " service's folder, and to have no other braces"
        )
    check_relative(rest, what=where)
    if not resolve_inside(root / TEMPLATES, template).is_file():
        hint = did_you_mean(template, _template_names(root / TEMPLATES))
        raise TemplateSetError(f"{where}: no template {TEMPLATES}/{template}{hint}")
    if not plain and "/" not in template:
        raise TemplateSetError(f"{where}: {template} lies in no layer; expected layer/{template}")
    return MapEntry(template, rest, where)


def _template_names(folder: Path) -> list[str]:
    return [
        path
        for path in walk_files(folder)
        if path.endswith(".j2") and not PurePosixPath(path).name.startswith(PARTIAL_PREFIX)
    ]


def walk_files(folder: Path, below: str = "") -> Iterator[str]:
    """POSIX paths of all in a folder that is no folder itself, links unfollowed, in order."""
    with os.scandir(folder) as scan:
        items = sorted(scan, key=lambda item: item.name)
    for item in items:
        if item.is_dir(follow_symlinks=False):
            yield from walk_files(Path(item.path), f"{below}{item.name}/")
        else:
            yield below + item.name


def _digest(root: Path, map_file: Path) -> str:
    """Depends on names, exec bits and bytes alone: the same set has the same digest everywhere."""
    total = hashlib.sha256()

    def add(name: str, path: Path) -> None:
        if path.is_symlink():
            kind, content = "link", os.fsencode(path.readlink())
        elif not path.is_file():
            raise TemplateSetError(f"{path}: neither a file, a folder nor a link; remove it")
        else:
            kind = "exec" if path.stat().st_mode & 0o111 else "file"
            content = path.read_bytes()
        total.update(f"{kind} {name} {len(content)}\n".encode() + content)

    add(PATH_MAP, map_file)
    for single in (SETTINGS, SCHEMA):
        if (root / single).is_file():
            add(single, root / single)
    for folder in (SKELETONS, TEMPLATES):
        if (root / folder).is_dir():
            for name in walk_files(root / folder):
                if CACHES.isdisjoint(PurePosixPath(name).parts):
                    add(f"{folder}/{name}", root / folder / name)
    return total.hexdigest()
