"""What a set's ``extends`` means: the set that it lies over.

``infergen@3`` is the set that ships with infergen, at this version and no other. Anything else is a
folder, relative to the set's own, or a source as ``--templates`` takes it.
"""

from __future__ import annotations

import re
from pathlib import Path

from builder.errors import TemplateSetError
from builder.template_set import TemplateSet, default_root, open_template_set

_SHIPPED = "infergen"
_MOST_LEVELS = 8


def open_base(
    text: str, where: str, above: tuple[Path, ...], confined_to: Path | None
) -> TemplateSet:
    """Open the set that ``text`` names, read at ``where`` in the settings of the last of ``above``.

    ``above`` are the sets that extend it, one by way of another. Raises TemplateSetError, or what
    fetching a source raises.
    """
    if text.partition("@")[0] == _SHIPPED:
        return _open_shipped(text, where)
    folder = (above[-1] / text).resolve()
    if ":" in text or text.lower().endswith(".zip"):
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
    base = open_template_set(folder, confined_to=confined_to, extended_by=above)
    if base.plain:
        raise TemplateSetError(
            f"{where}: {text} is a plain set, which has no layers and cannot be extended"
        )
    return base


def _open_shipped(text: str, where: str) -> TemplateSet:
    base = open_template_set(default_root())
    if not re.fullmatch(rf"{_SHIPPED}@[1-9][0-9]{{0,5}}", text):
        raise TemplateSetError(
            f"{where}: extends: {text} is to say the version that it was made for:"
            f" {_SHIPPED}@{base.version} is the one that ships here"
        )
    if text != f"{_SHIPPED}@{base.version}":
        raise TemplateSetError(
            f"{where}: extends: {text}, but this infergen ships {_SHIPPED}@{base.version}; bring"
            f" the set to that version and say so, or install an infergen that ships {text}"
        )
    return base
