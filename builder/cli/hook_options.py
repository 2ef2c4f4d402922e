"""What commands are told of a template set's hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.errors import UsageError

if TYPE_CHECKING:
    from builder.hooks import HookPolicy

TRUST = click.option("--trust", is_flag=True, help="Let hooks of the set run: programs of its own.")
NO_HOOKS = click.option("--no-hooks", is_flag=True, help="Do without the set's hooks.")


def hook_policy(*, trust: bool, no_hooks: bool) -> HookPolicy:
    """What the two options say. Raises UsageError if they contradict each other."""
    if trust and no_hooks:
        raise UsageError("--trust lets hooks run, --no-hooks does without them; choose one")
    return "run" if trust else "skip" if no_hooks else "refuse"
