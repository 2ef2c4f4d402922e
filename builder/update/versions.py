"""Whether a set brings a service forward, and by which steps.

A service is made by its set and by all that this extends, each of which has versions of its own.
"""

from __future__ import annotations

from builder.errors import TemplateSetError
from builder.migration import Migration
from builder.record import BaseSet, Record
from builder.template_set import TemplateSet


def steps_between(record: Record, template_set: TemplateSet, where: str) -> tuple[Migration, ...]:
    """The migrations from the versions that made a service to those of today, in order.

    What the others extend comes first: what is built on it was written for what it is today. None
    of a set that had no part in the service, as where it goes over to another. Raises
    TemplateSetError if the service is of a newer version than a set's, or of one that is not
    supported any more.
    """
    steps: list[Migration] = []
    for each, made in reversed(made_by(record, template_set)):
        steps += _steps_of(each, made, where)
    return tuple(steps)


def made_by(record: Record, template_set: TemplateSet) -> tuple[tuple[TemplateSet, int], ...]:
    """The set, and those that it extends, with the version of each that made a service.

    Those that had no part in it are left out, and those of which its record does not tell.
    """
    made = [BaseSet(record.set_name, record.set_version), *record.bases]
    found: list[tuple[TemplateSet, int]] = []
    for each in template_set.lineage:
        before = next((base for base in made if base.name == each.name), None)
        if before is not None:
            # Sets may have the same name: the first is taken for the first then.
            made.remove(before)
            found.append((each, before.version))
    return tuple(found)


def _steps_of(template_set: TemplateSet, made: int, where: str) -> tuple[Migration, ...]:
    now = template_set.version
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
