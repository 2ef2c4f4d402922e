"""``infergen templates lint`` and ``infergen templates test``."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.options import JSON, PATH
from builder.errors import Interrupted, UsageError
from builder.template_set import SHIPPED, default_root, open_template_set

if TYPE_CHECKING:
    from builder.authoring.snapshots import Tested
    from builder.lint.lint import Report

FOLDER = click.argument("folder", metavar="[DIR]", type=PATH, required=False)
_MOST_LINES = 40


@click.command("lint")
@FOLDER
@click.option("--strict", is_flag=True, help="Fail if a program that would check is missing.")
@click.option("--watch", is_flag=True, help="Check again whenever a file of the set changes.")
@JSON
def lint_command(folder: Path | None, strict: bool, watch: bool, as_json: bool) -> int:
    """Tell everything that is wrong with a template set, each with file, line and code.

    Templates are followed whatever the variables are: undefined and unused variables, values that
    no filter quotes or one for another language, templates and layers that are missing, unmapped or
    unused, credentials. Every variant is rendered with every variables file in vars/; outputs are
    parsed, and shown to ruff, yamllint, hadolint, shellcheck and the schemas of check-jsonschema
    and kubernetes-validate, as far as these are installed. Nothing of the set is run but its
    models.

    What is meant is allowed by {# lint: allow CODE #} on its line, or alone on the line above.
    """
    from builder.lint.cache import open_cache  # noqa: PLC0415
    from builder.lint.lint import lint  # noqa: PLC0415

    root = folder or default_root()
    if watch:
        if as_json:
            raise UsageError("--watch reports again and again, --json once; choose one")
        return _watch(root, strict=strict)
    cache = open_cache(root)
    report = lint(root, cache)
    cache.save()
    return _tell(report, strict=strict, as_json=as_json)


def _watch(root: Path, *, strict: bool) -> int:
    """Until SIGINT or SIGTERM, which are how it is meant to end."""
    from builder.lint.cache import open_cache  # noqa: PLC0415
    from builder.lint.lint import lint  # noqa: PLC0415
    from builder.lint.watch import changes  # noqa: PLC0415

    cache = open_cache(root)
    try:
        for _ in changes(root):
            report = lint(root, cache)
            cache.save()
            cache = cache.next_run()
            click.echo(f"--- {time.strftime('%H:%M:%S')}")
            _tell(report, strict=strict, as_json=False)
    except Interrupted as interrupted:
        return interrupted.exit_code
    return 0


def _tell(report: Report, *, strict: bool, as_json: bool) -> int:
    failed = bool(report.findings) or (strict and bool(report.unchecked))
    if as_json:
        document = {
            "set": str(report.root),
            "ok": not failed,
            "findings": [asdict(finding) for finding in report.findings],
            "templates": report.templates,
            "services": report.services,
            "files": report.files,
            "unchecked": list(report.unchecked),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return int(failed)
    for finding in report.findings:
        click.echo(str(finding))
    seen = (
        f"{_count(report.templates, 'template')},"
        f" {_count(report.files, 'file')} of {_count(report.services, 'service')}"
    )
    said = _count(len(report.findings), "finding") if report.findings else "nothing found"
    click.echo(f"{report.root}: {said} ({seen})")
    if report.unchecked:
        click.echo(
            f"Not checked, since not installed: {', '.join(report.unchecked)};"
            " pip install 'infergen[lint]'"
        )
    return int(failed)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@click.command("test")
@FOLDER
@click.option("--update", is_flag=True, help="Make what is generated now the golden records.")
@click.option(
    "--snapshots", is_flag=True,
    help="With --update: keep the generated texts too, so that reviews show what changed.",
)  # fmt: skip
@click.option("--boot", "booted", is_flag=True, help="Start each service and check its answers.")
@JSON
def test_command(
    folder: Path | None, update: bool, snapshots: bool, booted: bool, as_json: bool
) -> int:
    """Compare what a set generates with its golden records.

    Every variant is rendered with every variables file in vars/, and compared with the record in
    tests/golden/. With --boot each service is started by its own run.sh, asked for the prediction
    of its sample, compared with ONNX Runtime's, and stopped.
    """
    if snapshots and not update:
        raise UsageError("--snapshots goes with --update, which writes the golden records")
    if update and folder is None and default_root().name == SHIPPED:
        raise UsageError(
            "--update writes records into the set; name the folder of your own, such as one that"
            " `infergen templates export DIR` makes"
        )
    from builder.authoring import snapshots as golden  # noqa: PLC0415

    template_set = open_template_set(folder or default_root())
    every: list[tuple[Tested, str, str]] = []
    for tested in golden.render_services(template_set):
        result = _boot(tested) if booted and tested.outputs else ("", "")
        every.append((tested, *result))
        if not as_json:
            _tell_one(tested, *result, update=update)
    services = [tested for tested, _, _ in every]
    made = [tested for tested in services if not tested.refused]
    broken = any(tested.error or error for tested, _, error in every)
    written, removed = 0, golden.stale_records(template_set, services)
    if update and not broken:
        written = sum([golden.accept(tested, texts=snapshots) for tested in made])
        golden.remove(removed)
    elif not update:
        for tested in made:
            if tested.passed:
                golden.remember(tested)
    failed = broken or (not update and (bool(removed) or not all(t.passed for t in services)))
    if as_json:
        document = {
            "set": str(template_set.root),
            "ok": not failed,
            "services": [_document(*one) for one in every],
            "stale": [str(path) for path in removed],
            "written": written,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _tell_all(services, removed, written, update=update, broken=broken)
    return int(failed)


def _boot(tested: Tested) -> tuple[str, str]:
    """What was checked, and what was wrong."""
    from builder.authoring.boot import BootError, boot, can_boot  # noqa: PLC0415

    if not can_boot(tested):
        return "has no run.sh, so it is not started", ""
    try:
        return boot(tested), ""
    except BootError as error:
        return "", str(error)


def _tell_one(tested: Tested, booted: str, boot_error: str, *, update: bool) -> None:
    if tested.error:
        click.echo(f"{tested.title}: cannot be made: {tested.error}")
        return
    if tested.refused:
        click.echo(f"{tested.title}: refused, as meant: {tested.refused}")
        return
    if boot_error:
        click.echo(f"{tested.title}: {boot_error}")
    said = "as recorded"
    if not tested.known:
        said = "no record so far"
    elif tested.changes:
        said = f"{_count(len(tested.changes), 'file')} not as recorded"
    click.echo(f"{tested.title}: {said}{'; ' if booted else ''}{booted}")
    if update:
        return
    for change in tested.changes:
        click.echo(f"  {change.action:8} {change.path}")
        for line in change.diff[:_MOST_LINES]:
            click.echo(f"    {line}")
        if len(change.diff) > _MOST_LINES:
            click.echo(f"    … {len(change.diff) - _MOST_LINES} more lines")


def _tell_all(
    services: list[Tested], removed: list[Path], written: int, *, update: bool, broken: bool
) -> None:
    for path in removed:
        click.echo(f"{path}: the set has no such service" + ("; removed" if update else ""))
    if update:
        if broken:
            click.echo("No record was written, since there is a service that is not right.")
        else:
            click.echo(f"{_count(written, 'record')} written")
    elif not all(tested.passed for tested in services) or removed:
        click.echo("If this is what you mean: infergen templates test --update")


def _document(tested: Tested, booted: str, boot_error: str) -> dict[str, object]:
    return {
        "service": tested.title,
        "record": str(tested.record),
        "ok": tested.passed and not boot_error,
        "recorded": tested.known,
        "error": tested.error or boot_error or None,
        "refused": tested.refused or None,
        "boot": booted or None,
        "changes": [
            {"path": change.path, "action": change.action, "diff": "\n".join(change.diff)}
            for change in tested.changes
        ],
    }
