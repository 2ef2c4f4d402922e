"""What a set's ``extends`` means: where the set lies that it extends, and whether that will do.

``infergen@3`` is the set that ships with infergen, at this version and no other. Anything else is a
folder, relative to the set's own, or a source as ``--templates`` takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from builder.errors import TemplateSetError

_SHIPPED = "infergen"
_MOST_LEVELS = 8


@dataclass(frozen=True, slots=True)
class Extends:
    """The text, and where in the settings it stands."""

    text: str
    where: str

    @property
    def is_shipped(self) -> bool:
        return self.text.partition("@")[0] == _SHIPPED


@dataclass(frozen=True, slots=True)
class Base:
    """The folder of the set that is extended, and what that is confined to in turn."""

    folder: Path
    confined_to: Path | None


def folder_of(text: str, own: Path, shipped: Path) -> Path | None:
    """The folder that a set in ``own`` extends; None for what is to be fetched first."""
    if text.partition("@")[0] == _SHIPPED:
        return shipped
    if ":" in text or text.lower().endswith(".zip"):
        return None
    return (own / text).resolve()


def find_base(
    extends: Extends, above: tuple[Path, ...], *, shipped: Path, confined_to: Path | None
) -> Base:
    """Find the set that the last of ``above`` extends; the others extend that one.

    Raises TemplateSetError, or what fetching a source raises.
    """
    text, where = extends.text, extends.where
    folder = folder_of(text, above[-1], shipped)
    if extends.is_shipped:
        confined_to = None
    if folder is None:
        from builder.sources import fetch  # noqa: PLC0415 - few sets extend those

        fetched = fetch(text, local=confined_to is None)
        folder, confined_to = fetched.folder, fetched.confined_to
    elif confined_to is not None and not folder.is_relative_to(confined_to.resolve()):
        raise TemplateSetError(
            f"{where}: extends: {text} leads out of what the set was fetched with"
        )
    elif not folder.is_dir():
        raise TemplateSetError(f"{where}: extends: no folder {folder}")
    if folder in above or len(above) >= _MOST_LEVELS:
        raise TemplateSetError(f"{where}: extends: {text} leads back to a set that extends it")
    return Base(folder, confined_to)


def check_base(extends: Extends, *, plain: bool, version: int) -> None:
    """Raise TemplateSetError if the set that was found is not one to extend."""
    text, where = extends.text, extends.where
    if plain:
        raise TemplateSetError(
            f"{where}: {text} is a plain set, which has no layers and cannot be extended"
        )
    if not extends.is_shipped or text == f"{_SHIPPED}@{version}":
        return
    if not re.fullmatch(rf"{_SHIPPED}@[1-9][0-9]{{0,5}}", text):
        raise TemplateSetError(
            f"{where}: extends: {text} is to say the version that it was made for:"
            f" {_SHIPPED}@{version} is the one that ships here"
        )
    raise TemplateSetError(
        f"{where}: extends: {text}, but this infergen ships {_SHIPPED}@{version}; bring the set to"
        f" that version and say so, or install an infergen that ships {text}"
    )
