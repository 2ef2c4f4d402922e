"""``infergen check``: whether services are up to date, and as they were generated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.cli.options import JSON, PATH, TEMPLATES_OF_SERVICE
from builder.cli.services import Outcome, Sets, check_folder, for_each
from builder.update.check import Status, check_service


@click.command("check")
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="PATH…")
@TEMPLATES_OF_SERVICE
@click.option("--allow-edits", is_flag=True, help="Edited files are listed, but no reason to fail.")
@JSON
def command(
    paths: tuple[Path, ...], templates: str | None, allow_edits: bool, as_json: bool
) -> int:
    """Tell whether services are outdated, or drifted from what was generated.

    Outdated: the template set, the variables or the model changed, so that `infergen update` has
    something to do. Drifted: somebody edited generated files. Exits with 0 if neither, 2 if one of
    them, 3 if conflicts of a former update are left; nothing is written.
    """
    sets = Sets(templates)

    def check(path: Path) -> Outcome:
        check_folder(path)
        status = check_service(path, sets.of(path).template_set)
        if not as_json:
            _print(status)
        if status.conflicts:
            return 3, _document(status)
        differs = status.outdated or (status.drifted and not allow_edits)
        return (2 if differs else 0), _document(status)

    return for_each(paths, check, as_json=as_json)


def _print(status: Status) -> None:
    words = [
        word
        for word, found in (
            ("outdated", status.outdated),
            ("drifted", status.drifted),
            ("conflicts are left", status.conflicts),
        )
        if found
    ]
    click.echo(f"{status.destination}: {', '.join(words) or 'up to date'}")
    for reason in status.outdated:
        click.echo(f"  outdated: {reason}")
    for drift in status.drifted:
        click.echo(f"  {drift.how}: {drift.path}")
    for path in status.conflicts:
        click.echo(f"  conflict: {path}")


def _document(status: Status) -> dict[str, Any]:
    record = status.record
    return {
        "path": str(status.destination),
        "set": {
            "name": record.set_name,
            "version": record.set_version,
            "digest": record.set_digest,
        },
        "variant": record.variant,
        "outdated": list(status.outdated),
        "drifted": [{"path": drift.path, "how": drift.how} for drift in status.drifted],
        "conflicts": list(status.conflicts),
    }
