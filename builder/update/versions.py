"""Whether a set brings a service forward, and by which steps."""

from __future__ import annotations

from builder.errors import TemplateSetError
from builder.migration import Migration
from builder.record import Record
from builder.template_set import TemplateSet


def steps_between(record: Record, template_set: TemplateSet, where: str) -> tuple[Migration, ...]:
    """The migrations from the version that made a service to the set's, in order.

    None where the service goes over to another set. Raises TemplateSetError if the service is of a
    newer version than the set's, or of one that is not supported any more.
    """
    if record.set_name != template_set.name:
        return ()
    made, now = record.set_version, template_set.version
    if made > now:
        raise TemplateSetError(
            f"{where}: made by version {made} of {template_set.name}, which is newer than"
            f" {_named(template_set)}; use a newer one"
        )
    oldest = now - template_set.supports
    if made < oldest:
        raise TemplateSetError(
            f"{where}: made by version {made} of {template_set.name}, and {_named(template_set)}"
            f" brings services forward from version {oldest} on; update it first with a version"
            f" from {made + 1} to {oldest}, or generate it anew beside this one and move your edits"
        )
    return tuple(step for step in template_set.migrations if step.since >= made)


def renamed_files(steps: tuple[Migration, ...]) -> dict[str, str]:
    """Where a file lay before all steps, by where it lies now."""
    origins: dict[str, str] = {}
    for step in steps:
        moved = {new: origins.pop(old, old) for old, new in step.files.items()}
        origins.update(moved)
    return origins


def _named(template_set: TemplateSet) -> str:
    return f"this one (version {template_set.version})"
