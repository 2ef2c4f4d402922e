"""``infergen update``: bring services forward, and keep what somebody edited."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from builder.cli import interrupts
from builder.cli.options import (
    DIFF,
    DRY_RUN,
    EXIT_CODE,
    JSON,
    NO_HOOKS,
    PATH,
    PATH_MAP,
    SET,
    TEMPLATES_OF_SERVICE,
    TRUST,
    hook_policy,
    is_only_a_look,
)
from builder.cli.services import Outcome, Sets, check_folder, for_each
from builder.errors import Interrupted
from builder.generate import generate
from builder.record import RECORD_PATHS
from builder.update import FileUpdate, UpdatePlan, apply_update, plan_update
from builder.update.again import generate_again
from builder.update.versions import made_by
from builder.write.existing import look, recover


@click.command("update")
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="PATH…")
@TEMPLATES_OF_SERVICE
@TRUST
@NO_HOOKS
@PATH_MAP
@SET
@click.option(
    "--heal", multiple=True, metavar="FILE",
    help="Make this file of the service as generated, whatever was done to it (repeatable).",
)  # fmt: skip
@DRY_RUN
@DIFF
@EXIT_CODE
@JSON
def command(
    paths: tuple[Path, ...],
    templates: str | None,
    trust: bool,
    no_hooks: bool,
    path_map: Path | None,
    assignments: tuple[str, ...],
    heal: tuple[str, ...],
    dry_run: bool,
    diff: bool,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Bring services to what their template set generates now, keeping what was edited.

    A service follows the set, its own .infergen/vars.yaml, its model in models/, and --set. Files
    that nobody edited follow; edits are joined with the set's changes line by line. Where they
    contradict each other the lines are marked, and the exit code is 3.
    """
    look_only = is_only_a_look(dry_run=dry_run, diff=diff, exit_code=exit_code, as_json=as_json)
    hooks = hook_policy(trust=trust, no_hooks=no_hooks)
    sets = Sets(templates, path_map)

    def update(path: Path) -> Outcome:
        check_folder(path)
        kept = _repair(path, look_only=look_only)
        found = sets.of(path)
        again = generate_again(path, found.template_set, assignments)
        generated = generate(found.request(again.request, hooks))
        plan = plan_update(path, generated, heal=heal, own_inputs=True)
        interrupted = False
        if not look_only:
            interrupts.raise_lost()
            interrupted = apply_update(plan).interrupted
        document = _document(plan, again.carried, kept, dry_run=look_only)
        if diff:
            _print_diff(plan)
        elif not as_json:
            _print(plan, document)
        if interrupted:
            raise Interrupted(f"interrupted; {path} is complete, and nothing half-written is left")
        if look_only:
            return (2 if exit_code and plan.changes else 0), document
        if plan.conflicts:
            number = (
                "1 conflict" if len(plan.conflicts) == 1 else f"{len(plan.conflicts)} conflicts"
            )
            click.echo(
                f"infergen: {path}: {number} to be settled; `infergen check` lists what is left",
                err=True,
            )
            return 3, document
        return 0, document

    return for_each(paths, update, as_json=as_json)


def _repair(path: Path, *, look_only: bool) -> tuple[str, ...]:
    """Undo or finish an update that was killed; a mere look refuses to judge such a service."""
    if not look_only:
        return recover(path)
    with look(path):
        return ()


def _print_diff(plan: UpdatePlan) -> None:
    from builder.diff import changes_diff  # noqa: PLC0415 - brings difflib

    sys.stdout.writelines(changes_diff(plan.destination, plan.changes))


def _print(plan: UpdatePlan, document: dict[str, Any]) -> None:
    title = "up to date"
    if plan.changes:
        before, after = _versions(plan)
        title = after if before == after else f"{before} → {after}"
        title = f"{'would be updated' if document['dry_run'] else 'updated'} ({title})"
    click.echo(f"{plan.destination}: {title}")
    for line in document["variables"]:
        click.echo(f"  {line}")
    for path in document["kept_beside"]:
        click.echo(f"  {path} is what a former update, cut short, had set aside")
    for file in _shown(plan):
        word = "conflict" if file.conflict else file.action
        moved = f" (from {file.origin})" if file.origin else ""
        click.echo(f"  {word:9} {file.path}{moved}{f': {file.why}' if file.why else ''}")


def _versions(plan: UpdatePlan) -> tuple[str, str]:
    """Of the set before and now, and of those that it extends where theirs are others."""
    record, template_set = plan.record, plan.generated.template_set
    before = {f"{record.set_name} {record.set_version}": None}
    after = [f"{template_set.name} {template_set.version}"]
    for each, made in made_by(record, template_set):
        if each is not template_set and each.version != made:
            before[f"{each.name} {made}"] = None
            after.append(f"{each.name} {each.version}")
    return ", ".join(before), ", ".join(after)


def _shown(plan: UpdatePlan) -> list[FileUpdate]:
    return [f for f in plan.files if f.action != "unchanged" and f.path not in RECORD_PATHS]


def _document(
    plan: UpdatePlan, carried: tuple[str, ...], kept: tuple[str, ...], *, dry_run: bool
) -> dict[str, Any]:
    made, now = plan.record, plan.generated.template_set
    return {
        "path": str(plan.destination),
        "dry_run": dry_run,
        "changed": bool(plan.changes),
        "from": {"name": made.set_name, "version": made.set_version, "digest": made.set_digest},
        "set": {"name": now.name, "version": now.version, "digest": now.digest},
        "variant": plan.generated.variant,
        "variables": list(carried),
        "kept_beside": list(kept),
        "files": [_file(file) for file in plan.files],
    }


def _file(file: FileUpdate) -> dict[str, Any]:
    origin = {"from": file.origin} if file.origin else {}
    return {
        "path": file.path,
        "action": file.action,
        "conflict": file.conflict,
        "why": file.why,
        **origin,
    }
