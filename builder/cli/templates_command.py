"""``infergen templates``: for those who edit template sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli import interrupts
from builder.cli.options import JSON
from builder.cli.templates_checks import FOLDER, lint_command, test_command
from builder.errors import TemplateSetError, UsageError
from builder.template_set import TemplateSet, default_root, open_template_set

if TYPE_CHECKING:
    from builder.authoring.overview import FileShown, Overview
    from builder.schema import Schema


@click.group("templates", context_settings={"max_content_width": 100})
def command() -> None:
    """Look at, check and test a template set: the default set where no DIR is given."""


command.add_command(lint_command)
command.add_command(test_command)


@command.command("show")
@FOLDER
@click.option("--variant", metavar="NAME", help="Only the files of this variant.")
@JSON
def show_command(folder: Path | None, variant: str | None, as_json: bool) -> None:
    """Show what a set consists of: variants, layers, files, variables."""
    from builder.authoring.overview import look_at  # noqa: PLC0415

    template_set = open_template_set(folder or default_root())
    if variant is not None:
        if template_set.plain:
            raise UsageError(f"--variant {variant}: {template_set.name} has no variants")
        template_set.layers(variant)
    overview = look_at(template_set)
    files = {
        name: shown for name, shown in overview.files.items() if variant is None or name == variant
    }
    if as_json:
        click.echo(json.dumps(_document(overview, files), indent=2, ensure_ascii=False))
        return
    version = "" if template_set.plain else f", version {template_set.version}"
    base = template_set.base
    extends = "" if base is None else f", extends {base.name}, version {base.version}"
    click.echo(f"{template_set.name}{version}{extends}: {template_set.root}")
    if template_set.variants:
        _rows("Variants", [(name, ", ".join(each)) for name, each in template_set.variants.items()])
    for name, shown in files.items():
        rows = [(each.path, _source(each, template_set)) for each in shown]
        _rows(f"Files of {name}" if name else "Files", rows)
    _rows("Variables", [(v.name, v.expected) for v in overview.variables if not v.read_only])


def _rows(title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        width = min(max(len(name) for name, _ in rows), 60)
        click.echo(f"\n{title}:")
        for name, text in rows:
            click.echo(f"  {name:{width}}  {text}")


def _source(file: FileShown, template_set: TemplateSet) -> str:
    return file.source if file.of_set is template_set else f"{file.source} of {file.of_set.name}"


def _document(overview: Overview, files: dict[str, list[FileShown]] | Any) -> dict[str, Any]:
    template_set = overview.template_set
    return {
        "name": template_set.name,
        "path": str(template_set.root),
        "plain": template_set.plain,
        "version": template_set.version,
        "supports": template_set.supports,
        "digest": template_set.digest,
        "extends": None if template_set.base is None else template_set.base.name,
        "variants": {name: list(layers) for name, layers in template_set.variants.items()},
        "files": {
            name: [
                {
                    "path": each.path,
                    "source": each.source,
                    "set": each.of_set.name,
                    "rendered": each.rendered,
                }
                for each in shown
            ]
            for name, shown in files.items()
        },
        "variables": [
            {
                "name": variable.name,
                "description": variable.description,
                "expected": variable.expected,
                "read_only": variable.read_only,
                **({"default": variable.default} if variable.has_default else {}),
            }
            for variable in overview.variables
        ],
    }


@command.command("schema")
@FOLDER
def schema_command(folder: Path | None) -> None:
    """Print the JSON Schema of a set's variables, with those of a set that it extends."""
    schema, files = _schema(folder)
    if len(files) == 1:
        click.echo(files[0].read_text("utf-8"), nl=False)
    else:
        click.echo(json.dumps(schema.root, indent=2, ensure_ascii=False))


@command.command("docs")
@FOLDER
def docs_command(folder: Path | None) -> None:
    """Print a set's variables as a Markdown table."""
    from builder.authoring.docs import markdown_table  # noqa: PLC0415

    schema, _ = _schema(folder)
    click.echo(markdown_table(schema), nl=False)


def _schema(folder: Path | None) -> tuple[Schema, tuple[Path, ...]]:
    """The set's schema, and the files that it is made of."""
    from builder.schema import read_schemas  # noqa: PLC0415

    template_set = open_template_set(folder or default_root())
    schema = read_schemas(template_set.schema_files)
    if schema is None:
        raise TemplateSetError(
            f"{template_set.root}: the set has no vars/schema.json; write one, so that variables"
            " are checked and documented"
        )
    return schema, template_set.schema_files


@command.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@JSON
def export_command(folder: Path, as_json: bool) -> None:
    """Write the default set to DIR, new or empty, to make it your own.

    Beside the set there is what tests it: golden records, a makefile, a CI workflow.
    """
    from builder.authoring.export import export  # noqa: PLC0415

    interrupts.raise_lost()
    exported = export(folder)
    if as_json:
        click.echo(json.dumps({"path": str(exported.path), "files": exported.files}, indent=2))
    else:
        click.echo(f"{exported.path}: {exported.files} files")
        click.echo(f"Next: cd {exported.path} && make watch")
