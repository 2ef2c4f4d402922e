"""The templates of a set and of those that it extends, by the names that templates call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.lint.findings import Finding
from builder.set_files import BASE, walk_files
from builder.template_set import TemplateSet


@dataclass(frozen=True, slots=True)
class Text:
    """One template: where it lies, what it says, and how many sets away that is."""

    file: Path
    text: str
    level: int


def read_templates(template_set: TemplateSet) -> tuple[dict[str, Text], list[Finding]]:
    """Every template under each name that it may be called by, and findings of those that cannot be
    read.

    The nearest set that has a template gives it. `base:` before a name passes over one set, so each
    set further down has all names once more; see builder/render/sandbox.py.
    """
    named: dict[str, Text] = {}
    found: dict[str, Text] = {}
    unreadable: list[Finding] = []
    for level, folder in reversed(list(enumerate(template_set.template_folders))):
        for name, text in _in_folder(folder, level, unreadable):
            found[name] = text
        named |= {BASE * level + name: text for name, text in found.items()}
    return named, unreadable


def full_name(name: str, level: int) -> str:
    """What a template of this level calls another, as it is known here."""
    return BASE * level + name if name.startswith(BASE) else name


def own_files(texts: Mapping[str, Text]) -> dict[str, Text]:
    """The templates of the set itself, without those of the sets that it extends."""
    return {name: text for name, text in texts.items() if text.level == 0}


def _in_folder(folder: Path, level: int, unreadable: list[Finding]) -> Iterator[tuple[str, Text]]:
    for name in walk_files(folder) if folder.is_dir() else ():
        path = folder / name
        if not name.endswith(".j2"):
            continue
        try:
            yield name, Text(path, path.read_bytes().decode(), level)
        except UnicodeDecodeError as error:
            line = path.read_bytes().count(b"\n", 0, error.start) + 1
            hint = "Save the template as UTF-8."
            unreadable.append(Finding(str(path), line, "syntax", "not UTF-8", hint))
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            unreadable.append(Finding(str(path), 0, "syntax", message))
