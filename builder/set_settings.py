"""A template set's ``infergen.yaml``: version, variants, and what it says to updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import yamlfile
from builder.errors import InfergenError, TemplateSetError
from builder.extends import Extends
from builder.nearest import did_you_mean
from builder.paths import check_relative

_SETTINGS_KEYS = frozenset(
    {"extends", "version", "supports", "variants", "essential", "migrations"}
)


Report = Callable[[str, InfergenError], None]
"""Told of each thing that is wrong, with its code in `infergen templates lint`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The file as it is, and what is read of it first."""

    document: yamlfile.Document
    version: int
    supports: int
    extends: Extends | None


def read_settings(file: Path, report: Report) -> Settings:
    """Raises TemplateSetError or YamlError for what nothing can be made of; reports the rest."""
    document = yamlfile.read_mapping(file)
    settings = document.value
    for key in settings:
        if key not in _SETTINGS_KEYS:
            hint = did_you_mean(key, _SETTINGS_KEYS)
            report(
                "set", TemplateSetError(f"{document.where((key,))}: unknown setting {key}{hint}")
            )
    extends = settings.get("extends")
    if extends is not None and not isinstance(extends, str):
        raise TemplateSetError(
            f"{document.where(('extends',))}: extends is to be text, such as infergen@3, got"
            f" {extends!r}"
        )
    return Settings(
        document=document,
        version=_whole_number(document, "version", least=1),
        supports=_whole_number(document, "supports", least=0, default=0),
        extends=None if extends is None else Extends(extends, document.where(("extends",))),
    )


def read_variants(
    settings: Settings,
    inherited: Mapping[str, tuple[str, ...]] | None,
    places: Mapping[str, Sequence[Path]],
    report: Report,
) -> dict[str, tuple[str, ...]]:
    """The variants of a set with those that are ``inherited``, None if it extends no other.

    ``places`` are the folders that a layer may be one of, by what messages call them.
    """
    document = settings.document
    variants = document.value.get("variants")
    if inherited is not None and variants is None:
        return dict(inherited)
    if not isinstance(variants, dict) or not variants:
        raise TemplateSetError(
            f"{document.where(('variants',))}: expected variants, such as"
            " `web-single: [common, web]`"
        )
    found = dict(inherited or {})
    for variant, layers in variants.items():
        try:
            found[variant] = _read_layers(document, places, variant, layers)
        except InfergenError as error:
            report("set", error)
    return found


def read_essential(settings: Settings) -> tuple[str, ...]:
    """Patterns of files that no service runs without. Raises TemplateSetError."""
    document = settings.document
    patterns = document.value.get("essential", [])
    if not isinstance(patterns, list) or not all(isinstance(x, str) and x for x in patterns):
        raise TemplateSetError(
            f"{document.where(('essential',))}: expected patterns, such as [run.sh, src/*]"
        )
    return tuple(patterns)


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
    document: yamlfile.Document, places: Mapping[str, Sequence[Path]], variant: str, layers: Any
) -> tuple[str, ...]:
    where = document.where(("variants", variant))
    if not isinstance(layers, list) or not layers or not all(isinstance(x, str) for x in layers):
        raise TemplateSetError(
            f"{where}: {variant} is to be a list of layers, such as [common, web]"
        )
    for layer in layers:
        if check_relative(layer, what=where) and "/" in layer:
            raise TemplateSetError(f"{where}: a layer is one folder's name, got {layer}")
        if not any((folder / layer).is_dir() for folders in places.values() for folder in folders):
            named = " or ".join(f"{place}/{layer}" for place in places)
            raise TemplateSetError(f"{where}: no folder {named} for layer {layer}")
    if len(set(layers)) < len(layers):
        raise TemplateSetError(f"{where}: a layer is listed twice")
    return tuple(layers)
