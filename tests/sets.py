"""Small template sets, made for a test and then broken by it."""

from __future__ import annotations

from pathlib import Path

import yaml


def make_plain_set(root: Path) -> Path:
    """A plain set of one skeleton file and one template."""
    write(root / "template" / "notes.txt", "as it stands\n")
    write(root / "template_files" / "hello.txt.j2", "hello {{ name }}\n")
    write_map(root, {"hello.txt.j2": "{}/hello.txt"})
    write(root / "vars.yaml", "name: sample\n")
    return root


def make_layered_set(root: Path) -> Path:
    """A set with two layers and two variants, and no schema of its own."""
    write(root / "template" / "base" / "notes.txt", "as it stands\n")
    write(root / "template_files" / "base" / "app.py.j2", "NAME = {{ name | python }}\n")
    write(root / "template_files" / "more" / "more.yml.j2", "name: {{ name | yaml }}\n")
    write_map(root, {"base/app.py.j2": "{}/app.py", "more/more.yml.j2": "{}/more.yml"})
    write(
        root / "infergen.yaml",
        "version: 1\nsupports: 0\nvariants:\n  small: [base]\n  large: [base, more]\n",
    )
    write(root / "vars.yaml", "variant: small\n")
    return root


def write_map(root: Path, entries: dict[str, object]) -> None:
    write(root / "correspond_file_path.yaml", yaml.safe_dump(entries))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
