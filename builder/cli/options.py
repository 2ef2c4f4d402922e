"""Options that several commands have, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.errors import UsageError

if TYPE_CHECKING:
    from builder.hooks import HookPolicy

PATH = click.Path(path_type=Path)

TEMPLATES_OF_SERVICE = click.option(
    "--templates", metavar="SOURCE",
    help="A template set of your own, as in `infergen new`; the one that a service says it was"
    " fetched from, or the set that ships with infergen, by default.",
)  # fmt: skip
TRUST = click.option("--trust", is_flag=True, help="Let hooks of the set run: programs of its own.")
NO_HOOKS = click.option("--no-hooks", is_flag=True, help="Do without the set's hooks.")
PATH_MAP = click.option(
    "--correspond_file_path", "path_map", type=PATH, metavar="FILE",
    help="Path map to use instead of the set's own, from now on.",
)  # fmt: skip
SET = click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Set one variable, from now on (repeatable); dots reach into mappings.",
)  # fmt: skip
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only list what would be done.")
DIFF = click.option(
    "--diff", is_flag=True, help="Only show what would change in what stands there."
)
EXIT_CODE = click.option(
    "--exit-code", is_flag=True, help="With --dry-run or --diff: exit 2 on any change."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Report as one JSON document.")


def hook_policy(*, trust: bool, no_hooks: bool) -> HookPolicy:
    """What the two options say. Raises UsageError if they contradict each other."""
    if trust and no_hooks:
        raise UsageError("--trust lets hooks run, --no-hooks does without them; choose one")
    return "run" if trust else "skip" if no_hooks else "refuse"


def is_only_a_look(*, dry_run: bool, diff: bool, exit_code: bool, as_json: bool) -> bool:
    """Whether nothing is to be written. Raises UsageError if the options contradict each other."""
    if exit_code and not (dry_run or diff):
        raise UsageError("--exit-code goes with --dry-run or --diff")
    if diff and as_json:
        raise UsageError("--diff prints a diff, --json a document; choose one")
    return dry_run or diff
