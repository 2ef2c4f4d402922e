"""Which language a generated file is written in, as far as its name tells."""

from __future__ import annotations

_BY_SUFFIX = {
    ".py": "python",
    ".pyi": "python",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".json": "json",
    ".toml": "toml",
    ".sh": "shell",
    ".bash": "shell",
    ".mk": "make",
    ".dockerfile": "dockerfile",
    ".md": "markdown",
    ".html": "html",
}
_BY_STEM = {
    "makefile": "make",
    "gnumakefile": "make",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
}


def file_kind(path: str) -> str | None:
    """The language's name, which is also the name of its quoting filter; None if unknown."""
    name = path.rpartition("/")[2].lower()
    stem, dot, suffix = name.rpartition(".")
    return _BY_SUFFIX.get(dot + suffix) or _BY_STEM.get(name if not dot else stem.partition(".")[0])
