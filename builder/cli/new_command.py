"""``infergen new``: generate one service."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli import interrupts, variables_help
from builder.cli.options import (
    DIFF,
    DRY_RUN,
    EXIT_CODE,
    JSON,
    NO_HOOKS,
    PATH,
    PATH_MAP,
    SET,
    TRUST,
    hook_policy,
    is_only_a_look,
)
from builder.errors import Interrupted, UsageError
from builder.generate import Generated, Request, generate
from builder.record import Record, read_record
from builder.sources import Fetched, fetch
from builder.template_set import default_root, is_template_set
from builder.write import Published, check_destination, publish

if TYPE_CHECKING:
    from builder.write.comparison import Comparison

CHANGES = 2
"""Exit code of a look that found something would change."""


@click.command("new", cls=variables_help.CommandWithVariables)
@click.option("--name", required=True, help="Name of the service, and of its folder.")
@click.option(
    "--vars", "--variable_file", "variables_file", type=PATH, metavar="FILE",
    help="Variables; without it and without --model, the set's own example.",
)  # fmt: skip
@click.option("--model", type=PATH, metavar="FILE.onnx", help="The model to serve.")
@click.option("--labels", type=PATH, metavar="FILE", help="Labels: JSON, or text with one a line.")
@click.option("--variant", metavar="NAME", help="Variant of the template set.")
@SET
@click.option(
    "--output", type=PATH, default=Path(), metavar="DIR",
    help="Folder in which the service's folder is made; the current one by default.",
)  # fmt: skip
@click.option(
    "--templates", metavar="SOURCE",
    help="A template set of your own: a folder, a zip (a file or a URL), or a git URL such as"
    " https://host/org/set.git@v1#sub/folder (a tag, a branch or a commit, and where in it; each"
    " may be left out); gh:org/set@v1 and cookiecutter's other abbreviations too.",
)  # fmt: skip
@TRUST
@NO_HOOKS
@PATH_MAP
@click.option("--interactive", is_flag=True, help="Ask for variables; never without a terminal.")
@click.option(
    "--samples", type=PATH, metavar="PATH",
    help="edge variants: make the model faster or smaller, if it stays as right on these samples.",
)  # fmt: skip
@DRY_RUN
@DIFF
@EXIT_CODE
@click.option("--force", is_flag=True, help="Replace generated files that nobody edited.")
@JSON
@click.option("--classic", is_flag=True, hidden=True)
def command(
    name: str,
    variables_file: Path | None,
    model: Path | None,
    labels: Path | None,
    variant: str | None,
    assignments: tuple[str, ...],
    output: Path,
    templates: str | None,
    trust: bool,
    no_hooks: bool,
    path_map: Path | None,
    interactive: bool,
    samples: Path | None,
    dry_run: bool,
    diff: bool,
    exit_code: bool,
    force: bool,
    as_json: bool,
    classic: bool,
) -> int:
    """Generate a service from variables and an ONNX model.

    With nothing but a name it makes the embedded example, a classifier of irises.
    """
    look_only = is_only_a_look(dry_run=dry_run, diff=diff, exit_code=exit_code, as_json=as_json)
    hooks = hook_policy(trust=trust, no_hooks=no_hooks)
    fetched = fetch(templates) if templates else Fetched(_usual_templates(classic=classic))
    if samples is not None and look_only:
        raise UsageError(
            "--samples converts a project that is written; leave out --dry-run, --diff"
        )
    request = Request(
        name=name,
        templates=fetched.folder,
        source=fetched.source,
        confined_to=fetched.confined_to,
        hooks=hooks,
        path_map=path_map,
        variables_file=variables_file,
        model=model,
        labels=labels,
        variant=variant,
        assignments=assignments,
    )
    if interactive:
        from builder.cli import prompts  # noqa: PLC0415 - a plain run asks nothing

        request = prompts.ask(request)
    check_destination(output, name, force=force or look_only)
    destination = output / name
    previous = read_record(destination)
    generated = generate(replace(request, previous=previous))
    _say_if_moved(generated.record, previous)
    if look_only:
        return _look(generated, output, name, diff=diff, exit_code=exit_code, as_json=as_json)
    if samples is not None:
        from builder.conversion import check_convertible  # noqa: PLC0415 - a plain run has none

        own_set = generated.template_set.root.resolve() != default_root().resolve()
        check_convertible(generated.outputs, samples, own_set=own_set)
    interrupts.raise_lost()
    published = publish(output, name, generated.outputs, force=force)
    report = None
    if samples is not None:
        from builder.conversion import convert  # noqa: PLC0415

        try:
            report = convert(destination, samples)
        except Interrupted:
            raise Interrupted(
                f"interrupted; {destination} is complete, but its model was not converted"
            ) from None
    interrupts.too_late()
    _report(generated, destination, _actions(published), as_json=as_json, converted=report)
    return 0


def _look(
    generated: Generated, output: Path, name: str, *, diff: bool, exit_code: bool, as_json: bool
) -> int:
    """Show what writing would do, as a list or as a diff."""
    from builder.diff import unified_diff  # noqa: PLC0415 - a plain run needs neither
    from builder.write.existing import compare  # noqa: PLC0415

    comparison = compare(output, name, generated.outputs)
    if diff:
        sys.stdout.writelines(unified_diff(output / name, generated.outputs, comparison))
    else:
        actions = dict(_actions(comparison)) | dict.fromkeys(comparison.edited, "edited")
        listed = sorted(actions.items())
        _report(generated, output / name, listed, as_json=as_json, dry_run=True)
    changed = comparison.created or comparison.replaced or comparison.removed
    return CHANGES if exit_code and changed else 0


def _say_if_moved(record: Record, previous: Record | None) -> None:
    """A tag or a branch may mean something else than when the service was last made."""
    source = record.source
    if source is None or previous is None or previous.source is None:
        return
    if source.said == previous.source.said and record.set_digest != previous.set_digest:
        then, now = previous.source.commit, source.commit
        moved = f": commit {then[:12]} then, {now[:12]} now" if then and now else ""
        click.echo(
            f"infergen: note: {source.said} is not what it was when this service was last made"
            f"{moved}",
            err=True,
        )


def _usual_templates(*, classic: bool) -> Path:
    here = Path()
    return here if classic and is_template_set(here) else default_root()


def _actions(result: Comparison | Published) -> list[tuple[str, str]]:
    """What happens to each file, in order of their paths."""
    actions = {
        **dict.fromkeys(result.created, "create"),
        **dict.fromkeys(result.replaced, "replace"),
        **dict.fromkeys(result.removed, "remove"),
        **dict.fromkeys(result.unchanged, "keep"),
    }
    return sorted(actions.items())


def _report(
    generated: Generated,
    destination: Path,
    actions: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    dry_run: bool = False,
    converted: dict[str, Any] | None = None,
) -> None:
    if as_json:
        document = _document(generated, destination, actions, dry_run=dry_run)
        if converted is not None:
            document["conversion"] = converted
        click.echo(json.dumps(document, indent=2))
    elif dry_run:
        for path, action in actions:
            click.echo(f"{action:8}{path}")
    else:
        kind = f"{generated.variant} of " if generated.variant else ""
        of_set = generated.template_set.name
        click.echo(f"{destination}: {len(generated.outputs)} files ({kind}{of_set})")
        if converted is not None:
            click.echo(f"Model: {converted['verdict']} (models/conversion.json)")
        if not generated.template_set.plain:
            runs = any(output.path == "run.sh" for output in generated.outputs)
            click.echo(f"Next: cd {destination} && {'./run.sh' if runs else 'make help'}")


def _document(
    generated: Generated,
    destination: Path,
    actions: Sequence[tuple[str, str]],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    template_set = generated.template_set
    return {
        "service": destination.name,
        "path": str(destination),
        "dry_run": dry_run,
        "set": {
            "name": template_set.name,
            "version": template_set.version,
            "digest": template_set.digest,
        },
        "variant": generated.variant,
        "files": [{"path": path, "action": action} for path, action in actions],
    }
