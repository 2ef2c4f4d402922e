"""``infergen templates``: for those who edit template sets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.template_set import default_root

if TYPE_CHECKING:
    from builder.lint.lint import Report

_PATH = click.Path(path_type=Path)
_SET = click.argument("folder", metavar="[DIR]", type=_PATH, required=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="Report as one JSON document.")


@click.group("templates", context_settings={"max_content_width": 100})
def command() -> None:
    """Look at, check and test a template set; the default set where no DIR is given."""


@command.command("lint")
@_SET
@click.option("--strict", is_flag=True, help="Fail if a program that would check is missing.")
@click.option("--watch", is_flag=True, help="Check again whenever a file of the set changes.")
@_JSON
def lint_command(folder: Path | None, strict: bool, watch: bool, as_json: bool) -> int:
    """Tell everything that is wrong with a template set, each with file, line and code.

    Templates are followed whatever the variables are: undefined and unused variables, values that no
    filter quotes or one for another language, templates and layers that are missing, unmapped or
    unused. Every variant is rendered with every variables file in vars/; outputs are parsed, and
    shown to ruff, yamllint, hadolint, shellcheck and the schemas of check-jsonschema and
    kubernetes-validate, as far as these are installed. Nothing of the set is run.

    A finding that is meant is allowed by {# lint: allow CODE #} on its line or the one above.
    """
    from builder.lint.cache import open_cache  # noqa: PLC0415
    from builder.lint.lint import lint  # noqa: PLC0415

    root = folder or default_root()
    cache = open_cache(root)
    report = lint(root, cache)
    cache.save()
    return _tell(report, strict=strict, as_json=as_json)


def _tell(report: Report, *, strict: bool, as_json: bool) -> int:
    failed = bool(report.findings) or (strict and bool(report.unchecked))
    if as_json:
        click.echo(json.dumps(_document(report, ok=not failed), indent=2, ensure_ascii=False))
        return int(failed)
    for finding in report.findings:
        click.echo(str(finding))
    seen = f"{report.templates} templates, {report.files} files of {report.services} services"
    count = len(report.findings)
    said = "nothing found" if not count else f"{count} finding{'s' if count > 1 else ''}"
    click.echo(f"{report.root}: {said} ({seen})")
    if report.unchecked:
        missing = ", ".join(report.unchecked)
        click.echo(f"Not checked, since not installed: {missing}; pip install 'infergen[lint]'")
    return int(failed)


def _document(report: Report, *, ok: bool) -> dict[str, object]:
    return {
        "set": str(report.root),
        "ok": ok,
        "findings": [asdict(finding) for finding in report.findings],
        "templates": report.templates,
        "services": report.services,
        "files": report.files,
        "unchecked": list(report.unchecked),
    }
